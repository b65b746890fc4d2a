"""
LightGBM with focal loss
========================

One row in a hundred is positive. The built-in objective, the objective by hand, and the
estimator that does the same, with early stopping by the focal loss of held-out rows.
"""

import numpy as np
from lightgbm import LGBMClassifier
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from skxent.boosting import FocalLGBMClassifier, lightgbm_objective, predict_proba
from skxent.losses import Focal

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
settings = {"n_estimators": 100, "num_leaves": 15, "verbosity": -1}

built_in = LGBMClassifier(**settings).fit(X, y)

objective = lightgbm_objective(Focal(gamma=2.0))
# LightGBM starts a custom objective at zero, and its predictions leave the start out.
start = objective.init_score(y)
focal = LGBMClassifier(objective=objective, **settings)
focal.fit(X, y, init_score=np.full(len(y), start))
sigmoid = expit(focal.predict(X_test, raw_score=True) + start)

stopping = LGBMClassifier(early_stopping_round=10, **settings)
estimator = FocalLGBMClassifier(gamma=2.0, estimator=stopping)
X_fit, X_stop, y_fit, y_stop = train_test_split(X, y, stratify=y, random_state=0)
estimator.fit(X_fit, y_fit, eval_set=[(X_stop, y_stop)])

print(f"{y.mean():.2%} positive; on {len(y_test)} held-out rows:\n")
print(f"{'':<36}log loss  avg precision  mean probability")
for name, positive in (
    ("built-in objective", built_in.predict_proba(X_test)[:, 1]),
    ("focal, sigmoid of the margin", sigmoid),
    ("focal, posterior", predict_proba(focal, X_test, init_score=start)[:, 1]),
    (
        f"FocalLGBMClassifier, {estimator.estimator_.best_iteration_} trees",
        estimator.predict_proba(X_test)[:, 1],
    ),
):
    scores = log_loss(y_test, positive), average_precision_score(y_test, positive)
    print(f"{name:<36}{scores[0]:8.4f}{scores[1]:15.4f}{positive.mean():18.4f}")
