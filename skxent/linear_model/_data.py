"""The rows that a linear model is fitted to, as one value."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class LinearData(NamedTuple):
    """Rows as a user gives them, or as checked.

    X is of floats, y holds labels (n,) or soft labels (n, K), and offset is a fixed
    term of the logits. Rows in blocks, as X, bring the others with them.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    offset: Any = None

    def rows(self, index: NDArray[np.intp]) -> LinearData:
        """Return the rows at these positions."""
        return LinearData(*(None if part is None else part[index] for part in self))

    @property
    def for_callbacks(self) -> dict[str, Any]:
        """The keywords of callbacks that describe the rows."""
        given = {"sample_weight": self.sample_weight, "offset": self.offset}
        metadata = {
            name: getattr(rows, "values", rows)
            for name, rows in given.items()
            if rows is not None
        }
        return {"X": self.X, "y": self.y, "metadata": metadata or None}
