"""The training objective of the linear models: rows + loss + penalty.

    f(W) = Σ_i w_i ℓ(y_i, x̃_i W) / Σw + penalty(W)

With the L2 penalty ½ ‖W without intercepts‖² / (C Σw) this is scikit-learn's
C Σ w ℓ + ½‖W‖², scaled so that f is a mean loss in nats. The three parts know nothing
of each other, and solvers ask this for what it can do. Another loss, penalty or part of
the rows is a `dataclasses.replace`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.kernels.cached import cached_property
from skxent.losses._loss import Loss
from skxent.optimize.inverse import rounding_of
from skxent.optimize.penalties import zero_sum
from skxent.optimize.penalty import Penalty
from skxent.optimize.rows.base import Rows
from skxent.optimize.smooth import Columns, Point, Weights

# Best log-odds beyond this are those of a class without weight.
MAX_START = 25.0


@dataclass(frozen=True, eq=False, repr=False)
class Objective:
    """A mean loss over rows plus a penalty; derivatives are of what is smooth.

    cache_logits : keep the logits of a point, for the Hessian products that follow.
    cached_hessian : the rows' Hessian at weights near the minimum, as of a neighbour on
    a path of penalties.
    """

    rows: Rows
    loss: Loss
    penalty: Penalty
    cache_logits: bool = False
    cached_hessian: Weights | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Return the shape (D, m) of the weights."""
        return self.rows.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the dtype of X."""
        return self.rows.dtype

    @property
    def operations(self) -> int:
        """Return the multiply-adds of the Hessian, and of its inverse."""
        coefficients = math.prod(self.shape)
        return max(self.rows.n_samples, coefficients) * coefficients**2

    @cached_property
    def precision(self) -> tuple[np.dtype[Any], Weights | None]:
        """Return the dtype of X and the variance of rounding errors in its columns."""
        origin = np.where(self.rows.constant, 0, self.rows.origin)
        return self.dtype, rounding_of(self.dtype, origin)

    @property
    def passes(self) -> int:
        """Return how many passes over the rows there were."""
        return self.rows.passes

    @property
    def uneven(self) -> bool:
        """Return True if coefficients of a column may have penalties of their own."""
        return not self.penalty.shift_invariant

    @cached_property
    def shift_invariant(self) -> bool:
        """Return True if all outputs may shift together, but for a known shift.

        A loss does not see it. Solvers then need not move that way.
        """
        coupled = self.rows.n_outputs > 1 and not self.rows.independent
        return coupled and self.penalty.shift_invariant

    @property
    def smooth(self) -> bool:
        """Return True if there is nothing but what `at` evaluates."""
        return self.penalty.smooth

    @property
    def l1_weights(self) -> Weights | None:
        """Return the L1 weights above and below zero, (2, D), if all else is smooth."""
        return self.penalty.l1_weights

    def restricted_penalty(self, index: Columns) -> Penalty:
        """Return the penalty of some rows of the weights, if the others are zero."""
        return self.penalty.restricted(index)

    def may_be_unbounded(self, value: float = np.inf) -> bool:
        """Return True if the objective, now of this value, may fall for ever."""
        return self.penalty.may_be_unbounded(value)

    def at(self, W: Weights) -> Point:
        """Evaluate the objective and its gradient in one pass."""
        value, gradient, logits = self.rows.value_gradient(
            self.loss, W, self.cache_logits
        )
        penalty, pull = self.penalty.value_gradient(W)
        gradient += pull
        return Point(W, value + penalty, gradient, logits)

    def values_gradient(self, W: Weights) -> tuple[Weights, Weights]:
        """Return f of each independent output, (m,), and the gradient, if smooth."""
        values, gradient, _ = self.rows.values_gradient(self.loss, W)
        pull = self.penalty.hessian_product(W)
        return values + 0.5 * np.einsum("ij,ij->j", W, pull), gradient + pull

    def value_gradient(self, W: Weights) -> tuple[float, Weights]:
        """Return f(W) and its gradient, without what is not smooth."""
        point = self.at(W)
        return point.value, point.gradient

    def composite_at(self, W: Weights) -> Point:
        """Evaluate all of the objective, and the gradient of what is smooth in it."""
        point = self.at(W)
        return Point(W, point.value + self.nonsmooth_value(W), point.gradient)

    def nonsmooth_value(self, W: Weights) -> float:
        """Return the part of the penalty that is not smooth."""
        return self.penalty.nonsmooth_value(W)

    def feasible(self, W: Weights) -> Weights:
        """Return the nearest weights whose penalty is finite."""
        finite = np.isfinite(self.nonsmooth_value(W))
        return W if finite else self.penalty.prox(W, 0.0)

    @cached_property
    def smooth_columns(self) -> NDArray[np.bool_]:
        """Return which columns of X have no part in what is not smooth: (d,)."""
        d, l1 = self.rows.n_features, self.penalty.l1_weights
        if l1 is None:
            return np.zeros(d, dtype=bool)
        return np.asarray((l1[:, :d] == 0).all(axis=0))

    def proximal_step(self, point: Point) -> Weights:
        """Return the step of length one that the gradient and the penalty make."""
        return self.penalty.prox(point.W - point.gradient, 1.0) - point.W

    def hessian_product(self, point: Point, V: Weights) -> Weights:
        """Return the Hessian at the point times V, in one pass."""
        product = self.rows.hessian_product(self.loss, point.W, V, point.logits)
        product += self.penalty.hessian_product(V)
        return product

    def hessian(self, W: Weights) -> Weights:
        """Return the whole Hessian: (m D, m D), output by output."""
        return self.with_penalty(self.rows.hessian(self.loss, W))

    def with_penalty(self, H: Weights) -> Weights:
        """Return a Hessian of the rows, to which the penalty's is added in place."""
        self.penalty.add_to_hessian(H)
        return H

    def gram(self, W: Weights) -> Weights:
        """Return one (D, D) matrix for all outputs: see `Rows.gram`."""
        grams = self.rows.gram(self.loss, W)[np.newaxis]
        self.penalty.add_to_grams(grams)
        return grams[0]

    def grams_by_output(self, W: Weights) -> Weights:
        """Return the Hessian's diagonal blocks: (m, D, D)."""
        grams = self.rows.grams_by_output(self.loss, W)
        self.penalty.add_to_grams(grams)
        return grams

    def shift_curvature(self) -> Weights:
        """Return how the penalty holds a shift of all outputs: (D, 1).

        Zero where solvers need not move that way.
        """
        held = self.penalty.curvature.mean(axis=1, keepdims=True)
        return np.zeros_like(held) if self.shift_invariant else held

    def output_curvature(self, W: Weights) -> Weights:
        """Return the mean curvature in the logits, for each output: (m,)."""
        return self.rows.output_curvature(self.loss, W)

    @cached_property
    def subsample(self) -> Objective:
        """Return the same objective on rows enough to tell its curvature."""
        return replace(self, rows=self.rows.subsample, cached_hessian=None)

    def sample(self, step: int) -> Objective:
        """Return the same objective on every `step`-th row."""
        return replace(self, rows=self.rows.sample(step), cached_hessian=None)

    def best_constant(self) -> Weights:
        """Return the weights that are best, or about so, if all coefficients are zero.

        They are zero if there is no intercept, or if a class has next to no weight: its
        intercept has no minimum, and where it saturates there is no curvature.
        """
        W, rows = np.zeros(self.shape), self.rows
        if rows.fit_intercept:
            # Without the offset, which may be as large as it likes.
            constant = rows.best_constant(self.loss)
            size = np.ptp(np.append(constant, 0.0))
            if rows.independent:
                size = np.abs(constant)
            W[-1] = np.where(size <= MAX_START, constant - rows.mean_offset, 0.0)
        return W

    def restricted(self, columns: Columns) -> Objective:
        """Return the same objective on some columns of X alone."""
        return self._with_rows(self.rows.restricted(columns), columns)

    def renumbered(self, columns: Columns) -> Objective:
        """Return the same objective if all columns of X but these are empty."""
        return self._with_rows(self.rows.renumbered(columns), columns)

    def _with_rows(self, rows: Rows, columns: Columns) -> Objective:
        penalty = self.penalty.restricted(self.rows_of(columns))
        return replace(self, rows=rows, penalty=penalty)

    def rows_of(self, columns: Columns) -> Columns:
        """Return the rows of W that are of these columns, or an intercept."""
        return np.append(columns, np.arange(self.rows.n_features, self.shape[0]))

    def at_best_shift(self, W: Weights) -> Weights:
        """Return W with the shift of all outputs to which the penalty draws it.

        Newton's steps do not go along such a shift, and L-BFGS may have left it.
        """
        if not self.shift_invariant or not W.any():
            return W
        d = self.rows.n_features
        return np.vstack([self.penalty.best_shift(W[:d]), W[d:]])

    def coefficients(self, W: Weights) -> Weights:
        """Return the weights for X itself; a fixed rule chooses the common shift."""
        d = self.rows.n_features
        W = self.rows.with_origin(self.at_best_shift(W))
        if self.shift_invariant:
            W[d:] = zero_sum(W[d:])
        return W
