"""
Distilling a boosted model into a linear one
============================================

Boosted trees are accurate; a linear model is small, fast and interpretable. There are
often many rows without labels. The boosted teacher predicts probabilities for them, and
the linear student is fitted to these. They are soft labels, an (n, K) array that the
estimators accept as y, and contain the confidence of the teacher as well as its
decision.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from skxent import CrossEntropyClassifier
from skxent.calibration import TemperatureScaling
from skxent.metrics import log_loss
from skxent.targets import distill

# %%
# Few labels, many rows
# ---------------------
# There are 20000 rows of four classes, and some hundreds of them have a label. Teacher
# and student have the same labels. The teacher is calibrated on out-of-fold rows,
# because boosted trees that were fitted to few rows are over-confident.

X, y = make_classification(
    25_000,
    12,
    n_informative=8,
    n_classes=4,
    class_sep=1.5,
    flip_y=0.1,
    random_state=1,
)
X, X_test, y, y_test = train_test_split(X, y, test_size=5_000, random_state=0)

trees = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=8, random_state=0)
teacher = TemperatureScaling(trees, cv=3)
student = make_pipeline(SplineTransformer(n_knots=6), CrossEntropyClassifier())

# %%
# ``distill`` returns soft labels from the teacher's probabilities or logits. It can
# also soften them with a temperature, and mix them with the labels of labelled rows.

numbers = [250, 500, 1000, 4000]
rows = {"boosted teacher": [], "labels": [], "probabilities": [], "decisions": []}
print(f"{'log loss (accuracy)':<20}{''.join(f'{n:>14}' for n in numbers)} labels")
for n in numbers:
    teacher.fit(X[:n], y[:n])
    soft = distill(teacher.predict_proba(X))
    fits = {
        "boosted teacher": (teacher, None, None),
        "labels": (student, X[:n], y[:n]),
        "probabilities": (student, X, soft),
        "decisions": (student, X, soft.argmax(axis=1)),
    }
    for name, (model, given, target) in fits.items():
        if given is not None:
            model.fit(given, target)
        proba = model.predict_proba(X_test)
        accuracy = np.mean(proba.argmax(axis=1) == y_test)
        rows[name].append((log_loss(y_test, proba), accuracy))
for name, cells in rows.items():
    line = "".join(f"{loss:>7.3f} ({accuracy:.3f})"[-15:] for loss, accuracy in cells)
    print(f"{name:<20}{line}")

# %%
# Results
# -------
# The student of the teacher's probabilities is better than the student of the labels by
# both metrics, and the difference is larger with fewer labels. It is not as good as the
# teacher, because a linear model of splines cannot represent everything that the
# teacher does. Fitted to the teacher's decisions, as an estimator that only accepts
# labels would be, the student is as accurate or slightly more accurate, but far too
# confident: its log loss is larger than that of the student of the labels.

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
styles = {"boosted teacher": "k:^"}
styles |= {"labels": "--s", "probabilities": "-o", "decisions": "-.D"}
for name, cells in rows.items():
    label = name if name == "boosted teacher" else f"student of {name}"
    for ax, values in zip(axes, zip(*cells, strict=True), strict=True):
        ax.plot(numbers, values, styles[name], label=label)
for ax, quantity in zip(axes, ("log loss", "accuracy"), strict=True):
    ax.set(xlabel="labelled rows", ylabel=quantity, xscale="log")
    ax.set_xticks(numbers, numbers, minor=False)
    ax.minorticks_off()
axes[0].legend(fontsize="small")
plt.show()
