"""The losses: frozen dataclasses, each a formula φ(p, q, L) with parameters.

A loss knows its parameters, and facts that solvers read (`convex`, `proper`). Its
metric, scorer, estimator, tests and benchmarks are functions of it. `LOSSES` lists
those that are shipped; a subclass of `Loss` or a `FormulaLoss` is used as they are.
"""

from skxent.kernels.checks import Interval
from skxent.losses._check import check_loss
from skxent.losses._class_dependent import LDAM, AsymmetricLoss
from skxent.losses._compared import InverseFocal, SquaredError, SquaredHinge
from skxent.losses._formula import FormulaLoss
from skxent.losses._loss import Loss
from skxent.losses._parameters import parameter
from skxent.losses._robust import (
    AlphaLoss,
    JensenShannon,
    PartiallyHuberized,
    TaylorCrossEntropy,
)
from skxent.losses._shipped import (
    LOSSES,
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Poly1,
    SymmetricCrossEntropy,
)

__all__ = [
    "LDAM",
    "LOSSES",
    "AlphaLoss",
    "AsymmetricLoss",
    "CrossEntropy",
    "Focal",
    "FormulaLoss",
    "GeneralizedCrossEntropy",
    "Interval",
    "InverseFocal",
    "JensenShannon",
    "Loss",
    "PartiallyHuberized",
    "Poly1",
    "SquaredError",
    "SquaredHinge",
    "SymmetricCrossEntropy",
    "TaylorCrossEntropy",
    "check_loss",
    "parameter",
]
