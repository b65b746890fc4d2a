"""The objective as a sum over blocks of rows, wherever these are.

    f(W) = Σ_b f_b(W)

Each block's f_b is a `LinearObjective` with the block's share of the weights and of
the penalty, so value, gradient, Hessian and curvature of f are sums of theirs. The
origin and the sample are those that the rows would have in one table, and so, but for
rounding, is the solver's path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Protocol, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.inputs.targets import (
    Target,
)
from skxent.kernels.arrays import Floats
from skxent.losses._shipped import Loss
from skxent.optimize.constant import Ranges, column_ranges
from skxent.optimize.linear import LinearObjective
from skxent.optimize.problem import Columns, Problem, Weights


@dataclass
class Part:
    """The objective of some rows, and where these are among all.

    runs : (place of the first row, how many follow each other) of every run of rows.
    """

    objective: LinearObjective
    runs: tuple[tuple[int, int], ...]

    def every(self, step: int) -> Any:
        """Return which of its rows are among every so many of all rows."""
        (first, rows), *others = self.runs
        if not others:
            return slice(-first % step, None, step)
        starts = np.cumsum([0, rows, *(rows for _, rows in others)])
        places = [
            start + np.arange(-first % step, rows, step)
            for start, (first, rows) in zip(starts, self.runs, strict=False)
        ]
        return np.concatenate(places)

    def __sizeof__(self) -> int:
        """Bytes of its rows: schedulers move what is small."""
        X, target = self.objective.X, self.objective.target
        return nbytes(X, target.codes, target.soft, target.sample_weight)


def nbytes(*columns: Any) -> int:
    """Return the bytes of arrays and sparse matrices; None has none."""
    total = 0
    for rows in columns:
        arrays = [rows.data, rows.indices, rows.indptr] if sp.issparse(rows) else [rows]
        total += sum(array.nbytes for array in arrays if array is not None)
    return total


Parts = Iterable[Part]


class Store(Protocol):
    """Where blocks are kept: what works on them goes there, small answers come back."""

    def map(self, function: Callable[..., Any], *args: Any) -> Store:
        """Keep function(blocks, *args) in place of the blocks."""

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        """Σ over all places of function(blocks, *args): arrays, or tuples of them."""


class Here:
    """Blocks in this process, or read by it."""

    def __init__(self, blocks: Iterable[Any]) -> None:
        self.blocks = blocks

    def map(self, function: Callable[..., Any], *args: Any) -> Here:
        return Here(function(self.blocks, *args))

    def sum(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(self.blocks, *args)


def add(values: Iterable[Any]) -> Any:
    """Σ of numbers, arrays or lists, or of tuples of them; None counts as nothing."""

    def plus(a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        if isinstance(a, tuple):
            return tuple(map(plus, a, b))
        return a + b

    return reduce(plus, values, None)


@dataclass(frozen=True)
class View:
    """What the blocks are told for a pass; it changes while their rows stay."""

    loss: Loss
    origin: Floats
    penalty: float
    given_weight: float
    constant: NDArray[np.bool_]
    columns: Columns | None = None

    def of(self, part: Part) -> LinearObjective:
        """A block's share of the objective."""
        objective = copy(part.objective)
        share = objective.given_weight / self.given_weight
        objective.loss, objective.origin = self.loss, self.origin
        objective.constant = self.constant
        objective.penalty = self.penalty * share
        objective.total_weight /= share
        if self.columns is None:
            return objective
        return objective.by_columns()(self.columns)


def evaluate(parts: Parts, view: View, method: str, *args: Weights) -> Any:
    return add(getattr(view.of(part), method)(*args) for part in parts)


def thinned(parts: Parts, step: int) -> list[Part]:
    """Every so many of all rows: the same as of one table."""
    kept = []
    for part in parts:
        sample = part.objective.some(part.every(step))
        if not sample.n_samples:
            continue
        share = sample.total_weight / part.objective.total_weight
        if not share:
            continue
        sample.given_weight = part.objective.given_weight * share
        sample.X = sample.X.copy()  # a view would keep all rows
        kept.append(Part(sample, ((0, sample.n_samples),)))
    return kept


