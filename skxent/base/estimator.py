"""Mixins of estimators: fits that fail change nothing, pickles have a version.

The parameters of a loss have names such as ``loss__gamma``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from importlib.metadata import version
from types import FunctionType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import InconsistentVersionWarning

from skxent.kernels.checks import warn
from skxent.losses._shipped import Focal, as_loss


class TrainingData(NamedTuple):
    """Checked rows that an estimator is fitted to.

    X is of floats. y holds labels (n,), codes of them, or soft labels (n, K).
    """

    X: Any
    y: Any = None
    sample_weight: NDArray[np.float64] | None = None


@cache
def package_version() -> str:
    """Return the version of skxent that is installed."""
    return version("skxent")


class VersionedPickle:
    """An estimator that warns if it was pickled by another version.

    scikit-learn does this for its own estimators only.
    """

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the version that writes it."""
        estimator: Any = super()
        return {**estimator.__getstate__(), "_skxent_version": package_version()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a state, and warn if another version wrote it."""
        state = dict(state)
        written = state.pop("_skxent_version", "unknown")
        if written != package_version():
            message = InconsistentVersionWarning(
                estimator_name=type(self).__name__,
                current_sklearn_version=f"skxent {package_version()}",
                original_sklearn_version=f"skxent {written}",
            )
            warn(message, InconsistentVersionWarning)
        estimator: Any = super()
        estimator.__setstate__(state)


Method = TypeVar("Method", bound=Callable[..., Any])


@contextmanager
def restore_on_failure(estimator: object) -> Iterator[None]:
    """Leave the last fit as it was if this one fails or is interrupted."""
    before, done = dict(vars(estimator)), False
    try:
        yield
        done = True
    finally:
        if not done:
            estimator.__dict__ = before


@contextmanager
def new_fit(estimator: object) -> Iterator[None]:
    """Begin without what the last fit has set, and restore it on failure.

    Otherwise attributes that only some fits set, such as best_score_ or
    feature_names_in_, would outlive the fit that they describe.
    """
    with restore_on_failure(estimator):
        for name in list(vars(estimator)):
            if name.endswith("_") and not name.startswith("_"):  # scikit-learn's rule
                delattr(estimator, name)
        yield


def all_or_nothing(method: Method) -> Method:
    """Wrap a fit so that the estimator stays as it was if the fit fails."""

    @wraps(method)
    def whole(estimator: Any, *args: Any, **keywords: Any) -> Any:
        starts_afresh = method.__name__ == "fit" and estimator.fit_starts_afresh
        with (new_fit if starts_afresh else restore_on_failure)(estimator):
            return method(estimator, *args, **keywords)

    return cast(Method, whole)


class WholeFits:
    """An estimator whose fits succeed as a whole or leave no trace.

    Every `fit` and `partial_fit` that a subclass defines is wrapped when the class is
    made, so that no estimator can forget it. A method behind a descriptor, such as
    scikit-learn's `available_if`, has to wrap itself with :func:`all_or_nothing`.
    """

    # False: fit reads the last fit, as a warm start does.
    fit_starts_afresh: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for name in ("fit", "partial_fit"):
            method = vars(cls).get(name)
            if isinstance(method, FunctionType):
                setattr(cls, name, all_or_nothing(method))


def column_attributes(model: Any) -> dict[str, Any]:
    """Return the attributes of a model that tell its columns, for one around it."""
    names = ("n_features_in_", "feature_names_in_")
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


PREFIX = "loss__"


class LossParameters:
    """An estimator whose `get_params`, `set_params` and grids reach into its loss.

    Losses are values: where a parameter changes, another loss takes the place of the
    one that was given.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with `deep` also those of the loss and of estimators.

        Parameters
        ----------
        deep : bool, default=True
            Include the parameters of the loss, as ``loss__gamma``, and those of
            estimators that are parameters.

        Returns
        -------
        dict of str to object
            The value of each parameter by its name.
        """
        estimator: Any = super()
        params: dict[str, Any] = estimator.get_params(deep)
        if not deep or "loss" not in params:
            return params
        try:
            loss = as_loss(params["loss"])
        except ValueError:  # fit reports it
            return params
        inner = loss.parameters()
        return params | {f"{PREFIX}{name}": value for name, value in inner.items()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, also of the loss (``loss__gamma=2.0``) and of estimators.

        Parameters
        ----------
        **params
            Values by the names that `get_params` returns.

        Returns
        -------
        self
            The same estimator, not fitted again.
        """
        estimator: Any = super()
        known = self.get_params(deep=False)
        if "loss" in known and any(name.startswith(PREFIX) for name in params):
            loss = as_loss(params.get("loss", known["loss"]))
            inner = [name for name in params if name.startswith(PREFIX)]
            changes = {name.removeprefix(PREFIX): params.pop(name) for name in inner}
            changed = loss.with_parameters(**changes)
            if changed != loss:  # otherwise a name stays a name
                params["loss"] = changed
        estimator.set_params(**params)
        return self


@dataclass(eq=False, repr=False)
class WithGamma:
    """An estimator that has the parameter of focal loss in place of a loss.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is cross-entropy.
        A dict or Series of label to number, or numbers in the order of `classes_`: for
        each class its own.
    """

    gamma: Any = 2.0
    # A class variable, so that it is no field.
    loss: ClassVar[Any] = property(
        lambda self: Focal(self.gamma), doc="The focal loss with this gamma."
    )
