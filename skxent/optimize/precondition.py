"""Approximate inverses of the Hessian for conjugate gradients, the cheapest first.

    diagonal          formed anew for every step, as it takes a pass at most
    mean of outputs   the Gram matrix of a sample, weighted by its mean curvature
    each output       a Gram matrix for each, which has its curvature in rows of its own
    whole             the Hessian itself of few coefficients

The mean is formed anew for every step: near the minimum of well separated classes most
rows have no curvature left. What takes longer serves until its time was worth while.

Logits may all shift together without a loss, so that only the penalty holds them. Such
directions, the same in all outputs, are not mixed with the others. Where the penalty
draws them to where they are (`shift_invariant`) they are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skxent.optimize.inverse import Inverse, WholeInverse, check_curvature
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Weights

# With more columns than this a Gram matrix would not pay.
MAX_GRAM_COLUMNS = 2000

# The most numbers in the Gram matrices of all outputs together: 32 MB.
MAX_GRAM_ENTRIES = 1 << 22

# The most coefficients for which the whole Hessian is formed.
MAX_WHOLE_COEFFICIENTS = 1000

# A Gram matrix that costs at most this many Hessian products is always formed.
CHEAP_GRAM = 3

# The diagonal suffices if the largest eigenvalue of the Hessian scaled by it is at most
# this. With independent columns and 4 rows of the sample per column it is up to 2.25,
# with three classes up to 3.4, and with real tables usually above 10
# (tests/optimize/test_unscaled.py).
MAX_ROUND_REACH = 4.0

Linear = Callable[[Weights], Weights]


class Preconditioner(NamedTuple):
    """A way to precondition, and about how many Hessian products one takes."""

    cost: float
    at: Callable[[Weights], Linear]
    lasts: bool = False  # for several steps


def candidates(objective: Objective, W: Weights) -> list[Preconditioner]:
    """Return preconditioners from W on, each better and dearer than the one before."""
    rows, sample, result = objective.rows, objective.subsample, []
    d, m = rows.n_features, rows.n_outputs
    diagonal = diagonal_if_sufficient(objective, W)
    if diagonal is not None:
        result.append(
            Preconditioner(
                float(rows.sparse), lambda W: Diagonal(objective, W).inverse(objective)
            )
        )
    cost = gram_cost(objective)
    if cost < np.inf:
        result.append(Preconditioner(cost, lambda W: mean_of_outputs(sample, W)))
        if m > 1 and m * d**2 <= MAX_GRAM_ENTRIES:
            each = Preconditioner(cost * m, lambda W: each_output(sample, W), True)
            result.append(each)
    if m > 1 and W.size <= MAX_WHOLE_COEFFICIENTS:
        cost = W.size / 10
        result.append(Preconditioner(cost, lambda W: whole(objective, W), lasts=True))
    return result


def gram_cost(objective: Objective) -> float:
    """Return about how many Hessian products take as long as a sample's Gram matrix.

    It is infinite where there are too many columns for such a matrix.
    """
    rows = objective.rows
    if rows.n_features > MAX_GRAM_COLUMNS:
        return np.inf
    return rows.gram_cost() * rows.subsample.n_samples / rows.n_samples


def diagonal_if_sufficient(objective: Objective, W: Weights) -> Diagonal | None:
    """Return the diagonal of the Hessian at W, or None if a Gram matrix is worth it.

    It is worth it if it is cheap, or if the scaled Hessian has a large eigenvalue.
    """
    cost = gram_cost(objective)
    if cost <= CHEAP_GRAM:
        return None
    diagonal = Diagonal(objective, W)
    if cost < np.inf:
        sample = replace(objective.subsample, cache_logits=True)
        root, reach, point = np.sqrt(diagonal.scale), 0.0, sample.at(W)
        V = diagonal.centred(point.gradient) / root
        for _ in range(3):  # the power method
            V /= np.linalg.norm(V) or 1.0
            product = sample.hessian_product(point, diagonal.uncentred(V / root))
            V = diagonal.centred(product) / root
            reach = float(np.linalg.norm(V))
        if reach > MAX_ROUND_REACH:
            return None
    return diagonal


class Diagonal:
    """The diagonal of the Hessian at W, in columns that are centred by its curvature.

    A column minus its mean, which has the weights h of the rows' curvature, has nothing
    in common with the intercept: Σ h (x - mean) = 0. Means without these weights leave
    much in common where one class is rare.

    scale : (D, m), the diagonal. mean : (d, m), or None without an intercept.
    """

    def __init__(self, objective: Objective, W: Weights) -> None:
        rows = objective.rows
        d = rows.n_features
        # A sample of sparse rows would miss columns.
        rows = rows if rows.sparse else rows.subsample
        scale, border = rows.diagonal_and_border(objective.loss, W)
        check_curvature(scale)
        self.scale: Weights = scale + np.finfo(float).tiny
        self.mean: Weights | None = None
        if rows.fit_intercept:
            self.mean = border[:d] / self.scale[d]
            centred = scale[:d] - self.mean * border[:d]
            self.scale[:d] = np.maximum(centred, 1e-3 * self.scale[:d])
        self.scale += objective.penalty.curvature

    def centred(self, G: Weights) -> Weights:
        """Return the gradient in the weights of centred columns."""
        if self.mean is None:
            return G
        G = G.copy()
        G[:-1] -= self.mean * G[-1]
        return G

    def uncentred(self, W: Weights) -> Weights:
        """Return the weights of X itself, in W, which is overwritten."""
        if self.mean is not None:
            W[-1] -= np.einsum("ij,ij->j", self.mean, W[:-1])
        return W

    def inverse(self, objective: Objective) -> Linear:
        """Return the preconditioner that this diagonal makes."""
        return without_shift(
            lambda G: self.uncentred(self.centred(G) / self.scale), objective
        )


def without_shift(inverse: Linear, objective: Objective) -> Linear:
    """Return the inverse for what the outputs differ in; the penalty holds a shift.

    Along a shift that changes nothing, or that is where the penalty draws it, there is
    no gradient but rounding.
    """
    if objective.rows.n_outputs == 1 or objective.rows.independent:
        return inverse
    held = objective.shift_curvature()
    give = np.divide(1.0, held, out=np.zeros_like(held), where=held > 0)

    def precondition(G: Weights) -> Weights:
        shift = G.mean(axis=1, keepdims=True)
        Z = inverse(G - shift)
        Z -= Z.mean(axis=1, keepdims=True)
        return Z + give * shift

    return precondition


def mean_of_outputs(sample: Objective, W: Weights) -> Linear:
    """Return the inverse of one Gram matrix for all outputs."""
    return without_shift(Inverse(sample.gram(W), *sample.precision), sample)


def output_curvature(sample: Objective, W: Weights) -> Weights:
    """Return the mean curvature of each output, (m,), bounded away from zero."""
    curvature = sample.output_curvature(W)
    return np.maximum(curvature, max(1e-3 * curvature.mean(), 1e-300))


def mean_by_output(
    sample: Objective, W: Weights, curvature: Weights | None = None
) -> Linear:
    """Return the inverse of one Gram matrix, scaled by the curvature of each output.

    curvature : the result of `output_curvature`, if it is known.
    """
    inverse = Inverse(sample.gram(W), *sample.precision)
    if sample.rows.n_outputs == 1:
        return inverse
    if curvature is None:
        curvature = output_curvature(sample, W)
    share = np.sqrt(curvature / curvature.mean())
    return without_shift(lambda G: inverse(G / share) / share, sample)


def each_output(sample: Objective, W: Weights) -> Linear:
    """Return the inverses of a Gram matrix for each output."""
    precision = sample.precision
    inverses = [Inverse(H, *precision) for H in sample.grams_by_output(W)]

    def inverse(G: Weights) -> Weights:
        columns = zip(inverses, G.T, strict=True)
        return np.hstack([of_one(g[:, np.newaxis]) for of_one, g in columns])

    return without_shift(inverse, sample)


def whole(objective: Objective, W: Weights) -> Linear:
    """Return the inverse of the Hessian."""
    inverse = WholeInverse(
        objective.hessian(W),
        objective.shape,
        objective.shift_invariant,
        *objective.precision,
    )
    if not objective.shift_invariant:
        return inverse

    def unshifted(G: Weights) -> Weights:
        return G - G.mean(axis=1, keepdims=True)

    return lambda G: unshifted(inverse(unshifted(G)))
