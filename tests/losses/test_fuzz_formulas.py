"""Random formulas and damaged programs: numbers, or an error.

    PYTHONPATH=tests/helpers python -P tests/losses/test_fuzz_formulas.py 10000

With `unjudged` after it formulas are evaluated, not compared: for sanitizers. The judge
of a formula is a running error analysis of it as it is written, in mpmath.
"""

import sys
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest

from jets import inputs, jet
from skxent.inputs.targets import make_target
from skxent.kernels.dispatch import kernels
from skxent.losses import FormulaLoss
from skxent.losses._formula import evaluate, parse
from skxent.losses._program import LAYOUT, OPERATIONS, REGISTERS

MARGINS = np.array([-300.0, -37.0, -4.2, -0.7, 0.3, 2.1, 18.0, 120.0])
UNARY = ("exp", "expm1", "log", "log1p", "sqrt", "square", "abs", "-")
BINARY = ("+", "-", "*", "/", "maximum", "minimum")
NUMBERS = ("0", "1", "2", "0.5", "0.3", "-1", "1e-3", "7", "-2.5")
ALLOWED = 40  # eps of the running error analysis, for each step


def expression(rng, depth):
    """A random formula of p, q and L; mostly of parts that losses are made of."""
    if depth == 0 or rng.random() < 0.12:
        return str(rng.choice(["p", "q", "L", "q", "L", *NUMBERS[:4]]))
    kind = rng.random()
    if kind < 0.2:
        name, x = rng.choice(UNARY), expression(rng, depth - 1)
        return f"-({x})" if name == "-" else f"{name}({x})"
    if kind < 0.35:
        return f"({expression(rng, depth - 1)})**{rng.choice(NUMBERS[1:])}"
    a, b = expression(rng, depth - 1), expression(rng, depth - 1)
    if kind < 0.43:
        order = rng.choice(["<", "<=", ">", ">="])
        other = rng.choice(["p", "q", "L"])
        return f"where({other} {order} {rng.choice(NUMBERS[2:5])}, {a}, {b})"
    name = rng.choice(BINARY, p=[0.25, 0.15, 0.35, 0.1, 0.08, 0.07])
    return f"{name}({a}, {b})" if len(name) > 1 else f"({a}) {name} ({b})"


def likely(rng):
    """A random formula that is often a loss: it falls, and vanishes at p = 1."""
    factor = rng.choice(["q", "L", "q**2", "(1 - p**0.7)", "q / (1 + p)", "q**0.5"])
    rest = expression(rng, int(rng.integers(1, 4)))
    return str(rng.choice([f"{factor} * ({rest})", f"L + 0.1 * {factor} * ({rest})"]))


def check_formula(formula, judged=True):
    """Return False if it is refused; assert that else its numbers are right."""
    try:
        loss = FormulaLoss(formula)
    except (ValueError, TypeError) as error:
        assert "formula" in str(error) or "phi" in str(error), (formula, error)
        return False
    y = np.ones(len(MARGINS), dtype=int)
    value = loss.loss(y, MARGINS)
    gradient, hessian = loss.gradient_hessian(y, MARGINS)
    tree, steps = parse(formula), 1 + formula.count("(")
    for i, m in enumerate(MARGINS if judged else ()):
        with mp.workdps(60 + int(3 * abs(m))):
            names = dict(zip(("p", "q", "L"), inputs(mp.mpf(m)), strict=True))
            try:
                exact = jet(evaluate(tree, names))
            except (ZeroDivisionError, OverflowError, mp.libmp.NoConvergence):
                continue  # in a branch that is not taken
            if exact.decided < 1e-12 or not all(map(mp.isfinite, exact.size)):
                continue
            for order, ours in enumerate((value[i], gradient[i], hessian[i])):
                gap = abs(mp.mpf(float(ours)) - exact.f[order])
                size = mp.mpf(ALLOWED * steps * 2.3e-16) * exact.size[order]
                size *= max(1, abs(m))
                assert gap <= size + 1e-290, (
                    f"{formula} at m = {m}: derivative {order} is {ours}, not "
                    f"{mp.nstr(exact.f[order], 17)}, of size "
                    f"{mp.nstr(exact.size[order], 3)}"
                )
    assert np.isfinite(loss.posterior(np.c_[0 * MARGINS, MARGINS])).all(), formula
    return True


