"""Tables of floats that kernels read without a copy: arrays and data frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skxent.kernels.arrays import Floats
from skxent.kernels.checks import has_itemsize_strides


class FloatTable(NamedTuple):
    """Floats as the kernels read them, without a copy where the memory allows it.

    A table (n, K), or its first column (n, 1) and all `columns`, each an array.
    """

    array: Floats
    columns: list[Floats] | None = None

    @property
    def width(self) -> int:
        """Return K."""
        return self.array.shape[1] if self.columns is None else len(self.columns)


FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def float_table(table: Any) -> FloatTable | None:
    """Return an array, a data frame or an Arrow table of floats; None for others."""
    if type(table) is not np.ndarray:
        read = COLUMNS.get(type(table).__module__.partition(".")[0])
        table = None if read is None else read(table)
    if isinstance(table, list):
        if not table or not all(map(_is_column, table)) or not len(table[0]):
            return None
        if any(column.dtype != table[0].dtype for column in table):
            return None
        return FloatTable(table[0][:, np.newaxis], table)
    if type(table) is not np.ndarray or table.dtype not in FLOATS or not table.size:
        return None
    flags = table.flags
    plain = flags.c_contiguous and flags.aligned
    if table.ndim not in (1, 2) or not (plain or has_itemsize_strides(table)):
        return None
    return FloatTable(table[:, np.newaxis] if table.ndim == 1 else table)


def _is_column(column: Any) -> bool:
    return (
        type(column) is np.ndarray
        and column.dtype in FLOATS
        and column.flags.c_contiguous
        and column.flags.aligned
    )


def _of_pandas(table: Any) -> Any:
    # For a single block, also in Fortran order, this is a view.
    if getattr(table, "ndim", 0) in (1, 2):
        try:
            return table.to_numpy()
        except ValueError:  # pandas' own missing values
            return None
    return None


def _of_polars(table: Any) -> Any:
    if type(table).__name__ == "Series":
        return table.to_numpy()
    if type(table).__name__ != "DataFrame":
        return None
    return [column.to_numpy() for column in table.get_columns()]


def _of_arrow(table: Any) -> Any:
    # A column of a Table has chunks; that of a RecordBatch is an array.
    columns = [getattr(c, "chunks", [c]) for c in getattr(table, "columns", [])]
    if not all(len(c) == 1 and not c[0].null_count for c in columns):
        return None
    return [c[0].to_numpy(zero_copy_only=False) for c in columns]


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "pandas": _of_pandas,
    "polars": _of_polars,
    "pyarrow": _of_arrow,
}
