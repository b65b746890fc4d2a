"""Inputs that the tests draw from, and their exact results by mpmath."""

from __future__ import annotations

from functools import cache

import mpmath as mp
import numpy as np

from jets import Jet, inputs, jet
from skxent.losses import LOSSES, Focal

LOSS_INSTANCES = [cls() for cls in LOSSES.values()] + [
    Focal(gamma) for gamma in (0.0, 0.3, 0.5, 1.0, 3.7, 5.0)
]
DTYPES = [np.float64, np.float32]
DIGITS = 60


def kappa(loss, row):
    """Conditioning of a row: (1 + γ) max(1, spread of the logits)."""
    return (1 + getattr(loss, "gamma", 0.0)) * max(1.0, float(np.ptp(row)))


def smooth(y, n_classes, label_smoothing):
    """Smoothed one-hot row of the code y, or of the soft label y."""
    row = np.eye(n_classes)[y] if np.ndim(y) == 0 else np.asarray(y)
    return (1 - mp.mpf(label_smoothing)) * mp.matrix(row.tolist()) + mp.matrix(
        [mp.mpf(label_smoothing) * row.sum() / n_classes] * n_classes
    )


@cache
def jet_of(loss, m):
    """φ at the margin m, with its derivatives by the rules of calculus."""
    # Far out φ'' is about exp(-|m|) φ, so as many more digits are needed.
    with mp.workdps(DIGITS + int(abs(m))):
        return jet(loss.phi(*inputs(m)))


def phi(loss, m):
    """φ, φ' and φ'' at the margin m."""
    return jet_of(loss, m).f


def at_kink(loss, target, row, dtype):
    """Whether rounding may take a comparison in the formula to its other side."""
    near = 1000 * float(np.finfo(dtype).eps)
    with mp.workdps(DIGITS + int(max(row) - min(row))):
        margins = [margin(c, row) for c, t in enumerate(target) if t]
    return any(jet_of(loss, m).decided < near for m in margins)


def margin(c, row):
    """The log-odds of class c."""
    z = [mp.mpf(float(x)) for x in row]
    return z[c] - mp.log(mp.fsum(mp.exp(x) for j, x in enumerate(z) if j != c))


def value_of(loss, p, q, L):
    """φ of three numbers."""
    return jet(loss.phi(*(Jet([x, 0, 0]) for x in (p, q, L)))).f[0]


def derivatives(loss, target, row, running=()):
    """Value, gradient and Hessian of a row of logits, each as a sum over classes c.

    gradient φ' v and Hessian φ'' vvᵀ - φ' (diag r - rrᵀ), v = e_c - r, which
    test_losses.py checks against differentiation of the definition.

    Then the sizes of the terms of gradient, Hessian and value, which may cancel: over
    classes, and in φ'' = -p φ' + (φ'' + p φ'), which has roots for all losses but
    cross-entropy. Derivatives whose order is in `running` have the size of a running
    error analysis of the formula as it is written instead.
    """
    with mp.workdps(DIGITS + int(max(row) - min(row))):
        return _derivatives(loss, target, [mp.mpf(float(x)) for x in row], running)


def _derivatives(loss, target, z, running):
    K = len(z)
    value, gradient, hessian = mp.mpf(0), mp.matrix(K, 1), mp.matrix(K, K)
    values, slopes, curvatures = mp.mpf(0), mp.matrix(K, 1), mp.matrix(K, K)
    for c, t in enumerate(target):
        if t == 0:
            continue
        others = mp.fsum(mp.exp(z[j]) for j in range(K) if j != c)
        r = [mp.exp(z[k]) / others if k != c else mp.mpf(0) for k in range(K)]
        v = [(k == c) - r[k] for k in range(K)]
        m = z[c] - mp.log(others)
        f, f1, f2 = phi(loss, m)
        p = 1 / (1 + mp.exp(-m))
        size = [abs(f), abs(f1), abs(p * f1) + abs(f2 + p * f1)]
        for order in running:
            size[order] = jet_of(loss, m).size[order]
        value += t * f
        values += t * size[0]
        for k in range(K):
            gradient[k] += t * f1 * v[k]
            slopes[k] += t * size[1] * abs(v[k])
            for j in range(K):
                spread = (j == k) * r[k] - r[j] * r[k]
                hessian[j, k] += t * (f2 * v[j] * v[k] - f1 * spread)
                curvatures[j, k] += t * (
                    size[2] * abs(v[j] * v[k]) + size[1] * abs(spread)
                )
    return value, gradient, hessian, slopes, curvatures, values


def definition(loss, target, *z):
    """Σ_c t_c φ of p_c = softmax(z)_c, 1 - p_c and -log p_c: nothing derived."""
    powers = [mp.exp(x) for x in z]
    value = mp.mpf(0)
    for c, t in enumerate(target):
        p = powers[c] / mp.fsum(powers)
        value += t * value_of(loss, p, 1 - p, -mp.log(p))
    return value


def error_in_eps(ours, exact, scale, dtype):
    """|ours - exact| in units of eps · scale; results that underflow count as right."""
    info = np.finfo(dtype)
    if not np.isfinite(ours):
        overflows = abs(exact) > mp.mpf(float(info.max)) and not np.isnan(ours)
        return 0.0 if overflows and (ours > 0) == (exact > 0) else np.inf
    gap = abs(mp.mpf(float(ours)) - exact)
    if gap <= mp.mpf(float(info.tiny)):
        return 0.0
    return float(gap / (mp.mpf(float(info.eps)) * abs(scale)))
