"""Metrics over dask's blocks: sums on the workers, the last step where they are called.

The functions of a block are those of `skxent.metrics` for rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from inspect import cleandoc, signature
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.dask._collections import by_name, is_frame
from skxent.dask._each_block import each_block, each_row
from skxent.inputs.blocks import n_rows
from skxent.inputs.columns import by_class, by_code, named_classes
from skxent.inputs.labels import (
    as_array,
    check_classes,
    encode_labels,
    is_soft,
    mask_ignored,
)
from skxent.inputs.weights import (
    balanced_class_weight,
    check_sample_weight,
    common_exponent,
    moderate,
    scale_exponent,
)
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_option
from skxent.metrics._options import Options
from skxent.metrics._rows import OfBlock, ScoredRows, Value

Metric = Callable[..., Any]


@dataclass(frozen=True)
class DaskRows(ScoredRows):
    """Rows in dask arrays, data frames or lists of delayed blocks.

    With `by_label` the labels of all blocks are collected first, unless they are given.
    With `keeps_float32` each value of rows in float32 is in float32.
    """

    by_label: bool = True
    keeps_float32: bool = True

    def sum(self, function: OfBlock[Value], options: Options) -> Value:
        """Compute the sum of ``function(block, options)`` over the blocks of rows."""
        arguments = function, self._known(options)
        sums = each_block(sums_of_block, arguments, **self._columns()).sum()
        if sums is None:
            raise no_rows(options)
        return sums

    def each(self, function: OfBlock[Floats], options: Options) -> Any:
        """Return a dask array of ``function(block, options)``, one number a row."""
        y_proba = self.y_proba
        dtypes: Any = getattr(y_proba, "dtypes", getattr(y_proba, "dtype", None))
        single = self.keeps_float32 and all(d == np.float32 for d in np.ravel(dtypes))
        dtype = np.dtype(np.float32 if single else np.float64)
        arguments = function, self._known(options), dtype
        return each_row(values_of_block, arguments, (), dtype, **self._columns())

    def _columns(self) -> dict[str, Any]:
        weights = {"sample_weight": self.sample_weight}
        return {"y_proba": self.y_proba, "y_true": self.y_true, **weights}

    def _known(self, options: Options) -> Any:
        """Return options that hold for every block, delayed if all must be read."""
        if not self.by_label:
            return options
        if isinstance(options.class_weight, str):
            check_option("class_weight", options.class_weight, ("balanced",))
        elif options.labels is not None:
            check_classes("labels", options.labels)
            return options
        columns = {"y_true": self.y_true, "sample_weight": self.sample_weight}
        return each_block(label_mass, (options,), **columns).apply_to_all(
            known, options
        )


def over_blocks(
    metric: Metric,
    *,
    keeps_float32: bool = True,
    only: dict[str, tuple[str, ...]] | None = None,
) -> Metric:
    """Return a metric of rows in memory as one of dask's rows.

    only : the values of options that blocks can do, where these are not all
    """
    called = signature(metric)

    @wraps(metric)
    def of_blocks(*args: Any, **keywords: Any) -> Any:
        given = called.bind(*args, **keywords).arguments
        for name, allowed in (only or {}).items():
            check_option(name, given.get(name, allowed[0]), allowed)
        y_true, y_proba = given.get("y_true"), given["y_proba"]
        labels = given.get("labels")
        if labels is None and is_frame(y_true):
            labels = named_classes(y_true, y_proba)
        rows = DaskRows(
            by_name(y_true, labels, "y_true"),
            by_name(y_proba, labels, "y_proba"),
            given.pop("sample_weight", None),
            by_label="labels" in called.parameters,
            keeps_float32=keeps_float32,
        )
        return metric(**{**given, "y_proba": rows})

    text = cleandoc(metric.__doc__ or "").partition("Examples\n---")[0].rstrip()
    summary, _, text = text.partition("\n\n")
    asked = [name for name, p in called.parameters.items() if p.default is p.empty]
    rows = ", ".join('"focal"' if name == "loss" else name for name in asked)
    example = EXAMPLE.format(name=metric.__name__, rows=rows)
    of_blocks.__module__ = "skxent.dask.metrics"
    of_blocks.__doc__ = f"{summary}\n\n{OF_BLOCKS}\n{text}\n\n{example}"
    return of_blocks


OF_BLOCKS = """\
For rows of dask: y_true, y_proba and sample_weight are dask arrays, data frames or
lists of delayed blocks. With ``reduction="none"`` the result is a dask array. All
else is as in :mod:`skxent.metrics`.
"""
EXAMPLE = """\
Examples
--------
>>> import numpy as np
>>> from dask.array import from_array
>>> from skxent import dask, metrics
>>> y_true = np.array([[1, 0], [0, 1], [0, 1]])
>>> y_proba = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
>>> here = metrics.{name}({rows})
>>> y_true, y_proba = from_array(y_true, chunks=2), from_array(y_proba, chunks=2)
>>> bool(np.isclose(dask.metrics.{name}({rows}), here))
True
"""


def block_of(columns: dict[str, Any], options: Options) -> ScoredRows | None:
    """Return the rows of a block; None if all of them are to be ignored."""
    y_true, y_proba = columns.get("y_true"), columns["y_proba"]
    ignored = options.ignore_index
    if not n_rows(y_proba):
        return None
    if ignored is not None and not mask_ignored(y_true, ignored, "y_true")[1].any():
        return None
    return ScoredRows(y_true, y_proba, columns.get("sample_weight"))


def sums_of_block(
    index: int, columns: dict[str, Any], function: OfBlock[Any], options: Options
) -> Any:
    """Return the sums over the rows of a block; None if it has none."""
    rows = block_of(columns, options)
    return None if rows is None else function(rows, options)


def values_of_block(
    index: int,
    columns: dict[str, Any],
    function: OfBlock[Floats],
    options: Options,
    dtype: Any,
) -> Floats:
    """Return a number for every row of a block."""
    rows = block_of(columns, options)
    if rows is None:
        return np.zeros(n_rows(columns["y_proba"]), dtype)
    return function(rows, options).astype(dtype, copy=False)


def no_rows(options: Options) -> ValueError:
    """Return the error for data without a row that counts."""
    if options.ignore_index is None:
        return ValueError("y_proba must have at least one row, got none.")
    return ValueError(
        "y_true must have labels other than ignore_index, got only "
        f"{options.ignore_index}."
    )


class LabelMass(NamedTuple):
    """The labels of a block and the weight of each, over 2**exponent.

    Of soft labels, None and the weight of each column.
    """

    labels: NDArray[Any] | None
    weight: Floats
    exponent: int


def label_mass(
    index: int, columns: dict[str, Any], options: Options
) -> LabelMass | None:
    """Return the labels of a block; None if it has none."""
    y, n = columns["y_true"], n_rows(columns["y_true"])
    if not n:
        return None
    given = check_sample_weight(columns.get("sample_weight"), n)
    weights = np.ones(n) if given is None else given
    exponent, weights = scale_exponent(weights), moderate(weights)
    if is_soft(y):
        y = by_code(y) if options.labels is None else by_class(y, options.labels)
        return LabelMass(None, weights @ np.asarray(y), exponent)
    y = as_array(y).ravel()
    if options.ignore_index is not None:
        kept = mask_ignored(y, options.ignore_index, "y_true")[1]
        weights, y = weights[kept], y[kept]
    if not len(y):
        return None
    labels, codes = encode_labels(y, name="y_true")
    mass = np.bincount(codes, weights, len(labels)).astype(np.float64, copy=False)
    return LabelMass(labels, mass, exponent)


def known(blocks: Iterable[LabelMass | None], options: Options) -> Options:
    """Return options with the labels of all blocks and their balanced weights."""
    found = [block for block in blocks if block is not None]
    if not found:
        raise no_rows(options)
    exponent = common_exponent(found)
    masses = [np.ldexp(block.weight, block.exponent - exponent) for block in found]
    if found[0].labels is None:
        mass = np.sum(masses, axis=0)
        balanced: Any = balanced_class_weight(np.arange(len(mass)), len(mass), mass)
    else:
        labels = [b.labels.tolist() for b in found if b.labels is not None]
        given = None if options.labels is None else np.asarray(options.labels)
        classes, codes = encode_labels([*chain(*labels)], given, "y_true")
        weights = balanced_class_weight(codes, len(classes), np.concatenate(masses))
        # An ignored label among those given may have no column: weights go by label.
        balanced = dict(zip(classes.tolist(), weights.tolist(), strict=True))
        options = replace(options, labels=classes)
    if isinstance(options.class_weight, str):
        options = replace(options, class_weight=balanced)
    return options
