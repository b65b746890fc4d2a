"""XGBoost's form of objectives and metrics, and its margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from skxent.boosting._library import library, starts
from skxent.boosting._loss import BoosterFunction
from skxent.boosting._objective import (
    BoosterMetric,
    BoosterObjective,
    MetricKeywords,
    ObjectiveKeywords,
)
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._options import takes


class CalledByXGBoost(BoosterFunction):
    """An objective in XGBoost's form."""

    made_for = "xgboost"
    n_classes_parameter = "num_class"
    derivatives: Callable[..., tuple[Floats, Floats]]

    def factor(self, n_classes: int) -> float:
        """Return 2, XGBoost's factor of the Hessian of softmax."""
        return 2.0

    # XGBoost passes weights to objectives that have a parameter of this very name.
    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[Floats, Floats]:
        """Return gradient and Hessian."""
        return self.derivatives(*self.arguments(y_true, y_pred, sample_weight))


class XGBoostObjective(CalledByXGBoost, BoosterObjective):
    """See :func:`xgboost_objective`."""


class XGBoostMetric(BoosterMetric):
    """See :func:`xgboost_metric`."""

    made_for = "xgboost"
    n_classes_parameter = "num_class"

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the mean loss, for `xgboost.train` with its name."""
        mean = self.mean_loss(*self.arguments(y_true, y_pred, sample_weight))
        return (self.__name__, mean) if hasattr(y_pred, "get_label") else mean


@takes(ObjectiveKeywords, BoosterObjective)
def xgboost_objective(
    loss: str | Loss, **keywords: Unpack[ObjectiveKeywords]
) -> XGBoostObjective:
    r"""Make a loss an objective of XGBoost, for two or more classes.

    For ``XGBClassifier(objective=...)``, and for ``xgboost.train(obj=...)``. With
    cross-entropy it is ``binary:logistic`` or ``multi:softprob``, whose Hessian has the
    factor 2: :math:`h_k = 2 p_k (1 - p_k)`.

    Parameters
    ----------
    {loss}
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        ``scale_pos_weight`` has no effect on custom objectives.
    soft_labels : array-like of shape (n, K), default=None
        Rows that sum to one. y then holds row numbers of this table instead of
        classes: ``np.arange(n)`` for all rows. XGBClassifier refuses such a y: use
        ``XGBRegressor``, with ``num_class=K`` for K > 2.
    {keywords}

    Returns
    -------
    XGBoostObjective
        A picklable callable, from (y, raw prediction[, sample_weight]) or (raw
        prediction, DMatrix) to gradient and Hessian, in nats. XGBoost chooses no start
        for a custom objective; ``init_score(y, sample_weight)`` returns the best. Pass
        ``fit(base_margin=np.full(n, start))``, or ``np.tile(start, (n, 1))`` for K > 2,
        and the same to predict. For two classes ``XGBClassifier(base_score=
        expit(start))`` does both. ``predict_proba(margins)`` returns class
        probabilities.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    xgboost_metric : The metric of the same loss.
    predict_proba : Class probabilities of the trained model.
    XGBLossClassifier : An estimator that does all of this.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import xgboost_objective
    >>> from skxent.losses import Focal
    >>> objective = xgboost_objective(Focal(2.0))
    >>> gradient, hessian = objective(np.array([0, 1]), np.array([0.5, 0.5]))
    >>> gradient.round(3)
    array([ 0.526, -0.138])
    """
    return XGBoostObjective(as_loss(loss), **keywords)


@documented(xgboost_objective)
@takes(MetricKeywords, BoosterMetric)
def xgboost_metric(
    loss: str | Loss, **keywords: Unpack[MetricKeywords]
) -> XGBoostMetric:
    """Make a loss a metric of XGBoost: its mean over all weights, in nats.

    For ``XGBClassifier(eval_metric=...)`` with an objective of
    :func:`xgboost_objective`, and ``xgboost.train(custom_metric=...)``. XGBoost
    minimises it, also for early stopping. It reads margins: together with a built-in
    objective XGBoost would pass probabilities.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    XGBoostMetric
        A picklable callable.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    xgboost_objective : The objective of the same loss.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import xgboost_metric
    >>> from skxent.losses import CrossEntropy
    >>> metric = xgboost_metric(CrossEntropy())
    >>> round(metric(np.array([0, 1]), np.array([0.0, 0.0])), 6)
    0.693147
    """
    return XGBoostMetric(as_loss(loss), **keywords)


def margins(
    model: Any, X: Any, init_score: Any, missing: float | None = None
) -> Floats:
    """Return the raw prediction of an XGBModel or Booster, on top of a start value."""
    xgboost = library("xgboost")
    is_booster = isinstance(model, xgboost.Booster)
    is_matrix = isinstance(X, xgboost.DMatrix)
    if missing is not None and (is_matrix or not is_booster):
        owner = "a DMatrix" if is_matrix else f"a fitted {type(model).__name__}"
        raise ValueError(
            f"missing must be None for {owner}, which knows its own, got {missing}."
        )
    X = np.asarray(X) if isinstance(X, list) else X
    n = X.num_row() if is_matrix else X.shape[0]
    booster = model if is_booster else model.get_booster()
    start = None
    if init_score is not None or not n:
        # Predict a row of missing values to learn the shape of the margins.
        row = np.full((1, booster.num_features()), np.nan, dtype=np.float32)
        shape = (n, *_margins_of_rows(booster, row).shape[1:])
        start = None if init_score is None else starts(init_score, shape)
        if not n:
            return np.empty(shape, dtype=np.float32)
    if is_matrix:
        return _margins_of_matrix(booster, X, start)
    if is_booster:
        return _margins_of_rows(
            booster, X, start, np.nan if missing is None else missing
        )
    raw: Floats = model.predict(X, output_margin=True, base_margin=start)
    return raw


def _rounds(booster: Any) -> tuple[int, int]:
    """Return the trees up to the best: unless told, a Booster uses all of them."""
    best = getattr(booster, "best_iteration", None)
    return 0, 0 if best is None else best + 1


def _margins_of_rows(
    booster: Any, X: Any, start: Floats | None = None, missing: float = np.nan
) -> Floats:
    xgboost = library("xgboost")
    try:
        raw: Floats = booster.inplace_predict(
            X,
            predict_type="margin",
            missing=missing,
            base_margin=start,
            iteration_range=_rounds(booster),
        )
    except xgboost.core.XGBoostError:
        # Linear boosters predict only from a DMatrix, and it must have the names.
        names = None if hasattr(X, "columns") else booster.feature_names
        data = xgboost.DMatrix(
            X, missing=missing, base_margin=start, feature_names=names
        )
        return _margins_of_matrix(booster, data, None)
    return raw


def _margins_of_matrix(booster: Any, data: Any, start: Floats | None) -> Floats:
    if start is not None:
        if data.get_base_margin().size:
            raise ValueError(
                "init_score must be None for a DMatrix that has a base_margin, which "
                "XGBoost adds, got both."
            )
        # Not every DMatrix can be copied.
        data.set_base_margin(start)
    try:
        raw: Floats = booster.predict(
            data, output_margin=True, iteration_range=_rounds(booster)
        )
    finally:
        if start is not None:
            data.set_base_margin(np.empty(0, dtype=np.float32))
    return raw
