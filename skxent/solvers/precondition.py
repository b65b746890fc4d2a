"""Approximate inverses of the Hessian for conjugate gradients, the cheapest first.

    diagonal          formed but once
    mean of outputs   the Gram matrix of a sample, weighted by its mean curvature
    each output       a Gram matrix for each, which has its curvature in rows of its own

The last two are formed anew for every step: near the minimum of well separated classes
most rows have no curvature left.

Logits may all shift together without a loss, so that only the penalty holds them. Such
directions, the same in all outputs, are not mixed with the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skxent.objectives.problem import Problem, Weights
from skxent.solvers.inverse import Inverse

# Wider than this, a Gram matrix would not pay.
WIDE = 2000

# Numbers that the Gram matrices of all outputs may have together: 32 MB.
ROOM = 1 << 22

# Hessian products that a Gram matrix may take to be formed without a question.
CHEAP = 1

# Scaled by its diagonal, curvature that reaches no further than this has no need of a
# Gram matrix. Of independent columns, 4 rows each in the sample, it reaches to 2.25,
# and with three classes to 3.4; of tables that are measured, usually beyond 10.
ROUND = 4.0

Linear = Callable[[Weights], Weights]


@dataclass(frozen=True)
class Rung:
    """A way to precondition, and about how many Hessian products one takes."""

    cost: float
    at: Callable[[Weights], Linear]


def ladder(objective: Problem, W: Weights) -> list[Rung]:
    """Ways to precondition from W on, each better and dearer than the one before."""
    d, m = objective.n_features, objective.n_outputs
    sample, rungs = objective.sample(), []
    free = slice(d if objective.penalty else 0, None)
    diagonal = diagonal_that_does(objective, W)
    if diagonal is not None:
        first = of_diagonal(diagonal, free)
        rungs.append(Rung(0.0, lambda W: first))
    if d <= WIDE:
        cost = gram_cost(objective)
        rungs.append(Rung(cost, lambda W: mean_of_outputs(sample, W, free)))
        if m > 1 and m * d**2 <= ROOM:
            rungs.append(Rung(cost * m, lambda W: each_output(sample, W, free)))
    return rungs


def gram_cost(objective: Problem) -> float:
    """About how many Hessian products take as long as a Gram matrix of a sample.

    An entry of X meets d others in the one. In the other it is read, which takes as
    long as 40 of these, and with many outputs as 8 for each; sparse, 1/2 for each.
    """
    X, m = objective.X, objective.n_outputs
    if sp.issparse(X):
        cost = 2 * X.nnz / X.shape[0] / m
    else:
        cost = objective.n_features / (8 * max(5, m))
    return float(cost * objective.sample().n_samples / objective.n_samples)


def diagonal_that_does(objective: Problem, W: Weights) -> Weights | None:
    """The scale of the Hessian at W, or None where a Gram matrix is worth its time.

    That is where it takes next to none, or where the curvature in units of its diagonal
    is far from round.
    """
    narrow, sample = objective.n_features <= WIDE, objective.sample()
    if narrow and gram_cost(objective) <= CHEAP:
        return None
    diagonal = scale_of(sample, W)
    if narrow:
        root, reach = np.sqrt(diagonal), 0.0
        V = sample.value_gradient(W)[1] / root
        for _ in range(3):  # the power method
            V /= np.linalg.norm(V) or 1.0
            V = sample.hessian_product(W, V / root) / root
            reach = float(np.linalg.norm(V))
        if reach > ROUND:
            return None
    return diagonal


def apart(inverse: Linear, inverse_of_shift: Linear, free: slice) -> Linear:
    """One inverse for what the outputs differ in, another for what they share.

    free: rows of W that no penalty holds. Along a shift of these H is zero.
    """

    def precondition(G: Weights) -> Weights:
        shift = G.mean(axis=1, keepdims=True)
        Z = inverse(G - shift)
        Z -= Z.mean(axis=1, keepdims=True)
        shift[free] = 0
        return Z + inverse_of_shift(shift)

    return precondition


def scale_of(sample: Problem, W: Weights) -> Weights:
    """The diagonal of the Hessian; of sparse X less unequal: (D, m).

    How much rarer than others a column is counts but for its square root: with few
    entries each, the diagonal tells less of the curvature than it adds noise.
    """
    diagonal = sample.curvature_diagonal(W)
    X, d = sample.X, sample.n_features
    if sp.issparse(X):
        count = np.maximum(np.bincount(X.indices, minlength=d), 1.0)
        diagonal[:d] -= sample.penalty
        diagonal[:d] *= np.sqrt(count.mean() / count)[:, np.newaxis]
        diagonal[:d] += sample.penalty
    return diagonal + np.finfo(float).tiny


def of_diagonal(diagonal: Weights, free: slice) -> Linear:
    inverse = scaled_by(diagonal)
    if diagonal.shape[1] == 1:
        return inverse
    return apart(inverse, mean_scale(diagonal), free)


def mean_of_outputs(sample: Problem, W: Weights, free: slice) -> Linear:
    inverse = Inverse(sample.curvature(W))
    return inverse if W.shape[1] == 1 else apart(inverse, inverse, free)


def each_output(sample: Problem, W: Weights, free: slice) -> Linear:
    blocks = sample.curvature_by_output(W)
    inverses = [Inverse(block) for block in blocks]

    def inverse(G: Weights) -> Weights:
        columns = zip(inverses, G.T, strict=True)
        return np.hstack([of_one(g[:, np.newaxis]) for of_one, g in columns])

    diagonal = np.diagonal(blocks, axis1=1, axis2=2).T
    return apart(inverse, mean_scale(diagonal), free)


def scaled_by(diagonal: Weights) -> Linear:
    return lambda G: G / diagonal


def mean_scale(diagonal: Weights) -> Linear:
    return scaled_by(diagonal.mean(axis=1, keepdims=True) + np.finfo(float).tiny)
