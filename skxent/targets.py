"""What a row should have been: labels, one-hot rows, soft labels, smoothing, weights.

Every form becomes one `Target`, the only form of y that the kernels know.
"""

from skxent.inputs.targets import (
    distill,
)

__all__ = [
    "distill",
]
