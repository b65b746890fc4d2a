# Label encoders: src/_labels.pyx.

from typing import Any

import numpy as np
from numpy.typing import NDArray

__test__: dict[str, Any]

def encode_bytes(
    y: NDArray[np.uint8], codes: NDArray[np.uint8]
) -> list[int] | None: ...
def encode_strings(y: list[Any], codes: NDArray[np.intp]) -> list[int] | None: ...
