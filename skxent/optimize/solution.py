"""The options and results of solvers, and the warning if one did not converge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skxent.kernels.checks import warn
from skxent.optimize.smooth import Weights

CONVERGED = "converged"
ROUNDING = "the objective's rounding error was reached"  # the best that is attainable
MAX_ITER = "max_iter was reached"
STALLED = "no step lowered the objective"
SEPARABLE = "the coefficients keep growing"
STOPPED = "a callback asked to stop"

# Newton-Cholesky is the fastest solver if a step takes no more operations than this
# (benchmarks/bench_linear.py with other limits here).
FEW_OPERATIONS = 6e5

# Iterations that L-BFGS gets before "auto" goes on with Newton-CG. It takes 2 to 25 on
# most data, and up to 82 where a Gram matrix would cost more than that saves, as for
# 5000 x 2000 (benchmarks/choice_of_solver.py). Newton-CG needs few of 100 iterations.
PATIENCE = 90

# The tolerance of the cross-entropy fit whose solution is the start for a loss that is
# not convex. With a smaller one focal loss reaches the same minimum, and losses with
# many minima reach another one, which is lower as often as higher.
SMOOTH_START_TOL = 0.2

# For an L1 penalty no larger Hessian is formed: coordinate descent goes through the
# columns of X instead.
MAX_HESSIAN = 3000


Callback = Callable[[Weights], None]


@dataclass(frozen=True, eq=False, repr=False)
class SolverOptions:
    """The options of a solver.

    callback : called with the weights after every iteration; may raise `Stopped`.
    keep_hessian : return the rows' Hessian with the solution, for the next fit on a
    path. Since several fits use that Hessian, it may also cost more.
    few_operations, patience, max_hessian : limits on which the choice of the method
    depends.
    """

    tol: float = 1e-4
    max_iter: int = 100
    verbose: int = 0
    callback: Callback | None = None
    keep_hessian: bool = False
    few_operations: float = FEW_OPERATIONS
    patience: int = PATIENCE
    max_hessian: int = MAX_HESSIAN


class Stopped(Exception):
    """The request of a callback to stop, with the weights and the iteration count."""

    def __init__(self, weights: Weights, n_iter: int) -> None:
        super().__init__()
        self.weights = weights
        self.n_iter = n_iter


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """The weights at which a solver stopped, and the reason."""

    weights: Any
    value: float
    n_iter: int
    decrement: float
    reason: str
    hessian: Weights | None = None

    @property
    def converged(self) -> bool:
        """Return True if the minimum was reached to tol or to rounding error."""
        return self.reason in (CONVERGED, ROUNDING)


def warn_unless_converged(
    name: str, solution: Solution, tol: float, remedy: str = ""
) -> None:
    """Warn that a solver did not converge, with the usual cause and a remedy.

    `remedy` is advice besides more iterations or a larger tol, such as "lower C".
    """
    if solution.converged or solution.reason == STOPPED:
        return
    decrement = f"the Newton decrement is {solution.decrement:.2g}, and tol is {tol:g}"
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
    }[solution.reason]
    todo = [*todo, remedy] if remedy else todo
    advice = ", or ".join(todo) or "add a penalty"
    count = f"{solution.n_iter} iteration{'s' if solution.n_iter != 1 else ''}"
    warn(
        f"{name} did not converge in {count}: {what}. {advice[0].upper()}{advice[1:]}.",
        ConvergenceWarning,
    )
