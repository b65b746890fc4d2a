"""A start from the minima of samples of growing size.

In the norm of the decrement, the minimum of a sample of n rows is about √(p / n) from
that of all rows, where p is the number of weights. Each step by the inverse Hessian of
the sample leaves about this share of the decrement, so few passes over all rows remain.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from skxent.optimize.objective import Objective
from skxent.optimize.precondition import (
    MAX_GRAM_COLUMNS,
    MAX_GRAM_ENTRIES,
    Diagonal,
    Linear,
    each_output,
    mean_by_output,
)
from skxent.optimize.smooth import Weights

# The ratio of the sizes of successive samples. It is coprime to 2 and 12, because rows
# may come in pairs or dozens.
SAMPLE_FACTOR = 7

# The least ratio that saves time, and the least number of rows per weight in a sample,
# which is smaller for several outputs, because each has its own inverse Hessian.
MIN_FACTOR = 4
ROWS_PER_WEIGHT, ROWS_PER_WEIGHT_OF_MANY = 64, 8

# The largest number of entries of X in a sample (64 MB).
MAX_SAMPLE_ENTRIES = 1 << 23

# The tolerance on a sample, relative to the expected distance √(p / n) and absolute,
# and the maximum number of iterations.
SAMPLE_TOL, MAX_SAMPLE_TOL, SAMPLE_ITER = 0.3, 0.1, 20

# Sampling error alone gives other rows a squared decrement of p times the sum of both
# inverse numbers of rows. Ordinary tables have 0.1 to 3 times as much, and those where
# a row of the sample is 10^4 times as large as the others 7 to 700 times.
MAX_NOISE = 5.0

# Each output gets its own Gram matrix if all of them cost at most this many passes.
MAX_GRAM_PASSES = 2.0

# Returns the weights of a minimum, from an objective, the weights to start from, the
# tolerance, and the inverse Hessian there or None.
Minimise = Callable[[Objective, Weights, float, Linear | None], Weights]


def sample_steps(objective: Objective) -> list[int]:
    """Return k for each sample of every k-th row, the smallest sample first."""
    rows = objective.rows
    n, d = rows.n_samples, rows.n_features
    each = ROWS_PER_WEIGHT if rows.n_outputs == 1 else ROWS_PER_WEIGHT_OF_MANY
    least = each * math.prod(objective.shape)
    most = min(rows.sample_step, n // max(least, 1))
    if most < MIN_FACTOR or d > MAX_GRAM_COLUMNS:
        return []
    step = max(min(most, SAMPLE_FACTOR), -(-n * d // MAX_SAMPLE_ENTRIES))
    steps = []
    while step <= most:
        steps.append(step)
        step *= SAMPLE_FACTOR
    return steps[::-1]


def from_samples(
    objective: Objective, start: Weights, tol: float, minimise: Minimise
) -> tuple[Weights, Linear | None]:
    """Return weights near the minimum and the inverse Hessian there, from samples.

    Return the start and None if samples do not help.
    """
    W, inverse, steps = start, None, sample_steps(objective)
    for step in steps:
        part = objective.sample(step)
        n_samples = part.rows.n_samples
        error = float(np.sqrt(W.size / n_samples))
        sample_tol = max(tol, min(MAX_SAMPLE_TOL, SAMPLE_TOL * error))
        W = minimise(part, W, sample_tol, inverse)
        inverse = inverse_of(part, W, n_samples / objective.rows.n_samples)
    if inverse is not None:
        # Other rows show whether the sample was separable, or had rows of unusual size.
        step = objective.rows.sample_step
        other = objective.sample(step if step % steps[-1] else step + 1)
        point, noise = other.at(W), 1 / other.rows.n_samples + 1 / n_samples
        direction = Diagonal(other, W).inverse(other)(point.gradient)
        squared = np.vdot(point.gradient, direction)
        worse = not point.value < other.at(start).value
        if worse or squared > MAX_NOISE * W.size * noise:
            return start, None
    return W, inverse


def inverse_of(part: Objective, W: Weights, share: float) -> Linear:
    """Return the inverse Hessian of a sample, one for each output if that is cheap."""
    size, m = part.shape
    passes = m * part.rows.gram_cost() * share
    if m > 1 and passes <= MAX_GRAM_PASSES and m * size**2 <= MAX_GRAM_ENTRIES:
        return each_output(part, W)
    return mean_by_output(part, W)
