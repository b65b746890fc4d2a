"""Rows whose label is probably wrong, by the probabilities of other rows' models."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skxent.inputs.float_tables import float_table
from skxent.inputs.labels import is_soft
from skxent.kernels.arrays import Floats, stable_order
from skxent.metrics import _one_pass as one_pass
from skxent.metrics._options import NameKeywords, Options, takes
from skxent.metrics._overlap import Overlap, overlap_in_one_pass, overlap_of_proba
from skxent.metrics._proba import read_proba
from skxent.metrics._rows import ScoredRows


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


@takes(NameKeywords)
def rank_label_issues(
    y_true: ArrayLike, y_proba: ArrayLike, **keywords: Unpack[NameKeywords]
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
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows in the thresholds: a row of weight 2 counts as two rows. Its
        place in the order is that of its probability, whatever its weight.
    {keywords}

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
    Thresholds by class, which correct for classes that the model is less sure of, tell
    which rows are flagged; they do not improve the order. The number of flagged rows is
    an estimate, and too large for a model that is not accurate.

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
    options = Options(**keywords)
    rows = ScoredRows(y_true, y_proba, options.sample_weight)
    scored, sums = _read(rows, options)
    codes = scored.target.codes
    assert codes is not None
    classes, held = sums.classes, sums.observed > 0
    # A class without rows has no threshold, and is not suggested for any. Rounding may
    # lift the mean of equal numbers above them.
    thresholds = np.full(len(classes), np.inf)
    thresholds[held] = sums.overlap[held] / sums.observed[held] * (1 - 1e-6)
    confidence = np.empty(len(codes))
    suggested = np.empty(len(codes), dtype=np.int32)
    unweighted = replace(scored.target, sample_weight=None)
    scored._replace(target=unweighted).score(
        "issues", thresholds=thresholds, value=confidence, suggested=suggested
    )
    order = stable_order(confidence)
    # Small numbers stay in the cache while rows are put in order.
    given = codes.astype(np.min_scalar_type(len(classes)))
    found = suggested.take(order)
    is_issue = found < 0
    found ^= found >> 31  # -1 - k to k
    return LabelIssues(
        order,
        classes.take(given.take(order)),
        confidence.take(order).astype(scored.table.array.dtype, copy=False),
        classes.take(found),
        is_issue,
    )


def _read(rows: ScoredRows, options: Options) -> tuple[one_pass.Scored, Overlap]:
    """Return probabilities with the labels, and their sums by class."""
    scored = one_pass.labelled(rows, options)
    quick = None if scored is None else overlap_in_one_pass(scored)
    if scored is not None and quick is not None:
        return scored, quick[0]
    proba, target, classes = read_proba(rows, options)
    table = float_table(np.ascontiguousarray(proba))
    assert table is not None
    sums = overlap_of_proba(proba, target, classes)
    return one_pass.Scored(table, target, classes), sums
