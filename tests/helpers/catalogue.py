"""The losses of papers, as a user would write them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skxent.losses import (
    AlphaLoss,
    FormulaLoss,
    InverseFocal,
    JensenShannon,
    Loss,
    PartiallyHuberized,
    Poly1,
    TaylorCrossEntropy,
    parameter,
)

F = FormulaLoss


@dataclass(frozen=True)
class SampleDependentFocal(Loss):
    """FLSD-53, whose γ is 5 for p < 0.2 and 3 beyond, with a constant against the jump.

    Its gradient is that of the formula with γ held fixed, as it is used.
    """

    step: float = parameter(0.2)

    def phi(self, p, q, L):
        rest = 1 - self.step
        jump = (rest**3 - rest**5) * -np.log(self.step)
        return np.where(p < self.step, q**5 * L + jump, q**3 * L)


@dataclass(frozen=True)
class Polynomial(Loss):
    """Poly-n: cross-entropy with its first coefficients changed."""

    changes: tuple = parameter((0.5, -0.25, 0.125), by_class=False)

    def phi(self, p, q, L):
        return L + sum(c * q ** (j + 1) for j, c in enumerate(self.changes))


# Each with the orders of derivatives that are judged by a running error analysis, for
# they are differences: of constants (0), of terms that cancel (1, 2).
CATALOGUE = {
    "generalized cross-entropy": (F("(1 - p**k) / k", k=0.3), ()),
    "Tsallis": (F("(1 - p**(1 - t)) / (1 - t)", t=0.6), ()),
    "mean absolute error": (F("q"), ()),
    "symmetric cross-entropy": (F("a*L + b*q", a=0.1, b=4.0), ()),
    "Poly-1, a square at p = 1": (Poly1(-1.0), (0, 1, 2)),
    "Poly-3": (Polynomial(), ()),
    "Taylor, order 1": (TaylorCrossEntropy(1), ()),
    "Taylor, order 20": (TaylorCrossEntropy(20), ()),
    "α-loss, 0.6": (AlphaLoss(0.6), ()),
    "α-loss, 1": (AlphaLoss(1.0), ()),
    "α-loss, 8": (AlphaLoss(8.0), ()),
    "Jensen-Shannon, 0.1": (JensenShannon(0.1), (0, 1, 2)),
    "Jensen-Shannon, 0.9": (JensenShannon(0.9), ()),
    "partially Huberised, 2": (PartiallyHuberized(2.0), ()),
    "truncated": (F("minimum((1 - p**k) / k, 0.8)", k=0.7), ()),
    "truncated, by where": (F("(1 - where(p > c, p, c)**k) / k", k=0.7, c=0.1), (0,)),
    "clipped cross-entropy": (F("minimum(L, log(100))"), ()),
    "inverse focal, 3.5": (InverseFocal(3.5), ()),
    "AEL": (F("exp(-p/a) - exp(-1/a)", a=2.5), (0,)),
    "AEL, by expm1": (F("exp(-1/a) * expm1(q/a)", a=2.5), ()),
    "AGCE": (F("((a + 1)**k - (a + p)**k) / k", a=1.0, k=0.6), (0,)),
    "AUL": (F("((a - p)**k - (a - 1)**k) / k", a=1.5, k=0.9), (0,)),
    "a product that cancels": (F("(1 - p) * (1 + p)"), ()),
    "Savage": (F("4 * q**2"), ()),
    "exponential": (F("(q / p)**0.5"), ()),
    "squared hinge": (F("max(0, 1 + L + log(q))**2"), ()),
    "hinge": (F("max(0, 1 + L + log(q))"), ()),
    "ramp": (F("min(1, max(0, (1 + L + log(q)) / 2))"), ()),
    "Dice of a sample": (F("q / (1 + p)"), ()),
    "Dice of a sample, as 1 - F": (F("1 - 2*p / (1 + p)"), (0,)),
    "reduced focal": (F("min(1, (q / th)**gamma) * L", th=0.5, gamma=2.0), ()),
    "focal, 0.5 to 3": (F("where(p > 0.5, q**3, 0.5 * q**2) * L"), ()),
    "FLSD-53": (SampleDependentFocal(), ()),
    "Cauchy": (F("log1p((q / c)**2)", c=0.5), ()),
    "focal + Dice": (0.7 * F("q**2 * L") + 0.3 * F("q / (1 + p)"), ()),
    "focal, three ways": (F("sqrt(q) * exp(-0.5*L) * square(q) * -log(p) + L"), ()),
}
# Margins to ±1400 are too large for these: φ' of the one overflows, and q of the other
# vanishes where its root does not.
HALF_THE_RANGE = {"α-loss, 0.6", "exponential"}
