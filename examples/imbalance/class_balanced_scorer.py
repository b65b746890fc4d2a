"""
Class-balanced log loss as a scorer
===================================

Six rows in ten belong to the first class and four in a hundred to the last, and the
mean log loss weights the classes accordingly. If all classes are equally important,
give each the same weight in the score. One line makes the scorer, and a search with it
selects another model.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, train_test_split

from skxent import FocalLogisticRegression
from skxent.displays import LossByClassDisplay
from skxent.losses import CrossEntropy
from skxent.metrics import cross_entropy
from skxent.scorers import make_loss_scorer, neg_log_loss_scorer

# %%
# Data
# ----

X, y = make_classification(
    24_000,
    12,
    n_informative=8,
    n_classes=5,
    n_clusters_per_class=1,
    weights=[0.6, 0.2, 0.1, 0.06, 0.04],
    class_sep=0.9,
    flip_y=0.0,
    random_state=0,
)
X, X_test, y, y_test = train_test_split(
    X, y, test_size=20_000, stratify=y, random_state=0
)

# %%
# The scorer and the search
# -------------------------
# The balanced weights are computed from the rows that are scored. Every fold therefore
# needs rows of every class, so the folds must be stratified, as they are by default.

balanced_scorer = make_loss_scorer(CrossEntropy(), class_weight="balanced")

grid = {
    "class_weight": [None, "balanced"],
    "posterior": [True, False],
    "gamma": [0.0, 1.0],
    "C": [0.1, 1.0],
}
search = GridSearchCV(
    FocalLogisticRegression(),
    grid,
    scoring={"mean": neg_log_loss_scorer, "balanced": balanced_scorer},
    refit=False,
    cv=3,
).fit(X, y)

# %%
# What each scorer chooses
# ------------------------

models = {}
for score in ("mean", "balanced"):
    best = np.argmax(search.cv_results_[f"mean_test_{score}"])
    parameters = search.cv_results_["params"][best]
    model = models[score] = FocalLogisticRegression(**parameters).fit(X, y)
    proba = model.predict_proba(X_test)
    print(f"chosen by the {score} log loss: {parameters}")
    print(f"  mean log loss      {cross_entropy(y_test, proba):.3f}")
    value = cross_entropy(y_test, proba, class_weight="balanced")
    print(f"  balanced log loss  {value:.3f}")
    print(f"  mean probabilities {proba.mean(axis=0).round(3)}\n")
print(f"class frequencies    {np.bincount(y_test) / len(y_test)}")

# %%
# Results
# -------
# The two scores have different optima. The mean log loss is minimal for the class
# probabilities in data like these. The balanced log loss is minimal for the class
# probabilities in a population with equally frequent classes: those of a model with
# balanced weights and ``posterior=False``. These are wrong for data like the given
# ones. If only the decisions should be balanced, ``class_weight="balanced"`` is
# sufficient: it changes ``predict``, while ``predict_proba`` returns the class
# probabilities in the data.

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
LossByClassDisplay.from_estimator(models["mean"], X_test, y_test, ax=axes[0])
for offset, (score, model) in zip((-0.2, 0.2), models.items(), strict=True):
    surprise = cross_entropy(y_test, model.predict_proba(X_test), reduction="none")
    by_class = np.bincount(y_test, surprise) / np.bincount(y_test)
    axes[1].bar(np.arange(5) + offset, by_class, 0.4, label=f"chosen by {score}")
axes[1].set(xlabel="class", ylabel="log loss of its rows")
axes[1].legend()
plt.show()
