"""Which loss for which data? The tables of docs/choosing.md.

    python -P benchmarks/choosing.py            # writes docs/tables/choosing.md
    python -P benchmarks/choosing.py --quick    # one split, small, to standard output

Linear models with every loss on the same splits. C is chosen for each by log loss on a
quarter of the training rows, with their labels as given; the scores are on test rows
with true labels. A score in bold is better than cross-entropy's, one in italics worse,
by more than two standard errors of the paired differences over the splits.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, ShuffleSplit, train_test_split

from skxent import CrossEntropyClassifier
from skxent.losses import (
    Focal,
    GeneralizedCrossEntropy,
    Poly1,
    SymmetricCrossEntropy,
)
from skxent.metrics import log_loss
from skxent.scorers import neg_log_loss_scorer

TABLE = Path(__file__).parents[1] / "docs" / "tables" / "choosing.md"
CS = [0.1, 1.0, 10.0, 100.0, 1e3, 1e4]

MODELS = {
    "cross-entropy": CrossEntropyClassifier(),
    "balanced": CrossEntropyClassifier(class_weight="balanced"),
    "smoothing 0.1": CrossEntropyClassifier(label_smoothing=0.1),
    "focal, 2": CrossEntropyClassifier(Focal(2.0)),
    "generalized, 0.7": CrossEntropyClassifier(GeneralizedCrossEntropy(0.7)),
    "symmetric": CrossEntropyClassifier(SymmetricCrossEntropy()),
    "poly-1": CrossEntropyClassifier(Poly1(1.0)),
}


def digits(seed, n_train=900, noise=None):
    """Kernel features of digits; `noise` spoils the training labels."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X / 16, y, train_size=n_train, stratify=y, random_state=seed
    )
    kernel = Nystroem(gamma=0.1, n_components=100, random_state=seed).fit(X)
    if noise is not None:
        y = noise(y, np.random.default_rng(seed))
    return kernel.transform(X), y, kernel.transform(X_test), y_test


def at_random(share):
    """A share of the labels becomes any label."""
    return lambda y, rng: np.where(
        rng.random(len(y)) < share, rng.integers(0, 10, len(y)), y
    )


def next_digit(share):
    """A share of the labels becomes the next digit."""
    return lambda y, rng: np.where(rng.random(len(y)) < share, (y + 1) % 10, y)


def rare(seed, share):
    """Two classes, of which one is rare, and pairwise products as features."""
    X, y = make_classification(
        8000,
        8,
        n_informative=6,
        n_clusters_per_class=3,
        weights=[1 - share],
        flip_y=0.002,
        random_state=seed,
    )
    X = np.hstack([X, (X[:, :, None] * X[:, None])[:, *np.triu_indices(8)]])
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    return X, y, X_test, y_test


SITUATIONS = {
    "ten classes, clean": digits,
    "10 rows a class": lambda seed: digits(seed, 100),
    "20% of labels random": lambda seed: digits(seed, noise=at_random(0.2)),
    "50% of labels random": lambda seed: digits(seed, noise=at_random(0.5)),
    "20% the next digit": lambda seed: digits(seed, noise=next_digit(0.2)),
    "5% positive": lambda seed: rare(seed, 0.05),
    "1% positive": lambda seed: rare(seed, 0.01),
}


def scores(model, X, y, X_test, y_test):
    """Log loss of the class probabilities and of the softmax; accuracy or precision."""
    split = ShuffleSplit(1, test_size=0.25, random_state=0)
    search = GridSearchCV(model, {"C": CS}, scoring=neg_log_loss_scorer, cv=split)
    best = search.fit(X, y).best_estimator_
    proba = best.predict_proba(X_test)
    softmax = best.set_params(posterior=False).predict_proba(X_test)
    if proba.shape[1] == 2:
        quality = average_precision_score(y_test, proba[:, 1])
    else:
        quality = best.score(X_test, y_test)
    return log_loss(y_test, proba), log_loss(y_test, softmax), quality


def cell(values, reference, sign):
    """Mean over the splits, marked where it differs from the reference."""
    text = f"{values.mean():.3f}"
    gain = sign * (values - reference)
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    if abs(gain.mean()) <= 2 * error:
        return text
    return f"**{text}**" if gain.mean() > 0 else f"*{text}*"


def render(situations, found, n_splits):
    """Markdown tables, one a score, of an array (situation, loss, split, score)."""
    lines = [f"Means over {n_splits} splits."]
    for number, (title, sign) in enumerate(
        (
            ("Log loss of `predict_proba`, in nats", -1),
            ("Log loss of the plain softmax (`posterior=False`), in nats", -1),
            ("Accuracy; average precision where two classes", 1),
        )
    ):
        lines += ["", f"**{title}**", "", f"| | {' | '.join(MODELS)} |"]
        lines.append("|---|" + "---:|" * len(MODELS))
        for name, row in zip(situations, found[..., number], strict=True):
            cells = [cell(values, row[0], sign) for values in row]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    n_splits = 1 if given.quick else given.splits
    situations = {"10 rows a class": SITUATIONS["10 rows a class"]}
    if not given.quick:
        situations = SITUATIONS
    found = np.array(
        [
            [
                [scores(model, *situation(seed)) for seed in range(n_splits)]
                for model in MODELS.values()
            ]
            for situation in situations.values()
        ]
    )
    text = render(situations, found, n_splits)
    if given.quick:
        print(text)
    else:
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
