"""L1 and elastic net: proximal Newton on a growing set of columns.

    F(W) = f(W) + λ Σ_jk |W_jk|,  f a LinearObjective, no λ on intercepts

Columns outside the working set have W_j = 0 and |∂f/∂W_j| <= λ, or are the next to
join. On the set, f is replaced by its quadratic model, and the model with the L1 norm
minimised by coordinate descent, which keeps exact zeros. As in skxent.solvers the
decrement δ judges convergence: δ²/2 is the drop of F (nats) that the model promises.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from skxent._coordinate import sweep_columns, sweep_matrix
from skxent.losses import CrossEntropy
from skxent.objective import LinearObjective, Weights
from skxent.solvers import (
    SEPARABLE,
    Solution,
    check_converged,
    no_minimum_near,
    solve,
)

# The first working set; below this many columns it is all of them.
SMALL = 128

# A larger Hessian is not formed: coordinate descent goes through X instead.
WHOLE = 3000

# Sweeps between two attempts at a Newton step, and such rounds for one model.
SWEEPS, ROUNDS = 10, 50

# How accurately a model is minimised, from far to near: the change of the last sweep
# to that of the first.
FAR, NEAR = 0.1, 1e-3


def l1_norm(W: Weights, l1: Weights) -> float:
    return float(l1 @ np.abs(W).sum(axis=1))


class Model(Protocol):
    """The quadratic model of an objective."""

    def expand(self, W: Weights) -> None:
        """Expand at W."""

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        """The minimiser with the L1 norm, and the model's gradient there."""


class MatrixModel:
    """The whole Hessian: sweeps cost nothing beside it."""

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective

    def expand(self, W: Weights) -> None:
        self.H = self.objective.hessian(W)
        if self.objective.loss.convex:
            return
        try:
            cho_factor(self.H)
        except LinAlgError:
            values, vectors = eigh(self.H)
            self.H = (vectors * np.abs(values)) @ vectors.T

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        w, slope = W.T.flatten(), gradient.T.flatten()
        l1 = np.tile(l1, W.shape[1])
        first = last = sweep_matrix(self.H, slope, w, l1, 1, 0.0)
        for _ in range(ROUNDS):
            enough = accuracy**2 * first
            last = sweep_matrix(self.H, slope, w, l1, SWEEPS, enough)
            if last <= enough:
                break
            self._newton(w, slope, l1)
        shape = W.shape[::-1]
        return w.reshape(shape).T, slope.reshape(shape).T

    def _newton(self, w: Weights, slope: Weights, l1: Weights) -> None:
        """Towards the minimum over the coordinates in use if they kept their signs.

        Those that would not are set to zero. Where that is not a descent, as along
        collinear columns, the step ends where the first of them is zero.
        """
        used = np.flatnonzero((w != 0) | (l1 == 0))
        sign = np.sign(w[used])
        H = self.H[np.ix_(used, used)]
        pull = slope[used] + l1[used] * sign
        try:
            # The ridge holds directions along which H and the slope have no part.
            ridge = np.diag(1e-10 * np.diagonal(H))
            end = w[used] - cho_solve(cho_factor(H + ridge), pull)
        except LinAlgError:
            return
        step = end - w[used]
        lost = (np.sign(end) != sign) & (l1[used] > 0)
        end[lost] = 0.0
        projected = end - w[used]
        if pull @ projected + 0.5 * projected @ H @ projected < 0:
            step = projected
        else:
            reach = np.full(len(used), np.inf)
            reach[lost] = -w[used][lost] / step[lost]
            first = np.argmin(reach)
            end = w[used] + reach[first] * step
            end[first] = 0.0
            step = end - w[used]
        w[used] = end
        slope += step @ self.H[used]


class ColumnsModel:
    """The Hessian row by row: m x m numbers for each row of X."""

    def __init__(self, objective: LinearObjective) -> None:
        self.objective = objective
        X = objective.X
        if not sp.issparse(X):
            X = sp.csc_array(X - objective.origin)
        if objective.fit_intercept:
            X = sp.hstack([X, np.ones((X.shape[0], 1))])
        self.X = sp.csc_array(X, dtype=np.float64)
        self.l2 = np.zeros(objective.shape[0])
        self.l2[: objective.n_features] = objective.penalty

    def expand(self, W: Weights) -> None:
        objective, m = self.objective, self.objective.n_outputs
        z = np.asarray(self.X @ W, dtype=objective.dtype)
        H = np.empty((len(z), m * m), dtype=z.dtype)
        slope = np.empty_like(z)
        objective.loss.evaluate(
            z,
            objective.target,
            objective.binary,
            gradient=slope,
            n_threads=objective.n_threads,
            **{"hessian" if m == 1 else "matrix": H},
        )
        self.slope = slope / np.float64(objective.total_weight)
        self.H = H / np.float64(objective.total_weight)
        if not objective.loss.convex:
            values, vectors = np.linalg.eigh(self.H.reshape(-1, m, m))
            vectors_t = vectors.swapaxes(1, 2)
            positive = np.maximum(values, 0)[:, np.newaxis]
            self.H = ((vectors * positive) @ vectors_t).reshape(-1, m * m)
        self.curvature = self.X.power(2).T @ self.H[:, :: m + 1]
        self.curvature += self.l2[:, np.newaxis]

    def minimise(
        self, W: Weights, gradient: Weights, l1: Weights, accuracy: float
    ) -> tuple[Weights, Weights]:
        w = np.array(W, order="C")
        X = self.X
        # Indices may be of 64 bits, but the rows of X are not so many.
        start, rows = X.indptr.astype(np.intp), X.indices.astype(np.intc, copy=False)
        arrays = start, rows, X.data, self.H, self.slope, w, self.curvature
        every = np.arange(len(w))
        enough = accuracy**2 * sweep_columns(*arrays, l1, self.l2, every, 1, 0.0)
        for _ in range(ROUNDS):
            used = np.flatnonzero(w.any(axis=1) | (l1 == 0))
            sweep_columns(*arrays, l1, self.l2, used, SWEEPS, enough)
            if sweep_columns(*arrays, l1, self.l2, every, 1, enough) <= enough:
                break
        return w, X.T @ self.slope + self.l2[:, np.newaxis] * w


