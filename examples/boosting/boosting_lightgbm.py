"""
LightGBM with focal loss
========================

One row in a hundred is positive. This example compares the built-in objective, a focal
objective, and the estimator that sets up the same objective, with early stopping by the
focal loss of held-out rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, log_loss
from sklearn.model_selection import train_test_split

from skxent.boosting import FocalLGBMClassifier, lightgbm_objective, predict_proba
from skxent.losses import Focal

try:
    from lightgbm import LGBMClassifier
except ImportError:
    raise SystemExit("This needs LightGBM: pip install lightgbm.") from None

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
# LightGBM starts a custom objective at zero. If an initial score is passed instead, its
# predictions do not include this score.

settings = {"n_estimators": 100, "num_leaves": 15, "n_jobs": 1, "verbosity": -1}

built_in = LGBMClassifier(**settings).fit(X, y)

objective = lightgbm_objective(Focal(gamma=2.0))
start = objective.init_score(y)
focal = LGBMClassifier(objective=objective, **settings)
focal.fit(X, y, init_score=np.full(len(y), start))
sigmoid = expit(focal.predict(X_test, raw_score=True) + start)

# %%
# The estimator, with early stopping
# ----------------------------------

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

# %%
# Tree by tree
# ------------

trees = np.arange(10, 101, 10)
curves = {"built-in objective": [], "focal, posterior": []}
for n in trees:
    proba = built_in.predict_proba(X_test, num_iteration=n)
    curves["built-in objective"].append(log_loss(y_test, proba))
    margin = focal.predict(X_test, raw_score=True, num_iteration=n) + start
    proba = objective.predict_proba(margin)
    curves["focal, posterior"].append(log_loss(y_test, proba))
print()
for name, curve in curves.items():
    best = np.argmin(curve)
    print(f"{name}: least log loss {curve[best]:.4f}, with {trees[best]} trees")

# %%
# Results
# -------
# On these data focal loss has a better average precision and a smaller log loss than
# the built-in objective, with any number of trees. Both over-fit before the last tree.
# The sigmoid of the focal model is not a probability, the posterior is. The estimator
# is fitted to a quarter fewer rows, because it needs these rows for early stopping.

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for style, (name, curve) in zip(("-", "--"), curves.items(), strict=True):
    ax.plot(trees, curve, style, label=name)
ax.set(xlabel="trees", ylabel="log loss of held-out rows")
ax.legend()
plt.show()
