"""The weights with which several models' probabilities have the least loss."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from skxent.blending._objective import OBJECTIVES
from skxent.blending._tables import Models
from skxent.inputs.descriptions import documented
from skxent.inputs.weights import check_sum
from skxent.kernels.checks import check_option, warn
from skxent.kernels.threads import one_blas_thread
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._losses import evaluate_loss
from skxent.metrics._options import Options
from skxent.optimize.simplex import minimise_on_simplex

Pooling = Literal["arithmetic", "log-linear"]


@documented(evaluate_loss)
def blend_weights(
    probas: Any,
    y_true: ArrayLike,
    loss: str | Loss = "cross_entropy",
    *,
    pooling: Pooling = "arithmetic",
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Any = None,
    ignore_index: Any = None,
) -> Any:
    r"""Find the weights that minimise the loss of the blended probabilities.

    .. math:: \min_w \sum_i \ell\Big(y_i, \sum_m w_m p_{mi}\Big), \quad
        w_m \ge 0, \quad \sum_m w_m = 1

    or, with log-linear pooling, of :math:`\mathrm{softmax}(\sum_m w_m \log p_{mi})`.
    The probabilities should be out of fold, for rows that the models were not fitted
    to: :func:`sklearn.model_selection.cross_val_predict` makes them.

    Parameters
    ----------
    probas : sequence or dict of M array-likes of shape (n, K) or (n,)
        Probabilities of each model, a column for each label; (n,): of the second of
        two. Clipped to [eps, 1 - eps] of float64. For two classes also one DataFrame or
        array of shape (n, M), each column the (n,) of a model.
    y_true : array-like of shape (n,) or (n, K)
        Labels of any type, or soft labels: rows of K numbers that sum to one.
    loss : str or Loss, default="cross_entropy"
        A loss, or a name in :data:`skxent.losses.LOSSES`, with default parameters.
        A parameter may be a dict that maps labels to numbers.
    pooling : {"arithmetic", "log-linear"}, default="arithmetic"
        The mean of probabilities, or of their logarithms, normalised.
    {parameters}

    Returns
    -------
    ndarray of shape (M,)
        Non-negative, with sum one; exactly 0 for models that the blend leaves out. For
        a dict a dict with the same keys, for a pandas DataFrame a Series by column.

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1]; tables of different shapes; unknown labels;
        an option out of its domain.

    See Also
    --------
    BlendClassifier : An estimator that makes the out-of-fold probabilities.
    blend : Apply the weights to other probabilities.
    blend_gain : Whether the blend is better than the best single model.
    beta_pool : Weights and a recalibration at once.

    Notes
    -----
    The arithmetic blend is a convex problem for every loss of :mod:`skxent.losses`. The
    log-linear blend is one for convex losses; otherwise it may be a local minimum.

    These weights have the least loss among all blends. That does not make the blend
    calibrated: an arithmetic blend of calibrated probabilities that differ is
    under-confident (Ranjan and Gneiting 2010). Log-linear pooling can be sharper;
    :func:`beta_pool` recalibrates the blend of two classes, and
    :class:`skxent.calibration.TemperatureScaling` corrects most of it for more.

    References
    ----------
    Ranjan, Gneiting (2010). Combining probability forecasts. Journal of the Royal
    Statistical Society B 72. doi 10.1111/j.1467-9868.2009.00726.x.

    Examples
    --------
    >>> from skxent.blending import blend_weights
    >>> y = [0, 0, 1, 1]
    >>> good, poor = [0.1, 0.4, 0.6, 0.9], [0.5, 0.1, 0.2, 0.8]
    >>> blend_weights([good, poor], y).round(3)
    array([1., 0.])
    """
    check_option("pooling", pooling, get_args(Pooling))
    loss = as_loss(loss)
    y_true, models = Models.with_labels(probas, y_true, labels, ignore_index)
    tables = models.tables
    options = Options(
        labels=labels, class_weight=class_weight, ignore_index=ignore_index
    )
    target, classes = models.target(y_true, sample_weight, options)
    target = target.moderate()
    check_sum(target.total_weight())
    objective = OBJECTIVES[pooling](tables, target, loss.for_classes(classes))
    start = np.full(len(tables), 1 / len(tables))
    sample = objective.subsample()
    # The order in which BLAS sums over the rows depends on its threads.
    with one_blas_thread():
        if sample is not None:
            start = minimise_on_simplex(sample, start).weights
        found = minimise_on_simplex(objective, start)
    if not found.converged:
        warn(
            f"The blend did not converge in {found.n_iter} iterations: the Newton "
            f"decrement is {found.decrement:.2g}. Its weights are near the best.",
            ConvergenceWarning,
        )
    weights = found.weights
    return weights if models.named is None else models.named(weights)
