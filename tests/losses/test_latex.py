"""Formulas as notebooks and the documentation print them."""

import math
import re
from dataclasses import dataclass

import pytest

from oracle import LOSS_INSTANCES
from skxent.losses import (
    CrossEntropy,
    Focal,
    FormulaLoss,
    GeneralizedCrossEntropy,
    Loss,
    Poly1,
    SymmetricCrossEntropy,
)
from skxent.losses._latex import formula

Q, L = r"q = 1 - p", r"L = -\log p"


@pytest.mark.parametrize(
    ("loss", "printed"),
    [
        (CrossEntropy(), rf"L,\quad {L}"),
        (Focal(2.0), rf"q^{{\gamma}} L,\quad {Q},\quad {L},\quad \gamma = 2"),
        (
            GeneralizedCrossEntropy(0.7),
            r"\frac{1 - p^{\theta}}{\theta},\quad \theta = 0.7",
        ),
        (
            Focal(gamma={"yes": 0.0, "no": 1e-7}),
            rf"q^{{\gamma_c}} L,\quad {Q},\quad {L},\quad \gamma_c = (0, 10^{{-7}})",
        ),
        (
            0.7 * CrossEntropy() + 0.3 * Focal(1.5),
            rf"0.7 L + 0.3 q^{{1.5}} L,\quad {Q},\quad {L}",
        ),
    ],
)
def test_what_a_notebook_shows(loss, printed):
    assert loss._repr_latex_() == rf"$\displaystyle \varphi(m) = {printed}$"


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (SymmetricCrossEntropy(), r"\alpha L + \beta \left\lvert A \right\rvert q"),
        (Poly1(), r"L + \epsilon q"),
        ("sqrt(q / p)", r"\sqrt{\frac{q}{p}}"),
        ("(1 + L)**1.5 - 1", r"\left(1 + L\right)^{1.5} - 1"),
        ("exp(-p) - exp(-1)", r"e^{-p} - 0.367879"),
        ("exp(-p / b_min)-exp(-1 / b_min)", None),
        ("-expm1(-a * L)", r"1 - e^{-a L}"),
        ("-(-a) * (q - -q)", r"a \left(q - \left(-q\right)\right)"),
        ("log1p(a * q) * 2 + q * 3", r"\log \left(1 + a q\right) \cdot 2 + q \cdot 3"),
        ("maximum(q - 0.25, 0)", r"\max(q - 0.25, 0)"),
        ("clip(q, 0, 0.5)", r"\min(\max(q, 0), 0.5)"),
        ("q**(a + 1) * (q**2)**a", r"q^{a + 1} \left(q^{2}\right)^{a}"),
        (
            "where((p < a) | (p < 1e-3), 1 - a * 0 - p, q)",
            r"\begin{cases} 1 - a \cdot 0 - p & p < a \lor p < 0.001 \\ q & "
            r"\text{otherwise} \end{cases}",
        ),
    ],
)
def test_formulas(loss, text):
    if isinstance(loss, str):
        values = {x: 0.5 for x in ("a", "b_min") if re.search(rf"\b{x}\b", loss)}
        loss = FormulaLoss(loss, **values)
    found, legend = formula(loss)
    if text is None:
        b = r"b_{\mathrm{min}}"
        text = rf"e^{{\frac{{-p}}{{{b}}}}} - e^{{\frac{{-1}}{{{b}}}}}"
        assert legend[b] == "0.5"
    assert found.replace(r"\mathrm{log\_zero}", "A") == text


@dataclass(frozen=True)
class Branching(Loss):
    """A formula that looks at its parameters, which is allowed."""

    alpha: float = 2.0
    order: int = 2

    def phi(self, p, q, L):
        if self.alpha == 1 or not self.order:
            return L
        c = 1 - 1 / self.alpha
        terms = sum(q**j / j for j in range(1, int(self.order) + 1))
        return (1 - p**c) / c + terms


@dataclass(frozen=True)
class OfNumbers(Loss):
    """A formula that wants numbers of its parameters."""

    alpha: float = 4.0

    def phi(self, p, q, L):
        return q * math.sqrt(self.alpha)


def test_parameters_that_a_formula_looks_at():
    c = r"1 - \frac{1}{\alpha}"
    text = rf"\frac{{1 - p^{{{c}}}}}{{{c}}} + q + \frac{{q^{{2}}}}{{2}}"
    assert formula(Branching()) == (text, {"q": "1 - p", r"\alpha": "2"})
    assert formula(Branching(1.0))[0] == "L"
    assert formula(OfNumbers())[0] == r"q \cdot 2"


@pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
def test_every_loss_has_a_formula(loss):
    text = loss._repr_latex_()
    assert text.count("{") == text.count("}") and "|" not in text
    assert text.count(r"\left(") == text.count(r"\right)")
