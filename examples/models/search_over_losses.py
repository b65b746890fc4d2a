"""
A grid search over losses
=========================

A loss is an ordinary parameter. Here GridSearchCV selects the loss and C for data with
many wrong labels, once by log loss and once by accuracy. All candidates are scored by
the same metric, because the values of different losses cannot be compared.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split

from skxent import CrossEntropyClassifier
from skxent.displays import PathDisplay
from skxent.losses import (
    CrossEntropy,
    Focal,
    GeneralizedCrossEntropy,
    SymmetricCrossEntropy,
)
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

# %%
# Data
# ----
# The data are the digits from 0 to 5. Only training rows have wrong labels, so the
# folds that score the candidates have them, too.

X, y = load_digits(n_class=6, return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, test_size=0.5, random_state=0)
rng = np.random.default_rng(0)
noisy = np.where(rng.random(len(y)) < 0.3, rng.integers(0, 6, len(y)), y)
print(f"{np.mean(noisy != y):.0%} of {len(y)} training labels are wrong\n")

# %%
# The search
# ----------

losses = [CrossEntropy(), Focal(), SymmetricCrossEntropy(), GeneralizedCrossEntropy()]
search = GridSearchCV(
    CrossEntropyClassifier(),
    {"loss": losses, "C": [0.1, 1.0, 10.0]},
    scoring={"log loss": neg_log_loss_scorer, "accuracy": "accuracy"},
    refit=False,
    cv=3,
)
search.fit(X, noisy)
results = search.cv_results_
candidates = results["params"]

# %%
# The selected C of each loss, and the scores on rows with correct labels
# ---------------------------------------------------------------------------------


def refit(score, among):
    """The best of some candidates by a score of the search, fitted to all rows."""
    best = max(among, key=lambda i: results[f"mean_test_{score}"][i])
    return CrossEntropyClassifier(**candidates[best]).fit(X, noisy)


print(f"{'':<26}{'chosen by log loss':>26}{'chosen by accuracy':>26}")
print(f"{'':<26}{2 * '     C  log loss  accuracy'}")
for loss in losses:
    line = f"{type(loss).__name__:<26}"
    for score in ("log loss", "accuracy"):
        mine = [i for i, given in enumerate(candidates) if given["loss"] == loss]
        model = refit(score, mine)
        found = log_loss(y_test, model.predict_proba(X_test))
        line += f"{model.C:>6g}{found:>10.3f}{model.score(X_test, y_test):>10.3f}"
    print(line)
for score in ("log loss", "accuracy"):
    model = refit(score, range(len(candidates)))
    print(f"selected by {score}: {model.loss!r}, C={model.C:g}")

# %%
# Results
# -------
# The bands are one standard error over the folds. The losses need different values of
# C, so a comparison with the same C would be unfair. With wrong labels in the folds as
# well, the differences in accuracy are within the bands, and the search selects
# cross-entropy. On rows with correct labels the two robust losses are more accurate.
# Generalized cross-entropy tolerates a weak penalty best of the four, because it does
# not fit the wrong labels.

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for ax, score in zip(axes, ("log loss", "accuracy"), strict=True):
    renamed = {
        name.replace(f"_{score}", "_score"): column for name, column in results.items()
    }
    display = PathDisplay.from_cv_results(renamed, ax=ax)
    ax.set_title("minus log loss" if score == "log loss" else score)
    ax.get_legend().remove()
figure.legend(handles=display.lines_, loc="outside lower center", ncols=2)
plt.show()
