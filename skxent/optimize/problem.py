"""What the solvers ask of a linear model's objective, wherever its rows are.

Weights W are (d + 1, m), the last row the intercepts if there are any; `origin` is
where the columns are centred, and W is for centred columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.targets import (
    Target,
)
from skxent.kernels.arrays import Floats
from skxent.losses._shipped import Loss
from skxent.optimize.shift import sparsest, zero_sum

Weights = NDArray[np.float64]
Columns = NDArray[np.intp]

# Nats: a penalised objective below this means classes that X separates.
SEPARATED = 1e-6

# Rows of a sample: so many, or so many a column if that is more. A Gram matrix of 4
# rows a column scales to a condition of 9; one of 10, to 3.7, took more than it saved.
SAMPLE = 4096
SAMPLE_PER_COLUMN = 4


class Problem(ABC):
    """An objective f: its shape and coordinates, and what is summed over rows."""

    X: Any  # None where the rows are elsewhere, which have no target here either
    target: Target
    loss: Loss
    dtype: np.dtype[Any]
    n_samples: int
    n_features: int
    n_outputs: int
    fit_intercept: bool
    penalty: float
    given_weight: float
    unit: float  # in which weights of rows are kept
    origin: Floats
    constant: NDArray[np.bool_]  # columns that are no more than an intercept
    passes: int
    products_follow = False  # of the Hessian, to where the value was asked for
    on_path = False  # one of several penalties, for which a Hessian is worth keeping

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_features + self.fit_intercept, self.n_outputs

    @property
    def sample_step(self) -> int:
        """Every so many rows make a sample."""
        return self.n_samples // max(SAMPLE, SAMPLE_PER_COLUMN * self.shape[0])

    @property
    def origin_step(self) -> int:
        """Every so many rows tell the origin: near the mean will do."""
        return max(1, self.n_samples // SAMPLE)

    def with_origin(self, W: Weights) -> Weights:
        """Weights for X itself, from those for the centred X."""
        return self._shifted(W, -1.0)

    def without_origin(self, W: Weights) -> Weights:
        """Weights for the centred X, from those for X itself."""
        return self._shifted(W, 1.0)

    def _shifted(self, W: Weights, sign: float) -> Weights:
        W = W.copy()
        if self.origin.any():  # never of sparse X, which is wide
            W[self.n_features :] += sign * (self.origin @ W[: self.n_features])
        return W

    @property
    def shift_invariant(self) -> bool:
        """May all outputs shift together, but for a penalty that `coefficients` knows?

        A loss does not see it. Solvers then need not move that way.
        """
        return self.n_outputs > 1

    def coefficients(self, W: Weights, l1_ratio: float = 0.0) -> Weights:
        """Weights for X itself, of all that are as good always the same."""
        if not self.shift_invariant:
            return self.with_origin(W)
        d = self.n_features
        W = self.with_origin(np.vstack([self.best_shift(W[:d], l1_ratio), W[d:]]))
        W[d:] = zero_sum(W[d:])
        return W

    def best_shift(self, features: Weights, l1_ratio: float = 0.0) -> Weights:
        """The same, shifted alike in all outputs to where the penalty is least.

        There is but one such place with an elastic net, and the solver finds it.
        """
        if l1_ratio == 0:
            return zero_sum(features)
        return sparsest(features) if l1_ratio == 1 else features

    def penalty_value_gradient(self, W: Weights) -> tuple[float, Weights]:
        gradient = self.penalty_product(W)
        return 0.5 * float(np.vdot(W, gradient)), gradient

    def penalty_product(self, V: Weights) -> Weights:
        """The Hessian of the penalty times V. All that is asked of it is here."""
        product = self.penalty * V
        product[self.n_features :] = 0
        return product

    def penalty_diagonal(self) -> Weights:
        """The diagonal of the Hessian of the penalty: (D, m)."""
        diagonal = np.full(self.shape, self.penalty)
        diagonal[self.n_features :] = 0
        return diagonal

    def may_lack_minimum(self, value: float = np.inf) -> bool:
        """Could the objective, now of this value, fall for ever?"""
        return self.penalty == 0 or value < SEPARATED

    def kept_hessian(self) -> Weights | None:
        """The last Hessian of a path, with the penalty that there is now."""
        return None

    @abstractmethod
    def sample(self) -> Self:
        """The same objective on rows enough to tell its curvature, spread over all."""

    @abstractmethod
    def best_constant(self) -> Floats:
        """The logits that have the least loss if all rows get them."""

    @abstractmethod
    def by_columns(self) -> Callable[[Columns], Problem]:
        """What gives the same objective on some columns of X alone."""

    @abstractmethod
    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """f(W) and its gradient, in one pass."""

    @abstractmethod
    def hessian_product(self, W: Weights, V: Weights) -> Weights:
        """The Hessian at W times V, in one pass."""

    @abstractmethod
    def hessian(self, W: Weights) -> Weights:
        """The whole Hessian at W: (m D, m D), output by output, D = d + intercept."""

    @abstractmethod
    def curvature(self, W: Weights) -> Weights:
        """X̃ᵀ diag(h) X̃ plus the penalty, one (D, D) matrix for all outputs.

        h is the mean over the outputs of the Hessian's diagonal in the logits: with two
        classes this is the Hessian itself.
        """

    @abstractmethod
    def curvature_by_output(self, W: Weights) -> Weights:
        """The same of each output alone: (m, D, D), the Hessian's diagonal blocks."""

    @abstractmethod
    def curvature_diagonal(self, W: Weights) -> Weights:
        """The diagonals of these, where they are too large: (D, m)."""

    def row_diagonal_and_columns(self, W: Weights) -> tuple[Weights, Weights | None]:
        """The same without the penalty; and of sparse X the columns' Σ w and Σ w x."""
        return self.curvature_diagonal(W) - self.penalty_diagonal(), None

    @abstractmethod
    def output_curvature(self, W: Weights) -> Weights:
        """The mean curvature in the logits, for each output: (m,)."""
