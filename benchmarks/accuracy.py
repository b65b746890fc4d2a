"""How exact are the losses? The tables of docs/numerics.md, with mpmath as the judge.

    PYTHONPATH=tests/helpers python -P benchmarks/accuracy.py

writes docs/tables/accuracy.md; with `--quick` few rows, to standard output. The judge
is that of the tests, tests/helpers/oracle.py.
"""

import argparse
from pathlib import Path

import mpmath as mp
import numpy as np

from oracle import (
    DIGITS,
    DTYPES,
    LOSS_INSTANCES,
    derivatives,
    error_in_eps,
    kappa,
    margin,
    phi,
    smooth,
)
from skxent.losses import Focal

TABLE = Path(__file__).parents[1] / "docs" / "tables" / "accuracy.md"
# Exponentials of spreads up to twice this size are normal numbers.
REACH = {np.float64: 350.0, np.float32: 40.0}


def random_rows(n, dtype):
    """Rows of three logits on all scales, from nearly tied to the ends."""
    rng = np.random.default_rng(0)
    scale = np.exp(rng.uniform(np.log(1e-3), np.log(REACH[dtype]), n))
    z = rng.uniform(-1, 1, (n, 3)) * scale[:, np.newaxis]
    return z.astype(dtype), rng.integers(0, 3, n)


def conditions(loss, y, row):
    """κ of loss and gradient, more at a root: there the rounding of a margin counts."""
    with mp.workdps(DIGITS + int(np.ptp(row))):
        m = margin(y, row)
        f = phi(loss, m)
        roots = [abs(m * f[k + 1] / f[k]) if f[k] else 0 for k in (0, 1)]
    return [max(kappa(loss, row), float(root)) for root in roots]


def worst(loss, dtype, n):
    """Largest errors of loss and gradient, in units of κ eps."""
    z, y = random_rows(n, dtype)
    values, gradients = loss.loss_gradient(y, z)
    errors = np.zeros((n, 2))
    for i, row in enumerate(z):
        exact = derivatives(loss, smooth(y[i], 3, 0), row)
        units = conditions(loss, y[i], row)
        errors[i, 0] = error_in_eps(values[i], exact[0], exact[0] * units[0], dtype)
        errors[i, 1] = max(
            error_in_eps(ours, true, true * units[1], dtype)
            for ours, true in zip(gradients[i], exact[1], strict=True)
        )
    return errors.max(axis=0)


def promise_table(n):
    """A row for each loss: what design and tests allow is 8."""
    names = [f"{part}, {t.__name__}" for t in DTYPES for part in ("loss", "gradient")]
    lines = [f"| | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    for loss in LOSS_INSTANCES:
        errors = np.concatenate([worst(loss, dtype, n) for dtype in DTYPES])
        cells = " | ".join(f"{error:.2f}" for error in errors)
        lines.append(f"| `{loss!r}` | {cells} |")
    return lines


def by_the_book(z, dtype, clip):
    """Focal loss, gamma 2, of probabilities, as it is written in papers and blogs."""
    z = np.asarray(z, dtype=dtype)
    p = 1 / (1 + np.exp(-z))
    if clip:
        p = np.clip(p, dtype(clip), dtype(1) - dtype(clip))
    return -((1 - p) ** 2) * np.log(p)


def error_text(ours, exact):
    if not np.isfinite(ours):
        return "**" + str(float(ours)) + "**"
    error = float(abs(mp.mpf(float(ours)) - exact) / exact)
    return f"{error:.0e}" if error < 0.01 else f"**{error:.0e}**"


def book_table():
    """Relative error of the formula by the book, and ours, at logits of label 1."""
    ways = {
        "float64": (np.float64, None),
        "float64, clipped at 1e-15": (np.float64, 1e-15),
        "float32": (np.float32, None),
        "float32, clipped at 1e-7": (np.float32, 1e-7),
    }
    heads = [
        "skxent, float64",
        "skxent, float32",
        *(f"textbook, {way}" for way in ways),
    ]
    lines = [f"| logit | loss | {' | '.join(heads)} |"]
    lines.append("|---:|---:|" + "---:|" * len(heads))
    for z in (10.0, 18.0, 25.0, 36.0, -10.0, -40.0, -100.0, -750.0):
        with mp.workdps(400):
            x = mp.mpf(z)
            exact = Focal(2.0).phi(
                1 / (1 + mp.exp(-x)), 1 / (1 + mp.exp(x)), mp.log1p(mp.exp(-x))
            )
            ours = [Focal(2.0).loss([1], np.array([z], dtype))[0] for dtype in DTYPES]
            with np.errstate(all="ignore"):
                theirs = [by_the_book(z, *way) for way in ways.values()]
            errors = [error_text(value, exact) for value in [*ours, *theirs]]
        lines.append(f"| {z:g} | {float(exact):.3g} | {' | '.join(errors)} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    n = 20 if parser.parse_args().quick else 1000
    text = "\n".join(
        [
            f"**Largest error of {n} random rows of three logits, in units of κ eps**",
            "",
            *promise_table(n),
            "",
            "**Relative error of focal loss, gamma 2, of label 1**",
            "",
            *book_table(),
            "",
        ]
    )
    if n < 1000:
        print(text)
    else:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
