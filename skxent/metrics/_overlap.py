"""Sums over the rows of a block. The losses of a set are ratios of these sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.columns import code_of
from skxent.inputs.targets import Target
from skxent.inputs.weights import common_exponent
from skxent.kernels.arrays import Floats
from skxent.losses._compiled import spec_for
from skxent.losses._shipped import Focal
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import Options
from skxent.metrics._proba import read_both, read_proba
from skxent.metrics._rows import ScoredRows, loss_of_rows, moderated, total


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
    return 1 if pos_label is None else code_of(pos_label, classes)


def overlap_of(rows: ScoredRows, options: Options) -> Overlap:
    """Return the sums of a block."""
    scored = one_pass.labelled(rows, options)
    quick = None if scored is None else overlap_in_one_pass(scored)
    if quick is not None:
        return quick[0]
    return overlap_of_proba(*read_proba(rows, options))


def overlap_and_focal(
    gamma: float, delta: float, pos_label: Any, rows: ScoredRows, options: Options
) -> Overlap:
    """Return the sums of a block, and that of its focal loss weighted by class."""
    loss = Focal(gamma)
    scored = one_pass.labelled(rows, options)
    quick = None
    if scored is not None:
        hard = scored.target.codes is not None
        quick = overlap_in_one_pass(scored, loss if hard else None)
    if scored is not None and quick is not None:
        sums, by_class = quick
        weights = _class_weights(delta, pos_label, sums.classes)
        if hard:
            return replace(sums, focal=float(weights @ by_class))
        weighted = scored._replace(target=_weighted(scored.target, weights))
        found = weighted.score("loss", spec_for(loss, len(weights)))
        if found is not None:
            return replace(sums, focal=found[0])
    raw, proba, target, classes = read_both(rows, options)
    weights = _class_weights(delta, pos_label, classes)
    focal = loss_of_rows(loss, _weighted(moderated(target)[0], weights), raw)
    return replace(overlap_of_proba(proba, target, classes), focal=total(focal))


def _class_weights(delta: float, pos_label: Any, classes: NDArray[Any]) -> Any:
    """Return the weight of each class in the focal part of a unified focal loss."""
    if len(classes) == 2:
        weights = np.full(2, 1 - delta)
        weights[positive_code(classes, pos_label)] = delta
        return weights
    if pos_label is not None:
        raise ValueError(
            f"pos_label must be None for {len(classes)} classes, got {pos_label!r}."
        )
    return np.full(len(classes), 0.5)


def _weighted(target: Target, weights: NDArray[np.float64]) -> Target:
    return replace(target, class_weight=target.class_weight * weights)


def overlap_in_one_pass(
    scored: one_pass.Scored, loss: Focal | None = None
) -> tuple[Overlap, Floats] | None:
    """Return the sums, and the loss of labels by class or zeros.

    They are of probabilities that need no warning, error or conversion.
    """
    sums = np.zeros((scored.target.n_classes, 4))
    spec = one_pass.CROSS_ENTROPY if loss is None else spec_for(loss, len(sums))
    arrays = {"sums": sums, "losses": loss is not None}
    if scored.score("overlap", spec, **arrays) is None:
        return None
    overlap, predicted, observed, by_class = np.ascontiguousarray(sums.T)
    weight, exponent = float(observed.sum()), scored.exponent
    return Overlap(
        overlap, predicted, observed, weight, scored.classes, exponent=exponent
    ), by_class


def overlap_of_proba(proba: Floats, target: Target, classes: NDArray[Any]) -> Overlap:
    """Return the sums of probabilities and targets in memory."""
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
