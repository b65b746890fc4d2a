"""Linear models as ONNX graphs, through skl2onnx: extra `onnx`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from skxent.kernels.checks import check_option
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
# The first opset with Where, and with comparisons of all number types.
MIN_OPSET = 9


def register_converters() -> None:
    """Register converters of the linear models, ``skxent.dask`` included, in skl2onnx.

    skl2onnx then converts them by themselves, in pipelines, and inside of
    scikit-learn's meta-estimators such as CalibratedClassifierCV. Labels are those of
    `predict`: integers, booleans or strings; but skl2onnx's dictionaries of
    probabilities, the default, make integers of booleans. Probabilities are those of
    `predict_proba`, with ``posterior=True`` too, computed in the type of the input.

    Options are those of scikit-learn's classifiers. With ``zipmap=False`` probabilities
    are an array; ``raw_scores=True`` gives logits in their place, which for two classes
    are (-z, z). ``nocl=True`` gives the positions of labels in `classes_`. A target
    opset of at least 9 is needed.

    Raises
    ------
    ModuleNotFoundError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from skl2onnx import to_onnx  # doctest: +SKIP
    >>> from skxent.onnx import register_converters
    >>> register_converters()  # doctest: +SKIP
    >>> graph = to_onnx(model, X[:1].astype("float32"))  # doctest: +SKIP
    """
    from skl2onnx import update_registered_converter

    found = {f"Skxent{estimator.__name__}": estimator for estimator in ESTIMATORS}
    if find_spec("dask") is not None:
        from skxent import dask

        for name in dask.__all__:
            if hasattr(estimator := getattr(dask, name), "predict_proba"):
                found[f"SkxentDask{name}"] = estimator
    for alias, estimator in found.items():
        update_registered_converter(
            estimator,
            alias,
            infer_outputs,
            convert,
            options={
                "zipmap": [True, False, "columns"],
                "nocl": [True, False],
                "output_class_labels": [True, False],
                "raw_scores": [True, False],
            },
        )


def infer_outputs(operator: Any) -> None:
    """Set the types and shapes of the label and of the probabilities."""
    from skl2onnx.common.data_types import (
        BooleanTensorType,
        Int64TensorType,
        StringTensorType,
    )

    classes = output_labels(operator.scope_inst, operator.raw_operator)
    tensors = {"b": BooleanTensorType, "i": Int64TensorType, "U": StringTensorType}
    n = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(tensors[classes.dtype.kind]([n]))
    operator.outputs[1].type.shape = [n, len(classes)]


def output_labels(scope: Any, model: Any) -> NDArray[Any]:
    """Return the labels of the graph: booleans, int64 or strings."""
    options = scope.get_options(model, {"nocl": False})
    if options["nocl"]:
        return np.arange(len(model.classes_))
    labels = model.classes_.tolist()
    if all(isinstance(label, bool) for label in labels):
        # skl2onnx's dictionaries have integers for keys, and label them likewise.
        zipmap = scope.get_options(model, {"zipmap": True})["zipmap"]
        return np.array(labels, dtype=np.int64 if zipmap else np.bool_)
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=np.str_)
    for label in labels:
        if not isinstance(label, int | float) or not float(label).is_integer():
            raise ValueError(
                "classes_ must be all integers, all strings or all booleans for ONNX, "
                f"got {label!r}. With the option nocl=True the graph gives their "
                "positions."
            )
        if not -(1 << 63) <= label < 1 << 63:
            raise ValueError(
                f"classes_ must be integers of 64 bits for ONNX, got {label!r}. With "
                "the option nocl=True the graph gives their positions."
            )
    return np.array([int(label) for label in labels], dtype=np.int64)


def convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the graph of a fitted model to the container."""
    from skl2onnx.common.data_types import guess_numpy_type

    if container.target_opset < MIN_OPSET:
        raise ValueError(
            f"target_opset must be >= {MIN_OPSET}, got {container.target_opset}."
        )
    model = operator.raw_operator
    label, proba = operator.outputs[:2]
    dtype = guess_numpy_type(operator.inputs[0].type)
    g = Graph(container.target_opset, np.float64 if dtype == np.float64 else np.float32)
    scaled, exponent = scaled_logits(g, operator.inputs[0], model)
    scale = g.const(2.0**exponent)
    is_binary = len(model.classes_) == 2
    both = scaled
    if is_binary:
        both = g("Concat", g("Mul", scaled, g.const(0.0)), scaled, axis=1)
    chosen = g("ArgMax", both, axis=1, keepdims=0)
    classes = output_labels(scope, model)
    outputs = [g("Gather", classes, chosen, axis=0, output_names=[label])]
    if scope.get_options(model, {"raw_scores": False})["raw_scores"]:
        if is_binary:
            both = g("Concat", g("Neg", scaled), scaled, axis=1)
        outputs.append(g("Mul", both, scale, output_names=[proba]))
    else:
        # The largest logit becomes 0, and none is infinite.
        shifted = g("Mul", g("Sub", both, g.reduce("Max", both)), scale)
        too_low = g("Less", shifted, g.const(g.lowest))
        z = g("Where", too_low, g.const(g.lowest), shifted)
        log_proba = posterior(g, z, model) if model.posterior else z
        outputs.append(g("Softmax", log_proba, axis=1, output_names=[proba]))
    for node in outputs:
        node.add_to(scope, container)


