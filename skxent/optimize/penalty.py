"""The base class of penalties, and the definition of a penalty.

A penalty is convex in the weights W (D, m), whose rows are the columns of X and then
the intercepts. It is the sum of a smooth part, ½ Σ curvature W², and of a part that is
not smooth where weights are zero and has a proximal map instead:

    prox(V, step) = argmin_W ½ ‖W - V‖² + step · nonsmooth_value(W)

Every penalty defines `curvature` and `restricted`, and one with a part that is not
smooth also `nonsmooth_value`, `prox` and `groups`. The other members have defaults that
hold for any penalty; `shift_invariant`, `best_shift`, `may_be_unbounded` and
`l1_weights` let solvers do more where it is known to be right.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np

from skxent.optimize.smooth import Columns, Weights

# Nats: a penalised objective below this means classes that X separates.
SEPARATED = 1e-6


class Penalty(ABC):
    """A convex function of W (D, m), smooth but for zeros."""

    # False: the solver must use the proximal map.
    smooth = True
    # True: columns of X have no penalty, and may separate the classes.
    free_columns: bool = False
    # True: `best_shift` returns the best shift that all outputs share, and solvers need
    # not move along it. That is right only if all outputs count alike.
    shift_invariant = False

    @property
    @abstractmethod
    def curvature(self) -> Weights:
        """Return the diagonal Hessian of the smooth part: (D, 1), or (D, m)."""

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """Return the smooth part and its gradient."""
        gradient = self.hessian_product(W)
        return 0.5 * float(np.vdot(W, gradient)), gradient

    def hessian_product(self, V: Weights) -> Weights:
        """Return the Hessian of the smooth part times V."""
        return self.curvature * V

    def add_to_hessian(self, H: Weights) -> None:
        """Add that Hessian to one of the rows (m D, m D), output by output."""
        size = len(self.curvature)
        diagonal = H.reshape(-1)[:: len(H) + 1].reshape(len(H) // max(size, 1), size)
        diagonal += self.curvature.T

    def add_to_grams(self, grams: Weights) -> None:
        """Add its blocks to the (D, D) matrix of each output, or their mean to one."""
        diagonals = grams.reshape(len(grams), -1)[:, :: len(self.curvature) + 1]
        per_output = self.curvature.T
        one = len(grams) == 1 < len(per_output)
        diagonals += per_output.mean(axis=0) if one else per_output

    def nonsmooth_value(self, W: Weights) -> float:
        """Return the part that is not smooth."""
        return 0.0

    def prox(self, V: Weights, step: float) -> Weights:
        """Return the proximal map of step times the part that is not smooth."""
        return V

    def groups(self) -> list[Columns]:
        """Return the rows of W that the part that is not smooth ties together."""
        return [np.array([row]) for row in range(len(self.curvature))]

    def best_shift(self, features: Weights) -> Weights:
        """Shift rows alike in all outputs to where the penalty is least, if many are.

        The loss does not see it. Where there is but one such shift the solver finds it.
        """
        return features

    def may_be_unbounded(self, value: float) -> bool:
        """Return True if an objective, now of this value, may fall for ever."""
        return self.free_columns or value < SEPARATED

    def is_least_at(self, W: Weights) -> bool:
        """Return True if each row of W, whatever the others are, costs least there."""
        return False

    @property
    def l1_weights(self) -> Weights | None:
        """Return the L1 weights (2, D) if an L1 norm is all that is not smooth.

        The first row multiplies weights above zero, the second those below; an infinite
        one forbids that side. Compiled coordinate descent minimises this norm.
        """
        return None

    @abstractmethod
    def restricted(self, index: Columns) -> Self:
        """Return the same penalty on some rows of W, if the others are zero."""
