"""Hessians, Gram matrices and diagonals of the objective, from blocks of rows.

Dense blocks are centred as those of the passes are. Matrices are summed in float64,
where near-collinear columns are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent.inputs.targets import (
    Target,
)
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import blas_threads, effective_n_threads
from skxent.optimize.problem import Problem, Weights
from skxent.optimize.wide import column_sums

# Elements of X and of the logits that a block should hold: about a megabyte.
BLOCK = 1 << 17


class RowCurvature(Problem):
    """The second derivatives of an objective whose rows X and target are here."""

    binary: bool
    total_weight: float
    n_threads: int | None
    kept: Weights | None  # on a path of penalties, the last Hessian without its own
    passes: int

    def hessian(self, W: Weights) -> Weights:
        H = self.row_hessian(W)
        if self.on_path:
            self.kept = H.copy()
        self.add_penalty_hessian(H)
        return H

    def kept_hessian(self) -> Weights | None:
        if self.kept is None:
            return None
        H = self.kept.copy()
        self.add_penalty_hessian(H)
        return H

    def add_penalty_hessian(self, H: Weights) -> None:
        H.flat[:: len(H) + 1] += self.penalty_diagonal().T.ravel()

    def add_penalty_by_output(self, grams: Weights) -> None:
        """To the (D, D) matrix of each output, or the mean of them to the only one."""
        penalty = self.penalty_diagonal()
        diagonals = np.einsum("kii->ki", grams)
        diagonals += penalty.T if len(grams) == len(penalty.T) else penalty.mean(axis=1)

    @ignore_overflow  # the solver tells of it
    def row_hessian(self, W: Weights) -> Weights:
        """Σ_i M_i ⊗ x̃_i x̃_iᵀ, with M_i the Hessian of row i in its m logits."""
        size, m = self.shape
        H = np.zeros((m, size, m, size))
        with self._blas(size * m):
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
        return H.reshape(m * size, m * size)

    def curvature(self, W: Weights) -> Weights:
        rows = self._curved(W, least=self.shape[0])
        return self._grams(1, ((X, h.mean(axis=1)[np.newaxis]) for X, _, h in rows))[0]

    def curvature_by_output(self, W: Weights) -> Weights:
        rows = self._curved(W, least=self.shape[0])
        return self._grams(self.n_outputs, ((X, h.T) for X, _, h in rows))

    def _grams(self, count: int, blocks: Iterable[tuple[Any, Floats]]) -> Weights:
        """X̃ᵀ diag(h) X̃ plus the penalty, for so many weights h of the rows."""
        size = self.shape[0]
        grams = np.zeros((count, size, size))
        with self._blas(size):
            for X, weights in blocks:
                for gram, h in zip(grams, weights, strict=True):
                    gram += self._weighted_gram(X, h)
        grams /= self.total_weight
        self.add_penalty_by_output(grams)
        return grams

    def _blas(self, columns: int) -> Any:
        """A context for large products: their threads are worth more than the wait."""
        return blas_threads(effective_n_threads(self.n_threads), columns)

    def curvature_diagonal(self, W: Weights) -> Weights:
        return self.row_diagonal_and_columns(W)[0] + self.penalty_diagonal()

    @ignore_overflow  # the solver tells of it
    def row_diagonal_and_columns(self, W: Weights) -> tuple[Weights, Weights | None]:
        d, m = self.n_features, self.n_outputs
        squares, h_sums, columns = np.zeros((d, m)), np.zeros(m), None

        def blocks() -> Iterator[tuple[Any, Any, Floats]]:
            for X, target, h in self._curved(W):
                h_sums[...] += h.sum(axis=0, dtype=np.float64)
                yield X, target.sample_weight, h

        if sp.issparse(self.X):
            columns, squares = np.hsplit(column_sums(blocks(), (d, 2 + m)), [2])
        else:
            for X, _, h in blocks():
                squares += X.T.astype(np.float64) ** 2 @ h.astype(np.float64)
        diagonal = np.vstack([squares, h_sums] if self.fit_intercept else [squares])
        diagonal /= self.total_weight
        return diagonal, columns

    def output_curvature(self, W: Weights) -> Weights:
        total = np.zeros(self.n_outputs)
        for _, _, h in self._curved(W):
            total += h.sum(axis=0, dtype=np.float64)
        return total / self.total_weight

    def _curved(
        self, W: Weights, least: int = 0
    ) -> Iterator[tuple[Any, Target, Floats]]:
        """Blocks of X and the curvature of their logits, zero where it is downwards."""
        for X, target, z in self._logits(W, least=least):
            diagonal = np.empty_like(z)
            self._evaluate(z, target, hessian=diagonal, floor=0.0)
            yield X, target, diagonal

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
            X = self.rows(block)
            z = np.asarray(X @ features)
            if self.fit_intercept:
                z += intercept
            yield X, self.target.rows(block), z

    def rows(self, block: slice) -> Any:
        """Rows of X, centred if X is dense and there is an intercept."""
        if not sp.issparse(self.X):
            if not self.fit_intercept:
                return self.X[block]
            rows = self.X[block] - self.origin
            rows[:, self.constant] = 0
            return rows
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
        self.loss.evaluate(z, target, n_threads=self.n_threads, **arrays)

    @ignore_overflow  # the solver tells of it
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

    def _blocks(self, width: int, least: int) -> list[slice]:
        n_samples = self.X.shape[0]
        columns = self.X.nnz // n_samples if sp.issparse(self.X) else self.n_features
        width += columns + self.n_outputs
        rows = max(256, least, BLOCK // width)
        return [
            slice(start, min(start + rows, n_samples))
            for start in range(0, n_samples, rows)
        ]
