"""Types of the arguments that estimators and metrics take, for your annotations."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

__all__ = ["DataFrameLike", "MatrixLike", "SparseLike"]


class SparseLike(Protocol):
    """A sparse matrix or array of scipy."""

    @property
    def shape(self) -> Any:
        """Return the numbers of rows and columns."""

    def tocsr(self) -> Any:
        """Return the matrix in compressed sparse row format."""


class DataFrameLike(Protocol):
    """A table of pandas, polars or another library, with names of its columns."""

    @property
    def shape(self) -> Any:
        """Return the numbers of rows and columns."""

    @property
    def columns(self) -> Any:
        """Return the names of the columns."""


MatrixLike: TypeAlias = ArrayLike | SparseLike | DataFrameLike
"""X of the estimators: an array or nested lists, a sparse matrix or a data frame."""
