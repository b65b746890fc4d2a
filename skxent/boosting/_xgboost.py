"""Objectives and metrics in XGBoost's form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skxent.boosting._objective import Metric, Objective, library
from skxent.losses import Loss, as_loss
from skxent.targets import Floats


class XGBoostObjective(Objective):
    """See :func:`xgboost_objective`."""

    def factor(self, n_classes: int) -> float:
        return 2.0

    # XGBoost passes weights to objectives that have a parameter of this very name.
    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> tuple[Floats, Floats]:
        return self.derivatives(*_arguments(y_true, y_pred, sample_weight))


class XGBoostMetric(Metric):
    """See :func:`xgboost_metric`."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        mean = self.mean_loss(*_arguments(y_true, y_pred, sample_weight))
        return (self.__name__, mean) if hasattr(y_pred, "get_label") else mean


def _arguments(first: Any, second: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
    """y, raw prediction and weights, from (y, raw) or from train's (raw, DMatrix)."""
    if not hasattr(second, "get_label"):
        return first, second, sample_weight
    weights = second.get_weight()
    return second.get_label(), first, weights if weights.size else None


def xgboost_objective(
    loss: str | Loss,
    *,
    hessian: str = "clip",
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    soft_labels: ArrayLike | None = None,
    n_threads: int | None = None,
) -> XGBoostObjective:
    r"""A loss as XGBoost's objective, for two or more classes.

    For ``XGBClassifier(objective=...)``, and for ``xgboost.train(obj=...)``. With
    cross-entropy it is ``binary:logistic`` or ``multi:softprob``, whose Hessian has the
    factor 2: :math:`h_k = 2 p_k (1 - p_k)`.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    hessian : {"clip", "exact", "psd"}, default="clip"
        What to do with negative second derivatives, which a loss that is not convex
        has and of which XGBoost makes no split. "clip" takes max(h, 1e-16). "psd" takes
        max(φ'', -p φ') for φ'' in the whole Hessian, the curvature of a cross-entropy
        of the same gradient: shorter steps. "exact" leaves them.
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        ``scale_pos_weight`` has no effect on custom objectives.
    label_smoothing : float in [0, 1), default=0
    soft_labels : array-like of shape (n, K), default=None
        Rows that sum to one. y then holds row numbers of this table in place of
        classes, ``np.arange(n)`` for all. XGBClassifier refuses such a y: use
        ``XGBRegressor``, with ``num_class=K`` for K > 2.
    n_threads : int, default=None
        Threads of the objective; None is all that OpenMP may use.

    Returns
    -------
    XGBoostObjective
        A picklable callable: (y, raw prediction[, sample_weight]) or (raw prediction,
        DMatrix) to gradient and Hessian, in nats. Its ``init_score(y, sample_weight)``
        is the margin to start from, which XGBoost does not choose for a custom
        objective: ``fit(base_margin=np.full(n, start))``, for K > 2
        ``np.tile(start, (n, 1))``; then the same to predict. For two classes base_score
        does it once and for all: ``XGBClassifier(base_score=expit(start))``.
        Its ``predict_proba(margins)`` are class probabilities.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

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
    return XGBoostObjective(
        as_loss(loss),
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        soft_labels=soft_labels,
        n_threads=n_threads,
        hessian=hessian,
    )


def xgboost_metric(
    loss: str | Loss,
    *,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    soft_labels: ArrayLike | None = None,
    n_threads: int | None = None,
) -> XGBoostMetric:
    """A loss as XGBoost's metric: its mean over all weights, in nats.

    For ``XGBClassifier(eval_metric=...)`` with an objective of
    :func:`xgboost_objective`, and ``xgboost.train(custom_metric=...)``; XGBoost
    minimises it, for early stopping too. It reads margins: beside a built-in objective
    XGBoost would pass probabilities.

    Parameters are those of :func:`xgboost_objective`.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import xgboost_metric
    >>> from skxent.losses import CrossEntropy
    >>> metric = xgboost_metric(CrossEntropy())
    >>> round(metric(np.array([0, 1]), np.array([0.0, 0.0])), 6)
    0.693147
    """
    return XGBoostMetric(
        as_loss(loss),
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        soft_labels=soft_labels,
        n_threads=n_threads,
    )


def margins(model: Any, X: Any, init_score: Any) -> Floats:
    """Raw prediction of an XGBModel or Booster, on top of a start value."""
    start = None
    if init_score is not None:
        start = np.broadcast_to(init_score, (X.shape[0], *np.shape(init_score))).copy()
    if not isinstance(model, library("xgboost").Booster):
        raw: Floats = model.predict(X, output_margin=True, base_margin=start)
        return raw
    # Unlike the estimators, a Booster uses all trees unless told.
    best = getattr(model, "best_iteration", None)
    found: Floats = model.inplace_predict(
        X,
        predict_type="margin",
        base_margin=start,
        iteration_range=(0, 0 if best is None else best + 1),
    )
    return found
