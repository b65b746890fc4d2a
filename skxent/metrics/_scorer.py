"""The base class of the scorers of losses and of other metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike
from sklearn.metrics._scorer import _BaseScorer


def _weighted(y_true: Any, y_proba: Any, *, sample_weight: Any = None) -> None:
    """Provide the signature in which scikit-learn finds the metadata of a scorer."""


class ProbabilityScorer(_BaseScorer):
    """A scorer of class probabilities, whose `_score` a subclass writes."""

    if TYPE_CHECKING:  # scikit-learn's has no types

        def __call__(
            self,
            estimator: Any,
            X: Any,
            y_true: ArrayLike,
            sample_weight: ArrayLike | None = None,
        ) -> float:
            """Return the score of the estimator's predictions for X."""

        @property
        def proper(self) -> bool | None:
            """Return whether the score is proper, None if that is not known."""

    def is_proper_for(self, n_classes: int) -> bool | None:
        """Return whether the score is proper, None if that is not known.

        Parameters
        ----------
        n_classes : int
            The number of classes that are scored.

        Returns
        -------
        bool or None
            True if the true class probabilities have the best expected score.
        """
        return self.proper

    def __init__(self, sign: int) -> None:
        super().__init__(_weighted, sign, {}, "predict_proba")
