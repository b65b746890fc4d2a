"""Losses of a set of rows as objectives of XGBoost and LightGBM."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from skxent.boosting._lightgbm import CalledByLightGBM
from skxent.boosting._loss import BoosterFunction
from skxent.boosting._objective import FLOOR
from skxent.boosting._xgboost import CalledByXGBoost
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import MAX_CLASSES, check_codes
from skxent.inputs.weights import check_sample_weight
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option
from skxent.metrics._set_losses import (
    DOMAINS,
    check_set_loss,
    soft_fbeta_loss,
    tversky_loss,
    unified_focal_loss,
)

METRICS: dict[str, Any] = {
    "soft_fbeta": soft_fbeta_loss,
    "tversky": tversky_loss,
    "unified_focal": unified_focal_loss,
}


@dataclass(frozen=True, eq=False)
class SetObjective(BoosterFunction):
    """See :func:`xgboost_set_objective`."""

    loss: str
    parameters: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_option("loss", self.loss, METRICS)
        defaults = signature(METRICS[self.loss]).parameters
        known = {name: defaults[name].default for name in DOMAINS[self.loss]}
        for name in self.parameters.keys() - known:
            raise TypeError(f"{self.loss} has no parameter {name!r}: {list(known)}")
        object.__setattr__(self, "parameters", known | self.parameters)
        check_set_loss(self.loss, **self.parameters)

    @abstractmethod
    def factor(self, n_classes: int) -> float:
        """Return the library's factor of the Hessian for more than two classes."""

    def init_score(self, y: Any, sample_weight: Any = None) -> Any:
        """Return the log-odds, or for K > 2 the logarithms, of the class frequencies.

        The constant of least loss would be the class of all rows.
        """
        y = np.asarray(y)
        codes = check_codes(y, MAX_CLASSES)
        n = np.bincount(codes, sample_weight, minlength=2)
        log_share = np.log(n / n.sum())
        return float(log_share[1] - log_share[0]) if len(n) == 2 else log_share

    def derivatives(
        self, y: Any, raw_prediction: Any, sample_weight: Any
    ) -> tuple[Floats, Floats]:
        """Return gradient and positive curvature of the loss times the weight sum."""
        z = np.asarray(raw_prediction, dtype=np.float64)
        binary = z.ndim == 1
        p = np.column_stack([expit(-z), expit(z)]) if binary else softmax(z, axis=1)
        codes = check_codes(np.asarray(y), p.shape[1])
        w = check_sample_weight(sample_weight, len(codes))
        w = np.ones(len(codes)) if w is None else w.astype(np.float64)
        slope = self._slope(p, np.eye(p.shape[1])[codes], w)
        gradient = p * (slope - (p * slope).sum(axis=1, keepdims=True))
        hessian = np.abs(gradient) * np.where(gradient < 0, p, 1 - p)
        if binary:
            gradient, hessian = gradient[:, 1], hessian[:, 1]
        else:
            hessian *= self.factor(p.shape[1])
        return gradient, np.maximum(hessian, FLOOR)

    def _slope(self, p: Floats, t: Floats, w: Floats) -> Floats:
        """Return the derivative by the probabilities (n, K), times the weight sum."""
        a = self.parameters
        K, total = p.shape[1], w.sum()
        if self.loss == "soft_fbeta":
            square = a["beta"] ** 2
            alpha, beta = 1 / (1 + square), square / (1 + square)
        elif self.loss == "tversky":
            alpha, beta = a["alpha"], a["beta"]
        else:
            alpha, beta = 1 - a["delta"], a["delta"]
        w = w[:, np.newaxis]
        hits, sums, labels = ((w * x).sum(axis=0) for x in (p * t, p, t))
        below = hits + alpha * (sums - hits) + beta * (labels - hits)
        # The derivative of the index, hits / below, in each probability.
        slope = t / below - hits / below**2 * (alpha + (1 - alpha - beta) * t)
        if self.loss != "unified_focal":
            counted = np.array([0.0, 1.0]) if K == 2 else np.full(K, 1 / K)
            return -total * w * slope * counted
        share, gamma = a["focal_weight"], a["gamma"]
        tiny = np.finfo(np.float64).eps
        outer = (1 - gamma) * np.maximum(1 - hits / below, tiny) ** -gamma / K
        weight = np.array([1 - a["delta"], a["delta"]]) if K == 2 else np.full(K, 0.5)
        own, q = np.maximum(p, tiny), np.maximum(1 - p, tiny)
        focal = -(q**gamma / own - gamma * q ** (gamma - 1) * np.log(own))
        return w * (share * t * weight * focal - (1 - share) * total * outer * slope)


