"""The methods that are compared, and how their parameters are chosen.

Every loss gets a grid of its own parameter and the same grid of C. The pair with the
smallest log loss on held-out training rows is taken, with the labels as they are given
and `posterior=True`, under which the log loss of every loss estimates the same thing.
"""

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import CrossEntropyClassifier
from skxent.boosting import hist_gradient_boosting_loss
from skxent.losses import CrossEntropy, Focal, GeneralizedCrossEntropy, Poly1
from skxent.metrics import log_loss

CS = (0.03, 0.3, 3.0, 30.0, 300.0)
WEAK = 1e4
SMOOTHINGS = (0.02, 0.05, 0.1, 0.2)

# Poly-1 is symmetric cross-entropy in other parameters: one of the two is enough. The
# last value is that of the paper on symmetric cross-entropy with alpha = beta = 1.
LOSSES = {
    "cross-entropy": [{}],
    "smoothing": [{"label_smoothing": value} for value in SMOOTHINGS],
    "focal": [{"loss": Focal(gamma)} for gamma in (0.5, 1.0, 2.0)],
    "generalized": [{"loss": GeneralizedCrossEntropy(q)} for q in (0.3, 0.5, 0.7)],
    "symmetric": [{"loss": Poly1(epsilon)} for epsilon in (1.0, 2.0, 4.0)],
}
BALANCED = {"balanced": [{"class_weight": "balanced"}]}
BOOSTED = {
    "cross-entropy": [CrossEntropy()],
    "focal": [Focal(gamma) for gamma in (0.5, 1.0, 2.0)],
}


def features(n_columns, seed):
    """The standardised columns and 50 kernel features: a model that can bend."""
    kernel = Nystroem(gamma=0.5 / n_columns, n_components=50, random_state=seed)
    columns = FeatureUnion([("columns", "passthrough"), ("kernel", kernel)])
    return make_pipeline(StandardScaler(), columns)


def linear_grid(settings):
    return [
        CrossEntropyClassifier(C=C, tol=1e-3, **setting)
        for setting in settings
        for C in CS
    ]


def boosted_grid(losses):
    return [
        HistGradientBoostingClassifier(
            loss=hist_gradient_boosting_loss(loss),
            max_iter=n_trees,
            max_leaf_nodes=8,
            early_stopping=False,
            random_state=0,
        )
        for loss in losses
        for n_trees in (25, 50, 100)
    ]


def folds(y, seed):
    """Two random quarters of the rows; of few rows three thirds."""
    if len(y) <= 150:
        return StratifiedKFold(3, shuffle=True, random_state=seed)
    return StratifiedShuffleSplit(2, test_size=0.25, random_state=seed)


def best_of(grid, X, y, seed, proba=lambda model, X: model.predict_proba(X)):
    """The model of the grid with the least held-out log loss, fitted to all rows."""
    splits = list(folds(y, seed).split(X, y))
    labels = np.unique(y)

    def held_out(model):
        losses = [
            log_loss(
                y[test], proba(model.fit(X[train], y[train]), X[test]), labels=labels
            )
            for train, test in splits
        ]
        return np.mean(losses)

    losses = [held_out(clone(model)) for model in grid]
    return clone(grid[int(np.argmin(losses))]).fit(X, y)


def softmax(model, X):
    """The softmax of the model: without the posterior map, weights are not undone."""
    posterior = model.posterior
    try:
        return model.set_params(posterior=False).predict_proba(X)
    finally:
        model.set_params(posterior=posterior)
