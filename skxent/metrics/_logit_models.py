"""Models whose logits are known, and the model inside another."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

# Estimators of scikit-learn whose decision_function is known to hold logits.
LOGIT_MODELS: tuple[Any, ...] = (LogisticRegression, LogisticRegressionCV)


def has_logits(model: Any) -> bool:
    """Return True if predict_proba is known to be the softmax of decision_function.

    One against the rest, which scikit-learn had before 1.8, is not.
    """
    return (
        isinstance(model, LOGIT_MODELS)
        and type(model).predict_proba is LogisticRegression.predict_proba
        and getattr(model, "multi_class", "auto") in ("auto", "deprecated")
        and (model.solver != "liblinear" or len(model.classes_) == 2)
    )


def final_estimator(estimator: Any) -> Any:
    """Return the estimator that predicts in a Pipeline, search or FrozenEstimator."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        elif type(estimator).__name__ == "FrozenEstimator":
            estimator = estimator.estimator
        else:
            return estimator
