"""Helpers for XGBoost, LightGBM and CatBoost: the import, and start values."""

from __future__ import annotations

from typing import Any

import numpy as np

from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_reals, explain_missing


def library(name: str) -> Any:
    """Return the library of that name, or raise an error that says what to install."""
    message = f"{name} must be installed for this: pip install {name}."
    with explain_missing(name, message):
        # Programs that freeze a package can see statements only.
        if name == "xgboost":
            import xgboost

            return xgboost
        if name == "lightgbm":
            import lightgbm

            return lightgbm
        import catboost

        return catboost


def starts(init_score: Any, shape: tuple[int, ...]) -> Floats:
    """Return the start value of every row, in the shape of the raw predictions.

    `init_score` may be one number, the margins of one row, or those of all rows.
    """
    start = as_reals("init_score", init_score)
    if start.size == 1:
        start = start.reshape(())
    if start.shape not in ((), shape[1:], shape):
        rows = f"of shape {shape[1:]} or {shape}" if shape[1:] else f"of shape {shape}"
        raise ValueError(
            f"init_score must be a number or {rows}, got shape {start.shape}."
        )
    if not np.isfinite(start).all():
        raise ValueError("init_score must be finite, got other values.")
    return np.broadcast_to(start, shape).copy()
