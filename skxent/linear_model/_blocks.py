"""Checked blocks of rows, and the summaries from which a fit is planned.

Every block is checked where it is stored and yields a `Summary`. The summaries of all
blocks are merged into the `Plan` of skxent/linear_model/_plan.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any, cast
from zlib import crc32

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skxent.inputs.blocks import RowBlocks, n_rows
from skxent.inputs.labels import encode_labels
from skxent.inputs.offset import GivenOffset, check_n_columns, read_offset
from skxent.inputs.soft_labels import check_soft_labels
from skxent.inputs.weights import check_sample_weight
from skxent.linear_model._input import check_data
from skxent.linear_model._predictor import LinearPredictor
from skxent.optimize.rows.blocks import nbytes

# The sum of weights beyond LARGE may overflow, so it is kept in a larger unit.
LARGE, LARGE_EXPONENT = 2.0**900, 64


class Checker(LinearPredictor, BaseEstimator):
    """An estimator that checks its input and keeps the number and names of columns."""


@cache
def checker_class(kind: str) -> type[Checker]:
    """Return a checker class of that name, which scikit-learn's errors contain."""
    return type(kind, (Checker,), {})


@dataclass(eq=False, repr=False)
class CheckedBlock:
    """Checked rows: codes are places in the labels that this block has."""

    index: int
    X: Any
    labels: NDArray[Any] | None  # None: soft labels
    codes: Any
    sample_weight: NDArray[np.float64] | None
    names: NDArray[Any] | None
    offset: GivenOffset | None = None

    def weights(self) -> NDArray[np.float64]:
        given = self.sample_weight
        return np.ones(self.X.shape[0]) if given is None else given

    def __sizeof__(self) -> int:
        """Bytes of its rows: schedulers move what is small."""
        offset = None if self.offset is None else self.offset.values
        return nbytes(self.X, self.codes, self.sample_weight, offset)


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """The properties of a block that must be known before it can be used."""

    index: int
    n_samples: int
    n_features: int
    names: NDArray[Any] | None
    dtype: Any
    sparse: bool
    labels: NDArray[Any] | None
    mass: NDArray[np.float64]  # of each label, or of each column of soft labels
    exponent: int  # the masses are in units of 2**exponent
    order: int  # of labels: a number that another order of them changes
    places: NDArray[np.float64]  # sums as in mass, times the places of the rows
    offset_columns: int | None  # None: there is no offset

    @property
    def column_names(self) -> list[str] | None:
        return as_list(self.names)

    def change_since(self, before: Summary) -> str | None:
        """Say what differs from the same block as it was before."""
        for words, now, then in (
            ("{} rows", self.n_samples, before.n_samples),
            ("{} columns", self.n_features, before.n_features),
            ("column names {}", self.column_names, before.column_names),
            ("an X of {}", self.dtype, before.dtype),
            ("issparse(X) {}", self.sparse, before.sparse),
            ("labels {}", as_list(self.labels), as_list(before.labels)),
            ("soft labels of {} columns", len(self.mass), len(before.mass)),
            ("an offset of {} columns", self.offset_columns, before.offset_columns),
        ):
            if now != then:
                return f"{words.format(now)} instead of {then}"
        # Sums of soft labels may differ by rounding.
        if not np.allclose(self.mass, before.mass, rtol=1e-6, atol=0):
            return "other labels or weights"
        same = np.allclose(self.places, before.places, rtol=1e-6, atol=0)
        if self.order != before.order or not same:
            return "another order of its rows"
        return None


def as_list(values: NDArray[Any] | None) -> list[Any] | None:
    return None if values is None else values.tolist()


def check_block(
    index: int, data: Any, kind: str, finite: bool = True
) -> CheckedBlock | None:
    """Return a block (X, y[, sample_weight[, offset]]) as checked; None without rows.

    kind: the name of the estimator, for errors.
    """
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3, 4):
        got = f"{len(data)} values" if isinstance(data, (tuple, list)) else type(data)
        raise ValueError(
            "it must be (X, y), (X, y, sample_weight) or (X, y, sample_weight, offset),"
            f" got {got}."
        )
    X, y, weight, given = (*data, None, None)[:4]
    check_rows(X=X, y=y, sample_weight=weight, offset=given)
    if not n_rows(X):
        return None
    checker = checker_class(kind)()
    y = without_second_axis(y)
    X, y, weight, _ = check_data(checker, X, y, weight, part=True, finite=finite)
    weight = check_sample_weight(weight, X.shape[0])
    offset = None if given is None else read_offset(given, X.shape[0])
    names = getattr(checker, "feature_names_in_", None)
    if y.ndim == 2:
        soft = check_soft_labels(y, y.shape[1], X.dtype)
        return CheckedBlock(index, X, None, soft, weight, names, offset)
    return CheckedBlock(index, X, *encode_labels(y), weight, names, offset)


