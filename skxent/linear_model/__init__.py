"""Linear classifiers that minimise a loss of :mod:`skxent.losses`."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._named import (
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)

if _TYPE_CHECKING:  # also read by programs that freeze a package
    from skxent.linear_model._cv import (
        FocalLogisticRegressionCV,
        SmoothedSoftmaxClassifierCV,
    )
    from skxent.linear_model._path import cross_entropy_path

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
    "cross_entropy_path",
]


def __getattr__(name: str) -> _Any:
    """Import searches and paths when they are first asked for: a fit needs neither."""
    if name in __all__:
        home = "_path" if name == "cross_entropy_path" else "_cv"
        return getattr(_import_module(f"skxent.linear_model.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
