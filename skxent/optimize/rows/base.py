"""Sums of losses and their derivatives over rows, without a penalty.

All sums are means: they are divided by the sum of the weights. Weights W are (D, m),
the last row the intercepts if there are any; m = 1 for two classes, else K. With an
intercept the columns of dense X are centred at `origin` as they are read, so that
columns far from zero stay well conditioned; W is for these columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.kernels.cached import cached_property
from skxent.losses._loss import Loss
from skxent.optimize.smooth import Columns, Weights

# Rows of a sample: so many, or so many a column if that is more. A Gram matrix of 4
# rows a column scales to a condition of 9; one of 10, to 3.7, took more than it saved
# (tests/optimize/test_unscaled.py counts the passes).
SAMPLE_ROWS = 4096
SAMPLE_ROWS_PER_COLUMN = 4

# Numbers that a block should hold, of X and of the logits: half a megabyte. Blocks of a
# megabyte took two to three times as long, because their memory came from the system
# anew.
CHUNK_ENTRIES = 1 << 16

# A table with at most so many numbers is kept as one block.
MAX_KEPT_ENTRIES = 1 << 17

# Rows that a segment has at least, segments that there are at most, and numbers in the
# sums of all of them. They depend on shapes alone, and so do the results.
SEGMENT_ROWS = 2048
MAX_SEGMENTS = 64
MAX_SEGMENT_SUMS = 1 << 23

# W of fewer numbers than this fits a cache.
MAX_CACHED_WEIGHTS = 1 << 18


def origin_step(n_samples: int) -> int:
    """Return k, where every k-th row tells the origin: near the mean will do."""
    return max(1, n_samples // SAMPLE_ROWS)


# A sum of weights, or its product with C, that is less makes any penalty infinite.
LEAST_WEIGHT = 1e-300


class PassCounter:
    """The number of passes over X, which solvers print and compare with other costs."""

    count: int = 0

    def add_one(self) -> None:
        """Count a pass."""
        self.count += 1


@dataclass(frozen=True, eq=False, repr=False)
class Chunk:
    """Rows of X, centred if X is dense and there is an intercept; and their targets.

    offset : (n, m), added to the logits, or None.
    """

    X: Any
    target: Target
    offset: Floats | None
    shape: tuple[int, int]

    @cached_property
    def padded(self) -> Weights:
        """Return the rows as a dense matrix, with ones if there is an intercept."""
        x = np.ones(self.shape)
        x[:, : self.X.shape[1]] = self.X.toarray() if sp.issparse(self.X) else self.X
        return x

    @cached_property
    def outer(self) -> Weights | None:
        """Return x̃ x̃ᵀ of each row, (n, D²), where there is room for it."""
        n, size = self.shape
        if n * size**2 > MAX_KEPT_ENTRIES:
            return None
        x = self.padded
        return (x[:, :, np.newaxis] * x[:, np.newaxis]).reshape(n, -1)

    def hessian_summands(self, M: Floats) -> Weights | Iterator[Weights]:
        """Return the sum over the rows, with Hessians M in the logits: (m, D, m, D).

        Or (D, j + 1, D) for each output j: the lower half.
        """
        size, m = self.shape[1], isqrt(M.shape[1])
        if self.outer is not None:
            product = (M.T @ self.outer).reshape(m, m, size, size)
            return np.asarray(product.swapaxes(1, 2))
        if m == 1 and (M >= 0).all():
            # A product with its own transpose takes BLAS half the time.
            x = self.padded * np.sqrt(M.astype(np.float64, copy=False))
            return (x.T @ x)[np.newaxis, :, np.newaxis]
        x, M = self.padded, M.reshape(-1, m, m, 1)
        scaled = (M[:, j, : j + 1] * x[:, np.newaxis] for j in range(m))
        return ((x.T @ s.reshape(len(x), -1)).reshape(size, -1, size) for s in scaled)


class Layout(NamedTuple):
    """X as the kernels take it, and the shape of the sums that they fill."""

    X: Any
    segments: int
    width: int  # of the sums, in outputs
    work: int  # of a pass, in logits: decides about threads


class Rows(ABC):
    """Rows of X with their targets and weights.

    weight_sum : of the weights as they were given; constant : columns that are no more
    than an intercept.
    """

    target: Target  # of blocks: of all rows together, one row a class
    n_samples: int
    n_features: int
    fit_intercept: bool
    dtype: np.dtype[Any]
    weight_sum: float
    origin: Floats
    constant: NDArray[np.bool_]
    counter: PassCounter
    offset: Floats | None = None  # (n, m), where the rows are in one table

    # True: the cost of a pass over a column is its number of nonzeros.
    sparse = False

    @property
    def passes(self) -> int:
        """Return how many passes over these rows there were."""
        return self.counter.count

    @cached_property
    def n_outputs(self) -> int:
        """Return m, the logits of a row."""
        return self.target.n_outputs

    @property
    def independent(self) -> bool:
        """Return True if every output is a problem of two classes of its own."""
        return self.target.multilabel

    @cached_property
    def output_shares(self) -> Weights:
        """Return the weight of each independent output over their mean: (m,)."""
        mass: Weights = self.target.mass().sum(axis=1)
        return mass / mass.mean()

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Return the shape of W."""
        return self.n_features + self.fit_intercept, self.n_outputs

    def may_keep(self, width: int) -> bool:
        """Return True if all rows, of so many numbers each, may be one block."""
        return self.n_samples * width <= MAX_KEPT_ENTRIES

    @property
    def sample_step(self) -> int:
        """Return k, where every k-th row makes a sample."""
        rows = max(SAMPLE_ROWS, SAMPLE_ROWS_PER_COLUMN * self.shape[0])
        return self.n_samples // rows

    def with_origin(self, W: Weights) -> Weights:
        """Return the weights for X itself, from those for the centred X."""
        return self._shifted(W, -1.0)

    def without_origin(self, W: Weights) -> Weights:
        """Return the weights for the centred X, from those for X itself."""
        return self._shifted(W, 1.0)

    def _shifted(self, W: Weights, sign: float) -> Weights:
        W = W.copy()
        if self.origin.any():  # never of sparse X, which is wide
            W[self.n_features :] += sign * (self.origin @ W[: self.n_features])
        return W

    def best_constant(self, loss: Loss) -> Floats:
        """Return the logits that have the least loss if all rows get them."""
        return loss.best_constant_of(self.target)

    @cached_property
    def mean_offset(self) -> Any:
        """Return the mean offset (m,), without a shift of all outputs; or zero."""
        if self.offset is None:
            return 0.0
        if self.independent:
            weights = self.target.sample_weight
            return np.average(self.offset, axis=0, weights=weights)
        mean = np.average(self.offset, axis=0, weights=self.target.row_weights())
        return mean - mean.mean() if len(mean) > 1 else mean

    def best_intercepts(self, loss: Loss) -> Floats:
        """Return about the best intercepts if all coefficients are zero."""
        return self.best_constant(loss) - self.mean_offset

    @property
    def entries_per_column(self) -> float:
        """Return the mean number of entries of a column that a pass reads."""
        return float(self.n_samples)

    def columns_in_use(self) -> Columns | None:
        """Return the columns that W should have, in their order, or None for all."""
        return None

    def gram_cost(self) -> float:
        """Return about how many Hessian products take as long as a Gram matrix.

        An entry of X meets d others in the one. In the other it is read, which takes as
        long as 40 of these, and with many outputs as 8 for each.
        """
        return self.n_features / (8 * max(5, self.n_outputs))

    @cached_property
    def subsample(self) -> Rows:
        """Return rows enough to tell the curvature, spread over all."""
        return self.sample(self.sample_step)

    @abstractmethod
    def sample(self, step: int) -> Rows:
        """Return every `step`-th row, or all if these have no weight."""

    @abstractmethod
    def restricted(self, columns: Columns) -> Rows:
        """Return the same rows with some columns of X alone."""

    def renumbered(self, columns: Columns) -> Rows:
        """Return the rows with the result of `columns_in_use` alone."""
        return self.restricted(columns)

    def value_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[float, Weights, Floats | None]:
        """Return the mean loss, its gradient and, if asked and few, the logits."""
        values, gradient, logits = self.values_gradient(loss, W, cache_logits)
        return float(values.sum()), gradient, logits

    @abstractmethod
    def values_gradient(
        self, loss: Loss, W: Weights, cache_logits: bool = False
    ) -> tuple[Weights, Weights, Floats | None]:
        """Return mean losses (m,), the gradient and, if asked and few, the logits.

        Outputs that are independent have a loss each. Otherwise the first entry is
        the loss, and the others are zero.
        """

    @abstractmethod
    def hessian_product(
        self, loss: Loss, W: Weights, V: Weights, logits: Floats | None = None
    ) -> Weights:
        """Return the Hessian at W, of which the logits may be known, times V."""

    @abstractmethod
    def hessian(self, loss: Loss, W: Weights) -> Weights:
        """Return the whole Hessian: (m D, m D), output by output."""

    @abstractmethod
    def gram(self, loss: Loss, W: Weights) -> Weights:
        """Return X̃ᵀ diag(h) X̃, one (D, D) matrix for all outputs.

        h is the mean over the outputs of the Hessian's diagonal in the logits: with two
        classes this is the Hessian itself.
        """

    @abstractmethod
    def grams_by_output(self, loss: Loss, W: Weights) -> Weights:
        """Return the Hessian of each output, blocks of the whole: (m, D, D)."""

    def diagonal(self, loss: Loss, W: Weights) -> Weights:
        """Return the diagonals of these blocks, if those are too large: (D, m)."""
        return self.diagonal_and_border(loss, W)[0]

    @abstractmethod
    def diagonal_and_border(self, loss: Loss, W: Weights) -> Weights:
        """Return the diagonals, and Σ h x̃, the rows of an intercept: (2, D, m)."""

    @abstractmethod
    def output_curvature(self, loss: Loss, W: Weights) -> Weights:
        """Return the mean curvature in the logits, for each output: (m,)."""
