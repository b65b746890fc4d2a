"""From an objective to its minimiser: a method a file, and the choice of one."""

from skxent.solvers._solve import SOLVERS, choose_solver, solve

__all__ = ["SOLVERS", "choose_solver", "solve"]
