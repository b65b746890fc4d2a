"""Damaged input through every public entry point, each in a child process of its own.

    PYTHONPATH=tests/helpers python -P tests/helpers/attack.py [number] [--only 137]

A case is a sparse matrix, a block source or a pickle that has no valid reading
(damage.py). It passes if every entry point answers with an error that says so. A child
that dies or hangs, and any number, is a fault; the exit code is then 1.
"""

import argparse
import collections
import contextlib
import itertools
import os
import pickle
import resource
import signal
import sys
import traceback
import warnings

import damage
import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
    blocks,
    scorers,
)
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.linear_model import cross_entropy_path

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
SECONDS = 600 if SANITIZED else 60
MEMORY = 4 << 30
CLEAR = (ValueError, TypeError)

X, Y = damage.clean(np.random.default_rng(0))
DENSE = X.toarray()


def estimators():
    inner = CrossEntropyClassifier(C=0.5)
    return {
        "CrossEntropyClassifier": CrossEntropyClassifier(),
        "L1": CrossEntropyClassifier("poly1", C=0.5, l1_ratio=1.0),
        "FocalLogisticRegression": FocalLogisticRegression(solver="lbfgs"),
        "SmoothedSoftmaxClassifier": SmoothedSoftmaxClassifier(),
        "FocalLogisticRegressionCV": FocalLogisticRegressionCV(
            Cs=[1.0], gammas=[1.0], cv=2
        ),
        "SmoothedSoftmaxClassifierCV": SmoothedSoftmaxClassifierCV(
            Cs=[1.0], label_smoothings=[0.1], cv=2, refit=False
        ),
        "TemperatureScaling": TemperatureScaling(inner, cv=2),
        "VectorScaling": VectorScaling(inner, cv=2),
        "ensemble": TemperatureScaling(inner, cv=2, ensemble=True),
        "BlendClassifier": BlendClassifier(
            [("a", inner), ("b", FocalLogisticRegression(gamma=1.0))], cv=2
        ),
    } | boosters()


def boosters():
    """Those that are installed."""
    found = {}
    with contextlib.suppress(ImportError):
        import xgboost  # noqa: F401

        from skxent.boosting import FocalXGBClassifier

        found["FocalXGBClassifier"] = FocalXGBClassifier()
    with contextlib.suppress(ImportError):
        from lightgbm import LGBMClassifier

        from skxent.boosting import FocalLGBMClassifier

        trees = LGBMClassifier(min_child_samples=2, verbose=-1)
        found["FocalLGBMClassifier"] = FocalLGBMClassifier(estimator=trees)
    with contextlib.suppress(ImportError):
        from catboost import CatBoostClassifier

        from skxent.boosting import FocalCatBoostClassifier

        quiet = CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False)
        found["FocalCatBoostClassifier"] = FocalCatBoostClassifier(estimator=quiet)
    return found


def dask_classifier():
    with contextlib.suppress(ImportError):
        import dask

        from skxent.dask import CrossEntropyClassifier as Dask

        dask.config.set(scheduler="synchronous")
        return Dask(), dask.delayed
    return None, None


MODELS = estimators()
FITTED = {name: model.fit(X, Y) for name, model in MODELS.items()}
ANSWERS = np.eye(3, dtype=int)[Y]
MANY = CrossEntropyClassifier(multilabel=True).fit(X, ANSWERS)
DASK, DELAYED = dask_classifier()
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def answers(name, model, X, y):
    for method in METHODS:
        if hasattr(model, method):
            yield f"{name}.{method}", lambda m=method: getattr(model, m)(X)
    yield f"{name}.score", lambda: model.score(X, y)


def sparse_calls(X, y):
    """Every entry point that takes rows."""
    for name, model in MODELS.items():
        fresh = clone(model)
        yield f"{name}.fit", lambda m=fresh: m.fit(X, y)
        yield from answers(name, FITTED[name], X, y)
    many = np.resize(ANSWERS, (len(y), 3))
    fresh = clone(MANY)
    yield "multilabel.fit", lambda: fresh.fit(X, many)
    yield "multilabel.score", lambda: MANY.score(X, many)
    for method in METHODS:
        yield f"multilabel.{method}", lambda m=method: getattr(MANY, m)(X)
    if X.shape == DENSE.shape:
        yield "labels", lambda: clone(MANY).fit(DENSE, X)
        yield (
            "offset",
            lambda: clone(FITTED["CrossEntropyClassifier"]).fit(DENSE, Y, offset=X),
        )
    signs = CrossEntropyClassifier(monotonic_cst={0: 1})
    yield "monotonic_cst", lambda: signs.fit(X, np.asarray(y) > 0)
    yield "path", lambda: cross_entropy_path(X, y, Cs=2)
    stream = CrossEntropyClassifier()
    yield "partial_fit", lambda: stream.partial_fit(X, y, classes=[0, 1, 2])
    model = FITTED["CrossEntropyClassifier"]
    for name in ("neg_log_loss", "neg_focal_loss"):
        yield name, lambda n=name: scorers.get_scorer(n)(model, X, y)
    source = damage.Changing([(X, y), (X, y)], None, np.inf, 0)
    yield "fit of blocks", lambda: CrossEntropyClassifier().fit(source)
    yield "ArrayBlocks", lambda: CrossEntropyClassifier().fit(blocks.ArrayBlocks(X, y))
    if DASK is not None:
        yield "dask fit", lambda: DASK.fit([DELAYED(X)] * 2, [DELAYED(y)] * 2)
        fitted = type(DASK)().fit(DENSE, Y)
        yield "dask predict", lambda: fitted.predict([DELAYED(X)]).compute()


