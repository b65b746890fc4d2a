"""L1 penalty: the time to a relative suboptimality of 1e-8 of the same objective.

Each method is timed with the largest tol = 10^-k that reaches it, in one thread. There
is no intercept, because liblinear would penalise it and celer has none. X has the
memory layout that each method prefers.
"""

import time
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp

from peers import l1_peers
from reporting.record import shape
from skxent import CrossEntropyClassifier

THREADS = 1
PATIENCE = {"full": 20.0, "quick": 1.0, "check": 0.5}  # seconds that a fit may take
SMALL = {"quick": (1_000, 300), "check": (200, 300)}
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


def objective(model, C, X, y):
    coef = model.coef_.ravel()
    margins = np.where(y == 1, 1, -1) * (X @ coef)
    return C * np.logaddexp(0, -margins).sum() + np.abs(coef).sum()


@pytest.mark.filterwarnings("ignore")  # of peers that have not converged, and the like
@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("factor", [5, 20])
def test_l1(kind, factor, compare, leave_out, size):
    """Time to a relative suboptimality of 1e-8, l1_ratio = 1"""
    if factor > 5 or kind == "dense":
        leave_out("one fit tells enough")
    numbers = CASES[kind] if size == "full" else SMALL[size]
    X, y = data(kind, *numbers)
    C = factor / np.abs(X.T @ (y - 0.5)).max()
    by_columns = np.asfortranarray(X) if kind == "dense" else X.tocsc()
    ours = partial(CrossEntropyClassifier, C=C, l1_ratio=1.0, fit_intercept=False)
    best = ours(tol=1e-6).fit(X, y)
    least = objective(best, C, X, y)
    calls, notes = {}, {}
    for name, make in {
        "skxent": lambda tol: ours(tol=tol),
        **l1_peers(C, len(y)),
    }.items():
        if isinstance(make, str):
            notes[name] = make
            continue
        given = by_columns if name in ("celer", "skglm") else X
        make(tol=0.1).fit(given, y)  # some compile
        for tol in 10.0 ** -np.arange(1, 9):
            begin = time.perf_counter()
            model = make(tol=tol).fit(given, y)
            took = time.perf_counter() - begin
            gap = objective(model, C, X, y) / least - 1
            if gap <= 1e-8 or took > PATIENCE[size]:
                break
        if gap > 1e-8:
            notes[name] = f"at {gap:.0e} after {took:.0f} s"
        else:
            model = make(tol=tol)
            calls[name] = lambda model=model, given=given: model.fit(given, y)
    used = np.count_nonzero(best.coef_)
    compare(
        f"{kind} {shape(*X.shape)}, {used} in use",
        calls,
        rounds=3,
        at_least={"saga": 3.0, "celer": 1.0},
        notes=notes,
    )
