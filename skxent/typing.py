"""Types of the arguments that estimators and metrics take, for your annotations."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike

__all__ = ["DataFrameLike", "MatrixLike", "SparseLike"]


class SparseLike(Protocol):
    """A sparse matrix or array of scipy.

    See Also
    --------
    scipy.sparse.csr_matrix : One of these.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from skxent.typing import SparseLike
    >>> def n_entries(X: SparseLike) -> int:
    ...     return X.tocsr().nnz
    >>> n_entries(csr_matrix([[0, 1], [0, 0]]))
    1
    """

    @property
    def shape(self) -> Any:
        """Return the numbers of rows and columns."""

    def tocsr(self) -> Any:
        """Return the matrix in compressed sparse row format."""


class DataFrameLike(Protocol):
    """A table of pandas, polars or another library, with names of its columns.

    See Also
    --------
    SparseLike : A sparse matrix or array.

    Examples
    --------
    >>> import pandas as pd
    >>> from skxent.typing import DataFrameLike
    >>> def first_column(X: DataFrameLike) -> str:
    ...     return X.columns[0]
    >>> first_column(pd.DataFrame({"age": [42]}))
    'age'
    """

    @property
    def shape(self) -> Any:
        """Return the numbers of rows and columns."""

    @property
    def columns(self) -> Any:
        """Return the names of the columns."""


MatrixLike: TypeAlias = ArrayLike | SparseLike | DataFrameLike
"""X of the estimators: an array or nested lists, a sparse matrix or a data frame."""
