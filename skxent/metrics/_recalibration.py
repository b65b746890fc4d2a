"""The best recalibrated predictions, and what they save of a loss by chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import entr, expit
from sklearn.isotonic import isotonic_regression

from skxent.inputs.targets import Target
from skxent.inputs.weights import check_sum
from skxent.kernels.arrays import Floats, stable_order
from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy
from skxent.metrics._bins import Outcomes
from skxent.metrics._isotonic import columns_of
from skxent.metrics._rows import loss_of_rows

LARGEST_LOGIT = 700.0  # of what is recalibrated by scales: exp of it is finite
RESAMPLES = 20  # for the mean over chance
BLOCK = 1 << 13  # rows that are scaled at once
SAMPLE = 20_000  # rows that find where the best scale is


def weighted_rows(raw: Floats, target: Target) -> tuple[Floats, Target]:
    """Return both in float64, with class weights in the weights of the rows."""
    target = target.with_row_weights()
    if target.soft is not None:
        target = replace(target, soft=target.soft.astype(np.float64, copy=False))
    return raw.astype(np.float64, copy=False), target


def log_odds(raw: Floats) -> Floats:
    """Return logits of two classes as log-odds of the second, others as they are."""
    if raw.ndim == 2 and raw.shape[1] == 2:
        with np.errstate(invalid="ignore"):
            return raw[:, 1] - raw[:, 0]
    return raw


def recalibrated(loss: Loss, target: Target, raw: Floats) -> Floats:
    """Return the log-odds (n,), or logits (n, K), of the least loss of a recalibration.

    Isotonic for two classes; for more a scale and a shift of each class.
    """
    return (_isotonic if raw.ndim == 1 else _scaled)(loss, target, raw)


def share_of(target: Target, c: int) -> Floats:
    """Return the share of class c in the label of each row: (n,)."""
    if target.codes is not None:
        return (target.codes == c).astype(np.float64)
    assert target.soft is not None
    return np.asarray(target.soft[:, c], dtype=np.float64)


def _isotonic(loss: Loss, target: Target, raw: Floats) -> Floats:
    """Return the log-odds of the best probabilities in the order of `raw`.

    They are the same for every proper loss (Brümmer, du Preez 2013, arXiv 1304.2331).
    """
    order = stable_order(raw)
    z, weight = raw[order], target.moderate().row_weights()
    start = np.flatnonzero(np.concatenate([[True], z[1:] != z[:-1]]))
    mass = np.add.reduceat(weight[order], start)
    true = np.add.reduceat((weight * share_of(target, 1))[order], start)
    kept, fit = mass > 0, np.full(len(mass), 0.5)
    check_sum(float(mass.sum()))
    fit[kept] = isotonic_regression(
        true[kept] / mass[kept], sample_weight=mass[kept], y_min=0.0, y_max=1.0
    )
    fitted = np.empty_like(raw)
    fitted[order] = np.repeat(fit, np.diff(start, append=len(raw)))
    with np.errstate(divide="ignore"):
        return np.log(fitted) - np.log1p(-fitted)


def _scaled(loss: Loss, target: Target, raw: Floats) -> Floats:
    """Return logits with the scale and shift of each class that have the least loss."""
    n, K = raw.shape
    if max(raw.max(), -raw.min()) > LARGEST_LOGIT:
        raw = np.clip(raw, -LARGEST_LOGIT, LARGEST_LOGIT)
    found = np.concatenate([np.ones(K), np.zeros(K)])
    root: Floats = np.eye(2 * K)
    # Some of the rows find the place and the curvature there, by which all of them then
    # need few steps: in y, with x = found + root y, the loss curves alike everywhere.
    for step in sorted({1, max(1, n // SAMPLE)}, reverse=True):
        rows = slice(0, n, step)
        objective = partial(_scaled_loss, loss, target.rows(rows).moderate(), raw[rows])
        solution = minimize(
            partial(_moved, objective, found, root),
            np.zeros(2 * K),
            jac=True,
            method="L-BFGS-B",
            options={"gtol": 1e-9, "maxcor": 40},
        )
        found = found + root @ solution.x
        if step > 1:
            root = _root(solution.hess_inv.todense())
    scale, shift = found.reshape(2, K)
    return raw * scale + shift


def _root(matrix: Floats) -> Floats:
    """Return R with R Rᵀ = matrix; the identity if rounding made that indefinite."""
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.eye(len(matrix))


def _moved(
    objective: Callable[[Floats], tuple[float, Floats]],
    origin: Floats,
    root: Floats,
    y: Floats,
) -> tuple[float, Floats]:
    """Return an objective at origin + root y, and its gradient in y."""
    value, slope = objective(origin + root @ y)
    return value, root.T @ slope


def _scaled_loss(
    loss: Loss, target: Target, z: Floats, scale_and_shift: Floats
) -> tuple[float, Floats]:
    """Return the mean loss of scaled logits and its gradient, block by block."""
    scale, shift = scale_and_shift.reshape(2, -1)
    total, slopes = 0.0, np.zeros((2, len(scale)))
    value = np.empty(BLOCK)
    gradient, ones = np.empty((BLOCK, len(scale))), np.ones(BLOCK)
    for start in range(0, len(z), BLOCK):
        rows = slice(start, start + BLOCK)
        part = z[rows]
        v, g = value[: len(part)], gradient[: len(part)]
        scaled = part * scale
        scaled += shift
        loss.evaluate(scaled, target.rows(rows), value=v, gradient=g)
        total += float(v.sum())
        slopes[0] += np.einsum("nk,nk->k", g, part)
        slopes[1] += ones[: len(part)] @ g
    weight = target.total_weight()
    return total / weight, slopes.ravel() / weight


class Saving(NamedTuple):
    """What recalibration saves of each row's cross-entropy, (n,), and what by chance.

    Chance alone is what it would save on average of predictions that are calibrated.
    """

    each: Floats
    chance: float


def saving(target: Target, raw: Floats) -> Saving:
    """Return what recalibration saves of cross-entropy, in nats."""
    raw = log_odds(raw)
    if target.n_classes == 1:
        return Saving(np.zeros(len(raw)), 0.0)
    weight = target.row_weights()
    loss, plain = CrossEntropy(), replace(target, sample_weight=None)
    better = np.ascontiguousarray(recalibrated(loss, target, raw))
    each = loss_of_rows(loss, plain, raw) - loss_of_rows(loss, plain, better)
    if target.soft is not None:
        chance = 0.0
    elif raw.ndim == 1:
        chance = _chance_of_isotonic(raw, weight)
    else:
        # Wilks: half a parameter each. A shift of all classes is none, nor is the scale
        # of a column that is constant.
        share = weight / weight.sum()
        n_parameters = (
            target.n_classes - 1 + np.count_nonzero(raw.max(axis=0) > raw.min(axis=0))
        )
        chance = n_parameters / 2 * float(share @ share)
    return Saving(each, chance)


def _chance_of_isotonic(raw: Floats, weight: NDArray[np.float64]) -> float:
    """Return the mean saving for labels that are drawn from the predictions."""
    proba = expit(raw)[:, np.newaxis]
    (column,) = columns_of(Outcomes(proba, np.zeros_like(proba), weight))
    p, w, start = column.confidence, column.weight, column.coarse()
    with np.errstate(divide="ignore"):
        if_true, if_not = w * -np.log(p), w * -np.log1p(-p)
    group = np.add.reduceat(w, start)
    # The same numbers in every call, so that an explanation can be repeated.
    rng, saved = np.random.RandomState(0), 0.0
    for _ in range(RESAMPLES):
        y = rng.uniform(size=len(p)) < p
        fit = column.fitted(y, start, group)
        saved += np.where(y, if_true, if_not).sum()
        saved -= group @ (entr(fit) + entr(1 - fit))
    return float(saved / RESAMPLES / w.sum())
