"""The drop-in replacement for scikit-learn's log loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn.metrics
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.categories import Encoded, encode_coded
from skxent.inputs.float_tables import float_table
from skxent.inputs.labels import as_labels, encode_labels
from skxent.inputs.rounding import within
from skxent.inputs.tables import warn_of_labels
from skxent.inputs.weights import moderate
from skxent.kernels.dispatch import kernels
from skxent.kernels.threads import effective_n_threads
from skxent.metrics._options import proper

# Weights with a smaller sum may have subnormal products, which have few digits, and
# with a larger one the sum of the products may overflow.
TINY, HUGE = 1e-280, 1e300

# By the size of a number.
EPS = {4: float(np.finfo(np.float32).eps), 8: float(np.finfo(np.float64).eps)}


@proper(True)
def log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike | None = None,
    *,
    normalize: bool = True,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    y_pred: Any = "deprecated",
) -> float:
    r"""Return the log loss: a faster drop-in for :func:`sklearn.metrics.log_loss`.

    It is a proper score: the true class probabilities have the least expected value.

    .. math:: -\frac{\sum_i w_i \log p_{i, y_i}}{\sum_i w_i}

    in nats, with p clipped to [eps, 1 - eps] of its dtype as scikit-learn does. Common
    input is scored in one pass without a copy. All other input is passed on to
    scikit-learn, so that values, warnings and errors are the same. Accepted here and
    refused there are probabilities that rounding moved out of [0, 1], by 1e-6 at most,
    and object arrays of integers or bools.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels of any type.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, columns in the sorted order of the labels. (n,): of the second.
    normalize : bool, default=True
        Return the mean, or else the sum.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.
    labels : array-like, default=None
        All labels, if y_true may lack some. Their order does not matter.
    y_pred : array-like
        The name of y_proba in scikit-learn before 1.9. It is used, warned about or
        refused as in the installed version.

    Returns
    -------
    float
        The mean, or the sum, in nats.

    Raises
    ------
    ValueError
        As scikit-learn raises it.

    See Also
    --------
    cross_entropy : The same of logits, soft labels and class weights.

    Examples
    --------
    >>> from skxent.metrics import log_loss
    >>> round(log_loss(["ham", "spam", "ham"], [0.1, 0.9, 0.4]), 6)
    0.240516
    """
    renamed = not (isinstance(y_pred, str) and y_pred == "deprecated")
    if not renamed:
        value = _one_pass_log_loss(y_true, y_proba, normalize, sample_weight, labels)
        if value is not None:
            return value
        warn_of_labels(y_proba)
        given = y_true, y_proba, labels
        mended = _typed(y_true), _inside(y_proba), _typed(labels)
        if any(new is not old for new, old in zip(mended, given, strict=True)):
            return log_loss(
                *mended[:2],
                normalize=normalize,
                sample_weight=sample_weight,
                labels=mended[2],
            )
    return float(
        sklearn.metrics.log_loss(
            *([y_true] if y_proba is None else [y_true, y_proba]),
            normalize=normalize,
            sample_weight=sample_weight,
            labels=labels,
            **({"y_pred": y_pred} if renamed else {}),
        )
    )


def _inside(y_proba: Any) -> Any:
    """Return arrays that rounding took out of [0, 1] clipped to it, others as given."""
    if type(y_proba) is not np.ndarray or y_proba.dtype.kind != "f":
        return y_proba
    clipped = within(y_proba)
    return y_proba if clipped is None else clipped


def _typed(labels: Any) -> Any:
    """Return object arrays as arrays of the one type they hold, others as given."""
    dtype = getattr(labels, "dtype", None)
    if not isinstance(dtype, np.dtype) or dtype.kind != "O":
        return labels
    try:
        plain = as_labels(labels)
    except ValueError:
        return labels  # scikit-learn says what is wrong.
    return labels if plain.dtype == object else plain


def _one_pass_log_loss(
    y_true: Any, y_proba: Any, normalize: Any, sample_weight: Any, labels: Any
) -> float | None:
    """Return the log loss of input that needs no warning or error, else None."""
    # scikit-learn refuses np.matrix, and it decides what masks mean.
    table = float_table(y_proba)
    if table is None or type(normalize) is not bool:
        return None
    n, columns = len(table.array), table.width
    encoded = _encode(y_true, labels)
    if encoded is None or len(encoded.codes) != n:
        return None
    if len(encoded.classes) != max(columns, 2):
        return None
    total_weight: float = n
    if sample_weight is not None:
        if np.ma.isMaskedArray(sample_weight):
            return None
        sample_weight = np.asarray(sample_weight)
        if sample_weight.shape != (n,) or sample_weight.dtype.kind not in "iuf":
            return None
        sample_weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
        with np.errstate(over="ignore"):
            total_weight = float(sample_weight.sum())
        extreme = total_weight > HUGE or 0 < total_weight < TINY
        if extreme and normalize and (np.abs(sample_weight) < np.inf).all():
            # scikit-learn returns NaN or infinity here, or rounds each product to a
            # subnormal number. The mean does not depend on the scale of the weights.
            sample_weight = moderate(sample_weight)
            total_weight = float(sample_weight.sum())
        if not np.isfinite(total_weight) or total_weight == 0:
            return None
    eps = EPS[table.array.itemsize]
    total, drift, outside = kernels.log_loss_sum(
        table.array,
        encoded.codes,
        encoded.low,
        sample_weight,
        eps,
        effective_n_threads(None, n * columns),
        encoded.class_at,
        table.columns,
    )
    # Near its threshold for the row sums, scikit-learn decides whether to warn.
    if outside or not drift < 0.5 * eps**0.5:
        return None
    return total / total_weight if normalize else total


def _encode(y_true: Any, labels: Any) -> Encoded | None:
    """Return y_true as codes of its classes; None if it is not plain labels."""
    found = encode_coded(y_true)
    if found is not None and labels is None:
        # scikit-learn refuses bytes.
        known = found.classes
        return None if type(known) is not range and known.dtype.kind == "S" else found
    if found is not None and getattr(found.classes, "dtype", np.dtype(int)).kind == "S":
        return None
    y = y_true if found is not None else _plain(y_true)
    if y is None:
        return None
    try:
        if labels is None:
            classes, codes = encode_labels(y)
        else:
            given = _plain(labels)
            if given is None or not np.all(given[:-1] < given[1:]):
                return None
            classes, codes = encode_labels(y, given)
    except (TypeError, ValueError):
        return None
    return (
        Encoded(classes, np.ascontiguousarray(codes), 0, None) if len(codes) else None
    )


def _plain(labels: Any) -> NDArray[Any] | None:
    """Return labels as an array of integers, bools or strings; None for others."""
    if np.ma.isMaskedArray(labels):
        return None
    try:
        array = np.asarray(labels)
    except ValueError:
        return None
    kind = array.dtype.kind
    if array.ndim != 1 or kind not in "iubUO" or not len(array):
        return None
    # numpy converts a list of strings and numbers to strings.
    mixed = kind == "O" or (kind == "U" and not isinstance(labels, np.ndarray))
    if mixed and set(map(type, array if kind == "O" else labels)) != {str}:
        return None
    return array