def scaled_logits(g: Graph, X: Any, model: Any) -> tuple[Any, int]:
    """Return logits divided by 2^e, so that no finite X overflows, and e."""
    coef, intercept = model._checked_weights(model.n_features_in_)
    coef = np.asarray(coef.toarray() if sp.issparse(coef) else coef, dtype=np.float64)
    _, exponent = np.frexp(np.abs(coef).sum(axis=1).max(initial=0.0))
    exponent = min(max(int(exponent) + 2, 0), g.limits.maxexp - 1)
    X = g("Cast", X, to=g.onnx_type)
    product = g("MatMul", X, g.const(np.ldexp(coef.T, -exponent)))
    intercept = np.ldexp(np.asarray(intercept, dtype=np.float64), -exponent)
    return g("Add", product, g.const(intercept)), exponent


class Graph:
    """A factory of nodes, by the names of their operators."""

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
        self.limits: Any = np.finfo(dtype)
        # exp of it is 0, and its products with parameters of losses are finite.
        self.lowest: float = -float(np.sqrt(self.limits.max))

    def const(self, value: Any) -> Any:
        """Return a constant in the type of the graph."""
        return np.atleast_1d(np.asarray(value, dtype=self.dtype))

    def reduce(self, name: str, values: Any) -> Any:
        """Return the maximum or the sum over the classes: (n, 1)."""
        # The axes were an attribute before they became an input.
        if self.opset < {"Max": 18, "Sum": 13}[name]:
            return self(f"Reduce{name}", values, axes=[1], keepdims=1)
        return self(f"Reduce{name}", values, np.array([1]), keepdims=1)

    def __call__(self, name: str, *inputs: Any, **settings: Any) -> Any:
        return getattr(self.ops, f"Onnx{name}")(
            *inputs, op_version=self.opset, **settings
        )


def posterior(g: Graph, z: Any, model: Any) -> Any:
    """Return log η up to a constant for each row: see `src/posterior.pxd`."""
    loss, class_weight, smoothing = model.trained_loss_
    K = len(model.classes_)
    check_option("loss", loss.name, LOG_SLOPES)
    log_slope = LOG_SLOPES[loss.name](g, z, *loss.parameters().values())
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


def log_complement(g: Graph, p: Any, log_p: Any) -> Any:
    """Return log(1 - p) without cancellation."""
    # One class at most has p > 1/2: there it is the logsumexp of the others.
    likely = g("Greater", p, g.const(0.5))
    others = g("Where", likely, g.const(2 * g.lowest), log_p)
    top = g.reduce("Max", others)
    total = g.reduce("Sum", g("Exp", g("Sub", others, top)))
    q = g("Sub", g.const(1.0), g("Where", likely, g.const(0.0), p))
    return g("Where", likely, g("Add", top, g("Log", total)), g("Log", q))


def focal(g: Graph, z: Any, gamma: float) -> Any:
    """Return γ log q + log(1 + γ p L/q)."""
    log_p = g("LogSoftmax", z, axis=1)
    p = g("Exp", log_p)
    log_q = log_complement(g, p, log_p)
    q = g("Exp", log_q)
    small = g("Less", q, g.const(1e-2))
    # L/q = 1 + q/2 + q²/3 + ..., where L is lost to rounding
    n_terms = 4 if g.dtype is np.float32 else 8
    series = g.const(1 / n_terms)
    for k in range(n_terms - 1, 0, -1):
        series = g("Add", g("Mul", series, q), g.const(1 / k))
    quotient = g("Div", g("Neg", log_p), g("Where", small, g.const(1.0), q))
    ratio = g("Where", small, series, quotient)
    bend = g("Mul", g("Mul", p, ratio), g.const(gamma))
    slope = g("Log", g("Add", bend, g.const(1.0)))
    return g("Add", g("Mul", log_q, g.const(gamma)), slope)


def linear_in_p(g: Graph, z: Any, at_zero: float, slope: float) -> Any:
    """Return log(a + b p), as log(a q + (a + b) p) if b < 0."""
    log_p = g("LogSoftmax", z, axis=1)
    p = g("Exp", log_p)
    if slope >= 0:
        return g("Log", g("Add", g("Mul", p, g.const(slope)), g.const(at_zero)))
    log_q = log_complement(g, p, log_p)
    if at_zero + slope == 0:
        return g("Add", log_q, g.const(np.log(at_zero)))
    away = g("Mul", g("Exp", log_q), g.const(at_zero))
    return g("Log", g("Add", away, g("Mul", p, g.const(at_zero + slope))))


# log(-φ'/q) of every class, as `log_slope` of src/losses.pxd.
LOG_SLOPES: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda g, z: None,
    "focal": focal,
    "generalized_cross_entropy": lambda g, z, theta: g(
        "Mul", g("LogSoftmax", z, axis=1), g.const(theta)
    ),
    "symmetric_cross_entropy": lambda g, z, alpha, beta, log_zero: linear_in_p(
        g, z, alpha, beta * abs(log_zero)
    ),
    "poly1": lambda g, z, epsilon: linear_in_p(g, z, 1.0, epsilon),
}
