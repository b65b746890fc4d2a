"""evaluate_loss: any loss as a number, from labels and probabilities or logits."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, Unpack, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skxent.inputs.labels import (
    as_labels,
    encode_labels,
    is_soft,
    mask_ignored,
    refuse_missing,
)
from skxent.inputs.tables import align, classes_of_columns, logits_from
from skxent.inputs.targets import (
    Target,
    make_target,
)
from skxent.inputs.weights import check_sample_weight, check_sum, class_weights
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option
from skxent.losses._shipped import Loss, as_loss
from skxent.metrics._options import EachRow, LabelOptions, Number, Reduction


@overload
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: EachRow,
    **options: Unpack[LabelOptions],
) -> Floats: ...
@overload
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: Number = "mean",
    **options: Unpack[LabelOptions],
) -> float: ...
@overload
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    reduction: Reduction,
    **options: Unpack[LabelOptions],
) -> Any: ...
def evaluate_loss(
    loss: str | Loss,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    from_logits: bool = False,
    reduction: Reduction = "mean",
    ignore_index: Any = None,
    base: float | None = None,
) -> Any:
    r"""Any loss of :mod:`skxent.losses` as a metric.

    Parameters
    ----------
    loss : str or Loss
        A Loss, or a name in :data:`skxent.losses.LOSSES`: that loss, by default.
    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, a column for each label; (n,): of the second. A DataFrame whose
        columns are named by the labels goes by name. Numbers that rounding took out of
        [0, 1] are put back, then clipped from below at eps of the dtype. Rows that do
        not sum to one warn, and are scored as if divided by their sum.
    label_smoothing : float in [0, 1), default=0
    labels : array-like of shape (K,), default=None
        All labels, in the order of the columns of y_proba; an estimator's `classes_`,
        say. None: those of y_true, sorted.
    sample_weight : array-like of shape (n,), default=None
    class_weight : dict or Series of label to weight, array-like (K,) or "balanced"
        Acts as ``sample_weight=v[y]``; 1 for labels that a dict leaves out. "balanced"
        lets every class count the same.
    from_logits : bool, default=False
        y_proba holds logits; (n,): log-odds of the second class. Nothing is clipped.
    reduction : {"mean", "sum", "none"}, default="mean"
        "mean" divides by the sum of all weights, those of classes included. "none"
        gives the weighted loss of every row.
    ignore_index : label, default=None
        Rows of this label, -100 or "unknown" say, weigh nothing; NaN: rows without
        a label. It is no class, so y_proba need have no column for it.
    base : float, default=None
        None: nats. 2: bits.

    Returns
    -------
    float, or ndarray of shape (n,) for reduction="none"

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1] or all zero; a wrong number of columns;
        unknown labels;
        a class_weight, label_smoothing or base out of its domain.

    Examples
    --------
    >>> from skxent.losses import Focal
    >>> from skxent.metrics import evaluate_loss
    >>> round(evaluate_loss(Focal(2.0), [0, 1, 1], [0.2, 0.7, 0.4]), 6)
    0.12363
    """
    check_option("reduction", reduction, get_args(Reduction))
    check_base(base)
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
    )
    if reduction == "mean":
        target = target.moderate()
    target.check_range(raw.dtype)
    value = loss_of_rows(loss, target, raw)
    return reduce(value, target.total_weight, reduction, base)


def prepare_target(
    y_true: ArrayLike,
    table: Floats,
    *,
    label_smoothing: float = 0.0,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    ignore_index: Any = None,
    name: str = "y_proba",
) -> Target:
    """Checked targets for the rows of a table (n, K), or (n,) for two classes.

    Codes are places in `labels`, in the order that these have.
    """
    n_classes = 2 if table.ndim == 1 else table.shape[1]
    weights = check_sample_weight(sample_weight, len(table))
    if ignore_index is None:
        y = as_labels(y_true, "y_true")
    else:
        y, kept = mask_ignored(y_true, ignore_index, "y_true")
        if not kept.any():
            raise ValueError(
                "y_true must have labels other than ignore_index, got only "
                f"{ignore_index}."
            )
        if len(y) != len(table):
            raise ValueError(f"y_true must have {len(table)} rows, got {len(y)}.")
        y = as_labels(y, "y_true")
        weights = np.where(kept, 1.0 if weights is None else weights, 0.0)
    classes = classes_of_columns(labels, n_classes, ignore_index)
    if is_soft(y):
        classes, codes = np.arange(n_classes) if classes is None else classes, y
    else:
        if y.dtype.kind == "f":
            refuse_missing(int(np.isnan(y).sum()), "y_true")
        if y.dtype.kind not in "iubUS":
            check_classification_targets(y)
        classes, codes = encode_labels(y, classes, "y_true")
    if len(classes) != n_classes:
        raise ValueError(
            f"{name} must have a column for each of {len(classes)} labels, got "
            f"{n_classes} columns. If y_true lacks labels, pass all of them as labels."
        )
    return make_target(
        codes,
        len(table),
        n_classes,
        sample_weight=weights,
        class_weight=class_weights(
            class_weight,
            classes,
            codes=codes,
            sample_weight=weights,
            ignored=ignore_index,
        ),
        label_smoothing=label_smoothing,
        dtype=table.dtype,
        name="y_true",
    )


def loss_of_rows(loss: Loss, target: Target, raw: Floats) -> Floats:
    value: Floats = np.empty(len(raw), dtype=raw.dtype)
    z = raw[:, np.newaxis] if raw.ndim == 1 else raw
    loss.evaluate(z, target, value=value)
    return value


def check_base(base: float | None) -> None:
    if base is not None and not (isinstance(base, Real) and 1 < float(base) < np.inf):
        raise ValueError(f"base must be None or a finite number above 1, got {base!r}.")


def reduce(
    value: Floats,
    total_weight: Callable[[], float],
    reduction: Reduction = "mean",
    base: float | None = None,
) -> Any:
    """Weighted losses of rows, in nats, as the caller wants them."""
    if base is not None:
        value /= np.log(base)
    if reduction == "none":
        return value
    total = float(value.sum(dtype=np.float64))
    if reduction == "sum":
        return total
    weight = total_weight()
    check_sum(weight)
    return total / weight


def check_labels(y: Any) -> NDArray[Any]:
    """Labels (n,) that an estimator is to be fitted to."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    y = as_labels(y)
    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    return y
