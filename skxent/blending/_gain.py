"""Compare the loss of a blend with that of the best single model."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state

from skxent.base.folds import check_folds_of_all_rows
from skxent.blending._tables import Models
from skxent.blending._weights import Pooling, blend_weights
from skxent.inputs.descriptions import documented
from skxent.inputs.labels import is_soft
from skxent.inputs.weights import check_sample_weight, check_sum, moderate
from skxent.kernels.checks import Interval, check_count
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._losses import evaluate_loss


class BlendGain(NamedTuple):
    """The gain of a blend over the best single model, with an interval.

    Parameters
    ----------
    gain : float
        The mean loss of the best single model minus that of the blend, in nats.
    low : float
        The lower end of the confidence interval of the gain.
    high : float
        The upper end of the interval.
    best_model : object
        The model of least loss on all rows: its key or column, or its position.

    See Also
    --------
    blend_gain : The function that returns it.

    Examples
    --------
    >>> from skxent.blending import BlendGain
    >>> found = BlendGain(gain=0.02, low=0.005, high=0.03, best_model="forest")
    >>> found.low > 0  # The blend pays.
    True
    """

    gain: float
    low: float
    high: float
    best_model: Any


@documented(blend_weights)
def blend_gain(
    probas: Any,
    y_true: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    pooling: Pooling = "arithmetic",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    cv: Any = 10,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    random_state: Any = None,
) -> BlendGain:
    """Estimate the gain of a blend over the best single model, with an interval.

    The rows are cut into folds. On all folds but one the weights of the blend are
    fitted and the best single model is chosen, and the rows of the last fold are scored
    with both. So neither is scored on rows that it was chosen by. The interval comes
    from a bootstrap over the rows, which resamples the differences of their losses.

    Parameters
    ----------
    {parameters}
    cv : int, splitter or iterable, default=10
        The folds.
    confidence_level : float in (0, 1), default=0.95
        The probability with which the interval is meant to hold the gain on new rows.
    n_resamples : int, default=1000
        How often the rows are resampled.
    random_state : int, RandomState instance or None, default=None
        For the resampling.

    Returns
    -------
    BlendGain
        A named tuple: gain, low, high, best_model. If low is above 0, the blend pays.

    Raises
    ------
    ValueError
        As for :func:`blend_weights`, or if an option is out of its domain.

    See Also
    --------
    blend_weights : The weights, fitted to all rows.

    Notes
    -----
    The interval holds for new rows and these models. It does not say how the models
    would differ if they were trained again.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.special import expit
    >>> from skxent.blending import blend_gain
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 1000))
    >>> y = (rng.uniform(size=1000) < expit(2 * a + 2 * b)).astype(int)
    >>> found = blend_gain({"a": expit(a), "b": expit(b)}, y, random_state=0)
    >>> found.gain > found.low > 0
    True
    """
    Interval(0.0, 1.0, "neither").check("confidence_level", confidence_level)
    check_count("n_resamples", n_resamples)
    rng = check_random_state(random_state)
    loss = as_loss(loss)
    y, models = Models.with_labels(probas, y_true, labels)
    n_rows = len(models.tables[0])
    if len(y) != n_rows:
        raise ValueError(f"y_true must have {n_rows} rows, got {len(y)}.")
    labels = models.classes_of(y, labels)
    weights = check_sample_weight(sample_weight, n_rows)
    weights = np.ones(n_rows) if weights is None else moderate(weights)
    check_sum(float(weights.sum()))

    def losses(proba: Any, rows: Any) -> NDArray[np.float64]:
        return np.asarray(
            evaluate_loss(loss, y[rows], proba, labels=labels, reduction="none"),
            dtype=np.float64,
        )

    each = np.array([losses(table, slice(None)) for table in models.tables])
    difference = np.zeros(n_rows)
    strata = y.argmax(axis=1) if is_soft(y) else y.ravel()
    splits = list(check_cv(cv, strata, classifier=True).split(strata, strata))
    for train, test in check_folds_of_all_rows(splits, n_rows):
        check_sum(float(weights[train].sum()))
        part = models.rows(train)
        found = blend_weights(
            part.tables,
            y[train],
            loss,
            pooling=pooling,
            labels=labels,
            sample_weight=weights[train],
        )
        best = int((each[:, train] @ weights[train]).argmin())
        blended = models.rows(test).pool(found, pooling)
        difference[test] = each[best, test] - losses(blended, test)
    gain = float(weights @ difference / weights.sum())
    resampled = []
    for _ in range(n_resamples):
        times = np.bincount(rng.randint(n_rows, size=n_rows), minlength=n_rows)
        drawn = times * weights
        resampled.append(drawn @ difference / max(drawn.sum(), 1e-300))
    tail = (1 - float(confidence_level)) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    overall = int((each @ weights).argmin())
    return BlendGain(gain, float(low), float(high), models.names[overall])
