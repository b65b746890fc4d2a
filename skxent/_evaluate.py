"""evaluate_loss: any loss as a number, from labels and probabilities or logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skxent._encoding import encode_labels, is_soft
from skxent._validation import as_whole, check_bool, check_option, check_unmasked, warn
from skxent._weights import balanced_class_weight, check_sample_weight
from skxent.losses import Loss, as_loss
from skxent.targets import Floats, Target, make_target

Reduction = Literal["mean", "sum", "none"]


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
        Probabilities, columns in the sorted order of the labels; (n,): of the second.
        Clipped from below at eps of the dtype. Rows that do not sum to one warn, and
        are scored as if divided by their sum.
    label_smoothing : float in [0, 1), default=0
    labels : array-like of shape (K,), default=None
        All labels in sorted order, where y_true may lack some.
    sample_weight : array-like of shape (n,), default=None
    class_weight : dict of label to weight, array-like of shape (K,) or "balanced"
        Acts as ``sample_weight=v[y]``; "balanced" lets every class count the same.
    from_logits : bool, default=False
        y_proba holds logits; (n,): log-odds of the second class. Nothing is clipped.
    reduction : {"mean", "sum", "none"}, default="mean"
        "mean" divides by the sum of all weights, those of classes included. "none"
        gives the weighted loss of every row.
    ignore_index : label, default=None
        Rows of this label, -100 or "unknown" say, weigh nothing.
    base : float, default=None
        None: nats. 2: bits.

    Returns
    -------
    float, or ndarray of shape (n,) for reduction="none"

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1]; a wrong number of columns; unknown labels;
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
) -> Target:
    """Checked targets for the rows of a table (n, K), or (n,) for two classes."""
    n_classes = 2 if table.ndim == 1 else table.shape[1]
    weights = check_sample_weight(sample_weight, len(table))
    y, class_weight, weights = _encode_targets(
        y_true, labels, n_classes, class_weight, weights, ignore_index
    )
    return make_target(
        y,
        len(table),
        n_classes,
        sample_weight=weights,
        class_weight=class_weight,
        label_smoothing=label_smoothing,
        dtype=table.dtype,
        name="y_true",
    )


def loss_of_rows(loss: Loss, target: Target, raw: Floats) -> Floats:
    value: Floats = np.empty(len(raw), dtype=raw.dtype)
    z = raw[:, np.newaxis] if raw.ndim == 1 else raw
    loss.evaluate(z, target, raw.ndim == 1, value=value)
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
    if weight == 0:
        raise ValueError("sample_weight must have a sum other than zero, got 0.0.")
    return total / weight


def _encode_targets(
    y_true: ArrayLike,
    labels: ArrayLike | None,
    n_classes: int,
    class_weight: Any,
    sample_weight: Any,
    ignore_index: Any,
) -> tuple[NDArray[Any], Any, Any]:
    """y as codes or soft labels, class_weight as an array, sample_weight."""
    check_unmasked("y_true", y_true)
    y = np.asarray(y_true)
    if ignore_index is not None:
        y, sample_weight = _silence(y, sample_weight, ignore_index)
    soft = is_soft(y)
    classes = None if labels is None else np.asarray(labels)
    if classes is not None and (classes.ndim != 1 or not len(classes)):
        raise ValueError(f"labels must be of shape (K,), got {classes.shape}.")
    if classes is not None and not np.all(classes[:-1] < classes[1:]):
        raise ValueError(f"labels must be sorted and distinct, got {classes.tolist()}.")
    if soft:
        classes = np.arange(n_classes) if classes is None else classes
        codes = y
    else:
        if y.dtype.kind not in "iubUS":
            check_classification_targets(y)
        classes, codes = encode_labels(y, classes, "y_true")
    if len(classes) != n_classes:
        raise ValueError(
            f"y_proba must have a column for each of {len(classes)} labels, got "
            f"{n_classes} columns. If y_true lacks labels, pass all of them as labels."
        )
    if isinstance(class_weight, str):
        check_option("class_weight", class_weight, ("balanced",))
        class_weight = balanced_class_weight(codes, n_classes, sample_weight)
    elif isinstance(class_weight, Mapping):
        unknown = set(class_weight) - set(classes.tolist())
        if unknown:
            raise ValueError(
                f"class_weight must have keys in {classes.tolist()}, got {unknown}."
            )
        class_weight = [class_weight.get(label, 1.0) for label in classes.tolist()]
    return codes, class_weight, sample_weight


def _silence(y: NDArray[Any], weights: Any, ignore_index: Any) -> tuple[Any, Any]:
    """Rows of the label ignore_index weigh nothing, and count as another label."""
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"ignore_index must be None for labels of shape (n, K), got {ignore_index}."
        )
    if np.ndim(ignore_index):
        raise ValueError(f"ignore_index must be None or a label, got {ignore_index!r}.")
    y = y.ravel()
    try:
        heard = np.not_equal(y, ignore_index).astype(bool)
    except TypeError:  # numbers beside a string: none equals it
        heard = np.ones(len(y), bool)
    if not heard.any():
        raise ValueError(
            f"y_true must have labels other than ignore_index, got only {ignore_index}."
        )
    weights = np.ones(len(y)) if weights is None else weights
    if len(weights) != len(y):
        raise ValueError(f"y_true must have {len(weights)} rows, got {len(y)}.")
    return np.where(heard, y, y[heard][0]), np.where(heard, weights, 0.0)


def check_labels(y: Any) -> NDArray[Any]:
    """Labels (n,) that an estimator is to be fitted to."""
    if y is None:
        raise ValueError("fit requires y to be passed, but the target y is None.")
    check_unmasked("y", y)
    y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    return y


def logits_from(y_proba: ArrayLike, from_logits: bool) -> Floats:
    """Checked logits, from what a caller says are logits or probabilities."""
    check_bool("from_logits", from_logits)
    if not from_logits:
        return logits_of(y_proba)
    raw = check_logits(y_proba)
    if _like_probabilities(raw):
        warn(
            "y_proba looks like probabilities, but from_logits=True. "
            "Pass from_logits=False for probabilities."
        )
    return raw


def _like_probabilities(raw: Floats) -> bool:
    """Are these numbers that logits would be by a rare chance only?

    Rows that sum to one; or log-odds, ten at least, that are all from 0 to 1.
    """
    if not raw.size or not (raw.min() >= 0 and raw.max() <= 1):
        return False
    if raw.ndim == 1:
        return len(raw) >= 10
    near = bool((np.abs(raw.sum(axis=1) - 1) < 1e-3).all())
    # Rows of 0 and 1 are what people try things with.
    return near and bool(((raw > 0) & (raw < 1)).any())


def check_logits(raw: ArrayLike, name: str = "y_proba") -> Floats:
    """Logits (n,) or (n, K), K >= 2; infinite ones are allowed, NaN is not."""
    z: Floats
    check_unmasked(name, raw)
    floats = type(raw) is np.ndarray and raw.dtype in (np.float64, np.float32)
    if floats and np.ndim(raw) in (1, 2) and np.size(raw):
        z = np.asarray(raw)  # what models answer with needs no search for other types
    else:
        z = check_array(
            raw,
            ensure_2d=False,
            ensure_all_finite=False,
            dtype=[np.float64, np.float32],
            input_name=name,
        )
    if np.isnan(z).any():
        raise ValueError(f"{name} must not contain NaN, got {np.isnan(z).sum()}.")
    z = as_whole(z)
    return z[:, 0] if z.ndim == 2 and z.shape[1] == 1 else z


def logits_of(y_proba: ArrayLike) -> Floats:
    """Logarithms of checked probabilities; log-odds of a single column."""
    proba = check_proba(y_proba)
    eps = np.finfo(proba.dtype).eps
    if proba.ndim == 1:
        clipped = np.clip(proba, eps, 1 - eps)
        return np.log(clipped) - np.log1p(-clipped)
    return np.log(np.maximum(proba, eps))


def check_proba(y_proba: ArrayLike) -> Floats:
    """Probabilities (n, K), or (n,) of the second class, as they are."""
    check_unmasked("y_proba", y_proba)
    proba: Floats = check_array(
        y_proba, ensure_2d=False, dtype=[np.float64, np.float32], input_name="y_proba"
    )
    if proba.min() < 0 or proba.max() > 1:
        worst = proba.min() if proba.min() < 0 else proba.max()
        raise ValueError(
            f"y_proba must be in [0, 1], got {worst}. Pass from_logits=True for logits."
        )
    if proba.ndim == 2 and proba.shape[1] == 1:
        proba = proba[:, 0]
    # What was float32, or printed with six digits, is as exact as it can be.
    near = np.sqrt(np.finfo(np.float32).eps)
    if proba.ndim == 2 and (np.abs(proba.sum(axis=1) - 1) > near).any():
        warn(
            "The y_proba values do not sum to one. Make sure to pass probabilities, "
            "or from_logits=True for logits."
        )
    return proba
