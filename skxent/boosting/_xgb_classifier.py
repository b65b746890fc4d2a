"""XGBoost's classifier with any loss."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from skxent.boosting._classifier import LossBoostingClassifier
from skxent.boosting._evaluation import of_probabilities, weights_of
from skxent.boosting._fit import Fit
from skxent.boosting._library import library
from skxent.boosting._tables import categories
from skxent.boosting._xgboost import XGBoostMetric, XGBoostObjective
from skxent.inputs.descriptions import documented
from skxent.kernels.arrays import Floats

# The largest base_score: XGBoost keeps it in float32, in which it must be below one.
LARGEST_SCORE = 1 - 2.0**-24


@documented()
@dataclass(eq=False, repr=False)
class XGBLossClassifier(LossBoostingClassifier):
    """XGBoost with any loss, in the place of an XGBClassifier.

    The labels may be of any type, boosting starts at the loss's best constant, and the
    probabilities are class probabilities. ``loss="cross_entropy"`` is XGBClassifier,
    with the library's own objective unless there are class weights or label smoothing.

    Parameters
    ----------
    estimator : XGBClassifier, default=None
        Holds all parameters of trees and training: constraints, callbacks, eval_metric
        and early_stopping_rounds among them. It may have been fitted, and is not
        changed. None: XGBoost's defaults. scale_pos_weight has no effect with a loss
        and is refused: use `class_weight`.
    {parameters}

    Attributes
    ----------
    estimator_ : fitted XGBClassifier
        Its margins are those of this classifier; its labels are 0..K-1 and its
        probabilities the softmax.
    booster_ : xgboost.Booster
        As from get_booster(): for plot_importance, plot_tree, SHAP and save_model.
    best_iteration_ : int
        The iteration that early stopping found, where the first is 0, as in XGBoost.
    best_score_ : float
        The metric at the best iteration.
    evals_result_ : dict of set to dict of metric to list
        The metrics after every tree. "logloss" and "mlogloss" are of the softmax, and
        the loss if that is cross-entropy.
    init_score_ : float, or ndarray of shape (K,) for K > 2
        The margin from which boosting started. The booster has it as base_score.
    coef_ : ndarray of shape (d,) or (K, d)
        The coefficients, of a booster "gblinear" alone.
    intercept_ : ndarray
        The base_score as margins, and the intercepts of a booster "gblinear".
    {attributes}

    See Also
    --------
    xgboost_objective : The loss as an objective of XGBoost's own classes.
    LGBMLossClassifier, CatBoostLossClassifier : The same with other libraries.

    Notes
    -----
    XGBoost takes one callable metric: one in `eval_metric` replaces the loss.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import XGBLossClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> XGBLossClassifier("poly1").fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    objective_class = XGBoostObjective
    metric_class = XGBoostMetric
    metric_names = ("eval_metric",)
    built_in = ("binary:logistic", "multi:softprob", "multi:softmax")
    cross_entropy = ("binary:logistic", "multi:softprob")
    outputs = ("output_margin",)
    refused: ClassVar[dict[str, Any]] = {
        "scale_pos_weight": ((None, 1), "Use class_weight of {cls}."),
        "base_score": ((None,), "{cls} starts at the loss's best constant."),
    }
    refused_in_fit: ClassVar[dict[str, str]] = {
        "base_margin": "{cls} starts at the loss's best constant.",
        "base_margin_eval_set": "{cls} starts at the loss's best constant.",
    }

    of_rows = ("apply",)
    withheld: ClassVar[dict[str, str]] = {
        "load_model": "Such a file does not hold the loss and the labels: load it into "
        "an xgboost.Booster, or pickle the {cls} instead."
    }

    renamed: ClassVar[dict[str, str]] = {
        "best_iteration_": "best_iteration",
        "best_score_": "best_score",
    }

    @property
    def booster_(self) -> Any:
        """The xgboost.Booster."""
        return self.get_booster()

    @property
    def evals_result_(self) -> dict[str, Any]:
        """The metrics after every tree."""
        check_is_fitted(self)
        return dict(getattr(self.estimator_, "evals_result_", None) or {})

    def _classifier(self) -> Any:
        return library("xgboost").XGBClassifier

    def _checked_options(self, options: dict[str, Any]) -> dict[str, Any]:
        # Arguments of the fit of XGBoost 1, now parameters.
        moved = {k: v for k, v in options.items() if k == "early_stopping_rounds"}
        rest = {k: v for k, v in options.items() if k not in moved}
        return {**super()._checked_options(rest), **moved}

    def _train(self, fit: Fit) -> Any:
        options = {"verbose": False, **fit.options}
        parameters = {**fit.parameters, "objective": fit.objective}
        if "early_stopping_rounds" in options:
            parameters["early_stopping_rounds"] = options.pop("early_stopping_rounds")
        if fit.start is not None and fit.metric is not None:
            parameters["base_score"] = _as_base_score(fit.start)
        if hasattr(fit.train.X, "dtypes") and categories(fit.train.X):
            parameters["enable_categorical"] = True
        callbacks = [*(parameters.get("callbacks") or ()), *fit.callbacks]
        metrics = list(fit.metrics)
        if fit.metric is None:
            # XGBoost adds it to a callable, and early stopping goes by the last.
            log_loss = "logloss" if len(self.classes_) == 2 else "mlogloss"
            if not all(map(callable, metrics)) and log_loss not in metrics:
                metrics.insert(0, log_loss)
        else:
            metrics = [
                of_probabilities(metric, self.objective_, self.posterior)
                for metric in metrics
            ]
            rounds = parameters.get("early_stopping_rounds")
            if metrics and rounds is not None:
                # XGBoost goes by the last metric, and callables come last.
                name = getattr(metrics[-1], "__name__", metrics[-1])
                stop = library("xgboost").callback.EarlyStopping
                callbacks.append(stop(rounds=rounds, metric_name=name))
                parameters["early_stopping_rounds"] = None
            if not any(map(callable, metrics)):
                metrics.append(fit.metric)
        parameters["eval_metric"] = (
            metrics if len(metrics) > 1 else next(iter(metrics), None)
        )
        parameters["callbacks"] = callbacks or None
        return self._model(parameters).fit(
            fit.train.X,
            fit.train.y,
            sample_weight=fit.train.sample_weight,
            eval_set=[(X, y) for X, y, _ in fit.evaluation] or None,
            sample_weight_eval_set=weights_of(fit.evaluation),
            xgb_model=fit.init_model,
            **options,
        )

    def _margins(self, X: Any, **options: Any) -> Floats:
        margins: Floats = self.estimator_.predict(X, output_margin=True, **options)
        return margins


def _as_base_score(start: Any) -> Any:
    """Return a start value as XGBoost's base_score, which its booster keeps."""
    if np.ndim(start) == 0:
        return min(float(expit(start)), LARGEST_SCORE)
    xgboost = library("xgboost")
    version = [int(part) for part in re.findall(r"\d+", xgboost.__version__)]
    if version < [3, 1, 1]:  # 3.1.0 leaves it out of SHAP values
        raise ImportError(
            "xgboost must be at least 3.1.1 for more than two classes, got "
            f"{xgboost.__version__}."
        )
    return np.asarray(start).tolist()
