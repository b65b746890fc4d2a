"""CatBoost's form of objectives and metrics, which it maximises, and its margins.

The classes have `no_jit`. Without it CatBoost would have numba compile their methods,
which fails with warnings, and would keep what was compiled in the objects.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from skxent.boosting._library import starts
from skxent.boosting._objective import (
    BoosterMetric,
    BoosterObjective,
    MetricKeywords,
    ObjectiveKeywords,
    weighted_evenly,
)
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._options import takes


class CatBoostObjective(BoosterObjective):
    """See :func:`catboost_objective`."""

    no_jit = True
    made_for = "catboost"
    n_classes_parameter = "classes_count or class_names"

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Any:
        """Return the derivatives of minus the loss for two classes: (n, 2)."""
        gradient, hessian = self.derivatives(targets, approxes, weights)
        return np.column_stack([-gradient, -hessian])

    def calc_ders_multi(self, approxes: Any, target: Any, weight: Any) -> Any:
        """Return gradient (K,) and Hessian (K, K) of minus the loss of one row."""
        z = np.array(approxes, dtype=np.float64)[np.newaxis]
        n_classes = z.shape[1]
        unweighted = None if self.even else [weight]
        row = self.target([target], n_classes, unweighted, z.dtype)
        gradient, matrix = np.empty_like(z), np.empty((1, n_classes**2))
        self.loss.evaluate(
            z,
            row,
            gradient=gradient,
            matrix=matrix,
            psd=self.hessian != "exact",
            n_threads=1,
        )
        if self.even:
            gradient = weighted_evenly(gradient, [weight]).astype(np.float64)
            matrix = weighted_evenly(matrix, [weight]).astype(np.float64)
        return -gradient[0], -matrix.reshape(n_classes, n_classes)


class CatBoostMetric(BoosterMetric):
    """See :func:`catboost_metric`."""

    no_jit = True
    made_for = "catboost"
    n_classes_parameter = "classes_count or class_names"

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """Return the sums of weighted losses and of weights."""
        raw = approxes[0] if len(approxes) == 1 else np.column_stack(approxes)
        value, rows = self.losses(target, raw, weight)
        return float(value.sum(dtype=np.float64)), rows.total_weight()

    def get_final_error(self, error: float, weight: float) -> float:
        """Return the mean loss from the two sums."""
        return error / weight

    def is_max_optimal(self) -> bool:
        """Return False: less is better."""
        return False


@takes(ObjectiveKeywords, BoosterObjective)
def catboost_objective(
    loss: str | Loss, **keywords: Unpack[ObjectiveKeywords]
) -> CatBoostObjective:
    """Make a loss an objective of CatBoost, for two or more classes.

    For ``CatBoostClassifier(loss_function=..., eval_metric=catboost_metric(loss),
    class_names=(0, 1))``. CatBoost requires a metric. Without class_names, labels must
    be 0..K-1, more than two classes need ``classes_count=K``, and CatBoost's `predict`
    raises IndexError. class_names must be a tuple: scikit-learn cannot clone a
    classifier that has a list. With cross-entropy the objective is ``Logloss`` or
    ``MultiClass``.

    More than two classes are slow: CatBoost calls Python for every row.

    Parameters
    ----------
    {loss}
    hessian : {"clip", "exact", "psd"}, default="clip"
        Treatment of negative second derivatives, which losses that are not convex have
        and which make CatBoost step uphill. "clip": max(h, 1e-16) for two classes.
        "psd": put max(φ'', -p φ') in place of φ'', which is the curvature of a
        cross-entropy with the same gradient. More classes have a whole matrix, for
        which "clip" is "psd". "exact": none.
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        Undone by ``predict_proba``. CatBoost's own class_weights and auto_class_weights
        reach the objective too, as sample weights, and are not undone.
    soft_labels : array-like of shape (n, K), default=None
        Rows that sum to one. y then holds row numbers of this table instead of
        classes. For two classes only, and in a ``CatBoostRegressor``.
    {keywords}

    Returns
    -------
    CatBoostObjective
        A picklable object with the methods that CatBoost calls. CatBoost starts at
        zero; ``init_score(y, sample_weight)`` returns the best start. Pass
        ``Pool(X, y, baseline=np.full(n, start))``, (n, K) for K > 2, and add it to
        CatBoost's predictions, which leave it out. ``predict_proba(margins)`` returns
        class probabilities.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    catboost_metric : The metric of the same loss.
    predict_proba : Class probabilities of the trained model.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import catboost_objective
    >>> from skxent.losses import CrossEntropy
    >>> objective = catboost_objective(CrossEntropy())
    >>> objective.calc_ders_range(np.zeros(2), np.array([0.0, 1.0]), None)
    array([[-0.5 , -0.25],
           [ 0.5 , -0.25]])
    """
    return CatBoostObjective(as_loss(loss), **keywords)


@documented(catboost_objective)
@takes(MetricKeywords, BoosterMetric)
def catboost_metric(
    loss: str | Loss, **keywords: Unpack[MetricKeywords]
) -> CatBoostMetric:
    """Make a loss a metric of CatBoost: its mean over all weights, in nats.

    For ``CatBoostClassifier(eval_metric=...)``, with any objective: CatBoost always
    passes margins.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    CatBoostMetric
        A picklable object with the methods that CatBoost calls.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    catboost_objective : The objective of the same loss.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import catboost_metric
    >>> from skxent.losses import CrossEntropy
    >>> metric = catboost_metric(CrossEntropy())
    >>> total, weight = metric.evaluate((np.zeros(2),), np.array([0.0, 1.0]), None)
    >>> round(metric.get_final_error(total, weight), 6)
    0.693147
    """
    return CatBoostMetric(as_loss(loss), **keywords)


def margins(model: Any, X: Any, init_score: Any) -> Floats:
    """Return the raw prediction of a CatBoost model, on top of a start value."""
    raw: Floats = model.predict(X, prediction_type="RawFormulaVal")
    if init_score is None:
        return raw
    if hasattr(X, "get_baseline") and np.size(X.get_baseline()):
        raise ValueError(
            "init_score must be None for a Pool that has a baseline, which CatBoost "
            "adds, got both."
        )
    return raw + starts(init_score, raw.shape)
