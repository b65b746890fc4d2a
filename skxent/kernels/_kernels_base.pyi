# The kernels, the same for every instruction set: src/_kernels.pyx.

from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

_Reals: TypeAlias = NDArray[np.floating[Any]]

class _BuildInfo(TypedDict):
    compiler: str
    openmp: bool
    cpu_level: int

__test__: dict[str, Any]

def build_info() -> _BuildInfo: ...
def max_threads() -> int: ...
def evaluate(
    name: str,
    parameters: tuple[float, ...],
    z: _Reals,
    binary: bool,
    codes: NDArray[np.intp] | None,
    soft: _Reals | None,
    sample_weight: NDArray[np.float64] | None,
    class_weight: NDArray[np.float64] | None,
    smoothing: float,
    value: _Reals | None = None,
    gradient: _Reals | None = None,
    hessian: _Reals | None = None,
    x: _Reals | None = None,
    product: _Reals | None = None,
    matrix: _Reals | None = None,
    multilabel: bool = False,
    weigh_target: bool = False,
    psd: bool = False,
    floor: float = ...,
    n_threads: int = 1,
) -> None: ...
def linear_sums(
    name: str,
    parameters: tuple[float, ...],
    origin: _Reals,
    X: _Reals | tuple[_Reals, NDArray[np.integer[Any]], NDArray[np.integer[Any]]],
    W: NDArray[np.float64],
    V: NDArray[np.float64] | None,
    codes: NDArray[np.intp] | None,
    soft: _Reals | None,
    sample_weight: NDArray[np.float64] | None,
    class_weight: NDArray[np.float64] | None,
    smoothing: float,
    weigh_target: bool,
    logits: _Reals,
    known: bool,
    totals: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
def probabilities(
    name: str,
    parameters: tuple[float, ...],
    z: _Reals,
    binary: bool,
    implied: bool,
    log_weight: NDArray[np.float64],
    smoothing: float,
    log_space: bool,
    out: _Reals,
    n_threads: int = 1,
) -> None: ...
def log_loss_sum(
    proba: _Reals,
    codes: NDArray[np.int64],
    offset: int,
    sample_weight: NDArray[np.float64] | None,
    eps: float,
    n_threads: int = 1,
) -> tuple[float, float, bool]: ...
def label_range(y: NDArray[np.int64]) -> tuple[int, int, int] | None: ...
def codes_of_floats(y: _Reals, n_classes: int, codes: NDArray[np.intp]) -> bool: ...
def vecmath(function: str, x: _Reals, out: _Reals) -> None: ...
