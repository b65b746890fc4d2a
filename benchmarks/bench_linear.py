"""Fits to the same relative suboptimality, 1e-8, beside the peers' best solvers.

The same objective, C = 1, and two threads. Each solver gets the largest tolerance that
reaches 1e-8, and each library the quickest of its solvers. skglm fits no intercept. The
floor is X.sum(), as often as ours passes over X: the passes at the speed of memory.
"""

import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from peers import linear_peers
from reporting.record import shape
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.losses import CrossEntropy
from skxent.objective import LinearObjective
from skxent.solvers import solve
from skxent.targets import make_target

THREADS = 2
SHAPES = [
    (100_000, 50, 2),
    (1_000_000, 30, 2),
    (100_000, 50, 10),
    (20_000, 500, 5),
    (500_000, 30, 7),
    (20_000, 100_000, 2),
    (20_000, 100_000, 20),
]
DENSE = SHAPES[:5]
MOST_DENSE = 500  # columns
FEWER = {"full": (1, 1), "quick": (20, 4), "check": (100, 10)}  # rows and columns
PATIENCE = {"full": 30.0, "quick": 3.0, "check": 3.0}  # seconds that a fit may take
FOLDER = Path(__file__).parent


def scaled(numbers, size):
    n, d, n_classes = numbers
    rows, columns = FEWER[size]
    return n // rows, d // columns, n_classes


def named(n, d, n_classes):
    kind = " sparse" if d > MOST_DENSE else ""
    return f"{shape(n, d)}{kind}, {n_classes} classes"


def data(n, d, n_classes):
    """Classes drawn from a logistic model; as many columns as text has are sparse."""
    rng = np.random.default_rng(0)
    if d > MOST_DENSE:
        X = sp.random_array((n, d), density=100 / d, format="csr", rng=rng)
        W = 3 * rng.normal(size=(d, n_classes))
    else:
        X = rng.normal(size=(n, d))
        W = 2 * rng.normal(size=(d, n_classes)) / np.sqrt(d)
    z = X @ W
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def problem(X, y, fit_intercept=True):
    target = make_target(y, X.shape[0], int(y.max()) + 1)
    return LinearObjective(
        X, target, CrossEntropy(), C=1.0, fit_intercept=fit_intercept
    )


def value(model, objective):
    W = model.coef_.T
    if objective.fit_intercept:
        W = objective.without_origin(np.vstack([W, model.intercept_]).astype(float))
    return objective.value_gradient(np.ascontiguousarray(W, dtype=float))[0]


class Race:
    """Who is how good: the objective and its minimum, with or without intercept."""

    def __init__(self, X, y, patience):
        self.X, self.y, self.patience = X, y, patience
        self.minima = {}

    def gap(self, model):
        intercept = getattr(model, "fit_intercept", True)
        if intercept not in self.minima:
            exact = CrossEntropyClassifier(
                solver="newton-cg", tol=1e-7, fit_intercept=intercept
            )
            X = self.X.astype(np.float64)
            objective = problem(X, self.y, intercept)
            best = value(exact.fit(X, self.y), objective)
            self.minima[intercept] = objective, best
        objective, best = self.minima[intercept]
        return value(model, objective) / best - 1

    def enter(self, model, patience):
        """Seconds at the largest tolerance that is good enough, or why none is."""
        for tol in 10.0 ** -np.arange(2, 11):
            begin = time.perf_counter()
            model.set_params(tol=tol).fit(self.X, self.y)
            took = time.perf_counter() - begin
            if self.gap(model) <= 1e-8:
                return took, ""
            if took > patience:
                return None, f"> {took:.0f} s" if took > self.patience else ""
        return None, "ends above 1e-8"

    def quickest(self, models):
        """The quickest model that is good enough, and a word about it."""
        best, word, least = None, "", self.patience
        for model in models:
            took, why = self.enter(model, min(self.patience, 2 * least))
            if took is not None and (best is None or took < least):
                best, least, word = model, took, getattr(model, "solver", "")
            elif best is None:
                word = why or word
        return best, word


@pytest.mark.filterwarnings("ignore")  # of peers that have not converged, and the like
@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [(numbers, "float64") for numbers in SHAPES]
    + [(numbers, "float32") for numbers in DENSE[:2]],
)
def test_fit(compare, size, numbers, dtype):
    """Time to a relative suboptimality of 1e-8, gamma = 0"""
    n, d, n_classes = scaled(numbers, size)
    X, y = data(n, d, n_classes)
    X = X.astype(dtype)
    race = Race(X, y, PATIENCE[size])
    runners, notes = {"skxent": race.quickest([CrossEntropyClassifier()])[0]}, {}
    assert runners["skxent"] is not None
    for name, models in linear_peers(X, n_classes).items():
        if isinstance(models, str):
            notes[name] = models
            continue
        best, notes[name] = race.quickest(models)
        if best is not None:
            runners[name] = best
    passes = passes_of(runners["skxent"], X, y)
    calls = {name: lambda m=model: m.fit(X, y) for name, model in runners.items()}
    parts = [X.data, X.indices] if sp.issparse(X) else [X]
    calls["X.sum()"] = lambda: [part.sum() for part in parts * passes]
    dense = numbers in DENSE
    compare(
        f"{named(n, d, n_classes)}, {dtype}",
        calls,
        rounds=3,
        floor="X.sum()",
        at_least={"scikit-learn": 4.0, "intelex": 1.5}
        if dense
        else {"scikit-learn": 3.0},
        notes={name: note for name, note in notes.items() if note},
        values={"passes": passes},
    )


