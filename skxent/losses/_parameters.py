"""Parameters of losses: numbers in their domains, or one for each class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, field
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.weights import by_label, in_class_order
from skxent.kernels.checks import Interval

FINITE = Interval(-np.inf, np.inf, "neither")
# Parameters between these neither overflow nor vanish in float32, nor do the products
# and squares of them that the formulas need.
SMALLEST, LARGEST = 1e-6, 1e6


def parameter(
    default: Any = MISSING, domain: Interval = FINITE, *, by_class: bool = True
) -> Any:
    """Return a field of a loss, with the numbers that it may take.

    Parameters
    ----------
    default : float, default=MISSING
        Without one the parameter must be given.
    domain : Interval, default=all finite numbers
        Numbers outside it are an error that names the parameter.
    by_class : bool, default=True
        Whether an array or a dict gives a number for each class. If not, a field that
        is annotated as float or int takes a number alone, and an array in another one
        is kept as it is, as a tuple.

    Returns
    -------
    dataclasses.Field
        The field, for the class body of a :class:`Loss`.

    See Also
    --------
    Interval : The domain of a parameter.
    Loss : The base class, whose fields are parameters.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from skxent.losses import Interval, Loss, parameter
    >>> @dataclass(frozen=True)
    ... class Power(Loss):
    ...     power: float = parameter(1.0, Interval(0.5, 2.0, "both"))
    ...     def phi(self, p, q, L):
    ...         return q**self.power
    >>> Power(power=3.0)
    Traceback (most recent call last):
        ...
    ValueError: power must be a number in [0.5, 2], got 3.0.
    """
    return field(default=default, metadata={"domain": domain, "by_class": by_class})


class ByLabel(Mapping[Any, float]):
    """A number for each class label: a dict that can be a key."""

    def __init__(self, numbers: Mapping[Any, float]) -> None:
        self._numbers = {label: float(number) for label, number in numbers.items()}

    def __getitem__(self, label: Any) -> float:
        return self._numbers[label]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __hash__(self) -> int:
        return hash(frozenset(self._numbers.items()))

    def __repr__(self) -> str:
        return repr(self._numbers)


# The types of a parameter that depends on the class.
OfClasses: TypeAlias = tuple[float, ...] | ByLabel


def is_of_classes(value: Any) -> bool:
    """Return True for a number for each class."""
    return isinstance(value, tuple | ByLabel)


def checked_parameter(name: str, value: Any, domain: Interval | None = None) -> Any:
    """Return a parameter as it is kept: arrays become tuples, dicts hashable."""
    given, domain = domain, domain or FINITE
    value = by_label(value, name)
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(f"{name} must have a number for each class, got none.")
        for label, number in value.items():
            domain.check(f"{name}[{label!r}]", number)
        return value if isinstance(value, ByLabel) else ByLabel(value)
    if isinstance(value, np.ndarray) or hasattr(value, "to_numpy"):
        value = np.asarray(value).tolist()
    is_list = isinstance(value, list | tuple) and len(value) > 0
    if is_list and all(isinstance(x, Real) for x in value):
        for number in value:
            domain.check(name, number)
        return tuple(map(float, value))
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if given or is_number:
        domain.check(name, value)
    return value


def resolved(
    name: str, value: OfClasses, classes: Sequence[Any] | NDArray[Any]
) -> tuple[float, ...]:
    """Return the numbers of a parameter in the order of the classes."""
    if isinstance(value, ByLabel):
        return tuple(in_class_order(name, value, classes))
    if len(value) != len(classes):
        raise ValueError(
            f"{name} must be a number or of shape ({len(classes)},), one for each "
            f"class, got {len(value)} numbers. A dict of label to number also does "
            "where some classes are absent."
        )
    return value


def common_labels(found: Sequence[ByLabel]) -> list[Any]:
    """Return the labels that all of several dicts have."""
    labels = [label for label in found[0] if all(label in other for other in found)]
    if not labels:
        raise ValueError(
            "parameters by label must have labels in common, got "
            f"{', '.join(map(repr, found))}."
        )
    return labels
