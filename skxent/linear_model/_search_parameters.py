"""The parameters that all searches have, and the grid that some of them are."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from skxent.kernels.checks import check_count


@dataclass(eq=False, repr=False, kw_only=True)
class SearchParameters:
    """The parameters of all searches; those that they search over come with them."""

    Cs: Any = 10
    l1_ratios: Any = (0.0,)
    penalty_factor: Any = None
    monotonic_cst: Any = None
    fit_intercept: bool = True
    class_weight: Any = None
    posterior: bool = True
    cv: Any = None
    scoring: Any = None
    solver: str = "auto"
    tol: float = 1e-4
    max_iter: int = 100
    refit: Any = True
    error_score: Any = np.nan
    n_jobs: int | None = None
    verbose: int = 0

    loss_parameter: ClassVar[str]

    def _grid(self) -> dict[str, list[Any]]:
        if isinstance(self.Cs, (int, np.integer)):
            check_count("Cs", self.Cs)
            Cs = np.logspace(-4, 4, self.Cs).tolist()
        else:
            Cs = self.Cs
        values = getattr(self, f"{self.loss_parameter}s")
        grid = {"C": Cs, self.loss_parameter: values, "l1_ratio": self.l1_ratios}
        for name, values in grid.items():
            numbers = np.ndim(values) == 1 and all(isinstance(x, Real) for x in values)
            if not numbers or not len(values):
                raise ValueError(
                    f"{name}s must be a list of numbers that is not empty, "
                    f"got {values!r}."
                )
        return {name: list(values) for name, values in grid.items()}