def passes_of(model, X, y):
    """Passes over X of such a fit."""
    objective = problem(X, y)
    solve(objective, np.zeros(objective.shape), tol=model.tol)
    return objective.passes


@pytest.mark.parametrize("numbers", DENSE)
def test_focal(compare, size, numbers):
    """Focal loss, gamma = 2, beside gamma = 0"""
    X, y = data(*scaled(numbers, size))
    calls = {
        "skxent": lambda: CrossEntropyClassifier().fit(X, y),
        "focal": lambda: FocalLogisticRegression(gamma=2).fit(X, y),
    }
    compare(named(*scaled(numbers, size)), calls, rounds=3, at_most={"focal": 2.0})


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_unpenalised(compare, size, n_classes):
    """No penalty, C = inf, to 1e-8: all that statsmodels can do"""
    n, d, _ = scaled((100_000, 30, n_classes), size)
    X, y = data(n, d, n_classes)
    with_ones = np.column_stack([np.ones(n), X])
    models = {
        "skxent": CrossEntropyClassifier(C=np.inf),
        "scikit-learn": LogisticRegression(
            C=np.inf, solver="newton-cholesky", tol=1e-6
        ),
    }
    calls = {name: lambda m=model: m.fit(X, y) for name, model in models.items()}
    losses = {}
    for name, model in models.items():
        z = np.atleast_2d(model.fit(X, y).decision_function(X).T).T
        losses[name] = mean_loss(z, y)
    notes = {}
    if find_spec("statsmodels"):
        from statsmodels.api import Logit, MNLogit

        kind = Logit if n_classes == 2 else MNLogit

        def call():
            return kind(y, with_ones).fit(method="newton", disp=0)

        calls["statsmodels"] = call
        z = with_ones @ call().params.reshape(d + 1, -1)
        losses["statsmodels"] = mean_loss(
            z if n_classes == 2 else np.column_stack([np.zeros(n), z]), y
        )
    else:
        notes["statsmodels"] = "not installed"
    least = min(losses.values())
    assert max(losses.values()) <= least * (1 + 1e-8)
    compare(named(n, d, n_classes), calls, rounds=3, notes=notes)


def mean_loss(z, y):
    if z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    return -log_softmax(z, axis=1)[np.arange(len(z)), y].mean()


MEMORY = """
import sys, warnings
import numpy as np
from bench_linear import CrossEntropyClassifier, LogisticRegression, data

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(r.split()[1]) for r in lines if r.startswith(key)) / 1e3

warnings.simplefilter("ignore")
X, y = data(*map(int, sys.argv[2:]))
small = slice(0, 500)
for model in (CrossEntropyClassifier(), LogisticRegression()):
    if type(model).__name__ == sys.argv[1]:
        model.fit(X[small], y[small])
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
        model.fit(X, y)
        print(round(status("VmHWM") - before, 1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("numbers", [DENSE[1], DENSE[2]])
def test_peak_memory(record, size, numbers):
    """Peak memory of a fit, beyond X"""
    numbers, peaks = scaled(numbers, size), {}
    for name, model in (
        ("skxent", "CrossEntropyClassifier"),
        ("scikit-learn", "LogisticRegression"),
    ):
        command = [sys.executable, "-c", MEMORY, model, *map(str, numbers)]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, check=True
        )
        peaks[name] = float(done.stdout)
    record(named(*numbers), peaks, unit="MB", limit=100.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine, load_digits])
def test_unscaled(record, size, load, mixed):
    """Passes over data as they come, and with columns times 1e-6 to 1e6"""
    X, y = load(return_X_y=True)
    if mixed and load is load_digits:
        pytest.skip("next to no penalty is left, and the minimum is far away")
    if mixed:
        X = X * 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
    theirs = LogisticRegression(max_iter=100 if size == "check" else 10_000)
    record(
        load.__name__.removeprefix("load_") + (", mixed" if mixed else ""),
        {
            "skxent": passes_of(CrossEntropyClassifier(), X, y),
            "scikit-learn": theirs.fit(X, y).n_iter_[0],
        },
        unit="passes",
        limit=60.0,
        notes={"scikit-learn": "iterations of lbfgs, tol 1e-4"},
    )


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
def test_default_fits_of_small_tables(compare, load):
    """Fits of small tables at default settings"""
    X, y = load(return_X_y=True)

    def theirs():
        with warnings.catch_warnings():  # it does not converge on these
            warnings.simplefilter("ignore", ConvergenceWarning)
            LogisticRegression().fit(X, y)

    compare(
        load.__name__.removeprefix("load_"),
        {"skxent": lambda: CrossEntropyClassifier().fit(X, y), "scikit-learn": theirs},
        at_least={"scikit-learn": 1.0},
    )