def damaged_program(rng):
    """Random instructions, or those of a loss of which some bytes are changed."""
    if rng.random() < 0.5:
        n = int(rng.choice([0, 1, 2, 5, 40, 254, 255, 256, 300]))
        packed = [
            LAYOUT.pack(
                int(rng.integers(0, len(OPERATIONS) + (rng.random() < 0.02))),
                *map(int, rng.integers(0, REGISTERS + (rng.random() < 0.02), 4)),
                *rng.choice([0.0, 1.0, -1.0, 0.5, 1e300, np.nan, np.inf, 3.0], 2),
            )
            for _ in range(n)
        ]
        start = [LAYOUT.pack(1 + j % 4, j, 0, 0, 0, 0.0, 0.0) for j in range(REGISTERS)]
        code = b"".join((start if rng.random() < 0.7 else []) + packed)
    else:
        source = rng.choice(["q**2 * L", "where(p > 0.3, q, 2*q)", "log1p(q) * q"])
        code = bytearray(FormulaLoss(str(source)).spec[0])
        for _ in range(int(rng.integers(0, 4))):
            code[int(rng.integers(len(code)))] = int(rng.integers(256))
        code = bytes(code)
    if rng.random() < 0.1:
        code = code[: int(rng.integers(len(code) + 1))]
    classes = int(rng.choice([0, 1, 2, 3]))
    theta = rng.normal(size=int(rng.choice([0, 1, 2, 6]))).tobytes()
    tails = rng.normal(size=4 * classes).tobytes()
    if rng.random() < 0.1:
        theta, tails = theta[:-3], tails[: int(rng.integers(len(tails) + 1))]
    # The program of log(-φ'/q) may be damaged, too.
    slope = code[: rng.choice([0, len(code)])]
    return code, slope, theta, tails


def check_program(rng):
    """Return False if a damaged program is refused; numbers are right as they are."""
    spec = damaged_program(rng)
    dtype = rng.choice([np.float32, np.float64])
    K, n = int(rng.choice([1, 2, 3, 9])), 35
    z = rng.normal(size=(n, K)).astype(dtype)
    classes = max(K, 2)
    target = make_target(rng.integers(0, classes, n), n, classes, dtype=z.dtype)
    if rng.random() < 0.3:
        soft = rng.dirichlet(np.ones(classes), n).astype(dtype)
        target = replace(target, codes=None, soft=soft)
    arrays = {
        "value": np.empty(n, dtype),
        "gradient": np.empty((n, K), dtype),
        "hessian": np.empty((n, K), dtype),
    }
    try:
        kernels.evaluate(spec, target, z, arrays)
        out = np.empty((n, classes), dtype)
        kernels.probabilities(spec, z, out, (np.zeros(classes), 0.0), False, 1)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("seed", range(8))
def test_fuzz_of_formulas(seed):
    rng = np.random.default_rng(seed)
    kept = [check_formula(likely(rng)) for _ in range(20)]
    kept += [check_formula(expression(rng, 3)) for _ in range(10)]
    assert any(kept) and not all(kept)


@pytest.mark.parametrize("seed", range(4))
def test_fuzz_of_programs(seed):
    rng = np.random.default_rng(seed)
    kept = [check_program(rng) for _ in range(100)]
    assert any(kept) and not all(kept)


def main(count, judged):
    rng = np.random.default_rng(count)
    kept = faults = programs = 0
    for i in range(count):
        formula = likely(rng) if i % 3 else expression(rng, 4)
        try:
            kept += check_formula(formula, judged)
        except AssertionError as error:
            faults += 1
            print(error)
        programs += check_program(rng)
    print(
        f"{count} formulas: {kept} losses, {faults} wrong, the others refused; "
        f"{count} programs: {programs} ran, the others refused"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), "unjudged" not in sys.argv)
