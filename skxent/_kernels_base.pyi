# The kernels, the same for every instruction set: src/_kernels.pyx.

from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.floating[Any]]

class BuildInfo(TypedDict):
    compiler: str
    openmp: bool
    cpu_level: int

def build_info() -> BuildInfo: ...
def max_threads() -> int: ...
def evaluate(
    name: str,
    parameters: tuple[float, ...],
    z: Reals,
    binary: bool,
    codes: NDArray[np.intp] | None,
    soft: Reals | None,
    sample_weight: NDArray[np.float64] | None,
    class_weight: NDArray[np.float64] | None,
    smoothing: float,
    value: Reals | None = None,
    gradient: Reals | None = None,
    hessian: Reals | None = None,
    x: Reals | None = None,
    product: Reals | None = None,
    n_threads: int = 1,
) -> None: ...
def probabilities(
    name: str,
    parameters: tuple[float, ...],
    z: Reals,
    binary: bool,
    implied: bool,
    log_weight: NDArray[np.float64],
    smoothing: float,
    log_space: bool,
    out: Reals,
    n_threads: int = 1,
) -> None: ...
def log_loss_sum(
    proba: Reals,
    codes: NDArray[np.int64],
    offset: int,
    sample_weight: NDArray[np.float64] | None,
    eps: float,
    n_threads: int = 1,
) -> tuple[float, float, float, float, float]: ...
def vecmath(function: str, x: Reals, out: Reals, exponent: float = 0) -> None: ...
