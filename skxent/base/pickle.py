"""Pickles that know the version they were written by."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from sklearn.exceptions import InconsistentVersionWarning

from skxent.kernels.checks import warn


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
