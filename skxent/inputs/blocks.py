"""Blocks of rows: arrays that are read slice by slice, and Parquet data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from skxent.inputs.sparse import check_sparse
from skxent.kernels.checks import check_count, explain_missing

GivenBlock = tuple[Any, ...]

# Enough rows that what a block costs besides its rows does not count; a few blocks fit
# in any memory.
BLOCK_BYTES = 128 << 20

# So many row groups of a file, of less than so many rows on average, are read together.
MANY_GROUPS = 8
SMALL_GROUP = 1 << 12


class RowBlocks(Protocol):
    """The protocol of objects whose rows `fit` reads block by block, once per pass.

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
        """Yield all blocks (X, y) or (X, y, sample_weight), from the first one on.

        X is an array, a sparse matrix or a data frame, and y labels or soft labels, as
        for `fit`. Every call must yield the same blocks in the same order. `fit` keeps
        each block only until it reads the next one.
        """


class ArrayBlocks:
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
    block_rows : int, default=None
        Rows in a block. None makes blocks of X of about 128 MB.

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
    block_rows: int

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
        X = check_sparse("X", X)
        X = X.tocsr() if sp.issparse(X) else X  # Rows of CSR can be sliced.
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if len(shape) != 2:
            raise ValueError(f"X must be an array of shape (n, d), got {shape}.")
        columns = {"X": X, "y": y, "sample_weight": sample_weight}
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
        self.X, self.y, self.sample_weight = X, y, sample_weight
        itemsize = np.dtype(getattr(X, "dtype", np.float64)).itemsize
        width = max(1, shape[1] * itemsize)
        self.block_rows = block_rows or max(1, BLOCK_BYTES // width)

    def row_blocks(self) -> Iterator[GivenBlock]:
        """Yield all blocks (X, y) or (X, y, sample_weight), from the first one on."""
        # scipy does not check the indices by which it slices.
        columns = [check_sparse("X", self.X), self.y]
        if self.sample_weight is not None:
            columns.append(self.sample_weight)
        # A data frame or Series slices by position only through iloc.
        columns = [getattr(values, "iloc", values) for values in columns]
        for start in range(0, self.X.shape[0], self.block_rows):
            rows = slice(start, start + self.block_rows)
            yield tuple(strings_as_objects(values[rows]) for values in columns)


def strings_as_objects(values: Any) -> Any:
    """Return strings as objects if scikit-learn does not know their dtype."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    return values.astype(object) if kind == "T" else values  # numpy's StringDType


def n_rows(values: Any) -> int:
    """Return the number of rows of anything that `fit` takes."""
    shape = getattr(values, "shape", None)  # Zarr arrays have no len
    return int(shape[0]) if shape else len(values)


class ParquetBlocks:
    """Blocks of a Parquet, Arrow or CSV data set; needs pyarrow.

    Small row groups and files are merged, so that blocks have about `block_rows` rows
    however the data set was written.

    Parameters
    ----------
    source : path, list of paths, pyarrow.dataset.Dataset or pyarrow.Table
        A directory is read file by file in the order of the names. Directories named
        ``key=value`` become columns, as in :func:`pandas.read_parquet`; pass a Dataset
        for another partitioning.
    y : str
        The column of labels.
    columns : sequence of str, default=None
        The columns of X. By default these are all columns except y, the weights and the
        index of a data frame that pandas wrote.
    sample_weight : str, default=None
        The column of weights.
    block_rows : int, default=131072
        The largest number of rows in a block.
    format : str, default="parquet"
        The format, as for pyarrow.dataset.dataset; not used for a Dataset.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    ValueError
        If the data set lacks one of the columns.
    """

    columns: list[str]
    others: list[str]

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
        message = "skxent.blocks.ParquetBlocks needs pyarrow: pip install pyarrow"
        with explain_missing("pyarrow", message):
            import pyarrow
        import pyarrow.dataset as arrow

        self.source = source
        if isinstance(source, arrow.Dataset):
            self.dataset: Any = source
        elif isinstance(source, pyarrow.Table | pyarrow.RecordBatch):
            self.dataset = arrow.dataset(source)  # in memory: it has no format
        elif not isinstance(source, str | PathLike | Sequence):
            raise ValueError(
                "source must be a path, a list of paths, or a Dataset or Table of "
                f"pyarrow, got {type(source).__name__}."
            )
        else:
            self.dataset = arrow.dataset(source, format=format, partitioning="hive")
        names = self.dataset.schema.names
        if isinstance(columns, str):
            raise ValueError(f"columns must be a sequence of str, got {columns!r}.")
        if columns is None:
            index = (self.dataset.schema.pandas_metadata or {}).get("index_columns", ())
            others = [y, sample_weight, *(name for name in index if name in names)]
            columns = [name for name in names if name not in others]
        self.columns = list(columns)
        if not self.columns:
            raise ValueError(f"columns must be one of {names} or more, got none.")
        self.others = [y] if sample_weight is None else [y, sample_weight]
        arguments = [("columns", name) for name in self.columns]
        for argument, name in [*arguments, ("y", y), ("sample_weight", sample_weight)]:
            if name is not None and name not in names:
                raise ValueError(f"{argument} must be in {names}, got {name!r}.")
        self.block_rows = block_rows

    def row_blocks(self) -> Iterator[GivenBlock]:
        """Yield all blocks (X, y) or (X, y, sample_weight), from the first one on."""
        import pyarrow

        errors = pyarrow.ArrowException, OSError
        tables = self._tables()
        while True:
            try:
                table = next(tables, None)
                # With its metadata pandas would take the index out of the columns.
                frame = None if table is None else table.to_pandas(ignore_metadata=True)
            except errors as error:
                raise ValueError(f"{self._name()} cannot be read: {error}") from error
            if frame is None:
                return
            yield frame[self.columns], *(frame[name] for name in self.others)

    def _tables(self) -> Iterator[Any]:
        """Yield tables of at most `block_rows` rows, merged from smaller batches."""
        import pyarrow

        table_of: Any = pyarrow.Table.from_batches
        held: list[Any] = []
        rows = 0
        for batch in self._batches():
            if held and rows + batch.num_rows > self.block_rows:
                yield table_of(held)
                held, rows = [], 0
            if batch.num_rows:
                held.append(batch)
                rows += batch.num_rows
        if held:
            yield table_of(held)

    def _batches(self) -> Iterator[Any]:
        """Yield the record batches of the data set."""
        columns = list(dict.fromkeys([*self.columns, *self.others]))
        if self._has_small_row_groups(columns):
            # A data set's scanner takes longer for each row group than for its rows.
            from pyarrow.parquet import ParquetFile

            for fragment in self.dataset.get_fragments():
                with ParquetFile(fragment.open(), metadata=fragment.metadata) as file:
                    yield from file.iter_batches(self.block_rows, columns=columns)
            return
        yield from self.dataset.to_batches(
            columns=columns,
            batch_size=self.block_rows,
            batch_readahead=2,  # The default reads gigabytes ahead.
            fragment_readahead=1,
        )

    def _has_small_row_groups(self, columns: list[str]) -> bool:
        """Return True if all files have small row groups, with the columns as asked.

        The reader of a single file knows nothing of partitions, conversions and other
        options of a data set that a user made.
        """
        if self.source is self.dataset:
            return False
        kind = getattr(self.dataset, "format", None)  # None in memory
        if kind is None or kind.default_extname != "parquet":
            return False
        asked = list(map(self.dataset.schema.field, columns))
        return all(
            fragment.num_row_groups >= MANY_GROUPS
            and fragment.metadata.num_rows < SMALL_GROUP * fragment.num_row_groups
            and all(field in list(fragment.physical_schema) for field in asked)
            for fragment in self.dataset.get_fragments()
        )

    def _name(self) -> str:
        """Return the user's name for the data set, shortened if it is long."""
        name = "the data set" if self.source is self.dataset else repr(self.source)
        return name if len(name) <= 100 else f"{name[:100]}..."
