"""A table in units far apart, for rows that lie in blocks."""

import numpy as np
from sklearn.datasets import make_classification


def table(n_classes=3, n=9000, d=7):
    X, y = make_classification(
        n,
        d,
        n_informative=5,
        n_redundant=0,
        n_classes=n_classes,
        flip_y=0.2,
        random_state=0,
    )
    weight = np.random.default_rng(0).uniform(0.1, 2, size=n)
    return 3 + X * np.logspace(-2, 2, d), y, weight
