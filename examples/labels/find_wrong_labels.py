"""
Finding wrong labels
====================

The loss of a row with a wrong label is often large, if the model has not memorised the
label. So sort the rows by the loss of their out-of-fold probabilities, and check those
with the largest loss first.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from skxent import CrossEntropyClassifier, explain
from skxent.losses import GeneralizedCrossEntropy
from skxent.metrics import cross_entropy

# %%
# Data: five labels in a hundred are wrong
# ----------------------------------------

X, truth = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
wrong = rng.random(len(truth)) < 0.05
y = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
print(f"{wrong.sum()} of {len(y)} labels are wrong\n")

# %%
# The rows with the largest loss
# ------------------------------
# ``explain`` splits a cross-entropy into its parts, and lists the rows that contribute
# most.


def kernel_model(loss="cross_entropy", C=1.0):
    """A linear model of 200 kernel features."""
    kernel = Nystroem(gamma=5e-4, n_components=200, random_state=0)
    return make_pipeline(kernel, CrossEntropyClassifier(loss, C=C))


proba = cross_val_predict(kernel_model(), X, y, method="predict_proba")
explanation = explain(y, proba, n_rows=10)
print(explanation)

# %%
# The titles of the images are the given label and, in brackets, the original one.

figure, axes = plt.subplots(2, 5, figsize=(7, 3.4), layout="constrained")
for ax, row in zip(axes.flat, explanation.rows, strict=True):
    ax.imshow(X[row.row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{row.label} (was {truth[row.row]})", fontsize="medium")
    ax.set_xlabel(f"p = {row.proba:.1g}")
    ax.set(xticks=[], yticks=[])
figure.suptitle("the ten most surprising labels")

# %%
# Which model, and out of fold or not?
# ------------------------------------
# Suppose that you check as many rows as there are wrong labels, those with the largest
# loss. The table shows the share of wrong labels that you find, with the out-of-fold
# loss, and with the loss of the rows that the model was fitted to.

robust = GeneralizedCrossEntropy(0.7)
models = {
    "cross-entropy, C=1": kernel_model(),
    "generalized, C=1": kernel_model(robust),
    "cross-entropy, C=100": kernel_model(C=100),
    "generalized, C=100": kernel_model(robust, C=100),
    "extremely random trees": ExtraTreesClassifier(50, random_state=0),
}
print(f"\n{'share found, by the loss':<32}{'out of fold':>12}{'fitted':>12}")
for name, model in models.items():
    line = f"{name:<32}"
    unseen = cross_val_predict(model, X, y, method="predict_proba")
    for table in (unseen, model.fit(X, y).predict_proba(X)):
        surprise = cross_entropy(y, table, reduction="none")
        checked = np.argsort(-surprise, kind="stable")[: wrong.sum()]
        line += f"{wrong[checked].sum() / wrong.sum():>12.0%}"
    print(line)

# %%
# Trees that memorise every label find none with the loss of the rows that they were
# fitted to: this loss is zero for all rows, so the order is that of the table. With the
# out-of-fold loss they find as many as the other models. A linear model with a penalty
# cannot memorise single labels, and its loss on the training rows finds about as many.
#
# A noise-robust loss does not find more wrong labels here. With a weak penalty,
# cross-entropy fits the wrong labels and the noise-robust loss is better; with a
# stronger penalty cross-entropy is better.

plt.show()
