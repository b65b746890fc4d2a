"""The plan of a fit on blocks, and the parts of the rows that it makes of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.inputs.blocks import RowBlocks
from skxent.inputs.labels import encode_labels
from skxent.kernels.arrays import Floats
from skxent.linear_model._blocks import (
    BlockReader,
    CheckedBlock,
    Summary,
    check_offsets,
    summaries,
    summary,
)
from skxent.linear_model._data import LinearData
from skxent.linear_model._training import EncodedTarget, encode_target, row_settings
from skxent.optimize.rows import table_rows
from skxent.optimize.rows.blocks import BlockRows, RowsPart, block_rows
from skxent.optimize.rows.stores import BlockStore, LocalBlocks

# Blocks are merged up to this number of bytes of rows, so that the fixed cost of a pass
# over a part is small compared with reading its rows.
MAX_MERGED_BYTES = 1 << 24


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """The settings by which each block becomes a part of the rows."""

    encoded: EncodedTarget  # of all rows together, one row a class
    dtype: Any
    found: dict[int, Summary]  # of each block with rows
    first: dict[int, int]  # the place of each block's first row among all
    weighted_blocks: frozenset[int]  # blocks with a positive weight
    exponent: int  # weights are in units of 2**exponent, so that their sum is finite
    settings: dict[str, Any]
    noun: str  # what the blocks are called in errors

    @property
    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes that do not depend on the solution."""
        block = next(iter(self.found.values()))
        names = {} if block.names is None else {"feature_names_in_": block.names}
        return self.encoded.attributes | names | {"n_features_in_": block.n_features}

    @property
    def n_samples(self) -> int:
        return sum(block.n_samples for block in self.found.values())

    @property
    def centred(self) -> bool:
        """Return True if columns may be centred, because no block is sparse."""
        return not any(block.sparse for block in self.found.values())

    def check_same(self, block: CheckedBlock) -> None:
        """Check that a block has not changed since the plan was made.

        The kernels read it by the shapes and the classes of the plan.
        """
        before = self.found.get(block.index)
        if before is None:
            raise ValueError(self.changed(f"another with number {block.index}"))
        change = summary(block).change_since(before)
        if change is not None:
            raise ValueError(self.changed(f"{change} in {self.noun} {block.index}"))

    def changed(self, what: str) -> str:
        source = "row_blocks" if self.noun == "block" else "the tasks of X and y"
        return (
            f"{source} must yield the same {len(self.found)} {self.noun}s every time, "
            f"got {what}."
        )


def part_of(blocks: Sequence[CheckedBlock], plan: Plan) -> RowsPart:
    """Merge some blocks into a part of the rows."""
    X: Any = concatenate([block.X.astype(plan.dtype, copy=False) for block in blocks])
    codes: NDArray[np.intp] | None = None
    soft: Floats | None = None
    if blocks[0].labels is None:
        soft = concatenate([b.codes.astype(plan.dtype, copy=False) for b in blocks])
    else:
        codes = concatenate([codes_of(b, plan.encoded.classes) for b in blocks])
    weight = None
    if plan.exponent or any(block.sample_weight is not None for block in blocks):
        weight = concatenate([block.weights() for block in blocks])
        weight = np.ldexp(weight, -plan.exponent) if plan.exponent else weight
    target = plan.encoded.target
    target = replace(target, codes=codes, soft=soft, sample_weight=weight)
    zero = np.zeros(X.shape[1], dtype=X.dtype)  # the origin is that of all rows
    offset = None
    if blocks[0].offset is not None:
        offset = concatenate([offset_of(b, plan) for b in blocks])
    rows = table_rows(X, target, origin=zero, offset=offset, **plan.settings)
    runs = [(plan.first[block.index], block.X.shape[0]) for block in blocks]
    return RowsPart(rows, tuple(runs))


def offset_of(block: CheckedBlock, plan: Plan) -> Floats:
    assert block.offset is not None
    return block.offset.arranged(plan.encoded.classes, plan.dtype)


def codes_of(block: CheckedBlock, classes: NDArray[Any]) -> NDArray[np.intp]:
    assert block.labels is not None
    _, place = encode_labels(block.labels, classes)
    return place[block.codes]


def concatenate(rows: Sequence[Any]) -> Any:
    if len(rows) == 1:
        return rows[0]
    if any(map(sp.issparse, rows)):
        return sp.vstack(rows, format="csr")
    return np.concatenate(rows)


def runs_of_small(blocks: Iterable[CheckedBlock]) -> Iterator[list[CheckedBlock]]:
    """Yield runs of small blocks that may be merged, and each large block alone.

    A pass over a part has a fixed cost of tens of microseconds.
    """
    run: list[CheckedBlock] = []
    size = 0
    for block in blocks:
        more = sys.getsizeof(block)
        alike = not run or sp.issparse(block.X) == sp.issparse(run[0].X)
        if run and (size + more > MAX_MERGED_BYTES or not alike):
            yield run
            run, size = [], 0
        run.append(block)
        size += more
    if run:
        yield run


