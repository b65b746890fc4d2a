"""Evaluation sets in the forms of all libraries, and metrics of probabilities."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from skxent.base.estimator import TrainingData
from skxent.boosting._objective import BoosterMetric, BoosterObjective
from skxent.boosting._pools import is_pool
from skxent.inputs.labels import is_soft
from skxent.inputs.tables import codes_of_logits


def evaluation_pairs(
    eval_set: Any, eval_X: Any, eval_y: Any, eval_sample_weight: Any
) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """Return the evaluation sets as pairs (X, y), and the weights of each.

    `eval_set` is one pair or a list of them; `eval_X` and `eval_y` are one table and
    its labels, or tuples or lists of them.
    """
    single = False
    if eval_X is not None or eval_y is not None:
        if eval_set is not None:
            raise ValueError("eval_set must be None where eval_X and eval_y are given.")
        if eval_X is None or eval_y is None:
            missing = "eval_X" if eval_X is None else "eval_y"
            raise ValueError(f"{missing} must be given with the other of the two.")
        single = not _is_several(eval_X, 2)
        tables, labels = ([eval_X], [eval_y]) if single else (eval_X, eval_y)
        if len(tables) != len(labels):
            raise ValueError(
                f"eval_y must have {len(tables)} entries as eval_X has, "
                f"got {len(labels)}."
            )
        pairs = list(zip(tables, labels, strict=True))
    elif eval_set is None:
        pairs = []
    else:
        single = is_pool(eval_set) or _is_pair(eval_set)
        pairs = _checked_pairs([eval_set] if single else eval_set)
    for X, y in pairs:
        if not is_pool(X) and is_soft(y):
            raise ValueError(
                f"eval_set must have labels of shape (n,), got {np.shape(y)}. Soft "
                "labels are taken for training alone."
            )
    weights: list[Any] = [None] * len(pairs)
    if eval_sample_weight is not None:
        one = single and not _is_several(eval_sample_weight, 1)
        weights = [eval_sample_weight] if one else list(eval_sample_weight)
    if len(weights) != len(pairs):
        raise ValueError(
            f"eval_sample_weight must have {len(pairs)} entries, one for each of "
            f"eval_set, got {len(weights)}."
        )
    return pairs, weights


def _is_pair(eval_set: Any) -> bool:
    """Return True for (X, y), False for ((X, y), (X, y))."""
    if not isinstance(eval_set, tuple) or len(eval_set) != 2:
        return False
    return not all(isinstance(part, tuple) and len(part) == 2 for part in eval_set)


def _is_several(parts: Any, n_dimensions: int) -> bool:
    """Return True for a tuple or list of arrays, False for one as nested lists."""
    if not isinstance(parts, (tuple, list)) or not len(parts):
        return isinstance(parts, (tuple, list))
    return parts[0] is None or np.ndim(parts[0]) == n_dimensions


def _checked_pairs(eval_set: Any) -> list[tuple[Any, Any]]:
    """Return a list of pairs as it is."""
    pairs = list(eval_set) if isinstance(eval_set, (list, tuple)) else [eval_set]
    pairs = [(pair, None) if is_pool(pair) else pair for pair in pairs]
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(
                "eval_set must be (X, y) or a list of such pairs, got "
                f"a {type(pair).__name__} in it."
            )
    return [(X, y) for X, y in pairs]


def weights_of(evaluation: list[TrainingData]) -> list[Any] | None:
    """Return sample weights of the evaluation sets, ones if only others have some."""
    if all(weights is None for *_, weights in evaluation):
        return None
    return [np.ones(len(y)) if w is None else w for _, y, w in evaluation]


@contextmanager
def prefixed(prefix: str) -> Iterator[None]:
    """Put words in front of errors that name arguments of training."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{prefix}{error}") from error


def as_metrics(*given: Any) -> list[Any]:
    """Return the metrics that a call or an estimator names, without repetition."""
    several = (g if isinstance(g, (list, tuple, set)) else [g] for g in given)
    named = [metric for group in several for metric in group if metric is not None]
    for metric in named:
        of_catboost = hasattr(metric, "is_max_optimal")
        if not (isinstance(metric, str) or callable(metric) or of_catboost):
            raise ValueError(
                f"eval_metric must be names or callables of metrics, got {metric!r}."
            )
    return [metric for i, metric in enumerate(named) if metric not in named[:i]]


@dataclass(frozen=True, eq=False)
class OfProbabilities:
    """A caller's metric, which gets class probabilities in place of margins.

    So does the metric of an estimator with a built-in objective: (n,) of the second of
    two classes, (n, K) of more.
    """

    metric: Callable[..., Any]
    objective: BoosterObjective
    posterior: bool

    @property
    def __name__(self) -> str:
        """The name by which XGBoost calls the metric."""
        return getattr(self.metric, "__name__", type(self.metric).__name__)

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature by which LightGBM counts the arguments."""
        return inspect.signature(self.metric)

    def __call__(self, y_true: Any, y_pred: Any, *weight: Any, **named: Any) -> Any:
        """Return what the metric returns."""
        proba = self.objective.predict_proba(y_pred, posterior=self.posterior)
        proba = proba[:, 1] if proba.shape[1] == 2 else proba
        return self.metric(y_true, proba, *weight, **named)


def of_probabilities(metric: Any, objective: BoosterObjective, posterior: bool) -> Any:
    """Wrap a callable metric of probabilities so that it takes margins."""
    if not callable(metric) or isinstance(metric, BoosterMetric):
        return metric
    return OfProbabilities(metric, objective, posterior)


@dataclass(frozen=True, eq=False)
class ProbabilityMetric:
    """LightGBM's log loss or error of class probabilities, by the name it has there.

    With a custom objective LightGBM would compute it of the margins.
    """

    name: str
    objective: BoosterObjective
    posterior: bool

    def __call__(
        self, y_true: Any, y_pred: Any, weight: Any = None
    ) -> tuple[str, float, bool]:
        """Return the name, the mean and False, since less is better."""
        codes = np.asarray(y_true).astype(np.intp)
        if self.name.endswith("error"):
            values = codes_of_logits(y_pred) != codes
        else:
            log = self.objective.predict_proba(
                y_pred, posterior=self.posterior, log=True
            )
            values = -log[np.arange(len(codes)), codes]
        return self.name, float(np.average(values, weights=weight)), False
