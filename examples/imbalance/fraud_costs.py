"""
Fraud detection: decisions from costs and probabilities
=======================================================

One payment in two hundred is fraudulent. A missed fraud costs 100 times as much as a
stopped honest customer, so the cheapest rule is to stop a payment if its probability of
fraud is above 1 / 101. This rule needs correct probabilities. Class weights and focal
loss, the usual remedies for imbalance, distort them; skxent corrects for this.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from skxent import FocalLogisticRegression
from skxent.metrics import log_loss

# %%
# Data and costs
# --------------
# The unit of costs is one stopped honest customer. The table has the cost per thousand
# payments.

X, y = make_classification(
    120_000,
    20,
    n_informative=6,
    n_clusters_per_class=1,
    weights=[0.995],
    class_sep=0.5,
    flip_y=0.0,
    random_state=3,
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
MISSED = 100
THRESHOLD = 1 / (1 + MISSED)


def cost(proba, threshold=THRESHOLD):
    """Cost per thousand payments if those above the threshold are stopped."""
    stopped = proba > threshold
    missed = MISSED * np.mean(~stopped & (y_test == 1))
    return 1000 * (missed + np.mean(stopped & (y_test == 0)))


# %%
# Six ways to fit
# ---------------
# ``posterior=False`` returns the sigmoid, as other libraries do. ``posterior=True``,
# the default, corrects for the loss and the class weights.

focal = {"gamma": 2.0, "class_weight": "balanced"}
models = {
    "LogisticRegression": LogisticRegression(),
    "LogisticRegression, balanced": LogisticRegression(class_weight="balanced"),
    "focal, sigmoid": FocalLogisticRegression(posterior=False),
    "focal": FocalLogisticRegression(),
    "focal, balanced, sigmoid": FocalLogisticRegression(**focal, posterior=False),
    "focal, balanced": FocalLogisticRegression(**focal),
}
probas = {}
print(f"{y.mean():.2%} fraud, {y_test.sum()} frauds in the test rows\n")
print(f"{'':<32}mean proba  log loss  avg precision   cost")
for name, model in models.items():
    proba = probas[name] = model.fit(X, y).predict_proba(X_test)[:, 1]
    print(
        f"{name:<32}{proba.mean():>10.4f}{log_loss(y_test, proba):>10.4f}"
        f"{average_precision_score(y_test, proba):>15.3f}{cost(proba):>7.2f}"
    )

# %%
# Results
# -------
# The sigmoid of a focal or balanced model predicts "fraud" far too often: at the
# threshold that follows from the costs, nearly every honest customer is stopped. With
# the same coefficients and ``posterior=True`` the mean probability is the share of
# frauds, and the focal model costs as much as plain logistic regression. It does not
# cost less. The balanced model costs more, because on these data class weights made the
# ranking worse, as its average precision shows. A gain from losses for imbalanced data
# has to be measured. The distortion of the probabilities is certain, but can be
# corrected.
#
# Each curve shows the cost for all thresholds. The minima of a solid or dashed curve
# and of the dotted curve of the same model are equal: a threshold tuned on held-out
# rows is as good, until the costs change.

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(9, 4.5), layout="constrained")
thresholds = np.logspace(-4, 0, 200)[:-1]
styles = ["-", "-.", ":", "-", ":", "--"]
for style, (name, proba) in zip(styles, probas.items(), strict=True):
    costs = [cost(proba, threshold) for threshold in thresholds]
    ax.plot(thresholds, costs, style, label=name, linewidth=2)
ax.axvline(THRESHOLD, color="black", linewidth=1)
ax.text(THRESHOLD, ax.get_ylim()[1], " 1 / 101", va="bottom")
ax.set(
    xscale="log",
    xlabel="threshold: stop payments with a larger probability",
    ylabel="cost per thousand payments",
)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
