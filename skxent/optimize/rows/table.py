"""Rows of a table in memory: the passes over X, and matrices of second derivatives.

X is read block by block: nothing of size n K is kept unless a solver asks for the
logits. Arrays that all passes need are made once and kept. Matrices are summed in
float64, so that nearly collinear columns stay distinct. Callers turn off numpy's
warnings of overflow and check the result (`inverse.check_curvature`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_property
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads, mapped
from skxent.losses._loss import Loss
from skxent.optimize.rows.base import CHUNK_ENTRIES, Chunk, Layout, PassCounter, Rows
from skxent.optimize.smooth import Columns, Weights

# Multiply-adds from which on threads are worth their start, about 10 ms, and numbers
# that their matrices may have together.
MANY_OPERATIONS = 1 << 25
MAX_SUMMANDS = 1 << 25

# Logits that are kept for the Hessian products that follow: 32 MB.
MAX_CACHED_LOGITS = 1 << 22


@dataclass(frozen=True, eq=False, repr=False)
class TableRows(Rows):
    """Rows of X, a matrix in memory.

    scaled_weight_sum : of the weights as they are kept, in units of `weight_scale`.
    offset : (n, m), added to the logits of the rows, or None for zeros.
    """

    X: Any
    target: Target
    fit_intercept: bool
    n_threads: int | None
    origin: Floats
    constant: NDArray[np.bool_]
    weight_sum: float
    weight_scale: float
    scaled_weight_sum: float
    offset: Floats | None = None
    counter: PassCounter = field(default_factory=PassCounter)

    @cached_property
    def n_samples(self) -> int:  # type: ignore[override]  # read-only
        """Return the number of rows of X."""
        return int(self.X.shape[0])

    @cached_property
    def n_features(self) -> int:  # type: ignore[override]  # read-only
        """Return the number of columns of X."""
        return int(self.X.shape[1])

    @cached_property
    def dtype(self) -> np.dtype[Any]:  # type: ignore[override]  # read-only
        """Return float32 or float64, that of X."""
        return np.dtype(self.X.dtype)

    def sample(self, step: int) -> TableRows:
        part = self.take(slice(None, None, step)) if step > 1 else self
        return part if part.scaled_weight_sum else self

    def take(self, rows: slice | NDArray[np.intp]) -> TableRows:
        """Return a copy of some rows, whose sums are means over them alone."""
        target = self.target.rows(rows)
        offset = None if self.offset is None else self.offset[rows].copy()
        weight = target.mean_weight()
        X = self.X[rows] if self.sparse else np.ascontiguousarray(self.X[rows])
        return self.part(X=X, target=target, offset=offset, scaled_weight_sum=weight)

    def part(self, **changes: Any) -> TableRows:
        """Return a part of the table, which counts its own passes."""
        same = {item.name: getattr(self, item.name) for item in fields(self)}
        return self.kind_of_part(**same | {"counter": PassCounter()} | changes)

    @property
    def kind_of_part(self) -> type[TableRows]:
        """Return the class of some rows or columns of the table."""
        return type(self)

    @property
    @abstractmethod
    def entries_per_row(self) -> int:
        """Return about how many entries of X a row has."""

    @cached_property
    @abstractmethod
    def layout(self) -> Layout:
        """Return how the kernels read X."""

    @abstractmethod
    def restricted(self, columns: Columns) -> TableRows:
        """Return the same rows with some columns of X alone."""

    @abstractmethod
    def read(self, block: slice) -> Any:
        """Return rows of X, centred if X is dense and there is an intercept."""

    @abstractmethod
    def weighted_gram(self, X: Any, weights: Floats) -> Weights:
        """Return X̃ᵀ diag(weights) X̃ of such rows, in float64."""

    @abstractmethod
    def columns(self, index: Columns) -> Any:
        """Return columns of X̃ in float64, n_features the intercept's; CSC if sparse."""

    @abstractmethod
    def column_sums(self, slopes: Floats) -> Weights:
        """Return X̃ᵀ slopes / Σw without the intercept, (d, s), in one pass over X."""

    @cached_property
    def _constant_index(self) -> NDArray[np.intp] | None:
        index = np.flatnonzero(self.constant)
        return index if len(index) else None

    def values_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[Weights, Weights, Floats | None]:
        """Return sums of one pass; logits are kept if they are few."""
        shape = (self.n_samples, self.n_outputs)
        logits = None
        if cache_logits and shape[0] * shape[1] <= MAX_CACHED_LOGITS:
            logits = np.empty(shape, dtype=self.dtype)
        gradient, values = self._sums(loss, W, None, logits)
        return values, gradient, logits

    def hessian_product(
        self, loss: Loss, W: Weights, V: Weights, logits: Floats | None = None
    ) -> Weights:
        """Return a sum of one pass, which is shorter if the logits are known."""
        return self._sums(loss, W, V, logits)[0]

    def _sums(
        self, loss: Loss, W: Weights, V: Weights | None, logits: Floats | None
    ) -> tuple[Weights, Weights]:
        """Return the gradient and the losses (m,), or the Hessian times V.

        Logits of a product are known; without V they are filled.
        """
        self.counter.add_one()
        d, (size, m) = self.n_features, self.shape
        X, segments, width, work = self.layout
        totals = np.empty((segments, d + 2, width))
        kernels.linear_sums(
            loss.spec,
            self.target,
            (self.origin, X, self.offset),
            (W, V),
            np.empty((0, 0), self.dtype) if logits is None else logits,
            V is not None and logits is not None,
            totals,
            effective_n_threads(self.n_threads, work),
        )
        sums = totals[0] if segments == 1 else totals.sum(axis=0)
        sums /= self.scaled_weight_sum
        if self._constant_index is not None:
            sums[self._constant_index] = 0
        return sums[:size, :m], sums[d + 1, :m]

    def hessian(self, loss: Loss, W: Weights) -> Weights:
        """Σ_i M_i ⊗ x̃_i x̃_iᵀ, with M_i the Hessian of row i in its m logits."""
        size, m = self.shape
        H = np.zeros((m, size, m, size))

        def summands(rows: tuple[Chunk, Floats]) -> Weights | Iterator[Weights]:
            block, z = rows
            return block.hessian_summands(self.row_hessians(loss, z, block.target))

        blocks = self._logits(W, width=size * m)
        for products in self._summands(summands, blocks, size * m):
            if isinstance(products, np.ndarray):
                H += products
                continue
            for j, product in enumerate(products):
                H[j, :, : j + 1] += product
        H /= self.scaled_weight_sum
        for j in range(m - 1):
            H[j, :, j + 1 :] = H[j + 1 :, :, j].swapaxes(0, 1)
        return H.reshape(m * size, m * size)

    def row_hessians(
        self, loss: Loss, z: Floats, target: Target, gradient: Floats | None = None
    ) -> Floats:
        """Return the Hessian of each row in its logits z: (n, m * m)."""
        H = np.empty((len(z), z.shape[1] ** 2), dtype=z.dtype)
        which = "hessian" if self.n_outputs == 1 else "matrix"
        self.evaluate(loss, z, target, gradient=gradient, **{which: H})
        return H

    def gram(self, loss: Loss, W: Weights) -> Weights:
        """Weigh each row by its mean curvature over the outputs."""
        rows = self._curved(loss, W, min_rows=self.shape[0])
        means = ((block, h.mean(axis=1)[np.newaxis]) for block, h in rows)
        return self._grams(1, means)[0]

    def grams_by_output(self, loss: Loss, W: Weights) -> Weights:
        """Make the matrices of all outputs from one pass over X."""
        rows = self._curved(loss, W, min_rows=self.shape[0])
        return self._grams(self.n_outputs, ((block, h.T) for block, h in rows))

    def _grams(self, count: int, blocks: Iterable[tuple[Chunk, Floats]]) -> Weights:
        """Return X̃ᵀ diag(h) X̃ for so many weights h of the rows."""
        size = self.shape[0]
        grams = np.zeros((count, size, size))

        def summands(rows: tuple[Chunk, Floats]) -> Iterator[Weights]:
            X = rows[0].X
            return (self.weighted_gram(X, h.astype(np.float64)) for h in rows[1])

        for products in self._summands(summands, blocks, size):
            for gram, product in zip(grams, products, strict=True):
                gram += product
        grams /= self.scaled_weight_sum
        return grams

    def _summands(
        self, products: Callable[[Any], Any], blocks: Iterable[Any], columns: int
    ) -> Iterator[Any]:
        """Return the products of each block, of which sums of so many columns are made.

        Blocks in threads, rather than BLAS in threads: the bits are always the same.
        """
        n_threads = 1
        if self.n_samples * columns**2 > MANY_OPERATIONS:
            room = max(1, MAX_SUMMANDS // columns**2)
            n_threads = min(effective_n_threads(self.n_threads), room)
        return mapped(products, blocks, n_threads)

    def output_curvature(self, loss: Loss, W: Weights) -> Weights:
        """Return means over the rows, which need their logits alone."""
        total = np.zeros(self.n_outputs)
        for _, h in self._curved(loss, W):
            total += h.sum(axis=0, dtype=np.float64)
        return total / self.scaled_weight_sum

    def _curved(
        self, loss: Loss, W: Weights, min_rows: int = 0
    ) -> Iterator[tuple[Chunk, Floats]]:
        """Yield blocks of `min_rows` or more, and the curvature of their logits."""
        for block, z in self._logits(W, min_rows=min_rows):
            diagonal = np.empty_like(z)
            self.evaluate(loss, z, block.target, hessian=diagonal, floor=0.0)
            yield block, diagonal

    def _logits(
        self, W: Weights, width: int = 0, min_rows: int = 0
    ) -> Iterator[tuple[Chunk, Floats]]:
        """Yield blocks and their logits; width: numbers a row besides."""
        self.counter.add_one()
        d = self.n_features
        features = W[:d].astype(self.dtype, copy=False)
        intercept = W[d:].astype(self.dtype, copy=False)
        for block in self._blocks(width, min_rows):
            z = np.asarray(block.X @ features)
            if self.fit_intercept:
                z += intercept
            if block.offset is not None:
                z += block.offset
            yield block, z

    def _blocks(self, width: int, min_rows: int) -> Iterator[Chunk]:
        n = self.n_samples
        width += self.entries_per_row + self.n_outputs
        if self.may_keep(width):
            yield self._only_chunk
            return
        rows = max(256, min_rows, CHUNK_ENTRIES // width)
        for start in range(0, n, rows):
            part = slice(start, min(start + rows, n))
            yield self._chunk(part, self.target.rows(part))

    @cached_property
    def _only_chunk(self) -> Chunk:
        return self._chunk(slice(0, self.n_samples), self.target)

    def _chunk(self, part: slice, target: Target) -> Chunk:
        offset = None if self.offset is None else self.offset[part]
        shape = (part.stop - part.start, self.shape[0])
        return Chunk(self.read(part), target, offset, shape)

    def evaluate(self, loss: Loss, z: Floats, target: Target, **arrays: Any) -> None:
        """Fill arrays with derivatives of the rows' losses at their logits z."""
        loss.evaluate(z, target, n_threads=self.n_threads, **arrays)
