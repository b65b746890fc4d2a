"""Expected calibration error, and the bins it is the error of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.tables import align, check_proba, logits_from
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool, check_count, check_option, warn
from skxent.losses._shipped import CrossEntropy
from skxent.metrics._evaluate import prepare_target

Strategy = Literal["uniform", "quantile"]
Norm = Literal["l1", "l2", "max"]


def expected_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 15,
    strategy: Strategy = "uniform",
    norm: Norm = "l1",
    classwise: bool = False,
    debias: bool = False,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    ignore_index: Any = None,
) -> float:
    r"""Expected calibration error: how far confidence is from what then happens.

    Rows are binned by confidence. With the share :math:`s_b` of bin b, its mean
    confidence :math:`\bar c_b` and the frequency :math:`\bar y_b` of the event,

    .. math:: \sum_b s_b |\bar y_b - \bar c_b|, \quad
        \Big(\sum_b s_b (\bar y_b - \bar c_b)^2\Big)^{1/2}, \quad
        \max_b |\bar y_b - \bar c_b|

    for norm="l1" (ECE), "l2" (root mean square) and "max" (MCE). Two classes: the
    confidence is the probability of the second, the event that class. More classes:
    the confidence is the largest probability, the event that its class is the label.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, a column for each label; (n,): of the second. A DataFrame whose
        columns are named by the labels goes by name. Rows that do not sum to one warn,
        and are taken as they are.
    n_bins : int, default=15
    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform": bins of equal width, (0, 1/B], ..., (1 - 1/B, 1], with 0 in the
        first. "quantile": bins of equal weight, cut at quantiles of the confidence.
        Equal confidences share a bin, so with many ties bins are fewer, and not equal.
    norm : {"l1", "l2", "max"}, default="l1"
    classwise : bool, default=False
        Bin the probabilities of every class, the event being that class, and average
        over the classes: before the root for "l2"; "max" is the largest of all bins.
    debias : bool, default=False
        For norm="l2" alone: subtract from every square what chance adds to it,
        :math:`\bar y_b (1 - \bar y_b) / (n_b - 1)`; a sum below 0 counts 0. n_b is the
        number of rows, with weights :math:`(\sum w)^2 / \sum w^2`. Bins of one row
        count 0, with a warning if they have most of the weight.
    labels : array-like of shape (K,), default=None
        All labels, in the order of the columns of y_proba; an estimator's `classes_`,
        say. None: those of y_true, sorted.
    sample_weight : array-like of shape (n,), default=None
    class_weight : dict or Series of label to weight, array-like (K,) or "balanced"
        Acts as ``sample_weight=v[y]``.
    from_logits : bool, default=False
        y_proba holds logits; (n,): log-odds of the second class.
    ignore_index : label, default=None
        Rows of this label weigh nothing; NaN: rows without a label.

    Returns
    -------
    float
        Between 0 and 1: a difference of probabilities, so there is no `base`, and of
        bins, so there is no `reduction`.

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1]; a wrong number of columns; unknown labels;
        an option out of its domain; debias with another norm than "l2".

    Notes
    -----
    Without `debias` the error is too large on average, and more so with many bins or
    few rows: a perfectly calibrated model does not get 0.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017). On Calibration of Modern Neural Networks.
    arXiv 1706.04599. Classwise: Nixon et al. (2019), arXiv 1904.01685. debias: Kumar,
    Liang, Ma (2019). Verified Uncertainty Calibration. arXiv 1909.10155.

    Examples
    --------
    >>> from skxent.metrics import expected_calibration_error
    >>> y, proba = [0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75]
    >>> round(expected_calibration_error(y, proba, n_bins=2), 6)
    0.29
    """
    check_bins(n_bins, strategy)
    check_error(norm, debias)
    confidence, event, weight = outcomes(
        y_true,
        y_proba,
        classwise=classwise,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        from_logits=from_logits,
        ignore_index=ignore_index,
    )
    curves = bin_columns(confidence, event, weight, n_bins, strategy)
    if debias:
        warn_of_lone_rows(curves)
    return calibration_error(curves, norm, debias)


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


def check_bins(n_bins: Any, strategy: Any) -> None:
    check_count("n_bins", n_bins)
    check_option("strategy", strategy, get_args(Strategy))


def check_error(norm: Any, debias: Any) -> None:
    check_option("norm", norm, get_args(Norm))
    check_bool("debias", debias)
    if debias and norm != "l2":
        raise ValueError(f"debias must be False for norm={norm!r}, got {debias!r}.")


def outcomes(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classwise: bool,
    labels: ArrayLike | None,
    sample_weight: ArrayLike | None,
    class_weight: Any,
    from_logits: bool,
    ignore_index: Any,
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Confidence (n, m), how much its event came true (n, m), and weight (n,).

    m is K if `classwise`, else 1.
    """
    check_bool("classwise", classwise)
    check_bool("from_logits", from_logits)
    y_true, y_proba = align(y_true, y_proba, labels, ignore_index)
    if from_logits:
        proba = CrossEntropy().predict_proba(logits_from(y_proba, True))
    else:
        proba = check_proba(y_proba)
    if proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    target = prepare_target(
        y_true,
        proba,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        ignore_index=ignore_index,
    ).moderate()
    weight = target.row_weights()
    check_sum(weight.max())
    n_classes = proba.shape[1]
    if classwise:
        chosen = np.arange(n_classes)[np.newaxis]
    elif n_classes == 2:
        chosen = np.ones((1, 1), dtype=np.intp)
    else:
        chosen = proba.argmax(axis=1)[:, np.newaxis]
    confidence = np.take_along_axis(proba, chosen, axis=1)
    if target.codes is not None:
        return confidence, (target.codes[:, np.newaxis] == chosen) * 1.0, weight
    assert target.soft is not None
    shares = target.soft * target.class_weight
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return confidence, np.take_along_axis(shares, chosen, axis=1), weight


