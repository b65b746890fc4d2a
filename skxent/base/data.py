"""The rows of a fit, as one value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class TrainingData(NamedTuple):
    """Checked rows that an estimator is fitted to.

    X is of floats. y holds labels (n,), codes of them, or soft labels (n, K). Rows in
    blocks, as X, bring y and weights with them.
    """

    X: Any
    y: Any = None
    sample_weight: NDArray[np.float64] | None = None

    def rows(self, index: NDArray[np.intp]) -> TrainingData:
        """Return the rows at these positions."""
        weight = self.sample_weight
        part = None if weight is None else weight[index]
        return TrainingData(self.X[index], self.y[index], part)

    @property
    def for_callbacks(self) -> dict[str, Any]:
        """What callbacks are told of the rows, as keywords."""
        weight = self.sample_weight
        metadata = None if weight is None else {"sample_weight": weight}
        return {"X": self.X, "y": self.y, "metadata": metadata}
