"""Rows whose label is probably wrong, by the probabilities of other rows' models."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.labels import is_soft
from skxent.kernels.arrays import Floats
from skxent.metrics._options import Options
from skxent.metrics._proba import read_proba
from skxent.metrics._rows import ScoredRows

BLOCK = 1 << 14  # rows whose tables fit in the cache


class LabelIssues(NamedTuple):
    """Rows in the order in which their labels should be checked.

    Parameters
    ----------
    row : ndarray of shape (n,)
        The number of the row, that of the most suspicious label first.
    label : ndarray of shape (n,)
        The label that it has.
    self_confidence : ndarray of shape (n,)
        The probability of that label, by which the rows are ordered.
    suggested_label : ndarray of shape (n,)
        The most probable label: of those that reach their threshold, if any does.
    is_issue : ndarray of shape (n,)
        Whether the suggested label reaches its threshold and is not the one given.

    See Also
    --------
    label_issue_precision : How many of the first k are wrong, measured on data of
        one's own.
    rank_label_issues : The function that returns it.

    Examples
    --------
    >>> from skxent.metrics import rank_label_issues
    >>> found = rank_label_issues(["cat", "dog"], [[0.9, 0.1], [0.8, 0.2]])
    >>> found.label.tolist(), found.self_confidence.tolist()
    (['dog', 'cat'], [0.2, 0.9])
    """

    row: NDArray[np.intp]
    label: NDArray[Any]
    self_confidence: Floats
    suggested_label: NDArray[Any]
    is_issue: NDArray[np.bool_]


def rank_label_issues(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    from_logits: bool = False,
) -> LabelIssues:
    r"""Rank rows by how probable it is that their label is wrong.

    The rows are ordered by self-confidence, the out-of-fold probability of their own
    label. The flag `is_issue` is that of confident learning: with the mean
    self-confidence :math:`t_k` of the rows labelled k, a row is flagged if, among the
    classes with :math:`p_k \ge t_k`, the most probable is not its label.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        Labels of any type, of which some may be wrong.
    y_proba : array-like of shape (n, K) or (n,)
        Probabilities of models that were not fitted to the row, as those of
        :func:`sklearn.model_selection.cross_val_predict`: a model that was fitted to a
        wrong label may believe it. A column for each label; (n,): of the second label.
    labels : array-like of shape (K,), default=None
        All labels, in the order of the columns of y_proba. None: the labels of y_true,
        sorted.
    from_logits : bool, default=False
        Whether y_proba holds logits; (n,): log-odds of the second label.

    Returns
    -------
    LabelIssues
        A named tuple of arrays (n,), the most suspicious row first: row, label,
        self_confidence, suggested_label, is_issue. ``pd.DataFrame(found._asdict())``
        makes a table of it.

    Raises
    ------
    ValueError
        If a value is NaN, probabilities are outside [0, 1], y_true is soft labels or
        has a label without a column.

    See Also
    --------
    skxent.losses.GeneralizedCrossEntropy : A loss that wrong labels move less.

    Notes
    -----
    There are no sample weights: a weight says how much a row counts, not whether its
    label is right. Thresholds by class, which correct for classes that the model
    is less sure of, tell which rows are flagged; they do not improve the order. The
    number of flagged rows is an estimate, and too large for a model that is not
    accurate.

    References
    ----------
    Northcutt, Jiang, Chuang (2021). Confident Learning: Estimating Uncertainty in
    Dataset Labels. arXiv 1911.00068.

    Examples
    --------
    >>> from skxent.metrics import rank_label_issues
    >>> y = ["cat", "cat", "dog", "dog"]
    >>> proba = [[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]]
    >>> found = rank_label_issues(y, proba)
    >>> found.row.tolist(), found.is_issue.tolist()
    ([2, 1, 3, 0], [True, False, False, False])
    >>> found.suggested_label[0].item()
    'cat'
    """
    if is_soft(y_true):
        raise ValueError(
            f"y_true must be labels of shape (n,), got {np.shape(y_true)}. No label of "
            "a row of soft labels can be wrong."
        )
    options = Options(labels=labels, from_logits=from_logits)
    proba, target, classes = read_proba(ScoredRows(y_true, y_proba), options)
    codes = target.codes
    assert codes is not None
    confidence = proba[np.arange(len(codes)), codes]
    counts = np.bincount(codes, minlength=len(classes))
    # A class without rows has no threshold, and is not suggested for any.
    sums = np.bincount(codes, confidence, len(classes))
    thresholds = np.divide(
        sums, counts, out=np.full(len(classes), np.inf), where=counts > 0
    )
    suggested, confident = np.empty_like(codes), np.empty(len(codes), dtype=bool)
    for start in range(0, len(codes), BLOCK):
        rows = slice(start, start + BLOCK)
        p = proba[rows]
        # Rounding may lift the mean of equal numbers above them.
        reached = p >= thresholds * (1 - 1e-6)
        # Those that reach it are above 2 and win; without any the most probable does.
        best = (p + 2.0 * reached).argmax(axis=1)
        suggested[rows] = best
        confident[rows] = reached[np.arange(len(p)), best]
    order = np.argsort(confidence)  # a stable one takes longer
    if (np.diff(confidence[order]) == 0).any():
        order = np.argsort(confidence, kind="stable")
    flags = confident & (suggested != codes)
    return LabelIssues(
        order,
        classes[codes[order]],
        confidence[order],
        classes[suggested[order]],
        flags[order],
    )
