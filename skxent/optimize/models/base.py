"""What proximal Newton asks of the quadratic model of an objective."""

from __future__ import annotations

from abc import ABC, abstractmethod

from skxent.optimize.smooth import Weights

# Sweeps of coordinate descent between two looks at all coordinates, and such rounds for
# one model.
SWEEPS, MAX_ROUNDS = 10, 50


class Model(ABC):
    """The quadratic model of an objective, minimised with the rest of the penalty."""

    # Do sweeps cost nothing beside the model?
    cheap_sweeps = False

    @abstractmethod
    def expand(self, W: Weights, damping: float = 0.0) -> None:
        """Expand at W, the Hessian and damping times that of cross-entropy at zero.

        There no row is saturated, so damping bounds a step by what rows may change.
        """

    @abstractmethod
    def minimise(
        self, W: Weights, gradient: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """Return the minimiser and the model's gradient there.

        W, gradient : where to begin, and the model's gradient there.
        accuracy : how much the last sweep changes, relative to the first.
        """