def parts_of(blocks: Iterable[CheckedBlock], plan: Plan) -> list[RowsPart]:
    """Return the parts that are made of the blocks with a positive weight."""
    kept = []
    for block in blocks:
        plan.check_same(block)
        if block.index in plan.weighted_blocks:
            kept.append(block)
    return [part_of(run, plan) for run in runs_of_small(kept)]


class PartReader:
    """The parts of the rows, made of blocks that are read again."""

    def __init__(self, source: RowBlocks, kind: str, plan: Plan) -> None:
        self.blocks, self.plan = BlockReader(source, kind, finite=False), plan

    def __iter__(self) -> Iterator[RowsPart]:
        seen = 0
        for block in self.blocks:
            self.plan.check_same(block)
            seen += 1
            if block.index in self.plan.weighted_blocks:
                yield part_of([block], self.plan)
        if seen != len(self.plan.found):
            raise ValueError(self.plan.changed(f"another after {seen}"))


def read_rows(estimator: Any, source: RowBlocks) -> tuple[BlockRows, Plan]:
    """Return the rows of blocks that are read anew for every pass, and their plan."""
    kind = type(estimator).__name__
    checked = BlockReader(source, kind)
    plan = make_plan(estimator, summaries(checked), "block")
    parts = PartReader(source, kind, plan)
    return rows_of_plan(LocalBlocks(parts, lambda: summaries(checked)), plan), plan


def rows_of_plan(parts: BlockStore, plan: Plan) -> BlockRows:
    """Return the rows whose parts are in a store."""
    return block_rows(
        parts,
        plan.encoded.target,
        n_samples=plan.n_samples,
        n_features=next(iter(plan.found.values())).n_features,
        dtype=plan.dtype,
        fit_intercept=plan.settings["fit_intercept"],
        centred=plan.centred,
        has_offset=next(iter(plan.found.values())).offset_columns is not None,
    )


def make_plan(model: Any, found: Sequence[Summary], noun: str) -> Plan:
    """Merge the block summaries into a plan of the fit of a model.

    A block that differs in a property that all must share is an error.
    """
    if not found:
        raise ValueError(f"X must have a {noun} with rows, got none.")
    found = sorted(found, key=lambda block: block.index)
    head = found[0]
    for block in found:
        at = f"{noun} {block.index}"
        if block.n_features != head.n_features:
            raise ValueError(
                f"X must have {head.n_features} columns in every {noun}, "
                f"as in {noun} {head.index}, got {block.n_features} in {at}."
            )
        if block.column_names != head.column_names:
            raise ValueError(
                f"X must have the same column names in every {noun}, "
                f"as in {noun} {head.index}, got {block.column_names} in {at}."
            )
        if (block.labels is None) != (head.labels is None):
            kind = "soft labels" if block.labels is None else "labels"
            raise ValueError(
                f"y must be soft labels in every {noun} or in none, "
                f"got {kind} in {at} and not in {noun} {head.index}."
            )
        if block.labels is None and len(block.mass) != len(head.mass):
            raise ValueError(
                f"y must have {len(head.mass)} columns in every {noun}, "
                f"got {len(block.mass)} in {at}."
            )
    exponent = max(block.exponent for block in found)
    classes, masses = merged(found, exponent, noun)
    check_offsets(found, classes, noun)
    dtype = np.result_type(*(block.dtype for block in found))
    one_each = np.empty((len(classes), head.n_features), dtype=dtype)
    mass = masses.sum(axis=0)
    encoded = encode_target(model, LinearData(one_each, classes, mass), classes)
    target = encoded.target
    # Large weights of classes may have made it smaller by a power of two.
    assert target.sample_weight is not None
    exponent += int(np.frexp(mass.max() / target.sample_weight.max())[1]) - 1
    places = np.cumsum([0, *(block.n_samples for block in found)]).tolist()
    has_weight = masses @ target.class_weight > 0
    return Plan(
        encoded,
        dtype,
        {block.index: block for block in found},
        {block.index: first for block, first in zip(found, places, strict=False)},
        frozenset(found[i].index for i in np.flatnonzero(has_weight)),
        exponent,
        row_settings(model),
        noun,
    )


def merged(
    found: Sequence[Summary], exponent: int, noun: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return all classes, and the weight of each in every block: (blocks, K).

    Weights are in units of 2**exponent.
    """
    each = [np.ldexp(block.mass, block.exponent - exponent) for block in found]
    if found[0].labels is None:
        masses = np.array(each)
        return np.arange(masses.shape[1]), masses
    kinds: dict[bool, int] = {}
    for block in found:
        assert block.labels is not None
        is_text = isinstance(block.labels.tolist()[0], str)
        kinds.setdefault(is_text, block.index)
    if len(kinds) > 1:
        raise ValueError(
            f"y must be strings in every {noun} or in none, "
            f"got strings in {noun} {kinds[True]} and not in {noun} {kinds[False]}."
        )
    classes = np.unique(np.concatenate([block.labels for block in found]))
    masses = np.zeros((len(found), len(classes)))
    for row, block, mass in zip(masses, found, each, strict=True):
        row[encode_labels(block.labels, classes)[1]] = mass
    return classes, masses
