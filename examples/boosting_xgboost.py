"""
XGBoost with focal loss
=======================

One row in a hundred is positive. The built-in objective, the objective by hand, and the
estimator that does the same. The model's sigmoid is no probability: `predict_proba` of
skxent.boosting is.
"""

from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

from skxent.boosting import (
    FocalXGBClassifier,
    predict_proba,
    xgboost_metric,
    xgboost_objective,
)
from skxent.losses import Focal

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
settings = {"n_estimators": 100, "max_depth": 4, "learning_rate": 0.1}

built_in = XGBClassifier(**settings).fit(X, y)

loss = Focal(gamma=2.0)
objective = xgboost_objective(loss)
# XGBoost starts a custom objective at zero; this is where focal loss is least.
start = objective.init_score(y)
focal = XGBClassifier(
    objective=objective,
    eval_metric=xgboost_metric(loss),
    base_score=expit(start),
    **settings,
).fit(X, y)

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
