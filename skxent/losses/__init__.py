"""The losses: frozen dataclasses over the compiled formulas.

A loss knows its parameters and two facts that solvers read (`convex`, `proper`). Its
metric, scorer, estimator, tests and benchmarks are functions of it; `LOSSES` lists all.
"""

from skxent.losses._shipped import (
    LOSSES,
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Loss,
    Poly1,
    SymmetricCrossEntropy,
)

__all__ = [
    "LOSSES",
    "CrossEntropy",
    "Focal",
    "GeneralizedCrossEntropy",
    "Loss",
    "Poly1",
    "SymmetricCrossEntropy",
]
