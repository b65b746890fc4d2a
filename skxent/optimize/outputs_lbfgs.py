"""L-BFGS of independent outputs: a pass over X serves all of them.

Each output has its own pairs of curvature, its own length of the step and its own end.
What outputs share is the pass in which their next points are evaluated. Steps begin
with the Gram matrix of a sample, weighted by the curvature of the output, so that most
have length one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.optimize.newton import SHORTEST, SUFFICIENT, WHOLE_STEP
from skxent.optimize.objective import Objective
from skxent.optimize.outputs import Outputs, dots, some_outputs
from skxent.optimize.precondition import (
    MAX_GRAM_COLUMNS,
    Linear,
    diagonal_if_sufficient,
    each_output,
    gram_cost,
    mean_by_output,
)
from skxent.optimize.smooth import Weights, rounding_error
from skxent.optimize.solution import SolverOptions

# Pairs of curvature that an output keeps.
HISTORY = 8

# The least curvature along a step, in that of the model, that makes a pair.
MIN_CURVATURE = 1e-4

# A step that is longer, in the norm of the decrement, has changed the curvature: the
# Gram matrices are renewed, if those of all outputs take no more than so many passes.
# Where they take more, they are renewed after so many iterations.
RENEWING_STEP = 0.3
MAX_RENEWAL = 4.0
RENEWING_ITER = 12

# Outputs that have ended are left out of the passes if they are this share of all.
ENDED_SHARE = 0.25

# Where a step may gain no more than this many rounding errors of the values, they do
# not tell which of its points are lower.
ROUNDING_FLOORS = 16


@dataclass(frozen=True, eq=False, repr=False)
class Scale:
    """About the inverse of the Hessian of each output, where its steps begin.

    inverse : for `n_outputs`, of which `columns` are still worked on. renewable : the
    Gram matrices take so little time that they may be formed for any step.
    """

    inverse: Linear
    renewable: bool
    n_outputs: int
    columns: NDArray[np.intp]

    def __call__(self, G: Weights) -> Weights:
        """Return the product of each inverse with a column of G."""
        if len(self.columns) == self.n_outputs:
            return self.inverse(G)
        padded = np.zeros((len(G), self.n_outputs))
        padded[:, self.columns] = G
        return self.inverse(padded)[:, self.columns]


def scale_at(objective: Objective, W: Weights) -> Scale:
    """Return the diagonal, or Gram matrices of a sample.

    The matrices are one for each output, or if these take long their mean.
    """
    m, sample = objective.rows.n_outputs, objective.subsample
    diagonal = diagonal_if_sufficient(objective, W)
    each = diagonal is None and m * gram_cost(objective) <= MAX_RENEWAL
    if diagonal is not None:
        inverse = diagonal.inverse(objective)
    elif each:
        inverse = each_output(sample, W)
    else:
        inverse = mean_by_output(sample, W)

    return Scale(inverse, each, m, np.arange(m))


Pairs = list[tuple[Weights, Weights, Weights]]


def quasi_newton(inverse: Linear, pairs: Pairs, G: Weights) -> Weights:
    """Return the product of the L-BFGS inverse of each output with its gradient.

    pairs : steps (D, m), the changes of the gradient, and the reciprocals of their
    products, which are zero for an output without such a pair.
    """
    G, shares = G.copy(), []
    for step, change, reciprocal in reversed(pairs):
        shares.append(reciprocal * dots(step, G))
        G -= shares[-1] * change
    result = inverse(G)
    for (step, change, reciprocal), share in zip(pairs, reversed(shares), strict=True):
        result += (share - reciprocal * dots(change, result)) * step
    return result


class Descent:
    """L-BFGS of some outputs, which leave the passes when they have ended."""

    objective: Objective
    found: Outputs
    group: NDArray[np.intp]
    tol: Weights
    values: Weights
    gradient: Weights
    direction: Weights
    decrement: Weights

    def __init__(
        self,
        objective: Objective,
        found: Outputs,
        group: NDArray[np.intp],
        tol: Weights,
    ) -> None:
        self.objective, self.found = objective, found
        self.group, self.tol = group, tol
        m = len(group)
        self.active: NDArray[np.bool_] = np.ones(m, dtype=bool)
        self.W: Weights = found.W[:, group]
        self.values, self.gradient = objective.values_gradient(self.W)
        self.scale: Scale = scale_at(objective, self.W)
        self.pairs: Pairs = []
        self.length: Weights = np.ones(m)
        self.previous: Weights = np.full(m, np.inf)
        self.direction, self.decrement = self._step()

    def _step(self) -> tuple[Weights, Weights]:
        """Return the next step of each output, and its decrement."""
        G = self.gradient
        direction = -quasi_newton(self.scale, self.pairs, G)
        squared = np.maximum(-dots(G, direction), dots(G, self.scale(G)))
        return direction, np.sqrt(np.maximum(squared, 0.0))

    def run(self, options: SolverOptions) -> None:
        """Descend until all outputs have ended, or the iterations."""
        for n_iter in range(min(options.max_iter, options.patience) + 1):
            if n_iter:
                self._advance(n_iter)
            self._end(n_iter)
            if options.verbose:
                print(
                    f"Iteration {n_iter:3d}: {self.active.sum()} outputs, decrement "
                    f"{self.decrement.max():.3g}, passes {self.objective.passes}"
                )
            if n_iter and options.callback is not None:
                options.callback(self.found.W.copy())
            if not self.active.any():
                return

    def _advance(self, n_iter: int) -> None:
        """Try the next points, all in one pass, and go to those that are lower."""
        W, values, G, length = self.W, self.values, self.gradient, self.length
        slope = dots(G, self.direction)
        there = W + length * self.direction
        values_there, G_there = self.objective.values_gradient(there)
        lower = values_there <= values + SUFFICIENT * length * slope + self._floor()
        step, change = np.where(lower, there - W, 0), np.where(lower, G_there - G, 0)
        product, moved = dots(step, change), length * np.sqrt(np.abs(slope))
        pair = product > MIN_CURVATURE * moved**2
        reciprocal = np.divide(1, product, out=np.zeros_like(product), where=pair)
        self.pairs = [*self.pairs[1 - HISTORY :], (step, change, reciprocal)]
        self.W = np.where(lower, there, W)
        self.values = np.where(lower, values_there, values)
        self.gradient = np.where(lower, G_there, G)
        far = self.scale.renewable and (moved[lower] > RENEWING_STEP).any()
        narrow = self.objective.rows.n_features <= MAX_GRAM_COLUMNS
        if far or (narrow and n_iter % RENEWING_ITER == 0):
            self.scale = scale_at(self.objective, self.W)
        direction, decrement = self._step()
        self.direction = np.where(lower & self.active, direction, self.direction)
        self.previous = np.where(lower, self.decrement, self.previous)
        self.decrement = np.where(lower, decrement, self.decrement)
        self.length = np.where(lower, 1.0, 0.5 * length)

    def _floor(self) -> Weights:
        dtype = self.objective.dtype
        return np.array([rounding_error(dtype, value) for value in self.values])

    def _end(self, n_iter: int) -> None:
        """Keep where the outputs are, and end those that have nothing to gain."""
        decrement, active = self.decrement, self.active
        slow = decrement > 0.5 * self.previous
        gain = decrement**2 / self._floor()
        rounding = (gain <= 1) & (decrement > 0.9 * self.previous)
        rounding |= (gain <= ROUNDING_FLOORS) & (self.length < 0.1)
        done = (decrement <= self.tol) | rounding
        # So near, a whole step is free precision.
        last = active & (decrement <= np.minimum(self.tol, WHOLE_STEP)) & ~slow
        last &= np.isfinite(self.previous)
        self.W = np.where(last, self.W + self.direction, self.W)
        found = self.found
        for whole, part in (
            (found.values, self.values),
            (found.decrement, decrement),
            (found.n_iter, np.full(len(active), n_iter)),
            (found.done, done),
        ):
            whole[self.group[active]] = part[active]
        found.W[:, self.group[active]] = self.W[:, active]
        self.active = active & ~done & (self.length >= SHORTEST)
        self.direction = np.where(self.active, self.direction, 0.0)
        kept = np.flatnonzero(self.active)
        if 0 < len(kept) <= (1 - ENDED_SHARE) * len(active):
            self._restrict(kept)

    def _restrict(self, kept: NDArray[np.intp]) -> None:
        """Go on with some of the outputs."""

        def part(values: Any) -> Any:
            return values[..., kept]

        self.objective = some_outputs(self.objective, kept)
        self.scale = replace(self.scale, columns=self.scale.columns[kept])
        self.pairs = [(part(s), part(y), part(r)) for s, y, r in self.pairs]
        self.group, self.tol, self.active = map(
            part, (self.group, self.tol, self.active)
        )
        self.W, self.values, self.gradient = map(
            part, (self.W, self.values, self.gradient)
        )
        self.direction, self.length = map(part, (self.direction, self.length))
        self.decrement, self.previous = map(part, (self.decrement, self.previous))
