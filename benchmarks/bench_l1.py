"""L1: the time to a relative suboptimality of 1e-8 of the same objective.

Each method runs at the loosest tol = 10^-k that reaches it, and is timed there. No
intercept: liblinear would penalise it, celer has none. X as each likes it best.
"""

import time
import warnings
from functools import partial
from statistics import median

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from skxent import CrossEntropyClassifier

CASES = {"dense": (10_000, 2_000), "sparse": (20_000, 100_000)}


def data(kind, n, d):
    rng = np.random.default_rng(0)
    truth = np.zeros(d)
    used = rng.choice(d, d // 50, replace=False)
    truth[used] = rng.normal(size=len(used))
    if kind == "dense":
        X = rng.normal(size=(n, d))
        X[:, 1:] = 0.5 * X[:, :-1] + 0.87 * X[:, 1:]
    else:
        row = max(1, d // 1000)
        start = np.arange(0, n * row + 1, row)
        values, columns = rng.normal(size=n * row), rng.integers(0, d, n * row)
        X = sp.csr_matrix((values, columns, start), shape=(n, d))
        X.sum_duplicates()
        truth *= 3
    y = rng.uniform(size=n) < 1 / (1 + np.exp(-(X @ truth)))
    return X, y.astype(int)


def objective(model, X, y):
    coef = model.coef_.ravel()
    margins = np.where(y == 1, 1, -1) * (X @ coef)
    return model.C * np.logaddexp(0, -margins).sum() + np.abs(coef).sum()


def methods(C):
    settings = {"C": C, "fit_intercept": False}
    peer = partial(LogisticRegression, l1_ratio=1.0, max_iter=3000, **settings)
    found = {
        "skxent": partial(CrossEntropyClassifier, l1_ratio=1.0, **settings),
        "liblinear": partial(peer, solver="liblinear"),
        "saga": partial(peer, solver="saga"),
    }
    try:
        from celer import LogisticRegression as Celer
    except ImportError:
        return found
    return found | {"celer": partial(Celer, max_iter=200, **settings)}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("factor", [5, 20])
def test_l1(kind, factor, report, request):
    quick = request.config.getoption("--quick")
    X, y = data(kind, *((200, 300) if quick else CASES[kind]))
    C = factor / np.abs(X.T @ (y - 0.5)).max()
    by_columns = np.asfortranarray(X) if kind == "dense" else X.tocsc()
    best = CrossEntropyClassifier(C=C, l1_ratio=1.0, fit_intercept=False, tol=1e-6)
    least = objective(best.fit(X, y), X, y)
    cells = []
    for name, make in methods(C).items():
        given = by_columns if name == "celer" else X
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(tol=0.1).fit(given, y)  # celer compiles
            for k in range(1, 9):
                before = time.perf_counter()
                model = make(tol=10.0**-k).fit(given, y)
                times = [time.perf_counter() - before]
                gap = objective(model, X, y) / least - 1
                if gap <= 1e-8 or times[0] > 30:
                    break
            for _ in range(0 if times[0] > 10 else 2):
                before = time.perf_counter()
                make(tol=10.0**-k).fit(given, y)
                times.append(time.perf_counter() - before)
        cells.append(f"{name} {median(times):.3g} s (tol 1e-{k}, gap {gap:.0e})")
    used = np.count_nonzero(best.coef_)
    report(f"{kind} {X.shape[0]}x{X.shape[1]}, {used} in use: " + ", ".join(cells))
