# Label encoders and the order of numbers: src/_labels.pyx.

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, Any]

def encode_bytes(
    y: NDArray[np.uint8], codes: NDArray[np.uint8]
) -> list[int] | None: ...
def encode_strings(y: list[Any], codes: NDArray[np.intp]) -> list[int] | None: ...
def stable_order(x: NDArray[np.float64], words: NDArray[np.uint64]) -> None: ...
def pool_adjacent(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    order: NDArray[np.int64],
    end: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> int: ...
