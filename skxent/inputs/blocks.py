"""Blocks of rows, and arrays that are read slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from skxent.inputs.sparse import check_sparse
from skxent.kernels.checks import check_count

GivenBlock = tuple[Any, ...]

# Enough rows that what a block costs besides its rows does not count; a few blocks fit
# in any memory.
BLOCK_BYTES = 128 << 20


class RowBlocks(Protocol):
    """The protocol of objects whose rows `fit` reads block by block, once per pass.

    See Also
    --------
    ArrayBlocks : Blocks of arrays that are read by slicing.
    ParquetBlocks : Blocks of a Parquet, Arrow or CSV data set.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent import CrossEntropyClassifier
    >>> class Drawn:
    ...     def row_blocks(self):
    ...         rng = np.random.default_rng(0)
    ...         for _ in range(3):
    ...             X = rng.normal(size=(100, 2))
    ...             yield X, X[:, 0] > rng.normal(size=100)
    >>> model = CrossEntropyClassifier().fit(Drawn())
    >>> model.coef_.shape
    (1, 2)
    """

    def row_blocks(self) -> Iterator[GivenBlock]:
        """Yield all blocks (X, y[, sample_weight[, offset]]), from the first one on.

        X is an array, a sparse matrix or a data frame, and y labels or soft labels, as
        for `fit`. sample_weight may be None before an offset. Every call must yield the
        same blocks in the same order. `fit` keeps each block only until it reads the
        next one.

        Yields
        ------
        tuple
            X, y and, if there are any, sample_weight and offset of the next rows.
        """


class ArrayBlocks(RowBlocks):
    """Blocks of arrays that are read by slicing: memory maps, HDF5, Zarr.

    Parameters
    ----------
    X : array of shape (n, d)
        Anything with a shape whose rows can be sliced: an array, a CSR matrix, a data
        frame, a memory map, an HDF5 data set, a Zarr array.
    y : array of shape (n,) or (n, K)
        Labels or soft labels.
    sample_weight : array of shape (n,), default=None
        Weights of the rows.
    offset : array of shape (n,) or (n, K), default=None
        Offsets of the logits.
    block_rows : int, default=None
        Rows in a block. None makes blocks of X of about 128 MB.

    See Also
    --------
    ParquetBlocks : Blocks of a Parquet, Arrow or CSV data set.
    RowBlocks : The protocol for blocks of your own.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import CrossEntropyClassifier
    >>> from skxent.blocks import ArrayBlocks
    >>> blocks = ArrayBlocks(*load_iris(return_X_y=True), block_rows=50)
    >>> CrossEntropyClassifier().fit(blocks).classes_
    array([0, 1, 2])
    """

    y: Any
    sample_weight: Any
    offset: Any
    block_rows: int

    def __init__(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        offset: Any = None,
        *,
        block_rows: int | None = None,
    ) -> None:
        if block_rows is not None:
            check_count("block_rows", block_rows)
        X = check_sparse("X", X)
        X = X.tocsr() if sp.issparse(X) else X  # Rows of CSR can be sliced.
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if len(shape) != 2:
            raise ValueError(f"X must be an array of shape (n, d), got {shape}.")
        columns = {"X": X, "y": y, "sample_weight": sample_weight, "offset": offset}
        for name, values in columns.items():
            if values is None:
                continue
            if np.ndim(values) == 0 and not hasattr(values, "__len__"):
                raise ValueError(
                    f"{name} must be an array of {shape[0]} rows, got {values!r}."
                )
            if n_rows(values) != shape[0]:
                raise ValueError(
                    f"{name} must have {shape[0]} rows, got {n_rows(values)}."
                )
        self.X, self.y, self.sample_weight, self.offset = X, y, sample_weight, offset
        itemsize = np.dtype(getattr(X, "dtype", np.float64)).itemsize
        width = max(1, shape[1] * itemsize)
        self.block_rows = block_rows or max(1, BLOCK_BYTES // width)

    def row_blocks(self) -> Iterator[GivenBlock]:
        # scipy does not check the indices by which it slices.
        X = check_sparse("X", self.X)
        columns = (X, self.y, self.sample_weight, self.offset)
        for start in range(0, self.X.shape[0], self.block_rows):
            rows = slice(start, start + self.block_rows)
            yield as_block(
                *(None if values is None else part(values, rows) for values in columns)
            )


def as_block(X: Any, y: Any, sample_weight: Any, offset: Any) -> GivenBlock:
    """Return a block as a tuple that does not end in None."""
    if offset is not None:
        return X, y, sample_weight, offset
    return (X, y) if sample_weight is None else (X, y, sample_weight)


def part(values: Any, rows: slice) -> Any:
    """Return some rows; a data frame or Series slices by position only through iloc."""
    return strings_as_objects(getattr(values, "iloc", values)[rows])


def strings_as_objects(values: Any) -> Any:
    """Return strings as objects if scikit-learn does not know their dtype."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    return values.astype(object) if kind == "T" else values  # numpy's StringDType


def n_rows(values: Any) -> int:
    """Return the number of rows of anything that `fit` takes."""
    shape = getattr(values, "shape", None)  # Zarr arrays have no len
    return int(shape[0]) if shape else len(values)
