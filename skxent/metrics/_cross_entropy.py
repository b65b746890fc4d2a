"""Cross-entropy as a metric: of labels, of smoothed labels, of many labels a row."""

from __future__ import annotations

from functools import partial
from typing import Any, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.columns import align, named_classes
from skxent.inputs.tables import logits_from
from skxent.inputs.targets import make_target
from skxent.inputs.weights import class_weights
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_is_data
from skxent.losses._shipped import CrossEntropy
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._losses import losses_of
from skxent.metrics._options import (
    ColumnLossKeywords,
    EachColumnLossKeywords,
    EachLabelLossKeywords,
    EachSmoothedLossKeywords,
    LabelLossKeywords,
    Options,
    SmoothedLossKeywords,
    proper,
    takes,
)
from skxent.metrics._rows import RowLosses, ScoredRows, moderated, reduce_rows


@overload
def smoothed_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[EachSmoothedLossKeywords]
) -> Floats: ...
@overload
def smoothed_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[SmoothedLossKeywords]
) -> float: ...
@proper(False)
@takes(SmoothedLossKeywords)
def smoothed_log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.1,
    **keywords: Any,
) -> Any:
    r"""Return the log loss against smoothed labels.

    .. math:: -\sum_k \left((1 - \epsilon)\, y_k + \epsilon / K\right) \log p_k

    for a row, averaged over the rows. It is not a proper score: smoothed probabilities
    have a lower expected value than the true ones.

    Parameters
    ----------
    {y_true}
    {y_proba}
    label_smoothing : float in [0, 1), default=0.1
        Each label becomes ``(1 - label_smoothing) * y + label_smoothing / K``.
    {keywords}

    {results}

    See Also
    --------
    cross_entropy : The same without smoothing, also of soft labels.

    Examples
    --------
    >>> from skxent.metrics import smoothed_log_loss
    >>> round(smoothed_log_loss([0, 1, 1], [0.2, 0.7, 0.4], label_smoothing=0.1), 6)
    0.529172
    """
    losses = partial(losses_of, CrossEntropy())
    return reduce_rows(losses, y_true, y_proba, Options(label_smoothing, **keywords))


@overload
def cross_entropy(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[EachLabelLossKeywords]
) -> Floats: ...
@overload
def cross_entropy(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[LabelLossKeywords]
) -> float: ...
@proper(True)
@takes(LabelLossKeywords)
def cross_entropy(y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any) -> Any:
    r"""Return the cross-entropy of predictions relative to labels or soft labels t.

    .. math:: -\sum_k t_k \log p_k = H(t) + \mathrm{KL}(t \,\|\, p)

    for a row, averaged over the rows. It is a proper score without class weights: the
    true class probabilities have the least expected value.

    Parameters
    ----------
    {y_true}
    {y_proba}
    {keywords}

    {results}

    See Also
    --------
    kl_divergence : The part of it that better predictions could save.
    skxent.explain : Both parts, with baselines.

    Examples
    --------
    >>> from skxent.metrics import cross_entropy
    >>> round(cross_entropy([[0.5, 0.5]], [[0.9, 0.1]], base=2), 6)
    1.736966
    """
    losses = partial(losses_of, CrossEntropy())
    return reduce_rows(losses, y_true, y_proba, Options(**keywords))


@overload
def multilabel_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[EachColumnLossKeywords]
) -> Floats: ...
@overload
def multilabel_log_loss(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[ColumnLossKeywords]
) -> float: ...
@proper(True)
@takes(ColumnLossKeywords)
def multilabel_log_loss(y_true: ArrayLike, y_proba: ArrayLike, **keywords: Any) -> Any:
    r"""Return the log loss of K independent labels per row.

    .. math:: -\frac{1}{K} \sum_k y_k \log p_k + (1 - y_k) \log(1 - p_k)

    for a row, averaged over the rows. It is a proper score without class weights and
    smoothing: the true probabilities have the least expected value.

    Parameters
    ----------
    y_true : array-like of shape (n, K)
        Indicators from 0, no, to 1, yes.
    y_proba : array-like of shape (n, K)
        Probabilities of yes, clipped to [eps, 1 - eps]; or log-odds, with from_logits.
        The columns of data frames go by name.
    label_smoothing : float in [0, 1), default=0
        Each indicator becomes ``(1 - label_smoothing) * y + label_smoothing / 2``.
    class_weight : array-like of shape (K,), or dict or Series by column, default=None
        Weights of the columns.
    {keywords}

    {results}

    See Also
    --------
    log_loss : For classes that exclude each other.

    Examples
    --------
    >>> from skxent.metrics import multilabel_log_loss
    >>> round(multilabel_log_loss([[0, 1], [1, 1]], [[0.2, 0.9], [0.6, 0.7]]), 6)
    0.299001
    """
    return reduce_rows(_multilabel_losses, y_true, y_proba, Options(**keywords))


def _multilabel_losses(rows: ScoredRows, options: Options) -> RowLosses:
    check_is_data("y_proba", rows.y_proba)
    names = named_classes(rows.y_true, rows.y_proba)
    y_true, y_proba = align(rows.y_true, rows.y_proba)
    quick = one_pass.indicators(y_true, y_proba, names, rows, options)
    if quick is not None:
        return quick
    table = np.asarray(y_proba)
    if table.ndim != 2:
        raise ValueError(
            f"y_proba must be of shape (n, K), got {table.shape}. Of tables with a "
            "column for no and one for yes, pass the columns for yes side by side."
        )
    n_columns = table.shape[1]
    raw = logits_from(table.reshape(-1), options.from_logits).reshape(table.shape)
    target = make_target(
        y_true,
        len(raw),
        n_columns,
        sample_weight=rows.sample_weight,
        class_weight=class_weights(options.class_weight, names or range(n_columns)),
        label_smoothing=options.label_smoothing,
        multilabel=True,
        dtype=raw.dtype,
        name="y_true",
    )
    target, exponent = moderated(target, options.reduction)
    target.check_range(raw.dtype)
    value: Floats = np.empty(len(raw), dtype=raw.dtype)
    CrossEntropy().evaluate(raw, target, value=value)
    # The weights of all columns together are those that a mean divides by.
    if options.reduction != "mean":
        value /= n_columns
    return RowLosses(value, target.total_weight, exponent)
