"""Losses as numbers: from labels and probabilities, or logits, to a score.

`evaluate_loss` makes a metric of any loss; the others are it with a loss, and what
follows from cross-entropy.
"""

from __future__ import annotations

from typing import Any, Unpack, get_args, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from sklearn.exceptions import UndefinedMetricWarning

from skxent.inputs.soft_labels import check_soft_labels
from skxent.inputs.tables import align, column_names, logits_from
from skxent.inputs.targets import make_target
from skxent.inputs.weights import check_sample_weight, class_weights, moderate
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option, check_unmasked, warn
from skxent.losses._shipped import CrossEntropy, Focal, Loss, as_loss
from skxent.metrics._calibration_error import expected_calibration_error
from skxent.metrics._evaluate import (
    check_base,
    evaluate_loss,
    loss_of_rows,
    prepare_target,
    reduce,
)
from skxent.metrics._log_loss import log_loss
from skxent.metrics._options import EachRow, LabelOptions, Number, Reduction, RowOptions

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
]


@overload
def focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    reduction: EachRow,
    **options: Unpack[LabelOptions],
) -> Floats: ...
@overload
def focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    reduction: Number = "mean",
    **options: Unpack[LabelOptions],
) -> float: ...
def focal_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    ignore_index: Any = None,
    base: float | None = None,
) -> Any:
    r"""Focal loss, :math:`(1 - p_y)^\gamma (-\log p_y)`: see :func:`evaluate_loss`.

    gamma=0 is the log loss. For the class probabilities of a model trained with focal
    loss see :meth:`skxent.losses.Loss.posterior`.

    Examples
    --------
    >>> from skxent.metrics import focal_loss
    >>> round(focal_loss([0, 1, 1], [0.2, 0.7, 0.4], gamma=2.0), 6)
    0.12363
    """
    return evaluate_loss(
        Focal(gamma),
        y_true,
        y_proba,
        label_smoothing=label_smoothing,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        from_logits=from_logits,
        reduction=reduction,
        ignore_index=ignore_index,
        base=base,
    )


@overload
def smoothed_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.1,
    reduction: EachRow,
    **options: Unpack[LabelOptions],
) -> Floats: ...
@overload
def smoothed_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.1,
    reduction: Number = "mean",
    **options: Unpack[LabelOptions],
) -> float: ...
def smoothed_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.1,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    ignore_index: Any = None,
    base: float | None = None,
) -> Any:
    r"""Log loss against smoothed labels: see :func:`evaluate_loss`.

    .. math:: -\sum_k \left((1 - \epsilon)\, y_k + \epsilon / K\right) \log p_k

    Examples
    --------
    >>> from skxent.metrics import smoothed_log_loss
    >>> round(smoothed_log_loss([0, 1, 1], [0.2, 0.7, 0.4], label_smoothing=0.1), 6)
    0.529172
    """
    return evaluate_loss(
        CrossEntropy(),
        y_true,
        y_proba,
        label_smoothing=label_smoothing,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        from_logits=from_logits,
        reduction=reduction,
        ignore_index=ignore_index,
        base=base,
    )


@overload
def cross_entropy(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    reduction: EachRow,
    **options: Unpack[LabelOptions],
) -> Floats: ...
@overload
def cross_entropy(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    reduction: Number = "mean",
    **options: Unpack[LabelOptions],
) -> float: ...
def cross_entropy(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    ignore_index: Any = None,
    base: float | None = None,
) -> Any:
    r"""Cross-entropy of labels or soft labels t: see :func:`evaluate_loss`.

    .. math:: -\sum_k t_k \log p_k = H(t) + \mathrm{KL}(t \,\|\, p)

    Examples
    --------
    >>> from skxent.metrics import cross_entropy
    >>> round(cross_entropy([[0.5, 0.5]], [[0.9, 0.1]], base=2), 6)
    1.736966
    """
    return evaluate_loss(
        CrossEntropy(),
        y_true,
        y_proba,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        from_logits=from_logits,
        reduction=reduction,
        ignore_index=ignore_index,
        base=base,
    )


