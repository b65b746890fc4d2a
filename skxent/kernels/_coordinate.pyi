# Coordinate descent: src/_coordinate.pyx.

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Floats: TypeAlias = NDArray[np.float64]

__test__: dict[str, Any]

def sweep_matrix(
    H: _Floats, slope: _Floats, w: _Floats, l1: _Floats, sweeps: int, tolerance: float
) -> float: ...
def sweep_columns(
    X: tuple[NDArray[np.intp], NDArray[np.intc], _Floats],
    model: tuple[_Floats, _Floats, _Floats],
    w: _Floats,
    penalties: tuple[_Floats, _Floats],
    order: NDArray[np.intp],
    sweeps: int,
    tolerance: float,
) -> float: ...
