"""The path of coefficients along C, of one table."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import Interval, check_count
from skxent.kernels.threads import effective_n_threads
from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._columns import penalty_factor_of, signs_of
from skxent.linear_model._input import check_data, check_parameters
from skxent.linear_model._training import (
    encode_target,
    fitted_attributes,
    objective_of,
    options_of,
    table_of,
)
from skxent.losses._loss import Loss
from skxent.optimize.path import PenaltyPath
from skxent.optimize.rows.base import LEAST_WEIGHT
from skxent.typing import MatrixLike


class PathModel(CrossEntropyClassifier):
    """The parameters of a path, whose X may have any order."""

    table_order: ClassVar[str | None] = None


class CrossEntropyPath(NamedTuple):
    """The result of `cross_entropy_path`: arrays with an entry for each C."""

    Cs: NDArray[np.float64]
    coefs: Floats
    intercepts: Floats
    n_iters: NDArray[np.int32]


@documented(CrossEntropyClassifier, CrossEntropyClassifier.fit)
def cross_entropy_path(
    X: MatrixLike,
    y: ArrayLike,
    *,
    loss: str | Loss = "cross_entropy",
    l1_ratio: float = 1.0,
    Cs: int | ArrayLike = 100,
    eps: float = 1e-3,
    fit_intercept: bool = True,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    penalty_factor: Any = None,
    monotonic_cst: Any = None,
    tol: float = 1e-4,
    max_iter: int = 100,
    n_threads: int | None = None,
    verbose: int = 0,
) -> CrossEntropyPath:
    r"""Return the coefficients along C, as `CrossEntropyClassifier` would fit them.

    .. math:: \min_W \; C \sum_i w_i \, \ell(y_i, x_i W + b)
        + \sum_j \psi_j \left(\rho \|W_j\|_1 + \tfrac{1 - \rho}{2} \|W_j\|^2\right)

    One call is faster than a fit for each C. X is read once for several of them:
    between two reads the minima are sought among the columns whose gradients,
    extrapolated along the path, may reach the penalty, and each read checks the
    conditions of a minimum for all columns.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n, d)
        float32 and float64 in C or Fortran order, and CSR, are used without a copy.
    y : array-like of shape (n,) or (n, K)
        Labels, or soft labels: see :meth:`CrossEntropyClassifier.fit`.
    loss : str or Loss, default="cross_entropy"
        A Loss, or a name in :data:`skxent.losses.LOSSES`.
    l1_ratio : float in [0, 1], default=1.0
        The share ρ of the L1 penalty: 1.0 is the lasso, 0.0 is ridge.
    Cs : int or array-like of shape (n_Cs,), default=100
        Values in (0, inf], in any order. An int is that many on a log scale, from the C
        at which the first penalised coefficient enters, which needs ``l1_ratio > 0``.
    eps : float in (0, 1), default=1e-3
        If `Cs` is an int, the ratio of the smallest C to the largest.
    {parameters}
    offset : array-like of shape (n,) or (n, K), default=None
        A fixed term of the logits: see :meth:`CrossEntropyClassifier.fit`.
    tol : float in (0, inf), default=1e-4
        At each C the objective, a mean loss in nats, is at most about tol² / 2 above
        its minimum.
    max_iter : int, default=100
        The most Newton iterations for each C.
    n_threads : int, default=None
        Number of threads of the kernels; None means all that OpenMP may use.
    verbose : int, default=0
        Print a line for every C.

    Returns
    -------
    CrossEntropyPath
        A named tuple:

        - Cs : ndarray of shape (n_Cs,).
        - coefs : ndarray of shape (n_Cs, 1, d) for two classes, else (n_Cs, K, d).
        - intercepts : ndarray of shape (n_Cs, 1) or (n_Cs, K).
        - n_iters : ndarray of shape (n_Cs,), Newton iterations.

    Raises
    ------
    ValueError
        If an argument is out of its domain.

    See Also
    --------
    CrossEntropyClassifier : The fit for one C.
    FocalLogisticRegressionCV : C chosen by cross-validation.
    skxent.displays.PathDisplay.from_path : Draw the coefficients.

    References
    ----------
    Tibshirani et al. (2012), "Strong rules for discarding predictors in lasso-type
    problems", arXiv 1011.2234. Larsson and Wallin (2022), "The Hessian screening rule",
    arXiv 2104.13026.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skxent.linear_model import cross_entropy_path
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> path = cross_entropy_path(scale(X), y, Cs=5)
    >>> np.count_nonzero(path.coefs, axis=(1, 2)).tolist()
    [0, 4, 9, 17, 22]
    """
    effective_n_threads(n_threads)
    model = PathModel(
        loss,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        monotonic_cst=monotonic_cst,
        fit_intercept=fit_intercept,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        tol=tol,
        max_iter=max_iter,
        n_jobs=n_threads,
        verbose=verbose,
    )
    check_parameters(model)
    Interval(0.0, 1.0, "neither").check("eps", eps)
    count = check_Cs(Cs, l1_ratio)
    if y is None:
        raise ValueError("y must be labels or soft labels, got None.")
    data = check_data(model, X, y, sample_weight)._replace(offset=offset)
    encoded = encode_target(model, data)
    rows = table_of(model, data, encoded)
    model = replace(
        model,
        penalty_factor=penalty_factor_of(model, rows.n_features),
        monotonic_cst=signs_of(model, rows.n_features, rows.n_outputs),
    )
    path = PenaltyPath(rows, encoded.trained.loss, options_of(model))
    if count:
        unit = objective_of(replace(model, C=1.0), rows, encoded.trained)
        entry = path.entry(unit) / max(rows.weight_sum, LEAST_WEIGHT)
        first = 1.0 / ((entry or 1.0) * rows.weight_sum)
        if not first / eps < np.inf:
            total = f"{rows.weight_sum:.3g}"
            raise ValueError(
                f"sample_weight must have a sum that leaves C finite, got {total}."
            )
        Cs = np.geomspace(first, first / eps, count)
    Cs = np.asarray(Cs, dtype=np.float64)
    order = np.argsort(Cs, kind="stable")
    objectives = [
        objective_of(replace(model, C=float(C)), rows, encoded.trained)
        for C in Cs[order]
    ]
    shape = len(Cs), rows.n_outputs
    coefs = np.empty((*shape, rows.n_features), rows.dtype)
    intercepts, n_iters = np.empty(shape, rows.dtype), np.empty(len(Cs), np.int32)
    solutions = path.run(objectives)
    for k, objective, solution in zip(order, objectives, solutions, strict=True):
        fitted = fitted_attributes(objective, solution.weights)
        coefs[k], intercepts[k] = fitted["coef_"], fitted["intercept_"]
        n_iters[k] = solution.n_iter
    return CrossEntropyPath(Cs, coefs, intercepts, n_iters)


def check_Cs(Cs: Any, l1_ratio: float) -> int:
    """Check `Cs`; return how many there should be, or 0 if they are values."""
    if isinstance(Cs, Integral):
        check_count("Cs", Cs)
        if l1_ratio == 0:
            raise ValueError(
                "Cs must be values of C if l1_ratio is 0, where no coefficient is zero "
                f"at any C, got {Cs}."
            )
        return int(Cs)
    values = np.asarray(Cs)
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "fiu":
        raise ValueError(
            f"Cs must be an integer or a list of numbers that is not empty, got {Cs!r}."
        )
    for C in values.tolist():
        Interval(0.0, np.inf, "right").check("Cs", C)
    return 0