@overload
def entropy(
    y_proba: ArrayLike,
    *,
    reduction: EachRow,
    **options: Unpack[RowOptions],
) -> Floats: ...
@overload
def entropy(
    y_proba: ArrayLike,
    *,
    reduction: Number = "mean",
    **options: Unpack[RowOptions],
) -> float: ...
def entropy(
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    base: float | None = None,
) -> Any:
    r"""Entropy of predicted probabilities, :math:`-\sum_k p_k \log p_k`.

    How unsure the predictions are, whatever the labels. (n,): two classes. Keywords as
    in :func:`evaluate_loss`.

    Examples
    --------
    >>> from skxent.metrics import entropy
    >>> round(entropy([[0.5, 0.5], [1.0, 0.0]], base=2), 6)
    0.5
    """
    log_proba = _log_proba(y_proba, from_logits)
    proba = np.exp(log_proba)
    # 0 log 0 = 0
    value = -(proba * np.where(proba > 0, log_proba, 0)).sum(axis=1)
    return _reduced(value, sample_weight, reduction, base)


@overload
def kl_divergence(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    reduction: EachRow,
    **options: Unpack[RowOptions],
) -> Floats: ...
@overload
def kl_divergence(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    reduction: Number = "mean",
    **options: Unpack[RowOptions],
) -> float: ...
def kl_divergence(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    base: float | None = None,
) -> Any:
    r"""Kullback-Leibler divergence of predictions from soft labels t.

    .. math:: \mathrm{KL}(t \,\|\, p) = \sum_k t_k \log \frac{t_k}{p_k}

    What the cross-entropy has beyond the entropy of t. y_true is (n, K), rows that sum
    to one. Keywords as in :func:`evaluate_loss`.

    Examples
    --------
    >>> from skxent.metrics import kl_divergence
    >>> round(kl_divergence([[0.5, 0.5]], [[0.9, 0.1]], base=2), 6)
    0.736966
    """
    y_true, y_proba = align(y_true, y_proba)
    log_proba = _log_proba(y_proba, from_logits)
    t = np.asarray(y_true)
    if t.ndim != 2 or len(t) != len(log_proba):
        raise ValueError(
            f"y_true must be of shape {log_proba.shape}, got {np.shape(y_true)}."
        )
    t = check_soft_labels(t, log_proba.shape[1], np.float64, "y_true")
    # t log(t/p) - t + p: no term is negative, so that near t = p little cancels
    product = t * np.where(t > 0, log_proba, 0)
    value = (-entr(t) - product - t + np.exp(log_proba)).sum(axis=1)
    return _reduced(np.maximum(value, 0), sample_weight, reduction, base)


def d2_loss_score(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    ignore_index: Any = None,
) -> float:
    r"""Skill: the share of the best constant's loss that the predictions save.

    .. math:: D^2 = 1 - \frac{\sum_i w_i \ell(y_i, p_i)}{\min_c \sum_i w_i \ell(y_i, c)}

    1 is perfect, 0 no better than the class frequencies. With cross-entropy it is
    ``sklearn.metrics.d2_log_loss_score``, but that `labels` give the order of the
    columns, which scikit-learn takes to be sorted. Parameters as in
    :func:`evaluate_loss`.

    NaN with a warning for fewer than two rows, as scikit-learn's.

    Examples
    --------
    >>> from skxent.losses import CrossEntropy
    >>> from skxent.metrics import d2_loss_score
    >>> round(d2_loss_score(CrossEntropy(), [0, 1, 1], [0.2, 0.7, 0.6]), 6)
    0.428845
    """
    loss = as_loss(loss)
    y_true, y_proba = align(y_true, y_proba, labels, ignore_index)
    raw = logits_from(y_proba, from_logits)
    target = prepare_target(
        y_true,
        raw,
        label_smoothing=label_smoothing,
        labels=labels,
        sample_weight=sample_weight,
        class_weight=class_weight,
        ignore_index=ignore_index,
    ).moderate()
    if np.count_nonzero(target.row_weights()) < 2:
        warn(
            "D^2 score is not well-defined with less than two samples.",
            UndefinedMetricWarning,
        )
        return float("nan")
    if np.count_nonzero(target.mass()) < 2:
        raise ValueError(
            "y_true must have rows of two classes or more, got one: its frequency has "
            "no loss that predictions could save."
        )
    constant = loss.best_constant_of(target).astype(raw.dtype)
    if raw.ndim == 2 and len(constant) == 1:
        constant = np.array([0, constant[0]], dtype=raw.dtype)
    ours, best = (
        float(loss_of_rows(loss, target, z).sum(dtype=np.float64))
        for z in (raw, np.broadcast_to(constant, raw.shape))
    )
    return 1 - ours / best


