"""The interface of the quadratic models that proximal Newton minimises."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from skxent.optimize.smooth import Weights

# The number of sweeps of coordinate descent between two checks of all coordinates, and
# the number of such rounds for one model.
SWEEPS, MAX_ROUNDS = 10, 50

# A sweep that changes the model by no more than this, in nats, changes only rounding
# errors of the weights.
MIN_CHANGE = float(8 * np.finfo(np.float64).eps) ** 2


def sweep_tolerance(accuracy: float, first: float) -> float:
    """Return the change of a sweep at which sweeps end, from that of the first."""
    return max(accuracy**2 * first, MIN_CHANGE)


class Model(ABC):
    """A quadratic model of the smooth part, minimised with the nonsmooth penalty."""

    # True: the cost of a sweep is negligible compared with that of the model.
    cheap_sweeps = False

    @abstractmethod
    def expand(self, W: Weights, damping: float = 0.0) -> None:
        """Expand at W, with damping times the Hessian of cross-entropy at zero added.

        No row is saturated at zero, so damping limits how far logits can change.
        """

    @abstractmethod
    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """Return the minimiser and the model's gradient there.

        W, gradient : where to begin, and the model's gradient there.
        accuracy : how much the last sweep changes, relative to the first.
        """
