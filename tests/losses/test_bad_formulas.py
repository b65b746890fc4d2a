"""Formulas that are no losses: an error at construction that says what is wrong."""

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from skxent.losses import FormulaLoss, Interval, Loss, parameter

GROWS = r"^phi must not grow with p, got growth at p = "
INFINITE = r"^phi and its derivatives must be finite in float(32|64) for every p in "
MADE_OF = r"^formula must be made of p, q, L, constants, numbers, .*, got "
JOINS = r"^phi must join comparisons with & and \|, such as .*, got "
NO_FLOAT = r"^phi must be numbers that a float holds, of few steps, got "


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("-L", GROWS),
        ("p", GROWS),
        ("L - 1.2*q", GROWS),
        ("-log(q)", GROWS),
        ("where(p < 0.2, q**5, q**3) * L", GROWS),
        ("abs(p - 0.5)", GROWS),
        ("p**-3 - 1", INFINITE),
        ("log(L - 5)", INFINITE),
        ("sqrt(q - 0.5)", INFINITE),
        ("L * exp(exp(L))", INFINITE),
        ("q / (p - 0.5)", INFINITE),
        ("q * log(-1)", r"^phi must be made of numbers, got a constant that is NaN\.$"),
        ("1e39 * q", INFINITE),
        ("log(0) * q", INFINITE),
        ("q * exp(1000)", INFINITE),
        ("q + 1", r"^phi must vanish at p = 1, got 1 at .*\. Subtract that const.*\.$"),
        ("exp(-p)", r"^phi must vanish at p = 1, got 0\.367879 at log q"),
        ("q**0.001", r"^phi must vanish at p = 1, .*take a larger power of q\.$"),
        ("q * (L and q)", JOINS + r"a number of p, q or L\.$"),
        ("q * ((p < 0.5) | L)", JOINS),
        ("q * ((p < 0.5) & 2)", JOINS + r"a number 2\.$"),
        ("2", r"^phi must depend on p, q or L, got 2\.0\.$"),
        ("0 * q", r"^phi must depend on p, q or L, got 0\.0\.$"),
        ("q - q", r"^phi must depend on p, q or L, got 0\.0\.$"),
        ("max(q - 2, 0)", r"^phi must decrease with p somewhere, got a constant\.$"),
        ("9**9**9 * q", NO_FLOAT),
        (
            "1e300 * 1e300 * q - 1e300 * 1e300 * q",
            INFINITE + r"|^phi must be made of n",
        ),
        ("q / (1 - 1)", r"^phi must .* division|^phi must be .*zero"),
        ("q / (p - p)", r"^phi must .*zero"),
        ("(-2)**0.5 * q", r"^phi must be made of real numbers, got \(.*j\)\.$"),
        ("0**-1 * q", NO_FLOAT),
        ("1" + "0" * 400 + " * q", NO_FLOAT),
        ("q * True", MADE_OF + "'True'"),
        ("q * 1j", MADE_OF + "'1j'"),
        ("q * 'a'", MADE_OF),
        ("q * None", MADE_OF),
        ("q.real", MADE_OF + r"'q\.real'"),
        ("q[0]", MADE_OF),
        ("(q, p)", MADE_OF),
        ("[q for p in L]", MADE_OF),
        ("lambda: q", MADE_OF),
        ("__import__('os')", MADE_OF),
        ("q.__class__", MADE_OF),
        ("sin(q)", MADE_OF + r"'sin\(q\)'"),
        ("exp(q, p)", MADE_OF),
        ("exp()", MADE_OF),
        ("exp(*q)", MADE_OF),
        ("exp(x=q)", MADE_OF),
        ("where(q)", MADE_OF),
        ("clip(q, 0)", MADE_OF),
        ("q if p", r"^formula must be an expression of Python, got 'q if p'"),
        ("q = 1", r"^formula must be an expression of Python"),
        ("q; p", r"^formula must be an expression of Python"),
        ("", r"^formula must be a string of 1 to 2000 characters, got ''"),
        ("q" * 2001, r"^formula must be a string of 1 to 2000 characters"),
        (
            "q * gamma",
            r"^formula must be of p, q, L and constants that are given, got g",
        ),
        (
            "-np.log(p)",
            r", got np\. Write the functions without np: log\(p\), exp\(p\)\.",
        ),
        ("-" * 1990 + "q", "^phi must be|^formula must be an expression"),
        ("-" * 5000 + "q", r"^formula must be a string of 1 to 2000"),
        ("(" * 900 + "q" + ")" * 900, "^phi must be|^formula must be an expression"),
    ],
)
def test_a_bad_string_is_refused(formula, message):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=message):
        FormulaLoss(formula)
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    "value",
    [True, 1j, np.nan, np.inf, "2", None, [], {}, [[1, 2], [3, 4]], [1, "a"], object()],
    ids=lambda value: type(value).__name__,
)
def test_a_bad_constant_is_refused(value):
    with pytest.raises(ValueError, match=r"^a\b.* must "):
        FormulaLoss("a * q", a=value)


