"""Paths of L1 penalties: the time until the excess, summed over a path, is 1e-6.

The excess is how far an objective, a mean in nats, is above the least that anyone
finds. Each method has the largest tolerance that reaches it, and X in the memory layout
that it prefers. Penalties fall evenly in logarithms from the first that lets a column
in to a twentieth of it.
"""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse as sp
from bench_l1 import data

from reporting.record import shape
from skxent.linear_model import cross_entropy_path

THREADS = 1
ENOUGH = 1e-6
CASES = [
    ("dense", 10_000, 2_000, 30),
    ("dense", 10_000, 2_000, 100),
    ("dense", 100_000, 100, 30),
    ("dense", 2_000, 10_000, 30),
    ("sparse", 20_000, 100_000, 30),
]
TOLERANCES = {
    "skxent": [5e-4, 2e-4, 1e-4],
    "adelie": [1e-5, 1e-6, 1e-7, 1e-8],
    "glmnet": [1e-4, 1e-5, 1e-6, 1e-7],
}


def values_of(X, y, strengths, coefs, intercepts):
    margins = np.where(y == 1, 1, -1)[:, np.newaxis] * (X @ coefs.T + intercepts)
    norms = np.abs(coefs).sum(axis=1)
    return np.logaddexp(0, -margins).mean(axis=0) + strengths * norms


def ours(X, y, strengths):
    def run(tol):
        return cross_entropy_path(X, y, Cs=1 / (strengths * len(y)), tol=tol)

    return run, lambda path: (path.coefs[:, 0], path.intercepts[:, 0])


def adelie(X, y, strengths):
    import adelie

    kind = adelie.matrix.sparse if sp.issparse(X) else adelie.matrix.dense
    X = X.tocsc() if sp.issparse(X) else np.asfortranarray(X)
    matrix, glm = kind(X, method="naive"), adelie.glm.binomial(y=y.astype(float))

    def run(tol):
        return adelie.grpnet(
            X=matrix,
            glm=glm,
            lmda_path=strengths,
            tol=tol,
            irls_tol=tol,
            early_exit=False,
            progress_bar=False,
            adev_tol=1,
            ddev_tol=0,
        )

    return run, lambda state: (state.betas.toarray(), np.asarray(state.intercepts))


def glmnet(X, y, strengths):
    from glmnet import LogitNet

    X = X.tocsc() if sp.issparse(X) else np.asfortranarray(X)

    def run(tol):
        settings = {"lambda_path": strengths, "standardize": False, "n_splits": 0}
        return LogitNet(alpha=1, tol=tol, **settings).fit(X, y)

    return run, lambda m: (
        m.coef_path_.reshape(-1, len(strengths)).T,
        m.intercept_path_.ravel(),
    )


@pytest.mark.filterwarnings("ignore")  # of peers that have not converged, and the like
@pytest.mark.parametrize(("kind", "n", "d", "count"), CASES)
def test_path(kind, n, d, count, compare, leave_out, size):
    """Time of a path of L1 penalties to a summed excess of 1e-6"""
    if (n, d) != (100_000, 100):
        leave_out("one path tells enough")
    if size != "full":
        n, d = max(n // 100, 100), max(d // 100, 20)
    X, y = data(kind, n, d)
    first = np.abs(X.T @ (y - y.mean())).max() / n
    strengths = first * np.geomspace(1, 0.05, count)
    methods = {"skxent": ours(X, y, strengths)}
    for peer in (adelie, glmnet):
        if find_spec(peer.__name__):
            methods[peer.__name__] = peer(X, y, strengths)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (run, read) in methods.items():
            for tol in TOLERANCES[name]:
                values = values_of(X, y, strengths, *read(run(tol)))
                found[name, tol] = values
    best = np.min(list(found.values()), axis=0)
    calls, notes = {}, {}
    for (name, tol), values in found.items():
        excess = float((values - best).sum())
        if name not in calls and excess <= ENOUGH:
            run = methods[name][0]
            calls[name] = lambda run=run, tol=tol: run(tol)
            notes[name] = f"tol={tol:g}, excess {excess:.0e}"
    compare(
        f"{shape(n, d)} {kind}, {count} penalties",
        calls,
        rounds=3,
        at_least=dict.fromkeys(calls.keys() - {"skxent"}, 1.0),
        notes=notes,
    )
