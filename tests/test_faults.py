"""What goes wrong around the package: memory, pickles, signals, forks, threads."""

import copy
import io
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
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
from skxent._dispatch import kernels
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
