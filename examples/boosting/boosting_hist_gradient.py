"""
HistGradientBoostingClassifier with focal loss
==============================================

scikit-learn's histogram gradient boosting takes the loss as an argument; the
probabilities, the initial prediction and early stopping follow from it. One row in a
hundred is positive.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from skxent.boosting import hist_gradient_boosting_loss
from skxent.displays import LossCurveDisplay
from skxent.losses import CrossEntropy, Focal

# %%
# Data
# ----

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Three losses
# ------------
# With ``posterior=False``, predict_proba returns the softmax, as with the built-in
# loss. For focal loss, the softmax is not a class probability.

focal = Focal(gamma=2.0)
losses = {
    "built-in loss": "log_loss",
    "focal, softmax": hist_gradient_boosting_loss(focal, posterior=False),
    "focal, posterior": hist_gradient_boosting_loss(focal),
}
probas = {}
print(f"{y.mean():.2%} positive; on {len(y_test)} held-out rows:\n")
print(f"{'':<36}log loss  avg precision  mean probability")
for name, loss in losses.items():
    model = HistGradientBoostingClassifier(
        loss=loss, max_leaf_nodes=15, early_stopping=True, random_state=0
    )
    proba = probas[name] = model.fit(X, y).predict_proba(X_test)
    positive = proba[:, 1]
    scores = log_loss(y_test, positive), average_precision_score(y_test, positive)
    print(f"{name:<36}{scores[0]:8.4f}{scores[1]:15.4f}{positive.mean():18.4f}")

# %%
# Results
# -------
# Focal loss ranks the rows better in this example, and with the posterior it has the
# same log loss. The figure shows the slope of the loss against the probability of the
# true class. Eight of ten rows are in the shaded range, where the slope of focal loss
# is small: the trees are grown for the other rows.

LossCurveDisplay.from_predictions(
    y_test, probas["focal, softmax"], [CrossEntropy(), focal], quantity="gradient"
)
plt.show()
