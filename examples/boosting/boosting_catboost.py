"""
CatBoost with focal loss
========================

One row in a hundred is positive. CatBoost starts a custom objective at zero; the
``baseline`` sets a better start. CatBoost also requires a metric for such an objective.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    log_loss,
)
from sklearn.model_selection import train_test_split

from skxent.boosting import catboost_metric, catboost_objective, predict_proba
from skxent.losses import Focal

try:
    from catboost import CatBoostClassifier, Pool
except ImportError:
    raise SystemExit("This needs CatBoost: pip install catboost.") from None

# %%
# Data
# ----

X, y = make_classification(
    20_000, 20, n_informative=6, weights=[0.99], flip_y=0.002, random_state=0
)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The built-in objective and focal loss
# -------------------------------------

settings = {
    "iterations": 100,
    "depth": 4,
    "learning_rate": 0.2,
    "verbose": 0,
    "allow_writing_files": False,
}

built_in = CatBoostClassifier(**settings).fit(X, y)

loss = Focal(gamma=2.0)
objective = catboost_objective(loss)
start = objective.init_score(y)
focal = CatBoostClassifier(
    loss_function=objective,
    eval_metric=catboost_metric(loss),
    class_names=(0, 1),
    **settings,
).fit(Pool(X, y, baseline=np.full(len(y), start)))

print(f"{y.mean():.2%} positive; on {len(y_test)} held-out rows:\n")
print(f"{'':<36}log loss  avg precision  mean probability")
for name, proba in (
    ("built-in objective", built_in.predict_proba(X_test)),
    (
        "focal, sigmoid of the margin",
        predict_proba(focal, X_test, init_score=start, posterior=False),
    ),
    ("focal, posterior", predict_proba(focal, X_test, init_score=start)),
):
    positive = proba[:, 1]
    scores = log_loss(y_test, positive), average_precision_score(y_test, positive)
    print(f"{name:<36}{scores[0]:8.4f}{scores[1]:15.4f}{positive.mean():18.4f}")

# %%
# Results
# -------
# On these data the built-in objective has the better average precision and the smaller
# log loss. The sigmoid of the focal model is far from a probability, and its posterior
# is close to one.

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
for name, style, model in (
    ("built-in objective", "-", built_in.predict_proba(X_test)),
    ("focal", "--", predict_proba(focal, X_test, init_score=start)),
):
    PrecisionRecallDisplay.from_predictions(
        y_test, model[:, 1], name=name, ax=ax, curve_kwargs={"linestyle": style}
    )
plt.show()
