"""The cross-entropy family of losses for scikit-learn."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

from skxent.explanation import explain
from skxent.kernels.config import show_config
from skxent.linear_model import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)

__version__ = _version("skxent")

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
    "explain",
    "show_config",
]

# Public modules, imported when they are first asked for.
_MODULES = frozenset(
    {
        "blending",
        "blocks",
        "boosting",
        "calibration",
        "dask",
        "displays",
        "explanation",
        "linear_model",
        "losses",
        "metrics",
        "onnx",
        "scorers",
        "targets",
        "typing",
    }
)
if _TYPE_CHECKING:  # also read by programs that freeze a package
    from skxent import (  # noqa: F401  # not in __all__: some need other libraries
        blending,
        blocks,
        boosting,
        calibration,
        dask,
        displays,
        explanation,
        linear_model,
        losses,
        metrics,
        onnx,
        scorers,
        targets,
        typing,
    )


def __getattr__(name: str) -> _ModuleType:
    if name in _MODULES:
        return _import_module(f"skxent.{name}")
    raise AttributeError(f"module 'skxent' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
