"""
Quickstart: a tuned focal model on imbalanced data
==================================================

The task is to detect the 8s in scikit-learn's digits. Three of four 8s are left out, so
about one row in fifty is positive. A grid search over a Pipeline tunes gamma, C and the
scaling, by log loss and by focal loss on the same stratified folds. The result is
compared with LogisticRegression on held-out rows.
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
from skxent.displays import LossByClassDisplay
from skxent.metrics import focal_loss, log_loss
from skxent.scorers import neg_focal_loss_scorer, neg_log_loss_scorer

# %%
# Data
# ----
# Every digit but 8, and a quarter of the 8s.

X, y = load_digits(return_X_y=True)
eights = np.flatnonzero(y == 8)
rng = np.random.default_rng(0)
kept = np.union1d(np.flatnonzero(y != 8), rng.choice(eights, len(eights) // 4))
X, y = X[kept], np.where(y[kept] == 8, "eight", "other")
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
share = np.mean(y == "eight")
print(f"{len(y)} training rows, {share:.1%} of them an 8; {len(y_test)} test rows\n")

# %%
# Models and searches
# -------------------
# The estimators are scikit-learn's in all respects: in a Pipeline, in GridSearchCV,
# scored by any scorer. X need not be scaled, so "passthrough" is one of the choices.

balanced = {"class_weight": "balanced"}
Cs = [0.01, 0.1, 1.0, 10.0]
plain, focal = {"C": Cs}, {"C": Cs, "gamma": [1.0, 2.0, 4.0]}
models = {
    "LogisticRegression": (LogisticRegression(max_iter=5000), plain),
    "LogisticRegression, balanced": (
        LogisticRegression(max_iter=5000, **balanced),
        plain,
    ),
    "FocalLogisticRegression": (FocalLogisticRegression(), focal),
    "FocalLogisticRegression, balanced": (FocalLogisticRegression(**balanced), focal),
}


def search(model, grid):
    """The grid search that every model here goes through."""
    scalings = ["passthrough", StandardScaler(), MinMaxScaler()]
    found = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("model", model)]),
        {"scale": scalings, **{f"model__{name}": grid[name] for name in grid}},
        scoring={"log": neg_log_loss_scorer, "focal": neg_focal_loss_scorer},
        refit="log",
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    )
    return found.fit(X, y)


heads = ("log loss", "focal", "avg prec", "recall 8")
print(f"{'':<34}{'  '.join(f'{head:>9}' for head in heads)}  {'fit (ms)':>8}")
searches = {}
for name, (model, grid) in models.items():
    found = searches[name] = search(model, grid)
    start = time.perf_counter()
    best = found.best_estimator_.fit(X, y)
    seconds = time.perf_counter() - start
    proba = best.predict_proba(X_test)
    eight = proba[:, list(best.classes_).index("eight")]
    scores = (
        log_loss(y_test, proba),
        focal_loss(y_test, proba, gamma=2.0),
        average_precision_score(y_test == "eight", eight),
        recall_score(y_test, best.predict(X_test), pos_label="eight"),
    )
    cells = "  ".join(f"{score:>9.4f}" for score in scores)
    print(f"{name:<34}{cells}  {1e3 * seconds:>8.1f}")

print("\nchosen on 5 stratified folds by neg_log_loss_scorer:")
for name, found in searches.items():
    chosen = {key.removeprefix("model__"): v for key, v in found.best_params_.items()}
    print(f"  {name}: {', '.join(f'{k}={v}' for k, v in sorted(chosen.items()))}")

# %%
# Where the loss comes from
# -------------------------
# The few 8s make most of the log loss of the focal model. The picture needs
# matplotlib, all else does not.

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("\nno picture without matplotlib: pip install matplotlib")
else:
    best = searches["FocalLogisticRegression"].best_estimator_
    LossByClassDisplay.from_estimator(best, X_test, y_test)
    plt.show()
