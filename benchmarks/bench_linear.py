"""Fits to the same relative suboptimality, 1e-8, beside scikit-learn's best solvers.

Each solver gets the largest tolerance that reaches it. scikit-learn-intelex is measured
where it is installed. X.sum() is a pass over X at the speed of memory.
"""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.losses import CrossEntropy
from skxent.objectives.linear import LinearObjective
from skxent.solvers.solve import solve
from skxent.targets import make_target

SHAPES = {
    "1e5x50, 2 classes": (100_000, 50, 2),
    "1e6x30, 2 classes": (1_000_000, 30, 2),
    "1e5x50, 10 classes": (100_000, 50, 10),
    "2e4x500, 5 classes": (20_000, 500, 5),
    "5e5x30, 7 classes": (500_000, 30, 7),
    "2e4x1e5 sparse, 2 classes": (20_000, 100_000, 2),
    "2e4x1e5 sparse, 20 classes": (20_000, 100_000, 20),
}
DENSE = list(SHAPES)[:5]
FOLDER = Path(__file__).parent
SOLVERS = ["lbfgs", "newton-cg", "newton-cholesky"]


def shape_of(name, quick):
    n, d, n_classes = SHAPES[name]
    return (n // 100, d // 10, n_classes) if quick else (n, d, n_classes)


def data(n, d, n_classes):
    """Classes drawn from a logistic model."""
    rng = np.random.default_rng(0)
    if d > 1000:
        X = sp.random_array((n, d), density=1e-3, format="csr", rng=rng)
        W = 3 * rng.normal(size=(d, n_classes))
    else:
        X = rng.normal(size=(n, d))
        W = 2 * rng.normal(size=(d, n_classes)) / np.sqrt(d)
    z = X @ W
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def problem(X, y):
    target = make_target(y, X.shape[0], int(y.max()) + 1)
    return LinearObjective(X, target, CrossEntropy(), C=1.0, fit_intercept=True)


def value(model, objective):
    W = np.vstack([model.coef_.T, model.intercept_]).astype(np.float64)
    return objective.value_gradient(objective.without_origin(W))[0]


def peers(d, n_classes):
    """scikit-learn's solvers that can be best, and scikit-learn-intelex's."""
    solvers = SOLVERS if d * n_classes <= 500 else SOLVERS[:-1]
    found = {s: LogisticRegression(solver=s, max_iter=1000) for s in solvers}
    try:
        from sklearnex.linear_model import LogisticRegression as Intelex
    except ImportError:
        return found
    return found | {"intelex": Intelex(max_iter=1000)}


def largest_tol(model, X, y, objective, best):
    """The model with the largest tolerance whose fit is as good as asked, or None."""
    for tol in 10.0 ** -np.arange(2, 10):
        model.set_params(tol=tol).fit(X, y)
        if value(model, objective) - best <= 1e-8 * best:
            return model
    return None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float64") for name in SHAPES] + [(name, "float32") for name in DENSE[:2]],
)
def test_fit(compare, quick, name, dtype):
    n, d, n_classes = shape_of(name, quick)
    X, y = data(n, d, n_classes)
    X = X.astype(dtype)
    objective = problem(X.astype(np.float64), y)
    exact = CrossEntropyClassifier(solver="newton-cg", tol=1e-7).fit(X, y)
    best = value(exact, objective)
    models = {"skxent": largest_tol(CrossEntropyClassifier(), X, y, objective, best)}
    for solver, model in peers(d, n_classes).items():
        models[solver] = largest_tol(model, X, y, objective, best)
    calls = {
        solver: lambda model=model: model.fit(X, y)
        for solver, model in models.items()
        if model is not None
    }
    calls["X.sum()"] = X.sum
    ours = "not as good" if models["skxent"] is None else passes(X, y)
    compare(f"{name} {dtype}, {ours} passes", calls, seconds=1, rounds=3)


def passes(X, y):
    """Passes over X of a fit at default settings."""
    objective = problem(X, y)
    solve(objective, np.zeros(objective.shape))
    return objective.passes


@pytest.mark.parametrize("name", DENSE)
def test_focal(compare, quick, name):
    X, y = data(*shape_of(name, quick))
    calls = {
        "skxent": lambda: CrossEntropyClassifier().fit(X, y),
        "focal": lambda: FocalLogisticRegression(gamma=2).fit(X, y),
    }
    compare(f"focal, {name}", calls, seconds=1, rounds=3)


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
@pytest.mark.parametrize("name", ["1e6x30, 2 classes", "1e5x50, 10 classes"])
def test_peak_memory(report, quick, name):
    shape = [str(number) for number in shape_of(name, quick)]
    peak = {}
    for model in ("CrossEntropyClassifier", "LogisticRegression"):
        command = [sys.executable, "-c", MEMORY, model, *shape]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, check=True
        )
        peak[model] = float(done.stdout)
    report(f"peak memory beyond X, {name}: {peak} MB")


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
def test_default_fits_of_small_tables(compare, load):
    X, y = load(return_X_y=True)

    def theirs():
        with warnings.catch_warnings():  # it does not converge on these
            warnings.simplefilter("ignore", ConvergenceWarning)
            LogisticRegression().fit(X, y)

    compare(
        f"{load.__name__}, defaults",
        {"skxent": lambda: CrossEntropyClassifier().fit(X, y), "scikit-learn": theirs},
    )
