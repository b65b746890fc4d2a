"""The mean loss of logits that a few parameters move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.inputs.targets import Target
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import ignore_overflow
from skxent.kernels.threads import one_blas_thread
from skxent.losses._loss import Loss
from skxent.optimize.inverse import Inverse
from skxent.optimize.newton import newton
from skxent.optimize.smooth import Point, start_rows
from skxent.optimize.solution import Solution, SolverOptions

Vector = NDArray[np.float64]

# Logits that a block of rows holds: about a megabyte.
LOGITS_PER_BLOCK = 1 << 17


class ScalingObjective(ABC):
    """Value and derivatives in the parameters t of ``f(t) = mean loss of move(t, z)``.

    z is (n, K), or (n, 1) for two classes; read block by block, in float64.
    """

    dtype = np.dtype(np.float64)

    def __init__(
        self, z: Floats, target: Target, loss: Loss, n_threads: int | None = None
    ) -> None:
        self.z, self.target, self.loss = z, target, loss
        self.n_threads = n_threads
        self.total_weight = target.total_weight()
        self.passes = 0

    @staticmethod
    @abstractmethod
    def n_parameters(n_outputs: int) -> int:
        """Return the length of t for so many columns of logits."""

    @abstractmethod
    def start(self) -> Vector:
        """Return the parameters to begin with."""

    @staticmethod
    @abstractmethod
    def transform(t: Vector, z: Floats) -> Floats:
        """Return the moved logits."""

    @abstractmethod
    def vjp(self, t: Vector, z: Floats, slope: Floats) -> Vector:
        """Return the derivative in t, from that in the moved logits."""

    @abstractmethod
    def jacobian_columns(self, z: Floats, moved: Floats) -> Iterator[Floats]:
        """Yield the derivative of the moved logits in each parameter."""

    def at(self, t: Vector) -> Point:
        """Evaluate the mean loss and its gradient."""
        total, gradient = 0.0, np.zeros_like(t)
        for z, target, moved in self._blocks(t):
            value, slope = np.empty(len(z)), np.empty_like(z)
            self._evaluate(moved, target, value=value, gradient=slope)
            total += float(value.sum())
            gradient += self.vjp(t, z, slope)
        return Point(t, total / self.total_weight, gradient / self.total_weight)

    def curvature(self, t: Vector, gradient: Vector) -> Vector:
        """Return the Hessian, or what becomes it at the minimum: (P, P)."""
        H = np.zeros((len(t), len(t)))
        for z, target, moved in self._blocks(t):
            product = np.empty_like(z)
            for column, direction in enumerate(self.jacobian_columns(z, moved)):
                self._evaluate(moved, target, x=direction, product=product)
                H[column] += self.vjp(t, z, product)
        return H / self.total_weight

    @ignore_overflow  # Inverse reports it
    def minimise(self, options: SolverOptions) -> Solution:
        """Find the parameters of least loss."""
        start, rows = self.start(), start_rows(len(self.z))
        if rows is not None:
            sample = type(self)(
                self.z[rows], self.target.rows(rows), self.loss, self.n_threads
            )
            if sample.total_weight > 0:
                start = sample.minimise(options).weights

        def step(point: Point, _: float) -> tuple[Vector, bool]:
            gradient = point.gradient
            if not gradient.any():  # all rows are saturated and correct
                return np.zeros_like(gradient), True
            inverse = Inverse(self.curvature(point.W, gradient))
            return -inverse(gradient[:, np.newaxis])[:, 0], inverse.positive

        # The last bits of factors depend on the threads of BLAS.
        with one_blas_thread():
            return newton(self, start, step, options)

    def may_be_unbounded(self, value: float) -> bool:
        """Return False: if there is no minimum, the fit ends at max_iter."""
        return False

    def _blocks(self, t: Vector) -> Iterator[tuple[Floats, Target, Floats]]:
        self.passes += 1
        rows = max(1, LOGITS_PER_BLOCK // self.z.shape[1])
        for start in range(0, len(self.z), rows):
            block = slice(start, start + rows)
            z = self.z[block].astype(np.float64, copy=False)
            target = self.target if len(z) == len(self.z) else self.target.rows(block)
            yield z, target, self.transform(t, z)

    def _evaluate(self, z: Floats, target: Target, **arrays: Any) -> None:
        self.loss.evaluate(z, target, n_threads=self.n_threads, **arrays)


class TemperatureObjective(ScalingObjective):
    """z / T, the parameter being log(1 / T): any step of it leaves T positive."""

    @staticmethod
    def n_parameters(n_outputs: int) -> int:
        return 1

    def start(self) -> Vector:
        return np.zeros(1)

    @staticmethod
    def transform(t: Vector, z: Floats) -> Floats:
        return np.exp(t[0]) * z

    def vjp(self, t: Vector, z: Floats, slope: Floats) -> Vector:
        # The order in which BLAS sums depends on its threads.
        return np.exp(t) * (z * slope).sum()

    def jacobian_columns(self, z: Floats, moved: Floats) -> Iterator[Floats]:
        yield moved

    def curvature(self, t: Vector, gradient: Vector) -> Vector:
        # A step up is Newton's of 1 / T, but no further than T / 150; a step down is
        # bounded by that to T e.
        h = np.abs(super().curvature(t, gradient))
        if gradient[0] >= 0:
            return h + gradient
        return -gradient[np.newaxis] / min(
            5.0, np.log1p(-gradient[0] / max(h[0, 0], 1e-300))
        )


class VectorObjective(ScalingObjective):
    """a * z + b, class by class."""

    @staticmethod
    def n_parameters(n_outputs: int) -> int:
        return 2 * n_outputs

    def start(self) -> Vector:
        # Saturated logits have no curvature to start from.
        common = TemperatureObjective(self.z, self.target, self.loss, self.n_threads)
        log_scale = common.minimise(SolverOptions(tol=1e-2, max_iter=50)).weights
        n_outputs = self.z.shape[1]
        return np.r_[np.full(n_outputs, np.exp(log_scale)), np.zeros(n_outputs)]

    def minimise(self, options: SolverOptions) -> Solution:
        """Find the parameters of least loss; biases sum to zero."""
        solution = super().minimise(options)
        scale, bias = solution.weights.reshape(2, -1)
        if len(bias) > 1:  # softmax does not see a common bias
            bias = bias - bias.mean()
        return replace(solution, weights=np.r_[scale, bias])

    @staticmethod
    def transform(t: Vector, z: Floats) -> Floats:
        scale, bias = t.reshape(2, -1)
        return scale * z + bias

    def vjp(self, t: Vector, z: Floats, slope: Floats) -> Vector:
        return np.concatenate([(z * slope).sum(axis=0), slope.sum(axis=0)])

    def jacobian_columns(self, z: Floats, moved: Floats) -> Iterator[Floats]:
        direction = np.zeros_like(z)
        for values in (z, np.ones_like(z)):
            for k in range(z.shape[1]):
                direction[:, k] = values[:, k]
                yield direction
                direction[:, k] = 0
