"""Rows that are read block by block, where the table is larger than memory.

Any object with a method `row_blocks` can be fitted to. Arrays that are memory-mapped
need none of this: estimators read them from their file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

from skxent._validation import check_count

__all__ = ["ArrayBlocks", "ParquetBlocks", "RowBlocks"]

Block = tuple[Any, ...]


class RowBlocks(Protocol):
    """What an estimator's `fit` reads, once a pass.

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

    def row_blocks(self) -> Iterator[Block]:
        """Begin again, and yield all blocks (X, y) or (X, y, sample_weight).

        They are what `fit` takes: arrays, sparse matrices or data frames, labels or
        soft labels. The same blocks must come every time, in the same order. None is
        held longer than until the next.
        """


class ArrayBlocks:
    """Blocks of arrays that slicing reads: memory-mapped, HDF5, Zarr.

    Parameters
    ----------
    X : array of shape (n, d)
    y : array of shape (n,) or (n, K)
    sample_weight : array of shape (n,), default=None
    block_rows : int, default=None
        Rows of a block; None for blocks of X of about 128 MB.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skxent import CrossEntropyClassifier
    >>> from skxent.blocks import ArrayBlocks
    >>> blocks = ArrayBlocks(*load_iris(return_X_y=True), block_rows=50)
    >>> CrossEntropyClassifier().fit(blocks).classes_
    array([0, 1, 2])
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        block_rows: int | None = None,
    ) -> None:
        if block_rows is not None:
            check_count("block_rows", block_rows)
        for name, column in (("y", y), ("sample_weight", sample_weight)):
            if column is not None and len(column) != len(X):
                raise ValueError(f"{name} must have {len(X)} rows, got {len(column)}.")
        self.X, self.y, self.sample_weight = X, y, sample_weight
        width = max(1, X.shape[1] * X.dtype.itemsize)
        self.block_rows = block_rows or max(1, (128 << 20) // width)

    def row_blocks(self) -> Iterator[Block]:
        for start in range(0, len(self.X), self.block_rows):
            rows = slice(start, start + self.block_rows)
            X, y = self.X[rows], self.y[rows]
            weight = self.sample_weight
            yield (X, y) if weight is None else (X, y, weight[rows])


class ParquetBlocks:
    """Blocks of a Parquet, Arrow or CSV data set; needs pyarrow.

    Parameters
    ----------
    source : path, list of paths, or pyarrow.dataset.Dataset
        A directory is read file by file in the order of the names.
    y : str
        The column of labels.
    columns : sequence of str, default=None
        The columns of X, by default all that are neither y nor weights.
    sample_weight : str, default=None
        The column of weights.
    block_rows : int, default=131072
    format : str, default="parquet"
        What pyarrow.dataset.dataset reads.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        If the data set lacks one of the columns.
    """

    def __init__(
        self,
        source: Any,
        *,
        y: str,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        block_rows: int = 1 << 17,
        format: str = "parquet",
    ) -> None:
        check_count("block_rows", block_rows)
        try:
            self.dataset: Any = import_module("pyarrow.dataset").dataset(
                source, format=format
            )
        except ModuleNotFoundError as error:
            message = "skxent.blocks.ParquetBlocks needs pyarrow: pip install pyarrow"
            raise ImportError(message) from error
        names = self.dataset.schema.names
        others = [y] if sample_weight is None else [y, sample_weight]
        if columns is None:
            columns = [name for name in names if name not in others]
        for name in (*columns, *others):
            if name not in names:
                raise ValueError(f"columns must be in {names}, got {name!r}.")
        self.columns, self.others = list(columns), others
        self.block_rows = block_rows

    def row_blocks(self) -> Iterator[Block]:
        batches = self.dataset.to_batches(
            columns=[*self.columns, *self.others],
            batch_size=self.block_rows,
            batch_readahead=2,  # by default gigabytes are read ahead
            fragment_readahead=1,
        )
        for batch in batches:
            if batch.num_rows:
                frame = batch.to_pandas()
                yield frame[self.columns], *(frame[name] for name in self.others)
