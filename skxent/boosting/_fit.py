"""What a library's classifier is given: checked, and in one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skxent.base.estimator import TrainingData
from skxent.boosting._objective import BoosterMetric
from skxent.kernels.arrays import Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """What a library's classifier is made and fitted with.

    `objective` is the name of the library's own if it has the loss, and `metric` is
    then None: the library's default metric is the loss. `start` is None if the trees of
    `init_model` are continued.
    """

    parameters: dict[str, Any]
    objective: Any
    train: TrainingData
    metric: BoosterMetric | None
    start: Any
    evaluation: list[TrainingData] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    init_model: Any = None
    callbacks: list[Any] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def starts(self, n: int) -> Floats | None:
        """Return the start value for each of n rows."""
        if self.start is None:
            return None
        return np.broadcast_to(self.start, (n, *np.shape(self.start))).copy()


def of_estimator(name: str, text: str) -> Any:
    """Return a property that is the attribute of that name of `estimator_`."""

    def get(self: Any) -> Any:
        check_is_fitted(self)
        return getattr(self.estimator_, name)

    return property(get, doc=text)


def check_parameters(
    given: Mapping[str, Any],
    refused: Mapping[str, tuple[tuple[Any, ...], str]],
    objective_names: tuple[str, ...],
    built_in: tuple[str, ...],
    owner: str,
) -> dict[str, Any]:
    """Return the parameters of a library's classifier, without those of its objective.

    Raises
    ------
    ValueError
        If one has a value that would have no effect with the loss of `owner`.
    """
    rest = dict(given)
    for name, (neutral, advice) in refused.items():
        value = rest.pop(name, None)
        if not any(value is a or (np.ndim(value) == 0 and value == a) for a in neutral):
            raise ValueError(
                f"{name} of estimator must be {neutral[0]!r}, got {value!r}. "
                f"{advice.format(cls=owner)}"
            )
    for name in objective_names:
        value = rest.pop(name, None)
        if value is not None and value not in built_in:
            raise ValueError(
                f"{name} of estimator must be None or one of "
                f"{', '.join(map(repr, built_in))}, which the loss of {owner} "
                f"replaces, got {value!r}."
            )
    return rest


def either(options: dict[str, Any], other: str, name: str, given: Any) -> Any:
    """Return an argument that a library calls `other`, and take that from `options`."""
    found = options.pop(other, None)
    if found is not None and given is not None:
        raise ValueError(f"{other} must be None where {name} is given.")
    return given if found is None else found


def check_options(
    options: Mapping[str, Any],
    fit: Callable[..., Any],
    refused: Mapping[str, str],
    owner: str,
) -> dict[str, Any]:
    """Return the arguments of `fit`, all of which the library's fit knows."""
    known = inspect.signature(fit).parameters
    for name in options:
        if name in refused:
            advice = refused[name].format(cls=owner)
            raise ValueError(f"{name} must not be given to fit. {advice}")
        if name not in known:
            raise TypeError(
                f"{owner}.fit() got an unexpected keyword argument {name!r}"
            )
    return dict(options)
