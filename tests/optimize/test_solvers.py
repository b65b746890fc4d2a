"""Newton's method, its line search and the solvers for smooth objectives."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from problems import objective_of
from skxent import CrossEntropyClassifier
from skxent.inputs.targets import make_target
from skxent.losses import CrossEntropy, Focal
from skxent.optimize.cholesky import newton_cholesky
from skxent.optimize.inverse import eigh
from skxent.optimize.newton import backtrack, is_unbounded_along, newton
from skxent.optimize.quadratic_penalty import QuadraticPenalty
from skxent.optimize.smooth import Point
from skxent.optimize.solution import (
    CONVERGED,
    MAX_ITER,
    ROUNDING,
    STALLED,
    STOPPED,
    Solution,
    SolverOptions,
    Stopped,
)
from skxent.optimize.solve import METHODS, choose_solver, solve

solvers = pytest.mark.parametrize("solver", METHODS)


def problem(n_classes=3, n=400, d=5, loss=CrossEntropy(), **keywords):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-2, 3, d) + 1
    z = (X - 1) / X.std(axis=0) @ rng.normal(size=(d, n_classes))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return objective_of(X, make_target(y, n, n_classes), loss, **keywords)


def parabola(W):
    """W² / 2, lowest at zero."""
    return Point(W, 0.5 * float(W[0] ** 2), W.copy())


@pytest.mark.parametrize(("end", "length"), [(0.0, 1.0), (-3.0, 0.25), (-20.0, 1 / 16)])
def test_a_step_is_halved_until_the_function_falls_enough(end, length):
    start = parabola(np.array([1.0]))
    end = np.array([end])
    slope = float(start.gradient @ (end - start.W))
    found = backtrack(parabola, start, end, slope, 0.0)
    assert found is not None
    assert found[0] <= length and found[1].value < start.value
    assert_allclose(found[1].W, start.W + found[0] * (end - start.W))


def test_a_whole_step_ends_exactly_where_it_should():
    start = parabola(np.array([0.1 + 0.2]))
    _, point = backtrack(parabola, start, np.zeros(1), -0.09, 0.0)
    assert point.W[0] == 0.0


def test_the_line_search_gives_up_where_nothing_falls():
    start = parabola(np.array([1.0]))
    lengths = []

    def at(W):
        lengths.append(W)
        return parabola(W)

    assert backtrack(at, start, np.array([2.0]), -1.0, 0.0, shortest=0.1) is None
    assert len(lengths) == 4  # 1, 1/2, 1/4, 1/8


def test_what_falls_for_ever_is_told_from_a_minimum():
    def exponential(W):
        return Point(W, float(np.exp(-W[0])), -np.exp(-W))

    start = exponential(np.array([8.0]))
    decrement = np.exp(-4.0)
    assert is_unbounded_along(exponential, start, np.ones(1), 0.0, decrement, np.inf)
    near = parabola(np.array([1e-3]))
    step = -near.W
    assert not is_unbounded_along(parabola, near, step, 0.0, 1e-3, np.inf)
    # A decrement that fell by ten does so near a minimum: no pass is made.
    assert not is_unbounded_along(None, start, np.ones(1), 0.0, decrement, 1.0)


class Wall:
    """e^-w, as of separated classes, up to w = 1/2, where a row comes to lie wrong."""

    dtype = np.dtype(np.float64)
    passes = 0
    SCALE = 1e-9

    def at(self, W):
        w, beyond = W[0, 0], max(W[0, 0] - 0.5, 0.0)
        gradient = -self.SCALE * np.exp(-w) + 2 * beyond
        return Point(W, self.SCALE * np.exp(-w) + beyond**2, np.array([[gradient]]))

    def may_be_unbounded(self, value):
        return False


def test_the_last_step_is_no_step_up():
    """A whole step, though tol is reached, unless it leads where nothing foresaw."""
    wall = Wall()

    def newton_step(point, decrement):
        return -point.gradient / (Wall.SCALE * np.exp(-point.W[0, 0])), True

    for start, end in ((-1.0, 0.0), (0.0, 0.0)):
        W = np.array([[start]])
        found = newton(wall, W, newton_step, SolverOptions(max_iter=10))
        assert found.converged
        assert_allclose(found.weights, end)
        assert_allclose(found.value, wall.at(found.weights).value)


class Valley:
    """√(1 + (w - 1000)²): straight far away, where a step of the slope is short."""

    dtype, passes = np.dtype(np.float64), 0

    def at(self, W):
        self.passes += 1
        root = np.sqrt(1 + (W - 1000) ** 2)
        return Point(W, float(root.sum()), (W - 1000) / root)

    def may_be_unbounded(self, value):
        return False


def test_steps_grow_where_the_curvature_is_not_there():
    valley = Valley()
    options = SolverOptions(tol=1e-6, max_iter=60)

    def descent(point, _):
        return -point.gradient, True

    found = newton(valley, np.zeros((1, 1)), descent, options)
    assert found.converged and valley.passes <= 60
    assert_allclose(found.weights, 1000)


class Wrong:
    """A function whose gradient points up."""

    dtype, passes = np.dtype(np.float64), 0

    def at(self, W):
        return Point(W, 1 + float(W.sum()), -np.ones_like(W))

    def may_be_unbounded(self, value):
        return False


def test_no_step_down_is_a_stall():
    found = newton(
        Wrong(), np.zeros(1), lambda point, _: (np.ones(1), True), SolverOptions()
    )
    assert found.reason == STALLED and not found.converged
    assert_array_equal(found.weights, 0)


@solvers
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(1.0)], ids=repr)
def test_every_solver_ends_where_the_gradient_is_zero(solver, n_classes, loss):
    objective = problem(n_classes, loss=loss)
    options = SolverOptions(tol=1e-7, max_iter=1000)
    found = solve(objective, np.zeros(objective.shape), options, solver)
    assert found.converged
    point = objective.at(found.weights)
    scale = np.sqrt(np.diagonal(objective.hessian(found.weights)))
    gradient = point.gradient.T.ravel() / scale
    assert np.abs(gradient).max() < 1e-6
    assert_allclose(found.value, point.value, rtol=1e-11)


@solvers
def test_a_solver_stops_after_max_iter(solver):
    objective = problem()
    options = SolverOptions(tol=1e-12, max_iter=2)
    found = METHODS[solver](objective, np.zeros(objective.shape), options)
    assert found.reason == MAX_ITER and not found.converged and found.n_iter == 2


@solvers
def test_callbacks_are_called_and_may_stop(solver):
    objective, seen = problem(), []

    def callback(W):
        seen.append(objective.at(W).value)
        if len(seen) == 3:
            raise Stopped(W, len(seen))

    options = SolverOptions(tol=1e-9, callback=callback)
    found = solve(objective, np.zeros(objective.shape), options, solver)
    assert found.reason == STOPPED and found.n_iter == 3
    assert seen == sorted(seen, reverse=True)
    assert_allclose(found.value, seen[-1])


def test_reasons_tell_what_is_converged():
    reasons = CONVERGED, ROUNDING, MAX_ITER, STALLED, STOPPED
    converged = [Solution(None, 0.0, 1, 0.0, reason).converged for reason in reasons]
    assert converged == [True, True, False, False, False]


def test_a_hessian_of_a_neighbour_spares_one():
    objective, options = problem(), SolverOptions(tol=1e-8, keep_hessian=True)
    first = newton_cholesky(objective, np.zeros(objective.shape), options)
    rows = objective.rows
    alone = rows.hessian(objective.loss, first.weights)
    assert_allclose(first.hessian, alone, rtol=0.1, atol=0.1 * np.abs(alone).max())
    for cached in (None, first.hessian):
        neighbour = replace(objective, cached_hessian=cached)
        found = newton_cholesky(neighbour, first.weights * 1.001, options)
        assert_allclose(found.value, first.value, rtol=1e-10)
        assert (found.hessian is first.hessian) == (cached is not None)
    assert newton_cholesky(objective, first.weights, SolverOptions()).hessian is None


def test_choice_of_solver():
    def chosen(n, d, n_classes, loss=CrossEntropy(), C=1.0, table=np.zeros):
        target = make_target(np.zeros(n, int), n, n_classes)
        X = table((n, d))
        return choose_solver(objective_of(X, target, loss, C=C), SolverOptions())

    assert chosen(1000, 10, 2) == "newton-cholesky"
    assert chosen(1797, 64, 10) == "lbfgs"
    assert chosen(100_000, 50, 2) == "lbfgs"
    assert chosen(1000, 5000, 20) == "lbfgs"
    assert chosen(1000, 5000, 20, Focal(2.0)) == "newton-cg"
    assert chosen(1000, 5000, 20, C=np.inf) == "newton-cg"
    assert chosen(1000, 5000, 20, table=sp.csr_array) == "newton-cg"
    assert chosen(1000, 50_000, 20, table=sp.csr_array) == "lbfgs"
    # The diagonal of a stream: L-BFGS ended at a decrement of 4 tol.
    X, y = np.zeros((75, 3000)), np.zeros(75, int)
    batch = objective_of(X, make_target(y, 75, 2), CrossEntropy(), C=1.0)
    assert choose_solver(batch, SolverOptions()) == "lbfgs"
    past = QuadraticPenalty.ridge(batch.shape, 1.0, np.zeros(3000))
    stream = replace(batch, penalty=past)
    assert choose_solver(stream, SolverOptions()) == "newton-cg"


@pytest.mark.parametrize(
    ("n", "d", "n_classes"), [(150, 61, 2), (1000, 4, 5), (3000, 60, 3)]
)
@pytest.mark.parametrize(
    "settings",
    [*({"solver": solver} for solver in METHODS), {"l1_ratio": 0.5, "C": 0.1}, None],
    ids=str,
)
def test_bits_do_not_depend_on_threads_of_blas(n, d, n_classes, settings):
    """None: a stream of batches. The Hessian of the last table is made in threads."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    ends = np.linspace(-1, 1, n_classes + 1)[1:-1]
    y = np.digitize(X[:, 0] + rng.logistic(size=n), ends)
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            model = CrossEntropyClassifier(**settings or {})
            if settings is None:
                for batch in np.array_split(np.arange(n), 2):
                    model.partial_fit(X[batch], y[batch], range(n_classes))
            else:
                model.fit(X, y)
        found.append(model.coef_)
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


def test_eigenvalues_where_the_fastest_method_fails(monkeypatch):
    """LAPACK's fails on matrices that no test can hold."""
    exact = scipy.linalg.eigh

    def fails(matrix, driver="evr"):
        if driver == "evr":
            raise np.linalg.LinAlgError("Internal Error.")
        return exact(matrix, driver=driver)

    monkeypatch.setattr(scipy.linalg, "eigh", fails)
    values, vectors = eigh(np.diag([2.0, 1.0]))
    assert_allclose(values, [1, 2])
    assert_allclose(np.abs(vectors), [[0, 1], [1, 0]])
