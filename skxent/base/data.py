"""The rows of a fit, as one value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrainingData(NamedTuple):
    """Checked rows that an estimator is fitted to.

    X is of floats. y holds labels (n,), codes of them, or soft labels (n, K).
    """

    X: Any
    y: NDArray[Any]
    sample_weight: NDArray[np.float64] | None

    def rows(self, index: NDArray[np.intp]) -> TrainingData:
        """Return the rows at these positions."""
        weight = self.sample_weight
        part = None if weight is None else weight[index]
        return TrainingData(self.X[index], self.y[index], part)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """What callbacks are told of the rows besides X and y."""
        weight = self.sample_weight
        return None if weight is None else {"sample_weight": weight}
