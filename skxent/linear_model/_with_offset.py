"""Fitted models as scorers see them: with the offset of the rows that they score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Any


@dataclass(frozen=True, eq=False, repr=False)
class WithOffset:
    """A fitted model that predicts for rows with this offset: scorers pass X alone.

    own_score : takes the place of a `score` that would call the scorer again
    """

    model: Any
    offset: Any
    own_score: Callable[..., float] | None = None

    def __getattr__(self, name: str) -> Any:
        # Copying and pickling must not be delegated to the model.
        if name.startswith("__") and name != "__sklearn_tags__":
            raise AttributeError(name)
        value = getattr(self.model, name)
        if name == "score" and self.own_score is not None:
            return partial(self.own_score, self.model, offset=self.offset)
        if name in OFFSET_METHODS:
            # scikit-learn's scorers look at the name of a method.
            return update_wrapper(partial(value, offset=self.offset), value)
        return value


OFFSET_METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "score",
)


def with_offset(model: Any, offset: Any) -> Any:
    """Return a model as scorers see it."""
    return model if offset is None else WithOffset(model, offset)
