"""The measurements in a split of a table, under each condition.

Each condition returns a dict of scores by "method, what". The names are those under
which the results are stored, and by which `questions.py` compares them.
"""

import numpy as np
from scipy.special import softmax as softmax_of
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import TunedThresholdClassifierCV

from experiment.methods import (
    BALANCED,
    BOOSTED,
    LOSSES,
    WEAK,
    best_of,
    boosted_grid,
    linear_grid,
    softmax,
)
from skxent import CrossEntropyClassifier
from skxent.calibration import TemperatureScaling, posterior
from skxent.metrics import log_loss


def clean(X, y, X_test, y_test, seed):
    """Labels as they are: the log loss of the probabilities, and of the softmax."""
    scores = {}
    for name, settings in LOSSES.items():
        model = best_of(linear_grid(settings), X, y, seed)
        scores[f"{name}, probabilities"] = log_loss(y_test, model.predict_proba(X_test))
        scores[f"{name}, softmax"] = log_loss(y_test, softmax(model, X_test))
    return scores


def few(X, y, X_test, y_test, seed):
    """Ten rows a class."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(y == code))[:10] for code in np.unique(y)]
    )
    return clean(X[rows], y[rows], X_test, y_test, seed)


def weak(X, y, X_test, y_test, seed):
    """A penalty that is too weak, and what may be done about it."""
    plain = CrossEntropyClassifier(C=WEAK, tol=1e-3)
    models = {
        "cross-entropy": plain.fit(X, y),
        "temperature": TemperatureScaling(plain).fit(X, y),
        "tuned C": best_of(linear_grid(LOSSES["cross-entropy"]), X, y, seed),
    }
    probas = {name: model.predict_proba(X_test) for name, model in models.items()}
    for name in ("smoothing", "focal"):
        grid = [
            CrossEntropyClassifier(C=WEAK, tol=1e-3, **setting)
            for setting in LOSSES[name]
        ]
        # The softmax is used, so the candidate is chosen by the softmax.
        model = best_of(grid, X, y, seed, softmax)
        probas[name] = softmax(model, X_test)
    return {name: log_loss(y_test, proba) for name, proba in probas.items()}


def transition(kind, share, n_classes):
    """The probability of each given label (columns) of a row of each true one."""
    keep = (1 - share) * np.eye(n_classes)
    if kind == "random":
        return keep + share / n_classes
    return keep + share * np.roll(np.eye(n_classes), 1, axis=1)


def spoil(y, matrix, rng):
    """Labels drawn from the row of the matrix that each true label has."""
    cumulated = matrix.cumsum(axis=1)[y]
    return (rng.random(len(y))[:, np.newaxis] > cumulated[:, :-1]).sum(axis=1)


def undone(log_proba, kind, share):
    """The probabilities of the true labels, where the noise is known exactly.

    They can be zero, which the log loss does not forgive: one percent is spread over
    all classes.
    """
    n_classes = log_proba.shape[1]
    if kind == "random":
        proba = posterior(
            "cross_entropy", log_proba, label_smoothing=share, from_logits=True
        )
    else:
        matrix = transition(kind, share, n_classes)
        proba = np.maximum(np.linalg.solve(matrix.T, np.exp(log_proba).T).T, 0)
        proba /= proba.sum(axis=1, keepdims=True)
    return 0.99 * proba + 0.01 / n_classes


def noisy(kind, share):
    """A share of the training labels is wrong; the test labels are the true ones.

    "random": drawn from all classes alike; "next": those of the next class.
    """

    def condition(X, y, X_test, y_test, seed):
        rng = np.random.default_rng(1000 + seed)
        matrix = transition(kind, share, y.max() + 1)
        given, given_test = spoil(y, matrix, rng), spoil(y_test, matrix, rng)
        scores, models = {}, {}
        for name, settings in LOSSES.items():
            model = models[name] = best_of(linear_grid(settings), X, given, seed)
            proba = model.predict_proba(X_test)
            scores[f"{name}, accuracy"] = np.mean(model.predict(X_test) == y_test)
            scores[f"{name}, given labels"] = log_loss(given_test, proba)
            scores[f"{name}, true labels"] = log_loss(y_test, softmax(model, X_test))
        log_proba = models["cross-entropy"].predict_log_proba(X_test)
        # This sharpens by the temperature 1 - q, as generalized cross-entropy does.
        heat = 1 - models["generalized"].loss.q
        scores["sharpened, true labels"] = log_loss(
            y_test, softmax_of(log_proba / heat, axis=1)
        )
        proba = undone(log_proba, kind, share)
        scores["undone, true labels"] = log_loss(y_test, proba)
        scores["undone, accuracy"] = np.mean(proba.argmax(axis=1) == y_test)
        return scores

    return condition


def rare(X, y, X_test, y_test, seed):
    """A rare class: probabilities, ranking, and decisions where classes count alike.

    Balanced accuracy is the expected cost where a missed positive costs as many times a
    false alarm as there are negatives to a positive: the threshold on the probability
    is then the share of positives.
    """
    scores = {}
    for name, settings in (LOSSES | BALANCED).items():
        model = best_of(linear_grid(settings), X, y, seed)
        proba = model.predict_proba(X_test)
        scores[f"{name}, ranking"] = average_precision_score(y_test, proba[:, 1])
        scores[f"{name}, probabilities"] = log_loss(y_test, proba)
        scores[f"{name}, softmax"] = log_loss(y_test, softmax(model, X_test))
        half = balanced_accuracy_score(y_test, model.predict(X_test))
        at_share = balanced_accuracy_score(y_test, proba[:, 1] > y.mean())
        scores[f"{name}, half"] = half
        scores[f"{name}, share"] = at_share
        if name == "cross-entropy":
            tuned = TunedThresholdClassifierCV(
                model, scoring="balanced_accuracy", cv=5, random_state=seed
            ).fit(X, y)
            scores["cross-entropy, tuned threshold"] = balanced_accuracy_score(
                y_test, tuned.predict(X_test)
            )
    return scores


def boosted(X, y, X_test, y_test, seed):
    """A rare class, and boosted trees."""
    scores = {}
    for name, losses in BOOSTED.items():
        model = best_of(boosted_grid(losses), X, y, seed)
        proba = model.predict_proba(X_test)
        scores[f"{name}, ranking"] = average_precision_score(y_test, proba[:, 1])
        scores[f"{name}, probabilities"] = log_loss(y_test, proba)
    return scores


CONDITIONS = {
    "clean": clean,
    "few": few,
    "weak": weak,
    "random 20%": noisy("random", 0.2),
    "random 40%": noisy("random", 0.4),
    "next 20%": noisy("next", 0.2),
    "rare": rare,
    "boosted": boosted,
}