def block_calls(source, y):
    for name in ("CrossEntropyClassifier", "L1", "FocalLogisticRegression"):
        for solver in ("auto", "newton-cg", "lbfgs", "newton-cholesky"):
            model = clone(MODELS[name])
            if name == "L1" and solver != "auto":
                continue
            model.set_params(solver=solver, tol=1e-8)
            yield f"{name}.fit, {solver}", lambda m=model: fit_anew(m, source)


def fit_anew(model, source):
    source.passes = 0
    model.fit(source)
    if source.passes < source.first:
        raise ValueError("The source was not read so often, and so not damaged.")


def put(attribute, function):
    def spoil(model):
        vars(model)[attribute] = function(vars(model)[attribute])

    return spoil


def sparse_coef(name, seed=0):
    def spoil(model):
        model.coef_ = sp.csr_array(np.tile(model.coef_, (1, 1)))
        damage.DAMAGES["csr", name](model.coef_, np.random.default_rng(seed))

    return spoil


def trained(**changes):
    return put("trained_loss_", lambda a: a._replace(**changes))


STATES = {
    "coef_ narrower": put("coef_", lambda a: a[:, :-1]),
    "coef_ wider": put("coef_", lambda a: np.hstack([a, a])),
    "coef_ with a class less": put("coef_", lambda a: a[:-1]),
    "coef_ with one class": put("coef_", lambda a: a[:1]),
    "coef_ with more classes": put("coef_", lambda a: np.vstack([a, a])),
    "coef_ one-dimensional": put("coef_", np.ravel),
    "coef_ transposed": put("coef_", np.transpose),
    "coef_ empty": put("coef_", lambda a: a[:0]),
    "coef_ objects": put("coef_", lambda a: a.astype(object)),
    "coef_ complex": put("coef_", lambda a: a.astype(complex)),
    "coef_ text": put("coef_", lambda a: a.astype(str)),
    "coef_ NaN": put("coef_", lambda a: a * np.nan),
    "coef_ infinite": put("coef_", lambda a: a * np.inf),
    "coef_ None": put("coef_", lambda a: None),
    "intercept_ short": put("intercept_", lambda a: a[:-1]),
    "intercept_ one": put("intercept_", lambda a: a[:1]),
    "intercept_ long": put("intercept_", lambda a: np.append(a, a)),
    "intercept_ NaN": put("intercept_", lambda a: a * np.nan),
    "intercept_ None": put("intercept_", lambda a: None),
    "intercept_ two-dimensional": put("intercept_", lambda a: a[:, np.newaxis]),
    "classes_ short": put("classes_", lambda a: a[:-1]),
    "classes_ long": put("classes_", lambda a: np.append(a, 9)),
    "classes_ one": put("classes_", lambda a: a[:1]),
    "classes_ None": put("classes_", lambda a: None),
    "n_features_in_ less": put("n_features_in_", lambda n: n - 1),
    "n_features_in_ more": put("n_features_in_", lambda n: n + 1),
    "no trained_loss_": put("trained_loss_", lambda a: None),
    "weights of other classes": trained(class_weight=np.ones(7)),
    "weights of zero": trained(class_weight=np.zeros(3)),
    "smoothing of 3": trained(label_smoothing=3.0),
    "no loss": trained(loss="focal"),
    "a tuple": put("trained_loss_", tuple),
} | {f"sparse coef_, {name}": sparse_coef(name) for name in damage.COMPRESSED}
# Damaged states that methods need not notice, if they do not read the attribute.
UNSEEN = ("no ", "weights of", "smoothing of", "a tuple")
LINEAR = [n for n in FITTED if hasattr(FITTED[n], "coef_")]
PAST = {
    f"_past, {name} {what}": (name, function)
    for name in ("center", "matrix", "origin")
    for what, function in (
        ("short", lambda a: a[:-1]),
        ("long", lambda a: np.concatenate([a, a])),
        ("flat", np.ravel),
        ("NaN", lambda a: a * np.nan),
    )
    if (name, what) != ("origin", "flat")
}
SCALINGS = {
    "parameters short": lambda a: a[:-1],
    "parameters long": lambda a: np.append(a, a),
    "parameters NaN": lambda a: a * np.nan,
}


