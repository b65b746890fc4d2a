"""Bins of confidence: which row is in which bin, and what the bins hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.tables import codes_of_logits
from skxent.inputs.weights import check_sum, common_exponent
from skxent.kernels.arrays import Floats, stable_order
from skxent.kernels.checks import Interval, check_count, check_option
from skxent.metrics._options import Options
from skxent.metrics._proba import read_proba
from skxent.metrics._rows import ScoredRows, moderated

Strategy = Literal["uniform", "quantile"]


def check_bins(n_bins: Any, strategy: Any) -> None:
    """Check the number of bins and how they are made."""
    check_count("n_bins", n_bins)
    # A thousand times more would take all memory.
    Interval(1, 1_000_000, "both").check("n_bins", n_bins)
    check_option("strategy", strategy, get_args(Strategy))


@dataclass(frozen=True)
class Bins:
    """Bins of confidence that hold any weight, each field of shape (bins,).

    `variance` is that of the frequency; infinite for a bin of one row.
    """

    low: Floats
    high: Floats
    weight: Floats
    confidence: Floats
    frequency: Floats
    variance: Floats


@dataclass(frozen=True)
class BinSums:
    """Sums over the rows in each bin of m columns, which add.

    edges : ndarray of shape (m, bins + 1)
    weight : ndarray of shape (m, bins)
        Σ w over 2**exponent.
    shares : ndarray of shape (m, 5, bins)
        Σ s, Σ s c, Σ s y, Σ s y² and Σ s² with the confidence c, the outcome y and the
        share s of a row in the weight of its bin. Squares of shares are neither 0 nor
        infinite where those of weights are.
    """

    edges: Floats
    weight: Floats
    shares: Floats
    exponent: int = 0

    @classmethod
    def of_weighted(cls, edges: Floats, sums: Floats, exponent: int) -> BinSums:
        """Return Σ w, Σ w c, Σ w y, Σ w y² and Σ w², (m, bins, 5), as shares."""
        weight, square = sums[..., 0], sums[..., 4]
        over = np.where(weight > 0, weight, 1)
        parts = [*np.moveaxis(sums[..., :4], -1, 0) / over, square / over**2]
        edges = np.tile(edges, (len(sums), 1))
        return cls(edges, weight, np.stack(parts, 1), exponent)

    def __add__(self, other: BinSums) -> BinSums:
        exponent = common_exponent((self, other))
        a, b = (np.ldexp(s.weight, s.exponent - exponent) for s in (self, other))
        weight, shares = a + b, np.zeros_like(self.shares)
        for part, sums in ((a, self), (b, other)):
            factor = np.divide(part, weight, out=np.zeros_like(part), where=weight > 0)
            shares[:, :4] += factor[:, np.newaxis] * sums.shares[:, :4]
            shares[:, 4] += factor**2 * sums.shares[:, 4]
        return BinSums(self.edges, weight, shares, exponent)

    def bins(self) -> list[Bins]:
        """Return the bins of every column."""
        check_sum(self.weight[0].sum())
        return list(map(bins_of, self.edges, self.weight, self.shares))


@dataclass(frozen=True)
class Outcomes:
    """The predicted probabilities of events, and their outcomes.

    confidence : ndarray of shape (n, m)
        The probability that a row gives to its m events: K with `classwise`, else one.
    outcome : ndarray of shape (n, m)
        1 where the event came true, else 0; between with soft labels.
    weight : ndarray of shape (n,)
        The weight of a row, that of its class included, over 2**exponent.
    """

    confidence: Floats
    outcome: Floats
    weight: NDArray[np.float64]
    exponent: int = 0

    def sums(self, n_bins: int, strategy: Strategy) -> BinSums:
        """Return the sums over the rows in each bin of each column."""
        columns = []
        for c, y in zip(self.confidence.T, self.outcome.T, strict=True):
            edges, index = assign(c, self.weight, n_bins, strategy)
            columns.append((edges, *column_sums(n_bins, index, c, y, self.weight)))
        edges, weight, shares = map(np.array, zip(*columns, strict=True))
        return BinSums(edges, weight, shares, self.exponent)

    def bins(self, n_bins: int, strategy: Strategy) -> list[Bins]:
        """Return the bins of every column."""
        return self.sums(n_bins, strategy).bins()


def confidence_and_outcome(
    rows: ScoredRows, options: Options, *, classwise: bool = False
) -> Outcomes:
    """Return the confidence of each row of a block, and what came true.

    Of two classes the event is the second, of more the one of the largest probability.
    """
    proba, target, _ = read_proba(rows, options)
    target, exponent = moderated(target)
    weight = target.row_weights()
    n_classes = proba.shape[1]
    if classwise:
        chosen = np.arange(n_classes)[np.newaxis]
    elif n_classes == 2:
        chosen = np.ones((1, 1), dtype=np.intp)
    else:
        chosen = codes_of_logits(proba)[:, np.newaxis]
    confidence = np.take_along_axis(proba, chosen, axis=1)
    if target.codes is not None:
        outcome = (target.codes[:, np.newaxis] == chosen) * 1.0
        return Outcomes(confidence, outcome, weight, exponent)
    assert target.soft is not None
    shares = target.soft * target.class_weight
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    outcome = np.take_along_axis(shares, chosen, axis=1)
    return Outcomes(confidence, outcome, weight, exponent)


def uniform_edges(n_bins: int) -> Floats:
    """Return the edges of bins of equal width: the doubles next to decimal ones."""
    return np.arange(n_bins + 1) / n_bins


def assign(
    confidence: Floats, weight: NDArray[np.float64], n_bins: int, strategy: Strategy
) -> tuple[Floats, NDArray[np.intp]]:
    """Return the edges of the bins (n_bins + 1,), and the bin of every row (n,)."""
    # Rounded to the dtype of the probabilities an edge of 0.2 equals a 0.2 among them.
    share = uniform_edges(n_bins)
    edges = share.astype(confidence.dtype)
    if strategy == "quantile":
        order = stable_order(confidence)
        cumulated = np.cumsum(weight[order])
        # The factor lets a sum that falls short of its share by rounding reach it.
        wanted = cumulated[-1] * share[1:-1] * (1 - 1e-10)
        edges[1:-1] = confidence[order[np.searchsorted(cumulated, wanted)]]
    return edges, np.searchsorted(edges[1:-1], confidence)


def column_sums(
    n_bins: int,
    index: NDArray[np.intp],
    confidence: Floats,
    outcome: NDArray[Any],
    weight: NDArray[np.float64],
) -> tuple[Floats, Floats]:
    """Return the weight of each bin, and its sums of shares: see `BinSums`."""
    mass = np.bincount(index, weight, n_bins).astype(np.float64, copy=False)
    share = np.zeros(len(weight))
    np.divide(weight, mass[index], out=share, where=weight > 0)
    true = share * outcome
    columns = share, share * confidence, true, true * outcome, share**2
    sums = [np.bincount(index, column, n_bins) for column in columns]
    return mass, np.array(sums, dtype=np.float64)


def bins_of(edges: Floats, weight: Floats, shares: Floats) -> Bins:
    """Return the bins of a column that hold any weight."""
    held = weight > 0
    total, confidence, true, squares, share_squares = shares[:, held]
    frequency = true / total
    spread = np.maximum(squares / total - frequency**2, 0)
    # Σs² / (Σs)² is 1 / n without weights.
    reciprocal = share_squares / total**2
    variance = np.full(len(total), np.inf)
    several = reciprocal < 1
    variance[several] = (spread * reciprocal)[several] / (1 - reciprocal[several])
    return Bins(
        low=edges[:-1][held],
        high=edges[1:][held],
        weight=weight[held],
        confidence=confidence / total,
        frequency=frequency,
        variance=variance,
    )
