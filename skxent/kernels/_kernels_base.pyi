# The kernels, the same for every instruction set: src/_kernels.pyx.

from typing import Any, Protocol, TypeAlias, TypedDict

import numpy as np
from numpy.typing import NDArray

_Reals: TypeAlias = NDArray[np.floating[Any]]

# A name, or a program.
_Loss: TypeAlias = tuple[str] | tuple[bytes, bytes, bytes, bytes]
_Entries: TypeAlias = tuple[_Reals, NDArray[np.integer[Any]], NDArray[np.integer[Any]]]

# The scores that `score` computes.
KINDS: tuple[str, ...]

# skxent.inputs.targets.Target, which the kernels read by attribute
class _Target(Protocol):
    @property
    def codes(self) -> NDArray[np.intp] | None: ...
    @property
    def soft(self) -> _Reals | None: ...
    @property
    def sample_weight(self) -> NDArray[np.float64] | None: ...
    @property
    def class_weight(self) -> NDArray[np.float64]: ...
    @property
    def label_smoothing(self) -> float: ...
    @property
    def weight_after_smoothing(self) -> bool: ...
    @property
    def multilabel(self) -> bool: ...

class _BuildInfo(TypedDict):
    compiler: str
    openmp: bool
    cpu_level: int

__test__: dict[str, Any]

def build_info() -> _BuildInfo: ...
def max_threads() -> int: ...
def evaluate(
    loss: _Loss, target: _Target, z: _Reals, arrays: dict[str, Any], n_threads: int = 1
) -> None: ...
def linear_sums(
    loss: _Loss,
    target: _Target,
    rows: tuple[_Reals, _Reals | _Entries, _Reals | None],
    weights: tuple[NDArray[np.float64], NDArray[np.float64] | None],
    logits: _Reals,
    known: bool,
    totals: NDArray[np.float64],
    n_threads: int = 1,
) -> None: ...
def column_sums(
    X: _Reals, slopes: _Reals, out: NDArray[np.float64], n_threads: int = 1
) -> None: ...
def probabilities(
    loss: _Loss,
    z: _Reals,
    out: _Reals,
    implied: tuple[NDArray[np.float64], float] | None = None,
    log_space: bool = False,
    n_threads: int = 1,
) -> None: ...
def linear_predictions(
    loss: _Loss,
    X: NDArray[Any] | _Entries,
    W: NDArray[np.float64],
    out: _Reals,
    implied: tuple[NDArray[np.float64], float] | None = None,
    form: str = "probability",
    n_threads: int = 1,
) -> bool: ...
def log_loss_sum(
    proba: _Reals,
    codes: NDArray[Any],
    offset: int,
    sample_weight: NDArray[np.float64] | None,
    eps: float,
    n_threads: int = 1,
    class_at: NDArray[np.intp] | None = None,
    columns: list[_Reals] | None = None,
) -> tuple[float, float, bool]: ...
def score(
    what: str,
    loss: _Loss,
    target: _Target,
    proba: _Reals,
    arrays: dict[str, Any],
    n_threads: int = 1,
) -> tuple[float, float, float, bool]: ...
def label_range(y: NDArray[Any]) -> tuple[int, int, int, bytearray | None] | None: ...
def codes_of_floats(y: _Reals, n_classes: int, codes: NDArray[np.intp]) -> bool: ...
def vecmath(function: str, x: _Reals, out: _Reals) -> None: ...
