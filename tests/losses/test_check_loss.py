"""The long check of a loss: whatever ships or is in the catalogue passes it."""

from dataclasses import dataclass, field

import pytest

from catalogue import CATALOGUE
from oracle import LOSS_INSTANCES
from skxent.losses import (
    Focal,
    FormulaLoss,
    Loss,
    check_loss,
    parameter,
)


@pytest.mark.parametrize(
    "loss", [*LOSS_INSTANCES, *(loss for loss, _ in CATALOGUE.values())], ids=repr
)
def test_good_losses_pass(loss):
    assert check_loss(loss, random_state=0) is None


def test_losses_of_classes_pass():
    check_loss(Focal(gamma=(0.5, 2.0, 0.0)))
    check_loss(Focal(gamma={"a": 0.5, "b": 2.0}))
    check_loss(0.5 * Focal() + FormulaLoss("q"))


@dataclass(frozen=True)
class NoValue(Loss):
    thing: object = field(default_factory=object)

    def phi(self, p, q, L):
        return q**2 * L


@dataclass(frozen=True)
class Overridden(Loss):
    def phi(self, p, q, L):
        return L

    def gradient(self, y, z, **keywords):
        return 1.1 * super().gradient(y, z, **keywords)


@dataclass(frozen=True)
class Hidden(Loss):
    """Another formula for numbers than for arrays, which construction compares."""

    def phi(self, p, q, L):
        return 2 * q if isinstance(q, float) else q


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (Focal, r"^loss must be an object of a subclass of Loss, .*Write Focal\(\)\.$"),
        ("focal", r"^loss must be an object of a subclass of Loss, got 'focal'\.$"),
        (NoValue(), r"^loss must be equal to its copy, got NoValue"),
        (Overridden(), r"^loss must have the gradient of differences, got \["),
        (Hidden(), r"^loss must have a phi of numbers that is what the kernels give"),
    ],
    ids=["class", "name", "no value", "overridden", "hidden"],
)
def test_bad_losses_are_told_what_to_write(loss, message):
    with pytest.raises(ValueError, match=message):
        check_loss(loss, random_state=0)


def test_a_loss_without_its_own_equality_is_refused():
    """Its parameters would not be seen, and those of another loss be used."""

    @dataclass(frozen=True, eq=False)
    class NoEquality(Loss):
        gamma: float = parameter(2.0)

        def phi(self, p, q, L):
            return q**self.gamma * L

    with pytest.raises(TypeError, match=r"^NoEquality must be decorated with @datacla"):
        NoEquality()


def test_a_loss_of_a_function_cannot_be_pickled():
    @dataclass(frozen=True)
    class Local(Loss):
        def phi(self, p, q, L):
            return q

    with pytest.raises(
        ValueError, match=r"^loss must be picklable, .* top of a module"
    ):
        check_loss(Local())
