"""Fits in several threads leave the threads of BLAS and OpenMP as they were."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.naive_bayes import GaussianNB
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from skxent import CrossEntropyClassifier, FocalLogisticRegressionCV
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.kernels.blas import SHARED, BlasThreads, Library, SharedLimit, ThreadLimit
from skxent.kernels.cached import cached_property
from skxent.kernels.threads import blas_threads, one_blas_thread

# More in a longer run: pytest tests/kernels/test_threads.py --hypothesis-profile=long
ROUNDS = 1


def numbers(*apis):
    """The number of threads of each library, in one order."""
    return {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if not apis or library["user_api"] in apis
    }


def set_blas(count):
    # In a thread of its own: the one that sets the number keeps others from it.
    thread = Thread(target=threadpool_limits, args=(count, "blas"))
    thread.start()
    thread.join()


@pytest.fixture
def four():
    """BLAS with four threads, whatever the environment says."""
    before = ThreadpoolController().select(user_api="blas").info()
    set_blas(4)
    if set(numbers("blas").values()) != {4}:
        pytest.skip("no BLAS here has a number of threads that can be set")
    yield
    assert set(numbers("blas").values()) == {4}
    assert not SHARED._limits()
    set_blas(min(library["num_threads"] for library in before))


def blas():
    (count,) = set(numbers("blas").values())
    return count


def overlapping(first, second, orders):
    """Enter and leave two contexts, each in its own thread, in the order given."""
    seen = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        contexts = {"a": (one, first), "b": (other, second)}
        for name, verb in orders:
            pool, context = contexts[name]
            if verb == "enter":
                pool.submit(context.__enter__).result()
            else:
                pool.submit(context.__exit__, None, None, None).result()
            seen.append(blas())
    return seen


def in_thread(count):
    context = []

    class Context:
        def __enter__(self):
            context.append(blas_threads(count))
            context[0].__enter__()

        def __exit__(self, *error):
            context[0].__exit__(*error)

    return Context()


@pytest.mark.parametrize("last", "ab")
@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 2), (2, 1), (3, 9), (9, 9)])
def test_limits_that_overlap(four, a, b, last):
    """The least counts while both are there, and what was comes back with the last."""
    first = "ab".replace(last, "")
    orders = [("a", "enter"), ("b", "enter"), (first, "leave"), (last, "leave")]
    left = {"a": a, "b": b}[last]
    expected = [min(a, 4), min(a, b, 4), min(left, 4), 4]
    assert overlapping(in_thread(a), in_thread(b), orders) == expected


def test_limits_within_each_other(four):
    with one_blas_thread():
        assert blas() == 1
        with blas_threads(3, operations=1 << 30):
            assert blas() == 3  # a large product, inside of a solver
            with ThreadPoolExecutor(1) as pool:

                def other():
                    with blas_threads(2):
                        return blas()

                assert pool.submit(other).result() == 2
            assert blas() == 3
        assert blas() == 1
        with blas_threads(3, operations=10):
            assert blas() == 1
    with blas_threads(100):
        assert blas() == 4


def test_a_limit_of_the_user_stays(four):
    with threadpool_limits(2, "blas"):
        with blas_threads(3):
            assert blas() == 2
        with blas_threads(1):
            assert blas() == 1
        assert blas() == 2
    assert blas() == 4


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_errors_end_a_limit(four, error):
    with pytest.raises(error), one_blas_thread(), blas_threads(2, 1 << 30):
        raise error
    assert blas() == 4


def test_the_end_of_a_limit_may_be_interrupted(four, monkeypatch):
    """Within it the limit ends all the same; before it, with the next limit."""
    leave = SharedLimit.leave
    calls = []

    def interrupted(self, limit):
        calls.append(limit)
        if len(calls) == 1:
            raise KeyboardInterrupt
        leave(self, limit)

    with monkeypatch.context() as patch:
        patch.setattr(SharedLimit, "leave", interrupted)
        with pytest.raises(KeyboardInterrupt), one_blas_thread():
            assert blas() == 1
    assert blas() == 4
    with monkeypatch.context() as patch:
        patch.setattr(BlasThreads, "__exit__", interrupt)
        with pytest.raises(KeyboardInterrupt), one_blas_thread():
            pass
    with blas_threads(2):
        assert blas() == 2
    assert blas() == 4


class FakeLibrary:
    """A library as threadpoolctl shows it; since 3.8 one thread controls it."""

    def __init__(self, count, strict):
        self.count, self.controlling = count, None
        if strict:
            self.clear_controlling_thread = self.clear
        self.strict = strict

    def get_num_threads(self):
        return self.count

    def set_num_threads(self, count):
        me = threading.current_thread()
        if not self.strict or self.controlling in (None, me):
            self.count, self.controlling = count, me

    def clear(self, force=False):
        if force or self.controlling is threading.current_thread():
            self.controlling = None


@pytest.mark.parametrize("strict", [True, False])
def test_any_order_of_limits_in_any_threads(strict):
    """All interleavings of three limits, set and given up by three threads."""
    steps = [(i, verb) for i in range(3) for verb in ("enter", "leave")]
    pools = [ThreadPoolExecutor(1) for _ in range(3)]
    counts = 1, 3, 2
    for order in itertools.permutations(steps):
        if any(order.index((i, "enter")) > order.index((i, "leave")) for i in range(3)):
            continue
        library, shared = FakeLibrary(4, strict), SharedLimit()
        shared.libraries = [Library(library)]
        limits = [ThreadLimit(i, counts[i]) for i in range(3)]
        active = set()
        for i, verb in order:
            pools[i].submit(getattr(shared, verb), limits[i]).result()
            active ^= {i}
            assert library.count == min((counts[j] for j in active), default=4)
        assert library.controlling is None or not strict
    for pool in pools:
        pool.shutdown()


def test_what_others_set_meanwhile_stays():
    """They restore it, or meant it."""
    library = FakeLibrary(1, strict=False)
    wrapped = Library(library)
    wrapped.limit(1)
    library.set_num_threads(4)  # others leave a limit that they had set before us
    wrapped.limit(None)
    assert library.count == 4


def test_control_that_others_have_is_not_taken():
    library = FakeLibrary(4, strict=True)
    wrapped = Library(library)
    with ThreadPoolExecutor(1) as other:
        other.submit(library.set_num_threads, 2).result()
        wrapped.limit(1)
        assert library.count == 2
        other.submit(library.set_num_threads, 4).result()
        wrapped.limit(None)
    assert library.count == 4


RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 105))
Y = (X[:, :3] + RNG.normal(size=(200, 3))).argmax(axis=1)


def interrupt(*args, **keywords):
    raise KeyboardInterrupt


class Interrupted(GaussianNB):
    fit = interrupt


MODELS = [
    CrossEntropyClassifier(max_iter=3),
    CrossEntropyClassifier(l1_ratio=1.0, C=0.1, max_iter=3),
    CrossEntropyClassifier(solver="newton-cg", max_iter=3),
    CrossEntropyClassifier(solver="lbfgs", max_iter=3),
    CrossEntropyClassifier("focal", solver="newton-cholesky", max_iter=2),
    FocalLogisticRegressionCV(Cs=2, gammas=[0.0], cv=2, max_iter=2, n_jobs=2),
    FocalLogisticRegressionCV(Cs=2, gammas=[0.0], cv=2, max_iter=2),
    TemperatureScaling(CrossEntropyClassifier(max_iter=2), cv=2),
    VectorScaling(GaussianNB(), cv=2),
    BlendClassifier([("a", GaussianNB()), ("b", GaussianNB())], cv=2),
    # and those that fail, before and in the middle of the work
    CrossEntropyClassifier(class_weight={0: 1e300, 1: 1e300, 2: 1e300}, C=1e300),
    FocalLogisticRegressionCV(Cs=2, gammas=[0.0], cv=2, scoring=interrupt),
    TemperatureScaling(Interrupted(), cv=2),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_concurrent_fits_leave_all_as_it_was(four, request):
    before = numbers()
    profile = request.config.getoption("--hypothesis-profile", None)
    start = Barrier(4)

    def fit(model):
        start.wait()
        try:
            clone(model).fit(X, Y)
        except (ValueError, KeyboardInterrupt):
            return False
        return True

    for i in range(50 if profile == "long" else ROUNDS):
        order = np.random.default_rng(i).permutation(len(MODELS)).tolist()
        order += order[: -len(order) % 4]  # the barrier is for four at a time
        with ThreadPoolExecutor(4) as pool:
            fitted = list(pool.map(fit, [MODELS[j] for j in order]))
        assert any(fitted) and not all(fitted)
        assert numbers() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_in_the_middle_of_a_fit():
    """The child has neither the other threads' limits nor a lock that they hold."""
    code = """if True:
        import os, signal, threading, warnings
        import numpy as np
        from skxent import CrossEntropyClassifier
        from skxent.kernels.blas import SHARED
        from skxent.kernels.threads import one_blas_thread
        warnings.simplefilter("ignore")
        inside, go = threading.Event(), threading.Event()
        def other():
            with one_blas_thread(), SHARED.lock:
                inside.set()
                go.wait()
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait()
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            X = np.random.default_rng(0).normal(size=(300, 120))
            CrossEntropyClassifier().fit(X, X[:, 0] > 0)
            os._exit(len(SHARED.active))
        print(os.waitpid(pid, 0)[1])
        go.set()
        thread.join()
    """
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert found.stdout.strip() == "0", found.stderr


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_interrupts_at_any_moment(four):
    def interrupt(*_):
        raise KeyboardInterrupt

    last = signal.signal(signal.SIGALRM, interrupt)
    model, stopped = CrossEntropyClassifier(max_iter=50), 0
    gc.disable()  # Interrupts inside callbacks of it, as hypothesis has, are lost.
    try:
        for delay in np.random.default_rng(0).uniform(1e-4, 4e-3, size=50):
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                model.fit(X, Y)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                stopped += 1
            assert blas() == 4
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, last)
        gc.enable()
    assert stopped


def test_numpy_errors_are_as_the_user_set_them():
    z = np.random.default_rng(0).normal(size=(20_000, 3))
    y = np.arange(20_000) % 3
    with np.errstate(all="raise"):
        before = np.geterr()
        TemperatureScaling().fit(z, y)  # on a sample first: it calls itself
        CrossEntropyClassifier().fit(z, y)
        assert np.geterr() == before


def test_properties_that_are_computed_once_hold_no_lock():
    """One thread would wait for another, and a process forked meanwhile for ever."""
    both = Barrier(2)

    class Slow:
        @cached_property
        def value(self):
            both.wait(timeout=10)
            return object()

    slow = Slow(), Slow()
    with ThreadPoolExecutor(2) as pool:
        values = list(pool.map(lambda one: one.value, slow))
    assert [one.value for one in slow] == values
    assert isinstance(Slow.value, cached_property)
