"""
A grid search over losses
=========================

A loss is a parameter like any other. Here GridSearchCV chooses the loss and C for
labels of which a quarter are wrong, once by log loss and once by accuracy. All
candidates are scored by the same measure: their own losses cannot be compared.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split

from skxent import CrossEntropyClassifier
from skxent.displays import LossCurveDisplay, PathDisplay
from skxent.losses import (
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    Poly1,
    SymmetricCrossEntropy,
)
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

# %%
# Data
# ----
# The wrong labels are in the training rows only, and a few classes are mistaken for
# one particular other: the digit that follows.

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.5, random_state=0)
rng = np.random.default_rng(0)
noisy = np.where(rng.random(len(y)) < 0.25, rng.integers(0, 10, len(y)), y)
print(f"{np.mean(noisy != y):.0%} of {len(y)} training labels are wrong\n")

# %%
# The search
# ----------

losses = [
    CrossEntropy(),
    Focal(2.0),
    Poly1(1.0),
    SymmetricCrossEntropy(),
    GeneralizedCrossEntropy(0.7),
]
search = GridSearchCV(
    CrossEntropyClassifier(),
    {"loss": losses, "C": [0.01, 0.1, 1.0, 10.0]},
    scoring={"log loss": neg_log_loss_scorer, "accuracy": "accuracy"},
    refit="log loss",
)
search.fit(X, noisy)
results = search.cv_results_
print(f"{'':<34}{'chosen by log loss':>26}{'chosen by accuracy':>26}")
print(f"{'':<34}{2 * '     C  log loss  accuracy'}")
for loss in losses:
    line = f"{loss!r:<34}"[:34]
    for score in ("log loss", "accuracy"):
        mine = [i for i, p in enumerate(results["params"]) if p["loss"] == loss]
        best = max(mine, key=lambda i: results[f"mean_test_{score}"][i])
        model = CrossEntropyClassifier(**results["params"][best]).fit(X, noisy)
        proba = model.predict_proba(X_test)
        accuracy = accuracy_score(y_test, model.predict(X_test))
        line += f"{model.C:>6g}{log_loss(y_test, proba):>10.3f}{accuracy:>10.3f}"
    print(line)
print(search.best_params_)
