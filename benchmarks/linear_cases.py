"""The cases of bench_linear.py, and who fits them how well and in which time.

Only the public interface is used, so that `report.py commits` measures every commit.
"""

import io
import re
import time
from contextlib import redirect_stdout

import numpy as np
import scipy.sparse as sp
from scipy.special import log_softmax

from reporting.record import shape
from skxent import CrossEntropyClassifier

SHAPES = [
    (100_000, 50, 2),
    (1_000_000, 30, 2),
    (100_000, 50, 10),
    (20_000, 500, 5),
    (500_000, 30, 7),
    (20_000, 100_000, 2),
    (20_000, 100_000, 20),
]
DENSE = SHAPES[:5]
MOST_DENSE = 500  # columns
FEWER = {"full": (1, 1), "quick": (20, 10), "check": (100, 10)}  # rows and columns
PATIENCE = {"full": 20.0, "quick": 0.5, "check": 0.5}  # seconds that a fit may take


def scaled(numbers, size):
    n, d, n_classes = numbers
    rows, columns = FEWER[size]
    if size == "quick" and d <= MOST_DENSE:
        columns = 1
    return n // rows, d // columns, n_classes


def named(n, d, n_classes, columns=""):
    kind = " sparse" if d > MOST_DENSE else ""
    return f"{shape(n, d)}{kind}, {columns}{n_classes} classes"


def dependent(n, d, n_classes):
    """The same of columns that depend on each other, as measured ones do."""
    rng = np.random.default_rng(0)
    rough = np.logspace(-2, 0, d)[:, np.newaxis] * rng.normal(size=(d, d))
    X = rng.normal(size=(n, d)) @ rough
    X /= X.std(axis=0)
    z = X @ (2 * rng.normal(size=(d, n_classes)) / np.sqrt(d))
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def data(n, d, n_classes):
    """Classes drawn from a logistic model; as many columns as text has are sparse."""
    rng = np.random.default_rng(0)
    if d > MOST_DENSE:
        X = sp.random_array((n, d), density=100 / d, format="csr", rng=rng)
        W = 3 * rng.normal(size=(d, n_classes))
    else:
        X = rng.normal(size=(n, d))
        W = 2 * rng.normal(size=(d, n_classes)) / np.sqrt(d)
    z = X @ W
    return X, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def mean_loss(z, y):
    if z.shape[1] == 1:
        z = np.column_stack([np.zeros(len(z)), z])
    return -log_softmax(z, axis=1)[np.arange(len(z)), y].mean()


def objective(model, X, y):
    """The objective of all participants, by its definition: C = 1."""
    W = model.coef_.astype(float)
    z = X @ W.T
    if getattr(model, "fit_intercept", True):
        z += model.intercept_
    return mean_loss(z, y) + 0.5 * (W**2).sum() / len(y)


class Race:
    """The objective and its minimum, to judge solutions, with or without intercept."""

    def __init__(self, X, y, patience):
        self.X, self.y, self.patience = X, y, patience
        self.exact_X = X.astype(np.float64, copy=False)
        self.minima = {}

    def gap(self, model):
        intercept = getattr(model, "fit_intercept", True)
        if intercept not in self.minima:
            exact = CrossEntropyClassifier(
                solver="newton-cg", tol=1e-7, fit_intercept=intercept
            )
            exact.fit(self.exact_X, self.y)
            self.minima[intercept] = objective(exact, self.exact_X, self.y)
        return objective(model, self.exact_X, self.y) / self.minima[intercept] - 1

    def fit(self, model, tol):
        """Seconds that it takes, and is it good enough?"""
        begin = time.perf_counter()
        model.set_params(tol=tol).fit(self.X, self.y)
        return time.perf_counter() - begin, self.gap(model) <= 1e-8

    def enter(self, model, patience):
        """Seconds at the largest tolerance that is good enough, or why none is."""
        took, good = self.fit(model, 1e-4)
        if good:
            tol, looser = 1e-4, 1e-3
            while good and looser <= 0.1 and took <= patience:
                again, good = self.fit(model, looser)
                if good:
                    took, tol, looser = again, looser, 10 * looser
            model.set_params(tol=tol)
            return took, ""
        for tol in 10.0 ** -np.arange(5, 11):
            if took > patience:
                return None, f"> {took:.0f} s" if took > self.patience else ""
            took, good = self.fit(model, tol)
            if good:
                return took, ""
        return None, "ends above 1e-8"

    def quickest(self, models):
        """The quickest model that is good enough, and a word about it."""
        best, word, least = None, "", self.patience
        for model in models:
            took, why = self.enter(model, min(self.patience, 2 * least))
            if took is not None and (best is None or took < least):
                best, least, word = model, took, getattr(model, "solver", "")
            elif best is None:
                word = why or word
        return best, word


def passes_of(model, X, y):
    """Passes over X of such a fit, as verbose=1 prints them."""
    verbose = CrossEntropyClassifier(tol=model.tol, verbose=1)
    with redirect_stdout(io.StringIO()) as printed:
        verbose.fit(X, y)
    return int(re.findall(r"passes (\d+)", printed.getvalue())[-1])
