"""Bins that isotonic regression chooses, and the band that calibrated ones stay in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats, stable_order
from skxent.metrics._bins import Bins, Outcomes, bins_of, column_sums

# Points of a band. Fits to this many groups of neighbours differ by less than the eye
# sees from those to all rows, and many of them do not take long.
MAX_POINTS = 2000


class Band(NamedTuple):
    """A consistency band: where the curve of calibrated predictions is expected.

    Each field is of shape (points,): the predicted probability, and the ends there.
    """

    confidence: Floats
    low: Floats
    high: Floats


class Column(NamedTuple):
    """Rows of positive weight in the order of their confidence, each field (n,).

    start : (distinct values,), the first row of each value of the confidence.
    """

    confidence: NDArray[np.float64]
    outcome: NDArray[Any]
    weight: NDArray[np.float64]
    start: NDArray[np.intp]

    def coarse(self) -> NDArray[np.intp]:
        """Return the starts of groups of neighbouring values, at most MAX_POINTS."""
        return self.start[:: -(-len(self.start) // MAX_POINTS)]

    def fitted(
        self, outcome: NDArray[Any], start: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the isotonic regression of outcomes on groups of rows."""
        weight = np.add.reduceat(self.weight, start)
        mean = np.add.reduceat(self.weight * outcome, start) / weight
        fit: NDArray[np.float64] = isotonic_regression(
            mean, sample_weight=weight, y_min=0.0, y_max=1.0
        )
        return fit

    def bins(self) -> Bins:
        """Return the blocks of rows whose fitted values are equal."""
        fit = self.fitted(self.outcome, self.start)
        size = np.diff(self.start, append=len(self.weight))
        rises = np.diff(fit, prepend=fit[0]) > 0
        index = np.repeat(np.cumsum(rises, dtype=np.intp), size)
        n_bins = int(index[-1]) + 1
        sums = column_sums(n_bins, index, self.confidence, self.outcome, self.weight)
        first = np.searchsorted(index, np.arange(n_bins))
        low, high = self.confidence[first], self.confidence[[*(first[1:] - 1), -1]]
        return replace(bins_of(np.zeros(n_bins + 1), *sums), low=low, high=high)

    def band(self, level: float, n_resamples: int, rng: Any) -> Band:
        """Return the quantiles of fits to outcomes drawn from the confidence."""
        start = self.coarse()
        fits = [
            self.fitted(rng.uniform(size=len(self.weight)) < self.confidence, start)
            for _ in range(n_resamples)
        ]
        tail = (1 - level) / 2
        # So defined, a new fit is outside these quantiles as often as the level says.
        ends = [tail, 1 - tail]
        low, high = np.quantile(fits, ends, axis=0, method="weibull")
        weight = np.add.reduceat(self.weight, start)
        mean = np.add.reduceat(self.weight * self.confidence, start) / weight
        return Band(mean, low, high)


def columns_of(outcomes: Outcomes) -> list[Column]:
    """Return the columns of outcomes for isotonic regression."""
    kept = np.flatnonzero(outcomes.weight)
    check_sum(float(len(kept)))
    columns = []
    for c, y in zip(outcomes.confidence.T, outcomes.outcome.T, strict=True):
        order = kept[stable_order(c[kept])]
        p = c[order].astype(np.float64)
        start = np.flatnonzero(np.diff(p, prepend=-1.0))
        columns.append(Column(p, y[order], outcomes.weight[order], start))
    return columns
