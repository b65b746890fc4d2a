"""From blocks as a user has them to the objective of their sum.

Every block is checked where it is and tells a `Summary`; what these say together is
the `Plan`, by which each block becomes its part of the objective.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skxent._encoding import encode_labels
from skxent._weights import check_sample_weight
from skxent.blocks import RowBlocks
from skxent.linear_model._input import check_data
from skxent.linear_model._predictor import LinearPredictor
from skxent.objectives.blocks import BlockObjective, Here, Part, Store
from skxent.objectives.linear import LinearObjective
from skxent.targets import Floats, Target, check_soft_labels


class Checker(LinearPredictor, BaseEstimator):
    """Takes what the estimators take; its attributes tell the width and the names."""


@dataclass
class Block:
    """Checked rows: codes are places in the labels that this block has."""

    index: int
    X: Any
    labels: NDArray[Any] | None  # None: soft labels
    codes: Any
    sample_weight: NDArray[np.float64] | None
    names: NDArray[Any] | None

    def __sizeof__(self) -> int:
        """Bytes of its rows: schedulers move what is small."""
        X = self.X.data if sp.issparse(self.X) else self.X
        return int(X.nbytes + self.codes.nbytes)


@dataclass(frozen=True)
class Summary:
    """What must be known of a block before it can be used."""

    index: int
    n_samples: int
    n_features: int
    names: NDArray[Any] | None
    dtype: Any
    sparse: bool
    labels: NDArray[Any] | None
    mass: NDArray[np.float64]  # of each label, or of each column of soft labels


@dataclass(frozen=True)
class Plan:
    """How a block becomes a part of the objective."""

    classes: NDArray[Any]
    target: Target  # of all rows together, one row a class
    dtype: Any
    first: dict[int, int]  # the place of each block's first row among all
    n_samples: dict[int, int]
    weighty: frozenset[int]  # blocks with a positive weight
    centred: bool  # no block is sparse
    settings: dict[str, Any]


def checked(index: int, data: Any, noun: str, finite: bool = True) -> Block | None:
    """A block (X, y[, sample_weight]) as checked; None if it has no rows.

    Raises
    ------
    ValueError
        What `fit` would say of it, and which block it is.
    """
    with naming(noun, index):
        if len(data) not in (2, 3):
            raise ValueError(
                f"it must be (X, y) or (X, y, sample_weight), got {len(data)} values."
            )
        X, y, weight = (*data, None)[:3]
        if not len(y):
            return None
        checker = Checker()
        X, y, weight = check_data(checker, X, y, weight, part=True, finite=finite)
        weight = check_sample_weight(weight, X.shape[0])
        names = getattr(checker, "feature_names_in_", None)
        if y.ndim == 2:
            soft = check_soft_labels(y, y.shape[1], X.dtype)
            return Block(index, X, None, soft, weight, names)
        return Block(index, X, *encode_labels(y), weight, names)


@contextmanager
def naming(noun: str, index: int) -> Iterator[None]:
    """Errors say which block they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{noun} {index}: {error}") from error


def summary(block: Block) -> Summary:
    weight, (n, d) = block.sample_weight, block.X.shape
    if block.labels is None:
        mass = (np.ones(n) if weight is None else weight) @ block.codes
    else:
        mass = np.bincount(block.codes, weight, len(block.labels))
    return Summary(
        block.index,
        n,
        d,
        block.names,
        block.X.dtype,
        sp.issparse(block.X),
        block.labels,
        mass.astype(np.float64),
    )


def summaries(blocks: Iterable[Block]) -> list[Summary]:
    return list(map(summary, blocks))


def part_of(block: Block, plan: Plan) -> Part:
    X: Any = block.X.astype(plan.dtype, copy=False)
    codes: NDArray[np.intp] | None = None
    soft: Floats | None = None
    if block.labels is None:
        soft = block.codes.astype(plan.dtype, copy=False)
    else:
        _, place = encode_labels(block.labels, plan.classes)
        codes = place[block.codes]
    weight = block.sample_weight
    target = replace(plan.target, codes=codes, soft=soft, sample_weight=weight)
    zero = np.zeros(X.shape[1], dtype=X.dtype)  # the origin is that of all rows
    objective = LinearObjective(X, target, C=np.inf, origin=zero, **plan.settings)
    return Part(objective, plan.first[block.index])


