"""
Soft labels from several annotators
===================================

Five people label every row and often disagree, because the row is ambiguous or because
they are careless. A majority vote discards this information. The shares of the votes
are soft labels, an (n, K) array that the estimators and metrics accept as y.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax

from skxent import CrossEntropyClassifier, explain
from skxent.calibration import posterior
from skxent.displays import ReliabilityDisplay
from skxent.losses import CrossEntropy
from skxent.metrics import entropy, expected_calibration_error, kl_divergence

# %%
# Votes
# -----
# The data are simulated, so the true probabilities are known. An annotator draws the
# answer from them, but sometimes guesses without looking.

K = 3
CARELESS = np.array([0.02, 0.05, 0.1, 0.2, 0.4])
rng = np.random.default_rng(0)
X = rng.normal(size=(6000, 8))
truth = softmax(X @ rng.normal(scale=0.5, size=(8, K)), axis=1)


def vote(proba):
    """The answers of all annotators, as shares of the classes: (n, K)."""
    drawn = rng.random((len(proba), len(CARELESS), 1))
    answers = (proba.cumsum(axis=1)[:, np.newaxis] > drawn).argmax(axis=2)
    guesses = rng.integers(0, K, answers.shape)
    answers = np.where(rng.random(answers.shape) < CARELESS, guesses, answers)
    return (answers[:, :, np.newaxis] == np.arange(K)).mean(axis=1)


votes = vote(truth)
fit, test = slice(1000), slice(1000, None)
print(f"rows on which all five agree: {np.mean(votes.max(axis=1) == 1):.0%}\n")

# %%
# Fit to the majority, fit to the votes
# -------------------------------------
# ``explain`` splits the cross-entropy of the votes into their entropy, which is a lower
# bound for any model, and the part that a better model can avoid.

to_majority = CrossEntropyClassifier().fit(X[fit], votes[fit].argmax(axis=1))
to_votes = CrossEntropyClassifier().fit(X[fit], votes[fit])
probas = {
    "majority": to_majority.predict_proba(X[test]),
    "votes": to_votes.predict_proba(X[test]),
}
for name, proba in probas.items():
    print(f"fitted to the {name}:\n{explain(votes[test], proba, n_rows=0)}\n")

# %%
# Careless annotators
# -------------------
# If a share of the votes is guessed, the votes are smoothed labels, and a model of them
# predicts smoothed probabilities. Control rows with an obvious answer measure this
# share; of the guesses, one in K is right by chance. ``posterior`` corrects for label
# smoothing of any origin.

control = vote(np.tile(np.eye(K), (50, 1)))
right = control[np.arange(len(control)), np.arange(len(control)) % K].mean()
guessed = (1 - right) * K / (K - 1)
print(
    f"guessed, by {len(control)} control rows: {guessed:.1%}; {CARELESS.mean():.1%}\n"
)
probas["votes, guesses undone"] = posterior(
    CrossEntropy(), probas["votes"], label_smoothing=guessed
)

y_test = (truth[test].cumsum(axis=1) > rng.random((len(X) - 1000, 1))).argmax(axis=1)
print(f"{'against the truth':<26}{'KL':>8}{'ECE':>8}{'entropy':>9}{'accuracy':>10}")
print(f"{'the truth':<26}{0:>8}{'':8}{entropy(truth[test]):>9.3f}")
for name, proba in probas.items():
    print(
        f"{name:<26}{kl_divergence(truth[test], proba):>8.4f}"
        f"{expected_calibration_error(y_test, proba):>8.3f}{entropy(proba):>9.3f}"
        f"{np.mean(proba.argmax(axis=1) == truth[test].argmax(axis=1)):>10.3f}"
    )

# %%
# Results
# -------
# The model of the majority votes treats every row as unambiguous. It is over-confident,
# and selects the most likely class less often although it was fitted to the same rows.
# The model of the votes is under-confident because of the guesses. With the correction
# it is closest to the true probabilities. It does not reach them, because a linear
# model cannot represent smoothed probabilities exactly.

figure, axes = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained", sharey=True)
for ax, (name, proba) in zip(axes, probas.items(), strict=True):
    ReliabilityDisplay.from_predictions(y_test, proba, n_bins=10, name=name, ax=ax)
plt.show()
