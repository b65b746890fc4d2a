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
# Five labels in a hundred are made wrong
# ---------------------------------------

X, truth = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
wrong = rng.random(len(truth)) < 0.05
y = np.where(wrong, (truth + rng.integers(1, 10, len(truth))) % 10, truth)
print(f"{wrong.sum()} of {len(y)} labels are wrong\n")

# %%
# The most surprising rows
# ------------------------
# ``explain`` takes a cross-entropy apart and lists the rows that it comes from.


def kernel_model(loss="cross_entropy", C=1.0):
    """A linear model of 200 kernel features."""
    kernel = Nystroem(gamma=5e-4, n_components=200, random_state=0)
    return make_pipeline(kernel, CrossEntropyClassifier(loss, C=C))


proba = cross_val_predict(kernel_model(), X, y, method="predict_proba")
explanation = explain(y, proba, n_rows=10)
print(explanation)

# %%
# In the pictures: the label that the row has, and in brackets what it was before.

figure, axes = plt.subplots(2, 5, figsize=(7, 3.4), layout="constrained")
for ax, row in zip(axes.flat, explanation.rows, strict=True):
    ax.imshow(X[row.row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{row.label} (was {truth[row.row]})", fontsize="medium")
    ax.set_xlabel(f"p = {row.proba:.1g}")
    ax.set(xticks=[], yticks=[])
figure.suptitle("the ten most surprising labels")

# %%
# Which model, and which of its losses?
# -------------------------------------
# If somebody checks as many rows as there are wrong labels, those of the largest loss,
# what share of the wrong labels is found? With the loss of rows that the model has not
# seen, and with that of the rows that it was fitted to.

robust = GeneralizedCrossEntropy(0.7)
models = {
    "cross-entropy, C=1": kernel_model(),
    "generalized, C=1": kernel_model(robust),
    "cross-entropy, C=100": kernel_model(C=100),
    "generalized, C=100": kernel_model(robust, C=100),
    "extremely random trees": ExtraTreesClassifier(50, random_state=0),
}
print(f"\n{'found, if one is:':<32}{'out of fold':>12}{'fitted':>12}")
for name, model in models.items():
    line = f"{name:<32}"
    unseen = cross_val_predict(model, X, y, method="predict_proba")
    for table in (unseen, model.fit(X, y).predict_proba(X)):
        surprise = cross_entropy(y, table, reduction="none")
        checked = np.argsort(-surprise, kind="stable")[: wrong.sum()]
        line += f"{wrong[checked].sum() / wrong.sum():>12.0%}"
    print(line)

# %%
# Trees that learn every label by heart find none by the loss of the rows they were
# fitted to: it is zero for all, and the order that of the table. Out of fold they find
# as many as the others. A linear model under a penalty cannot learn single labels by
# heart, and here its loss on the rows it saw does about as well.
#
# The loss that is robust to wrong labels is no better at finding them as such. With a
# weak penalty, where cross-entropy bends to the wrong labels, it is; with the stronger
# one cross-entropy does better.

plt.show()
