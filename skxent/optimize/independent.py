"""Minimise independent outputs, as those of many labels, together.

Large tables start from the minimum of a sample, which takes next to no time and leaves
few passes over all rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skxent.losses._shipped import SURROGATE
from skxent.optimize.objective import Objective
from skxent.optimize.outputs import Outputs, some_outputs, unsolved
from skxent.optimize.outputs_lbfgs import Descent
from skxent.optimize.precondition import MAX_GRAM_COLUMNS
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import SMOOTH_START_TOL, SolverOptions

# Tables of so many times the rows of a sample start from its minimum, to a tolerance.
SAMPLE_STEP, SAMPLE_TOL, SAMPLE_ITER = 4, 0.03, 20

# Weights of the outputs that are worked on together: their pairs take 1 GB.
MAX_WEIGHTS = 1 << 23


def minimise_outputs(
    objective: Objective, start: Weights, options: SolverOptions
) -> Outputs:
    """Minimise all outputs of a smooth objective as far as that goes together.

    If `start` is zero, large tables start from the minimum of a sample, others from the
    best constant; and a loss that is not convex from the cross-entropy fit.
    """
    rows: Any = objective.rows  # a table: blocks have no independent outputs
    if start.any():
        return descend(objective, start, options)
    start = objective.best_constant()
    wide = rows.n_features > MAX_GRAM_COLUMNS
    if wide or rows.sample_step < SAMPLE_STEP:
        return from_constant(objective, start, options)
    tol = max(options.tol, SAMPLE_TOL)
    loose = replace(options, tol=tol, max_iter=SAMPLE_ITER, callback=None)
    end = from_constant(objective.subsample, start, loose).W
    # A sample may be separable: other rows tell whether its minimum is a good start.
    step = rows.sample_step
    check = replace(objective, rows=rows.take(slice(step // 2, None, step)))
    better = check.values_gradient(end)[0] < check.values_gradient(start)[0]
    return descend(objective, np.where(better, end, start), options)


def from_constant(
    objective: Objective, start: Weights, options: SolverOptions
) -> Outputs:
    """Minimise from the best constant."""
    if not objective.loss.convex and options.max_iter > 1:
        easier = replace(objective, loss=SURROGATE)
        tol = max(options.tol, SMOOTH_START_TOL)
        start = easier.best_constant()
        start = descend(easier, start, replace(options, tol=tol, callback=None)).W
    return descend(objective, start, options)


def descend(objective: Objective, start: Weights, options: SolverOptions) -> Outputs:
    """Minimise by L-BFGS from `start`, the outputs in groups if they are many."""
    m, found = start.shape[1], unsolved(objective, start)
    tol = options.tol * np.sqrt(objective.rows.output_shares)
    n_groups = min(m, -(-start.size // MAX_WEIGHTS))
    for group in np.array_split(np.arange(m), n_groups):
        part = objective if len(group) == m else some_outputs(objective, group)
        Descent(part, found, group, tol[group]).run(options)
    return found
