"""LightGBM's classifier with any loss."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from skxent.boosting._classifier import LossBoostingClassifier
from skxent.boosting._evaluation import (
    ProbabilityMetric,
    of_probabilities,
    weights_of,
)
from skxent.boosting._fit import Fit
from skxent.boosting._lgbm_stopping import early_stopping, without
from skxent.boosting._library import library
from skxent.boosting._lightgbm import LightGBMMetric, LightGBMObjective
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats

ROUNDS = (
    "early_stopping_round",
    "early_stopping_rounds",
    "early_stopping",
    "n_iter_no_change",
)
NO_METRICS = ("", "none", "None", "null", "na", "custom")
# Metrics that a monotone link does not change, which LightGBM computes of margins: for
# two classes and for more.
OF_MARGINS = ("auc", "average_precision"), ("auc_mu", "multi_error")
# Metrics of probabilities, and their other names.
OF_PROBABILITIES = {
    "binary_logloss": ("binary",),
    "multi_logloss": ("multiclass", "softmax"),
    "cross_entropy": ("xentropy",),
    "binary_error": (),
}


@documented()
@dataclass(eq=False, repr=False)
class LGBMLossClassifier(LossBoostingClassifier):
    """LightGBM with any loss, in the place of an LGBMClassifier.

    Boosting starts at the loss's best constant, and the probabilities are class
    probabilities. ``loss="cross_entropy"`` is LGBMClassifier.

    Parameters
    ----------
    estimator : LGBMClassifier, default=None
        Holds all parameters of trees and training: constraints, metric and
        early_stopping_round among them. It may have been fitted, and is not changed.
        None: LightGBM's defaults. class_weight, is_unbalance and scale_pos_weight are
        refused: use `class_weight`. With ``boost_from_average=False`` or
        ``linear_tree=True`` boosting starts at zero.
    {parameters}

    Attributes
    ----------
    estimator_ : fitted LGBMClassifier
        Its margins are those of this classifier; its labels are 0..K-1. None where
        LightGBM finds no column that it could split: the rows are fewer than
        min_child_samples allows, say.
    booster_ : lightgbm.Booster
        For plot_importance, plot_tree, SHAP and save_model.
    best_iteration_ : int
        The iteration that early stopping found, where the first is 1, as in LightGBM.
    best_score_ : dict of set to dict of metric to float
        The metrics at the best iteration.
    evals_result_ : dict of set to dict of metric to list
        The metrics after every tree.
    init_score_ : float, or ndarray of shape (K,) for K > 2
        The margin from which boosting started. As in LightGBM, the first tree of each
        class has it in its leaves.
    n_estimators_ : int
        The number of iterations, cut by early stopping.
    feature_name_ : list of str
        The names of the columns in the booster.
    {attributes}

    See Also
    --------
    lightgbm_objective : The loss as an objective of LightGBM's own classes.
    XGBLossClassifier, CatBoostLossClassifier : The same with other libraries.

    Notes
    -----
    As in LightGBM, early stopping ends the training as soon as one of the metrics does
    not improve, or with ``first_metric_only=True`` the first.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import LGBMLossClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LGBMLossClassifier("poly1", estimator=LGBMClassifier(verbosity=-1))
    >>> model.fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    objective_class = LightGBMObjective
    metric_class = LightGBMMetric
    metric_names = ("metric", "metrics")
    built_in = ("binary", "multiclass", "softmax", "cross_entropy", "xentropy")
    cross_entropy = ("binary", "multiclass")
    outputs = ("raw_score", "pred_leaf", "pred_contrib")
    refused: ClassVar[dict[str, Any]] = {
        "class_weight": ((None,), "Use class_weight of {cls}."),
        "is_unbalance": ((None, False), 'Use class_weight="balanced" of {cls}.'),
        "unbalance": ((None, False), 'Use class_weight="balanced" of {cls}.'),
        "scale_pos_weight": ((None, 1), "Use class_weight of {cls}."),
    }
    refused_in_fit: ClassVar[dict[str, str]] = {
        "init_score": "{cls} starts at the loss's best constant.",
        "eval_init_score": "{cls} starts at the loss's best constant.",
        "eval_class_weight": "Give the weights of the rows as eval_sample_weight.",
    }

    def _classifier(self) -> Any:
        return library("lightgbm").LGBMClassifier

    def _starts_at_zero(self, parameters: dict[str, Any], is_built_in: bool) -> bool:
        # The value of a linear leaf cannot be set.
        linear = parameters.get("linear_tree") and not is_built_in
        return bool(linear) or not parameters.get("boost_from_average", True)

    def _train(self, fit: Fit) -> Any:
        parameters = {**fit.parameters, "objective": fit.objective}
        built_in = fit.metric is None
        if not built_in:
            check_boosting(parameters)
        names, functions = self._metrics(fit.metrics, built_in)
        callbacks = fit.callbacks
        loss = "binary_logloss" if len(self.classes_) == 2 else "multi_logloss"
        if fit.metric is not None:
            loss = fit.metric.__name__
        if (names or functions) and loss not in names:
            for name in ROUNDS:
                if (rounds := parameters.get(name)) is not None and rounds > 0:
                    callbacks = [*callbacks, early_stopping(parameters, rounds)]
                    parameters[name] = None
            callbacks = [without(loss, each) for each in callbacks]
            if built_in and names:
                names.append(loss)
        if names or not built_in:
            # Without "none" LightGBM also takes the log loss of the margins as if they
            # were probabilities, and early stopping goes by it.
            parameters["metric"] = names or "none"
        model = self._model(parameters)
        n = len(fit.train.y)
        try:
            model.fit(
                fit.train.X,
                fit.train.y,
                sample_weight=fit.train.sample_weight,
                init_score=None if built_in else fit.starts(n),
                eval_metric=functions if built_in else [*functions, fit.metric],
                callbacks=callbacks or None,
                init_model=fit.init_model,
                **(fit.options | _evaluation_sets(model, fit)),
            )
        except library("lightgbm").basic.LightGBMError as error:
            # No column can be split: built-in objectives then train no tree.
            if "num_features()) > (0)" not in str(error):
                raise
            return None
        if fit.start is not None and not built_in:
            _add_to_first_trees(model.booster_, np.atleast_1d(fit.start))
        return model

    def _metrics(
        self, given: list[Any], is_built_in: bool
    ) -> tuple[list[str], list[Any]]:
        """Return metrics that LightGBM computes, and functions of margins."""
        names: list[str] = []
        functions: list[Any] = []
        by_name = {alias: name for name, a in OF_PROBABILITIES.items() for alias in a}
        # Choose the form for the number of classes, as LGBMClassifier does.
        binary = len(self.classes_) == 2
        kind = "binary" if binary else "multi"
        of_margins, of_others = OF_MARGINS if binary else OF_MARGINS[::-1]
        for what in ("logloss", "error"):
            for form in (what, f"binary_{what}", f"multi_{what}"):
                by_name[form] = f"{kind}_{what}"
        for metric in given:
            name = by_name.get(metric, metric) if isinstance(metric, str) else None
            if name in NO_METRICS:
                continue
            if is_built_in and name not in of_others:
                (functions if name is None else names).append(name or metric)
            elif name is None:
                functions.append(
                    of_probabilities(metric, self.objective_, self.posterior)
                )
            elif name in OF_PROBABILITIES:
                functions.append(
                    ProbabilityMetric(name, self.objective_, self.posterior)
                )
            elif name in of_margins:
                names.append(name)
            else:
                allowed = ", ".join(map(repr, (*of_margins, *OF_PROBABILITIES)))
                raise ValueError(
                    f"eval_metric must be a callable or one of {allowed} for "
                    f"{len(self.classes_)} classes, got {metric!r}."
                )
        return names, functions

    def _margins(self, X: Any, **options: Any) -> Floats:
        if self.estimator_ is None:
            shape = (X.shape[0], *np.shape(self.init_score_))
            return np.broadcast_to(self.init_score_, shape).copy()
        # LGBMClassifier.predict of 4.5 and 4.6 would warn that rows without names have
        # none. It also hands on the estimator's parameters of predictions.
        held = self.estimator_.get_params()
        given = {name: value for name, value in held.items() if "pred" in name}
        options = {"num_threads": self._n_threads or 0, **given, **options}
        raw: Floats = self.booster_.predict(X, raw_score=True, **options)
        return raw


