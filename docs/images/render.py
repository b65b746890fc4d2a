"""Draw the figures of the pages, on a light and on a dark background, into this folder.

    python -P docs/images/render.py

The build of the documentation does it. The images are looked at, not tested:
tests/displays/test_displays.py tests what is drawn.
"""

from functools import cache
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.preprocessing import scale

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
)
from skxent.displays import (
    LossByClassDisplay,
    LossCurveDisplay,
    ModulationDisplay,
    PathDisplay,
    PosteriorDisplay,
    ReliabilityDisplay,
)
from skxent.linear_model import cross_entropy_path
from skxent.losses import CrossEntropy, Focal, GeneralizedCrossEntropy, Poly1

LOSSES = [CrossEntropy(), Focal(2.0), GeneralizedCrossEntropy(0.7), Poly1(1.0)]


@cache
def digits(noise=0.2):
    """Digits, a fifth of the labels random, and models of them."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < noise, rng.integers(0, 10, len(y)), y)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
    models = [
        FocalLogisticRegression(gamma, C=1e-3, posterior=False).fit(X, y)
        for gamma in (0.0, 2.0)
    ]
    return models, X_test, y_test


def loss_curve(ax):
    LossCurveDisplay.from_losses(LOSSES, ax=ax)


def loss_slope(ax):
    (model, _), X, y = digits()
    LossCurveDisplay.from_estimator(
        model, X, y, LOSSES, quantity="gradient", against="margin", ax=ax
    )
    ax.set_ylim(0, 1.65)  # the legend above the curves


@cache
def wrong_labels():
    """Those of a tenth of the digits, and what a model that has not seen them says."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(y)) < 0.1
    given = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    model = CrossEntropyClassifier(C=1e-3)
    proba = cross_val_predict(model, X, given, method="predict_proba")
    return given[wrong], proba[wrong]


def wrong_slope(ax):
    given, proba = wrong_labels()
    losses = [CrossEntropy(), *map(GeneralizedCrossEntropy, (0.3, 0.7, 1.0))]
    LossCurveDisplay.from_predictions(
        given, proba, losses, quantity="gradient", against="margin", ax=ax
    )
    ax.set_ylim(0, 1.65)


def modulation(ax):
    (_, model), X, y = digits()
    ModulationDisplay.from_estimator(model, X, y, ax=ax)


def reliability(ax):
    models, X, y = digits()
    for name, model in zip(("cross-entropy", "focal"), models, strict=True):
        ReliabilityDisplay.from_estimator(model, X, y, n_bins=10, name=name, ax=ax)


def reliability_isotonic(ax):
    models, X, y = digits()
    for name, model in zip(("cross-entropy", "focal"), models, strict=True):
        ReliabilityDisplay.from_estimator(
            model, X, y, strategy="isotonic", random_state=0, name=name, ax=ax
        )


def reliability_classwise(ax):
    (model, _), X, y = digits()
    few = y < 4
    proba = model.predict_proba(X[few])[:, :4]
    proba /= proba.sum(axis=1, keepdims=True)
    ReliabilityDisplay.from_predictions(
        y[few], proba, n_bins=5, strategy="quantile", classwise=True, ax=ax
    )


def loss_by_class(ax):
    (model, _), X, y = digits()
    LossByClassDisplay.from_estimator(model, X, y, ax=ax)


@cache
def two_classes():
    X, y = make_classification(20_000, class_sep=0.6, random_state=0)
    return FocalLogisticRegression(2.0, posterior=False).fit(X, y), X, y


def posterior(ax):
    model, X, y = two_classes()
    losses = [CrossEntropy(), Focal(2.0)]
    PosteriorDisplay.from_estimator(
        model, X, y, losses, label_smoothing=[0.0, 0.2], ax=ax
    )


@cache
def smoothed():
    _, X, y = two_classes()
    return SmoothedSoftmaxClassifier(0.2, posterior=False).fit(X, y), X, y


def posterior_smoothed(ax):
    model, X, y = smoothed()
    PosteriorDisplay.from_estimator(
        model, X, y, CrossEntropy(), label_smoothing=[0.0, 0.2], ax=ax
    )


@cache
def weighted():
    X, y = make_classification(
        100_000, weights=[0.9], class_sep=0.8, flip_y=0, random_state=0
    )
    return CrossEntropyClassifier(class_weight="balanced").fit(X, y), X, y


def reliability_weighted(ax):
    model, X, y = weighted()
    for name, posterior in (("softmax", False), ("posterior", True)):
        proba = model.set_params(posterior=posterior).predict_proba(X)
        ReliabilityDisplay.from_predictions(y, proba, n_bins=10, name=name, ax=ax)


@cache
def rare_class():
    X, y = make_classification(
        100_000, weights=[0.995], class_sep=0.4, flip_y=0, random_state=0
    )
    return FocalLogisticRegression(2.0, posterior=False).fit(X, y), X, y


def posterior_rare(ax):
    model, X, y = rare_class()
    PosteriorDisplay.from_estimator(model, X, y, scale="log", ax=ax)


def reliability_rare(ax):
    model, X, y = rare_class()
    for name, posterior in (("softmax", False), ("posterior", True)):
        proba = model.set_params(posterior=posterior).predict_proba(X)
        ReliabilityDisplay.from_predictions(y, proba, scale="log", name=name, ax=ax)
    model.set_params(posterior=False)


@cache
def search():
    X, y = load_digits(return_X_y=True)
    model = FocalLogisticRegressionCV(Cs=np.logspace(-5, 0, 6), gammas=[0, 1, 4])
    return model.fit(X[::4], y[::4])


def path(ax):
    PathDisplay.from_estimator(search(), ax=ax)


def coefficients(ax):
    data = load_breast_cancer()
    path = cross_entropy_path(scale(data.data), data.target, Cs=50, eps=0.01)
    PathDisplay.from_path(path, feature_names=data.feature_names, ax=ax)


PICTURES = [
    loss_curve,
    loss_slope,
    modulation,
    reliability,
    reliability_classwise,
    reliability_isotonic,
    reliability_rare,
    loss_by_class,
    path,
    coefficients,
    posterior,
    posterior_rare,
    posterior_smoothed,
    reliability_weighted,
    wrong_slope,
]

# The ground of a dark page shows through all but the legends.
DARK = ["dark_background", {"legend.facecolor": "#14181e"}]

for background, style in (("light", "default"), ("dark", DARK)):
    for picture in PICTURES:
        with plt.style.context(style):
            figure, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
            picture(ax)
            name = f"{picture.__name__}_{background}.png"
            figure.savefig(Path(__file__).with_name(name), dpi=110, transparent=True)
            plt.close(figure)
