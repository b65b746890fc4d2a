from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

_Doubles: TypeAlias = NDArray[np.float64]
_Integers: TypeAlias = NDArray[np.integer[Any]]

__test__: dict[str, Any]

def rows_of_columns(
    X: NDArray[np.uint8],
    out: NDArray[np.uint8],
    d: int,
    doubles: bool,
    n_threads: int = 1,
) -> bool: ...
def is_inside(column: _Integers, first: _Integers, columns: int) -> bool: ...
def matmul(
    data: _Doubles,
    column: _Integers,
    first: _Integers,
    W: _Doubles,
    parts: _Doubles,
    n_threads: int = 1,
) -> None: ...
def matmul_transposed(
    data: _Doubles,
    column: _Integers,
    first: _Integers,
    R: _Doubles,
    out: _Doubles,
    n_threads: int = 1,
) -> None: ...
def add_column_sums(
    data: _Doubles, column: _Integers, first: _Integers, h: _Doubles, out: _Doubles
) -> None: ...
