"""Columns that stand for classes: by the names that a table gives them, or in order.

Data frames and Arrow tables whose columns are named by the classes are read by name.
Arrays, and tables with other names, have their columns in the order of the classes that
the caller names, which need not be sorted. Names of which only some are classes are an
error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.labels import (
    check_classes,
    encode_labels,
    mask_ignored,
    refuse_missing,
)
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_itemsize_strided, check_is_data


def positions(
    names: Sequence[Any], classes: Sequence[Any], *, more: bool = False
) -> NDArray[np.intp] | None:
    """Return the position of each class among the names, or None if they differ.

    Files and some libraries keep only the text of a name, so "1" matches the class 1.

    more : names may also be those of other classes
    """
    for key in (lambda label: label, str):
        known = {key(name): i for i, name in enumerate(names)}
        wanted = [key(label) for label in classes]
        same = len(names) == len(wanted) and known.keys() == set(wanted)
        same = same or (more and known.keys() >= set(wanted))
        if len(known) == len(names) and same:
            return np.array([known[label] for label in wanted], dtype=np.intp)
    return None


def column_names(table: Any) -> list[Any] | None:
    """Return the names of a table's columns, or None if it gives them none."""
    kind = type(table)  # Columns of a data frame are attributes of the frame itself.
    if hasattr(kind, "column_names"):
        return list(table.column_names)  # pyarrow
    if not hasattr(kind, "columns") or len(table.shape) != 2:
        return None
    return list(table.columns)


def are_column_numbers(names: list[Any]) -> bool:
    """Return True for the names that pandas, Parquet or polars make up: 0, 1, 2 …."""
    n = range(len(names))
    return names in (list(n), [str(i) for i in n], [f"column_{i}" for i in n])


def class_order(
    names: list[Any] | None, classes: Any, name: str | None
) -> NDArray[np.intp] | None:
    """Return the position of each class's column; None where the columns are in order.

    It is an error if only some names are classes, or if they are column numbers out of
    order. A wrong number of columns is left to others.

    name : what the caller calls the table. None: names that are not the classes mean
        nothing, as in the predictions of an estimator.
    """
    if names is None:
        return None
    labels = np.asarray(classes).tolist()
    order = positions(names, labels)
    if order is not None:
        return None if np.array_equal(order, np.arange(len(order))) else order
    mixed = {*map(str, names)} & {*map(str, [*labels, *range(len(names))])}
    if name and mixed and len(names) == len(labels) and not are_column_numbers(names):
        raise ValueError(
            f"{name} must have its columns named by the classes {labels}, got {names}. "
            "Rename them, or pass an array, whose columns are in the order of the "
            "classes."
        )
    return None


def by_class(table: Any, classes: Any, name: str | None = None) -> Any:
    """Return a table as an array with columns in the order of the classes.

    Anything else is returned as it is, and its columns are in that order already.
    """
    names = column_names(table)
    order = class_order(names, classes, name)
    array = table if names is None else table_values(table)
    return array if order is None else array[:, order]


def table_values(table: Any) -> NDArray[Any]:
    """Return the entries of a table, with NaN for pandas' missing numbers."""
    array = np.asarray(table)
    if array.dtype == object and hasattr(table, "isna"):
        try:
            return np.asarray(table.to_numpy(dtype=np.float64, na_value=np.nan))
        except (TypeError, ValueError):
            return array  # not numbers
    return array


def by_code(table: Any) -> Any:
    """Return a table as an array with the columns of the classes 0..K-1.

    Columns that have other names than these numbers keep their order.
    """
    names = column_names(table)
    return table if names is None else by_class(table, range(len(names)))


def soft_by_class(y: Any, classes: Any, name: str) -> Any:
    """Return soft labels with columns in the order of the classes of a model.

    Soft labels alone make classes 0..K-1, whatever other names their columns have.
    """
    codes = np.asarray(classes).tolist() == list(range(len(classes)))
    return by_code(y) if codes else by_class(y, classes, name)


