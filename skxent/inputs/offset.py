"""Offsets: fixed terms that are added to the logits of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.columns import class_order, column_names, positions
from skxent.inputs.tables import logits_per_row
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_reals


@dataclass(frozen=True, eq=False)
class GivenOffset:
    """Checked numbers (n,) or (n, k), and the names of their columns if they have any.

    Their meaning depends on the classes, which a block does not know. They stay doubles
    until the logits of two classes, which may be large and close, are subtracted.
    """

    values: NDArray[np.float64]
    names: list[Any] | None

    @property
    def n_columns(self) -> int:
        """Return k, or 1 for numbers (n,)."""
        return 1 if self.values.ndim == 1 else self.values.shape[1]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def __getitem__(self, rows: Any) -> Self:
        """Return the offset of some rows."""
        return replace(self, values=self.values[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the numbers."""
        return np.array(self.values, dtype=dtype)

    def for_classes(self, classes: NDArray[Any]) -> Self:
        """Return the columns of these classes, in their order and by their names.

        Rows of a fold may lack a class. Their model has no logit and no offset for it.
        """
        names = self.names
        if self.n_columns < 2 or (names is not None and len(set(names)) < len(names)):
            return self
        labels = classes.tolist()
        some = names is not None and self.n_columns > len(labels)
        order = (
            positions(names or (), labels, more=True)
            if some
            else class_order(names, classes, "offset")
        )
        values = self.values if order is None else self.values[:, order]
        if values.shape[1] != len(labels):
            return self
        return replace(self, values=values, names=labels)

    def arranged(self, classes: NDArray[Any], dtype: Any) -> Floats:
        """Return the offset of each logit, in the order of the classes: (n, m)."""
        given = self.for_classes(classes)
        check_n_columns(given.n_columns, classes)
        values = given.values
        values = values[:, np.newaxis] if values.ndim == 1 else values
        with np.errstate(over="ignore"):
            if values.shape[1] > logits_per_row(len(classes)):
                # For two classes only the difference of the logits counts.
                values = values[:, 1:] - values[:, :1]
            result: Floats = np.ascontiguousarray(values, dtype=dtype)
        check_finite(result)
        return result


def check_finite(values: Floats) -> None:
    """Raise a ValueError that shows the first number that is not finite."""
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f"offset must be finite in {values.dtype}, got {values[~finite][0]}."
        )


def read_offset(offset: Any, n_samples: int) -> GivenOffset:
    """Check the offset of so many rows as far as possible without the classes."""
    if isinstance(offset, GivenOffset) and len(offset) == n_samples:
        return offset
    values = as_reals("offset", offset, np.float64)
    if values.ndim not in (1, 2) or len(values) != n_samples:
        raise ValueError(
            f"offset must be of shape ({n_samples},) for two classes, or else "
            f"({n_samples}, K), got {values.shape}."
        )
    check_finite(values)
    return GivenOffset(values, column_names(offset))


def check_n_columns(n_columns: int, classes: NDArray[Any]) -> None:
    """Raise a ValueError unless the columns stand for the logits of these classes."""
    n_classes = len(classes)
    if n_columns not in (logits_per_row(n_classes), n_classes):
        allowed = "(n,) or (n, 2)" if n_classes == 2 else f"(n, {n_classes})"
        raise ValueError(
            f"offset must be of shape {allowed} for the {n_classes} classes, got "
            f"{n_columns} column{'s' if n_columns > 1 else ''}. A data frame whose "
            "columns are named by the classes may also have those of others."
        )


def check_offset(
    offset: Any, n_samples: int, classes: NDArray[Any], dtype: Any
) -> Floats | None:
    """Return the offset of each logit (n, m), in this dtype, or None for None."""
    if offset is None:
        return None
    return read_offset(offset, n_samples).arranged(classes, dtype)
