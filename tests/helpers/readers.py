"""Readers of the graph of a formula, with numpy and with mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np

# What depends on neither the margin nor the class.
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
    """What the operations mean at margins m; theta are the constants of the class."""
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


def of_mpmath(m):
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
        "exp": mp.exp,
        "expm1": mp.expm1,
        "log": mp.log,
        "log1p": mp.log1p,
        "maximum": max,
        "select": lambda x, y, c: x if c else y,
    }
