"""CatBoost's classifier with any loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skxent.base.estimator import TrainingData
from skxent.boosting._cat_predictions import CatBoostPredictions
from skxent.boosting._catboost import CatBoostMetric, CatBoostObjective
from skxent.boosting._classifier import LossBoostingClassifier
from skxent.boosting._fit import Fit
from skxent.boosting._library import library
from skxent.boosting._pools import (
    check_class_names,
    has_features,
    is_pool,
    names_of_classes,
    with_baseline,
)
from skxent.boosting._tables import as_frame, categories, with_int32
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats

FEATURES = ("cat_features", "text_features", "embedding_features")
# Parameters of output to the screen or files. CatBoost refuses two of one meaning.
OUTPUT = (
    "verbose",
    "silent",
    "logging_level",
    "verbose_eval",
    "metric_period",
    "allow_writing_files",
    "train_dir",
    "save_snapshot",
    "snapshot_file",
    "snapshot_interval",
    "custom_metric",
)


@documented()
@dataclass(eq=False, repr=False)
class CatBoostLossClassifier(CatBoostPredictions, LossBoostingClassifier):
    """CatBoost with any loss, in the place of a CatBoostClassifier.

    The labels may be of any type, and the probabilities are class probabilities.
    ``loss="cross_entropy"`` is CatBoostClassifier.

    Parameters
    ----------
    estimator : CatBoostClassifier, default=None
        Holds all parameters of trees and training: cat_features, constraints,
        eval_metric and early_stopping_rounds among them. It may have been fitted, and
        is not changed. None: CatBoost's defaults, without output and files.
        class_weights, auto_class_weights and scale_pos_weight are refused: use
        `class_weight`. As in CatBoost boosting starts at zero, unless
        ``boost_from_average=True``: then at the loss's best constant.
    {parameters}

    Attributes
    ----------
    estimator_ : fitted CatBoostClassifier
        Its margins are those of this classifier; its probabilities are the softmax.
        Its labels are those of y if they are integers or strings, else 0..K-1.
    booster_ : fitted CatBoostClassifier
        The same: CatBoost has no other object for plots, SHAP and save_model.
    best_iteration_ : int
        The best iteration on the evaluation sets, where the first is 0, as in CatBoost.
    best_score_ : dict of set to dict of metric to float
        The metrics at the best iteration.
    evals_result_ : dict of set to dict of metric to list
        The metrics after every tree. "Logloss" and "MultiClass" are of the softmax.
    init_score_ : float, or ndarray of shape (K,) for K > 2
        The margin from which boosting started. The model has it as its bias.
    tree_count_ : int
        The number of trees.
    feature_names_ : list of str
        The names of the columns in the model.
    {attributes}

    See Also
    --------
    catboost_objective : The loss as an objective of CatBoost's own classes.
    XGBLossClassifier, LGBMLossClassifier : The same with other libraries.

    Notes
    -----
    CatBoost takes one metric as an object: one in `eval_metric` replaces the loss, by a
    name or a callable of CatBoost's form, and further names are its custom_metric. A
    callable gets margins. More than two classes are slow, since CatBoost calls Python
    for every row, and GPUs do not train on custom objectives.

    CatBoost 1.2 continues a model of more than two classes only once, and not one that
    was loaded, unpickled, copied or cut at its best iteration.

    Columns of categories in a DataFrame become cat_features, with missing values as the
    category "nan". Pass cat_features by name: the third argument of `fit` is
    sample_weight, as in scikit-learn. With cat_features, text_features or
    embedding_features arrays are read as objects.

    Examples
    --------
    >>> from catboost import CatBoostClassifier
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skxent.boosting import CatBoostLossClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> trees = CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False)
    >>> model = CatBoostLossClassifier("poly1", estimator=trees)
    >>> model.fit(X, y).predict_proba(X).shape
    (569, 2)
    """

    objective_class = CatBoostObjective
    metric_class = CatBoostMetric
    objective_names = ("loss_function", "objective")
    metric_names = ("eval_metric",)
    reads_margins = True
    threads_name = "thread_count"
    count_names = ("classes_count",)
    built_in = ("Logloss", "CrossEntropy", "MultiClass")
    cross_entropy = ("Logloss", "MultiClass")
    refused: ClassVar[dict[str, Any]] = {
        "class_weights": ((None,), "Use class_weight of {cls}."),
        "auto_class_weights": ((None,), 'Use class_weight="balanced" of {cls}.'),
        "scale_pos_weight": ((None, 1), "Use class_weight of {cls}."),
    }
    refused_in_fit: ClassVar[dict[str, str]] = {
        "baseline": "Set boost_from_average of estimator."
    }

    @property
    def booster_(self) -> Any:
        """The fitted CatBoostClassifier."""
        check_is_fitted(self)
        return self.estimator_

    def _classifier(self) -> Any:
        return library("catboost").CatBoostClassifier

    def _defaults(self) -> dict[str, Any]:
        return {"verbose": False, "allow_writing_files": False}

    def _starts_at_zero(self, parameters: dict[str, Any], is_built_in: bool) -> bool:
        return not parameters.get("boost_from_average")

    def _read(self, X: Any, y: Any, options: dict[str, Any]) -> tuple[Any, Any]:
        given = self.estimator.get_params(deep=False) if self.estimator else {}
        self._reads_objects = any(
            options.get(name) is not None or given.get(name) is not None
            for name in FEATURES
        ) or (is_pool(X) and has_features(X))
        return super()._read(X, y, options)

    def _reads_text(self) -> bool:
        # A fitted model reads the texts of its categories, as CatBoost does.
        return bool(self._reads_objects) or (
            self.is_fitted() and has_features(self.estimator_)
        )

    def _validate(self, X: Any, **fit: Any) -> Any:
        if is_pool(X):
            return self._validate_pool(X, **fit)
        frame = as_frame(X, self._reads_text())
        for place in () if frame is None else categories(frame):
            read = _as_category(frame.iloc[:, place])
            if read is not frame.iloc[:, place]:
                frame = frame.copy(deep=False)
                frame.isetitem(place, read)
        valid = super()._validate(X if frame is None else frame, **fit)
        return (with_int32(valid[0]), *valid[1:]) if fit else with_int32(valid)

    def _train(self, fit: Fit) -> Any:
        if len(fit.metrics) > 1:
            raise ValueError(
                f"eval_metric must be one metric for CatBoost, got {fit.metrics}. Give "
                "further ones to estimator as custom_metric."
            )
        parameters = dict(fit.parameters)
        parameters.pop("boost_from_average", None)
        options = dict(fit.options)
        features = {name: parameters.get(name) for name in FEATURES}
        for name in FEATURES:
            given = options.pop(name, None)
            if given is not None and features[name] not in (None, given):
                raise ValueError(
                    f"{name} must be that of estimator, {features[name]}, or given to "
                    f"one of the two, got {given}."
                )
            features[name] = given if features[name] is None else features[name]
        frame = fit.train.X
        if features["cat_features"] is None and hasattr(frame, "dtypes"):
            features["cat_features"] = categories(frame) or None
        features = {name: v for name, v in features.items() if v is not None}
        moved = np.any(fit.start) if fit.start is not None else False

        names = names_of_classes(self.classes_, is_pool(frame))
        check_class_names(parameters.pop("class_names", None), names)
        labels = np.asarray(names)

        def pool(rows: TrainingData) -> Any:
            baseline = fit.starts(len(rows.y)) if moved else None
            if is_pool(rows.X):
                return with_baseline(rows.X, baseline)
            return library("catboost").Pool(
                rows.X,
                labels[rows.y],
                weight=rows.sample_weight,
                baseline=baseline,
                **features,
            )

        train = pool(fit.train)
        evaluation = [pool(rows) for rows in fit.evaluation] or None
        parameters |= features
        if fit.metric is not None:
            data = parameters | {"class_names": names}
            parameters |= self._automatic(data, train, evaluation)
        model = self._model(
            {
                **parameters,
                "loss_function": fit.objective,
                "eval_metric": fit.metrics[0] if fit.metrics else fit.metric,
                "class_names": names,
            }
        )
        model.fit(
            train,
            eval_set=evaluation,
            init_model=fit.init_model,
            callbacks=fit.callbacks or None,
            **options,
        )
        if moved:
            model.set_scale_and_bias(1.0, np.asarray(fit.start).tolist())
        elif hasattr(fit.init_model, "tree_count_"):
            model.set_scale_and_bias(*fit.init_model.get_scale_and_bias())
        return model

    def _automatic(
        self, parameters: dict[str, Any], train: Any, evaluation: Any
    ) -> dict[str, Any]:
        """Return what CatBoost chooses by the data for its own objectives only.

        A built-in model tells it after its first tree.
        """
        if parameters.get("learning_rate", parameters.get("eta")) is not None:
            return {}
        quiet = {"verbose": False, "allow_writing_files": False}
        given = {k: v for k, v in parameters.items() if k not in OUTPUT}
        name = "Logloss" if len(self.classes_) == 2 else "MultiClass"
        model = self._classifier()(**{**given, **quiet, "loss_function": name})
        model.fit(train, eval_set=evaluation, callbacks=[_FirstTree()])
        chosen = model.get_all_params()
        names = ("learning_rate", "bootstrap_type", "bagging_temperature")
        return {k: chosen[k] for k in names if k in chosen and k not in parameters}

    def _margins(self, X: Any, **options: Any) -> Floats:
        raw: Floats = self.estimator_.predict(
            X, prediction_type="RawFormulaVal", **options
        )
        return raw


class _FirstTree:
    """A callback that ends the training."""

    def after_iteration(self, info: Any) -> bool:
        """Return False: no further trees."""
        return False


def _as_category(column: Any) -> Any:
    """Return a column of categories that are integers or strings, none missing."""
    floats = getattr(column.cat.categories.dtype, "kind", "") == "f"
    if not floats and not column.isna().any():
        return column
    values = [
        "nan" if missing else (str(v) if floats else v)
        for v, missing in zip(column.astype(object), column.isna(), strict=True)
    ]
    plain = type(column)(values, index=column.index, name=column.name, dtype=object)
    return plain.astype("category")
