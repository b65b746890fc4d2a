"""
Quickstart: decisions and probabilities for a rare class
========================================================

In a simulated table one row in twenty is positive. A model that minimises log loss and
predicts the more likely class misses nearly all positive rows. With balanced class
weights a model finds more of them, but in scikit-learn its probabilities are then those
for balanced data. In skxent ``predict_proba`` corrects for the weights, so the same
model returns good decisions and good probabilities. All models are tuned on the same
stratified folds and evaluated on held-out rows.
"""

from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import CrossEntropyClassifier, FocalLogisticRegression
from skxent.displays import ReliabilityDisplay
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

# %%
# Data
# ----
# Five columns are informative, fifteen are not. Half of the rows are for the test.

X, y = make_classification(
    10_000, n_informative=5, weights=[0.95], class_sep=0.5, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, test_size=0.5, random_state=0)
print(f"{len(y)} training rows, {y.mean():.1%} positive; {len(y_test)} test rows\n")

# %%
# Models and searches
# -------------------
# The estimators work like those of scikit-learn: in a Pipeline, in GridSearchCV, and
# with any scorer. ``neg_log_loss_scorer`` also scores folds that lack a class.

balanced = {"class_weight": "balanced"}
models = {
    "LogisticRegression": LogisticRegression(max_iter=5000),
    "LogisticRegression, balanced": LogisticRegression(max_iter=5000, **balanced),
    "CrossEntropyClassifier, balanced": CrossEntropyClassifier(**balanced),
    "FocalLogisticRegression, balanced": FocalLogisticRegression(**balanced),
}


def search(model):
    """The grid search that every model here goes through."""
    pipeline = make_pipeline(StandardScaler(), model)
    grid = {f"{type(model).__name__.lower()}__C": [1e-3, 1e-2, 0.1, 1.0]}
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return GridSearchCV(pipeline, grid, scoring=neg_log_loss_scorer, cv=folds).fit(X, y)


print(f"{'':<34}{'found':>7}{'predicted':>11}{'expected':>10}{'log loss':>10}")
searches = {}
for name, model in models.items():
    found = searches[name] = search(model)
    proba, said = found.predict_proba(X_test), found.predict(X_test)
    recall, loss = recall_score(y_test, said), log_loss(y_test, proba)
    expected = proba[:, 1].sum()
    print(f"{name:<34}{recall:>7.0%}{said.sum():>11}{expected:>10.0f}{loss:>10.3f}")
print(f"\n{y_test.sum()} of the test rows are positive.")

# %%
# What it means
# -------------
# *Found* is the share of the positive rows that a model finds: balanced weights
# increase it. *Expected* is the sum of the probabilities, which is the number of
# positive rows that the model expects. LogisticRegression with balanced weights expects
# several times as many as there are. Its log loss is the largest, and everything
# computed from its probabilities is wrong: costs, thresholds and means. The balanced
# models of skxent make nearly the same decisions, and expect about the right number.
#
# This does not mean that weights or focal loss improve the probabilities: those of the
# first row are as good. If the costs of errors are known, its probabilities and a
# threshold are sufficient.

# %%
# The same, as a figure
# ----------------------
# On the diagonal the probabilities are equal to the observed frequencies. The axes are
# logarithmic, because the class is rare. Only the figure needs matplotlib.

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("\nno picture without matplotlib: pip install matplotlib")
else:
    for name in list(models)[1:3]:
        ReliabilityDisplay.from_estimator(
            searches[name], X_test, y_test, scale="log", name=name, ax=plt.gca()
        )
    plt.show()
