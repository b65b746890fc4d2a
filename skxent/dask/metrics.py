"""The metrics of :mod:`skxent.metrics` for rows in Dask collections, in one pass.

The sums of each block are computed where it is, and added. With ``reduction="none"``
the result is a dask array, else a number, which is computed. Without `labels` those of
all blocks are collected first, in the same pass: if they are given, no block waits.

Examples
--------
>>> import dask.array as da
>>> from skxent.dask.metrics import evaluate_loss, log_loss
>>> y = da.from_array([0, 1, 1], chunks=2)
>>> proba = da.from_array([0.2, 0.7, 0.4], chunks=2)
>>> round(evaluate_loss("focal", y, proba), 6)
0.12363
>>> round(log_loss(y, proba), 6)
0.498703
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skxent import metrics
from skxent.dask._reductions import DaskRows, over_blocks
from skxent.inputs.weights import Sums, moderate, scale_exponent
from skxent.kernels.checks import as_reals, check_bool
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows

__all__ = [
    "cross_entropy",
    "d2_loss_score",
    "entropy",
    "evaluate_loss",
    "expected_calibration_error",
    "focal_loss",
    "kl_divergence",
    "log_loss",
    "multilabel_log_loss",
    "smoothed_log_loss",
    "soft_fbeta_loss",
    "tversky_loss",
    "unified_focal_loss",
]

Metric = Callable[..., Any]

cross_entropy: Metric = over_blocks(metrics.cross_entropy)
d2_loss_score: Metric = over_blocks(metrics.d2_loss_score)
entropy: Metric = over_blocks(metrics.entropy, keeps_float32=False)
evaluate_loss: Metric = over_blocks(metrics.evaluate_loss)
# No block knows the quantiles of all rows.
expected_calibration_error: Metric = over_blocks(
    metrics.expected_calibration_error, only={"strategy": ("uniform",)}
)
focal_loss: Metric = over_blocks(metrics.focal_loss)
kl_divergence: Metric = over_blocks(metrics.kl_divergence, keeps_float32=False)
multilabel_log_loss: Metric = over_blocks(metrics.multilabel_log_loss)
smoothed_log_loss: Metric = over_blocks(metrics.smoothed_log_loss)
soft_fbeta_loss: Metric = over_blocks(metrics.soft_fbeta_loss)
tversky_loss: Metric = over_blocks(metrics.tversky_loss)
unified_focal_loss: Metric = over_blocks(metrics.unified_focal_loss)


def log_loss(
    y_true: Any,
    y_proba: Any,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """Return the log loss of rows in Dask collections.

    Parameters
    ----------
    y_true : dask array, dask Series or list of delayed blocks of shape (n,)
        Labels of any type.
    y_proba : dask array, dask DataFrame or list of delayed blocks of shape (n, K)
        Probabilities, columns in the sorted order of the labels. (n,): of the second.
    normalize : bool, default=True
        Return the mean, or else the sum.
    sample_weight : dask array, dask Series or list of delayed blocks, default=None
        Weights of the rows.
    labels : array-like, default=None
        All labels. None: they are collected from all blocks first.

    Returns
    -------
    float
        The mean, or the sum, in nats.

    Raises
    ------
    ValueError
        As :func:`skxent.metrics.log_loss` raises it, with the number of the partition.

    See Also
    --------
    skxent.metrics.log_loss : The same for rows in memory.
    cross_entropy : The same of logits, soft labels and class weights.

    Examples
    --------
    >>> import dask.array as da
    >>> from skxent.dask.metrics import log_loss
    >>> y = da.from_array([0, 1, 1], chunks=2)
    >>> proba = da.from_array([0.2, 0.7, 0.4], chunks=2)
    >>> round(log_loss(y, proba), 6)
    0.498703
    """
    check_bool("normalize", normalize)
    rows = DaskRows(y_true, y_proba, sample_weight)
    sums = rows.sum(_log_loss_sums, Options(labels=labels))
    return sums.mean() if normalize else sums.over(0).loss


def _log_loss_sums(rows: ScoredRows, options: Options) -> Sums:
    w, n = rows.sample_weight, len(rows.y_proba)
    weights = np.ones(n) if w is None else as_reals("sample_weight", w)
    # scikit-learn refuses weights that are all zero, which a block may have.
    zero = len(weights) == n and not weights.any()
    exponent, weights = scale_exponent(weights), moderate(weights)
    loss = metrics.log_loss(
        rows.y_true,
        np.asarray(rows.y_proba),
        normalize=False,
        sample_weight=None if w is None or zero else weights,
        labels=options.labels,
    )
    return Sums(0.0 if zero else loss, float(weights.sum()), exponent=exponent)
