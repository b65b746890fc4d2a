"""Options that the metrics share, for the types of what they return."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from numpy.typing import ArrayLike

Number = Literal["mean", "sum"]
EachRow = Literal["none"]
Reduction = Literal["mean", "sum", "none"]


class RowOptions(TypedDict, total=False):
    """Of metrics of probabilities alone, or of two of them."""

    sample_weight: ArrayLike | None
    from_logits: bool
    base: float | None


class LabelOptions(RowOptions, total=False):
    """Of metrics of labels and probabilities; see :func:`evaluate_loss`."""

    labels: ArrayLike | None
    class_weight: Any
    ignore_index: Any
