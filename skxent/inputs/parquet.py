"""Blocks of rows that are read from Parquet, Arrow or CSV data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any

from skxent.inputs.blocks import GivenBlock, RowBlocks, as_block
from skxent.kernels.checks import check_count, explain_missing

# So many row groups of a file, of less than so many rows on average, are read together.
MANY_GROUPS = 8
SMALL_GROUP = 1 << 12


class ParquetBlocks(RowBlocks):
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
    offset : str or sequence of str, default=None
        The column of the offset of the logits; for three or more classes their columns,
        in the order of the classes.
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

    See Also
    --------
    ArrayBlocks : Blocks of arrays that are read by slicing.
    RowBlocks : The protocol for blocks of your own.

    Examples
    --------
    >>> import pyarrow
    >>> from skxent import CrossEntropyClassifier
    >>> from skxent.blocks import ParquetBlocks
    >>> table = pyarrow.table({"x": [0.0, 1.0, 2.0, 3.0], "y": [0, 1, 0, 1]})
    >>> blocks = ParquetBlocks(table, y="y", block_rows=2)
    >>> CrossEntropyClassifier().fit(blocks).coef_.shape
    (1, 1)
    """

    columns: list[str]
    others: list[Any]

    def __init__(
        self,
        source: Any,
        *,
        y: str,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        offset: str | Sequence[str] | None = None,
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
            others += names_of(offset)
            columns = [name for name in names if name not in others]
        self.columns = list(columns)
        if not names:
            raise ValueError("source must have columns, got files or a table without.")
        if not self.columns:
            raise ValueError(f"columns must be one of {names} or more, got none.")
        if offset is not None and not isinstance(offset, str):
            offset = list(offset)
        self.others = [y, sample_weight, offset]
        arguments = [("columns", name) for name in self.columns]
        arguments += [("offset", name) for name in names_of(offset)]
        for argument, name in [*arguments, ("y", y), ("sample_weight", sample_weight)]:
            if name is not None and name not in names:
                raise ValueError(f"{argument} must be in {names}, got {name!r}.")
        self.block_rows = block_rows

    def row_blocks(self) -> Iterator[GivenBlock]:
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
            given = self.columns, *self.others
            yield as_block(*(columns_of(frame, names) for names in given))

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
        others = (name for given in self.others for name in names_of(given))
        columns = list(dict.fromkeys([*self.columns, *others]))
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


def names_of(columns: str | Sequence[str] | None) -> list[str]:
    """Return the names of one column, several or none."""
    if columns is None:
        return []
    return [columns] if isinstance(columns, str) else list(columns)


def columns_of(frame: Any, names: str | list[str] | None) -> Any:
    """Return a column, several, or None for none."""
    return None if names is None else frame[names]
