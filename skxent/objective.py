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

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent._dispatch import kernels
from skxent._threads import effective_n_threads
from skxent.losses import Loss
from skxent.targets import Floats, Target

Weights = NDArray[np.float64]

# Elements of X and of the logits that a block should hold: about a megabyte.
BLOCK = 1 << 17

# Rows of a sample: so many, or so many a column if that is more. A Gram matrix of 10
# rows a column scales to a condition below 4.
SAMPLE = 4096
SAMPLE_PER_COLUMN = 10

# Nats: a penalised objective below this means classes that X separates.
SEPARATED = 1e-6

# Rows that a segment has at least, segments that there are at most, and numbers in the
# sums of all of them. They depend on shapes alone, and so do the results.
SEGMENT_ROWS = 2048
SEGMENTS = 64
SUMS = 1 << 23


class LinearObjective:
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
    ) -> None:
        n_samples, self.n_features = X.shape
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
        # For a path of penalties: the last Hessian without its penalty.
        self.on_path = False
        self.kept: Weights | None = None
        # Weights of any size, brought to that of 1 for the sake of float32.
        unit = self.total_weight / n_samples
        if not 1e-3 < unit < 1e3 or target.sample_weight is not None:
            given = target.sample_weight
            given = np.ones(n_samples) if given is None else given
            self.target = target = replace(target, sample_weight=given / unit)
            self.total_weight = target.total_weight()
        self.origin = np.zeros(self.n_features, dtype=self.dtype)
        if fit_intercept and not sp.issparse(X):
            # Near the mean will do.
            self.origin = X[:: max(1, n_samples // SAMPLE)].mean(axis=0)

    def sample(self) -> LinearObjective:
        """The same objective on rows enough to tell its curvature, spread over all."""
        size, _ = self.shape
        step = self.target.n_samples // max(SAMPLE, SAMPLE_PER_COLUMN * size)
        if step < 2:
            return self
        rows = slice(None, None, step)
        part = copy(self)
        part.X, part.target = self.X[rows], self.target.rows(rows)
        part.total_weight = part.target.total_weight()
        if not part.total_weight:
            return self
        return part

    def _blocks(self, width: int) -> list[slice]:
        n_samples = self.X.shape[0]
        columns = self.X.nnz // n_samples if sp.issparse(self.X) else self.n_features
        width += columns + self.n_outputs
        rows = max(256, BLOCK // width)
        return [
            slice(start, min(start + rows, n_samples))
            for start in range(0, n_samples, rows)
        ]

    def with_origin(self, W: Weights) -> Weights:
        """Weights for X itself, from those for the centred X."""
        W = W.copy()
        W[self.n_features :] -= self.origin @ W[: self.n_features]
        return W

    def without_origin(self, W: Weights) -> Weights:
        """Weights for the centred X, from those for X itself."""
        W = W.copy()
        W[self.n_features :] += self.origin @ W[: self.n_features]
        return W

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_features + self.fit_intercept, self.n_outputs

    def may_lack_minimum(self, value: float) -> bool:
        """Could the objective, now of this value, fall for ever?"""
        return self.penalty == 0 or value < SEPARATED

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """f(W) and its gradient, in one pass."""
        if not sp.issparse(self.X):
            sums, total = self._linear_sums(W)
            return self._with_penalty(W, total, sums)
        total = 0.0
        gradient = np.zeros(self.shape)
        for X, target, z in self._logits(W):
            value = np.empty(len(z), dtype=self.dtype)
            slope = np.empty_like(z)
            self._evaluate(z, target, value=value, gradient=slope)
            total += float(value.sum(dtype=np.float64))
            self._add_product(gradient, X, slope)
        return self._with_penalty(W, total, gradient)

    def _with_penalty(
        self, W: Weights, total: float, sums: Weights
    ) -> tuple[float, Weights]:
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
        n, (d, m) = len(self.X), (self.n_features, self.n_outputs)
        segments = min(SEGMENTS, n // SEGMENT_ROWS, SUMS // ((d + 2) * m))
        totals = np.empty((max(1, segments), d + 2, m))
        target = self.target
        kernels.linear_sums(
            self.loss.formula,
            self.loss.parameters,
            self.X,
            self.origin,
            W,
            V,
            target.codes,
            target.soft,
            target.sample_weight,
            target.weights_of_classes(),
            target.label_smoothing,
            target.weigh_target,
            totals,
            # A number of X takes about an eighth of the time of a logit.
            effective_n_threads(self.n_threads, n * (d // 8 + m)),
        )
        sums = totals.sum(axis=0)
        return sums[: d + self.fit_intercept], float(sums[d + 1, 0])

    def hessian_product(self, W: Weights, V: Weights) -> Weights:
        """The Hessian at W times V, in one pass."""
        if sp.issparse(self.X):
            result = self._sparse_product(W, V)
        else:
            result, _ = self._linear_sums(W, V)
        result /= self.total_weight
        result[: self.n_features] += self.penalty * V[: self.n_features]
        return result

    def _sparse_product(self, W: Weights, V: Weights) -> Weights:
        result = np.zeros(self.shape)
        for X, target, both in self._logits(np.hstack([W, V])):
            z, x = both[:, : self.n_outputs], both[:, self.n_outputs :]
            product = np.empty_like(z)
            self._evaluate(z, target, x=x, product=product)
            self._add_product(result, X, product)
        return result

    @np.errstate(over="ignore", invalid="ignore")  # the solver tells of it
    def hessian(self, W: Weights) -> Weights:
        """The whole Hessian at W: (m D, m D), output by output, D = d + intercept.

        Σ_i M_i ⊗ x̃_i x̃_iᵀ, with M_i the Hessian of row i in its m logits.
        """
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
        """The last Hessian of a path, with the penalty that there is now."""
        return (
            None if self.kept is None else self._with_curved_penalty(self.kept.copy())
        )

    def _with_curved_penalty(self, H: Weights) -> Weights:
        size, m = self.shape
        penalised = np.arange(self.n_features)
        H.reshape(m, size, m, size)[:, penalised, :, penalised] += (
            self.penalty * np.eye(m)
        )
        return H

    def curvature(self, W: Weights) -> Weights:
        """X̃ᵀ diag(h) X̃ plus the penalty, one (D, D) matrix for all outputs.

        h is the mean over the outputs of the Hessian's diagonal in the logits: with two
        classes this is the Hessian itself.
        """
        B = np.zeros((self.shape[0], self.shape[0]))
        for X, h in self._row_curvature(W):
            B += self._weighted_gram(X, h)
        B /= self.total_weight
        B.flat[: len(B) * self.n_features : len(B) + 1] += self.penalty
        return B

    def curvature_diagonal(self, W: Weights) -> Weights:
        """The diagonal of `curvature`, where the whole of it is too large."""
        diagonal = np.zeros(self.shape[0])
        for X, h in self._row_curvature(W):
            X, h = X.astype(np.float64, copy=False), h.astype(np.float64)
            squares = X.power(2) if sp.issparse(X) else X**2
            diagonal[: self.n_features] += np.asarray(squares.T @ h).ravel()
            diagonal[self.n_features :] += h.sum()
        diagonal /= self.total_weight
        diagonal[: self.n_features] += self.penalty
        return diagonal

    def output_curvature(self, W: Weights) -> Weights:
        """The mean curvature in the logits, for each output: (m,)."""
        total = np.zeros(self.n_outputs)
        for _, target, z in self._logits(W):
            diagonal = np.empty_like(z)
            self._evaluate(z, target, hessian=diagonal)
            total += np.maximum(diagonal, 0).sum(axis=0, dtype=np.float64)
        return total / self.total_weight

    def _row_curvature(self, W: Weights) -> Iterator[tuple[Any, Floats]]:
        for X, target, z in self._logits(W):
            diagonal = np.empty_like(z)
            self._evaluate(z, target, hessian=diagonal)
            yield X, np.maximum(diagonal.mean(axis=1), 0)

    def _logits(
        self, W: Weights, width: int = 0
    ) -> Iterator[tuple[Any, Target, Floats]]:
        """Blocks of X, its targets and logits; `width` numbers a row besides."""
        self.passes += 1
        features = W[: self.n_features].astype(self.dtype, copy=False)
        intercept = W[self.n_features :].astype(self.dtype, copy=False)
        for block in self._blocks(width):
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

    def _add_product(self, result: Weights, X: Any, rows: Floats) -> None:
        result[: self.n_features] += X.T @ rows
        if self.fit_intercept:
            result[self.n_features] += rows.sum(axis=0, dtype=np.float64)

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
        elif (weights >= 0).all():
            # A product with its own transpose takes BLAS half the time.
            root = np.sqrt(weights)
            scaled = X * root[:, np.newaxis]
            gram[:d, :d] = scaled.T @ scaled
            sums = root @ scaled
        else:
            scaled = X * weights[:, np.newaxis]
            gram[:d, :d] = X.T @ scaled
            sums = scaled.sum(axis=0)
        if self.fit_intercept:
            gram[d, :d] = gram[:d, d] = sums
            gram[d, d] = weights.sum()
        return gram
