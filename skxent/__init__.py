"""The cross-entropy family of losses for scikit-learn."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from importlib.util import find_spec as _find_spec
from pkgutil import iter_modules as _iter_modules
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from skxent.linear_model import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
)

__all__ = [
    "CrossEntropyClassifier",
    "FocalLogisticRegression",
    "FocalLogisticRegressionCV",
    "SmoothedSoftmaxClassifier",
    "SmoothedSoftmaxClassifierCV",
    "cross_entropy_path",
    "explain",
    "show_config",
]

# Modules, and what is named here, are imported when they are first asked for.
_HOMES = {
    "FocalLogisticRegressionCV": "skxent.linear_model",
    "SmoothedSoftmaxClassifierCV": "skxent.linear_model",
    "cross_entropy_path": "skxent.linear_model",
    "explain": "skxent.explanation",
    "show_config": "skxent.kernels.config",
}
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
        torch,
        typing,
    )
    from skxent.explanation import explain
    from skxent.kernels.config import show_config
    from skxent.linear_model import (
        FocalLogisticRegressionCV,
        SmoothedSoftmaxClassifierCV,
        cross_entropy_path,
    )

    __version__: str


def __getattr__(name: str) -> _Any:
    if name == "__version__":
        return _version("skxent")
    if name in _HOMES:
        return getattr(_import_module(_HOMES[name]), name)
    if not name.startswith("_") and _find_spec(f"skxent.{name}"):
        return _import_module(f"skxent.{name}")
    raise AttributeError(f"module 'skxent' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *(m.name for m in _iter_modules(__path__))})
