"""L1 and elastic net: proximal Newton on a growing set of columns.

    F(W) = f(W) + λ Σ_jk |W_jk|,  f the objective, no λ on intercepts

Columns outside the working set have W_j = 0 and |∂f/∂W_j| <= λ, or are the next to
join. On the set, f is replaced by its quadratic model, and the model with the L1 norm
minimised by coordinate descent, which keeps exact zeros. As in `solve.py` the
decrement δ judges convergence: δ²/2 is the drop of F (nats) that the model promises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from skxent.losses._shipped import CrossEntropy
from skxent.optimize.convergence import (
    MAX_ITER,
    ROUNDING,
    SEPARABLE,
    STALLED,
    Solution,
)
from skxent.optimize.newton import Listener, no_minimum_near
from skxent.optimize.problem import SEPARATED, Columns, Problem, Weights
from skxent.optimize.quadratic import MatrixModel, model_of

# The first working set; below this many columns it is all of them.
SMALL = 128

# How accurately a model is minimised, from far to near: the change of the last sweep
# to that of the first.
FAR, NEAR = 0.1, 1e-3
# The same for what is left of the last one, where the whole Hessian makes it cheap.
LAST = 1e-2

# A step along a Newton direction that is shorter is given up for a damped one; the
# least damping.
SHORT, LEAST = 0.1, 1e-3


def l1_norm(W: Weights, l1: Weights) -> float:
    return float(l1 @ np.abs(W).sum(axis=1))


def proximal_newton(
    objective: Problem,
    start: Weights,
    l1: float,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    """Minimise F; a loss that is not convex from zero by way of cross-entropy."""
    path = ProximalNewton(objective, l1, verbose, listener)
    if not objective.loss.convex and not start.any() and max_iter > 1:
        loss, objective.loss = objective.loss, CrossEntropy()
        start = path.run(start, max(tol, 1e-2), max_iter - 1).weights
        objective.loss = loss
    return path.run(start, tol, max_iter)


class ProximalNewton:
    """Newton steps on working sets; n_iter counts on from run to run."""

    l1: Weights
    n_iter: int
    decrement: float
    restrict: Callable[[Columns], Problem]
    noise: float

    def __init__(
        self,
        objective: Problem,
        l1: float,
        verbose: int,
        listener: Listener | None,
    ) -> None:
        self.objective = objective
        self.listener = listener
        self.l1 = np.zeros(objective.shape[0])
        self.l1[: objective.n_features] = l1
        self.verbose = verbose
        self.n_iter = 0
        self.decrement = np.inf
        if objective.n_features > SMALL:
            self.restrict = objective.by_columns()
        self.noise = 8 * float(np.finfo(objective.dtype).eps)

    def run(self, W: Weights, tol: float, max_iter: int) -> Solution:
        objective, d = self.objective, self.objective.n_features
        if objective.fit_intercept and not W.any():
            W = W.copy()
            W[d:] = objective.best_constant()
        # A sweep over sparse columns costs no more than a gradient: all may join.
        room = d if sp.issparse(objective.X) else SMALL
        while True:
            value, gradient = objective.value_gradient(W)
            columns, left = self.working_set(W, gradient, room)
            rows = np.append(columns, np.arange(d, len(W)))
            whole = len(columns) == d
            part = objective if whole else self.restrict(columns)
            begin = self.n_iter
            found = self.descend(
                part, W[rows], value, gradient[rows], self.l1[rows], tol, max_iter
            )
            W = np.zeros_like(W)
            W[rows] = found.weights
            if self.listener is not None:
                self.listener(W)
            first = self.n_iter == begin + 1
            done = found.decrement <= tol and (whole or (first and not left))
            if done or found.reason:
                return replace(found, weights=W, n_iter=self.n_iter)
            room = d if left and first else max(room, 2 * len(columns))

    def working_set(
        self, W: Weights, gradient: Weights, room: int
    ) -> tuple[Columns, int]:
        """Columns in use and those that most want to be; how many of these are left."""
        d = self.objective.n_features
        if d <= SMALL:
            return np.arange(d), 0
        used = W[:d].any(axis=1)
        excess = np.abs(gradient[:d]).max(axis=1) - self.l1[:d]
        excess[used] = -np.inf
        want = np.flatnonzero(excess > 0)
        count = min(len(want), max(room - int(used.sum()), room // 2))
        chosen = want
        if count < len(want):
            chosen = want[np.argpartition(-excess[want], count)[:count]]
        columns = np.sort(np.concatenate([np.flatnonzero(used), chosen]))
        return columns.astype(np.intp), len(want) - count

    def descend(
        self,
        objective: Problem,
        W: Weights,
        value: float,
        gradient: Weights,
        l1: Weights,
        tol: float,
        max_iter: int,
    ) -> Solution:
        """Newton steps until the decrement is a tenth of the first, or tol."""

        def total(W: Weights) -> float:
            return objective.value_gradient(W)[0] + l1_norm(W, l1)

        model = model_of(objective)
        value += l1_norm(W, l1)
        enough, previous, damping = tol, np.inf, 0.0
        while True:
            self.n_iter += 1
            model.expand(W, damping)
            before = self.decrement
            accuracy = min(FAR, max(NEAR, before))
            end, slope = model.minimise(W, gradient, l1, accuracy)
            step = end - W
            change = l1_norm(end, l1) - l1_norm(W, l1)
            descent = float(np.vdot(gradient, step)) + change
            promised = -descent - 0.5 * float(np.vdot(slope - gradient, step))
            decrement = self.decrement = float(np.sqrt(max(2 * promised, 0.0)))
            if self.verbose:
                print(
                    f"Iteration {self.n_iter:3d}: objective {value:.12g}, "
                    f"decrement {decrement:.3g}, columns {objective.n_features}, "
                    f"in use {np.count_nonzero(W.any(axis=1) & (l1 > 0))}"
                )
            floor = self.noise * max(abs(value), np.finfo(float).tiny)
            if damping and decrement <= tol:
                damping = 0.0
                continue
            if decrement <= tol:
                if value < SEPARATED and no_minimum_near(
                    total, W, step, value, floor, decrement, before
                ):
                    return Solution(W, value, 0, decrement, False, SEPARABLE)
                # So near, a whole step is free precision, if it minimises the model.
                if isinstance(model, MatrixModel):
                    end, _ = model.minimise(end, slope, l1, LAST)
                if 2 * decrement > before and total(end) > value:
                    end, promised = W, 0.0
                return Solution(end, value - promised, 0, decrement, True, "")
            if decrement**2 <= floor and decrement > 0.5 * previous:
                return Solution(W, value, 0, decrement, True, ROUNDING)
            if self.n_iter >= max_iter:
                return Solution(W, value, 0, decrement, False, MAX_ITER)
            enough, previous = max(enough, 0.1 * decrement), decrement
            length, candidate = 1.0, end
            while True:
                new_value, new_gradient = objective.value_gradient(candidate)
                new_value += l1_norm(candidate, l1)
                if new_value <= value + 1e-4 * length * descent + floor:
                    break
                length *= 0.5
                candidate = W + length * step
                if length < SHORT:
                    break
            if length < SHORT:
                # Rows that are saturated on the wrong side have a slope, no curvature.
                damping = max(LEAST, 10 * damping)
                if damping <= 10:
                    continue
                return Solution(W, value, 0, decrement, False, STALLED)
            W, value, gradient = candidate, new_value, new_gradient
            if length == 1:
                damping = damping / 10 if damping > LEAST else 0.0
            if decrement <= enough:
                return Solution(W, value, 0, decrement, True, "")
