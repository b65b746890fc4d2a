"""The training objective of the linear models, summed over blocks of rows.

    f(W) = Σ_i w_i ℓ(y_i, x̃_i W) / Σw + ½ λ ‖W without intercepts‖²,  λ = 1 / (C Σw)

which is scikit-learn's C Σ w ℓ + ½‖W‖², scaled so that f is a mean loss in nats. W is
(d + 1, m), the last row the intercepts if there are any; m = 1 for two classes, else K.
X is read block by block: nothing of size n K is kept, and dense X goes through one
kernel (src/linear.pxd). With an intercept and dense X the blocks are centred as they
are read, so that columns far from zero stay well conditioned; the intercepts of W are
then those of the centred columns (`with_origin` undoes that). Columns that are constant
but for rounding count as zero.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.inputs.targets import (
    Target,
)
from skxent.kernels.arrays import Floats
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.losses._shipped import Loss
from skxent.optimize.constant import column_ranges
from skxent.optimize.curvature import RowCurvature
from skxent.optimize.problem import Columns, Weights
from skxent.optimize.wide import WideMatrix, entries, pays_by_columns

# Rows that a segment has at least, segments that there are at most, and numbers in the
# sums of all of them. They depend on shapes alone, and so do the results.
SEGMENT_ROWS = 2048
SEGMENTS = 64
SUMS = 1 << 23
# Outputs of sparse X are padded to a multiple of this (SPARSE_LANES of src/linear.pxd).
SPARSE_LANES = 4

# Logits that are kept for the Hessian products that follow: 32 MB.
KEPT = 1 << 22


class LinearObjective(RowCurvature):
    """Value, derivatives and scale of the objective at given weights."""

    target: Target
    binary: bool
    total_weight: float
    unit: float
    wide: WideMatrix | None
    dtype: np.dtype[Any]
    n_samples: int
    n_features: int
    n_outputs: int
    penalty: float
    given_weight: float
    origin: Floats
    passes: int

    def __init__(
        self,
        X: Any,
        target: Target,
        loss: Loss,
        *,
        C: float,
        fit_intercept: bool,
        n_threads: int | None = None,
        origin: Floats | None = None,
    ) -> None:
        self.n_samples, self.n_features = X.shape
        self.loss = loss
        self.target = target
        self.binary = target.n_classes == 2
        self.n_outputs = 1 if self.binary else target.n_classes
        self.fit_intercept = fit_intercept
        self.n_threads = n_threads
        self.dtype = X.dtype
        self.total_weight = self.given_weight = target.total_weight()
        self.penalty = 1.0 / (C * self.given_weight)
        self.X = X
        self.passes = 0
        self._known: tuple[Weights | None, Floats] = (None, np.empty((0, 0)))
        self.wide = WideMatrix(X) if pays_by_columns(X, self.n_outputs) else None
        # On a path of penalties: the last Hessian without its penalty.
        self.kept: Weights | None = None
        # Weights of any size, brought to that of 1 for the sake of float32.
        self.unit = 1.0
        unit = self.total_weight / self.n_samples
        if not 1e-3 < unit < 1e3 or target.sample_weight is not None:
            given = target.sample_weight
            given = np.ones(self.n_samples) if given is None else given
            self.target = target = replace(target, sample_weight=given / unit)
            self.unit = unit
            self.total_weight = target.total_weight()
        self.origin = np.zeros(self.n_features, dtype=self.dtype)
        self.constant: NDArray[np.bool_] = np.zeros(self.n_features, dtype=bool)
        if origin is not None:
            self.origin = origin
        elif fit_intercept and not sp.issparse(X):
            self.origin = X[:: self.origin_step].mean(axis=0)
            self.constant = column_ranges(X, target.sample_weight).constant

    def sample(self) -> Self:
        if self.sample_step < 2:
            return self
        part = self.some(slice(None, None, self.sample_step))
        return part if part.total_weight else self

    def some(self, rows: slice | NDArray[np.intp]) -> Self:
        """Return the same objective on some of the rows."""
        part = self._fresh_copy()
        part.X, part.target = self.X[rows], self.target.rows(rows)
        part.n_samples = part.target.n_samples
        part.total_weight = part.target.total_weight()
        return part

    def _fresh_copy(self) -> Self:
        part = copy(self)
        part._known, part.wide = (None, np.empty((0, 0))), None
        return part

    def best_constant(self) -> Floats:
        return self.loss.best_constant_of(self.target)

    def by_columns(self) -> Callable[[Columns], LinearObjective]:
        X = self.X.tocsc() if sp.issparse(self.X) else self.X

        def restricted(columns: Columns) -> LinearObjective:
            part = self._fresh_copy()
            sparse = sp.issparse(X)
            part.X = X[:, columns].tocsr() if sparse else X.take(columns, axis=1)
            part.n_features, part.origin = len(columns), self.origin[columns]
            part.constant = self.constant[columns]
            return part

        return restricted

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """f(W) and its gradient, in one pass."""
        sums, total = self._linear_sums(W)
        sums /= self.total_weight
        penalty, pull = self.penalty_value_gradient(W)
        sums += pull
        return total / self.total_weight + penalty, sums

    def _linear_sums(
        self, W: Weights, V: Weights | None = None
    ) -> tuple[Weights, float]:
        """Sums over rows of the gradient and the loss, or of the Hessian times V."""
        self.passes += 1
        if self.wide is not None:
            return self._wide_sums(self.wide, W, V)
        n, d, m = self.target.n_samples, self.n_features, self.n_outputs
        X: Any = self.X
        columns, width = d, m
        segments = min(SEGMENTS, n // SEGMENT_ROWS, SUMS // ((d + 2) * m))
        if sp.issparse(X):
            X, columns = entries(X), X.nnz // n
            width = m if m == 1 else -(-m // SPARSE_LANES) * SPARSE_LANES
            # The sums of a segment should take less than its rows; threads as many.
            segments = min(segments, max(2, n * columns // (8 * d)) // 2 * 2)
        totals = np.empty((max(1, segments), d + 2, width))
        logits, known = np.empty((0, 0), dtype=self.dtype), False
        if V is not None or self.products_follow:
            logits, known = self._known_logits(W)
        kernels.linear_sums(
            (self.loss.formula, self.loss.parameters),
            self.target,
            (self.origin, X),
            (W, V),
            logits,
            known,
            totals,
            # A number of X takes about an eighth of the time of a logit.
            effective_n_threads(self.n_threads, n * (columns // 8 + m)),
        )
        sums = totals[0] if len(totals) == 1 else totals.sum(axis=0)
        sums[:d][self.constant] = 0
        return sums[: d + self.fit_intercept, :m], float(sums[d + 1, 0])

    def _wide_sums(
        self, X: WideMatrix, W: Weights, V: Weights | None
    ) -> tuple[Weights, float]:
        """The same for wide sparse X, from all of its logits."""
        d, value = self.n_features, np.zeros(self.target.n_samples)

        def logits(W: Weights) -> Weights:
            z = X.times(W[:d], self.n_threads)
            z += W[d:] if self.fit_intercept else 0.0
            return z

        at, z = self._known
        if at is not W:
            z = logits(W)
            self._known = (W, z)
        slope = np.empty(z.shape)
        if V is None:
            self._evaluate(z, self.target, value=value, gradient=slope)
        else:
            self._evaluate(z, self.target, x=logits(V), product=slope)
        sums = np.empty(self.shape)
        sums[:d] = X.transposed_times(slope, self.n_threads)
        sums[d:] = slope.sum(axis=0)
        return sums, float(value.sum())

    def _known_logits(self, W: Weights) -> tuple[Floats, bool]:
        """Where products at W keep their logits, if there is room; are they there?"""
        shape = (self.target.n_samples, self.n_outputs)
        if shape[0] * shape[1] > KEPT:
            return np.empty((0, 0), dtype=self.dtype), False
        at, z = self._known
        if at is W:
            return z, True
        z = np.empty(shape, dtype=self.dtype) if at is None else z
        self._known = (W, z)
        return z, False

    def hessian_product(self, W: Weights, V: Weights) -> Weights:
        """The Hessian at W times V, in one pass."""
        result, _ = self._linear_sums(W, V)
        result /= self.total_weight
        result += self.penalty_product(V)
        return result
