"""LightGBM's form of objectives and metrics, and its margins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from skxent.boosting._library import starts
from skxent.boosting._loss import BoosterFunction
from skxent.boosting._objective import (
    BoosterMetric,
    BoosterObjective,
    MetricKeywords,
    ObjectiveKeywords,
)
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats
from skxent.losses._loss import Loss
from skxent.losses._shipped import as_loss
from skxent.metrics._options import takes


class CalledByLightGBM(BoosterFunction):
    """An objective in LightGBM's form."""

    made_for = "lightgbm"
    n_classes_parameter = "num_class"
    derivatives: Callable[..., tuple[Floats, Floats]]

    def factor(self, n_classes: int) -> float:
        """Return LightGBM's factor of the Hessian of softmax, K / (K - 1)."""
        return n_classes / (n_classes - 1)

    # LightGBM counts the parameters: it passes weights as the third.
    def __call__(
        self, y_true: Any, y_pred: Any, weight: Any = None
    ) -> tuple[Floats, Floats]:
        """Return gradient and Hessian."""
        return self.derivatives(*self.arguments(y_true, y_pred, weight))


class LightGBMObjective(CalledByLightGBM, BoosterObjective):
    """See :func:`lightgbm_objective`."""


class LightGBMMetric(BoosterMetric):
    """See :func:`lightgbm_metric`."""

    made_for = "lightgbm"
    n_classes_parameter = "num_class"

    def __call__(
        self, y_true: Any, y_pred: Any, weight: Any = None
    ) -> tuple[str, float, bool]:
        """Return the name, the mean loss and False, since less is better."""
        mean = self.mean_loss(*self.arguments(y_true, y_pred, weight))
        return self.__name__, mean, False


@takes(ObjectiveKeywords, BoosterObjective)
def lightgbm_objective(
    loss: str | Loss, **keywords: Unpack[ObjectiveKeywords]
) -> LightGBMObjective:
    r"""Make a loss an objective of LightGBM, for two or more classes.

    For ``LGBMClassifier(objective=...)``, and for ``lightgbm.train`` as
    ``params["objective"]``. With cross-entropy it is ``binary`` or ``multiclass``,
    whose Hessian has a factor: :math:`h_k = \frac{K}{K - 1} p_k (1 - p_k)`.

    Parameters
    ----------
    {loss}
    class_weight : dict of code to weight or array-like of shape (K,), default=None
        Undone by ``predict_proba``. LGBMClassifier's own class_weight reaches the
        objective too, as sample weights, and is not undone. ``scale_pos_weight`` and
        ``is_unbalance`` have no effect on custom objectives.
    soft_labels : array-like of shape (n, K), default=None
        Rows that sum to one. y then holds row numbers of this table instead of
        classes: ``np.arange(n)`` for all rows. LGBMClassifier would read classes: use
        ``LGBMRegressor(metric="none")``, with ``num_class=K`` for K > 2.
    {keywords}

    Returns
    -------
    LightGBMObjective
        A picklable callable, from (y, raw prediction, weight) or (raw prediction,
        Dataset) to gradient and Hessian, in nats. LightGBM chooses no start for a
        custom objective; ``init_score(y, sample_weight)`` returns the best. Pass
        ``fit(init_score=np.full(n, start))``, or ``np.tile(start, (n, 1))`` for K > 2,
        and add it to LightGBM's predictions, which leave it out.
        ``predict_proba(margins)`` returns class probabilities.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    lightgbm_metric : The metric of the same loss.
    predict_proba : Class probabilities of the trained model.
    LGBMLossClassifier : An estimator that does all of this.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import lightgbm_objective
    >>> from skxent.losses import Focal
    >>> objective = lightgbm_objective(Focal(2.0))
    >>> round(objective.init_score([0, 0, 0, 1]), 4)
    -0.4104
    """
    return LightGBMObjective(as_loss(loss), **keywords)


@documented(lightgbm_objective)
@takes(MetricKeywords, BoosterMetric)
def lightgbm_metric(
    loss: str | Loss, **keywords: Unpack[MetricKeywords]
) -> LightGBMMetric:
    """Make a loss a metric of LightGBM: its mean over all weights, in nats.

    For ``LGBMClassifier.fit(eval_metric=...)`` with an objective of
    :func:`lightgbm_objective`, and ``lightgbm.train(feval=...)``. It reads margins:
    together with a built-in objective LightGBM would pass probabilities. Pass a start
    value for the validation sets too (``eval_init_score``). Early stopping needs
    ``LGBMClassifier(metric="none")``: otherwise LightGBM 4 also computes the log loss
    of the margins, as if they were probabilities, and uses it for early stopping.

    Parameters
    ----------
    {parameters}

    Returns
    -------
    LightGBMMetric
        A picklable callable.

    Raises
    ------
    ValueError
        A parameter out of its domain; when called, labels that are not codes in 0..K-1.

    See Also
    --------
    lightgbm_objective : The objective of the same loss.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import lightgbm_metric
    >>> from skxent.losses import Focal
    >>> metric = lightgbm_metric(Focal(2.0))
    >>> metric(np.array([0, 1]), np.array([-0.5, 0.5]))[::2]
    ('focal', False)
    """
    return LightGBMMetric(as_loss(loss), **keywords)


def margins(model: Any, X: Any, init_score: Any) -> Floats:
    """Return the raw prediction of an LGBMModel or Booster, on top of a start value."""
    raw: Floats = model.predict(X, raw_score=True)
    n_outputs = getattr(model, "booster_", model).num_model_per_iteration()
    if not raw.size and n_outputs > 1:
        raw = raw.reshape(0, n_outputs)  # LightGBM returns (0,)
    return raw if init_score is None else raw + starts(init_score, raw.shape)
