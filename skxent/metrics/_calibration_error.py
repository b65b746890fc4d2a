"""Expected calibration error."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, Unpack, get_args

import numpy as np
from numpy.typing import ArrayLike

from skxent.kernels.checks import check_bool, check_option, warn
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._bins import (
    Bins,
    BinSums,
    Strategy,
    check_bins,
    confidence_and_outcome,
    uniform_edges,
)
from skxent.metrics._options import LabelKeywords, Options, proper, takes
from skxent.metrics._rows import ScoredRows, rows_of

Norm = Literal["l1", "l2", "max"]


@proper(False)
@takes(LabelKeywords)
def expected_calibration_error(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    n_bins: int = 15,
    strategy: Strategy = "uniform",
    norm: Norm = "l1",
    classwise: bool = False,
    debias: bool = False,
    **keywords: Unpack[LabelKeywords],
) -> float:
    r"""Return the expected calibration error: confidence versus observed frequency.

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
    {y_true}
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, a column for each label; (n,): of the second label. The columns
        of a DataFrame go by name if they are named by the labels. Rows that do not sum
        to one raise a warning and are used as they are.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        "uniform": bins of equal width, (0, 1/B], ..., (1 - 1/B, 1], with 0 in the
        first. "quantile": bins of equal weight, cut at quantiles of the confidence.
        Equal confidences share a bin, so many ties make bins fewer and unequal.
    norm : {"l1", "l2", "max"}, default="l1"
        How the bins are put together.
    classwise : bool, default=False
        Bin the probabilities of every class, the event being that class, and average
        over the classes: before the root for "l2"; "max" is the largest of all bins.
    debias : bool, default=False
        For norm="l2" alone: subtract from every square what chance adds to it,
        :math:`\bar y_b (1 - \bar y_b) / (n_b - 1)`; a sum below 0 counts 0. n_b is the
        number of rows, with weights :math:`(\sum w)^2 / \sum w^2`. Bins of one row
        count 0, with a warning if they have most of the weight. This assumes that all
        rows of a bin have its mean probability, and subtracts too much in wide bins.
    {keywords}

    Returns
    -------
    float
        Between 0 and 1: a difference of probabilities, so there is no `base`, and of
        bins, so there is no `reduction`.

    Raises
    ------
    ValueError
        If a value is NaN, probabilities are outside [0, 1], the number of columns is
        not that of the labels, a label is unknown, an option is outside its domain, or
        debias is True for another norm than "l2".

    See Also
    --------
    skxent.calibration.calibration_error_interval : Its confidence interval.
    skxent.displays.ReliabilityDisplay : The bins as a picture.

    Notes
    -----
    It is not a proper score: the class frequencies, predicted for every row, have the
    error 0.

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
    check_bool("classwise", classwise)
    options = Options(**keywords)
    sums_of = partial(_sums_of, n_bins, strategy, classwise)
    curves = rows_of(y_true, y_proba, options).sum(sums_of, options).bins()
    if debias:
        warn_of_lone_rows(curves)
    return calibration_error(curves, norm, debias)


def _sums_of(
    n_bins: int, strategy: Strategy, classwise: bool, rows: ScoredRows, options: Options
) -> BinSums:
    if strategy == "uniform":
        edges = uniform_edges(n_bins)
        quick = one_pass.bin_sums(rows, options, edges[1:-1], classwise)
        if quick is not None:
            return BinSums.of_weighted(edges, *quick)
    outcomes = confidence_and_outcome(rows, options, classwise=classwise)
    return outcomes.sums(n_bins, strategy)


def check_error(norm: Any, debias: Any) -> None:
    """Check the norm, and that it can be debiased."""
    check_option("norm", norm, get_args(Norm))
    check_bool("debias", debias)
    if debias and norm != "l2":
        raise ValueError(f"debias must be False for norm={norm!r}, got {debias!r}.")


def warn_of_lone_rows(curves: Sequence[Bins]) -> None:
    """Warn if most of the weight is in bins of one row."""
    lone = sum(bins.weight[np.isinf(bins.variance)].sum() for bins in curves)
    share = lone / sum(bins.weight.sum() for bins in curves)
    if share > 0.5:
        warn(
            f"{share:.0%} of the weight is in bins of one row, which tell nothing of "
            "the calibration and count 0. Use fewer bins."
        )


def calibration_error(curves: Sequence[Bins], norm: Norm, debias: bool) -> float:
    """Return the error over the bins of all curves, each curve counting the same."""
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
