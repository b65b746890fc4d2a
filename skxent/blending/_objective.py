"""The mean loss of blended probabilities, as a function of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.tables import two_columns
from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._probabilities import softmax
from skxent.optimize.simplex import SimplexFunction, Vector
from skxent.optimize.smooth import Point, start_rows

EPS = float(np.finfo(np.float64).eps)

# Log-probabilities that a block of rows holds: a few megabytes.
LOGS_PER_BLOCK = 1 << 19


class BlendObjective(SimplexFunction):
    """The mean loss of a blend of tables (n, K), or (n,) for two classes, of models."""

    def __init__(self, tables: Sequence[Floats], target: Target, loss: Loss) -> None:
        self.tables = tables
        self.target = target
        self.loss = loss
        self.total_weight = target.total_weight()

    def subsample(self) -> Self | None:
        """Return the objective of every k-th row, or None if there are few rows."""
        rows = start_rows(len(self.tables[0]))
        if rows is None:
            return None
        target = self.target.rows(rows)
        if target.total_weight() == 0:
            return None
        return type(self)([table[rows] for table in self.tables], target, self.loss)


class Arithmetic(BlendObjective):
    """A loss depends on a row only through the margin of its class: log a - log(1 - a).

    So K drops out. A (n, M) holds the probabilities that the models give to the class
    of each row. With soft labels each class is a row of its own, weighted by its share.
    If the loss depends on the class, the rows of a class stand together.
    """

    def __init__(self, tables: Sequence[Floats], target: Target, loss: Loss) -> None:
        super().__init__(tables, target, loss)
        rows, classes, weight = _observed(target)
        self.parts = [(loss, slice(None))]
        if loss.by_class:
            order = np.argsort(classes, kind="stable")
            rows, classes, weight = rows[order], classes[order], weight[order]
            ends = np.searchsorted(classes, np.arange(target.n_classes + 1)).tolist()
            self.parts = [
                (loss.of_class(c), slice(*ends[c : c + 2])) for c in np.unique(classes)
            ]
        self.A = np.empty((len(rows), len(tables)))
        for column, table in zip(self.A.T, tables, strict=True):
            column[:] = (
                np.where(classes == 1, table[rows], 1 - table[rows])
                if table.ndim == 1
                else table[rows, classes]
            )
        np.clip(self.A, EPS, 1 - EPS, out=self.A)
        self.weight = weight / self.total_weight
        self.yes = Target(np.ones(len(rows), dtype=np.intp), None, np.ones(2))

    def at(self, w: Vector) -> Point:
        a, q = self._shares(w)
        value, slope = np.empty_like(a), np.empty_like(a)
        z = (np.log(a) - np.log(q))[:, np.newaxis]
        self._evaluate(z, value=value, gradient=slope)
        gradient = (self.weight * slope / (a * q)) @ self.A
        return Point(w, float(self.weight @ value), gradient)

    def hessian(self, w: Vector) -> Vector:
        a, q = self._shares(w)
        q = np.maximum(q, 1e-8)  # beyond, the difference below would be rounding
        slope, curvature = np.empty_like(a), np.empty_like(a)
        z = (np.log(a) - np.log(q))[:, np.newaxis]
        self._evaluate(z, gradient=slope, hessian=curvature)
        second = (curvature + slope * (a - q)) / (a * q) ** 2
        return self.A.T @ ((self.weight * second)[:, np.newaxis] * self.A)

    def _evaluate(self, z: Floats, **arrays: Vector) -> None:
        for loss, rows in self.parts:
            part: dict[str, Any] = {name: x[rows] for name, x in arrays.items()}
            loss.evaluate(z[rows], self.yes.rows(rows), **part)

    def _shares(self, w: Vector) -> tuple[Vector, Vector]:
        a = np.clip(self.A @ w, EPS, 1 - EPS)
        return a, 1 - a


class LogLinear(BlendObjective):
    """The logits are Σ_m w_m log p_m: linear, so the Hessian is that of the loss."""

    def __init__(self, tables: Sequence[Floats], target: Target, loss: Loss) -> None:
        super().__init__(tables, target, loss)
        self.logs = np.stack([log_proba(table) for table in tables])

    def at(self, w: Vector) -> Point:
        total, gradient = 0.0, np.zeros_like(w)
        for logs, target, z in self._blocks(w):
            value, slope = np.empty(len(z)), np.empty_like(z)
            self.loss.evaluate(z, target, value=value, gradient=slope)
            total += float(value.sum())
            gradient += logs.reshape(len(w), -1) @ slope.ravel()
        return Point(w, total / self.total_weight, gradient / self.total_weight)

    def hessian(self, w: Vector) -> Vector:
        H = np.zeros((len(w), len(w)))
        for logs, target, z in self._blocks(w):
            products = np.empty_like(logs)
            for x, product in zip(logs, products, strict=True):
                self.loss.evaluate(z, target, x=x, product=product)
            H += logs.reshape(len(w), -1) @ products.reshape(len(w), -1).T
        return H / self.total_weight

    def _blocks(self, w: Vector) -> Iterator[tuple[Floats, Target, Floats]]:
        n_models, n_rows, n_outputs = self.logs.shape
        step = max(1, LOGS_PER_BLOCK // (n_models * n_outputs))
        for start in range(0, n_rows, step):
            block = slice(start, start + step)
            logs = self.logs[:, block]
            z = (w @ logs.reshape(n_models, -1)).reshape(-1, n_outputs)
            yield logs, self.target.rows(block), z


OBJECTIVES: dict[str, type[BlendObjective]] = {
    "arithmetic": Arithmetic,
    "log-linear": LogLinear,
}


def log_proba(table: Floats) -> Floats:
    """Return logarithms (n, K), or the log-odds (n, 1), in float64."""
    p = np.clip(table.astype(np.float64), EPS, 1 - EPS)
    return np.log(p) if p.ndim == 2 else (np.log(p) - np.log1p(-p))[:, np.newaxis]


def pool(tables: Sequence[Floats], w: Vector, pooling: str) -> Floats:
    """Return the blended probabilities: (n, K)."""
    if pooling == "log-linear":
        logits = sum(x * log_proba(table) for x, table in zip(w, tables, strict=True))
        return softmax(logits)
    mean: Floats = sum(x * table for x, table in zip(w, tables, strict=True))
    # Weights whose sum is an ulp above one go beyond.
    return two_columns(np.clip(mean, 0, 1))


def _observed(target: Target) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
    """Return row, class and weight of everything that was observed."""
    if target.codes is not None:
        return np.arange(target.n_samples), target.codes, target.row_weights()
    assert target.soft is not None
    t = target.soft * target.class_weight
    if target.sample_weight is not None:
        t *= target.sample_weight[:, np.newaxis]
    rows, classes = np.nonzero(t)
    return rows, classes, t[rows, classes].astype(np.float64)
