"""
Cross-validation folds that lack a class
========================================

Patients come from eight clinics, and each clinic is left out once, to estimate how a
model performs at a new clinic. No clinic has every disease. scikit-learn's
``neg_log_loss`` sees only the labels of the fold that it scores: it fails or, worse,
returns a wrong score. skxent's scorer reads ``classes_`` of the model.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from skxent.losses import CrossEntropy
from skxent.metrics import log_loss
from skxent.scorers import make_loss_scorer, neg_log_loss_scorer

# %%
# Eight clinics
# -------------
# Measles occurred only at clinic C, which had no covid.

X, codes = make_classification(
    1200,
    10,
    n_informative=6,
    n_classes=4,
    n_clusters_per_class=1,
    weights=[0.5, 0.3, 0.15, 0.05],
    flip_y=0.0,
    random_state=0,
)
disease = np.array(["cold", "covid", "flu", "measles"])[codes]
clinic = np.random.default_rng(0).choice(list("ABCDEFGH"), len(codes))
seen = np.where(clinic == "C", disease != "covid", disease != "measles")
X, disease, clinic = X[seen], disease[seen], clinic[seen]

# %%
# Three scorers
# -------------
# A model has no probability for a label that it was not trained on. The scorer of
# skxent warns, and uses eps, which is what clipping in scikit-learn would give, or a
# value of your choice.


def scores(scoring):
    """A score for each clinic, and what the first warning says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = cross_val_score(
            LogisticRegression(),
            X,
            disease,
            groups=clinic,
            cv=LeaveOneGroupOut(),
            scoring=scoring,
        )
    return found, str(caught[0].message).strip().splitlines()[-1]


table = {}
for name, scoring in {
    "scikit-learn": "neg_log_loss",
    "skxent": neg_log_loss_scorer,
    "unseen_proba=0.01": make_loss_scorer(CrossEntropy(), unseen_proba=0.01),
}.items():
    table[name], message = scores(scoring)
    print(f"{name}\n  {message}")
print(f"\n{'clinic':<20}{''.join(f'{name:>8}' for name in np.unique(clinic))}")
for name, row in table.items():
    print(f"{name:<20}{''.join(f'{score:>8.3f}' for score in row)}")

# %%
# The wrong score of scikit-learn for clinic C
# --------------------------------------------
# The training rows had cold, covid and flu; the fold has cold, flu and measles. Both
# have three classes, so scikit-learn evaluated flu with the probability of covid. The
# log loss of the rows whose label the model knows is different:

here = clinic == "C"
model = LogisticRegression().fit(X[~here], disease[~here])
known = here & np.isin(disease, model.classes_)
right = log_loss(disease[known], model.predict_proba(X[known]), labels=model.classes_)
print(f"\nclinic C, {np.sum(here & ~known)} of {np.sum(here)} rows with measles")
print(f"log loss of the other rows: {right:.3f}")

# %%
# All clinics
# -----------

plt.style.use("tableau-colorblind10")
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
names = np.unique(clinic)
place = np.arange(len(names))
for number, (name, row) in enumerate(table.items()):
    ax.bar(place + 0.27 * (number - 1), -row, 0.27, label=name)
failed = np.isnan(table["scikit-learn"])
ax.plot(place[failed] - 0.27, np.full(failed.sum(), 0.05), "kx", label="no score")
ax.set(ylabel="log loss", xlabel="clinic left out")
ax.set_xticks(place, names)
ax.legend()
plt.show()
