"""Independent outputs, as those of many labels: their values, and some of them.

The objective of such rows is a sum of one problem for each output, in the columns of W.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.optimize.objective import Objective
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import Callback


class Outputs(NamedTuple):
    """The state of all outputs: weights (D, m), and which are at a minimum (m,).

    Solvers of some of the outputs write into the arrays.
    """

    W: Weights
    values: Weights
    decrement: Weights
    n_iter: NDArray[np.intp]
    done: NDArray[np.bool_]


def unsolved(objective: Objective, start: Weights) -> Outputs:
    """Return the outputs where nothing is done yet."""
    m = objective.rows.n_outputs
    inf, none = np.full(m, np.inf), np.zeros(m, dtype=bool)
    return Outputs(start.copy(), inf, inf.copy(), np.zeros(m, dtype=np.intp), none)


def of_output(callback: Callback, W: Weights, k: int) -> Callback:
    """Return what to call with the weights of one output; the others are those of W."""

    def called(w: Weights) -> None:
        whole = W.copy()
        whole[:, [k]] = w
        callback(whole)

    return called


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