def test_an_error_of_a_constant_tells_its_value():
    with pytest.raises(ValueError, match=NO_FLOAT + r"float division.* for a=0\.0\.$"):
        FormulaLoss("(1 - p**a) / a", a=0.0)


def test_too_many_values_at_once_and_too_many_steps():
    terms = [f"exp({j}.5*q)" for j in range(20)]
    nested = "*(q+".join(terms) + ")" * 19
    with pytest.raises(ValueError, match=r"^phi must have at most 16 values in use"):
        FormulaLoss(f"{nested} - {nested.replace('q', '0')}")

    class Long(Loss):
        def phi(self, p, q, L):
            for j in range(300):
                q = q + 0.001 * q * np.exp(-j * 1.1 * L * q)
            return q

    with pytest.raises(ValueError, match=r"^phi must have at most 254 operations, got"):
        Long()


def loss_of(function):
    """A loss whose φ is a function."""

    class Made(Loss):
        def phi(self, p, q, L):
            return function(p, q, L)

    return Made


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p, q, L: q if p > 0.5 else L, "must not branch on p, q or L"),
        (lambda p, q, L: max(q, L), r"must not branch .* Use np\.where, &, |, np\.max"),
        (lambda p, q, L: math.exp(-p), r"np\.exp for math\.exp"),
        (lambda p, q, L: math.log(p), r"np\.exp for math\.exp"),
        (lambda p, q, L: float(q), r"must use numpy's functions"),
        (lambda p, q, L: np.sin(q), r"^phi must be made of \+ - .*, got np\.sin\."),
        (lambda p, q, L: np.sum(q), r"^phi must be made of "),
        (lambda p, q, L: np.add.reduce(q), r"^phi must be made of "),
        (lambda p, q, L: np.exp(q, where=False), r"^phi must be made of "),
        (lambda p, q, L: q * np.array([1.0, 2.0]), r"got a ndarray\.$"),
        (lambda p, q, L: np.array([1.0, 2.0]) * q, r"got a ndarray\.$"),
        (lambda p, q, L: q * "2", r"got a str|must be made of"),
        (lambda p, q, L: None, r"got a NoneType\.$"),
        (lambda p, q, L: q[0], r"^phi must treat p, q and L as numbers"),
        (lambda p, q, L: sum(q), r"^phi must treat p, q and L as numbers"),
        (lambda p, q, L: (p > 0.5) and q, r"must not branch"),
        (lambda p, q, L: q == L, r"^phi must be made of "),
    ],
)
def test_a_bad_function_is_refused(function, message):
    with pytest.raises(TypeError, match=message):
        loss_of(function)()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p, q, L: q * np.nan, r"^phi must be made of numbers, got a .* NaN\.$"),
        (lambda p, q, L: q * 1j, r"^phi must be made of real numbers, got 1j\.$"),
        (lambda p, q, L: q * 10**400, NO_FLOAT),
        (lambda p, q, L: q * np.float64(1e300) * 1e300, INFINITE),
        (lambda p, q, L: q / 0, NO_FLOAT),
        (lambda p, q, L: loss_of(None)().phi(p, q, L), r"."),
    ],
)
def test_bad_numbers_are_refused(function, message):
    with pytest.raises((ValueError, TypeError), match=message):
        loss_of(function)()


@pytest.mark.parametrize(
    "phi",
    [lambda self, p, q: q, lambda self: 1.0, lambda self, p, q, L, z: q],
)
def test_phi_takes_three_arguments(phi):
    with pytest.raises(TypeError, match=r"^phi must be a method phi\(self, p, q, L\)"):
        type("Made", (Loss,), {"phi": phi})()


def test_a_loss_must_be_the_same_whenever_it_is_called():
    calls = []

    def changing(p, q, L):
        calls.append(1)
        return len(calls) * q

    with pytest.raises(ValueError, match=r"^phi must give the same value whenever"):
        loss_of(changing)()


def test_a_false_promise_is_refused():
    for promise in ("convex", "proper"):

        @dataclass(frozen=True)
        class Wrong(Loss):
            gamma: float = parameter(2.0, Interval(0.0, 9.0))

            def phi(self, p, q, L):
                return q**self.gamma * L

        setattr(Wrong, promise, True)
        Wrong.__annotations__[promise] = ClassVar[bool]
        with pytest.raises(ValueError, match=rf"^{promise} must be False for this phi"):
            Wrong()
        assert not getattr(FormulaLoss("q**2 * L"), promise)
