"""The parts of an explanation: single rows, and the rows of a class or a group."""

from __future__ import annotations

from typing import Any, NamedTuple


class SurprisingRow(NamedTuple):
    """A row whose label was predicted with a low probability.

    Parameters
    ----------
    row : int
        Its place among the rows.
    label, predicted : label
        The label, and the label of the largest probability. Of soft labels, the one of
        the largest share.
    proba : float
        The predicted probability of the label.
    nats : float
        The KL divergence of the prediction from the label.
    index : label
        The index of the row in the pandas table that was passed; without one its place.

    See Also
    --------
    skxent.explain : The function that finds these rows.

    Examples
    --------
    >>> from skxent import explain
    >>> row = explain(["ham", "spam"], [0.1, 0.8]).rows[0]
    >>> row.row, round(row.proba, 2)
    (1, 0.8)
    """

    row: int
    label: Any
    predicted: Any
    proba: float
    nats: float
    index: Any = None


class LossShare(NamedTuple):
    """The share of a cross-entropy that comes from some of the rows.

    Parameters
    ----------
    name : label
        The class, or the value of `groups`.
    row_share, loss_share : float
        The shares of these rows in the weight and in the loss of all.
    nats, standard_error : float
        The mean cross-entropy of these rows and its standard error, NaN for one row.

    See Also
    --------
    skxent.explain : The function that finds the shares.

    Examples
    --------
    >>> from skxent import explain
    >>> share = explain(["ham", "spam", "ham"], [0.1, 0.2, 0.3]).classes[1]
    >>> round(share.row_share, 2), round(share.loss_share, 2)
    (0.33, 0.78)
    """

    name: Any
    row_share: float
    loss_share: float
    nats: float
    standard_error: float
