"""Faults around the package: memory, pickles, signals, forks, threads."""

import copy
import io
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.naive_bayes import GaussianNB

import skxent
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.inputs.targets import Target
from skxent.kernels.dispatch import kernels
from skxent.losses import Focal
from skxent.scorers import neg_focal_loss_scorer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
Y = np.array(["a", "b", "c"])[(X[:, :3] + RNG.normal(size=(300, 3))).argmax(axis=1)]
MODELS = [
    CrossEntropyClassifier("poly1"),
    FocalLogisticRegression(C=0.1, l1_ratio=0.5),
    FocalLogisticRegressionCV(Cs=2, gammas=[0.0, 2.0], cv=2),
    SmoothedSoftmaxClassifierCV(Cs=2, label_smoothings=[0.0, 0.1], cv=2),
    TemperatureScaling(CrossEntropyClassifier(), cv=2),
    VectorScaling(GaussianNB(), loss="focal", cv=2),
    BlendClassifier([("a", GaussianNB()), ("b", CrossEntropyClassifier())], cv=2),
]
all_models = pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)


def run(code, timeout=120):
    return subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )


@all_models
def test_a_pickle_is_the_model(model):
    model = clone(model).fit(X, Y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_array_equal(other.predict_proba(X), model.predict_proba(X))
        assert vars(other).keys() == vars(model).keys()


@all_models
@pytest.mark.parametrize("version", ["0.0.1", None])
def test_a_pickle_of_another_version_warns(model, version):
    state = clone(model).__getstate__()
    assert state.pop("_skxent_version") == skxent.__version__
    if version is not None:
        state["_skxent_version"] = version
    expected = f"{type(model).__name__} from version skxent {version or 'unknown'} when"
    with pytest.warns(InconsistentVersionWarning, match=expected):
        clone(model).__setstate__(state)


class Listing(pickle.Unpickler):
    """Tells what a pickle imports."""

    def find_class(self, module, name):
        self.seen.add((module.partition(".")[0], name))
        return super().find_class(module, name)


@all_models
def test_unpickling_runs_nothing_else(model):
    listing = Listing(io.BytesIO(pickle.dumps(clone(model).fit(X, Y))))
    listing.seen = set()
    listing.load()
    assert {package for package, _ in listing.seen} <= {
        "skxent", "sklearn", "numpy", "copyreg", "builtins",
    }  # fmt: skip
    called = {name for package, name in listing.seen if package == "builtins"}
    assert called <= {"object", "slice"}


def test_a_cut_pickle_is_told():
    whole = pickle.dumps(CrossEntropyClassifier().fit(X, Y))
    for end in range(0, len(whole) - 1, 7):
        with pytest.raises((EOFError, pickle.UnpicklingError, ValueError)):
            pickle.loads(whole[:end])


def test_a_model_of_another_width_is_told():
    model = CrossEntropyClassifier().fit(X, Y)
    model.coef_ = model.coef_[:, :2]
    with pytest.raises(ValueError, match=r"^coef_ must be .* of shape \(3, 4\)"):
        model.predict(X)


MEMORY = """
import resource
import numpy as np
from skxent import CrossEntropyClassifier
from skxent.inputs.targets import Target
from skxent.kernels.dispatch import kernels
from skxent.losses import Focal
loss, y = Focal(), np.arange(100) % 2
z = np.broadcast_to(np.full((1, 1), 0.5), (100, 10_000_000))  # a single number
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28), -1))
for call in (
    lambda: loss.loss(y, z, label_smoothing=0.1),
    lambda: loss.loss(y, z),
    lambda: loss.gradient(y, z),
    lambda: loss.predict_proba(z),
    lambda: kernels.log_loss_sum(z, y, 0, None, 1e-15, 1),
    lambda: CrossEntropyClassifier().fit(z[:, :1_000_000], y),
):
    try:
        call()
    except MemoryError:
        print("MemoryError", len(loss.loss([0], [[0.0, 0.0]])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_too_little_memory_is_a_memory_error():
    assert run(MEMORY).stdout.split("\n") == ["MemoryError 1"] * 6 + [""]


INTERRUPT = """
import signal
import time
import numpy as np
from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent import FocalLogisticRegressionCV
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGPROF, interrupt)
rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 50)) @ rng.normal(size=(50, 50))
y = (X @ rng.normal(size=(50, 10))).argmax(axis=1)
for model, settings in (
    (CrossEntropyClassifier(solver="newton-cholesky"), {}),
    (CrossEntropyClassifier(solver="lbfgs"), {}),
    (FocalLogisticRegression(solver="newton-cg"), {}),
    (CrossEntropyClassifier(l1_ratio=1.0), {"C": 1e3}),
    (FocalLogisticRegressionCV(Cs=2), {"Cs": 30, }),
):
    model.fit(X[:100, :2], y[:100])
    model.set_params(tol=1e-13, max_iter=100_000, **settings)
    before = {name: value for name, value in vars(model).items() if name.endswith("_")}
    signal.setitimer(signal.ITIMER_PROF, 0.1)
    start = time.process_time()
    try:
        model.fit(X, y)
    except KeyboardInterrupt:
        late = time.process_time() - start - 0.1
        print(late, all(getattr(model, name) is before[name] for name in before))
    signal.setitimer(signal.ITIMER_PROF, 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the timer is POSIX's")
def test_a_long_fit_can_be_interrupted():
    """Within a second of the processor's time, and the last fit stays."""
    outcome = run(INTERRUPT)
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert [kept for _, kept in lines] == ["True"] * 5, outcome
    assert max(float(late) for late, _ in lines) < 1.0


def answers(model):
    return model.predict_proba(X), neg_focal_loss_scorer(model, X, Y)


def test_one_model_in_many_threads():
    model = FocalLogisticRegression(n_jobs=2).fit(X, Y)
    proba, score = answers(model)
    with ThreadPoolExecutor(8) as pool:
        for other in pool.map(lambda _: answers(model), range(50)):
            assert_array_equal(other[0], proba)
            assert other[1] == score


@pytest.mark.parametrize("backend", ["threading", "loky", "multiprocessing"])
def test_fits_at_the_same_time(backend):
    models = [FocalLogisticRegression(gamma=g, n_jobs=2) for g in (0.0, 1.0, 2.0)]
    calls = (delayed(clone(model).fit)(X, Y) for model in models)
    found = Parallel(n_jobs=2, backend=backend)(calls)
    for model, ours in zip(models, found, strict=True):
        assert_array_equal(ours.coef_, model.fit(X, Y).coef_)


def test_results_are_those_of_one_thread():
    z = RNG.normal(size=(100_000, 5))
    y = RNG.integers(0, 5, 100_000)
    value, gradient = Focal(1.5).loss_gradient(y, z, n_threads=1)
    model = FocalLogisticRegression(n_jobs=1, max_iter=100)
    coef = model.fit(z, y).coef_
    for n_threads in (2, 3, 7):
        found = Focal(1.5).loss_gradient(y, z, n_threads=n_threads)
        assert_array_equal(found[0], value)
        assert_array_equal(found[1], gradient)
        assert_array_equal(model.set_params(n_jobs=n_threads).fit(z, y).coef_, coef)


SLOW_KERNELS = """
import signal
import time
import numpy as np
from skxent.inputs.targets import Target
from skxent.kernels import _coordinate
from skxent.inputs.targets import Target
from skxent.kernels.dispatch import kernels
from skxent.losses import Focal
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGPROF, interrupt)
z = np.broadcast_to(np.full((1, 1), 0.1), (40_000, 10_000))  # a single number
X = np.broadcast_to(np.full((1, 40), 0.1), (4_000_000, 40))
H = 1.0 / (1.0 + np.abs(np.subtract.outer(np.arange(2000), np.arange(2000))))
y, few, none = np.zeros(len(X), np.intp), np.empty((len(z), 1)), np.empty((0, 0))
focal, wide, zeros = Focal(2.0).spec, y[: len(z)], np.zeros(2000)
for call in (
    lambda: kernels.evaluate(
        focal, Target(wide, None, np.ones(10_000), label_smoothing=0.1), z,
        {"value": few},
    ),
    lambda: kernels.log_loss_sum(z, wide, 0, None, 1e-16),
    lambda: kernels.linear_sums(
        focal, Target(y, None, np.ones(8)), (zeros[:40], X, None),
        (np.zeros((41, 8)), None), none, False, np.empty((1, 42, 8)),
    ),
    lambda: _coordinate.sweep_matrix(
        H, zeros + 1, zeros.copy(), np.zeros((2, len(zeros))), 9999, -1.0
    ),
):
    signal.setitimer(signal.ITIMER_PROF, 0.1)
    start = time.process_time()
    try:
        call()
    except KeyboardInterrupt:
        print(time.process_time() - start - 0.1)
    signal.setitimer(signal.ITIMER_PROF, 0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the timer is POSIX's")
def test_a_long_kernel_can_be_interrupted():
    """Each of these takes a second or more if it is left alone."""
    outcome = run(SLOW_KERNELS)
    late = [float(line) for line in outcome.stdout.split()]
    assert len(late) == 4, outcome
    assert max(late) < 0.3


RACE = """
import threading
import time
import numpy as np
from skxent.boosting import xgboost_objective
from skxent.losses import Focal
from skxent.metrics import log_loss
rng = np.random.default_rng(0)
objective = xgboost_objective("focal")
for K in (2, 3, 40):
    z = rng.normal(size=(200_000 // K, K))
    proba = Focal().predict_proba(z)
    good = np.arange(len(z)) % K
    y = good.copy()
    end = time.monotonic() + 0.4
    def spoil():
        while time.monotonic() < end:
            y[::7], y[3::11] = 2**61, -(2**61)
            y[:] = good
    thread = threading.Thread(target=spoil)
    thread.start()
    calls = (
        lambda: Focal().gradient(y, z, class_weight=np.ones(K)),
        lambda: Focal().gradient_hessian(y, z),
        lambda: log_loss(y, proba),
        lambda: objective(y, z),
    )
    while time.monotonic() < end:
        for call in calls:
            try:
                call()
            except (ValueError, IndexError):
                pass  # the latter is numpy's, in scikit-learn's log_loss
    thread.join()
    print(np.isfinite(Focal().loss(good, z)).all())
"""


def test_labels_that_another_thread_changes_end_no_process():
    outcome = run(RACE)
    assert outcome.stdout.split() == ["True"] * 3, outcome


@pytest.mark.parametrize("bad", [-1, 3, 2**40, -(2**62)])
def test_the_kernels_index_no_code_that_is_no_class(bad):
    """Codes as a race would change them: such a row counts as class 0."""
    for K in (3, 40):
        z = np.random.default_rng(0).normal(size=(50, K))
        good = np.zeros(50, np.intp)
        spoilt = good.copy()
        spoilt[[0, 20, 49]] = bad if bad != 3 else K
        for kind in ("value", "gradient", "hessian"):
            found = np.zeros((2, 50, 1 if kind == "value" else K))
            for y, out in zip((spoilt, good), found, strict=True):
                target = Target(y, None, np.arange(1.0, K + 1))
                kernels.evaluate(Focal(2.0).spec, target, z, {kind: out})
            assert_array_equal(*found)
        proba = Focal().predict_proba(z)
        sums = [kernels.log_loss_sum(proba, y, 0, None, 1e-16) for y in (spoilt, good)]
        assert sums[0] == sums[1]


def test_kernels_refuse_arrays_of_other_sizes():
    z, y, out = np.zeros((20, 3)), np.zeros(20, np.intp), np.empty((20, 3))
    focal, ones = Focal(2.0).spec, np.ones(3)
    for target, arrays, name in (
        (Target(y[:5], None, ones), {"gradient": out}, "codes"),
        (Target(None, None, ones), {"gradient": out}, "codes"),
        (Target(y, None, ones, ones), {"gradient": out}, "sample_weight"),
        (Target(y, None, 2 * ones[:2]), {"gradient": out}, "class_weight"),
        (Target(y, None, ones), {"gradient": out[:9]}, "gradient"),
        (Target(y, None, ones), {"matrix": out}, "matrix"),
        (Target(None, z[:, :2], ones), {"hessian": out}, "soft"),
        (Target(y, None, ones), {"product": out}, "x"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be of a shape that fits"):
            kernels.evaluate(focal, target, z, arrays)
    with pytest.raises(TypeError, match="losses"):
        kernels.evaluate(focal, Target(y, None, ones), z, {"losses": out})
    csr = sp.csr_array(np.eye(20))
    for W, totals, X, name in (
        (np.zeros((9, 3)), (1, 22, 4), csr, "W"),
        (np.zeros((21, 3)), (1, 9, 4), csr, "totals"),
        (np.zeros((21, 3)), (1, 22, 3), csr.toarray()[:, :7], "X"),
    ):
        rows = X if isinstance(X, np.ndarray) else (X.data, X.indices, X.indptr)
        with pytest.raises(ValueError, match=f"^{name} must be of a shape that fits"):
            kernels.linear_sums(
                focal,
                Target(y, None, ones),
                (np.zeros(20), rows, None),
                (W, None),
                np.empty((0, 0)),
                False,
                np.empty(totals),
            )


COMPILER = shutil.which("gcc") or shutil.which("clang")
SOURCE = Path(__file__).parent.parent / "src"


@pytest.mark.skipif(COMPILER is None, reason="needs a compiler")
@pytest.mark.parametrize(
    ("flags", "passes"),
    [
        (["-O2"], True),
        (["-O3", "-fno-math-errno", "-fno-trapping-math"], True),
        (["-ffast-math"], False),
        (["-Ofast"], False),
        (["-ffinite-math-only"], False),
        (["-ffast-math", "-fno-fast-math"], True),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else "",
)
def test_compilers_that_do_not_keep_to_ieee_are_refused(flags, passes):
    """Every module includes this header."""
    command = [COMPILER, *flags, "-fsyntax-only", "-x", "c", str(SOURCE / "strict.h")]
    outcome = subprocess.run(command, capture_output=True, text=True)
    assert (outcome.returncode == 0) == passes, outcome
    assert passes or "must be compiled without -ffast-math" in outcome.stderr
    for module in SOURCE.glob("*.pyx"):
        assert 'cdef extern from "strict.h"' in module.read_text(), module


def test_subnormal_numbers_stay():
    """A start-up file that -ffast-math links would flush those of the process."""
    code = "import numpy as np, skxent; print(float(np.float64(5e-324) * 1) > 0)"
    assert run(code).stdout == "True\n"
