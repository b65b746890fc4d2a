"""
Another loss in an LGBMClassifier
=================================

In a notebook that trains an LGBMClassifier, one line changes the loss. Categories,
evaluation sets, early stopping by any metric, importances and SHAP values work as
before, and the probabilities can be calibrated and blended.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skxent.blending import BlendClassifier
from skxent.boosting import LGBMLossClassifier
from skxent.calibration import TemperatureScaling

try:
    from lightgbm import LGBMClassifier, plot_importance
except ImportError:
    sys.exit("This example needs LightGBM: pip install lightgbm.")

X, y = make_classification(
    2000, 8, n_informative=6, n_classes=5, flip_y=0.1, random_state=0
)
frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(8)])
frame["region"] = pd.cut(frame.pop("x7"), 4, labels=["n", "e", "s", "w"])
A, B, a, b = train_test_split(frame, np.array(list("abcde"))[y], random_state=0)
fit, held, fit_y, held_y = train_test_split(A, a, random_state=0)

trees = LGBMClassifier(n_estimators=150, early_stopping_round=10, verbosity=-1)
for metric in ("multi_logloss", "auc_mu"):
    model = LGBMLossClassifier("poly1", estimator=trees)  # in the place of `trees`
    model.fit(fit, fit_y, eval_set=(held, held_y), eval_metric=metric)
    score = model.best_score_["valid_0"][metric]
    print(f"{metric:14}{model.best_iteration_:4} trees, best score {score:.3f}")
top = np.argsort(-model.feature_importances_)[:3]
print("important:", ", ".join(model.feature_names_in_[top]))
plot_importance(model.booster_)
plt.show()
# These are SHAP values, also those of shap.TreeExplainer(model.booster_).
parts = model.booster_.predict(B, pred_contrib=True).reshape(len(B), 5, -1)
gap = np.abs(parts.sum(axis=2) - model.decision_function(B)).max()
print(f"SHAP values add up to the margins within {gap:.0e}")

few = LGBMClassifier(n_estimators=40, verbosity=-1)
losses = [
    (name, LGBMLossClassifier(name, estimator=few)) for name in ("poly1", "focal")
]
blend = BlendClassifier(losses, cv=3).fit(A, a)
scaled = TemperatureScaling(losses[0][1], cv=3).fit(A, a)
for name, fitted in (("stopped", model), ("calibrated", scaled), ("blend", blend)):
    print(f"{name:14}{log_loss(b, fitted.predict_proba(B)):.3f} log loss")
