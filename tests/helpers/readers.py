"""Readers of the graph of a formula, with numpy and with mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np

from skxent.losses._derivative import differentiate
from skxent.losses._graph import fold
from skxent.losses._traced import trace

# Operations that depend on neither the margin nor the class.
NUMPY = {
    "L": None,
    "log_q": None,
    "monomial": None,
    "modulated_L": None,
    "complement_p": None,
    "complement_q": None,
    "constant": np.float64,
    "class_constant": None,
    "affine": lambda x, k, l: k * x + l,
    "combine": lambda x, y, k, l: k * x + l * y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "power": lambda x, c: x**c,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "maximum": np.maximum,
    "less": lambda x, y: x < y,
    "select": lambda x, y, c: np.where(c, x, y),
}


def of_numpy(m, theta=()):
    """The operations as functions at margins m; theta: the constants of the class."""
    L, log_q = np.logaddexp(0, -m), -np.logaddexp(0, m)
    ratio = np.where(m > 700, 1, L * np.exp(-np.maximum(log_q, -700)))  # L/q
    return NUMPY | {
        "L": lambda: L,
        "log_q": lambda: log_q,
        "monomial": lambda k, l: np.exp(l * log_q - k * L),
        "modulated_L": lambda k, l: np.exp((l + 1) * log_q - k * L) * ratio,
        "complement_p": lambda k: -np.expm1(-k * L),
        "complement_q": lambda k: -np.expm1(k * log_q),
        "class_constant": lambda j: theta[int(j)],
    }


def of_mpmath(m, theta=()):
    """The same at one margin, to the digits of the context."""
    m = mp.mpf(m)
    L, log_q = mp.log1p(mp.exp(-m)), -mp.log1p(mp.exp(m))
    return NUMPY | {
        "L": lambda: L,
        "log_q": lambda: log_q,
        "monomial": lambda k, l: mp.exp(l * log_q - k * L),
        "modulated_L": lambda k, l: mp.exp(l * log_q - k * L) * L,
        "complement_p": lambda k: -mp.expm1(-k * L),
        "complement_q": lambda k: -mp.expm1(k * log_q),
        "constant": mp.mpf,
        "class_constant": lambda j: mp.mpf(float(theta[int(j)])),
        "exp": mp.exp,
        "expm1": mp.expm1,
        "log": mp.log,
        "log1p": mp.log1p,
        "maximum": max,
        "select": lambda x, y, c: x if c else y,
    }


def exact_posterior(loss, rows):
    """p q / -φ' of each class, with the sum 1, from mpmath and the derivative."""
    program = trace(loss)
    slope, found = differentiate(program.result), []
    for row in rows:
        # φ' is e^-|m| times a difference that cancels, to a power.
        with mp.workdps(60 + 4 * int(np.ptp(row))):
            e = [mp.exp(mp.mpf(float(z))) for z in row]
            total, eta = mp.fsum(e), []
            for k, one in enumerate(e):
                others = mp.fsum(e[:k] + e[k + 1 :])
                theta = program.theta[:, k] if len(program.theta) else ()
                m = mp.log(one / others) - (float(theta[0]) if program.shifted else 0)
                eta.append(-one * others / total**2 / fold(slope, of_mpmath(m, theta)))
            found.append([float(x / mp.fsum(eta)) for x in eta])
    return np.array(found)