def reloaded(model, spoil):
    """The model as its damaged pickle gives it."""
    model = pickle.loads(pickle.dumps(model))
    spoil(model)
    return pickle.loads(pickle.dumps(model))


def state_calls(name, rng):
    if name in STATES:
        for which in LINEAR:
            model = reloaded(FITTED[which], STATES[name])
            for label, call in answers(which, model, X, Y):
                needed = "proba" in label and "class" not in label.lower().split(".")[1]
                if needed or not name.startswith(UNSEEN):
                    yield label, call
        return
    if name in PAST:
        attribute, function = PAST[name]
        model = CrossEntropyClassifier().partial_fit(DENSE, Y, classes=[0, 1, 2])
        past = vars(model._past)
        past[attribute] = function(past[attribute])
        model = pickle.loads(pickle.dumps(model))
        yield "partial_fit", lambda: model.partial_fit(DENSE, Y)
        return
    for which in ("TemperatureScaling", "VectorScaling"):
        model = reloaded(FITTED[which], put("_parameters", SCALINGS[name]))
        yield from answers(which, model, X, Y)


def pickle_calls(name, rng):
    """Any bytes: what comes of them may be an answer, for a number may have changed."""
    which = rng.choice(LINEAR)
    data = bytearray(pickle.dumps(FITTED[which]))
    for at in rng.integers(len(data), size=rng.integers(1, 4)):
        data[at] = rng.integers(256)

    def call():
        with contextlib.suppress(Exception):
            model = pickle.loads(bytes(data))
            for _, answer in answers(which, model, X, Y):
                with contextlib.suppress(Exception):
                    answer()
        raise ValueError("Nothing is claimed of it.")

    yield which, call


def cases(number, seed):
    """So many of (kind, name, calls), the kinds in turn."""
    rng = np.random.default_rng(seed)

    def shuffled(names):
        names = list(names)
        while True:
            rng.shuffle(names)
            yield from names

    def sparse(key, rng):
        yield from sparse_calls(*damage.damaged(*key, rng))

    def block(name, rng):
        yield from block_calls(damage.changing(name, rng), Y)

    kinds = {
        "sparse": (shuffled(list(damage.DAMAGES)), sparse, 10),
        "blocks": (shuffled(damage.BLOCKS), block, 5),
        "state": (shuffled([*STATES, *PAST, *SCALINGS]), state_calls, 4),
        "pickle": (shuffled(["bytes"]), pickle_calls, 1),
    }
    turns = itertools.cycle([kind for kind, (*_, n) in kinds.items() for _ in range(n)])
    for index, kind in enumerate(itertools.islice(turns, number)):
        names, calls, _ = kinds[kind]
        name = next(names)
        yield (
            kind,
            name,
            lambda i=index, n=name, c=calls: c(n, np.random.default_rng([seed, i])),
        )


def outcome(call):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = call()
        except CLEAR as error:
            return "error", f"{type(error).__name__}: {error}"
        except MemoryError:
            return "error", "MemoryError"
        except Exception as error:  # noqa: BLE001
            return "unclear", "".join(traceback.format_exception(error))
    return "number", repr(result)[:80]


def run(calls, begin):
    """In a child: tell what each call from `begin` on comes to. (index, label, ...)"""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        signal.alarm(SECONDS)
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            with os.fdopen(write, "wb", buffering=0) as pipe:
                for index, (label, call) in enumerate(calls()):
                    if index >= begin:
                        pickle.dump((index, label, "begun", ""), pipe)
                        pickle.dump((index, label, *outcome(call)), pipe)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            os._exit(70)
        os._exit(0)
    os.close(write)
    told = []
    with os.fdopen(read, "rb") as pipe, contextlib.suppress(EOFError):
        while True:
            told.append(pickle.load(pipe))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    done = [line for line in told if line[2] != "begun"]
    if code:
        index, label = told[-1][:2] if told else (-1, "between calls")
        done.append((index, label, "died", f"exit code {code}"))
    return done


def attack(calls):
    """The outcomes of all calls; if a child dies, another continues after that call."""
    results, begin = [], 0
    while True:
        results += run(calls, begin)
        if not results or results[-1][2] != "died" or results[-1][0] < begin:
            return results
        begin = results[-1][0] + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("number", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    counts = collections.defaultdict(collections.Counter)
    for index, (kind, name, calls) in enumerate(cases(options.number, options.seed)):
        if options.only not in (None, index):
            continue
        for _, label, what, detail in attack(calls):
            counts[kind][what] += 1
            if what != "error" or options.verbose:
                print(f"{index} {kind}, {name}: {label}: {what}: {detail}", flush=True)
    faults = 0
    for kind, found in counts.items():
        print(f"{kind:8}", *(f"{what} {n}" for what, n in sorted(found.items())))
        faults += found.total() - found["error"]
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