class XGBoostSetObjective(CalledByXGBoost, SetObjective):
    """See :func:`xgboost_set_objective`."""


class LightGBMSetObjective(CalledByLightGBM, SetObjective):
    """See :func:`lightgbm_set_objective`."""


def xgboost_set_objective(loss: str, **parameters: float) -> XGBoostSetObjective:
    r"""Make a loss of a set of rows an objective of XGBoost.

    It is trained on the sum of all weights times
    :func:`~skxent.metrics.soft_fbeta_loss`, :func:`~skxent.metrics.tversky_loss` or
    :func:`~skxent.metrics.unified_focal_loss`, of the softmax and of all training rows:
    for two classes that of the second, for more the mean over classes.

    Parameters
    ----------
    loss : {"soft_fbeta", "tversky", "unified_focal"}
        The loss.
    **parameters : float
        Its parameters, with the defaults of the metric: beta; alpha and beta; delta,
        gamma and focal_weight.

    Returns
    -------
    XGBoostSetObjective
        A picklable callable for ``XGBClassifier(objective=...)`` and
        ``xgboost.train(obj=...)``. ``init_score(y, sample_weight)`` returns the
        log-odds of the class frequencies, a start for ``base_margin``.

    Raises
    ------
    ValueError
        A loss or a parameter out of its domain; when called, labels that are not codes.

    See Also
    --------
    lightgbm_set_objective : The same for LightGBM.
    skxent.metrics.soft_fbeta_loss : The loss of predictions.

    Notes
    -----
    The loss is not convex and couples the rows. In place of the second derivatives,
    whose signs vary, the Hessian is that of a cross-entropy with the same gradient g:
    :math:`|g| p` where g < 0 and :math:`|g| (1 - p)` elsewhere.

    The trained model has no class probabilities: its softmax goes to 0 and 1. Compare
    it with cross-entropy and a tuned threshold, as the page "Optimise F1?" does.

    Examples
    --------
    >>> from skxent.boosting import xgboost_set_objective
    >>> objective = xgboost_set_objective("soft_fbeta", beta=2.0)
    >>> gradient, hessian = objective([0, 0, 1], [0.0, 0.0, 0.0])
    >>> gradient.round(4)
    array([ 0.062 ,  0.062 , -0.6198])
    """
    return XGBoostSetObjective(loss, parameters)


@documented(xgboost_set_objective)
def lightgbm_set_objective(loss: str, **parameters: float) -> LightGBMSetObjective:
    """Make a loss of a set of rows an objective of LightGBM.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    LightGBMSetObjective
        A picklable callable for ``LGBMClassifier(objective=...)`` and
        ``params["objective"]`` of ``lightgbm.train``.

    Raises
    ------
    ValueError
        A loss or a parameter out of its domain; when called, labels that are not codes.

    See Also
    --------
    xgboost_set_objective : The same for XGBoost, with the formula and what it lacks.

    Examples
    --------
    >>> from skxent.boosting import lightgbm_set_objective
    >>> lightgbm_set_objective("tversky", alpha=0.3, beta=0.7).parameters
    {'alpha': 0.3, 'beta': 0.7}
    """
    return LightGBMSetObjective(loss, parameters)
