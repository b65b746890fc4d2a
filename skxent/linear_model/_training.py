"""The objective of a linear model with its parameters, and its fitted attributes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skxent.base.classifier import TrainedLoss, training_weights
from skxent.inputs.labels import check_several, encode_labels
from skxent.inputs.targets import Target, make_target
from skxent.inputs.weights import check_some_weight
from skxent.linear_model._columns import penalty_factor_of, signs_of
from skxent.linear_model._data import LinearData
from skxent.linear_model._multilabel import NO_AND_YES, label_weights, offset_of
from skxent.losses._shipped import as_loss
from skxent.optimize.objective import Objective
from skxent.optimize.penalties import elastic_net
from skxent.optimize.rows import table_rows
from skxent.optimize.rows.base import LEAST_WEIGHT, Rows
from skxent.optimize.rows.table import TableRows
from skxent.optimize.smooth import Weights
from skxent.optimize.solution import Callback, SolverOptions


class EncodedTarget(NamedTuple):
    """The labels of a fit as the kernels take them, and the attributes of a model."""

    target: Target
    classes: NDArray[Any]
    trained: TrainedLoss

    @property
    def attributes(self) -> dict[str, Any]:
        return {"classes_": self.classes, "trained_loss_": self.trained}


def encode_target(model: Any, data: LinearData, classes: Any = None) -> EncodedTarget:
    """Encode checked labels, or soft labels, for the training of a model."""
    y, sample_weight = data.y, data.sample_weight
    if model.multilabel:
        return encode_indicators(model, data)
    if y.ndim == 1:
        classes, codes = encode_labels(y, classes)
    else:
        classes, codes = np.arange(y.shape[1]) if classes is None else classes, y
    check_several(classes)
    weights = training_weights(model, classes, codes, sample_weight)
    target = make_target(
        codes,
        data.X.shape[0],
        len(classes),
        sample_weight=sample_weight,
        class_weight=weights,
        label_smoothing=model.label_smoothing,
        dtype=data.X.dtype,
    ).with_finite_sum()
    check_some_weight(target.total_weight())
    loss = as_loss(model.loss).for_classes(classes)
    trained = TrainedLoss(loss, weights, model.label_smoothing)
    return EncodedTarget(target, classes, trained)


def encode_indicators(model: Any, data: LinearData) -> EncodedTarget:
    """Encode the checked indicators of many labels."""
    y, sample_weight = data.y, data.sample_weight
    weights = label_weights(model, y, sample_weight)
    target = make_target(
        y,
        *y.shape,
        sample_weight=sample_weight,
        label_smoothing=model.label_smoothing,
        dtype=data.X.dtype,
        multilabel=True,
    )
    if weights is not None:
        target = replace(target, class_weight=weights)
    target = target.with_finite_sum()
    check_some_weight(target.total_weight())
    loss = as_loss(model.loss).for_classes(NO_AND_YES)
    classes = np.tile(NO_AND_YES, (y.shape[1], 1))
    return EncodedTarget(
        target, classes, TrainedLoss(loss, weights, model.label_smoothing)
    )


def class_parameters(model: Any, encoded: EncodedTarget) -> dict[str, Any]:
    """Return a `class_weight` by label for all classes.

    A search gives it to its estimators, whose rows may lack a class that has a weight.
    """
    weights = encoded.trained.class_weight
    if model.multilabel or weights is None or isinstance(model.class_weight, str):
        return {}
    pairs = zip(encoded.classes.tolist(), weights.tolist(), strict=True)
    return {"class_weight": dict(pairs)}


def row_settings(model: Any) -> dict[str, Any]:
    """Return the settings of sums over rows, besides the data."""
    return {"fit_intercept": bool(model.fit_intercept), "n_threads": model.n_jobs}


def table_of(model: Any, data: LinearData, encoded: EncodedTarget) -> TableRows:
    """Return the rows of data in memory."""
    X, target, classes = data.X, encoded.target, encoded.classes
    offset = offset_of(model, data.offset, X.shape[0], classes, X.dtype)
    return table_rows(X, target, offset=offset, **row_settings(model))


def objective_of(model: Any, rows: Rows, trained: TrainedLoss) -> Objective:
    strength = 1.0 / max(float(model.C) * rows.weight_sum, LEAST_WEIGHT)
    factor = penalty_factor_of(model, rows.n_features)
    n_outputs = 1 if rows.independent else rows.n_outputs
    signs = signs_of(model, rows.n_features, n_outputs)
    penalty = elastic_net(rows, strength, float(model.l1_ratio), factor, signs)
    return Objective(rows, trained.loss, penalty)


def options_of(model: Any, callback: Callback | None = None) -> SolverOptions:
    return replace(
        model._solver_options,
        tol=float(model.tol),
        max_iter=int(model.max_iter),
        verbose=int(model.verbose),
        callback=callback,
    )


def fitted_attributes(objective: Objective, W: Weights) -> dict[str, Any]:
    """Return the minimum, in the coordinates and the dtype of X."""
    W = objective.coefficients(W).astype(objective.dtype)
    d = objective.rows.n_features
    intercept = W[d] if len(W) > d else np.zeros(W.shape[1], W.dtype)
    return {
        "coef_": np.ascontiguousarray(W[:d].T),
        "intercept_": intercept,
        "n_features_in_": d,
    }


def penalty_of(l1_ratio: float, C: float) -> str | None:
    """Return the name that scikit-learn has for a penalty."""
    if np.inf == C:
        return None
    if l1_ratio == 0:
        return "l2"
    return "l1" if l1_ratio == 1 else "elasticnet"