def bin_columns(
    confidence: Floats,
    event: Floats,
    weight: NDArray[np.float64],
    n_bins: int,
    strategy: Strategy,
) -> list[Bins]:
    """The bins of every column."""
    return [
        average(*assign(c, weight, n_bins, strategy), c, y, weight)
        for c, y in zip(confidence.T, event.T, strict=True)
    ]


def assign(
    confidence: Floats, weight: NDArray[np.float64], n_bins: int, strategy: Strategy
) -> tuple[Floats, NDArray[np.intp]]:
    """The edges of the bins (n_bins + 1,), and the bin of every row (n,)."""
    # b / B is the double next to a decimal edge; in the dtype of the probabilities a
    # 0.2 then meets the edge 0.2.
    share = np.arange(n_bins + 1) / n_bins
    edges = share.astype(confidence.dtype)
    if strategy == "quantile":
        order = np.argsort(confidence)
        below = np.cumsum(weight[order])
        # A sum of weights that falls short of its share by rounding has reached it.
        cuts = np.searchsorted(below, below[-1] * share[1:-1] * (1 - 1e-10))
        edges[1:-1] = confidence[order[cuts]]
    return edges, np.searchsorted(edges[1:-1], confidence)


def average(
    edges: Floats,
    index: NDArray[np.intp],
    confidence: Floats,
    event: Floats,
    weight: NDArray[np.float64],
) -> Bins:
    """What is in the bins to which the rows were assigned."""
    n_bins = len(edges) - 1
    mass = np.bincount(index, weight, n_bins).astype(np.float64, copy=False)
    # Shares of a bin have squares that are neither 0 nor infinite.
    share = np.zeros(len(weight))
    np.divide(weight, mass[index], out=share, where=weight > 0)
    bins = bins_of(edges, bin_sums(n_bins, index, confidence, event, share))
    return replace(bins, weight=mass[mass > 0])


def bin_sums(
    n_bins: int,
    index: NDArray[np.intp],
    confidence: Floats,
    event: Floats,
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Σ over the rows of every bin, of what `bins_of` divides: (5, n_bins)."""
    happened = weight * event
    columns = weight, weight * confidence, happened, happened * event, weight**2
    sums = [np.bincount(index, column, n_bins) for column in columns]
    return np.array(sums, dtype=np.float64)


def bins_of(edges: Floats, sums: NDArray[np.float64]) -> Bins:
    """The bins that hold any weight."""
    held = sums[0] > 0
    mass, confidence, happened, squares, weight_squares = sums[:, held]
    frequency = happened / mass
    spread = np.maximum(squares / mass - frequency**2, 0)
    # Σw² / (Σw)² is 1 / n without weights.
    reciprocal = weight_squares / mass**2
    variance = np.full(len(mass), np.inf)
    several = reciprocal < 1
    variance[several] = (spread * reciprocal)[several] / (1 - reciprocal[several])
    return Bins(
        low=edges[:-1][held],
        high=edges[1:][held],
        weight=mass,
        confidence=confidence / mass,
        frequency=frequency,
        variance=variance,
    )


def warn_of_lone_rows(curves: Sequence[Bins]) -> None:
    lone = sum(bins.weight[np.isinf(bins.variance)].sum() for bins in curves)
    share = lone / sum(bins.weight.sum() for bins in curves)
    if share > 0.5:
        warn(
            f"{share:.0%} of the weight is in bins of one row, of which nothing can be "
            "said: they count 0. Take fewer bins."
        )


def calibration_error(curves: Sequence[Bins], norm: Norm, debias: bool) -> float:
    """The error over the bins of all curves, every curve counting the same."""
    gap = np.concatenate([np.abs(bins.frequency - bins.confidence) for bins in curves])
    if norm == "max":
        return float(gap.max())
    share = np.concatenate([bins.weight / bins.weight.sum() for bins in curves])
    share /= len(curves)
    if norm == "l1":
        return float(share @ gap)
    square = gap**2
    if debias:
        variance = np.concatenate([bins.variance for bins in curves])
        square = np.where(np.isinf(variance), 0, square - variance)
    return float(np.sqrt(max(share @ square, 0.0)))
