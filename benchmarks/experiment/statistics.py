"""Corrected intervals: of one table over its splits, and of a method over tables.

The splits of a table share rows, so their differences are not independent. Nadeau and
Bengio (2003) widen the variance of the mean from s²/J to (1/J + n_test/n_train) s².
Tables are independent; over them it is a plain t interval. Of many comparisons some are
extreme by chance: Holm's procedure (1979) adjusts the p values of them all.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A mean, half the width of its 95% interval, and the p value of zero."""

    mean: float
    half_width: float
    p: float


def t_interval(mean, variance, degrees):
    """The estimate of a mean whose variance was estimated with some degrees."""
    if variance <= 0:
        return Estimate(mean, 0.0, 1.0 if mean == 0 else 0.0)
    error = variance**0.5
    return Estimate(
        mean,
        float(stats.t.ppf(0.975, degrees) * error),
        float(2 * stats.t.sf(abs(mean) / error, degrees)),
    )


def over_splits(differences, test_over_train):
    """The mean of a table's paired differences, corrected for the rows they share."""
    differences = np.asarray(differences)
    n = len(differences)
    variance = differences.var(ddof=1) * (1 / n + test_over_train)
    return t_interval(float(differences.mean()), variance, n - 1)


def over_tables(effects):
    """The mean of independent tables."""
    effects = np.asarray(effects)
    if len(effects) < 2:
        return Estimate(float(effects.mean()), np.inf, 1.0)
    return t_interval(
        float(effects.mean()), effects.var(ddof=1) / len(effects), len(effects) - 1
    )


def holm(p_values):
    """Adjusted p values: below α they keep the chance of any false claim below α."""
    p_values = np.asarray(p_values)
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted
