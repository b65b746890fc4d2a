"""Checks of tables: probabilities, logits and X."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array

from skxent.inputs.rounding import sum_tolerance, within
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_itemsize_strided, check_bool, check_is_data, warn


def is_sorted(classes: NDArray[Any]) -> bool:
    """Return True if the classes strictly increase."""
    return bool(np.all(classes[:-1] < classes[1:]))


def logits_from(y_proba: ArrayLike, from_logits: bool) -> Floats:
    """Return checked logits of what the caller says are logits or probabilities."""
    check_bool("from_logits", from_logits)
    if not from_logits:
        return logits_of(y_proba)
    raw = check_logits(y_proba)
    if like_probabilities(raw):
        warn(
            "y_proba looks like probabilities, but from_logits=True. "
            "Pass from_logits=False for probabilities."
        )
    return raw


def like_probabilities(raw: Floats) -> bool:
    """Return True if the logits are very likely probabilities.

    That is, if all rows sum to one, or if at least ten log-odds are all in [0, 1].
    """
    if not raw.size or not (raw.min() >= 0 and raw.max() <= 1):
        return False
    if raw.ndim == 1:
        return len(raw) >= 10
    near = bool((np.abs(raw.sum(axis=1) - 1) < 1e-3).all())
    # Rows of zeros and ones may be a user's first try of a function.
    return near and bool(((raw > 0) & (raw < 1)).any())


def check_logits(raw: ArrayLike, name: str = "y_proba", finite: bool = False) -> Floats:
    """Return logits (n,) or (n, K), K >= 2; NaN and, if finite, infinity are errors."""
    z: Floats
    check_is_data(name, raw)
    if is_plain(raw) and (not finite or np.isfinite(raw).all()):
        z = np.asarray(raw)
    else:
        z = _as_floats(raw, name, finite)
    if not finite and np.isnan(z).any():
        raise ValueError(f"{name} must not contain NaN, got {np.isnan(z).sum()}.")
    z = as_itemsize_strided(z)
    return z[:, 0] if z.ndim == 2 and z.shape[1] == 1 else z


def is_plain(table: Any) -> bool:
    """Return True for an array that check_array, which is slow, would not convert.

    Its entries may be NaN or infinite.
    """
    return (
        type(table) is np.ndarray
        and table.dtype in (np.float64, np.float32)
        and table.ndim in (1, 2)
        and table.size > 0
    )


def _as_floats(table: ArrayLike, name: str, finite: bool) -> Floats:
    if table is None:
        raise ValueError(f"{name} must be probabilities or logits, got None.")
    try:
        floats: Floats = check_array(
            table,
            ensure_2d=False,
            ensure_all_finite=finite,
            dtype=[np.float64, np.float32],
            input_name=name,
        )
    except (TypeError, ValueError) as error:
        reason = str(error)
        if not reason.startswith(NO_NUMBERS):
            if np.ndim(table):
                raise
            message = f"{name} must be probabilities or logits, got {table!r}."
            raise ValueError(message) from error
        raise ValueError(
            f"{name} must be probabilities or logits, which are numbers: {reason}. "
            "Pass the result of predict_proba instead of labels."
        ) from error
    return floats


# How numpy's errors for text, dicts, rows of unequal lengths and records begin.
NO_NUMBERS = "could not convert string", "float() arg", "setting an", "Cannot cast"


def logits_per_row(n_classes: int) -> int:
    """Return the columns of logits: for two classes the log-odds of the second only."""
    return 1 if n_classes == 2 else n_classes


def logits_for(classes: Any) -> int:
    """Return the columns of logits for `classes_`, which are (K, 2) of K labels."""
    return len(classes) if np.ndim(classes) == 2 else logits_per_row(len(classes))


def codes_of_logits(raw: Floats) -> NDArray[np.intp]:
    """Return the class that each row of logits (n, K), or log-odds (n,), predicts.

    Of equal logits the first class wins, as in scikit-learn.
    """
    return (raw > 0).astype(np.intp) if raw.ndim == 1 else raw.argmax(axis=1)


def logits_of(y_proba: ArrayLike) -> Floats:
    """Return the logarithms of probabilities, or the log-odds of a single column."""
    return logits_of_checked(*checked_proba(y_proba))


def logits_of_checked(proba: Floats, sums: Floats | None) -> Floats:
    """Return the logits of probabilities that are checked already."""
    eps = np.finfo(proba.dtype).eps
    if proba.ndim == 1:
        clipped = np.clip(proba, eps, 1 - eps)
        return np.log(clipped) - np.log1p(-clipped)
    if sums is not None:  # Divide before clipping, which would change small rows.
        proba = proba / sums[:, np.newaxis]
    return np.log(np.maximum(proba, eps))


def two_columns(proba: Floats) -> Floats:
    """Return (n, 2) for probabilities (n,) of the second class, others as given."""
    return np.column_stack([1 - proba, proba]) if proba.ndim == 1 else proba


def check_proba(y_proba: ArrayLike, name: str = "y_proba") -> Floats:
    """Return probabilities (n, K), or (n,) of the second class, clipped to [0, 1].

    Only values that rounding explains are clipped; others are an error.
    """
    return checked_proba(y_proba, name)[0]


def warn_of_labels(y_proba: Any, name: str = "y_proba") -> None:
    """Warn if the integers of ten rows or more can only be what predict returns."""
    if is_plain(y_proba) or issparse(y_proba) or getattr(y_proba, "ndim", 1) == 0:
        return
    if not hasattr(y_proba, "__len__") or len(y_proba) < 10:
        return
    with suppress(ValueError):  # Rows of unequal lengths are refused later.
        y_proba = np.asarray(y_proba)
    if getattr(y_proba, "dtype", np.dtype(float)).kind in "iub":
        warn(
            f"{name} has integers, which look like labels. Pass the result of "
            "predict_proba, not that of predict"
            + (", as the second argument" if name == "y_proba" else "")
            + ". If these integers are probabilities, convert them to float."
        )


def checked_proba(
    y_proba: ArrayLike, name: str = "y_proba"
) -> tuple[Floats, Floats | None]:
    """Return probabilities, and the sums of their rows if these are not one."""
    check_is_data(name, y_proba)
    warn_of_labels(y_proba, name)
    logits = "Pass from_logits=True for logits." if name == "y_proba" else ""
    proba = within(np.asarray(y_proba)) if is_plain(y_proba) else None
    if proba is None:
        given = _as_floats(y_proba, name, True)
        proba = within(given)
    if proba is None:
        worst = given.min() if given.min() < -(given.max() - 1) else given.max()
        raise ValueError(f"{name} must be in [0, 1], got {worst}. {logits}".rstrip())
    if proba.ndim == 2 and proba.shape[1] == 1:
        proba = proba[:, 0]
    if proba.ndim == 1:
        return proba, None
    sums = proba.sum(axis=1)
    tolerance = sum_tolerance(proba.shape[1], getattr(y_proba, "dtype", None))
    if not (np.abs(sums - 1) > tolerance).any():
        return proba, None
    if (sums == 0).any():
        raise ValueError(
            f"{name} must have rows with a positive sum, got only zeros in row "
            f"{int(np.argmin(sums))}."
        )
    warn(
        f"The {name} values do not sum to one. Make sure to pass probabilities"
        + (", or from_logits=True for logits." if logits else ".")
    )
    return proba, sums


def is_row_blocks(X: Any) -> bool:
    """Return True for row blocks, not for a table with a column of that name."""
    return hasattr(type(X), "row_blocks")


def refuse_blocks_and_dates(X: Any) -> None:
    """Raise a ValueError for blocks of rows, which only some fits read, and for dates.

    scikit-learn would convert dates to numbers of days or microseconds.
    """
    if hasattr(X, "collect") and not hasattr(X, "to_numpy"):
        raise ValueError(
            "X must be an array, a DataFrame or a sparse matrix, got "
            f"{type(X).__name__}, whose rows are not computed. Pass X.collect()."
        )
    # A Series has one of these, where a DataFrame has several.
    dtypes: Any = getattr(X, "dtypes", getattr(X, "dtype", None))
    for dtype in np.ravel(dtypes):
        if str(dtype).lower().startswith(("date", "time", "duration")):
            raise ValueError(f"X must be real numbers, such as of days, got {dtype}.")
    if is_row_blocks(X):
        raise ValueError(
            "X must be an array, a DataFrame or a sparse matrix, got row blocks, which "
            "only `fit` of a linear model reads. Pass the X of one block at a time."
        )
