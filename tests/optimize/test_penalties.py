"""Penalties as values, and proximal Newton with any of them."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize

from problems import objective_of
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy, Focal
from skxent.optimize.models import GroupsModel, MatrixModel
from skxent.optimize.objective import Objective
from skxent.optimize.penalties import (
    L1,
    L2,
    ElasticNet,
    SignedElasticNet,
    elastic_net,
)
from skxent.optimize.penalty import Penalty
from skxent.optimize.quadratic_penalty import QuadraticPenalty
from skxent.optimize.rows import table_rows
from skxent.optimize.smooth import Columns, Weights
from skxent.optimize.solution import SolverOptions
from skxent.optimize.solve import solve


@dataclass(frozen=True, eq=False)
class GroupLasso(Penalty):
    """Σ strength ‖W_g‖₂ over groups g of rows: a group is used as a whole, or not.

    group, strength : (D,), of each row; strength is zero for the intercepts.
    """

    group: Columns
    strength: Weights
    smooth = False

    @property
    def curvature(self) -> Weights:
        return np.zeros((len(self.group), 1))

    def groups(self) -> list[Columns]:
        return [np.flatnonzero(self.group == g) for g in np.unique(self.group)]

    def nonsmooth_value(self, W: Weights) -> float:
        return sum(
            self.strength[g[0]] * float(np.linalg.norm(W[g])) for g in self.groups()
        )

    def prox(self, V: Weights, step: float) -> Weights:
        W = V.copy()
        for g in self.groups():
            size, cut = np.linalg.norm(V[g]), step * self.strength[g[0]]
            W[g] *= 1 - cut / size if size > cut else 0.0
        return W

    def restricted(self, index: Columns) -> "GroupLasso":
        return replace(self, group=self.group[index], strength=self.strength[index])


SIZE, M = 6, 3


def penalties():
    """One of each kind, of weights of six rows, the last of them intercepts."""
    rng = np.random.default_rng(0)
    strength = np.append(rng.uniform(0.1, 1, SIZE - 1), 0.0)
    group, of_group = np.array([0, 0, 1, 1, 2, 3]), np.array([0.5, 0.5, 0.8, 0.8, 1, 0])
    root = rng.normal(size=(SIZE * M, SIZE * M))
    center, origin = rng.normal(size=(SIZE, M)), np.zeros(SIZE - 1)
    diagonal = rng.uniform(size=(SIZE, M))
    return {
        "l2": L2(strength[:, np.newaxis]),
        "l1": L1(strength),
        "elastic net": ElasticNet(strength, strength[:, np.newaxis] / 2),
        "signs": SignedElasticNet(
            strength, strength[:, np.newaxis] / 2, np.array([1.0, -1, 0, 1, -1, 0])
        ),
        "stream": QuadraticPenalty(center, root @ root.T, origin),
        "diagonal stream": QuadraticPenalty(center, diagonal, origin),
        "group lasso": GroupLasso(group, of_group),
    }


PENALTIES = penalties()
all_penalties = pytest.mark.parametrize("name", PENALTIES)
proximal = pytest.mark.parametrize(
    "name", [name for name in PENALTIES if not PENALTIES[name].smooth]
)


def hessian(penalty):
    H = np.zeros((SIZE * M, SIZE * M))
    penalty.add_to_hessian(H)
    return H


@all_penalties
def test_derivatives_of_the_smooth_part(name):
    penalty = PENALTIES[name]
    W, V = np.random.default_rng(1).normal(size=(2, SIZE, M))
    gradient = penalty.value_gradient(W)[1]
    above, below = (penalty.value_gradient(W + s * V)[0] for s in (1e-4, -1e-4))
    assert_allclose((above - below) / 2e-4, np.vdot(gradient, V), atol=1e-9)
    product = penalty.hessian_product(V)
    change = penalty.value_gradient(W + V)[1] - gradient
    assert_allclose(product, change, atol=1e-12)
    H = hessian(penalty)
    assert_allclose(H @ V.T.ravel(), product.T.ravel(), atol=1e-12)
    by_output = np.diagonal(H).reshape(M, SIZE).T
    assert_allclose(np.broadcast_to(penalty.curvature, W.shape), by_output)


@all_penalties
def test_blocks_of_the_hessian_are_added_to_gram_matrices(name):
    penalty = PENALTIES[name]
    blocks = np.einsum("kikj->kij", hessian(penalty).reshape(M, SIZE, M, SIZE))
    grams, one = np.zeros((M, SIZE, SIZE)), np.ones((1, SIZE, SIZE))
    penalty.add_to_grams(grams)
    assert_allclose(grams, blocks)
    penalty.add_to_grams(one)
    assert_allclose(one[0] - 1, blocks.mean(axis=0), atol=1e-12)


@proximal
@pytest.mark.parametrize("step", [0.1, 1.0, 3.0])
def test_the_proximal_map_is_the_minimum(name, step):
    penalty, rng = PENALTIES[name], np.random.default_rng(2)
    V = rng.normal(size=(SIZE, M))
    end = penalty.prox(V, step)

    def value(W):
        return 0.5 * ((W - V) ** 2).sum() + step * penalty.nonsmooth_value(W)

    least = value(end)
    for size in (1e-6, 1e-3, 0.1, 1.0):
        for _ in range(20):
            assert value(end + size * rng.normal(size=V.shape)) >= least
    for row in range(SIZE):
        moved = end.copy()
        moved[row] = V[row]
        assert value(moved) >= least - 1e-15
    assert_array_equal(end[-1], V[-1])  # intercepts


@proximal
def test_a_part_is_the_penalty_of_weights_that_are_zero_elsewhere(name):
    penalty, index = PENALTIES[name], np.array([0, 3, 5])
    part, few = penalty.restricted(index), np.random.default_rng(0).normal(size=(3, M))
    W = np.zeros((SIZE, M))
    W[index] = few
    assert_allclose(part.nonsmooth_value(few), penalty.nonsmooth_value(W))
    assert_allclose(part.value_gradient(few)[0], penalty.value_gradient(W)[0])
    assert_allclose(part.prox(few, 0.5), penalty.prox(W, 0.5)[index])


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_in_other_coordinates_is_the_same_quadratic(whole):
    rng = np.random.default_rng(0)
    root, here, there = rng.normal(size=(SIZE * M, SIZE * M)), *rng.normal(size=(2, 5))
    center = rng.normal(size=(SIZE, M))
    matrix = root @ root.T if whole else rng.uniform(size=(SIZE, M))
    penalty = QuadraticPenalty(center, matrix, here)
    varies = np.zeros(5, dtype=bool)
    moved = penalty.shift_origin(there, varies)
    W = rng.normal(size=(SIZE, M))
    same = W.copy()
    same[-1] += (there - here) @ W[:-1]
    if whole:
        expected = penalty.value_gradient(W)[0]
        assert_allclose(moved.value_gradient(same)[0], expected)
    assert_allclose(moved.value_gradient(moved.center)[0], 0, atol=1e-12)
    assert_allclose(moved.shift_origin(here, varies).center, center)
    # A constant that is rounded in another way has not moved.
    near = np.nextafter(here, np.inf)
    assert penalty.shift_origin(near, ~varies).origin is here
    assert_array_equal(penalty.shift_origin(near, varies).origin, near)


@pytest.mark.parametrize(
    ("strength", "l1_ratio", "kind"),
    [(0.0, 1.0, L2), (2.0, 0.0, L2), (2.0, 1.0, L1), (2.0, 0.25, ElasticNet)],
)
def test_the_penalty_of_a_ratio(strength, l1_ratio, kind):
    X, y = data()
    rows = table_rows(X, make_target(y, len(y), M), fit_intercept=True)
    penalty = elastic_net(rows, strength, l1_ratio)
    assert type(penalty) is kind
    W = np.random.default_rng(0).normal(size=rows.shape)
    features = W[:-1]
    expected = l1_ratio * np.abs(features).sum()
    expected += (1 - l1_ratio) / 2 * (features**2).sum()
    found = penalty.value_gradient(W)[0] + penalty.nonsmooth_value(W)
    assert_allclose(found, strength * expected)


def data(d=8, n=200, n_classes=M):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-1, 2, d) + 1
    z = (X - 1)[:, :2] / X[:, :2].std(axis=0) @ rng.normal(size=(2, n_classes))
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def grouped(d, n_groups, strength, loss=CrossEntropy(), n_classes=M):
    X, y = data(d, n_classes=n_classes)
    target = make_target(y, len(y), n_classes)
    rows = table_rows(X, target, fit_intercept=True)
    group = np.append(np.arange(d) * n_groups // d, n_groups)
    strengths = np.append(np.full(d, strength), 0.0)
    return Objective(rows, loss, GroupLasso(group, strengths))


@dataclass(frozen=True, eq=False)
class RidgeByOutput(Penalty):
    """½ Σ strength W², with a strength of its own for each output: (D, m)."""

    strength: Weights

    @property
    def curvature(self) -> Weights:
        return self.strength

    def restricted(self, index: Columns) -> "RidgeByOutput":
        return replace(self, strength=self.strength[index])


@pytest.mark.parametrize("solver", ["newton-cholesky", "newton-cg", "lbfgs"])
@pytest.mark.parametrize("d", [8, 40])
def test_a_penalty_that_differs_between_outputs(solver, d):
    """A shift that all outputs share is not free: solvers must move along it."""
    X, y = data(d)
    rows = table_rows(X, make_target(y, len(y), M), fit_intercept=True)
    strength = np.random.default_rng(0).uniform(0.001, 1, rows.shape)
    strength[-1] = 0.0
    objective = Objective(rows, CrossEntropy(), RidgeByOutput(strength))
    options = SolverOptions(tol=1e-9, max_iter=500)
    found = solve(objective, np.zeros(objective.shape), options, solver)
    assert_allclose(objective.at(found.weights).gradient, 0, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("d", "n_groups", "strength"), [(8, 4, 0.05), (8, 8, 0.05), (300, 100, 0.2)]
)
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(1.0)], ids=repr)
def test_a_group_lasso_needs_no_solver_of_its_own(
    n_classes, d, n_groups, strength, loss
):
    objective = grouped(d, n_groups, strength, loss, n_classes)
    options = SolverOptions(tol=1e-8, max_iter=200)
    found = solve(objective, np.zeros(objective.shape), options)
    assert found.converged
    point, used = objective.at(found.weights), 0
    for g in objective.penalty.groups()[:-1]:
        W, slope = point.W[g], point.gradient[g]
        assert W.any(axis=1).all() or not W.any()
        if W.any():
            used += 1
            assert_allclose(slope, -strength * W / np.linalg.norm(W), atol=1e-6)
        else:
            assert np.linalg.norm(slope) <= strength + 1e-6
    assert 0 < used < n_groups
    assert_allclose(point.gradient[-1], 0, atol=1e-6)


def test_a_group_lasso_is_lower_than_what_a_general_solver_finds():
    objective = grouped(8, 4, 0.03)

    def value(w):
        return objective.composite_at(w.reshape(objective.shape)).value

    start = np.zeros(objective.shape)
    found = solve(objective, start, SolverOptions(tol=1e-9, max_iter=200))
    other = minimize(value, found.weights.ravel(), method="Powell").fun
    assert found.value <= other + 1e-10
    assert_allclose(found.value, value(found.weights.ravel()), rtol=1e-12)


@pytest.mark.parametrize("l1", [0.01, 0.1])
def test_proximal_steps_find_what_coordinate_descent_finds(l1):
    X, y = data()
    objective = objective_of(X, make_target(y, len(y), M), CrossEntropy(), l1=l1)
    W = np.random.default_rng(0).normal(size=objective.shape) * 0.1
    ends = []
    penalty = objective.penalty
    for model in (
        MatrixModel(objective, penalty.l1_weights),
        GroupsModel(objective, penalty),
    ):
        model.expand(W)
        ends.append(model.minimise(W, objective.at(W).gradient, 1e-9))
    (found, slope), (expected, other) = ends
    # A shift of all intercepts changes nothing.
    found[-1] -= found[-1].mean()
    expected[-1] -= expected[-1].mean()
    assert_allclose(found, expected, atol=1e-5)
    assert_allclose(slope, other, atol=1e-6)
