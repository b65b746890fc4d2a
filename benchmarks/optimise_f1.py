"""Does a loss made for F1 give a better F1 than cross-entropy and a threshold?

    python -P benchmarks/optimise_f1.py            # writes its results and their table
    python -P benchmarks/optimise_f1.py --quick    # few tables, printed

Linear models of standardised columns on the real tables of benchmarks/experiment with a
rare class. Each is fitted and given a threshold on the training rows of five folds, and
scored on the rest. Needs '.[choosing]'.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.model_selection import (
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import CrossEntropyClassifier
from skxent.losses import GeneralizedCrossEntropy

sys.path.insert(0, str(Path(__file__).parent))

from experiment.tables import RARE, is_toy, load

RESULTS = Path(__file__).parent / "results" / "optimise_f1" / "results.json"
TABLE = Path(__file__).parents[1] / "docs" / "tables" / "f1.md"
TABLES = [name for name in RARE if not is_toy(name)]
REFERENCE = "cross-entropy, tuned threshold"


class SoftDice(ClassifierMixin, BaseEstimator):
    """A linear model of least soft Dice loss and the penalty of CrossEntropyClassifier.

    From the minimum of cross-entropy, since there are several minima.
    """

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y):
        start = CrossEntropyClassifier(C=self.C).fit(X, y)
        self.classes_, code = start.classes_, (y == start.classes_[1]) * 1.0
        penalty = 1 / (2 * self.C * len(y))

        def loss(w):
            p = expit(X @ w[:-1] + w[-1])
            both, sizes = p @ code, p.sum() + code.sum()
            slope = -2 * (code / sizes - both / sizes**2) * p * (1 - p)
            gradient = np.r_[slope @ X + 2 * penalty * w[:-1], slope.sum()]
            return 1 - 2 * both / sizes + penalty * w[:-1] @ w[:-1], gradient

        found = minimize(
            loss, np.r_[start.coef_[0], start.intercept_], jac=True, method="L-BFGS-B"
        )
        self.coef_, self.intercept_ = found.x[:-1], found.x[-1]
        return self

    def predict_proba(self, X):
        p = expit(X @ self.coef_ + self.intercept_)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.5).astype(int)]


MODELS = {
    "cross-entropy": CrossEntropyClassifier(),
    "balanced cross-entropy": CrossEntropyClassifier(class_weight="balanced"),
    "soft Dice": SoftDice(),
    "balanced generalized cross-entropy": CrossEntropyClassifier(
        GeneralizedCrossEntropy(0.7), class_weight="balanced"
    ),
}


def half_of_best(model, X, y):
    """Half of the best F1 of out-of-fold probabilities: the threshold by theory."""
    proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")[:, 1]
    precision, recall, _ = precision_recall_curve(y, proba)
    return (precision * recall / np.maximum(precision + recall, 1e-12)).max()


def scores(name):
    """The mean test F1 of each method on a table."""
    X, y = load(name)
    found = {}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        for title, linear in MODELS.items():
            model = make_pipeline(StandardScaler(), clone(linear))
            tuned = TunedThresholdClassifierCV(model, scoring="f1", random_state=0)
            predicted = {
                "threshold 0.5": model.fit(X[train], y[train]).predict(X[test]),
                "tuned threshold": tuned.fit(X[train], y[train]).predict(X[test]),
            }
            if title == "cross-entropy":
                threshold = half_of_best(model, X[train], y[train])
                proba = model.predict_proba(X[test])[:, 1]
                predicted["threshold F*/2"] = (proba > threshold).astype(int)
            for rule, labels in predicted.items():
                f1 = f1_score(y[test], labels, zero_division=0)
                found.setdefault(f"{title}, {rule}", []).append(f1)
    return {method: round(float(np.mean(f1)), 4) for method, f1 in found.items()}


def differences(results):
    """Mean F1 of each method, and its difference from the reference ± its error."""
    rows = {}
    for method in next(iter(results.values())):
        f1 = np.array([table[method] for table in results.values()])
        change = f1 - [table[REFERENCE] for table in results.values()]
        error = change.std(ddof=1) / np.sqrt(len(change))
        rows[method] = f1.mean(), change.mean(), error
    return rows


def page(results):
    lines = [
        f"Mean test F1 of {len(results)} tables; difference from {REFERENCE}, paired, "
        "± its standard error:",
        "",
        "| linear model | F1 | difference |",
        "|---|---|---|",
    ]
    for method, (f1, change, error) in differences(results).items():
        text = "" if method == REFERENCE else f"{change:+.3f} ± {error:.3f}"
        lines.append(f"| {method} | {f1:.3f} | {text} |")
    return "\n".join([*lines, ""])


def read():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        print(page({name: scores(name) for name in TABLES[:2]}))
        return
    results = {name: scores(name) for name in TABLES}
    RESULTS.parent.mkdir(exist_ok=True, parents=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    TABLE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
