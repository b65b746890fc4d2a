"""The linear models as ONNX graphs, through skl2onnx: extra `onnx`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from skxent._validation import check_option
from skxent.linear_model import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)

__all__ = ["register_converters"]

ESTIMATORS = (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    SmoothedSoftmaxClassifier,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifierCV,
)


def register_converters() -> None:
    """Teach skl2onnx the five linear models; after that it converts them, in pipelines.

    Labels are those of `predict`, probabilities those of `predict_proba`, with
    ``posterior=True`` too, computed in the type of the input.

    Raises
    ------
    ModuleNotFoundError
        Where skl2onnx is not installed.

    Examples
    --------
    >>> from skl2onnx import to_onnx  # doctest: +SKIP
    >>> from skxent.onnx import register_converters
    >>> register_converters()  # doctest: +SKIP
    >>> graph = to_onnx(model, X[:1].astype("float32"))  # doctest: +SKIP
    """
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
    )

    for estimator in ESTIMATORS:
        update_registered_converter(
            estimator,
            f"Skxent{estimator.__name__}",
            calculate_linear_classifier_output_shapes,
            convert,
            options={
                "zipmap": [True, False, "columns"],
                "nocl": [True, False],
                "output_class_labels": [True, False],
                "raw_scores": [False],
            },
        )


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the graph of a fitted model to the container."""
    from skl2onnx.common.data_types import guess_numpy_type

    model = operator.raw_operator
    label, proba = operator.outputs[:2]
    dtype = guess_numpy_type(operator.inputs[0].type)
    g = Graph(container.target_opset, np.float64 if dtype == np.float64 else np.float32)
    coef, intercept = model._checked_weights(model.n_features_in_)
    coef = coef.toarray() if sp.issparse(coef) else coef
    X = g("Cast", operator.inputs[0], to=g.onnx_type)
    z = g("Add", g("MatMul", X, g.const(coef.T)), g.const(intercept))
    if len(coef) == 1:
        z = g("Concat", g("Mul", z, g.const(0.0)), z, axis=1)
    classes = model.classes_
    strings = classes.dtype.kind in "OUS"
    classes = classes.astype(str) if strings else classes.astype(np.int64)
    chosen = g("ArrayFeatureExtractor", classes, g("ArgMax", z, axis=1, keepdims=0))
    flat = g("Reshape", chosen, np.array([-1]), output_names=[label])
    log_proba = posterior(g, z, model) if model.posterior else z
    softmax = g("Softmax", log_proba, axis=1, output_names=[proba])
    for node in (flat, softmax):
        node.add_to(scope, container)


class Graph:
    """Nodes by the names of their operators."""

    ops: Any
    opset: int
    dtype: type[np.floating[Any]]
    onnx_type: Any

    def __init__(self, opset: int, dtype: type[np.floating[Any]]) -> None:
        from onnx import TensorProto
        from skl2onnx.algebra import onnx_ops

        self.ops, self.opset, self.dtype = onnx_ops, opset, dtype
        self.onnx_type = (
            TensorProto.DOUBLE if dtype is np.float64 else TensorProto.FLOAT
        )

    def const(self, value: Any) -> Any:
        return np.atleast_1d(np.asarray(value, dtype=self.dtype))

    def __call__(self, name: str, *inputs: Any, **settings: Any) -> Any:
        return getattr(self.ops, f"Onnx{name}")(
            *inputs, op_version=self.opset, **settings
        )


def posterior(g: Graph, z: Any, model: Any) -> Any:
    """log η up to a constant a row: see `src/posterior.pxd`."""
    loss, class_weight, smoothing = model._fitted
    K = len(model.classes_)
    check_option("loss", loss.formula, LOG_SLOPES)
    log_slope = LOG_SLOPES[loss.formula](g, z, K, *loss.parameters)
    t = z if log_slope is None else g("Sub", z, log_slope)
    if smoothing:
        tau = g("Softmax", t, axis=1)
        x = g("Sub", tau, g.const(smoothing / K))
        known = g("Greater", x, g("Mul", tau, g.const(0.01)))
        # Both branches are evaluated: the logarithm of one that is not taken is of 1.
        log_x = g("Log", g("Where", known, x, g.const(1.0)))
        kept = g("Add", g("LogSoftmax", t, axis=1), g.const(np.log(0.01)))
        t = g("Where", known, log_x, kept)
    if class_weight is not None:
        t = g("Sub", t, g.const(np.log(class_weight)))
    return t


def focal(g: Graph, z: Any, K: int, gamma: float) -> Any:
    """γ log q + log(1 + γ p L/q)."""
    # log q_k without cancellation: the logsumexp of the others less that of all.
    others = g("Where", np.eye(K, dtype=bool)[None], g.const(-1e30), pairs(g, z, K))
    top = g("ReduceMax", others, np.array([2]), keepdims=1)
    spread = g("Exp", g("Sub", others, top))
    total = g("Log", g("ReduceSum", spread, np.array([2]), keepdims=0))
    rest = g("Add", total, g("Squeeze", top, np.array([2])))
    log_p = g("LogSoftmax", z, axis=1)
    log_q = g("Add", g("Sub", rest, z), log_p)
    p, q = g("Exp", log_p), g("Exp", log_q)
    small = g("Less", q, g.const(1e-2))
    # L/q = 1 + q/2 + q²/3 + ..., where L is lost to rounding
    series = g.const(1 / 4)
    for term in (1 / 3, 1 / 2, 1.0):
        series = g("Add", g("Mul", series, q), g.const(term))
    quotient = g("Div", g("Neg", log_p), g("Where", small, g.const(1.0), q))
    ratio = g("Where", small, series, quotient)
    bend = g("Mul", g("Mul", p, ratio), g.const(gamma))
    slope = g("Log", g("Add", bend, g.const(1.0)))
    return g("Add", g("Mul", log_q, g.const(gamma)), slope)


def pairs(g: Graph, z: Any, K: int) -> Any:
    """(n, K, K): the logits of each row, K times."""
    return g("Expand", g("Unsqueeze", z, np.array([1])), np.array([1, K, K]))


def linear_in_p(g: Graph, z: Any, at_zero: float, slope: float) -> Any:
    p = g("Softmax", z, axis=1)
    return g("Log", g("Add", g("Mul", p, g.const(slope)), g.const(at_zero)))


# log(-φ'/q) of every class, as `log_slope` of src/losses.pxd.
LOG_SLOPES: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda g, z, K: None,
    "focal": focal,
    "generalized_cross_entropy": lambda g, z, K, kappa: g(
        "Mul", g("LogSoftmax", z, axis=1), g.const(kappa)
    ),
    "symmetric_cross_entropy": lambda g, z, K, alpha, b: linear_in_p(g, z, alpha, b),
    "poly1": lambda g, z, K, epsilon: linear_in_p(g, z, 1.0, epsilon),
}