def weight(parts: Parts) -> float:
    return sum(part.objective.given_weight for part in parts)


def column_sums(parts: Parts, step: int) -> Any:
    """Σ of every so many of all rows, how many these are, and the columns' ranges."""

    def of(part: Part) -> tuple[Any, int, Ranges]:
        X = part.objective.X
        rows = X[part.every(step)]
        ranges = column_ranges(X, part.objective.target.sample_weight)
        return rows.sum(axis=0, dtype=np.float64), rows.shape[0], ranges

    return add(map(of, parts))


class BlockObjective(Problem):
    """The sum of the objectives of `Part`s in a store.

    target : the targets of all rows together, one row a class.
    centred : may the columns be centred, that is, are no blocks sparse?
    """

    X = None
    dtype: np.dtype[Any]
    n_samples: int
    n_features: int
    n_outputs: int
    penalty: float
    given_weight: float
    origin: Floats
    passes: int
    view: View

    def __init__(
        self,
        parts: Store,
        target: Target,
        loss: Loss,
        *,
        n_samples: int,
        n_features: int,
        dtype: Any,
        C: float,
        fit_intercept: bool,
        centred: bool,
    ) -> None:
        self.parts = parts
        self.target = target
        self.loss = loss
        self.dtype = np.dtype(dtype)
        self.n_samples, self.n_features = n_samples, n_features
        self.n_outputs = 1 if target.n_classes == 2 else target.n_classes
        self.fit_intercept = fit_intercept
        self.given_weight = target.total_weight()
        self.penalty = 1.0 / (C * self.given_weight)
        self.passes = 0
        self.origin = np.zeros(n_features, dtype=self.dtype)
        self.constant: NDArray[np.bool_] = np.zeros(n_features, dtype=bool)
        if fit_intercept and centred:
            total, count, ranges = parts.sum(column_sums, self.origin_step)
            self.origin = (total / count).astype(self.dtype)
            self.constant = ranges.constant
        self.view = View(
            loss, self.origin, self.penalty, self.given_weight, self.constant
        )
        self.few: tuple[Store, float] | None = None

    def sample(self) -> Self:
        if self.sample_step < 2:
            return self
        if self.few is None:
            self.passes += 1
            parts = self.parts.map(thinned, self.sample_step)
            self.few = parts, parts.sum(weight)
        part = copy(self)
        part.parts, given_weight = self.few
        # Preconditioners are chosen by what a sample costs, as for one table.
        part.n_samples = -(-self.n_samples // self.sample_step)
        part.view = replace(self.view, given_weight=given_weight)
        return part if given_weight else self

    def best_constant(self) -> Floats:
        return self.loss.best_constant_of(self.target)

    def by_columns(self) -> Callable[[Columns], BlockObjective]:
        def restricted(columns: Columns) -> BlockObjective:
            part = copy(self)
            part.n_features, part.origin = len(columns), self.origin[columns]
            part.constant = self.constant[columns]
            part.view = replace(self.view, columns=columns)
            return part

        return restricted

    def _sum(self, method: str, *args: Weights) -> Any:
        self.passes += 1
        view = replace(self.view, loss=self.loss, penalty=self.penalty)
        return self.parts.sum(evaluate, view, method, *args)

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        return self._sum("value_gradient", W)

    def hessian_product(self, W: Weights, V: Weights) -> Weights:
        return self._sum("hessian_product", W, V)

    def hessian(self, W: Weights) -> Weights:
        return self._sum("hessian", W)

    def curvature(self, W: Weights) -> Weights:
        return self._sum("curvature", W)

    def curvature_by_output(self, W: Weights) -> Weights:
        return self._sum("curvature_by_output", W)

    def curvature_diagonal(self, W: Weights) -> Weights:
        return self._sum("curvature_diagonal", W)

    def output_curvature(self, W: Weights) -> Weights:
        return self._sum("output_curvature", W)
