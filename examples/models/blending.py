"""
Blending the probabilities of several models
============================================

A blend is a weighted mean of the probabilities of several models, with non-negative
weights that sum to one. ``blend_weights`` finds the weights with the smallest log loss
exactly. They must be fitted to out-of-fold probabilities; ``BlendClassifier`` computes
these itself.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skxent import CrossEntropyClassifier
from skxent.blending import blend_weights
from skxent.calibration import TemperatureScaling
from skxent.metrics import log_loss

# %%
# Five models, few rows and many
# ------------------------------

X, y = make_classification(
    9_000,
    15,
    n_informative=8,
    n_classes=4,
    class_sep=1.2,
    flip_y=0.05,
    random_state=0,
)
X_test, y_test = X[3_000:], y[3_000:]
models = {
    "linear": CrossEntropyClassifier(),
    "bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(15),
    "forest": ExtraTreesClassifier(50, random_state=0),
    "boosted": HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, random_state=0
    ),
}

# %%
# Weights and log loss
# --------------------
# The blend is compared with the mean of all models, the best single model, weights
# fitted to the training rows of the models, and stacking: a logistic regression of all
# probabilities. The blend is also scaled by a temperature, which is one more parameter.


def blended(weights, tables):
    return np.tensordot(weights, tables, axes=1)


weights, losses, temperatures = {}, {}, {}
for n in (200, 3000):
    X_n, y_n = X[:n], y[:n]
    unseen, seen, test = [], [], []
    for model in models.values():
        unseen.append(cross_val_predict(model, X_n, y_n, method="predict_proba"))
        model.fit(X_n, y_n)
        seen.append(model.predict_proba(X_n))
        test.append(model.predict_proba(X_test))
    weights[n] = blend_weights(unseen, y_n)
    stack = LogisticRegression().fit(np.hstack(unseen), y_n)
    scaling = TemperatureScaling().fit(np.log(blended(weights[n], unseen)), y_n)
    temperatures[n] = scaling.temperature_
    blend = blended(weights[n], test)
    losses[n] = {
        **{name: log_loss(y_test, t) for name, t in zip(models, test, strict=True)},
        "mean of all": log_loss(y_test, np.mean(test, axis=0)),
        "blend": log_loss(y_test, blend),
        "blend, scaled": log_loss(y_test, scaling.predict_proba(np.log(blend))),
        "stacking": log_loss(y_test, stack.predict_proba(np.hstack(test))),
        "blend, rows seen": log_loss(y_test, blended(blend_weights(seen, y_n), test)),
    }

print(f"{'log loss':<20}{''.join(f'{n:>8} rows' for n in losses)}")
for name in losses[200]:
    print(f"{name:<20}{''.join(f'{found[name]:>13.3f}' for found in losses.values())}")
for n, found in weights.items():
    print(f"{n} rows: weights {found.round(2)}, temperature {temperatures[n]:.2f}")

# %%
# Results
# -------
# With 3000 rows the blend is better than each model and than their mean. Nearest
# neighbours have the largest weight, although they are by far the worst single model:
# they contain information that the other models lack, and the blend reduces their
# mistakes. With 200 rows the weights are not yet better than equal weights.
#
# Weights must not be fitted to the training rows of the models: the forest, which has
# memorised these rows, then has all the weight.
#
# Stacking has 84 parameters where the blend has 4, and in this example it is better
# even with 200 rows. A mean of different calibrated probabilities is under-confident
# (Ranjan and Gneiting 2010, doi 10.1111/j.1467-9868.2009.00726.x), as the temperatures
# below 1 show. Stacking can correct for this completely, and the temperature in part.
# Blends have other advantages: the blended probability lies between those of the
# models, and the weights can be interpreted.

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, table in zip(
    axes,
    (
        {n: dict(zip(models, found, strict=True)) for n, found in weights.items()},
        losses,
    ),
    strict=True,
):
    for offset, (n, found) in zip((-0.2, 0.2), table.items(), strict=True):
        place = np.arange(len(found)) + offset
        ax.barh(place, found.values(), 0.4, label=f"{n} rows")
    ax.set_yticks(range(len(found)), found)
    ax.invert_yaxis()
axes[0].set(xlabel="weight in the blend")
axes[1].set(xlabel="log loss")
axes[0].legend()
plt.show()
