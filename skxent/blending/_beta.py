"""The beta-transformed linear pool: an arithmetic blend that is calibrated again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betainc, betaln
from sklearn.exceptions import ConvergenceWarning

from skxent.blending._objective import EPS
from skxent.blending._tables import Models
from skxent.blending._weights import blend_weights
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import POSITIVE, warn
from skxent.metrics._options import Options

Vector = NDArray[np.float64]

# The logarithms of alpha and beta are within these bounds.
LARGEST_LOG = 5.0


@dataclass(frozen=True, eq=False)
class BetaPool:
    r"""A beta-transformed linear pool of two classes, as :func:`beta_pool` fits it.

    .. math:: p = I_{\sum_m w_m p_m}(\alpha, \beta)

    with the regularised incomplete beta function I. alpha = beta = 1 is the arithmetic
    blend itself; if both are above 1 the blend was under-confident.

    Parameters
    ----------
    weights : array-like of shape (M,), dict or Series
        Weights of the models, as :func:`blend_weights` returns them.
    alpha : float, default=1.0
        The first parameter of the beta distribution.
    beta : float, default=1.0
        The second parameter.

    See Also
    --------
    beta_pool : The function that fits it.
    blend : A blend without recalibration.

    Examples
    --------
    >>> from skxent.blending import BetaPool
    >>> BetaPool([0.5, 0.5], alpha=2.0, beta=2.0).blend([[0.6], [0.8]]).round(3)
    array([[0.216, 0.784]])
    """

    weights: Any
    alpha: float = 1.0
    beta: float = 1.0

    def blend(self, probas: Any, *, labels: ArrayLike | None = None) -> Floats:
        """Return the blended probabilities.

        Parameters
        ----------
        probas : sequence or dict of M array-likes of shape (n, 2) or (n,)
            Probabilities of each model, as for :func:`blend`.
        labels : array-like of shape (2,), default=None
            The labels of the columns, for data frames that name them.

        Returns
        -------
        ndarray of shape (n, 2)
            A column for each class.
        """
        POSITIVE.check("alpha", self.alpha)
        POSITIVE.check("beta", self.beta)
        models = Models.of(probas, n_models=len(self.weights)).in_order(labels)
        second = second_columns(models)
        x = np.clip(models.weights(self.weights) @ second, EPS, 1 - EPS)
        p = betainc(self.alpha, self.beta, x)
        return np.column_stack([betainc(self.beta, self.alpha, 1 - x), p])


def beta_pool(
    probas: Any,
    y_true: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> BetaPool:
    """Fit the weights and the recalibration of a blend of two classes at once.

    An arithmetic blend of calibrated probabilities that differ is under-confident
    (Ranjan and Gneiting 2010). The beta-transformed linear pool makes it sharper, and
    is fitted by least log loss over the weights and both parameters.

    Parameters
    ----------
    probas : sequence or dict of M array-likes of shape (n, 2) or (n,)
        Out-of-fold probabilities of each model, as for :func:`blend_weights`.
    y_true : array-like of shape (n,) or (n, 2)
        Labels of any type, or soft labels.
    labels : array-like of shape (2,), default=None
        The labels of the columns. None: those of y_true, sorted.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows, at least 0; None for ones.

    Returns
    -------
    BetaPool
        Its `blend` applies it to other probabilities.

    Raises
    ------
    ValueError
        As for :func:`blend_weights`, and for more than two classes: calibrate such a
        blend by :class:`skxent.calibration.TemperatureScaling`.

    See Also
    --------
    blend_weights : The weights without a recalibration, for any loss.

    References
    ----------
    Ranjan, Gneiting (2010). Combining probability forecasts. Journal of the Royal
    Statistical Society B 72. doi 10.1111/j.1467-9868.2009.00726.x.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import ndtr
    >>> from skxent.blending import beta_pool
    >>> rng = np.random.default_rng(0)
    >>> a, b, c = rng.normal(size=(3, 4000))
    >>> y = (a + b + c > 0).astype(int)
    >>> found = beta_pool([ndtr(a / 2**0.5), ndtr(b / 2**0.5)], y)
    >>> found.alpha > 1.2 and found.beta > 1.2
    True
    """
    y, models = Models.with_labels(probas, y_true, labels)
    target, classes = models.target(y, sample_weight, Options(labels=labels))
    if len(classes) != 2:
        raise ValueError(
            f"y_true must have two classes, got {len(classes)}. Calibrate a blend of "
            "more classes by TemperatureScaling."
        )
    start = blend_weights(models.tables, y, labels=classes, sample_weight=sample_weight)
    second = np.clip(second_columns(models), EPS, 1 - EPS)
    weight = target.moderate().row_weights()
    weight /= weight.sum()
    share: Any = target.codes if target.soft is None else target.soft[:, 1]
    yes, no = weight * share, weight * (1 - share)

    def loss_of(x: Vector, a: float, b: float) -> tuple[float, Vector, Vector]:
        p = np.maximum(betainc(a, b, x), 1e-300)
        q = np.maximum(betainc(b, a, 1 - x), 1e-300)
        return float(-(yes @ np.log(p) + no @ np.log(q))), p, q

    def value_gradient(t: Vector) -> tuple[float, Vector]:
        x = np.clip(t[:-2] @ second, EPS, 1 - EPS)
        a, b = np.exp(t[-2:])
        value, p, q = loss_of(x, a, b)
        log_density = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - betaln(a, b)
        slope = np.exp(log_density) * (no / q - yes / p)
        step = 1e-5
        shape = [
            (
                loss_of(x, *np.exp(t[-2:] + step * unit))[0]
                - loss_of(x, *np.exp(t[-2:] - step * unit))[0]
            )
            / (2 * step)
            for unit in np.eye(2)
        ]
        return value, np.r_[second @ slope, shape]

    n_models = len(second)
    found = minimize(
        value_gradient,
        np.r_[start, 0.0, 0.0],
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * n_models + [(-LARGEST_LOG, LARGEST_LOG)] * 2,
        constraints={
            "type": "eq",
            "fun": lambda t: t[:-2].sum() - 1,
            "jac": lambda t: np.r_[np.ones(n_models), 0.0, 0.0],
        },
        options={"ftol": 1e-12, "maxiter": 300},
    )
    if not found.success:
        warn(f"The beta pool did not converge: {found.message}.", ConvergenceWarning)
    w = np.maximum(found.x[:-2], 0)
    a, b = np.exp(found.x[-2:]).tolist()
    w = w / w.sum()
    return BetaPool(w if models.named is None else models.named(w), a, b)


def second_columns(models: Models) -> Floats:
    """Return the probabilities of the second class: (M, n)."""
    columns = [table if table.ndim == 1 else table[:, 1] for table in models.tables]
    return np.array(columns, dtype=np.float64)