@overload
def multilabel_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weight: ArrayLike | None = None,
    reduction: EachRow,
    **options: Unpack[RowOptions],
) -> Floats: ...
@overload
def multilabel_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weight: ArrayLike | None = None,
    reduction: Number = "mean",
    **options: Unpack[RowOptions],
) -> float: ...
def multilabel_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    base: float | None = None,
) -> Any:
    r"""Log loss of K independent answers a row, averaged over the K columns.

    .. math:: -\frac{1}{K} \sum_k y_k \log p_k + (1 - y_k) \log(1 - p_k)

    Parameters
    ----------
    y_true : array-like of shape (n, K)
        Answers from 0, no, to 1, yes.
    y_proba : array-like of shape (n, K)
        Probabilities of yes, clipped to [eps, 1 - eps]; or log-odds, with from_logits.
        The columns of DataFrames go by name where both have the same.
    class_weight : array-like of shape (K,), or dict or Series by column, default=None
        Weights of the columns.

    The other parameters are those of :func:`evaluate_loss`.

    Examples
    --------
    >>> from skxent.metrics import multilabel_log_loss
    >>> round(multilabel_log_loss([[0, 1], [1, 1]], [[0.2, 0.9], [0.6, 0.7]]), 6)
    0.299001
    """
    check_option("reduction", reduction, get_args(Reduction))
    check_base(base)
    check_unmasked("y_proba", y_proba)
    names = column_names(y_true)
    y_true, y_proba = align(y_true, y_proba)
    table = np.asarray(y_proba)
    if table.ndim != 2:
        raise ValueError(f"y_proba must be of shape (n, K), got {table.shape}.")
    raw = logits_from(table.reshape(-1), from_logits).reshape(table.shape)
    n_columns = table.shape[1]
    target = make_target(
        y_true,
        len(raw),
        n_columns,
        sample_weight=sample_weight,
        class_weight=class_weights(class_weight, names or range(n_columns)),
        label_smoothing=label_smoothing,
        multilabel=True,
        dtype=raw.dtype,
        name="y_true",
    )
    if reduction == "mean":
        target = target.moderate()
    target.check_range(raw.dtype)
    value: Floats = np.empty(len(raw), dtype=raw.dtype)
    CrossEntropy().evaluate(raw, target, value=value)
    if reduction == "mean":
        return reduce(value, target.total_weight, reduction, base)
    return reduce(value / n_columns, target.total_weight, reduction, base)


def _log_proba(y_proba: ArrayLike, from_logits: bool) -> Floats:
    """log-probabilities (n, K) in float64."""
    raw = logits_from(y_proba, from_logits)
    return CrossEntropy().predict_log_proba(raw.astype(np.float64, copy=False))


def _reduced(
    value: Floats, sample_weight: Any, reduction: Reduction, base: float | None
) -> Any:
    check_option("reduction", reduction, get_args(Reduction))
    check_base(base)
    weights = check_sample_weight(sample_weight, len(value))
    if weights is None:
        return reduce(value, lambda: len(value), reduction, base)
    if reduction == "mean":
        weights = moderate(weights)
    return reduce(weights * value, lambda: float(weights.sum()), reduction, base)
