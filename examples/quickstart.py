"""
Quickstart: a focal model, tuned
================================

Tune a focal model on imbalanced data, and see what it changes.

scikit-learn's digits, the 8s against the rest and three of four 8s left out: about one
row in fifty is positive. A Pipeline is searched over gamma, C and the scaling, scored
by log loss and by focal loss on the same stratified folds, and compared with
LogisticRegression on rows that neither has seen.
"""

import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, recall_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skxent import FocalLogisticRegression
from skxent.metrics import focal_loss, log_loss
from skxent.scorers import neg_focal_loss_scorer, neg_log_loss_scorer


def imbalanced_digits(seed=0):
    """Every digit but 8, and a quarter of the 8s."""
    X, y = load_digits(return_X_y=True)
    eights = np.flatnonzero(y == 8)
    rng = np.random.default_rng(seed)
    kept = np.union1d(np.flatnonzero(y != 8), rng.choice(eights, len(eights) // 4))
    return X[kept], np.where(y[kept] == 8, "eight", "other")


def search(model, grid, X, y):
    """The grid search that every model here goes through."""
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    scalings = ["passthrough", StandardScaler(), MinMaxScaler()]
    found = GridSearchCV(
        pipeline,
        {"scale": scalings, **{f"model__{name}": grid[name] for name in grid}},
        scoring={"log": neg_log_loss_scorer, "focal": neg_focal_loss_scorer},
        refit="log",
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    )
    return found.fit(X, y)


def row(name, model, X, y, seconds):
    """A line of the table: scores on held-out rows."""
    proba = model.predict_proba(X)
    minority = proba[:, list(model.classes_).index("eight")]
    scores = (
        log_loss(y, proba),
        focal_loss(y, proba, gamma=2.0),
        average_precision_score(y == "eight", minority),
        recall_score(y, model.predict(X), pos_label="eight"),
        1e3 * seconds,
    )
    cells = "  ".join(f"{score:>9.4f}" for score in scores[:4])
    print(f"{name:<34}{cells}  {scores[4]:>8.1f}")


def timed_refit(found, X, y):
    start = time.perf_counter()
    model = found.best_estimator_.fit(X, y)
    return model, time.perf_counter() - start


def main():
    X, y = imbalanced_digits()
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    share = np.mean(y == "eight")
    print(
        f"{len(y)} training rows, {share:.1%} of them an 8; {len(y_test)} test rows\n"
    )
    Cs = [0.01, 0.1, 1.0, 10.0]
    models = {
        "LogisticRegression": (LogisticRegression(max_iter=5000), {"C": Cs}),
        "LogisticRegression, balanced": (
            LogisticRegression(max_iter=5000, class_weight="balanced"),
            {"C": Cs},
        ),
        "FocalLogisticRegression": (
            FocalLogisticRegression(),
            {"C": Cs, "gamma": [1.0, 2.0, 4.0]},
        ),
        "FocalLogisticRegression, balanced": (
            FocalLogisticRegression(class_weight="balanced"),
            {"C": Cs, "gamma": [1.0, 2.0, 4.0]},
        ),
    }
    heads = ("log loss", "focal", "avg prec", "recall 8")
    print(f"{'':<34}{'  '.join(f'{head:>9}' for head in heads)}  {'fit (ms)':>8}")
    chosen = {}
    for name, (model, grid) in models.items():
        found = search(model, grid, X, y)
        best, seconds = timed_refit(found, X, y)
        row(name, best, X_test, y_test, seconds)
        chosen[name] = found.best_params_
    print("\nchosen on 5 stratified folds by neg_log_loss_scorer:")
    for name, parameters in chosen.items():
        shown = {key.removeprefix("model__"): parameters[key] for key in parameters}
        print(f"  {name}: {', '.join(f'{k}={v}' for k, v in sorted(shown.items()))}")


if __name__ == "__main__":
    main()
