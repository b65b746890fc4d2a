"""The class probabilities behind the output of a model that was trained elsewhere."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from skxent.inputs.columns import by_code
from skxent.inputs.tables import check_logits, check_proba
from skxent.inputs.targets import ClassWeightOn
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import check_bool, check_option
from skxent.losses._loss import Loss
from skxent.losses._probabilities import unsmoothed
from skxent.losses._shipped import as_loss


def posterior(
    loss: str | Loss,
    y_proba: ArrayLike,
    *,
    class_weight: Any = None,
    class_weight_on: ClassWeightOn = "label",
    label_smoothing: float = 0.0,
    from_logits: bool = False,
) -> Floats:
    r"""Return the class probabilities that the output of a trained model implies.

    The outputs of a network or a boosting model that minimises focal loss, a smoothed
    or a weighted loss are not class probabilities. This undoes what the loss did, by
    the map of :meth:`skxent.losses.Loss.posterior`.

    Parameters
    ----------
    loss : str or Loss
        The loss that the model was trained with.
    y_proba : array-like of shape (n, K) or (n,)
        Softmax outputs of the model; (n,): those of the second class of two. Taken as
        they are: nothing is clipped. Columns of a data frame that are named 0..K-1 are
        put into this order, others are taken in theirs.
    class_weight : array-like of shape (K,), dict or Series, default=None
        Class weights of the training; a dict or Series maps codes to weights.
    class_weight_on : {"label", "target"}, default="label"
        What was weighted: the label that was observed or, as in torch, the smoothed
        target. See :class:`skxent.losses.Loss`. Without label smoothing they are equal.
    label_smoothing : float in [0, 1), default=0
        Label smoothing of the training.
    from_logits : bool, default=False
        Whether y_proba holds logits; (n,): log-odds of the second class.

    Returns
    -------
    ndarray of shape (n, K)
        Class probabilities, a column for each class.

    Raises
    ------
    ValueError
        NaN; probabilities outside [0, 1]; an unknown loss; a class_weight or
        label_smoothing out of its domain.

    See Also
    --------
    TemperatureScaling : For a model that does not reach the minimum of its loss.

    Examples
    --------
    >>> from skxent.calibration import posterior
    >>> from skxent.losses import Focal
    >>> posterior(Focal(gamma=2.0), [0.9, 0.5]).round(3)
    array([[0.003, 0.997],
           [0.5  , 0.5  ]])
    """
    check_bool("from_logits", from_logits)
    check_option("class_weight_on", class_weight_on, get_args(ClassWeightOn))
    y_proba = by_code(y_proba)
    if from_logits:
        raw = check_logits(y_proba)
    else:
        proba = check_proba(y_proba)
        with np.errstate(divide="ignore"):
            raw = np.log(proba)
            raw = raw - np.log1p(-proba) if proba.ndim == 1 else raw
    loss = as_loss(loss)
    loss.warn_without_posterior()
    if class_weight_on == "target":
        # τ ∝ v∘((1 - ε) η + ε/K): the weights were put on last, and come off first.
        raw = loss.posterior(raw, class_weight=class_weight, log=True)
        return unsmoothed(raw, label_smoothing)
    return loss.posterior(
        raw, class_weight=class_weight, label_smoothing=label_smoothing
    )
