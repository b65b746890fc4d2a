"""Independent outputs, as those of many labels: their values, and some of them.

The objective of such rows is a sum of one problem for each output, in the columns of W.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Weights


@dataclass(frozen=True, eq=False, repr=False)
class Outputs:
    """Where the outputs have come to: weights (D, m), and which are at a minimum (m,).

    The arrays are filled by those who work on some of the outputs.
    """

    W: Weights
    values: Weights
    decrement: Weights
    n_iter: NDArray[np.intp]
    done: NDArray[np.bool_]


def dots(A: Weights, B: Weights) -> Weights:
    """Return the products of the columns."""
    return np.asarray(np.einsum("ij,ij->j", A, B))


def some_outputs(objective: Objective, index: NDArray[np.intp]) -> Objective:
    """Return the same objective for some of the outputs."""
    return _with_target(objective, objective.rows.target.labels(index), index)


def one_output(objective: Objective, k: int) -> Objective:
    """Return the same objective for one output, as a problem of two classes."""
    return _with_target(objective, objective.rows.target.label(k), np.array([k]))


def _with_target(
    objective: Objective, target: Target, index: NDArray[np.intp]
) -> Objective:
    rows: Any = objective.rows  # a table: blocks have no independent outputs
    offset = rows.offset
    if offset is not None:
        offset = np.ascontiguousarray(offset[:, index])
    part = rows.part(target=target, offset=offset, counter=rows.counter)
    return replace(objective, rows=part)
