"""Boosting objectives: the cost of a call, and what it adds to training.

Calls are compared with a numpy implementation and imbalance-xgboost's focal loss, on
the booster's arrays: margins and labels in float32. They use one thread, and in some
rows two; by default they use all. Training is compared with the built-in objective of
the library, from the same initial score.
"""

import numpy as np
import pytest

from reporting.record import shape
from skxent.boosting import catboost_objective, lightgbm_objective, xgboost_objective
from skxent.losses import LOSSES, CrossEntropy, Focal

THREADS = 1
N = 1_000_000


class Data:
    """The methods of a DMatrix that objectives of xgboost.train call."""

    def __init__(self, y):
        self.y = y

    def get_label(self):
        return self.y

    def get_weight(self):
        return np.empty(0, dtype=np.float32)


def rows(n_classes=None, dtype=np.float32, order="C"):
    rng = np.random.default_rng(0)
    shape = (N,) if n_classes is None else (N // n_classes, n_classes)
    z = np.asarray(rng.normal(scale=2, size=shape), dtype=dtype, order=order)
    return rng.integers(0, n_classes or 2, len(z)).astype(np.float32), z


def by_hand(gamma):
    """Focal loss as the textbook has it, in numpy and in float64, clipped."""

    def objective(z, data):
        y = data.get_label()
        p = 1 / (1 + np.exp(-z.astype(np.float64)))
        p = np.clip(np.where(y == 1, p, 1 - p), 1e-15, 1 - 1e-15)
        sign, q = np.where(y == 1, 1, -1), 1 - p
        gradient = sign * q**gamma * (gamma * p * np.log(p) - q)
        inner = (1 + 2 * gamma) * q - gamma * np.log(p) * (gamma * p - q)
        return gradient, p * q**gamma * inner

    return objective


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("gamma", [2.0, 1.7])
def test_focal_call(compare, gamma, n_threads):
    """A call of the focal objective"""
    y, z = rows()
    data, ours = Data(y), xgboost_objective(Focal(gamma), n_threads=n_threads)
    numpy = by_hand(gamma)
    calls = {"skxent": lambda: ours(z, data), "numpy": lambda: numpy(z, data)}
    notes = {}
    try:
        from imxgboost.focal_loss import Focal_Binary_Loss
    except ImportError:
        notes["imbalance-xgboost"] = "not installed"
    else:
        peer = Focal_Binary_Loss(gamma)
        calls["imbalance-xgboost"] = lambda: peer.focal_binary_object(z, data)
    at_least = {"numpy": 10.0, "imbalance-xgboost": 10.0}
    case = f"{shape(N)} rows, gamma={gamma}, n_threads={n_threads}"
    compare(case, calls, at_least=at_least, notes=notes)


@pytest.mark.parametrize("n_classes", [None, 3, 10])
def test_losses_beside_cross_entropy(compare, n_classes):
    """A call with other losses, compared with cross-entropy"""
    y, z = rows(n_classes)
    objectives = {
        cls.__name__: xgboost_objective(cls(), n_threads=1) for cls in LOSSES.values()
    }
    ours = objectives.pop("CrossEntropy")
    calls = {"skxent": lambda: ours(y, z)}
    calls |= {name: (lambda f=f: f(y, z)) for name, f in objectives.items()}
    compare(shape(len(z), n_classes or 1), calls)


def test_layouts(compare):
    """A call with LightGBM's arrays, F-ordered float64"""
    y, z = rows(3, np.float64, "F")
    lightgbm = lightgbm_objective(Focal(2.0), n_threads=1)
    copy = np.ascontiguousarray(z)
    compare(
        shape(*z.shape),
        {
            "skxent": lambda: lightgbm(y, z),
            "C-order": lambda: lightgbm(y, copy),
            "copy": lambda: np.ascontiguousarray(z),
        },
        floor="copy",
    )


def test_catboost_row(compare):
    """A call for one row, as CatBoost does"""
    objective = catboost_objective(Focal(2.0))
    z = np.zeros(3)
    compare("3 classes", {"skxent": lambda: row(objective, z)})


def row(objective, z):
    return objective.calc_ders_multi(z, 1.0, 1.0)


def table(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 30)).astype(np.float32)
    y = (X[:, :5].sum(axis=1) + rng.normal(scale=2, size=n) > 4).astype(int)
    return X, y


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_training(compare, size, library, loss):
    """Training with skxent's objective, compared with the built-in one"""
    module = pytest.importorskip(library, reason=f"pip install '.[{library}]'")
    n, trees = {"full": (100_000, 200), "quick": (10_000, 20), "check": (2_000, 2)}[
        size
    ]
    X, y = table(n)
    settings = {"n_estimators": trees, "n_jobs": 1}
    if library == "xgboost":
        classifier, start = module.XGBClassifier, "base_margin"
        objective = xgboost_objective(loss, n_threads=1)
    else:
        classifier, start = module.LGBMClassifier, "init_score"
        objective = lightgbm_objective(loss, n_threads=1)
        settings["verbosity"] = -1
    margin = {start: np.full(len(y), objective.init_score(y))}
    compare(
        f"{library}, {shape(*X.shape)}, {trees} trees, {loss!r}",
        {
            "skxent": lambda: classifier(objective=objective, **settings).fit(
                X, y, **margin
            ),
            "built-in": lambda: classifier(**settings).fit(X, y),
        },
        rounds=3,
        at_least={"built-in": 1 / 1.15},
    )
