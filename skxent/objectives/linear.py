"""The training objective of the linear models, summed over blocks of rows.

    f(W) = Σ_i w_i ℓ(y_i, x̃_i W) / Σw + ½ λ ‖W without intercepts‖²,  λ = 1 / (C Σw)

which is scikit-learn's C Σ w ℓ + ½‖W‖², scaled so that f is a mean loss in nats. W is
(d + 1, m), the last row the intercepts if there are any; m = 1 for two classes, else K.
X is read block by block: nothing of size n K is kept, and dense X goes through one
kernel (src/linear.pxd). With an intercept and dense X the blocks are centred as they
are read, so that columns far from zero stay well conditioned; the intercepts of W are
then those of the centred columns (`with_origin` undoes that).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from skxent._dispatch import kernels
from skxent._threads import blas_threads, effective_n_threads
from skxent.losses import Loss
from skxent.objectives.problem import Columns, Problem, Weights
from skxent.objectives.wide import WideMatrix, column_sums, entries, pays_by_columns
from skxent.targets import Floats, Target

# Elements of X and of the logits that a block should hold: about a megabyte.
BLOCK = 1 << 17

# Rows that a segment has at least, segments that there are at most, and numbers in the
# sums of all of them. They depend on shapes alone, and so do the results.
SEGMENT_ROWS = 2048
SEGMENTS = 64
SUMS = 1 << 23
# Outputs of sparse X are padded to a multiple of this (SPARSE_LANES of src/linear.pxd).
SPARSE_LANES = 4

# With more columns than this, BLAS may use threads for a Gram matrix.
MANY_COLUMNS = 100

# Logits that are kept for the Hessian products that follow: 32 MB.
KEPT = 1 << 22


class LinearObjective(Problem):
    """Value, derivatives and scale of the objective at given weights."""

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
        unit = self.total_weight / self.n_samples
        if not 1e-3 < unit < 1e3 or target.sample_weight is not None:
            given = target.sample_weight
            given = np.ones(self.n_samples) if given is None else given
            self.target = target = replace(target, sample_weight=given / unit)
            self.total_weight = target.total_weight()
        self.origin = np.zeros(self.n_features, dtype=self.dtype)
        if origin is not None:
            self.origin = origin
        elif fit_intercept and not sp.issparse(X):
            self.origin = X[:: self.origin_step].mean(axis=0)

    def sample(self) -> Self:
        if self.sample_step < 2:
            return self
        part = self.every(self.sample_step)
        return part if part.total_weight else self

    def every(self, step: int, first: int = 0) -> Self:
        """The same objective on every so many rows."""
        rows = slice(first, None, step)
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
            return part

        return restricted

    def _blocks(self, width: int, least: int) -> list[slice]:
        n_samples = self.X.shape[0]
        columns = self.X.nnz // n_samples if sp.issparse(self.X) else self.n_features
        width += columns + self.n_outputs
        rows = max(256, least, BLOCK // width)
        return [
            slice(start, min(start + rows, n_samples))
            for start in range(0, n_samples, rows)
        ]

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """f(W) and its gradient, in one pass."""
        sums, total = self._linear_sums(W)
        features = W[: self.n_features]
        sums /= self.total_weight
        sums[: self.n_features] += self.penalty * features
        penalty = 0.5 * self.penalty * float(np.vdot(features, features))
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
            segments = min(segments, max(2, n * columns // (4 * d)) // 2 * 2)
        totals = np.empty((max(1, segments), d + 2, width))
        logits, known = np.empty((0, 0), dtype=self.dtype), False
        if V is not None or self.products_follow:
            logits, known = self._known_logits(W)
        target = self.target
        kernels.linear_sums(
            self.loss.formula,
            self.loss.parameters,
            self.origin,
            X,
            W,
            V,
            target.codes,
            target.soft,
            target.sample_weight,
            target.weights_of_classes(),
            target.label_smoothing,
            target.weigh_target,
            logits,
            known,
            totals,
            # A number of X takes about an eighth of the time of a logit.
            effective_n_threads(self.n_threads, n * (columns // 8 + m)),
        )
        sums = totals[0] if len(totals) == 1 else totals.sum(axis=0)
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
        result[: self.n_features] += self.penalty * V[: self.n_features]
        return result

    @np.errstate(over="ignore", invalid="ignore")  # the solver tells of it
    def hessian(self, W: Weights) -> Weights:
        """Σ_i M_i ⊗ x̃_i x̃_iᵀ, with M_i the Hessian of row i in its m logits."""
        size, m = self.shape
        H = np.zeros((m, size, m, size))
        for X, target, z in self._logits(W, width=size * m):
            x = np.ones((len(z), size))
            x[:, : self.n_features] = X.toarray() if sp.issparse(X) else X
            M = np.empty((len(z), m * m), dtype=self.dtype)
            if self.binary:
                self._evaluate(z, target, hessian=M)
            else:
                self._evaluate(z, target, matrix=M)
            M = M.reshape(-1, m, m, 1)
            for j in range(m):
                scaled = M[:, j, : j + 1] * x[:, np.newaxis]
                product = x.T @ scaled.reshape(len(z), -1)
                H[j, :, : j + 1] += product.reshape(size, j + 1, size)
        H /= self.total_weight
        for j in range(m):
            H[:j, :, j] = H[j, :, :j].swapaxes(0, 1)
        whole = H.reshape(m * size, m * size)
        if self.on_path:
            self.kept = whole.copy()
        return self._with_curved_penalty(whole)

    def kept_hessian(self) -> Weights | None:
        if self.kept is None:
            return None
        return self._with_curved_penalty(self.kept.copy())

    def _with_curved_penalty(self, H: Weights) -> Weights:
        size, m = self.shape
        penalised = np.arange(self.n_features)
        H.reshape(m, size, m, size)[:, penalised, :, penalised] += (
            self.penalty * np.eye(m)
        )
        return H

    def curvature(self, W: Weights) -> Weights:
        rows = self._curved(W, least=self.shape[0])
        return self._grams(1, ((X, h.mean(axis=1)[np.newaxis]) for X, h in rows))[0]

    def curvature_by_output(self, W: Weights) -> Weights:
        rows = self._curved(W, least=self.shape[0])
        return self._grams(self.n_outputs, ((X, h.T) for X, h in rows))

    def _grams(self, count: int, blocks: Iterable[tuple[Any, Floats]]) -> Weights:
        """X̃ᵀ diag(h) X̃ plus the penalty, for so many weights h of the rows."""
        size = self.shape[0]
        grams = np.zeros((count, size, size))
        limit: Any = nullcontext()
        if size > MANY_COLUMNS:  # to set it takes as long as a small product
            limit = blas_threads(effective_n_threads(self.n_threads))
        with limit:
            for X, weights in blocks:
                for gram, h in zip(grams, weights, strict=True):
                    gram += self._weighted_gram(X, h)
        grams /= self.total_weight
        diagonals = np.einsum("kii->ki", grams)
        diagonals[:, : self.n_features] += self.penalty
        return grams

    def curvature_diagonal(self, W: Weights) -> Weights:
        d, m = self.n_features, self.n_outputs
        diagonal, totals = np.zeros(self.shape), np.zeros(m)

        def blocks() -> Iterator[tuple[Any, Floats]]:
            for X, h in self._curved(W):
                totals[...] += h.sum(axis=0, dtype=np.float64)
                yield X, h

        if sp.issparse(self.X):
            diagonal[:d] = column_sums(blocks(), (d, 2 + m))[:, 2:]
        else:
            for X, h in blocks():
                diagonal[:d] += X.T.astype(np.float64) ** 2 @ h.astype(np.float64)
        diagonal[d:] = totals
        diagonal /= self.total_weight
        diagonal[:d] += self.penalty
        return diagonal

    def output_curvature(self, W: Weights) -> Weights:
        total = np.zeros(self.n_outputs)
        for _, h in self._curved(W):
            total += h.sum(axis=0, dtype=np.float64)
        return total / self.total_weight

    def _curved(self, W: Weights, least: int = 0) -> Iterator[tuple[Any, Floats]]:
        """Blocks of X and the curvature of their logits, zero where it is downwards."""
        for X, target, z in self._logits(W, least=least):
            diagonal = np.empty_like(z)
            self._evaluate(z, target, hessian=diagonal, floor=0.0)
            yield X, diagonal

    def _logits(
        self, W: Weights, width: int = 0, least: int = 0
    ) -> Iterator[tuple[Any, Target, Floats]]:
        """Blocks of X, its targets and logits.

        width: numbers a row besides; least: rows of a block, for the sake of BLAS.
        """
        self.passes += 1
        features = W[: self.n_features].astype(self.dtype, copy=False)
        intercept = W[self.n_features :].astype(self.dtype, copy=False)
        for block in self._blocks(width, least):
            X = self._rows(block)
            z = np.asarray(X @ features)
            if self.fit_intercept:
                z += intercept
            yield X, self.target.rows(block), z

    def _rows(self, block: slice) -> Any:
        if not sp.issparse(self.X):
            return self.X[block] - self.origin if self.fit_intercept else self.X[block]
        # A view: slicing a sparse matrix would copy it.
        start, stop = self.X.indptr[block.start], self.X.indptr[block.stop]
        return sp.csr_array(
            (
                self.X.data[start:stop],
                self.X.indices[start:stop],
                self.X.indptr[block.start : block.stop + 1] - start,
            ),
            shape=(block.stop - block.start, self.n_features),
        )

    def _evaluate(self, z: Floats, target: Target, **arrays: Any) -> None:
        self.loss.evaluate(z, target, self.binary, n_threads=self.n_threads, **arrays)

    @np.errstate(over="ignore", invalid="ignore")  # the solver tells of it
    def _weighted_gram(self, X: Any, row_weight: Floats) -> Weights:
        """X̃ᵀ diag(row_weight) X̃, in float64, where near-collinear columns are kept."""
        X, weights = X.astype(np.float64, copy=False), row_weight.astype(np.float64)
        d = self.n_features
        gram = np.empty((self.shape[0], self.shape[0]))
        if sp.issparse(X):
            scaled = X.multiply(weights[:, np.newaxis]).tocsr()
            gram[:d, :d] = (X.T @ scaled).toarray()
            sums = np.asarray(scaled.sum(axis=0)).ravel()
        else:
            # A product with its own transpose takes BLAS half the time.
            root = np.sqrt(weights)
            scaled = X * root[:, np.newaxis]
            gram[:d, :d] = scaled.T @ scaled
            sums = root @ scaled
        if self.fit_intercept:
            gram[d, :d] = gram[:d, d] = sums
            gram[d, d] = weights.sum()
        return gram