def check_boosting(parameters: dict[str, Any]) -> None:
    """Raise an error for random forests, which do not take custom objectives."""
    for name in ("boosting_type", "boosting", "boost"):
        if parameters.get(name) in ("rf", "random_forest"):
            raise ValueError(
                f"{name} of estimator must be 'gbdt' or 'dart' for this loss, got "
                f"{parameters[name]!r}. LightGBM's random forests train on its own "
                "objectives only."
            )


def _evaluation_sets(model: Any, fit: Fit) -> dict[str, Any]:
    """Return the keywords of LightGBM 4.7 and newer, or of older ones."""
    if not fit.evaluation:
        return {}
    starts = None
    if fit.start is not None and fit.metric is not None:
        starts = [fit.starts(len(rows.y)) for rows in fit.evaluation]
    names = fit.options.get("eval_names") or [
        "training" if rows.X is fit.train.X else f"valid_{i}"
        for i, rows in enumerate(fit.evaluation)
    ]
    keywords: dict[str, Any] = {
        "eval_names": names,
        "eval_sample_weight": weights_of(fit.evaluation),
        "eval_init_score": starts,
    }
    if "eval_X" in inspect.signature(model.fit).parameters:
        keywords["eval_X"] = tuple(rows.X for rows in fit.evaluation)
        keywords["eval_y"] = tuple(rows.y for rows in fit.evaluation)
    else:
        keywords["eval_set"] = [(rows.X, rows.y) for rows in fit.evaluation]
    return keywords


def _add_to_first_trees(booster: Any, start: Floats) -> None:
    """Add the start value to the leaves of the first tree of every class.

    LightGBM does the same for its own objectives, which start at the average.
    """
    for tree in booster.dump_model(num_iteration=1)["tree_info"]:
        index = tree["tree_index"]
        for leaf in range(tree["num_leaves"]):
            value = booster.get_leaf_output(index, leaf) + start[index]
            booster.set_leaf_output(index, leaf, value)
