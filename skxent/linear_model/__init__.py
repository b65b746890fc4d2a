"""Linear classifiers that minimise a loss of :mod:`skxent.losses`."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from skxent.linear_model._classifier import CrossEntropyClassifier
from skxent.linear_model._named import (
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)
from skxent.linear_model._path import cross_entropy_path

if _TYPE_CHECKING:  # also read by programs that freeze a package
    from skxent.linear_model._cv import (
        FocalLogisticRegressionCV,
        SmoothedSoftmaxClassifierCV,
    )

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
    "cross_entropy_path",
]


def __getattr__(name: str) -> _Any:
    """Import searches when they are first asked for: a fit alone needs no scorers."""
    if name in __all__:
        return getattr(_import_module("skxent.linear_model._cv"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
