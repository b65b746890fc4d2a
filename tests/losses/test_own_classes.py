"""Classes of losses as users write them, besides the dataclass of the manual."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent.losses import CrossEntropy, Focal, FormulaLoss, Loss

# The loss of one row whose two classes have the same logit.
HALF, L = 0.5, np.log(2)


def at_half(loss: Loss) -> float:
    return float(loss.loss([1], [0.0])[0])


class WithInit(Loss):
    def __init__(self, gamma: float) -> None:
        self.gamma = gamma

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L


@dataclass(frozen=True)
class NotCompared(Loss):
    gamma: float = field(compare=False)

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L


@dataclass(frozen=True, slots=True)
class WithSlots(Loss):
    gamma: float

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L


@pytest.mark.parametrize(
    "cls", [WithInit, NotCompared, WithSlots], ids=lambda c: c.__name__
)
def test_a_loss_is_its_own_even_where_equality_does_not_tell_it_from_another(cls):
    for gamma in (1.0, 2.0, 3.0, 1.0):
        assert_allclose(at_half(cls(gamma)), HALF**gamma * L, rtol=1e-14)


@pytest.mark.parametrize("cls", [NotCompared, WithSlots])
def test_every_dataclass_has_parameters_by_class_and_latex(cls):
    by_class = cls([1.0, 2.0]).loss([0, 1], [0.0, 0.0])
    assert_allclose(by_class, [HALF * L, HALF**2 * L], rtol=1e-14)
    assert at_half(cls({"a": 1.0, "b": 2.0}).for_classes(["b", "a"])) == by_class[0]
    assert r"\gamma" in cls(2.0)._repr_latex_()


def test_a_loss_made_after_its_class_changed_has_the_new_formula():
    class Changing(Loss):
        gamma = 1.0

        def phi(self, p: Any, q: Any, L: Any) -> Any:
            return q**self.gamma * L

    before = Changing()
    assert_allclose(at_half(before), HALF * L, rtol=1e-14)
    Changing.gamma = 2.0
    assert_allclose(at_half(Changing()), HALF**2 * L, rtol=1e-14)
    assert_allclose(at_half(before), HALF * L, rtol=1e-14)


def test_a_formula_of_its_own_replaces_that_of_a_compiled_parent():
    class Absolute(CrossEntropy):
        def phi(self, p: Any, q: Any, L: Any) -> Any:
            return q

    class Mixed:
        def phi(self, p: Any, q: Any, L: Any) -> Any:
            return q

    class Inherited(Mixed, CrossEntropy):
        pass

    @dataclass(frozen=True)
    class Scaled(CrossEntropy):
        scale: float = 2.0

        def phi(self, p: Any, q: Any, L: Any) -> Any:
            return self.scale * super().phi(p, q, L)

    for cls in (Absolute, Inherited):
        assert at_half(cls()) == HALF
        assert (cls().convex, cls().proper) == (False, False)
    assert_allclose(at_half(Scaled()), 2 * L, rtol=1e-14)
    assert (Scaled().convex, Scaled().proper) == (True, True)

    class Named(CrossEntropy):
        pass

    assert Named().spec == CrossEntropy().spec


@dataclass(frozen=True)
class Composed(Loss):
    """A formula that calls those of other losses, made of its own parameters."""

    gamma: float

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        other = FormulaLoss("q**g * q", g=self.gamma)
        return Focal(self.gamma).phi(p, q, L) + other.phi(p, q, L)


def test_a_formula_may_call_those_of_other_losses():
    expected = [HALF * L + HALF**2, HALF**2 * L + HALF**3]
    for gamma, value in zip((1.0, 2.0), expected, strict=True):
        assert_allclose(at_half(Composed(gamma)), value, rtol=1e-14)
    by_class = Composed([1.0, 2.0]).loss([0, 1], [0.0, 0.0])
    assert_allclose(by_class, expected, rtol=1e-14)
    assert r"q^{\gamma} L" in Composed(2.0)._repr_latex_()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "formula", ["log(1 + q/p)", "log1p(exp(-log(p/q)))", "L**2 / (L + q)"]
)
def test_far_out_nothing_is_undefined(formula, dtype):
    z = np.array([-900, -300, -100, -50, 50, 100, 300, 900], dtype)
    loss = FormulaLoss(formula)
    value, gradient = loss.loss_gradient(np.ones(8, int), z)
    assert np.isfinite(gradient).all() and not np.isnan(value).any()
    assert (np.diff(value) <= 0).all() and value[-1] == 0
    assert np.isfinite(loss.gradient_hessian(np.ones(8, int), z)[1]).all()


def test_the_logistic_loss_is_cross_entropy_however_it_is_written():
    z = np.linspace(-800, 800, 201)
    for formula in ("log(1 + q/p)", "-log(p)", "log(1/p)"):
        loss = FormulaLoss(formula)
        for y in (0, 1):
            codes = np.full(len(z), y)
            expected = CrossEntropy().loss_gradient(codes, z)
            assert_allclose(loss.loss_gradient(codes, z), expected, rtol=1e-14)


def test_a_clipped_probability_keeps_its_digits():
    value = FormulaLoss("-log(clip(p, 1e-7, 1))").loss([1, 1], [37.0, -30.0])
    assert_allclose(value, [np.log1p(np.exp(-37.0)), -np.log(1e-7)], rtol=1e-14)


@pytest.mark.parametrize(
    ("formula", "hint"), [("(1 - p)^2 * L", r"written \*\*"), ("-ln(p)", "is log")]
)
def test_what_was_meant_is_said(formula, hint):
    with pytest.raises(ValueError, match=hint):
        FormulaLoss(formula)
