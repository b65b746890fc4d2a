"""The checked arguments of a library's classifier, in one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from skxent.base.estimator import TrainingData
from skxent.boosting._objective import BoosterMetric
from skxent.kernels.arrays import Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """The parameters, objective and data of a library's classifier.

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


def check_parameters(
    given: Mapping[str, Any],
    refused: Mapping[str, tuple[tuple[Any, ...], str]],
    objective_names: tuple[str, ...],
    built_in: tuple[str, ...],
    owner: str,
) -> dict[str, Any]:
    """Return the parameters of a library's classifier, without those of its objective.

    A value that would have no effect with the loss of `owner` is an error.
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


def check_counts(
    parameters: dict[str, Any], names: tuple[str, ...], n_classes: int
) -> None:
    """Take the number of classes out of the parameters, and raise if it is another."""
    allowed = (None, 1, 2) if n_classes == 2 else (None, n_classes)
    for name in names:
        value = parameters.pop(name, None)
        if value not in allowed:
            raise ValueError(
                f"{name} of estimator must be None or {n_classes}, the number of "
                f"classes in y, got {value!r}."
            )


def either(options: dict[str, Any], other: str, name: str, given: Any) -> Any:
    """Return an argument that a library calls `other`, and take that from `options`."""
    found = options.pop(other, None)
    if found is not None and given is not None:
        raise ValueError(f"{other} must be None where {name} is given.")
    return given if found is None else found


def previous_model(init_model: Any, estimator: Any) -> Any:
    """Return the library's classifier in a model whose trees `estimator` continues."""
    if init_model is None or isinstance(init_model, str | bytearray | PathLike):
        return init_model
    name = estimator.objective_.made_for
    model = init_model
    if hasattr(model, "trained_loss_"):
        model = model.estimator_
    if not any(cls.__module__.partition(".")[0] == name for cls in type(model).__mro__):
        raise ValueError(
            f"init_model must be a fitted model of {name} or {type(estimator).__name__}"
            f", the path of one or None, got {init_model!r}."
        )
    if model is not init_model:
        found, expected = init_model.classes_.tolist(), estimator.classes_.tolist()
        if found != expected:
            raise ValueError(
                f"init_model must have the classes {expected} of y, got {found}."
            )
    n_columns = getattr(init_model, "n_features_in_", None)
    if n_columns not in (None, 0, estimator.n_features_in_):
        raise ValueError(
            f"init_model must have {estimator.n_features_in_} columns as X has, got "
            f"{n_columns}."
        )
    return model


def as_list(name: str, given: Any) -> list[Any]:
    """Return an argument that may be None as a list."""
    if given is None or isinstance(given, (list, tuple)):
        return list(given or ())
    raise ValueError(f"{name} must be a list or None, got {given!r}.")


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
