"""How a solver ended, and what the user is told if that is no minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skxent.kernels.checks import warn

CONVERGED = "converged"
ROUNDING = "the objective's rounding error was reached"  # as near as can be told
MAX_ITER = "max_iter was reached"
STALLED = "no step lowered the objective"
SEPARABLE = "the coefficients keep growing"
STOPPED = "a callback asked to stop"


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped, and why."""

    weights: Any
    value: float
    n_iter: int
    decrement: float
    converged: bool
    reason: str


def warn_unless_converged(
    name: str, found: Solution, tol: float, remedy: str = ""
) -> None:
    """Tell what happened, what it usually means, and what to do.

    `remedy` is what helps besides more iterations or a larger tol, as "lower C".
    """
    if found.converged or found.reason == STOPPED:
        return
    decrement = f"the Newton decrement is {found.decrement:.2g}, and tol is {tol:g}"
    what, todo = {
        SEPARABLE: (
            "the coefficients keep growing, which usually means that the classes are "
            "linearly separable",
            [],
        ),
        STALLED: (
            f"no step lowers the objective any more, as rounding hides what is left "
            f"to gain; {decrement}",
            ["increase tol"],
        ),
        MAX_ITER: (decrement, ["increase max_iter or tol"]),
    }[found.reason]
    todo = [*todo, remedy] if remedy else todo
    advice = ", or ".join(todo) or "add a penalty"
    count = f"{found.n_iter} iteration{'s' if found.n_iter != 1 else ''}"
    warn(
        f"{name} did not converge in {count}: {what}. {advice[0].upper()}{advice[1:]}.",
        ConvergenceWarning,
    )
