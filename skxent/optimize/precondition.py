"""Approximate inverses of the Hessian for conjugate gradients, the cheapest first.

    diagonal          formed but once
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
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from skxent.optimize.inverse import Inverse, WholeInverse, check_curvature
from skxent.optimize.problem import Problem, Weights

# Wider than this, a Gram matrix would not pay.
WIDE = 2000

# Numbers that the Gram matrices of all outputs may have together: 32 MB.
ROOM = 1 << 22

# Of so many coefficients the whole Hessian can be formed.
FEW_COEFFICIENTS = 1000

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
    lasts: bool = False  # for several steps


def ladder(objective: Problem, W: Weights) -> list[Rung]:
    """Ways to precondition from W on, each better and dearer than the one before."""
    d, m = objective.n_features, objective.n_outputs
    sample, rungs = objective.sample(), []
    diagonal = diagonal_that_does(objective, W)
    if diagonal is not None:
        first = diagonal.inverse(objective)
        rungs.append(Rung(0.0, lambda W: first, lasts=True))
    if d <= WIDE:
        cost = gram_cost(objective)
        rungs.append(Rung(cost, lambda W: mean_of_outputs(sample, W)))
        if m > 1 and m * d**2 <= ROOM:
            each = Rung(cost * m, lambda W: each_output(sample, W), lasts=True)
            rungs.append(each)
    if m > 1 and W.size <= FEW_COEFFICIENTS:
        cost = W.size / 10
        rungs.append(Rung(cost, lambda W: whole(objective, W), lasts=True))
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


def diagonal_that_does(objective: Problem, W: Weights) -> Diagonal | None:
    """The diagonal of the Hessian at W, or None where a Gram matrix is worth its time.

    That is where it takes next to none, or where the curvature in units of its diagonal
    is far from round.
    """
    narrow, sample = objective.n_features <= WIDE, objective.sample()
    if narrow and gram_cost(objective) <= CHEAP:
        return None
    diagonal = Diagonal(sample, W)
    if narrow:
        root, reach = np.sqrt(diagonal.scale), 0.0
        V = diagonal.centred(sample.value_gradient(W)[1]) / root
        for _ in range(3):  # the power method
            V /= np.linalg.norm(V) or 1.0
            product = sample.hessian_product(W, diagonal.uncentred(V / root))
            V = diagonal.centred(product) / root
            reach = float(np.linalg.norm(V))
        if reach > ROUND:
            return None
    return diagonal


class Diagonal:
    """The diagonal of the Hessian at W, with columns of sparse X moved to their means.

    Dense columns are near theirs already, but sparse ones cannot be moved, and then
    have much in common with the intercept. Their weights can.

    scale: (D, m), the diagonal, of sparse columns shrunk towards their usual one. What
    c entries sum to has a logarithm with a variance of about 1 / c. This part of the
    variance between columns is noise, and noise in the scale only does harm. A weight
    counts as so many entries, unless weights are below one.
    """

    scale: Weights

    def __init__(self, sample: Problem, W: Weights) -> None:
        d = sample.n_features
        self.mean: Weights | None = None  # of columns, and zero for the intercept
        self.scale, columns = sample.row_diagonal_and_columns(W)
        check_curvature(self.scale)
        if columns is not None and columns.any():
            count, total = columns.T
            sums = self.scale[:d]
            if sample.fit_intercept:
                weight = sample.target.sample_weight
                rows = sample.n_samples if weight is None else weight.sum()
                self.mean = np.append(total / rows, 0.0)
                centred = sums - np.outer(self.mean[:d] ** 2, self.scale[d])
                sums = np.maximum(centred, 1e-3 * sums)
            used = count > 0
            self.scale[:d][used] = shrunk(
                sums[used], max(sample.unit, 1.0) * count[used]
            )
        self.scale += sample.penalty_diagonal() + np.finfo(float).tiny

    def centred(self, G: Weights) -> Weights:
        """The gradient in the weights of centred columns."""
        return G if self.mean is None else G - np.outer(self.mean, G[-1])

    def uncentred(self, W: Weights) -> Weights:
        """The weights of X itself."""
        if self.mean is not None:
            W[-1] -= self.mean @ W
        return W

    def inverse(self, objective: Problem) -> Linear:
        apply = apart(scaled_by(self.scale), objective)
        return lambda G: self.uncentred(apply(self.centred(G)))


def shrunk(sums: Weights, count: Weights) -> Weights:
    """Sums of so many entries each, their logarithms moved towards the mean one."""
    found = np.log(np.maximum(sums, np.finfo(float).tiny))
    usual, spread = found.mean(axis=0), found.var(axis=0)
    noise = np.mean(1 / np.maximum(count, 1.0))
    signal = 1 - noise / np.maximum(spread, noise)
    return np.exp(usual + signal * (found - usual))


def apart(inverse: Linear, objective: Problem) -> Linear:
    """The inverse for what the outputs differ in; a shift is held by the penalty alone.

    Along a shift that changes nothing, or that is where the penalty draws it, there is
    no gradient but rounding.
    """
    if objective.n_outputs == 1:
        return inverse
    held = objective.penalty_diagonal().mean(axis=1, keepdims=True)
    if objective.shift_invariant:
        held[:] = 0
    give = np.divide(1.0, held, out=np.zeros_like(held), where=held > 0)

    def precondition(G: Weights) -> Weights:
        shift = G.mean(axis=1, keepdims=True)
        Z = inverse(G - shift)
        Z -= Z.mean(axis=1, keepdims=True)
        return Z + give * shift

    return precondition


def mean_of_outputs(sample: Problem, W: Weights) -> Linear:
    return apart(Inverse(sample.curvature(W), sample.dtype), sample)


def each_output(sample: Problem, W: Weights) -> Linear:
    inverses = [Inverse(H, sample.dtype) for H in sample.curvature_by_output(W)]

    def inverse(G: Weights) -> Weights:
        columns = zip(inverses, G.T, strict=True)
        return np.hstack([of_one(g[:, np.newaxis]) for of_one, g in columns])

    return apart(inverse, sample)


def whole(objective: Problem, W: Weights) -> Linear:
    inverse = WholeInverse.of(objective, objective.hessian(W))
    if not objective.shift_invariant:
        return inverse

    def unshifted(G: Weights) -> Weights:
        return G - G.mean(axis=1, keepdims=True)

    return lambda G: unshifted(inverse(unshifted(G)))


def scaled_by(diagonal: Weights) -> Linear:
    reciprocal = 1 / diagonal
    return lambda G: G * reciprocal
