"""Data frames in the form that all boosting libraries read.

The libraries differ in what they take, and LightGBM 4.7 ends the process at a polars
column of categories. What they all read is a pandas.DataFrame of NumPy's numbers and of
pandas' categories.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.validation import (
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import refuse_blocks_and_dates
from skxent.kernels.checks import check_given, check_is_data


def as_frame(X: Any, text: bool = False) -> Any:
    """Return a data frame as pandas' of numbers and categories; None for other tables.

    Nullable, Arrow and sparse columns become NumPy's, missing values NaN. Columns of
    numbers are not copied, and infinite numbers are an error.

    text : keep columns of other types, such as strings, which otherwise are an error
    """
    if hasattr(X, "to_pandas") and _package(X) in ("polars", "pyarrow"):
        X = X.to_pandas()
        # An Enum comes as ordered categories, which LightGBM reads as numbers.
        X = X.assign(
            **{
                name: X[name].cat.as_unordered()
                for name in X.columns[categories(X)]
                if X[name].cat.ordered
            }
        )
    if _package(X) == "polars":
        raise ValueError("X must be a DataFrame, got a LazyFrame. Call X.collect().")
    if _package(X) != "pandas" or getattr(X, "ndim", 0) != 2:
        return None
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()][0]
        raise ValueError(f"X must have columns of distinct names, got {twice!r} twice.")
    changed = {}
    for place, name in enumerate(X.columns):
        column = X.iloc[:, place]
        read = _as_column(column, name, text)
        if read is not column:
            changed[place] = read
    if not changed:
        return X
    columns = [changed.get(place, X.iloc[:, place]) for place in range(X.shape[1])]
    return type(X)(dict(enumerate(columns)), index=X.index).set_axis(X.columns, axis=1)


def categories(frame: Any) -> list[int]:
    """Return the places of a frame's columns of categories."""
    return [i for i, dtype in enumerate(frame.dtypes) if str(dtype) == "category"]


def validate(estimator: Any, X: Any, text: bool, **fit: Any) -> Any:
    """Return X for the library of an estimator; in fit, with y=y, return both.

    text : keep columns that are neither numbers nor categories
    """
    if _package(X) in ("xgboost", "lightgbm", "catboost", "_catboost"):
        raise ValueError(
            "X must be an array, a sparse matrix or a data frame, got a "
            f"{type(X).__name__}."
        )
    check_is_data("X", X)
    frame = as_frame(X, text)
    if frame is not None or text:
        X = frame if frame is not None else np.asarray(X, dtype=object)
        if X.ndim != 2:
            raise ValueError(
                f"X must be of shape (n, d), got {X.shape}; a single row is [row]."
            )
        validate_data(estimator, X, reset=bool(fit), skip_check_array=True)
        if not fit:
            return X
        check_given(fit["y"])
        check_consistent_length(X, fit["y"])
        return X, column_or_1d(fit["y"], warn=True)
    refuse_blocks_and_dates(X)
    valid = validate_data(
        estimator,
        check_sparse("X", X),
        **fit,
        reset=bool(fit),
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_all_finite="allow-nan",
    )
    X, *y = valid if fit else (valid,)
    # LightGBM knows no sparse arrays.
    X = csr_matrix(X) if issparse(X) else X
    return (X, *y) if fit else X


def with_int32(X: Any) -> Any:
    """Return sparse rows with indices that CatBoost reads; other tables as they are."""
    if not issparse(X) or X.nnz > np.iinfo(np.int32).max:
        return X
    indices = (part.astype(np.int32, copy=False) for part in (X.indices, X.indptr))
    return csr_matrix((X.data, *indices), shape=X.shape)


def _package(X: Any) -> str:
    return type(X).__module__.partition(".")[0]


def _as_column(column: Any, name: Any, text: bool) -> Any:
    """Return a column as NumPy's numbers, or as categories."""
    dtype = column.dtype
    if str(dtype) == "category":
        return column
    if str(dtype).startswith("dictionary"):  # pyarrow's categories
        return column.astype("category")
    if not isinstance(dtype, np.dtype) or dtype.kind == "O":
        numbers = _as_floats(column)
        if numbers is not None:
            column = numbers
        elif text:
            return column
    kind = getattr(column.dtype, "kind", "")
    if not isinstance(column.dtype, np.dtype) or kind not in "biuf":
        if text:
            return column
        raise ValueError(
            "X must have columns of numbers, booleans or categories, got column "
            f"{name!r} of {dtype}. For categories use X[{name!r}].astype('category'), "
            "in polars pl.Categorical."
        )
    if kind == "f" and np.isinf(column.to_numpy()).any():
        raise ValueError(f"X must be finite or NaN, got infinity in column {name!r}.")
    return column


def _as_floats(column: Any) -> Any:
    """Return an object, nullable, Arrow or sparse column in float64; None for text."""
    if str(column.dtype) in ("str", "string"):
        return None
    if str(column.dtype).startswith("Sparse"):
        return column.sparse.to_dense()
    if column.dtype.kind == "O" and any(isinstance(v, str) for v in column):
        return None
    try:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None
    if column.dtype.kind not in "biufO":
        return None  # a time is no number
    return type(column)(values, index=column.index, name=column.name)
