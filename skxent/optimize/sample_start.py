"""A start from samples: each of some times the rows of the one before.

The minimum of n rows is about √(p / n) from that of all, in the norm of the decrement,
where p is the number of weights; and the inverse Hessian of these rows leaves about
that share of the decrement at each step. So few passes over all rows are left.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from skxent.optimize.objective import Objective
from skxent.optimize.precondition import (
    MAX_GRAM_COLUMNS,
    MAX_GRAM_ENTRIES,
    Linear,
    each_output,
    mean_by_output,
)
from skxent.optimize.smooth import Weights

# All rows are so many times a sample, and that so many times the next smaller one. Odd,
# as rows may come in pairs or by the dozen.
SAMPLE_FACTOR = 7

# The least of these factors that pays, and the rows a weight in the smallest sample:
# fewer for several outputs, where the start also has an inverse Hessian for each.
MIN_FACTOR = 4
ROWS_PER_WEIGHT, ROWS_PER_WEIGHT_OF_MANY = 64, 8

# Numbers that a sample may have: 64 MB.
MAX_SAMPLE_ENTRIES = 1 << 23

# The tolerance on a sample, in what it differs from all rows; and the iterations there.
SAMPLE_TOL, MAX_SAMPLE_TOL, SAMPLE_ITER = 0.3, 0.1, 20

# Passes that the Gram matrices of a sample may take, for one for each output.
MAX_GRAM_PASSES = 2.0

# Minimise an objective, from weights, to a tolerance, by an inverse Hessian if known.
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
    """Return weights near the minimum, and the inverse Hessian there, from samples.

    The inverse is None, and the weights are the start, if samples are no help.
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
        # A sample may be separable: other rows tell whether its minimum is good.
        step = objective.rows.sample_step
        other = objective.sample(step if step % steps[-1] else step + 1)
        if not other.at(W).value < other.at(start).value:
            return start, None
    return W, inverse


def inverse_of(part: Objective, W: Weights, share: float) -> Linear:
    """Return the inverse Hessian of these rows: of each output, if that is cheap."""
    size, m = part.shape
    passes = m * part.rows.gram_cost() * share
    if m > 1 and passes <= MAX_GRAM_PASSES and m * size**2 <= MAX_GRAM_ENTRIES:
        return each_output(part, W)
    return mean_by_output(part, W)
