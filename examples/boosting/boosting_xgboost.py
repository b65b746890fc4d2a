"""
XGBoost with focal loss
=======================

One row in a hundred is positive. This example compares the built-in objective, a focal
objective, and the estimator that sets up the same objective. The sigmoid of a focal
model is not a class probability; ``skxent.boosting.predict_proba`` computes it.
"""

import matplotlib.pyplot as plt
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from skxent.boosting import (
    FocalXGBClassifier,
    predict_proba,
    xgboost_metric,
    xgboost_objective,
)
from skxent.displays import PosteriorDisplay
from skxent.losses import CrossEntropy, Focal

try:
    from xgboost import XGBClassifier
except ImportError:
    raise SystemExit("This needs XGBoost: pip install xgboost.") from None

# %%
# Data
# ----

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The built-in objective, and focal loss by hand
# ----------------------------------------------
# XGBoost starts a custom objective at zero. ``init_score`` is the start with the
# smallest loss.

settings = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1}

built_in = XGBClassifier(**settings).fit(X, y)

loss = Focal(gamma=2.0)
objective = xgboost_objective(loss)
start = objective.init_score(y)
focal = XGBClassifier(
    objective=objective,
    eval_metric=xgboost_metric(loss),
    base_score=expit(start),
    **settings,
).fit(X, y)

# %%
# The estimator
# -------------

estimator = FocalXGBClassifier(gamma=2.0, estimator=XGBClassifier(**settings))
estimator.fit(X, y)

print(f"{y.mean():.2%} positive; on {len(y_test)} held-out rows:\n")
print(f"{'':<36}log loss  avg precision  mean probability")
for name, proba in (
    ("built-in objective", built_in.predict_proba(X_test)),
    ("focal, the model's own sigmoid", focal.predict_proba(X_test)),
    ("focal, posterior", predict_proba(focal, X_test)),
    ("FocalXGBClassifier", estimator.predict_proba(X_test)),
):
    positive = proba[:, 1]
    scores = log_loss(y_test, positive), average_precision_score(y_test, positive)
    print(f"{name:<36}{scores[0]:8.4f}{scores[1]:15.4f}{positive.mean():18.4f}")

# %%
# Results
# -------
# On these data focal loss does not rank the rows better than the built-in objective.
# The mean of its sigmoid is several times the share of positive rows. The posterior
# corrects for this, and its log loss is close to that of the built-in objective.
#
# In the figure each point is a bin of 250 held-out rows with similar sigmoids; at the
# bottom are bins without positive rows. All points are far below the diagonal, and most
# are near the curve of focal loss. On the left, points above the curve are bins with
# one positive row. On the right, the rows of a bin differ, so its mean is not on
# the curve.

sigmoid = focal.predict_proba(X_test)[:, 1]
PosteriorDisplay.from_predictions(
    y_test, sigmoid, [CrossEntropy(), loss], n_bins=20, scale="log"
)
plt.show()
