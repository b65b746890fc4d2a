"""Rows in blocks, wherever these are: each sum is the sum of those over the blocks.

The origin and the sample are those that the rows would have in one table, and so, but
for rounding, is the solver's path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import ignore_overflow
from skxent.losses._loss import Loss
from skxent.optimize.rows.base import PassCounter, Rows, origin_step
from skxent.optimize.rows.constant import Ranges, column_ranges
from skxent.optimize.rows.stores import BlockStore, add
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Columns, Weights


@dataclass(frozen=True, eq=False, repr=False)
class RowsPart:
    """Some of the rows, and where these are among all.

    runs : (place of the first row, how many follow each other) of every run of rows.
    """

    rows: TableRows
    runs: tuple[tuple[int, int], ...]

    def take_every(self, step: int) -> Any:
        """Return which of its rows are among every `step`-th of all rows."""
        (first, rows), *others = self.runs
        if not others:
            return slice(-first % step, None, step)
        starts = np.cumsum([0, rows, *(rows for _, rows in others)])
        places = [
            start + np.arange(-first % step, rows, step)
            for start, (first, rows) in zip(starts, self.runs, strict=False)
        ]
        return np.concatenate(places)

    def runs_of_every(self, step: int) -> tuple[tuple[int, int], ...]:
        """Return where the rows of `take_every` are among every `step`-th of all rows.

        So a sample of a sample is that of one table, too.
        """
        runs = []
        for first, rows in self.runs:
            begin, end = (-(-place // step) for place in (first, first + rows))
            runs.append((begin, end - begin))
        return tuple(runs)

    def __sizeof__(self) -> int:
        """Return the bytes of its rows: schedulers move what is small."""
        X, target = self.rows.X, self.rows.target
        weight, offset = target.sample_weight, self.rows.offset
        return nbytes(X, target.codes, target.soft, weight, offset)


def nbytes(*columns: Any) -> int:
    """Return the bytes of arrays and sparse matrices; None has none."""
    total = 0
    for rows in columns:
        arrays = [rows.data, rows.indices, rows.indptr] if sp.issparse(rows) else [rows]
        total += sum(array.nbytes for array in arrays if array is not None)
    return total


Parts = Iterable[RowsPart]


@dataclass(frozen=True, eq=False, repr=False)
class View:
    """The parameters of a pass that all parts of the rows share."""

    origin: Floats
    constant: NDArray[np.bool_]
    weight_sum: float
    columns: Columns | None = None

    def of(self, part: RowsPart) -> TableRows:
        """Return the rows of a part, whose sums are shares of the mean over all."""
        rows, columns = part.rows, self.columns
        rows = rows if columns is None else rows.restricted(columns)
        return replace(
            rows,
            origin=self.origin,
            constant=self.constant,
            scaled_weight_sum=self.weight_sum / rows.weight_scale,
        )


@ignore_overflow  # the solver reports it
def evaluate(parts: Parts, view: View, method: str, loss: Loss, *args: Weights) -> Any:
    """Sum a method of the rows over parts."""

    def of(part: RowsPart) -> Any:
        return getattr(view.of(part), method)(loss, *args)

    return add(map(of, parts))  # unlike a loop, it holds no part while it gets the next


def subsampled(parts: Parts, step: int) -> list[RowsPart]:
    """Return every `step`-th of all rows: the same as of one table."""

    def of(part: RowsPart) -> RowsPart | None:
        sample = part.rows.take(part.take_every(step))
        if not sample.n_samples or not sample.scaled_weight_sum:
            return None
        share = sample.scaled_weight_sum / part.rows.scaled_weight_sum
        if not share:
            return None
        sample = replace(sample, weight_sum=part.rows.weight_sum * share)
        return RowsPart(sample, part.runs_of_every(step))

    return [sample for sample in map(of, parts) if sample is not None]


def weight_sum(parts: Parts) -> float:
    """Return the weight of all rows."""
    return sum(part.rows.weight_sum for part in parts)


def offset_sum(parts: Parts) -> Any:
    """Return the sum of the offsets times the weights of the rows."""

    def of(part: RowsPart) -> Any:
        return part.rows.mean_offset * part.rows.weight_sum

    return add(map(of, parts))


def column_statistics(parts: Parts, step: int) -> Any:
    """Sum every `step`-th of all rows, count these, and find the columns' ranges."""

    def of(part: RowsPart) -> tuple[Any, int, Ranges]:
        X = part.rows.X
        rows = X[part.take_every(step)]
        ranges = column_ranges(X, part.rows.target.sample_weight)
        return rows.sum(axis=0, dtype=np.float64), rows.shape[0], ranges

    return add(map(of, parts))