def model_of(objective: LinearObjective) -> Model:
    size, m = objective.shape
    # Sparse columns are swept as fast as a matrix; eigenvalues take longer than both.
    costly = sp.issparse(objective.X) or not objective.loss.convex
    limit = WHOLE // 10 if costly else WHOLE
    return (MatrixModel if size * m <= limit else ColumnsModel)(objective)


def restrict(objective: LinearObjective, columns: NDArray[np.intp], X: Any) -> Any:
    """The same objective on some columns of X alone."""
    if len(columns) == objective.n_features:
        return objective
    strength = objective.penalty * objective.total_weight
    part = LinearObjective(
        X[:, columns].tocsr() if sp.issparse(X) else X.take(columns, axis=1),
        objective.target,
        objective.loss,
        C=1 / strength if strength else np.inf,
        fit_intercept=objective.fit_intercept,
        n_threads=objective.n_threads,
    )
    part.origin = objective.origin[columns]
    return part


def solve_l1(
    objective: LinearObjective,
    start: Weights,
    l1: float,
    *,
    solver: str = "auto",
    tol: float = 1e-4,
    max_iter: int = 100,
    verbose: int = 0,
) -> Solution:
    """Minimise F; a loss that is not convex from zero by way of cross-entropy.

    Without an L1 penalty `solver`, one of skxent.solvers, minimises f.
    """
    if l1 == 0:
        return solve(
            objective, start, solver=solver, tol=tol, max_iter=max_iter, verbose=verbose
        )
    path = ProximalNewton(objective, l1, verbose)
    if not objective.loss.convex and not start.any() and max_iter > 1:
        loss, objective.loss = objective.loss, CrossEntropy()
        start = path.run(start, max(tol, 1e-2), max_iter - 1).weights
        objective.loss = loss
    found = path.run(start, tol, max_iter)
    check_converged("proximal Newton", found, tol)
    return found


class ProximalNewton:
    """Newton steps on working sets; n_iter counts on from run to run."""

    def __init__(self, objective: LinearObjective, l1: float, verbose: int) -> None:
        self.objective = objective
        self.l1 = np.zeros(objective.shape[0])
        self.l1[: objective.n_features] = l1
        self.verbose = verbose
        self.n_iter = 0
        self.decrement = np.inf
        X = objective.X
        wide = objective.n_features > SMALL
        self.X = X.tocsc() if wide and sp.issparse(X) else X
        self.noise = 8 * float(np.finfo(objective.dtype).eps)

    def run(self, W: Weights, tol: float, max_iter: int) -> Solution:
        objective, d = self.objective, self.objective.n_features
        if objective.fit_intercept and not W.any():
            W = W.copy()
            W[d:] = objective.loss.best_constant_of(objective.target)
        # A sweep over sparse columns costs no more than a gradient: all may join.
        room = d if sp.issparse(objective.X) else SMALL
        while True:
            value, gradient = objective.value_gradient(W)
            columns, left = self.working_set(W, gradient, room)
            rows = np.append(columns, np.arange(d, len(W)))
            part = restrict(objective, columns, self.X)
            begin = self.n_iter
            found = self.descend(
                part, W[rows], value, gradient[rows], self.l1[rows], tol, max_iter
            )
            W = np.zeros_like(W)
            W[rows] = found.weights
            first = self.n_iter == begin + 1
            whole = len(columns) == d
            done = found.decrement <= tol and (whole or (first and not left))
            if done or found.reason:
                return replace(found, weights=W, n_iter=self.n_iter)
            room = d if left and first else max(room, 2 * len(columns))

    def working_set(
        self, W: Weights, gradient: Weights, room: int
    ) -> tuple[NDArray[np.intp], int]:
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
        objective: LinearObjective,
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
        enough, previous = tol, np.inf
        while True:
            self.n_iter += 1
            model.expand(W)
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
            if decrement <= tol:
                if no_minimum_near(total, W, step, value, floor, decrement, before):
                    return Solution(W, value, 0, decrement, False, SEPARABLE)
                return Solution(end, value - promised, 0, decrement, True, "")
            if decrement**2 <= floor and decrement > 0.5 * previous:
                reason = "the objective's rounding error was reached"
                return Solution(W, value, 0, decrement, True, reason)
            if self.n_iter >= max_iter:
                reason = "max_iter was reached"
                return Solution(W, value, 0, decrement, False, reason)
            enough, previous = max(enough, 0.1 * decrement), decrement
            length, candidate = 1.0, end
            while True:
                new_value, new_gradient = objective.value_gradient(candidate)
                new_value += l1_norm(candidate, l1)
                if new_value <= value + 1e-4 * length * descent + floor:
                    break
                length *= 0.5
                candidate = W + length * step
                if length < 1e-10:
                    reason = "no step along the Newton direction lowered the objective"
                    return Solution(W, value, 0, decrement, False, reason)
            W, value, gradient = candidate, new_value, new_gradient
            if decrement <= enough:
                return Solution(W, value, 0, decrement, True, "")
