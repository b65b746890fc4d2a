"""Folds of cross-validation that predict every row once."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_splits(splits: list[Any], n_rows: int) -> list[Any]:
    """Return splits (train, test), checked to be indices of rows."""
    rows = np.arange(n_rows)
    for part in (part for split in splits for part in split):
        try:
            rows[part]
        except IndexError as error:
            raise ValueError(
                f"cv must give indices of the {n_rows} rows of data: {error}."
            ) from error
    return splits


def check_folds_of_all_rows(splits: list[Any], n_rows: int) -> list[Any]:
    """Return splits (train, test), checked to have every row in one test."""
    check_splits(splits, n_rows)
    tests = np.concatenate([test for _, test in splits]) if splits else np.empty(0)
    if not np.array_equal(np.sort(tests), np.arange(n_rows)):
        raise ValueError(
            f"cv must have every row in the test of one fold, got {len(tests)} rows in "
            f"{len(splits)} folds for {n_rows} rows of data."
        )
    return splits
