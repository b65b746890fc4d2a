"""Classifiers that train a booster with focal loss and predict class probabilities."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import numpy as np

from skxent.base.estimator import TrainingData
from skxent.boosting import _lightgbm, _xgboost
from skxent.boosting._classifier import FocalBoostingClassifier
from skxent.boosting._library import library
from skxent.boosting._objective import BoosterMetric, BoosterObjective
from skxent.kernels.arrays import Floats


class FocalXGBClassifier(FocalBoostingClassifier):
    """XGBoost with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is XGBClassifier.
        A dict is of label to number: for each class its own.
    estimator : XGBClassifier, default=None
        Holds all parameters of trees and training, early_stopping_rounds among them;
        None: XGBoost's defaults. Its objective, eval_metric, base_score and
        scale_pos_weight have no use here.
    class_weight : dict of label to weight or "balanced", default=None
        Moves the decision; with ``posterior=True``, not the probabilities.
    label_smoothing : float in [0, 1), default=0.0
    posterior : bool, default=True
        predict_proba returns the class probabilities that a minimiser of the loss
        implies, with focal loss, label smoothing and class weights undone. False: the
        softmax of the margins.
    hessian : {"clip", "exact", "psd"}, default="clip"
        See :func:`xgboost_objective`.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    estimator_ : fitted XGBClassifier
        Its margins leave out `init_score_`, which it was given as base_margin.
    init_score_ : float, or ndarray of shape (K,) for K > 2
    objective_ : XGBoostObjective
    trained_loss_ : TrainedLoss
        What the posterior undoes, a named tuple: loss, class_weight (ndarray of shape
        (K,), or None), label_smoothing.
    feature_importances_ : ndarray of shape (d,)
        Those of `estimator_`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (d,), if X has column names

    See Also
    --------
    xgboost_objective : any loss, as an objective of XGBoost's own classes
    FocalLGBMClassifier : the same with LightGBM

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import FocalXGBClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> FocalXGBClassifier().fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    objective_class: ClassVar[type[BoosterObjective]] = _xgboost.XGBoostObjective
    metric_class: ClassVar[type[BoosterMetric]] = _xgboost.XGBoostMetric
    reserved: ClassVar[tuple[str, ...]] = (
        "objective",
        "eval_metric",
        "base_score",
        "scale_pos_weight",
    )

    def _classifier(self) -> Any:
        return library("xgboost").XGBClassifier

    def _train(
        self,
        model: Any,
        metric: BoosterMetric,
        train: TrainingData,
        evaluation: list[TrainingData],
    ) -> Any:
        model.set_params(objective=self.objective_, eval_metric=metric)
        return model.fit(
            train.X,
            train.y,
            sample_weight=train.sample_weight,
            base_margin=self._start(len(train.y)),
            eval_set=[(X, y) for X, y, _ in evaluation] or None,
            sample_weight_eval_set=_weights(evaluation),
            base_margin_eval_set=self._starts(evaluation),
            verbose=False,
        )

    def _margins(self, X: Any) -> Floats:
        margins: Floats = self.estimator_.predict(
            X, output_margin=True, base_margin=self._start(X.shape[0])
        )
        return margins


class FocalLGBMClassifier(FocalBoostingClassifier):
    """LightGBM with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is LGBMClassifier.
        See :class:`FocalXGBClassifier`.
    estimator : LGBMClassifier, default=None
        Holds all parameters of trees and training, early_stopping_round among them;
        None: LightGBM's defaults. Its objective, metric, class_weight, is_unbalance and
        scale_pos_weight have no use here.
    class_weight, label_smoothing, posterior
        See :class:`FocalXGBClassifier`.
    hessian : {"clip", "exact", "psd"}, default="clip"
        See :func:`lightgbm_objective`.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    estimator_ : fitted LGBMClassifier
        Its margins leave out `init_score_`. None where LightGBM finds no column that it
        could split: the rows are fewer than min_child_samples allows, say.
    init_score_ : float, or ndarray of shape (K,) for K > 2
    objective_ : LightGBMObjective
    trained_loss_, feature_importances_, n_features_in_, feature_names_in_
        See :class:`FocalXGBClassifier`.

    See Also
    --------
    lightgbm_objective : any loss, as an objective of LightGBM's own classes
    FocalXGBClassifier : the same with XGBoost

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import FocalLGBMClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> FocalLGBMClassifier().fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    objective_class: ClassVar[type[BoosterObjective]] = _lightgbm.LightGBMObjective
    metric_class: ClassVar[type[BoosterMetric]] = _lightgbm.LightGBMMetric
    reserved: ClassVar[tuple[str, ...]] = (
        "objective",
        "metric",
        "class_weight",
        "is_unbalance",
        "scale_pos_weight",
    )

    def _classifier(self) -> Any:
        return library("lightgbm").LGBMClassifier

    def _train(
        self,
        model: Any,
        metric: BoosterMetric,
        train: TrainingData,
        evaluation: list[TrainingData],
    ) -> Any:
        # Without this LightGBM also takes the log loss of the margins as if they were
        # probabilities, and early stopping goes by it.
        model.set_params(objective=self.objective_, metric="none")
        try:
            return model.fit(
                train.X,
                train.y,
                sample_weight=train.sample_weight,
                init_score=self._start(len(train.y)),
                **_evaluation_sets(model, evaluation),
                eval_sample_weight=_weights(evaluation),
                eval_init_score=self._starts(evaluation),
                eval_metric=metric,
            )
        except library("lightgbm").basic.LightGBMError as error:
            # No column can be split: built-in objectives then train no tree.
            if "num_features()) > (0)" not in str(error):
                raise
            return None

    def _margins(self, X: Any) -> Floats:
        if self.estimator_ is None:
            return self._start(X.shape[0])
        return _lightgbm.margins(self.estimator_, X, self.init_score_)


def _weights(evaluation: list[TrainingData]) -> list[Any] | None:
    """Return sample weights of the evaluation sets, ones if only others have some."""
    if all(weights is None for *_, weights in evaluation):
        return None
    return [np.ones(len(y)) if w is None else w for _, y, w in evaluation]


def _evaluation_sets(model: Any, evaluation: list[TrainingData]) -> dict[str, Any]:
    """Return the keywords of LightGBM 4.7 and newer, or of older ones."""
    if not evaluation:
        return {}
    if "eval_X" in inspect.signature(model.fit).parameters:
        return {
            "eval_X": tuple(X for X, *_ in evaluation),
            "eval_y": tuple(y for _, y, _ in evaluation),
        }
    return {"eval_set": [(X, y) for X, y, _ in evaluation]}
