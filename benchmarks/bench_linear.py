"""Fits to a relative suboptimality of 1e-8, compared with the peers' best solvers.

All libraries minimise the same objective, with C = 1 and two threads. Columns are
independent unless noted; such data are easy for every solver. Each solver has the
largest tolerance that reaches 1e-8, and each library its fastest solver. skglm fits no
intercept. The floor is X.sum(), as many times as our fit passes over X.
"""

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from linear_cases import (
    DENSE,
    PATIENCE,
    SHAPES,
    Race,
    data,
    dependent,
    mean_loss,
    named,
    passes_of,
    scaled,
)
from peers import linear_peers
from reporting.record import shape
from skxent import CrossEntropyClassifier, FocalLogisticRegression

THREADS = 2
FOLDER = Path(__file__).parent
IN_QUICK = [SHAPES[0], SHAPES[2], SHAPES[3], SHAPES[5]]


@pytest.mark.filterwarnings("ignore")  # of peers that have not converged, and the like
@pytest.mark.parametrize(
    ("numbers", "dtype"),
    [(numbers, "float64") for numbers in SHAPES]
    + [(numbers, "float32") for numbers in DENSE[:2]],
)
def test_fit(compare, leave_out, size, numbers, dtype):
    """Time to a relative suboptimality of 1e-8, gamma = 0"""
    if dtype == "float32" or numbers not in IN_QUICK:
        leave_out("other shapes tell enough")
    n, d, n_classes = scaled(numbers, size)
    X, y = data(n, d, n_classes)
    X = X.astype(dtype)
    dense = numbers in DENSE
    asked = {"scikit-learn": 4.0, "intelex": 1.5} if dense else {"scikit-learn": 3.0}
    case = f"{named(n, d, n_classes)}, {dtype}"
    against_peers(compare, PATIENCE[size], X, y, case, asked)


@pytest.mark.filterwarnings("ignore")  # of peers that have not converged, and the like
@pytest.mark.parametrize("numbers", [DENSE[0], DENSE[2]])
def test_fit_of_dependent_columns(compare, leave_out, size, numbers):
    """Time to a relative suboptimality of 1e-8, gamma = 0"""
    leave_out("peers take seconds a fit here")
    X, y = dependent(*scaled(numbers, size))
    case = named(*X.shape, numbers[2], "dependent columns, ")
    against_peers(compare, min(2.0, PATIENCE[size]), X, y, case, {})


def against_peers(compare, patience, X, y, case, asked):
    n_classes = int(y.max()) + 1
    race = Race(X, y, patience)
    ours = CrossEntropyClassifier()
    assert race.enter(ours, np.inf)[0] is not None
    runners, notes = {"skxent": ours}, {}
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
    compare(
        case,
        calls,
        rounds=3,
        floor="X.sum()",
        at_least=asked,
        notes={name: note for name, note in notes.items() if note},
        values={"passes": passes},
    )


@pytest.mark.parametrize("numbers", DENSE)
def test_focal(compare, size, numbers):
    """Focal loss, gamma = 2, compared with gamma = 0"""
    X, y = data(*scaled(numbers, size))
    calls = {
        "skxent": lambda: CrossEntropyClassifier().fit(X, y),
        "focal": lambda: FocalLogisticRegression(gamma=2).fit(X, y),
    }
    compare(named(*scaled(numbers, size)), calls, rounds=3, at_most={"focal": 2.0})


def test_multilabel(compare, size):
    """Many labels of a row, multilabel=True, at default settings"""
    n, d, n_labels = scaled((100_000, 50, 20), size)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    z = X @ (2 * rng.normal(size=(d, n_labels)) / np.sqrt(d))
    Y = (z + rng.logistic(size=z.shape) > 0).astype(int)
    ours = CrossEntropyClassifier(multilabel=True)
    peer = MultiOutputClassifier(LogisticRegression())
    compare(
        f"{shape(n, d)}, {n_labels} labels",
        {
            "skxent": lambda: ours.fit(X, Y),
            "MultiOutputClassifier": lambda: peer.fit(X, Y),
        },
        rounds=3,
        at_least={"MultiOutputClassifier": 5.0},
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_unpenalised(compare, size, n_classes):
    """No penalty, C = inf, to 1e-8, compared with statsmodels"""
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


MEMORY = """
import sys, warnings
import numpy as np
from linear_cases import CrossEntropyClassifier, data
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

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


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("numbers", [DENSE[1], DENSE[2]])
def test_peak_memory(record, leave_out, size, numbers):
    """Peak memory of a fit, beyond X"""
    leave_out("its tables are too small to tell")
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
    """Passes over unscaled data, and with columns multiplied by 1e-6 to 1e6"""
    X, y = load(return_X_y=True)
    if mixed:
        X = X * 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
    theirs = LogisticRegression(max_iter=10_000 if size == "full" else 100)
    record(
        load.__name__.removeprefix("load_") + (", mixed" if mixed else ""),
        {
            "skxent": passes_of(CrossEntropyClassifier(), X, y),
            "scikit-learn": theirs.fit(X, y).n_iter_[0],
        },
        unit="passes",
        limit=60.0,
        notes={"scikit-learn": f"iterations of lbfgs, of {theirs.max_iter}, tol 1e-4"},
    )


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer, load_digits]
)
def test_default_fits_of_small_tables(compare, leave_out, load):
    """Fits of small tables at default settings"""
    if load is load_digits:
        leave_out("scikit-learn takes seconds a fit here")
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
