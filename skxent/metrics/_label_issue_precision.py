"""How well wrong labels are found, by labels that are made wrong on purpose."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import cross_val_predict
from sklearn.utils import check_random_state

from skxent.inputs.labels import check_labels, encode_labels
from skxent.inputs.sparse import check_sparse
from skxent.kernels.checks import Interval, check_count
from skxent.metrics._label_issues import rank_label_issues
from skxent.metrics._predictions import check_has_proba


class LabelIssuePrecision(NamedTuple):
    """How many of the most suspicious labels are wrong.

    Parameters
    ----------
    precision : float
        The mean share of changed labels among the first k rows.
    standard_error : float
        The standard error over the repeats; NaN for one.
    k : int
        How many rows are looked at.

    See Also
    --------
    label_issue_precision : The function that returns it.

    Examples
    --------
    >>> from skxent.metrics import LabelIssuePrecision
    >>> found = LabelIssuePrecision(precision=0.9, standard_error=0.01, k=50)
    >>> round(found.precision * found.k)
    45
    """

    precision: float
    standard_error: float
    k: int


def label_issue_precision(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    noise: float = 0.1,
    k: int | None = None,
    cv: Any = None,
    groups: ArrayLike | None = None,
    n_repeats: int = 3,
    random_state: Any = None,
) -> LabelIssuePrecision:
    """Measure how well :func:`rank_label_issues` finds errors in your own data.

    A share of the labels is changed to one of the others at random, the model is
    evaluated out of fold on the changed labels, and the precision at k is the share of
    changed labels among the k most suspicious rows.

    Parameters
    ----------
    estimator : classifier
        The model whose out-of-fold probabilities are ranked; it is not fitted itself.
    X : {array-like, sparse matrix} of shape (n, d)
        Rows.
    y : array-like of shape (n,)
        Labels of any type.
    noise : float in (0, 1), default=0.1
        The share of the labels that is changed.
    k : int, default=None
        How many rows are looked at. None: as many as labels are changed, so that a
        perfect order has the precision 1.
    cv : int, splitter, iterable or None, default=None
        The folds, as in :func:`sklearn.model_selection.cross_val_predict`.
    groups : array-like of shape (n,), default=None
        Groups of rows, for a splitter that keeps them together.
    n_repeats : int, default=3
        How many times other labels are changed.
    random_state : int, RandomState instance or None, default=None
        For the choice of the labels.

    Returns
    -------
    LabelIssuePrecision
        A named tuple: precision, standard_error, k.

    Raises
    ------
    ValueError
        If an argument is outside its domain, or y has fewer than two labels.

    See Also
    --------
    rank_label_issues : The order that is measured.

    Notes
    -----
    Labels that are wrong already count as right, so the precision is a little low on
    such data. On the other hand real errors are rarely at random: those between similar
    classes are harder to find.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skxent.metrics import label_issue_precision
    >>> X, y = load_digits(return_X_y=True)
    >>> for model in (KNeighborsClassifier(20), GaussianNB()):
    ...     found = label_issue_precision(model, X, y, random_state=0)
    ...     print(round(found.precision, 2))
    0.94
    0.66
    """
    Interval(0.0, 1.0, "neither").check("noise", noise)
    check_count("n_repeats", n_repeats)
    check_has_proba(estimator)
    rng = check_random_state(random_state)
    X, given = check_sparse("X", X), check_labels(y)
    classes, codes = encode_labels(given)
    n, n_classes = len(codes), len(classes)
    if n_classes < 2:
        raise ValueError(f"y must have at least 2 labels, got {classes.tolist()}.")
    n_changed = max(1, round(noise * n))
    k = n_changed if k is None else k
    check_count("k", k)
    if k > n:
        raise ValueError(f"k must be at most {n}, the number of rows, got {k}.")
    precision = []
    for _ in range(n_repeats):
        changed = rng.permutation(n)[:n_changed]
        new = codes.copy()
        new[changed] += rng.randint(1, n_classes, size=n_changed)
        noisy = classes[new % n_classes]
        proba = cross_val_predict(
            estimator, X, noisy, groups=groups, cv=cv, method="predict_proba"
        )
        found = rank_label_issues(noisy, proba, labels=np.unique(noisy))
        precision.append(np.isin(found.row[:k], changed).mean())
    spread = np.std(precision, ddof=1) if n_repeats > 1 else np.nan
    return LabelIssuePrecision(
        float(np.mean(precision)), float(spread / np.sqrt(n_repeats)), int(k)
    )
