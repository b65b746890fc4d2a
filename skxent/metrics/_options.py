"""The keywords that metrics share: types, defaults, checks and documentation.

Each stands here once. A metric takes them as ``**keywords`` and builds `Options` from
them; the decorator `takes` spells them out in its signature and in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, cleandoc, signature
from numbers import Real
from typing import Any, Literal, Required, TypedDict, TypeVar, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.descriptions import entries, fill, in_order
from skxent.kernels.checks import FRACTION, check_bool, check_option

Number = Literal["mean", "sum"]
EachRow = Literal["none"]
Reduction = Literal["mean", "sum", "none"]
REDUCTIONS = get_args(Reduction)

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Options:
    """The options of metrics: how input is read, and what is returned.

    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities, a column for each label; (n,): of the second label. The columns
        of a data frame go by name: their names must be the labels, or only count them.
        Values that rounding moved out of [0, 1] are moved back, then clipped from below
        at eps of the dtype. Rows that do not sum to one raise a warning and are divided
        by their sum.
    label_smoothing : float in [0, 1), default=0
        Each label becomes ``(1 - label_smoothing) * y + label_smoothing / K``.
    labels : array-like of shape (K,), default=None
        All labels, in the order of the columns of y_proba, for example `classes_` of an
        estimator. None: the labels of y_true, sorted.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows.
    class_weight : dict, Series, array-like of shape (K,) or "balanced", default=None
        Weights of the labels: the same as ``sample_weight=v[y]``. A dict or a Series
        maps labels to weights, and labels that it leaves out have weight 1. "balanced"
        gives every class the same total weight.
    from_logits : bool, default=False
        Whether y_proba holds logits; (n,): log-odds of the second label. Nothing is
        clipped.
    reduction : {"mean", "sum", "none"}, default="mean"
        "mean" divides by the sum of all weights, class weights included. "none" returns
        the weighted loss of every row.
    ignore_index : label, default=None
        Rows with this label, for example -100 or "unknown", have no weight. NaN: rows
        without a label. It is not a class, so y_proba needs no column for it.
    base : float, default=None
        Base of the logarithm. None: the result is in nats. 2: in bits.
    """

    label_smoothing: float = 0.0
    labels: ArrayLike | None = None
    sample_weight: ArrayLike | None = None
    class_weight: Any = None
    from_logits: bool = False
    reduction: Reduction = "mean"
    ignore_index: Any = None
    base: float | None = None

    def __post_init__(self) -> None:
        FRACTION.check("label_smoothing", self.label_smoothing)
        check_bool("from_logits", self.from_logits)
        check_option("reduction", self.reduction, REDUCTIONS)
        b = self.base
        if b is not None and not (isinstance(b, Real) and 1 < float(b) < np.inf):
            raise ValueError(
                f"base must be None or a finite number above 1, got {b!r}."
            )


# The keywords of metrics. A metric that takes `reduction` has two signatures: `EachX`
# returns a number for every row, and `X` one for all of them.


class TableKeywords(TypedDict, total=False):
    sample_weight: ArrayLike | None
    from_logits: bool


class NameKeywords(TableKeywords, total=False):
    labels: ArrayLike | None


class LabelKeywords(NameKeywords, total=False):
    class_weight: Any
    ignore_index: Any


class SkillKeywords(LabelKeywords, total=False):
    label_smoothing: float


class InNatsKeywords(TypedDict, total=False):
    base: float | None
    reduction: Number


class EachInNatsKeywords(TypedDict, total=False):
    base: float | None
    reduction: Required[EachRow]


class EntropyKeywords(TableKeywords, InNatsKeywords): ...


class EachEntropyKeywords(TableKeywords, EachInNatsKeywords): ...


class LabelLossKeywords(LabelKeywords, InNatsKeywords): ...


class EachLabelLossKeywords(LabelKeywords, EachInNatsKeywords): ...


class SmoothedLossKeywords(SkillKeywords, InNatsKeywords): ...


class EachSmoothedLossKeywords(SkillKeywords, EachInNatsKeywords): ...


class ColumnLossKeywords(EntropyKeywords, total=False):
    label_smoothing: float
    class_weight: Any


class EachColumnLossKeywords(EachEntropyKeywords, total=False):
    label_smoothing: float
    class_weight: Any


def takes(keywords: type, options: Any = Options) -> Callable[[Function], Function]:
    """Spell out the keywords of a TypedDict in place of a function's ``**keywords``.

    The signature and errors are those of a function that lists them, with the defaults
    of the dataclass `options`. In its docstring the lines ``{y_true}``, ``{y_proba}``
    and ``{results}`` are filled in, and ``{keywords}`` by the parameters that it does
    not describe, as `options` does.
    """

    def decorate(function: Function) -> Function:
        written = signature(function)
        *own, _ = written.parameters.values()
        places = {field.name: place for place, field in enumerate(fields(options))}
        added = [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in fields(options)
            if field.name in keywords.__annotations__.keys() - written.parameters.keys()
        ]
        parameters = sorted(
            [*own, *added], key=lambda p: (p.kind, places.get(p.name, -1))
        )
        names = frozenset(parameter.name for parameter in parameters)

        @wraps(function)
        def metric(*args: Any, **given: Any) -> Any:
            for name in given.keys() - names:
                raise TypeError(
                    f"{function.__name__}() got an unexpected keyword argument {name!r}"
                )
            return function(*args, **given)

        listed = [parameter.name for parameter in parameters]
        metric.__doc__ = _documented(function.__doc__, options, listed)
        vars(metric)["__signature__"] = written.replace(parameters=parameters)
        return cast(Function, metric)

    return decorate


def proper(is_proper: bool | None) -> Callable[[Function], Function]:
    """Say by an attribute `proper` whether a metric is a proper score by default.

    None: it is if its argument `loss` is. Class weights and label smoothing make any
    score improper.
    """

    def decorate(function: Function) -> Function:
        vars(function)["proper"] = is_proper
        return function

    return decorate


# The sections of a loss that `{results}` stands for.
RESULTS = """\
Returns
-------
float, or ndarray of shape (n,) for reduction="none"
    In nats, unless `base` is given.

Raises
------
ValueError
    If a value is NaN, probabilities are outside [0, 1] or all zero in a row, the number
    of columns is not that of the labels, a label is unknown, or an option is outside
    its domain."""


def _documented(text: str | None, options: Any, names: Iterable[str]) -> str | None:
    """Return a docstring filled in from those of `options`, or None without any."""
    if text is None or options.__doc__ is None:
        return text
    described = "\n".join(cleandoc(cls.__doc__ or "") for cls in options.__mro__)
    text, known = cleandoc(text), entries(described)
    added = [known[name] for name in names if name in known.keys() - entries(text)]
    filled = known | {"results": RESULTS, "keywords": "\n".join(added)}
    return in_order(fill(text, filled), names)
