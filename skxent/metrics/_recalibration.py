"""The best recalibrated predictions, and what they save of a loss by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import approx_fprime, minimize
from scipy.special import entr, expit, xlog1py, xlogy
from sklearn.isotonic import isotonic_regression

from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_sum
from skxent.kernels import _labels
from skxent.kernels.arrays import Floats, stable_order
from skxent.losses._loss import Loss
from skxent.losses._shipped import CrossEntropy
from skxent.metrics._rows import loss_of_rows, mean_loss, mean_of

LARGEST_LOGIT = 700.0  # Its exponential is finite.
BLOCK = 1 << 12  # rows that are scaled at once
SAMPLE = 5000  # rows from which the first scales and the curvature are found
MAX_STEPS = 10
# Steps stop when one changes the mean loss by less. The next would change it a thousand
# times less: by the square of the error of the curvature.
PRECISE = 1e-7
RESAMPLES = 20  # for the mean saving by chance
MAX_GROUPS = 2000  # of neighbouring rows whose labels are drawn together


@dataclass(frozen=True)
class Predicted:
    """Predictions of rows.

    table : ndarray of shape (n,) for two classes, else (n, K)
        Odds or log-odds; probabilities or logits.
    in_logs : bool
        Whether they are log-odds or logits.
    """

    table: Floats
    in_logs: bool = True

    @classmethod
    def of_probabilities(cls, proba: Floats) -> Predicted:
        """Read a table (n, K), or (n, 1) of the second class, and clip two classes."""
        eps = np.finfo(proba.dtype).eps
        if proba.shape[1] > 2:
            return cls(proba, in_logs=False)
        # In float64, because odds differ where probabilities near 1 round to the same.
        p = np.maximum(proba.T, eps, dtype=np.float64)
        first = p[0] if len(p) == 2 else np.maximum(1 - p[0], eps)
        return cls(p[-1] / first, in_logs=False)

    @classmethod
    def of_logits(cls, raw: Floats) -> Predicted:
        """Read logits (n, K), of two classes as log-odds of the second, or log-odds."""
        if raw.ndim == 2 and raw.shape[1] == 2:
            with np.errstate(invalid="ignore"):
                return cls(raw[:, 1] - raw[:, 0])
        return cls(raw)

    def logits(self, rows: slice) -> Floats:
        """Return the logits of some rows, by classes: (K, rows)."""
        z: Floats = self.table[rows].T.astype(np.float64, order="C")
        if self.in_logs:
            return np.clip(z, -LARGEST_LOGIT, LARGEST_LOGIT, out=z)
        np.maximum(z, np.finfo(self.table.dtype).eps, out=z)
        return np.log(z, out=z)

    def second_proba(self) -> Floats:
        """Return the probability of the second of two classes: (n,)."""
        return expit(self.table) if self.in_logs else self.table / (1 + self.table)


def share_of(target: Target, c: int) -> NDArray[np.float64]:
    """Return the share of class c in the label of each row: (n,)."""
    if target.codes is not None:
        return (target.codes == c).astype(np.float64)
    assert target.soft is not None
    return np.ascontiguousarray(target.soft[:, c], dtype=np.float64)


def least_loss(loss: Loss, target: Target, predicted: Predicted) -> float:
    """Return the least mean loss of recalibrated predictions.

    Isotonic for two classes; for more a scale and a shift of each class. The target has
    its class weights in those of the rows.
    """
    if predicted.table.ndim == 1:
        return _pool(target, predicted).mean_loss(loss)
    target = target.moderate()
    best = _best_scales(loss, target, predicted)
    value = _scaled_losses(loss, target, predicted, best)
    return mean_of(value, target.total_weight())


class Blocks(NamedTuple):
    """Rows in blocks of one recalibrated probability, by isotonic regression.

    order : ndarray of shape (n,)
        The rows, by their prediction.
    size, mass, hits : ndarray of shape (blocks,)
        How many rows a block has, their weight, and that of the second class.
    """

    order: NDArray[np.intp]
    size: NDArray[np.int64]
    mass: Floats
    hits: Floats

    def log_odds(self) -> Floats:
        """Return the log-odds of each block, which may be infinite."""
        with np.errstate(divide="ignore"):
            return np.log(self.hits) - np.log(self.mass - self.hits)

    def of_rows(self) -> Floats:
        """Return the log-odds of each row: (n,)."""
        fitted = np.empty(len(self.order))
        fitted[self.order] = np.repeat(self.log_odds(), self.size)
        return fitted

    def mean_loss(self, loss: Loss) -> float:
        """Return the mean loss of the blocks, each with a row for either class."""
        n = 2 * len(self.size)
        weight = np.concatenate([self.mass - self.hits, self.hits])
        target = make_target(np.arange(n) // (n // 2), n, 2, sample_weight=weight)
        return mean_loss(loss, target, np.tile(self.log_odds(), 2))


def _pool(target: Target, predicted: Predicted) -> Blocks:
    """Return the blocks of isotonic regression, the same for every proper loss.

    See Brümmer and du Preez (2013), arXiv 1304.2331.
    """
    x: NDArray[np.float64] = np.ascontiguousarray(predicted.table, np.float64)
    n, order, weight = len(x), stable_order(x), target.moderate().sample_weight
    end, sums = np.empty(n, dtype=np.int64), np.empty((2, n))
    places = order.astype(np.int64, copy=False)
    n_blocks = _labels.pool_adjacent(x, share_of(target, 1), weight, places, end, sums)
    check_sum(float(n_blocks))
    mass, hits = np.diff(sums[:, :n_blocks], prepend=0.0)
    size = np.diff(end[:n_blocks], prepend=0)
    size[-1] += n - size.sum()
    return Blocks(order, size, mass, np.clip(hits, 0.0, mass))


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def _best_scales(loss: Loss, target: Target, predicted: Predicted) -> Floats:
    """Return the scales, and then the shifts, of the classes that have the least loss.

    A sample of rows gives a start and the curvature there, so that Newton's method
    needs few steps over all rows.
    """
    n, K = predicted.table.shape
    start: Floats = np.repeat([1.0, 0.0], K)
    step = max(1, n // SAMPLE)
    sample = slice(0, n, step)
    of_sample = partial(
        _scaled_loss, loss, target.rows(sample).moderate(), predicted.logits(sample)
    )
    found = _minimum(of_sample, start)
    if step == 1:
        return found
    curvature = approx_fprime(found, lambda x: of_sample(x)[1])
    # The loss does not depend on a common shift: without a ridge this is singular.
    curvature = (curvature + curvature.T) / 2
    curvature += np.diag(1e-7 * np.abs(curvature.diagonal()) + 1e-12)
    # float32 takes half the memory, and is precise enough for the minimiser.
    columns = np.empty((K, n), dtype=np.float32)
    for rows in _blocks(n):
        columns[:, rows] = predicted.logits(rows)
    best = found
    for _ in range(MAX_STEPS):
        slope = _scaled_loss(loss, target, columns, best)[1]
        move = np.linalg.solve(curvature, slope)
        best, saved = best - move, slope @ move / 2
        if abs(saved) <= PRECISE:
            return best
    return _minimum(partial(_scaled_loss, loss, target, columns), found)


def _minimum(objective: Any, start: Floats) -> Floats:
    options = {"gtol": 1e-9, "maxcor": 40}
    solution = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    found: Floats = solution.x
    return found


def _scaled_loss(
    loss: Loss, target: Target, columns: Floats, scale_and_shift: Floats
) -> tuple[float, Floats]:
    """Return the mean loss of scaled logits (K, n) and its gradient."""
    scale, shift = scale_and_shift.reshape(2, -1, 1).astype(columns.dtype)
    total, slopes = 0.0, np.zeros((2, len(scale)))
    for rows in _blocks(columns.shape[1]):
        part, of_rows = columns[:, rows], target.rows(rows)
        if of_rows.soft is not None:
            of_rows = replace(of_rows, soft=of_rows.soft.astype(part.dtype))
        z = part * scale
        z += shift
        value, gradient = np.empty(z.shape[1], dtype=z.dtype), np.empty_like(z)
        loss.evaluate(z.T, of_rows, value=value, gradient=gradient.T)
        total += float(value.sum(dtype=np.float64))
        slopes[0] += np.einsum("kn,kn->k", gradient, part)
        slopes[1] += gradient.sum(axis=1)
    weight = target.total_weight()
    return total / weight, slopes.ravel() / weight


def _scaled_losses(
    loss: Loss, target: Target, predicted: Predicted, scale_and_shift: Floats
) -> Floats:
    """Return the weighted loss of each row with scaled logits: (n,)."""
    scale, shift = scale_and_shift.reshape(2, -1, 1)
    value = np.empty(len(predicted.table))
    for rows in _blocks(len(value)):
        z = predicted.logits(rows) * scale
        z += shift
        loss.evaluate(z.T, target.rows(rows), value=value[rows])
    return value


class Saving(NamedTuple):
    """The cross-entropy of each row after recalibration, (n,), and what chance saves.

    Chance is the mean saving if the predictions are calibrated already.
    """

    left: Floats
    chance: float


def saving(target: Target, predicted: Predicted) -> Saving:
    """Return what recalibration saves of cross-entropy, in nats."""
    loss, plain = CrossEntropy(), replace(target, sample_weight=None)
    weight = target.sample_weight
    if predicted.table.ndim == 1:
        blocks = _pool(target, predicted)
        left, chance = loss_of_rows(loss, plain, blocks.of_rows()), 0.0
        if target.soft is None:
            p = predicted.second_proba()[blocks.order]
            weight = np.ones(len(p)) if weight is None else weight[blocks.order]
            chance = _chance_of_isotonic(p, weight)
        return Saving(left, chance)
    best = _best_scales(loss, target.moderate(), predicted)
    left, chance = _scaled_losses(loss, plain, predicted, best), 0.0
    if target.soft is None:
        # Wilks: half a parameter each. A shift of all classes is none, nor is the scale
        # of a column that is constant.
        varied = sum(np.ptp(c[:BLOCK]) > 0 or np.ptp(c) > 0 for c in predicted.table.T)
        n_parameters = target.n_classes - 1 + varied
        share = np.full(1, 1 / len(left)) if weight is None else weight / weight.sum()
        squares = share @ share * (len(left) if weight is None else 1)
        chance = n_parameters / 2 * float(squares)
    return Saving(left, chance)


def _chance_of_isotonic(p: Floats, weight: NDArray[np.float64]) -> float:
    """Return the mean saving for labels that are drawn from sorted predictions.

    Neighbouring rows with nearly the same prediction are drawn together, from a
    binomial distribution with the mean and variance of the sum of their labels.
    """
    kept = weight > 0
    if not kept.all():
        p, weight = p[kept], weight[kept]
    start = np.flatnonzero(np.diff(p, prepend=-1.0))
    start = start[:: -(-len(start) // MAX_GROUPS)]
    mass = np.add.reduceat(weight, start)
    p = np.minimum(np.add.reduceat(weight * p, start) / mass, 1.0)
    count = np.rint(mass**2 / np.add.reduceat(weight**2, start)).astype(np.int64)
    # The same numbers in every call, so that an explanation can be repeated.
    rng, saved = np.random.RandomState(0), 0.0
    for _ in range(RESAMPLES):
        y = rng.binomial(count, p) / count
        fit = isotonic_regression(y, sample_weight=mass, y_min=0.0, y_max=1.0)
        saved -= mass @ (xlogy(y, p) + xlog1py(1 - y, -p) + entr(fit) + entr(1 - fit))
    return float(saved / RESAMPLES / mass.sum())
