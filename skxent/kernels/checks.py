"""Checks of arguments, whose errors have one form.

`<argument> must be <allowed>, got <value>.`
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Interval:
    """Numbers that an argument may take.

    Parameters
    ----------
    low : float
        The lower end.
    high : float, default=inf
        The upper end.
    closed : {"left", "right", "both", "neither"}, default="left"
        Which ends are numbers of the interval.

    See Also
    --------
    skxent.losses.parameter : A parameter of a loss with such a domain.

    Examples
    --------
    >>> from skxent.losses import Interval
    >>> interval = Interval(0.0, 1.0)
    >>> 0.0 in interval, 1.0 in interval
    (True, False)
    """

    low: float
    high: float = math.inf
    closed: str = "left"

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, Real) or isinstance(value, bool):
            return False
        try:
            value = float(value)
        except OverflowError:
            return False
        if value == self.low:
            return self.closed in ("left", "both")
        if value == self.high:
            return self.closed in ("right", "both")
        return self.low < value < self.high

    def __str__(self) -> str:
        left = "[" if self.closed in ("left", "both") else "("
        right = "]" if self.closed in ("right", "both") else ")"
        return f"a number in {left}{self.low:g}, {self.high:g}{right}"

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError that names the argument unless the value is inside.

        Parameters
        ----------
        name : str
            The name of the argument.
        value : object
            What was given for it.

        Raises
        ------
        ValueError
            If the value is no number, or outside the interval.
        """
        if value not in self:
            raise ValueError(f"{name} must be {self}, got {value!r}.")


@dataclass(frozen=True)
class Integers(Interval):
    """Whole numbers from low to high, which may be floats: grids hold these."""

    closed: str = "both"

    def __contains__(self, value: object) -> bool:
        return super().__contains__(value) and value == int(cast(float, value))

    def __str__(self) -> str:
        return f"an integer in [{self.low:g}, {self.high:g}]"


FRACTION = Interval(0.0, 1.0)  # [0, 1): label smoothing
POSITIVE = Interval(0.0, closed="neither")


def check_option(name: str, value: Any, options: Iterable[str]) -> None:
    """Raise a ValueError unless the value is one of the options."""
    options = list(options)
    # An array would be compared entry by entry.
    if not isinstance(value, str) or value not in options:
        allowed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")


def check_bool(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is True or False.

    That may be numpy's, for parameter grids hold these.
    """
    if not isinstance(value, Integral | np.bool_) or value not in (True, False):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def check_is_data(name: str, values: Any) -> None:
    """Raise a ValueError if the values are a model, or have masked entries."""
    if hasattr(values, "get_params"):
        raise ValueError(
            f"{name} must be an array, got {type(values).__name__}. Pass what it "
            "predicts for the rows, as by predict_proba."
        )
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} must have no masked entries, got {np.sum(np.ma.getmask(values))}."
        )


def check_given(y: Any, method: str = "fit") -> None:
    """Raise a ValueError with scikit-learn's message if y is None."""
    if y is None:
        raise ValueError(f"{method} requires y to be passed, but the target y is None.")


def as_reals(name: str, values: Any, dtype: Any = np.float64) -> NDArray[Any]:
    """Return an aligned array of real numbers, which dates and complex ones are not."""
    check_is_data(name, values)
    if issparse(values):
        raise ValueError(f"{name} must be a dense array, got a sparse one.")
    given = np.asarray(values)
    if given.dtype.kind not in "fiubO":
        raise ValueError(f"{name} must be real numbers, got {given.dtype}.")
    try:
        with np.errstate(over="raise"):
            array = given.astype(dtype, copy=False)
    except (FloatingPointError, OverflowError, TypeError, ValueError) as error:
        reason = str(error).rstrip(".")
        raise ValueError(f"{name} must be real numbers: {reason}.") from error
    return as_itemsize_strided(array)


def as_itemsize_strided(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array, or a copy if the kernels would misread its strides."""
    return array if has_itemsize_strides(array) else array.copy()


def has_itemsize_strides(array: NDArray[Any]) -> bool:
    """Return True if all strides are multiples of the item size.

    The kernels count them in numbers, not in bytes.
    """
    return array.flags.aligned and not any(s % array.itemsize for s in array.strides)


# Modules whose frames a warning skips: scikit-learn calls scorers, and wraps fits.
INTERNAL_MODULES = ("skxent.", "sklearn.", "joblib.")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of user code that led to this call."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(
        INTERNAL_MODULES
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def ignore_overflow(function: Function) -> Function:
    """Silence numpy about infinities and NaN in a function that reports them itself.

    Before numpy 2 an errstate that decorates keeps what it restores in one place for
    all threads, and for a function that calls itself.
    """

    @wraps(function)
    def quiet(*args: Any, **keywords: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):
            return function(*args, **keywords)

    return cast(Function, quiet)


def check_count(name: str, value: Any, low: int = 1) -> None:
    """Raise a ValueError unless the value is an integer that is large enough."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < low:
        raise ValueError(f"{name} must be an integer >= {low}, got {value!r}.")


@contextmanager
def explain_missing(name: str, message: str) -> Iterator[None]:
    """Raise an ImportError with the message if this library, and no other, is missing.

    A module that is missing inside an installed library is a different fault.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(message, name=name) from error
