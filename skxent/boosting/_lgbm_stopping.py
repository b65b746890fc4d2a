"""Early stopping of LightGBM by the metrics that the caller names."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

from skxent.boosting._library import library


def early_stopping(parameters: dict[str, Any], rounds: int) -> Any:
    """Return the callback that LightGBM makes from its parameters."""
    return library("lightgbm").early_stopping(
        rounds,
        first_metric_only=bool(parameters.get("first_metric_only", False)),
        min_delta=parameters.get("early_stopping_min_delta", 0.0),
        verbose=False,
    )


class _Without:
    """A callback that does not see one metric."""

    def __init__(self, name: str, callback: Any) -> None:
        self.name, self.callback = name, callback
        self.told: dict[int, Any] = {}
        self.order = callback.order
        self.before_iteration = callback.before_iteration

    def __call__(self, env: Any) -> None:
        seen = [found for found in env.evaluation_result_list if found[1] != self.name]
        seen_by = replace if is_dataclass(env) else type(env)._replace
        self.told[env.iteration] = env.evaluation_result_list
        try:
            self.callback(seen_by(env, evaluation_result_list=seen))
        except library("lightgbm").callback.EarlyStopException as stop:
            # The best scores are those of all metrics.
            best = stop.best_iteration
            raise type(stop)(best, self.told[best]) from None


def without(name: str, callback: Any) -> Any:
    """Return an early stopping that goes by the other metrics; others as they are."""
    stops = type(callback) is type(library("lightgbm").early_stopping(1, verbose=False))
    return _Without(name, callback) if stops else callback
