"""A floor for the probabilities of a model, which may be exactly zero.

The logarithm of zero is minus infinity, and that of the smallest double -36: a forest
whose hundred trees agree would be more certain than any number of rows can justify, and
one such row that is wrong moves the temperature of all others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit

from skxent.calibration._objective import TemperatureObjective
from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.losses._shipped import CrossEntropy
from skxent.optimize.solution import SolverOptions

# The number that scikit-learn adds to probabilities.
DEFAULT = 1e-12
# The floors that are tried, as -log: from 0.1 to the smallest probability or number.
LEAST, MOST, N_TRIED = 2.3, 700.0, 12
# How much of a row counts as one whose class has the smallest probability: without it
# the best floor is zero if no such class was observed, as by chance in few rows.
PRIOR = 0.5
OPTIONS = SolverOptions(tol=1e-3, max_iter=50)


def with_floor(z: Floats, floor: float) -> Floats:
    """Return the logits of p + floor, for those of p: log p (n, K), or log-odds (n, 1).

    The floor is so added that the order of the classes does not change.
    """
    with np.errstate(divide="ignore"):
        log = z.dtype.type(np.log(floor))
    if z.shape[1] > 1:
        return np.logaddexp(z, log)
    upper: Floats = np.logaddexp(log_expit(z), log)
    return upper - np.logaddexp(log_expit(-z), log)


def fit_floor(z: Floats, target: Target, n_threads: int | None) -> float:
    """Return the floor with the least log loss after temperature scaling.

    It is 1e-12 unless a probability is smaller: larger ones are not moved by it.
    """
    lowest = -float(np.abs(z).max()) if z.shape[1] == 1 else float(z.min())
    smallest = max(DEFAULT, 1.01 * float(np.finfo(z.dtype).eps))
    if lowest >= float(np.log(smallest)):
        return DEFAULT
    target = replace(target, label_smoothing=0.0)
    w = target.row_weights()
    # A weight of two is two rows; small weights count as rows nevertheless.
    rows = max(float(w.sum()), float(w.sum() ** 2 / (w @ w)))

    def profile(s: Any) -> float:
        """Return the least loss for the floor exp(-exp(s)), and the prior's."""
        moved = with_floor(z, float(np.exp(-np.exp(s))))
        objective = TemperatureObjective(moved, target, CrossEntropy(), n_threads)
        found = objective.minimise(OPTIONS)
        margin = np.exp(s + found.weights[0])
        return float(found.value + PRIOR / rows * np.logaddexp(0, margin))

    most = min(max(-lowest, 2 * LEAST), MOST)
    tried = np.linspace(np.log(LEAST), np.log(most), N_TRIED)
    losses = [profile(s) for s in tried]
    best = int(np.argmin(losses))
    ends = tried[max(best - 1, 0)], tried[min(best + 1, N_TRIED - 1)]
    found = minimize_scalar(
        profile, bounds=ends, method="bounded", options={"xatol": 0.02}
    )
    s = float(found.x) if found.fun < losses[best] else float(tried[best])
    return float(np.exp(-np.exp(s)))
