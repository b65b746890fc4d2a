"""The best recalibrated predictions, and what they save of a loss by chance."""

from __future__ import annotations

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
from skxent.metrics._rows import loss_of_rows, mean_loss

LARGEST_LOGIT = 700.0  # Its exponential is finite.
BLOCK = 1 << 13  # rows that are scaled at once
SAMPLE = 5000  # rows from which the first scales and the curvature are found
SHARE = 4  # One row in so many moves the scales before all rows do.
MANY = 100_000  # rows: their mean is exact enough in float32
MAX_STEPS = 10
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

    def logits(self, rows: Any, dtype: Any) -> Floats:
        """Return the logits of some rows, by classes: (K, rows)."""
        z: Floats = self.table[rows].T.astype(dtype, order="C")
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
    return _scaled(loss, target.moderate(), predicted).least


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


class Scaled(NamedTuple):
    """The scales, and then the shifts, of the classes that have the least mean loss.

    value : ndarray of shape (n,)
        The weighted loss of each row with the scales of the last pass.
    least : float
        The least mean loss, to `_precision`.
    """

    best: Floats
    value: Floats
    least: float


def _precision(n: int) -> tuple[Any, float]:
    """Return the dtype of scaled logits, and when to stop.

    Steps end when the next one would save less. That is subtracted, and known to some
    hundredths: the least loss of many rows is exact to less than what chance saves.
    """
    return (np.float32, 5e-5) if n > MANY else (np.float64, 1e-8)


def _scaled(loss: Loss, target: Target, predicted: Predicted) -> Scaled:
    """Minimise the mean loss by Newton's method, from samples of rows to all rows."""
    n, K = predicted.table.shape
    dtype, precise = _precision(n)

    def objective(step: int, dtype: Any) -> Any:
        part, labels = predicted, target
        if step > 1:
            w = target.sample_weight
            rows = np.arange(0, n, step) if w is None else np.flatnonzero(w)[::step]
            part = Predicted(predicted.logits(rows, dtype).T)
            labels = target.rows(rows).moderate()
        return partial(_scaled_loss, loss, labels, labels.total_weight(), part, dtype)

    start: Floats = np.repeat([1.0, 0.0], K)
    step = max(1, n // SAMPLE)
    of_sample = objective(step, np.float64)
    x = _minimum(of_sample, start)
    if step == 1:
        value, least, _ = of_sample(x)
        return Scaled(x, value, least)
    curvature = approx_fprime(x, lambda x: of_sample(x)[2])
    # The loss does not depend on a common shift: without a ridge this is singular.
    curvature = (curvature + curvature.T) / 2
    curvature += np.diag(1e-7 * np.abs(curvature.diagonal()) + 1e-12)
    for every in (SHARE, 1) if step > SHARE else (1,):
        of_rows = objective(every, dtype)
        for _ in range(MAX_STEPS):
            value, mean, slope = of_rows(x)
            move = np.linalg.solve(curvature, slope)
            saved = slope @ move / 2
            x = x - move
            if abs(saved) <= (precise if every == 1 else precise / 10):
                break
        else:
            x, saved = _minimum(of_rows, start), 0.0
            value, mean, _ = of_rows(x)
    return Scaled(x, value, float(mean - saved))


def _minimum(objective: Any, start: Floats) -> Floats:
    options = {"gtol": 1e-9, "maxcor": 40}
    keywords: Any = {"jac": True, "method": "L-BFGS-B", "options": options}
    return np.asarray(minimize(lambda x: objective(x)[1:], start, **keywords).x)


def _scaled_loss(
    loss: Loss,
    target: Target,
    weight: float,
    table: Predicted,
    dtype: Any,
    x: Floats,
) -> tuple[Floats, float, Floats]:
    """Return the weighted losses of rows with scaled logits, the mean, its gradient."""
    scale, shift = x.reshape(2, -1, 1).astype(dtype)
    value, slopes = np.empty(len(table.table)), np.zeros((2, len(scale)))
    for start in range(0, len(value), BLOCK):
        rows = slice(start, start + BLOCK)
        part, of_rows = table.logits(rows, dtype), target.rows(rows)
        if of_rows.soft is not None:
            of_rows = replace(of_rows, soft=of_rows.soft.astype(dtype))
        z = part * scale
        z += shift
        of_block, gradient = np.empty(z.shape[1], dtype=dtype), np.empty_like(z)
        loss.evaluate(z.T, of_rows, value=of_block, gradient=gradient.T)
        value[rows] = of_block
        slopes[0] += np.einsum("kn,kn->k", gradient, part)
        slopes[1] += gradient.sum(axis=1)
    return value, float(value.sum()) / weight, slopes.ravel() / weight


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
    (best, left, least), chance = _scaled(loss, target.moderate(), predicted), 0.0
    left += least - left.mean()
    if weight is not None:
        dtype, _ = _precision(len(left))
        left, _, _ = _scaled_loss(loss, plain, 1.0, predicted, dtype, best)
    if target.soft is None:
        # Wilks: half a parameter each. A shift of all classes is none, nor is the scale
        # of a column that is constant.
        varied = sum(np.ptp(c[:SAMPLE]) > 0 or np.ptp(c) > 0 for c in predicted.table.T)
        squares = 1 / len(left)
        if weight is not None:
            squares = float(np.square(weight / weight.sum()).sum())
        chance = (target.n_classes - 1 + varied) / 2 * squares
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
