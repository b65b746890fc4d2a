"""Types of what the package takes, for annotations of one's own."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

__all__ = ["DataFrameLike", "MatrixLike", "SparseLike"]


class SparseLike(Protocol):
    """A sparse matrix or array of scipy."""

    @property
    def shape(self) -> Any: ...

    def tocsr(self) -> Any: ...


class DataFrameLike(Protocol):
    """A table of pandas, polars or another library, with names of its columns."""

    @property
    def shape(self) -> Any: ...

    @property
    def columns(self) -> Any: ...


MatrixLike: TypeAlias = ArrayLike | SparseLike | DataFrameLike
"""X of the estimators: an array or nested lists, a sparse matrix or a data frame."""