def parts_of(blocks: Iterable[Block], plan: Plan) -> list[Part]:
    return [part_of(block, plan) for block in blocks if block.index in plan.weighty]


class Reading:
    """Blocks, read again for every pass."""

    def __init__(self, source: RowBlocks, finite: bool = True) -> None:
        self.source, self.finite = source, finite

    def __iter__(self) -> Iterator[Block]:
        for index, data in enumerate(self.source.row_blocks()):
            block = checked(index, data, "block", self.finite)
            if block is not None:
                yield block


class ReadingParts:
    """The parts of the objective, made of blocks that are read again."""

    def __init__(self, source: RowBlocks, plan: Plan) -> None:
        self.blocks, self.plan = Reading(source, finite=False), plan

    def __iter__(self) -> Iterator[Part]:
        rows, seen = self.plan.n_samples, 0
        for block in self.blocks:
            if rows.get(block.index) != block.X.shape[0]:
                break
            seen += 1
            if block.index in self.plan.weighty:
                yield part_of(block, self.plan)
        if seen != len(rows):
            raise ValueError(
                f"row_blocks must yield the same {len(rows)} blocks every time, "
                f"got another after {seen}."
            )


def read_objective(estimator: Any, source: RowBlocks) -> BlockObjective:
    """The objective of blocks that are read anew for every pass."""
    plan = make_plan(estimator, summaries(Reading(source)), "block")
    return block_objective(estimator, Here(ReadingParts(source, plan)), plan)


def block_objective(estimator: Any, parts: Store, plan: Plan) -> BlockObjective:
    settings = estimator._settings()
    del settings["n_threads"]
    return BlockObjective(
        parts,
        plan.target,
        n_samples=sum(plan.n_samples.values()),
        n_features=estimator.n_features_in_,
        dtype=plan.dtype,
        centred=plan.centred,
        **settings,
    )


def make_plan(estimator: Any, found: Sequence[Summary], noun: str) -> Plan:
    """What the blocks say together; sets the estimator's classes and columns.

    Raises
    ------
    ValueError
        If blocks differ in what they must have in common, with the one that does.
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
        if column_names(block) != column_names(head):
            raise ValueError(
                f"X must have the same column names in every {noun}, "
                f"as in {noun} {head.index}, got {column_names(block)} in {at}."
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
    classes, masses = merged(found, noun)
    dtype = np.result_type(*(block.dtype for block in found))
    estimator.n_features_in_ = head.n_features
    estimator.__dict__.pop("feature_names_in_", None)
    if head.names is not None:
        estimator.feature_names_in_ = head.names
    one_each = np.empty((len(classes), head.n_features), dtype=dtype)
    target = estimator._target(one_each, classes, masses.sum(axis=0), classes)
    places = np.cumsum([0, *(block.n_samples for block in found)]).tolist()
    settings = estimator._settings()
    del settings["C"]
    weighty = masses @ target.class_weight > 0
    return Plan(
        classes,
        target,
        dtype,
        {block.index: first for block, first in zip(found, places, strict=False)},
        {block.index: block.n_samples for block in found},
        frozenset(found[i].index for i in np.flatnonzero(weighty)),
        not any(block.sparse for block in found),
        settings,
    )


def column_names(block: Summary) -> list[str] | None:
    return None if block.names is None else block.names.tolist()


def merged(
    found: Sequence[Summary], noun: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """All classes, and the weight of each in every block: (blocks, K)."""
    if found[0].labels is None:
        masses = np.array([block.mass for block in found])
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
    for row, block in zip(masses, found, strict=True):
        row[encode_labels(block.labels, classes)[1]] = block.mass
    return classes, masses
