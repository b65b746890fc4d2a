"""
Label smoothing, focal loss and calibration
===========================================

Label smoothing and focal loss are said to improve calibration: over-confident networks
have a lower calibration error with them (Müller et al. 2019, arXiv 1906.02629; Mukhoti
et al. 2020, arXiv 2002.09437). They reduce the confidence of all rows equally. This
example fits a linear model of kernel features to scikit-learn's digits, with a fifth of
the labels drawn at random, once with a weak and once with a strong penalty.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import train_test_split

from skxent import CrossEntropyClassifier
from skxent.calibration import TemperatureScaling
from skxent.displays import ReliabilityDisplay
from skxent.losses import Focal
from skxent.metrics import expected_calibration_error, log_loss

# %%
# Data and models
# ---------------
# Half of the rows are for the fit, a quarter for scaling and a quarter for the test.
# All rows have noisy labels, including those of the test: calibrated probabilities
# include the noise.

NOISE = 0.2
MODELS = {
    "cross-entropy": CrossEntropyClassifier(),
    "label smoothing 0.1": CrossEntropyClassifier(label_smoothing=0.1),
    "focal, gamma 2": CrossEntropyClassifier(Focal(2.0)),
}


def split(seed):
    """Kernel features and noisy labels, to fit, to scale, to test."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(len(y)) < NOISE, rng.integers(0, 10, len(y)), y)
    X, X_rest, y, y_rest = train_test_split(X / 16, y, test_size=0.5, random_state=seed)
    kernel = Nystroem(gamma=0.1, n_components=200, random_state=seed).fit(X)
    X_val, X_test, y_val, y_test = train_test_split(
        kernel.transform(X_rest), y_rest, test_size=0.5, random_state=seed
    )
    return kernel.transform(X), y, X_val, y_val, X_test, y_test


# %%
# Three kinds of probabilities
# ----------------------------
# The three kinds are the plain softmax; the class probabilities that follow from the
# loss, which predict_proba of the estimators returns; and these after temperature
# scaling on held-out rows.


def predictions(model, X, y, X_val, y_val, X_test):
    model.set_params(posterior=True).fit(X, y)
    implied = model.predict_proba(X_test)
    scaling = TemperatureScaling(FrozenEstimator(model)).fit(X_val, y_val)
    scaled = scaling.predict_proba(X_test)
    softmax = model.set_params(posterior=False).predict_proba(X_test)
    return {"softmax": softmax, "implied": implied, "scaled": scaled}


HEADS = ("accuracy", "confidence", "ECE softmax", "implied", "scaled")
HEADS += ("LL softmax", "implied", "scaled")


def measure(model, *rows, y_test):
    probas = predictions(model, *rows).values()
    softmax, *_ = probas
    return (
        model.score(rows[-1], y_test),
        softmax.max(axis=1).mean(),
        *(expected_calibration_error(y_test, proba) for proba in probas),
        *(log_loss(y_test, proba) for proba in probas),
    )


splits = [split(seed) for seed in range(3)]
for C, penalty in ((1e4, "weak penalty"), (1.0, "strong penalty")):
    print(f"{f'{penalty}, C={C:g}':<24}{''.join(f'{head:>12}' for head in HEADS)}")
    for name, model in MODELS.items():
        model.set_params(C=C, max_iter=500)
        means = np.mean([measure(model, *s[:-1], y_test=s[-1]) for s in splits], axis=0)
        print(f"{name:<24}{''.join(f'{value:>12.3f}' for value in means)}")
    print()

# %%
# Results
# -------
# All numbers are means over the splits. With the weak penalty cross-entropy is
# over-confident, and label smoothing and focal loss reduce the calibration error of the
# softmax. With the strong penalty every model is under-confident, and they increase the
# error.
#
# The class probabilities that follow from the loss are right at the minimum over all
# models, but not for a model that is over-fitted or under-fitted. A temperature that is
# fitted to other rows corrects most of this. It has the smallest log loss of the three
# for each model and both penalties, and the differences between the losses are then
# small.

figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
for line, (C, penalty) in zip(axes, ((1e4, "weak"), (1.0, "strong")), strict=True):
    for ax, (name, model) in zip(line, MODELS.items(), strict=True):
        model.set_params(C=C)
        *rows, y_test = splits[0]
        proba = predictions(model, *rows)["softmax"]
        display = ReliabilityDisplay.from_predictions(y_test, proba, n_bins=8, ax=ax)
        ax.get_legend().remove()
        ax.set_title(f"{name}, {penalty}\nECE {display.error:.3f}", fontsize="medium")
figure.suptitle("softmax under a weak and a strong penalty")
plt.show()
