"""Sums of which the losses of a set are ratios, over the rows of a block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.weights import common_exponent
from skxent.kernels.arrays import Floats
from skxent.losses._shipped import Focal
from skxent.metrics._options import Options
from skxent.metrics._proba import read_proba
from skxent.metrics._rows import ScoredRows, loss_of_rows, moderated, read, total


@dataclass(frozen=True)
class Overlap:
    """Sums over rows, which add, all over 2**exponent.

    overlap, predicted, observed : ndarray of shape (K,)
        Σ w p y, Σ w p and Σ w y for each class.
    """

    overlap: Floats
    predicted: Floats
    observed: Floats
    weight: float
    classes: NDArray[Any]
    focal: float = 0.0
    exponent: int = 0

    def __add__(self, other: Overlap) -> Overlap:
        exponent = common_exponent((self, other))
        names = ("overlap", "predicted", "observed", "weight", "focal")
        sums = {
            name: np.ldexp(getattr(self, name), self.exponent - exponent)
            + np.ldexp(getattr(other, name), other.exponent - exponent)
            for name in names
        }
        return replace(self, **sums, exponent=exponent)

    def tversky(self, alpha: float, beta: float) -> Floats:
        """Return one minus the Tversky index of each class."""
        wrong = alpha * np.maximum(self.predicted - self.overlap, 0)
        wrong += beta * np.maximum(self.observed - self.overlap, 0)
        both = self.overlap + wrong
        return np.divide(wrong, both, out=np.zeros_like(both), where=both > 0)


def positive_code(classes: NDArray[Any], pos_label: Any) -> int:
    """Return the code of the class whose loss is meant."""
    if len(classes) != 2:
        raise ValueError(
            f"average must be 'macro' or 'none' for {len(classes)} classes, got "
            "'binary'."
        )
    labels = classes.tolist()
    if pos_label is not None and pos_label not in labels:
        raise ValueError(f"pos_label must be one of {labels}, got {pos_label!r}.")
    return 1 if pos_label is None else labels.index(pos_label)


def overlap_of(rows: ScoredRows, options: Options) -> Overlap:
    """Return the sums of a block."""
    proba, target, classes = read_proba(rows, options)
    target, exponent = moderated(target)
    weight = target.row_weights()
    if target.codes is not None:
        n, codes = proba.shape[1], target.codes
        hit = weight * proba[np.arange(len(codes)), codes]
        overlap, observed = np.bincount(codes, hit, n), np.bincount(codes, weight, n)
    else:
        assert target.soft is not None
        shares = target.soft * target.class_weight
        if target.sample_weight is not None:
            shares *= target.sample_weight[:, np.newaxis]
        overlap, observed = (shares * proba).sum(axis=0), shares.sum(axis=0)
    predicted = weight @ proba
    return Overlap(
        np.asarray(overlap, np.float64),
        np.asarray(predicted, np.float64),
        np.asarray(observed, np.float64),
        float(weight.sum()),
        classes,
        exponent=exponent,
    )


def overlap_and_focal(
    gamma: float, delta: float, pos_label: Any, rows: ScoredRows, options: Options
) -> Overlap:
    sums = overlap_of(rows, options)
    raw, target, classes = read(rows, options)
    target, _ = moderated(target)
    weights = np.full(len(classes), 0.5)
    if len(classes) == 2:
        positive = positive_code(classes, pos_label)
        weights[positive], weights[1 - positive] = delta, 1 - delta
    elif pos_label is not None:
        raise ValueError(
            f"pos_label must be None for {len(classes)} classes, got {pos_label!r}."
        )
    weighted = replace(target, class_weight=target.class_weight * weights)
    return replace(sums, focal=total(loss_of_rows(Focal(gamma), weighted, raw)))
