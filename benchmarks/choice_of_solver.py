"""Does solver="auto" choose the fastest solver? Its regret on 21 cases.

    python -P benchmarks/choice_of_solver.py            # two or three minutes
    python -P benchmarks/choice_of_solver.py 2 7        # only these cases

A case is fitted at default settings by each solver, by "auto", and by scikit-learn's
LogisticRegression. Times are CPU times of one thread, the least of several fits in
turn, so that other processes disturb them little. The regret is the time of "auto"
divided by that of the fastest solver of ours. `gap` is how far the objective is above
the least that any of ours found, relative to it, for "auto" and for scikit-learn. A
solver is left out where one step of it would take minutes.
"""

import sys
import time
import warnings
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from linear_cases import dependent, mean_loss
from skxent import CrossEntropyClassifier

OURS = ("newton-cholesky", "newton-cg", "lbfgs")
NAMES = (*OURS, "auto", "scikit-learn")
MOST_OPERATIONS = 1e10  # of a Hessian that is factorised
ROUNDS, ENOUGH = 5, 1.0  # fits of each, unless they take so many seconds


class Case(NamedTuple):
    """Rows, columns, classes, kind of the columns, and C."""

    n: int
    d: int
    n_classes: int
    columns: str = "independent"
    C: float = 1.0

    def data(self):
        n, d, n_classes = self.n, self.d, self.n_classes
        if self.columns == "dependent":
            return dependent(n, d, n_classes)
        rng = np.random.default_rng(0)
        if self.columns == "sparse":
            X = sp.random_array((n, d), density=50 / d, format="csr", rng=rng)
            scale = 3.0
        elif self.columns == "words":
            rank = np.minimum(20 * rng.pareto(0.7, size=60 * n), d - 1).astype(int)
            X = sp.csr_array((np.ones(60 * n), rank, np.arange(0, 60 * n + 1, 60)))
            X.resize(n, d)
            X.sum_duplicates()
            scale = 0.3
        else:
            X, scale = rng.normal(size=(n, d)), 2 / np.sqrt(d)
        z = X @ (scale * rng.normal(size=(d, n_classes)))
        y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
        return X, np.unique(y, return_inverse=True)[1]  # a rare class may have no row

    @property
    def operations(self):
        size, m = self.d + 1, 1 if self.n_classes == 2 else self.n_classes
        return self.n * (size * m) ** 2 / 2 + (size * m) ** 3 / 3

    def __str__(self):
        return f"{self.n:>7} x {self.d:<4} {self.n_classes:>3} {self.columns:11}"


CASES = [
    Case(500, 10, 2),
    Case(1_000, 100, 2, C=100.0),
    Case(2_000, 1_000, 2),
    Case(10_000, 300, 2, "dependent"),
    Case(5_000, 2_000, 2, "dependent", C=0.01),
    Case(50_000, 200, 2),
    Case(300_000, 30, 2),
    Case(1_000_000, 10, 2, C=0.01),
    Case(2_000, 20, 3, "dependent", C=100.0),
    Case(20_000, 50, 5, "dependent"),
    Case(10_000, 300, 5),
    Case(100_000, 20, 7, C=0.01),
    Case(1_800, 64, 10, C=100.0),
    Case(30_000, 50, 10),
    Case(3_000, 50, 80),
    Case(2_000, 20, 200),
    Case(10_000, 5_000, 2, "sparse"),
    Case(10_000, 5_000, 20, "sparse", C=0.01),
    Case(20_000, 5_000, 2, "words", C=10.0),
    Case(5_000, 5_000, 4, "words"),
    Case(2_000, 20_000, 2, "words"),
]


def objective(model, X, y):
    """Return the mean of the objective, by its definition."""
    z = X @ model.coef_.T + model.intercept_
    return mean_loss(z, y) + 0.5 * (model.coef_**2).sum() / (model.C * len(y))


def measured(case):
    """Return seconds and objectives of each model, by name."""
    X, y = case.data()
    models = {
        name: CrossEntropyClassifier(solver=name, C=case.C, n_jobs=1)
        for name in (*OURS, "auto")
        if name != OURS[0] or case.operations <= MOST_OPERATIONS
    }
    models["scikit-learn"] = LogisticRegression(C=case.C)
    seconds, values = {}, {}
    for _ in range(ROUNDS):
        for name, model in models.items():
            begin = time.process_time()
            model.fit(X, y)
            took = time.process_time() - begin
            seconds[name] = min(took, seconds.get(name, np.inf))
            values[name] = objective(model, X, y)
        if sum(seconds.values()) > ENOUGH:
            break
    return seconds, values


def main(numbers):
    warnings.simplefilter("ignore")  # of fits that stop at max_iter
    print(
        f"{'rows x columns, classes':31} {'C':>5} {'cholesky':>9} {'cg':>8} "
        f"{'lbfgs':>8} {'auto':>8} {'sklearn':>8} {'regret':>6} {'gap':>8} {'sk':>8}"
    )
    regrets, ratios = [], []
    for number, case in enumerate(CASES, 1):
        if numbers and number not in numbers:
            continue
        seconds, values = measured(case)
        least = min(value for name, value in values.items() if name != "scikit-learn")
        fastest = min(seconds.get(name, np.inf) for name in OURS)
        regrets.append(seconds["auto"] / fastest)
        ratios.append(seconds["scikit-learn"] / seconds["auto"])
        times = "".join(f"{seconds.get(name, np.nan):9.4f}" for name in NAMES)
        gaps = [values[name] / least - 1 for name in ("auto", "scikit-learn")]
        print(
            f"{number:2} {case!s} {case.C:5g} {times} {regrets[-1]:6.2f} "
            f"{gaps[0]:8.1e} {gaps[1]:8.1e}",
            flush=True,
        )
    print(
        f"largest regret {max(regrets):.2f}; scikit-learn takes "
        f"{min(ratios):.2f} times as long or more"
    )


if __name__ == "__main__":
    with threadpool_limits(1):
        main({int(number) for number in sys.argv[1:]})
