"""
A search over formulas
======================

A loss is a formula, so a search can generate losses. This is "AutoML for losses" (Li et
al. 2022, arXiv 2103.14026) in a few lines: draw formulas at random, discard those that
are not losses, and select one by cross-validation. One training label in five is
replaced by a random one, so that another loss than cross-entropy may help.
"""

from contextlib import suppress
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split

from skxent import CrossEntropyClassifier
from skxent.losses import CrossEntropy, FormulaLoss, GeneralizedCrossEntropy

# %%
# Formulas at random
# ------------------
# `FormulaLoss` raises an error for a formula that is not a loss: one that is not
# finite, increases with the probability of the true class, or is not zero where this
# probability is 1.

PARTS = ["L", "q", "q**2", "sqrt(q)", "q*L", "q/(1 + p)", "1 - p**0.3", "L/(1 + L)"]
JOINTS = ["{a} + 0.3*({b})", "({a})*(0.1 + {b})", "minimum({a}, {b})", "log1p({a})"]


def random_losses(n, rng):
    found = set()
    while len(found) < n:
        a, b = rng.choice(PARTS, 2, replace=False)
        with suppress(ValueError):
            found.add(FormulaLoss(rng.choice(JOINTS).format(a=a, b=b)))
    return sorted(found, key=repr)


def draw(seed):
    X, y = make_classification(
        6_600, 20, n_informative=6, n_classes=3, class_sep=1.2, random_state=seed
    )
    X, X_test, y, y_test = train_test_split(X, y, test_size=6_000, random_state=0)
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < 0.2
    return X, np.where(wrong, rng.integers(0, 3, len(y)), y), X_test, y_test


# %%
# The search
# ----------

candidates = random_losses(20, np.random.default_rng(0))
print(f"{len(candidates)} formulas, such as {candidates[0]}")
rows = []
for seed in range(6):
    X, y, X_test, y_test = draw(seed)
    search = GridSearchCV(
        CrossEntropyClassifier(), {"loss": candidates}, scoring="accuracy", cv=3
    ).fit(X, y)
    fixed = [
        CrossEntropyClassifier(loss).fit(X, y).score(X_test, y_test)
        for loss in (CrossEntropy(), GeneralizedCrossEntropy(0.7))
    ]
    plain = cross_val_score(CrossEntropyClassifier(), X, y, scoring="accuracy", cv=3)
    promised = search.best_score_ - plain.mean()
    rows.append([promised, *fixed, search.score(X_test, y_test)])
    print(f"seed {seed}: chosen {search.best_params_['loss'].formula}")
promised, plain, bounded, chosen = np.array(rows).T

# %%
# Results
# -------
# The best of many scores is an optimistic estimate: a part of the gain is due to chance
# in these folds, and is absent on new rows. A bounded loss that was chosen beforehand
# needs no search.


def summary(gain):
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    return f"{gain.mean():+.3f} ± {error:.3f}"


print("accuracy gained over cross-entropy, mean and standard error over the draws")
print(f"  the chosen formula, in its own folds  {summary(promised)}")
print(f"  the chosen formula, on new rows       {summary(chosen - plain)}")
print(f"  GeneralizedCrossEntropy(0.7), fixed   {summary(bounded - plain)}")

plt.style.use("tableau-colorblind10")
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.axhline(0, color="grey", linewidth=1)
axes.plot(promised, "o", label="chosen formula, in its own folds")
axes.plot(chosen - plain, "s", label="chosen formula, on new rows")
axes.plot(bounded - plain, "^", label="GeneralizedCrossEntropy(0.7), on new rows")
axes.set(xlabel="draw", ylabel="accuracy gained over cross-entropy")
axes.legend()
plt.show()

# %%
# With Optuna
# -----------
# The constants of a formula are parameters of the loss, so any optimiser can set them.

if find_spec("optuna"):
    import optuna

    def objective(trial):
        a, b = trial.suggest_float("a", 0.01, 1.0), trial.suggest_float("b", 0.0, 2.0)
        loss = FormulaLoss("(1 - p**a) / a + b*q", a=a, b=b)
        return cross_val_score(CrossEntropyClassifier(loss), X, y, cv=3).mean()

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=0)
    )
    study.optimize(objective, n_trials=20)
    print(study.best_params)