def as_raw_prediction(raw_prediction: Any) -> tuple[Floats, bool]:
    """Return logits (n, K), and whether one column is that of class 1 of two.

    Columns that are named 0..K-1 but stand in another order are an error: derivatives
    for each column would be in another order than the caller's.
    """
    names = column_names(raw_prediction)
    order = None if names is None else class_order(names, range(len(names)), None)
    if order is not None:
        raise ValueError(
            f"raw_prediction must have its columns in the order 0..{len(order) - 1}, "
            f"got {names}."
        )
    check_is_data("raw_prediction", raw_prediction)
    z = np.asarray(raw_prediction)
    if z.dtype.kind not in "fiub":
        given = type(raw_prediction).__name__ if z.dtype.hasobject else z.dtype
        raise ValueError(f"raw_prediction must be real numbers, got {given}.")
    z = z.astype(np.float32 if z.dtype.str[1:] == "f4" else np.float64, copy=False)
    if z.ndim not in (1, 2) or (z.ndim == 2 and z.shape[1] == 0):
        raise ValueError(
            f"raw_prediction must be of shape (n,) or (n, K), got {z.shape}."
        )
    z = as_itemsize_strided(z)
    z = z[:, np.newaxis] if z.ndim == 1 else z
    return z, z.shape[1] == 1


def named_classes(*tables: Any) -> list[Any] | None:
    """Return the classes that the first table with names has; None if none has.

    Names that are the numbers 0..K-1 mean these, in their order.
    """
    for table in tables:
        names = column_names(table)
        if names is not None and len(names) > 1 and not are_column_numbers(names):
            codes = list(range(len(names)))
            return names if positions(names, codes) is None else codes
    return None


def align(
    y_true: Any,
    *tables: Any,
    labels: Any = None,
    ignore_index: Any = None,
    name: str = "y_proba",
) -> tuple[Any, ...]:
    """Return y_true and tables of predictions, all columns in the order of the classes.

    The classes are `labels`, or those that y_true has or, for soft labels, that the
    first table with names has. The caller calls the tables `name`.
    """
    named = [names for names in map(column_names, tables) if names is not None]
    soft_names = column_names(y_true)
    soft = soft_names is not None and len(soft_names) > 1
    if not named and not soft:
        return y_true, *tables
    if labels is not None:
        n_columns = len(named[0] if named else soft_names or ())
        classes: Any = classes_of_columns(labels, n_columns, ignore_index)
    elif soft or np.ndim(np.asarray(y_true)) == 2:
        classes = named_classes(y_true, *tables)
    elif all(map(are_column_numbers, named)):
        classes = None
    else:
        y = y_true
        if ignore_index is not None:
            y, kept = mask_ignored(y, ignore_index, "y_true")
            y = y[kept]
        classes = encode_labels(y, name="y_true")[0]
    if classes is None:
        return tuple(map(by_code, (y_true, *tables)))
    y_true = by_class(y_true, classes, "y_true") if soft else y_true
    return y_true, *(by_class(table, classes, name) for table in tables)


def classes_of_columns(
    labels: Any, n_columns: int, ignore_index: Any
) -> NDArray[Any] | None:
    """Return the caller's labels, without the ignored one if it has no column."""
    if labels is None:
        return None
    classes = check_classes("labels", labels)
    if ignore_index is not None and len(classes) > n_columns:
        classes = classes[mask_ignored(classes, ignore_index, "labels")[1]]
    return classes


def code_of(pos_label: Any, classes: NDArray[Any]) -> int:
    """Return the index of `pos_label` in the classes."""
    labels = classes.tolist()
    if pos_label not in labels:
        raise ValueError(f"pos_label must be one of {labels}, got {pos_label!r}.")
    return labels.index(pos_label)


def sorted_classes(classes: Any) -> NDArray[Any]:
    """Return the distinct labels of the argument `classes`, sorted."""
    found = check_classes("classes", classes, repeats=True)
    if found.dtype.kind == "f":
        refuse_missing(int(np.isnan(found).sum()), "classes")
    return np.unique(found)
