"""
scikit-learn's boosting with focal loss
=======================================

One row in a hundred is positive. The loss is an argument of
HistGradientBoostingClassifier; probabilities, the start value and early stopping follow
from it.
"""

from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from skxent.boosting import hist_gradient_boosting_loss
from skxent.losses import Focal

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

focal = Focal(gamma=2.0)
losses = {
    "built-in loss": "log_loss",
    "focal, softmax": hist_gradient_boosting_loss(focal, posterior=False),
    "focal, posterior": hist_gradient_boosting_loss(focal),
}
print(f"{y.mean():.2%} positive; on {len(y_test)} held-out rows:\n")
print(f"{'':<36}log loss  avg precision  mean probability")
for name, loss in losses.items():
    model = HistGradientBoostingClassifier(
        loss=loss, max_leaf_nodes=15, early_stopping=True, random_state=0
    )
    proba = model.fit(X, y).predict_proba(X_test)
    positive = proba[:, 1]
    scores = log_loss(y_test, positive), average_precision_score(y_test, positive)
    print(f"{name:<36}{scores[0]:8.4f}{scores[1]:15.4f}{positive.mean():18.4f}")