def without_second_axis(y: Any) -> Any:
    """Return y of shape (n, 1) as (n,): scikit-learn would warn of every block."""
    if sp.issparse(y) or getattr(y, "shape", ())[1:] != (1,):
        return y
    return y.iloc[:, 0] if hasattr(y, "iloc") else np.asanyarray(y).reshape(-1)


def check_rows(**columns: Any) -> None:
    """Check that all columns that are not None have the rows of the first."""
    (first, rows), *others = columns.items()
    if rows is None:
        raise ValueError(f"{first} must be rows, got None.")
    for name, values in others:
        if values is None or isinstance(values, Real):  # one weight for all rows
            continue
        if n_rows(values) != n_rows(rows):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{name} must have {n_rows(rows)} rows as {first} has, "
                f"got {n_rows(values)}."
            )


@contextmanager
def prefix_errors(noun: str, index: int) -> Iterator[None]:
    """Let errors say which block they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{noun} {index}: {error}") from error
    except OSError as error:
        raise OSError(f"{noun} {index}: {error}") from error


def summary(block: CheckedBlock) -> Summary:
    weight, (n, d) = block.sample_weight, block.X.shape
    exponent = 0
    if weight is not None and weight.max(initial=0.0) > LARGE:
        exponent = LARGE_EXPONENT
        weight = np.ldexp(weight, -exponent)
    place, order = np.arange(1.0, n + 1), 0
    if block.labels is None:
        ones = np.ones(n) if weight is None else weight
        mass, places = ones @ block.codes, (place * ones) @ block.codes
    else:
        mass = np.bincount(block.codes, weight, len(block.labels))
        places = np.zeros(1) if weight is None else place @ weight[:, np.newaxis]
        few = len(block.labels) <= 1 << 8
        order = crc32(block.codes.astype(np.uint8) if few else block.codes)
    return Summary(
        block.index,
        n,
        d,
        block.names,
        block.X.dtype,
        sp.issparse(block.X),
        block.labels,
        mass.astype(np.float64),
        exponent,
        order,
        places.astype(np.float64),
        None if block.offset is None else block.offset.n_columns,
    )


def summaries(blocks: Iterable[CheckedBlock]) -> list[Summary]:
    return list(map(summary, blocks))


def check_offsets(found: Sequence[Summary], classes: NDArray[Any], noun: str) -> None:
    """Check that all blocks have an offset for these classes, or none has."""
    head = found[0]
    for block in found:
        if (block.offset_columns is None) != (head.offset_columns is None):
            kind = "none" if block.offset_columns is None else "one"
            raise ValueError(
                f"offset must be given in every {noun} or in none, "
                f"got {kind} in {noun} {block.index} unlike in {noun} {head.index}."
            )
        if block.offset_columns is not None:
            with prefix_errors(noun, block.index):
                check_n_columns(block.offset_columns, classes)


def blocks_of(source: RowBlocks) -> Iterable[Any]:
    """Return the blocks that a source yields."""
    given: Any = source.row_blocks
    blocks = given() if callable(given) else given
    if not callable(given) or not hasattr(blocks, "__iter__"):
        raise ValueError(
            f"row_blocks must be a method that yields blocks (X, y), got {blocks!r}."
        )
    return cast(Iterable[Any], blocks)


class BlockReader:
    """Blocks, read again for every pass."""

    def __init__(self, source: RowBlocks, kind: str, finite: bool = True) -> None:
        self.source, self.kind, self.finite = source, kind, finite

    def __iter__(self) -> Iterator[CheckedBlock]:
        for index, data in self._given():
            with prefix_errors("block", index):
                block = check_block(index, data, self.kind, self.finite)
            if block is not None:
                yield block

    def _given(self) -> Iterator[tuple[int, Any]]:
        """Yield what the source yields with its number, which its errors get, too."""
        index = 0
        try:
            with prefix_errors("block", index):
                blocks = enumerate(blocks_of(self.source))
            while True:
                with prefix_errors("block", index):
                    index, data = next(blocks)
                yield index, data
                index += 1
        except StopIteration:
            return
        except Exception as error:
            error.add_note(f"row_blocks raised this for block {index}.")
            raise
