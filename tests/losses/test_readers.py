"""Readers of the graph of a formula: its derivative, which other readers need."""

import mpmath as mp
import numpy as np
import pytest
from numpy.testing import assert_allclose

import readers
from oracle import LOSS_INSTANCES, phi
from skxent.losses import (
    CrossEntropy,
    Focal,
    FormulaLoss,
    JensenShannon,
    PartiallyHuberized,
    SquaredHinge,
)
from skxent.losses._derivative import RULES, differentiate
from skxent.losses._graph import fold
from skxent.losses._log_slope import log_slope
from skxent.losses._program import OPERATIONS, compile_graph
from skxent.losses._rewriting import L, P, Q, monomial, multiply, power
from skxent.losses._traced import evaluate, trace

# Every operation, and what rewriting leaves of products, sums and powers.
FORMULAS = [
    FormulaLoss("q**2 * p**1.5 * L + 3 * q"),
    FormulaLoss("sqrt(q) * log1p(L) + expm1(q / 2)"),
    FormulaLoss("1 - exp(-(q**2))"),
    FormulaLoss("a - a * exp(-L / (a + b * q)) + q * log1p(L) / (2 + p)", a=2.0, b=0.5),
    FormulaLoss("1 - (1 - q**3)**2 + 0.1 * L"),
    FormulaLoss("(1 + L + L**2)**1.5 - (1 + q * L)**0.3 + log(1 + 3 * q)"),
    FormulaLoss("q**2 / (q + 0.1) - 0.1 * q * log(q + 1) + q / (1 + p)**2"),
    FormulaLoss("minimum(L, 1.5 * q)"),
    FormulaLoss("where(p < 0.25, log(4) + 1 - 4 * p, L)"),
    FormulaLoss("maximum(q - 0.25, 0)"),
    FormulaLoss("-q * log(q) * 0.2 + L"),
]
SMOOTH = FORMULAS[:7]
MARGINS = np.concatenate([np.linspace(-30, 30, 61), [-80.0, 75.5, -7.25, 3.3]])
EPS = np.finfo(np.float64).eps


def test_every_operation_has_a_derivative_and_a_meaning():
    operations = set(OPERATIONS) - {"margin_shift", "p", "q"}
    assert set(RULES) == set(readers.NUMPY) == operations


@pytest.mark.parametrize("loss", [*LOSS_INSTANCES, *FORMULAS], ids=repr)
def test_the_derivative_is_that_of_the_kernels(loss):
    program = trace(loss)
    slope = fold(differentiate(program.result), readers.of_numpy(MARGINS))
    _, expected, curvature = evaluate(program, MARGINS)
    assert_allclose(slope, expected, rtol=1e-13, atol=1e-300)
    # and of the derivative's derivative
    again = fold(
        differentiate(differentiate(program.result)), readers.of_numpy(MARGINS)
    )
    size = np.abs(expected) * np.maximum(1, np.abs(MARGINS))
    assert (np.abs(again - curvature) <= 1e-12 * size).all()


@pytest.mark.parametrize("loss", [*LOSS_INSTANCES, *SMOOTH], ids=repr)
def test_the_derivative_is_exact(loss):
    graph = differentiate(trace(loss).result)
    for m in (-600.0, -37.5, -3.0, 0.25, 2.0, 40.0, 200.0):
        found = fold(graph, readers.of_numpy(np.array([m])))
        with mp.workdps(60 + int(3 * abs(m))):
            operations = readers.of_mpmath(m)
            exact = fold(graph, operations)
            # Constants of a formula are folded in double.
            assert mp.almosteq(exact, phi(loss, mp.mpf(m))[1], 1e-15)
            assert abs(found[0] - float(exact)) <= 1e-13 * abs(float(exact)) + 1e-300


def test_simple_derivatives_are_short():
    assert differentiate(trace(CrossEntropy()).result) is multiply(-1.0, Q)
    assert differentiate(3.0) == 0.0
    assert differentiate(P) is monomial(1.0, 1.0)
    slope = differentiate(trace(Focal(0.0)).result)
    assert slope is multiply(-1.0, Q)


def test_the_slope_of_a_root_at_zero_is_zero():
    graph = differentiate(power(L, 0.5))
    assert fold(graph, readers.of_numpy(np.array([800.0]))) == 0


def test_a_fold_computes_a_node_once():
    seen = []

    def count(*parts):
        seen.append(parts)
        return 1.0

    graph = trace(FormulaLoss("(q + L) * (q + L) + (q + L)")).result
    fold(graph, dict.fromkeys(OPERATIONS, count))
    assert len(seen) == len(compile_graph(graph, np.empty((0, 1))).code) // 24


@pytest.mark.parametrize("loss", [*LOSS_INSTANCES, *SMOOTH], ids=repr)
def test_the_log_slope_is_that_of_the_kernels(loss):
    """Where φ' underflows, too: on all margins if powers alone underflow."""
    powers = loss in LOSS_INSTANCES and not isinstance(
        loss, JensenShannon | PartiallyHuberized | SquaredHinge
    )
    far = 3000.0 if powers else 200.0
    m = np.concatenate([np.linspace(-far, far, 101), np.linspace(-9, 9, 31)])
    x, r = log_slope(trace(loss).result)
    operations = readers.of_numpy(m)
    with np.errstate(divide="ignore"):
        found = fold(x, operations) + np.log(fold(r, operations))
        of_other = fold(x, readers.of_numpy(-m)) + np.log(fold(r, readers.of_numpy(-m)))
    # log p - log(-φ'/q) of class 1, less that of class 0
    log_odds = np.subtract(*loss.posterior(np.c_[0 * m, m], log=True).T[::-1])
    expected = m - found + of_other
    told = np.isfinite(expected)  # a hinge is flat beyond 1
    assert_allclose(log_odds[told], expected[told], rtol=1e-12, atol=1e-12)
    assert (np.abs(log_odds[~told]) > 1000).all()


def test_log_slopes_are_short():
    """The logarithm of a product of powers has no sum left."""
    assert log_slope(trace(CrossEntropy()).result) == (0.0, 1.0)
    for formula in ("4 * q**2", "1 - p**0.7", "L - q", "exp(-2 * p) - exp(-2)"):
        _, r = log_slope(trace(FormulaLoss(formula)).result)
        assert isinstance(r, float), formula
    # 1 - 0.999 p would cancel.
    _, r = log_slope(trace(FormulaLoss("L - 0.999 * q")).result)
    assert fold(r, readers.of_numpy(np.array([40.0]))) == pytest.approx(
        0.001, rel=1e-13
    )


def test_constants_of_classes_are_powers_as_well():
    loss = Focal(gamma=(0.5, 40.0, 200.0))
    program, m = trace(loss), np.array([60.0, -60.0, 3.0])
    x, r = log_slope(program.result)
    for c, gamma in enumerate(loss.gamma):
        operations = readers.of_numpy(m, program.theta[:, c])
        plain = log_slope(trace(Focal(gamma)).result)
        expected = [fold(part, operations) for part in plain]
        found = [fold(part, operations) for part in (x, r)]
        assert_allclose(found[0], expected[0], rtol=1e-15)
        assert_allclose(found[1], expected[1], rtol=1e-14)
