"""
Label smoothing, focal loss and calibration
===========================================

What label smoothing and focal loss do to calibration, with noisy labels.

scikit-learn's digits with a fifth of all labels drawn at random, and a linear model of
kernel features fitted with cross-entropy, with label smoothing 0.1 and with focal loss.

The literature finds that both lower the calibration error of networks trained until
they are over-confident (Müller et al. 2019, arXiv 1906.02629; Mukhoti et al. 2020,
arXiv 2002.09437). So they do here while the penalty is weak. They do it by taking
confidence away from every row alike: where the penalty is strong and the model
under-confident to begin with, they raise the error.

Beside the plain softmax stand the class probabilities that the loss implies, which is
what predict_proba of skxent's estimators returns, and these after temperature scaling
on rows that were held out. The implied ones are right at the minimum over all models,
not of one that is fitted too closely or too loosely: scaling sees to that. All are
means over five splits.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import train_test_split

from skxent import CrossEntropyClassifier
from skxent.calibration import TemperatureScaling
from skxent.losses import Focal
from skxent.metrics import expected_calibration_error, log_loss

MODELS = {
    "cross-entropy": CrossEntropyClassifier(),
    "label smoothing 0.1": CrossEntropyClassifier(label_smoothing=0.1),
    "focal, gamma 2": CrossEntropyClassifier(Focal(2.0)),
}
NOISE = 0.2
HEADS = (
    "accuracy",
    "confidence",
    "ECE softmax",
    "ECE implied",
    "ECE scaled",
    "log loss",
    "LL implied",
    "LL scaled",
)


def split(seed):
    """Kernel features and noisy labels: half to fit, a quarter each to scale, test."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(len(y)) < NOISE, rng.integers(0, 10, len(y)), y)
    X, X_rest, y, y_rest = train_test_split(X / 16, y, test_size=0.5, random_state=seed)
    kernel = Nystroem(gamma=0.1, n_components=200, random_state=seed).fit(X)
    X_val, X_test, y_val, y_test = train_test_split(
        kernel.transform(X_rest), y_rest, test_size=0.5, random_state=seed
    )
    return kernel.transform(X), y, X_val, y_val, X_test, y_test


def measure(model, X, y, X_val, y_val, X_test, y_test):
    model.fit(X, y)
    implied = model.predict_proba(X_test)
    scaling = TemperatureScaling(FrozenEstimator(model)).fit(X_val, y_val)
    scaled = scaling.predict_proba(X_test)
    softmax = model.set_params(posterior=False).predict_proba(X_test)
    model.set_params(posterior=True)
    probas = (softmax, implied, scaled)
    return (
        model.score(X_test, y_test),
        softmax.max(axis=1).mean(),
        *(expected_calibration_error(y_test, proba) for proba in probas),
        *(log_loss(y_test, proba) for proba in probas),
    )


def main():
    splits = [split(seed) for seed in range(5)]
    for C, penalty in ((1e4, "weak penalty"), (1.0, "strong penalty")):
        print(f"{f'{penalty}, C={C:g}':<24}{''.join(f'{head:>12}' for head in HEADS)}")
        for name, model in MODELS.items():
            model.set_params(C=C, max_iter=500)
            means = np.mean([measure(model, *rows) for rows in splits], axis=0)
            print(f"{name:<24}{''.join(f'{value:>12.3f}' for value in means)}")
        print()


if __name__ == "__main__":
    main()
