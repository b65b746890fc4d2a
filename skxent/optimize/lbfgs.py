"""L-BFGS in coordinates in which the curvature is near one."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize

from skxent.kernels.threads import one_blas_thread
from skxent.optimize.convergence import CONVERGED, MAX_ITER, ROUNDING, Solution
from skxent.optimize.inverse import Inverse
from skxent.optimize.newton import Listener
from skxent.optimize.precondition import WIDE, Diagonal, diagonal_that_does
from skxent.optimize.problem import Problem, Weights

# Iterations after which a diagonal was not enough. On round data it takes 6 to 23.
ENOUGH = 25


class Scale:
    """W = root U, where the objective's curvature in U is about one.

    One Gram matrix for all outputs, weighted by the curvature of the rows of a sample,
    and one number for each output; or a diagonal, which is of no use where columns
    depend on each other, but takes no time.
    """

    sample: Problem
    curvature: Weights
    share: Weights
    inverse: Inverse | None
    root: Weights
    diagonal: Diagonal

    def __init__(
        self, objective: Problem, W: Weights, diagonal: Diagonal | None
    ) -> None:
        self.sample = objective.sample()
        self.curvature = self._curvature(W)
        self.share = np.sqrt(self.curvature / self.curvature.mean())
        self.inverse = None
        if diagonal is None:
            self.inverse = Inverse(self.sample.curvature(W), objective.dtype)
        else:
            self.diagonal = diagonal
            self.root = np.sqrt(diagonal.scale.mean(axis=1, keepdims=True))

    def _curvature(self, W: Weights) -> Weights:
        curvature = self.sample.output_curvature(W)
        return np.maximum(curvature, max(1e-3 * curvature.mean(), 1e-300))

    def weights(self, U: Weights) -> Weights:
        if self.inverse is None:
            return self.diagonal.uncentred(U / self.root / self.share)
        return self.inverse.root(U) / self.share

    def gradient(self, G: Weights) -> Weights:
        if self.inverse is None:
            return self.diagonal.centred(G) / self.root / self.share
        return self.inverse.root_transposed(G / self.share)

    def decrement(self, W: Weights, G: Weights) -> float:
        """The norm of the gradient in U, with the curvature that there is at W now."""
        now = self.curvature / self._curvature(W)
        return float(np.linalg.norm(self.gradient(G)) * np.sqrt(max(now.max(), 1.0)))


def lbfgs(
    objective: Problem,
    start: Weights,
    tol: float,
    max_iter: int,
    verbose: int = 0,
    listener: Listener | None = None,
) -> Solution:
    """L-BFGS; the scale is renewed if the curvature has left it."""
    with one_blas_thread():
        return _lbfgs(objective, start, tol, max_iter, verbose, listener)


def _lbfgs(
    objective: Problem,
    start: Weights,
    tol: float,
    max_iter: int,
    verbose: int,
    listener: Listener | None,
) -> Solution:
    W, n_iter = start, 0
    diagonal = diagonal_that_does(objective, W)
    narrow = objective.n_features <= WIDE
    most = max_iter if diagonal is None or not narrow else min(max_iter, ENOUGH)
    noise = 8 * float(np.finfo(objective.dtype).eps)
    previous = np.inf
    scale = Scale(objective, W, diagonal)
    while True:
        W, value, gradient, steps = _follow(
            objective, scale, W, tol, most - n_iter, verbose, listener
        )
        n_iter += max(steps, 1)
        decrement = scale.decrement(W, gradient)
        if steps > ENOUGH or decrement > tol:
            # The curvature has left the scale: another tells how near the end is.
            if diagonal is not None:
                diagonal = None if narrow else Diagonal(objective.sample(), W)
            scale = Scale(objective, W, diagonal)
            decrement = scale.decrement(W, gradient)
        if decrement <= tol:
            return Solution(W, value, n_iter, decrement, True, CONVERGED)
        if decrement**2 <= noise * abs(value) and decrement > 0.5 * previous:
            return Solution(W, value, n_iter, decrement, True, ROUNDING)
        if n_iter >= max_iter:
            return Solution(W, value, n_iter, decrement, False, MAX_ITER)
        previous, most = decrement, max_iter


def _follow(
    objective: Problem,
    scale: Scale,
    origin: Weights,
    tol: float,
    max_iter: int,
    verbose: int,
    listener: Listener | None,
) -> tuple[Weights, float, Weights, int]:
    """scipy's L-BFGS from `origin`, in steps of one scale."""
    best: dict[str, Any] = {"value": np.inf}

    def weights(u: Weights) -> Weights:
        return origin + scale.weights(u.reshape(origin.shape))

    def evaluate(u: Weights) -> tuple[float, Weights]:
        W = weights(u)
        value, gradient = objective.value_gradient(W)
        if value < best["value"]:
            best.update(value=value, gradient=gradient, W=W)
        return value, scale.gradient(gradient).ravel()

    in_use = len(origin) - np.count_nonzero(objective.constant)
    in_use *= objective.n_outputs
    found = minimize(
        evaluate,
        np.zeros(origin.size),
        jac=True,
        method="L-BFGS-B",
        callback=None if listener is None else lambda u: listener(weights(u)),
        options={
            "maxiter": max_iter,
            "maxfun": 4 * max_iter,
            # scipy tests the largest entry: the norm is at most that times root p
            "gtol": tol
            / np.sqrt(origin.size - objective.constant.sum() * len(origin.T)),
            "ftol": 0.0,
        },
    )
    if verbose:
        print(
            f"L-BFGS: {found.nit} iterations, objective {best['value']:.12g}, "
            f"passes {objective.passes}"
        )
    return best["W"], best["value"], best["gradient"], int(found.nit)
