"""Entropies of predictions, and the divergence of predictions from soft labels."""

from __future__ import annotations

from typing import Any, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr

from skxent.inputs.columns import align
from skxent.inputs.labels import as_array
from skxent.inputs.soft_labels import check_soft_labels
from skxent.inputs.tables import logits_from
from skxent.inputs.weights import check_sample_weight, moderate, scale_exponent
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_is_data
from skxent.losses._probabilities import softmax
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import (
    EachEntropyKeywords,
    EntropyKeywords,
    Options,
    proper,
    takes,
)
from skxent.metrics._rows import RowLosses, ScoredRows, reduce_rows


@overload
def entropy(y_proba: ArrayLike, **keywords: Unpack[EachEntropyKeywords]) -> Floats: ...
@overload
def entropy(y_proba: ArrayLike, **keywords: Unpack[EntropyKeywords]) -> float: ...
@takes(EntropyKeywords)
def entropy(y_proba: ArrayLike, **keywords: Any) -> Any:
    r"""Return the entropy of predicted probabilities.

    .. math:: H(p) = -\sum_k p_k \log p_k

    for a row, averaged over the rows: how unsure the predictions are, whatever the
    labels.

    Parameters
    ----------
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities; (n,): of the second of two classes.
    {keywords}

    {results}

    See Also
    --------
    cross_entropy : The loss of the predictions against labels.

    Examples
    --------
    >>> from skxent.metrics import entropy
    >>> round(entropy([[0.5, 0.5], [1.0, 0.0]], base=2), 6)
    0.5
    """
    return reduce_rows(_entropies, None, y_proba, Options(**keywords))


def _entropies(rows: ScoredRows, options: Options) -> RowLosses:
    quick = one_pass.information(rows.y_proba, rows, options)
    if quick is not None:
        return quick
    log_proba = _log_proba(rows.y_proba, options)
    proba = np.exp(log_proba)
    # 0 log 0 = 0
    value = -(proba * np.where(proba > 0, log_proba, 0)).sum(axis=1)
    return _weighted(value, rows, options)


@overload
def kl_divergence(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[EachEntropyKeywords]
) -> Floats: ...
@overload
def kl_divergence(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[EntropyKeywords]
) -> float: ...
@proper(True)
@takes(EntropyKeywords)
def kl_divergence(y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any) -> Any:
    r"""Return the Kullback-Leibler divergence of predictions from soft labels t.

    .. math:: \mathrm{KL}(t \,\|\, p) = \sum_k t_k \log \frac{t_k}{p_k}

    for a row, averaged over the rows: what the cross-entropy is more than the entropy
    of t. It is a proper score: it is least, 0, for p = t.

    Parameters
    ----------
    y_true : array-like of shape (n, K)
        Soft labels: rows of K numbers that sum to one.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities; (n,): of the second of two classes. The columns of data frames go
        by name.
    {keywords}

    {results}

    See Also
    --------
    cross_entropy : The divergence plus the entropy of the labels.

    Examples
    --------
    >>> from skxent.metrics import kl_divergence
    >>> round(kl_divergence([[0.5, 0.5]], [[0.9, 0.1]], base=2), 6)
    0.736966
    """
    return reduce_rows(_divergences, y_true, y_proba, Options(**keywords))


def _divergences(rows: ScoredRows, options: Options) -> RowLosses:
    check_is_data("y_true", rows.y_true)
    y_true, y_proba = align(rows.y_true, rows.y_proba)
    t = as_array(y_true, "y_true")
    quick = one_pass.information(y_proba, rows, options, t)
    if quick is not None:
        return quick
    log_proba = _log_proba(y_proba, options)
    if t.ndim != 2 or len(t) != len(log_proba):
        raise ValueError(f"y_true must be of shape {log_proba.shape}, got {t.shape}.")
    t = check_soft_labels(t, log_proba.shape[1], np.float64, "y_true")
    # No term of t log(t/p) - t + p is negative, so little cancels where t is near p.
    product = t * np.where(t > 0, log_proba, 0)
    value = (-entr(t) - product - t + np.exp(log_proba)).sum(axis=1)
    return _weighted(np.maximum(value, 0), rows, options)


def _log_proba(y_proba: Any, options: Options) -> Floats:
    """Return the logarithms of probabilities, (n, K) in float64."""
    raw = logits_from(y_proba, options.from_logits)
    return softmax(raw.astype(np.float64, copy=False), log=True)


def _weighted(value: Floats, rows: ScoredRows, options: Options) -> RowLosses:
    """Return the values of rows times their weights."""
    weights = check_sample_weight(rows.sample_weight, len(value))
    if weights is None:
        return RowLosses(value, lambda: len(value))
    exponent = 0
    if options.reduction == "mean":
        exponent = scale_exponent(weights)
        weights = moderate(weights)
    return RowLosses(weights * value, lambda: float(weights.sum()), exponent)