def summed(method: str) -> Any:
    """Return a method that sums that of the parts."""
    return lambda rows, loss, W: np.asarray(rows._sum(method, loss, W))


@dataclass(frozen=True, eq=False, repr=False)
class BlockRows(Rows):
    """The rows of `RowsPart`s in a store.

    target : the targets of all rows together, one row a class.
    columns : those of X that are in use; None for all.
    """

    parts: BlockStore
    target: Target
    n_samples: int
    n_features: int
    dtype: np.dtype[Any]
    fit_intercept: bool
    weight_sum: float
    origin: Floats
    constant: NDArray[np.bool_]
    columns: Columns | None = None
    mean_offset: Any = 0.0
    counter: PassCounter = field(default_factory=PassCounter)

    def sample(self, step: int) -> BlockRows:
        """Return every `step`-th row of each block, which takes one pass."""
        if step < 2:
            return self
        self.counter.add_one()
        parts = self.parts.map(subsampled, step)
        weight = parts.sum(weight_sum)
        # Preconditioners are chosen by what a sample costs, as for one table.
        n_samples = -(-self.n_samples // step)
        part = replace(
            self,
            parts=parts,
            n_samples=n_samples,
            weight_sum=weight or 0.0,
            counter=PassCounter(),
        )
        return part if weight else self

    def restricted(self, columns: Columns) -> BlockRows:
        """Return the same blocks, of which each pass takes some columns."""
        return replace(
            self,
            n_features=len(columns),
            origin=self.origin[columns],
            constant=self.constant[columns],
            columns=columns,
            counter=PassCounter(),
        )

    def _sum(self, method: str, loss: Loss, *args: Weights) -> Any:
        self.counter.add_one()
        view = View(self.origin, self.constant, self.weight_sum, self.columns)
        return self.parts.sum(evaluate, view, method, loss, *args)

    def values_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[Weights, Weights, Floats | None]:
        """Return the sums over all blocks, in one pass."""
        values, gradient, logits = self._sum("values_gradient", loss, W)
        return values, gradient, logits

    def hessian_product(
        self, loss: Loss, W: Weights, V: Weights, logits: Floats | None = None
    ) -> Weights:
        """Return the sum over all blocks, in one pass."""
        return np.asarray(self._sum("hessian_product", loss, W, V))

    hessian = summed("hessian")
    gram = summed("gram")
    grams_by_output = summed("grams_by_output")
    diagonal_and_border = summed("diagonal_and_border")
    output_curvature = summed("output_curvature")


def block_rows(
    parts: BlockStore,
    target: Target,
    *,
    n_samples: int,
    n_features: int,
    dtype: np.dtype[Any],
    fit_intercept: bool,
    centred: bool,
    has_offset: bool,
) -> BlockRows:
    """Return the rows of parts; centred: no block is sparse, so columns may be."""
    rows = BlockRows(
        parts,
        target,
        n_samples,
        n_features,
        np.dtype(dtype),
        fit_intercept,
        target.total_weight(),
        np.zeros(n_features, dtype=dtype),
        np.zeros(n_features, dtype=bool),
    )
    if has_offset and fit_intercept:
        mean = parts.sum(offset_sum) / parts.sum(weight_sum)
        rows = replace(rows, mean_offset=mean)
    if not (fit_intercept and centred):
        return rows
    step = origin_step(n_samples)
    total, count, ranges = parts.sum(column_statistics, step)
    origin = (total / count).astype(rows.dtype)
    return replace(rows, origin=origin, constant=ranges.constant)
