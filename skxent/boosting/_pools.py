"""Pools of CatBoost, which hold labels and weights, and its names of classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

# CatBoost reads labels as doubles, which count to here.
LARGEST_LABEL = 2**53


def is_pool(X: Any) -> bool:
    """Return True for a catboost.Pool."""
    cls = type(X)
    return cls.__module__.partition(".")[0] == "catboost" and hasattr(X, "get_label")


def unpack(X: Any, y: Any, sample_weight: Any, other: str = "") -> tuple[Any, Any]:
    """Return the labels and weights of a Pool; those that are given for other rows.

    other : prefix of the names of arguments in errors
    """
    if not is_pool(X):
        return y, sample_weight
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise ValueError(
                f"{other}{name} must be None for a Pool, which has its own."
            )
    if not X.has_label():
        raise ValueError("X must be a Pool with labels, got one without: give label=y.")
    y, weights = np.asarray(X.get_label()), np.asarray(X.get_weight())
    if y.ndim != 1:
        raise ValueError(f"X must be a Pool of labels (n,), got labels {y.shape}.")
    if np.size(X.get_baseline()):
        raise ValueError(
            "X must be a Pool without baseline, which predictions would leave out. Set "
            "boost_from_average of estimator."
        )
    return y, weights if (weights != 1).any() else None


def take_rows(X: Any, rows: NDArray[np.intp]) -> Any:
    """Return some rows of a table or a Pool."""
    return X.slice(rows) if is_pool(X) else _safe_indexing(X, rows)


def names_of_classes(classes: NDArray[Any], of_pool: bool) -> tuple[Any, ...]:
    """Return what CatBoost calls the classes: the labels, or codes of other types.

    CatBoost keeps integers and strings as they are, and only some versions keep bools.
    Labels of a Pool cannot be replaced by codes.
    """
    labels = classes
    if labels.dtype.kind == "f" and (labels == np.trunc(labels)).all():
        labels = labels.astype(np.int64)
    text = all(isinstance(label, str) for label in labels)
    numbers = labels.dtype.kind in "iu"
    exact = numbers and max(map(abs, labels.tolist())) <= LARGEST_LABEL
    # CatBoost compares labels in float32, and would merge what is equal there.
    distinct = exact and len(np.unique(labels.astype(np.float32))) == len(labels)
    if of_pool or text or distinct:
        return tuple(labels.tolist())
    return tuple(range(len(labels)))


def check_class_names(given: Any, names: tuple[Any, ...]) -> None:
    """Raise an error unless class_names are the classes in the order that is used."""
    if given is not None and list(given) != list(names):
        raise ValueError(
            "class_names of estimator must be None or the sorted labels of y, "
            f"{names}, got {given!r}."
        )


def has_features(owner: Any) -> bool:
    """Return True if a Pool or model has columns of categories, texts or embeddings."""
    kinds = ("cat", "text", "embedding")
    return any(len(getattr(owner, f"get_{kind}_feature_indices")()) for kind in kinds)


def with_baseline(pool: Any, baseline: Any) -> Any:
    """Return a Pool that starts at a baseline; the Pool itself if there is none."""
    if baseline is None:
        return pool
    copied = pool.slice(np.arange(pool.num_row()))
    copied.set_baseline(baseline)
    return copied
