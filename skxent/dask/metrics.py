"""The metrics of :mod:`skxent.metrics` for dask arrays: one pass, the same numbers.

Each block tells its sums, and the client divides. With ``reduction="none"`` the answer
is a dask array, else a number, which is computed. Where the labels are not given, those
of all blocks are collected first, in the same pass: give them, and no block waits.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from skxent import metrics
from skxent.dask._reductions import (
    bin_sums_of,
    known_labels,
    log_loss_sums,
    loss_sums,
    of_rows_alone,
    reduced,
    sums_of,
)
from skxent.inputs.targets import make_target
from skxent.kernels.checks import check_bool, check_option
from skxent.losses._shipped import CrossEntropy, Focal, Loss, as_loss
from skxent.metrics._calibration_error import (
    Norm,
    Strategy,
    bins_of,
    calibration_error,
    check_bins,
    check_error,
    warn_of_lone_rows,
)
from skxent.metrics._options import Reduction

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


def evaluate_loss(
    loss: str | Loss,
    y_true: Any,
    y_proba: Any,
    *,
    label_smoothing: float = 0.0,
    labels: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    ignore_index: Any = None,
    base: float | None = None,
) -> Any:
    """:func:`skxent.metrics.evaluate_loss` for dask's rows; parameters as there.

    Examples
    --------
    >>> import dask.array as da
    >>> from skxent.dask.metrics import evaluate_loss
    >>> from skxent.losses import Focal
    >>> y = da.from_array([0, 1, 1], chunks=2)
    >>> proba = da.from_array([0.2, 0.7, 0.4], chunks=2)
    >>> round(evaluate_loss(Focal(2.0), y, proba), 6)
    0.12363
    """
    loss = as_loss(loss)
    check_bool("from_logits", from_logits)
    settings = {"label_smoothing": label_smoothing, "ignore_index": ignore_index}
    data = (y_true, y_proba, sample_weight)
    known = known_labels(data, labels, class_weight, ignore_index)
    arguments = (loss, known, from_logits, settings)
    return reduced(loss_sums, arguments, data, reduction, base)


def focal_loss(
    y_true: Any, y_proba: Any, *, gamma: float = 2.0, **keywords: Any
) -> Any:
    """:func:`skxent.metrics.focal_loss` for dask's rows."""
    return evaluate_loss(Focal(gamma), y_true, y_proba, **keywords)


def smoothed_log_loss(
    y_true: Any, y_proba: Any, *, label_smoothing: float = 0.1, **keywords: Any
) -> Any:
    """:func:`skxent.metrics.smoothed_log_loss` for dask's rows."""
    keywords["label_smoothing"] = label_smoothing
    return evaluate_loss(CrossEntropy(), y_true, y_proba, **keywords)


def cross_entropy(y_true: Any, y_proba: Any, **keywords: Any) -> Any:
    """:func:`skxent.metrics.cross_entropy` for dask's rows."""
    _refuse_unknown(metrics.cross_entropy, keywords)
    return evaluate_loss(CrossEntropy(), y_true, y_proba, **keywords)


def log_loss(
    y_true: Any,
    y_proba: Any,
    *,
    normalize: bool = True,
    sample_weight: Any = None,
    labels: Any = None,
) -> float:
    """:func:`skxent.metrics.log_loss`, the drop-in, for dask's rows.

    Examples
    --------
    >>> import dask.array as da
    >>> from skxent.dask.metrics import log_loss
    >>> y, proba = da.from_array([0, 1, 1], chunks=2), [0.2, 0.7, 0.4]
    >>> round(log_loss(y, da.from_array(proba, chunks=2)), 6)
    0.498703
    """
    check_bool("normalize", normalize)
    data = (y_true, y_proba, sample_weight)
    known = known_labels(data, labels, None, None)
    return reduced(log_loss_sums, (known,), data, "mean" if normalize else "sum", None)


def entropy(y_proba: Any, *, sample_weight: Any = None, **keywords: Any) -> Any:
    """:func:`skxent.metrics.entropy` for dask's rows."""
    _refuse_unknown(metrics.entropy, keywords)
    return of_rows_alone(metrics.entropy, (None, y_proba, sample_weight), **keywords)


def kl_divergence(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, **keywords: Any
) -> Any:
    """:func:`skxent.metrics.kl_divergence` for dask's rows."""
    _refuse_unknown(metrics.kl_divergence, keywords)
    return of_rows_alone(
        metrics.kl_divergence, (y_true, y_proba, sample_weight), **keywords
    )


def multilabel_log_loss(
    y_true: Any, y_proba: Any, *, sample_weight: Any = None, **keywords: Any
) -> Any:
    """:func:`skxent.metrics.multilabel_log_loss` for dask's rows."""
    _refuse_unknown(metrics.multilabel_log_loss, keywords)
    return of_rows_alone(
        metrics.multilabel_log_loss, (y_true, y_proba, sample_weight), **keywords
    )


def d2_loss_score(
    loss: str | Loss,
    y_true: Any,
    y_proba: Any,
    *,
    label_smoothing: float = 0.0,
    labels: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    from_logits: bool = False,
    ignore_index: Any = None,
) -> float:
    """:func:`skxent.metrics.d2_loss_score` for dask's rows."""
    loss = as_loss(loss)
    check_bool("from_logits", from_logits)
    settings = {"label_smoothing": label_smoothing, "ignore_index": ignore_index}
    data = (y_true, y_proba, sample_weight)
    known = known_labels(data, labels, class_weight, ignore_index)
    arguments = (loss, known, from_logits, settings)
    ours, _, mass = sums_of(loss_sums, arguments, data)
    if np.count_nonzero(mass) < 2:
        raise ValueError(
            "y_true must have rows of two classes or more, got one: its frequency has "
            "no loss that predictions could save."
        )
    share = (mass / mass.sum())[np.newaxis]
    K = len(mass)
    all_rows = make_target(np.arange(K), K, K, sample_weight=mass)
    constant = loss.best_constant_of(all_rows)
    best = mass.sum() * loss.loss(share, constant if K == 2 else constant[np.newaxis])
    if best[0] <= 0:
        raise ValueError("y_true must have rows of positive loss, got none.")
    return float(1 - ours / best[0])


def expected_calibration_error(
    y_true: Any,
    y_proba: Any,
    *,
    n_bins: int = 15,
    strategy: Strategy = "uniform",
    norm: Norm = "l1",
    classwise: bool = False,
    debias: bool = False,
    labels: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    from_logits: bool = False,
    ignore_index: Any = None,
) -> float:
    """:func:`skxent.metrics.expected_calibration_error` for dask's rows.

    strategy="quantile", whose bins no block knows, is refused.
    """
    check_bins(n_bins, strategy)
    check_option("strategy", strategy, ("uniform",))
    check_error(norm, debias)
    check_bool("classwise", classwise)
    check_bool("from_logits", from_logits)
    settings = {
        "classwise": classwise,
        "from_logits": from_logits,
        "ignore_index": ignore_index,
    }
    data = (y_true, y_proba, sample_weight)
    known = known_labels(data, labels, class_weight, ignore_index)
    sums = sums_of(bin_sums_of, (known, n_bins, settings), data)
    edges = np.arange(n_bins + 1) / n_bins
    curves = [bins_of(edges, column) for column in sums]
    if debias:
        warn_of_lone_rows(curves)
    return calibration_error(curves, norm, debias)


def _refuse_unknown(function: Callable[..., Any], keywords: dict[str, Any]) -> None:
    for name in set(keywords) - set(signature(function).parameters):
        raise TypeError(
            f"{function.__name__}() got an unexpected keyword argument {name!r}"
        )
