"""
Online learning with partial_fit
================================

Batches of 500 rows arrive. Each is predicted, scored, learned and discarded.
``partial_fit`` of stochastic gradient descent needs a learning rate and scaled columns.
``partial_fit`` of skxent remembers the curvature of earlier batches as one quadratic,
so it needs no tuning and no scaling, and fits all classes in one model.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches

from skxent import CrossEntropyClassifier
from skxent.metrics import log_loss

# %%
# The stream
# ----------
# The columns have scales from 0.1 to 10. In the middle of the stream, the classes 0 and
# 1 are exchanged.

X, y = make_classification(
    42_000,
    20,
    n_informative=10,
    n_classes=4,
    n_clusters_per_class=1,
    flip_y=0.02,
    random_state=0,
)
X *= np.logspace(-1, 1, 20)
CHANGE, END, BATCH = 20_000, 40_000, 500
y_later = np.where(y < 2, 1 - y, y)
X_test, y_test = X[END:], y[END:]

# %%
# Predict, score, learn
# ---------------------
# Stochastic gradient descent is run with three learning rates, on columns that are
# scaled by the first batch. If a stream may change, old batches should have less
# influence: use weights that grow by a fifth with every batch.

sgd = SGDClassifier(loss="log_loss", learning_rate="constant", random_state=0)
names = ("skxent", "skxent, forgetting")
models = {name: CrossEntropyClassifier() for name in names}
for rate in (1e-3, 1e-2, 1e-1):
    models[f"SGD, rate {rate:g}"] = clone(sgd).set_params(eta0=rate)
scaler = StandardScaler().fit(X[:BATCH])

curves = {name: [] for name in models}
before = {}
for number, batch in enumerate(gen_batches(END, BATCH)):
    labels = y if batch.start < CHANGE else y_later
    for name, model in models.items():
        scale = scaler.transform if "SGD" in name else np.asarray
        if number:
            proba = model.predict_proba(scale(X[batch]))
            curves[name].append(log_loss(labels[batch], proba))
        growth = 1.2 if "forgetting" in name else 1.0
        model.partial_fit(
            scale(X[batch]),
            labels[batch],
            classes=range(4),
            sample_weight=np.full(BATCH, growth**number),
        )
        if batch.stop == CHANGE:
            before[name] = log_loss(y_test, model.predict_proba(scale(X_test)))

at_once = CrossEntropyClassifier().fit(X[:CHANGE], y[:CHANGE])
floor = log_loss(y_test, at_once.predict_proba(X_test))
print(f"{'log loss':<24}{'on held-out rows,':>22}{'mean over the stream':>24}")
print(f"{'':<24}{'before the change':>22}{'before':>12}{'after':>12}")
change = CHANGE // BATCH - 1
for name, curve in curves.items():
    means = np.mean(curve[:change]), np.mean(curve[change:])
    print(f"{name:<24}{before[name]:>22.4f}{means[0]:>12.3f}{means[1]:>12.3f}")
print(f"{'all rows at once':<24}{floor:>22.4f}")

# %%
# Results
# -------
# Before the change, skxent is as good as a fit to all rows at once, from the first
# batches on. The best learning rate ends slightly lower, because it trains a different
# (one-against-the-rest) model; the other learning rates end higher, and the best one is
# only known afterwards. After the change, the model that weights all batches equally
# adapts slowly. Growing weights correct this, at almost no cost before the change.

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
rows = np.arange(BATCH, END, BATCH)
styles = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1))]
for style, (name, curve) in zip(styles, curves.items(), strict=True):
    ax.plot(rows, curve, linestyle=style, label=name)
ax.axvline(CHANGE, color="black", linewidth=1)
ax.axhline(floor, color="black", linewidth=1, linestyle=":", label="all rows at once")
ax.set(xlabel="rows seen", ylabel="log loss of the next batch", ylim=(0.3, 2.0))
ax.legend(fontsize="small")
plt.show()
