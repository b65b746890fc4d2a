"""Linear models and boosters as ONNX graphs, through skl2onnx: extra `onnx`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from skxent import boosting, calibration, linear_model
from skxent.boosting._classifier import LossBoostingClassifier
from skxent.calibration import TemperatureScaling
from skxent.calibration._base import LogitScaling
from skxent.linear_model._predictor import LinearPredictor
from skxent.onnx._graph import Graph
from skxent.onnx._posterior import posterior
from skxent.onnx._trees import margins

__all__ = ["register_converters"]

# The first opset with Where, and with comparisons of all number types.
MIN_OPSET = 9


def register_converters() -> None:
    """Register converters of linear models, boosters and scalings in skl2onnx.

    Those of ``skxent.dask`` are included.

    skl2onnx then converts them by themselves, in pipelines, and inside of
    scikit-learn's meta-estimators such as CalibratedClassifierCV. Labels are those of
    `predict`: integers, booleans or strings; but skl2onnx's dictionaries of
    probabilities, the default, make integers of booleans. Probabilities are those of
    `predict_proba`, with ``posterior=True`` too, computed in the type of the input.

    Options are those of scikit-learn's classifiers. With ``zipmap=False`` probabilities
    are an array; ``raw_scores=True`` gives logits in their place, which for two classes
    are (-z, z). ``nocl=True`` gives the positions of labels in `classes_`. A target
    opset of at least 9 is needed.

    The trees of XGBoost and LightGBM come from onnxmltools, those of CatBoost from
    CatBoost. They read float32, as XGBoost and CatBoost do: LightGBM reads float64, and
    rows that differ from a split by rounding may go the other way. Columns of
    categories, linear trees, XGBoost's boosters ``dart`` and ``gblinear`` and its
    `missing` other than NaN are refused.

    Raises
    ------
    ModuleNotFoundError
        If skl2onnx is not installed.

    See Also
    --------
    skxent.CrossEntropyClassifier : One of the models that are converted.

    Examples
    --------
    >>> from skl2onnx import to_onnx  # doctest: +SKIP
    >>> from skxent.onnx import register_converters
    >>> register_converters()  # doctest: +SKIP
    >>> graph = to_onnx(model, X[:1].astype("float32"))  # doctest: +SKIP
    """
    from skl2onnx import update_registered_converter

    homes = {"Skxent": [linear_model, boosting, calibration]}
    if find_spec("dask") is not None:
        from skxent import dask

        homes["SkxentDask"] = [dask]
    named = (
        (f"{prefix}{name}", getattr(home, name))
        for prefix, of_prefix in homes.items()
        for home in of_prefix
        for name in home.__all__
    )
    for alias, estimator in named:
        if not hasattr(estimator, "decision_function"):
            continue
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
    if model.classes_.ndim == 2:
        raise ValueError(
            "multilabel must be False for ONNX, got True. Convert a "
            "MultiOutputClassifier of models of two classes."
        )
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
    g = Graph(scope, container, np.float64 if dtype == np.float64 else np.float32)
    rows = operator.inputs[0]
    if isinstance(model, LogitScaling):
        scaled, exponent = scaling_logits(g, rows, model), 0
    else:
        scaled, exponent = logits(g, rows, model)
    chosen = g("ArgMax", columns(g, scaled, model), axis=1, keepdims=0)
    classes = output_labels(scope, model)
    g.named(label, "Gather", classes, chosen, axis=0)
    if scope.get_options(model, {"raw_scores": False})["raw_scores"]:
        both = scaled
        if len(model.classes_) == 2:
            both = g("Concat", g("Neg", scaled), scaled, axis=1)
        g.named(proba, "Mul", both, g.const(2.0**exponent))
    else:
        log_proba = log_probabilities(g, (scaled, exponent), model)
        g.named(proba, "Softmax", log_proba, axis=1)


def columns(g: Graph, scaled: Any, model: Any) -> Any:
    """Return logits with a column for each class: of two, the first has zeros."""
    if len(model.classes_) > 2:
        return scaled
    return g("Concat", g("Mul", scaled, g.const(0.0)), scaled, axis=1)


def log_probabilities(g: Graph, logits: tuple[Any, int], model: Any) -> Any:
    """Return the log probabilities up to a constant for each row: (n, K)."""
    scaled, exponent = logits
    both = columns(g, scaled, model)
    # The largest logit becomes 0, and none is infinite.
    shifted = g("Sub", both, g.reduce("Max", both))
    shifted = g("Mul", shifted, g.const(2.0**exponent))
    z = g("Where", g("Less", shifted, g.const(g.lowest)), g.const(g.lowest), shifted)
    return posterior(g, z, model) if model.posterior else z


def logits(g: Graph, X: Any, model: Any) -> tuple[Any, int]:
    """Return logits divided by 2^e, (n, K) or (n, 1), and e."""
    if isinstance(model, LossBoostingClassifier):
        return margins(g, X, model), 0
    return scaled_logits(g, X, model)


def scaling_logits(g: Graph, X: Any, model: Any) -> Any:
    """Return the moved logits of a scaling, of a model of skxent or of given logits."""
    if hasattr(model, "calibrated_classifiers_"):
        raise ValueError("ensemble must be False for ONNX, got True.")
    base = model.estimator_
    base = base.estimator if isinstance(base, FrozenEstimator) else base
    is_binary = len(model.classes_) == 2
    if base is None:
        z = g("Cast", X, to=g.onnx_type)
        is_binary = is_binary and X.type.shape[1] == 2
    elif isinstance(base, (LossBoostingClassifier, LinearPredictor)):
        z = g("LogSoftmax", log_probabilities(g, logits(g, X, base), base), axis=1)
    else:
        raise ValueError(
            "estimator must be None or a classifier of skxent that has a graph, for "
            f"ONNX, got {base!r}."
        )
    if is_binary:
        z = g("MatMul", z, g.const([[-1.0], [1.0]]))
    if isinstance(model, TemperatureScaling):
        return g("Mul", z, g.const(1 / model.temperature_))
    return g("Add", g("Mul", z, g.const(model.scale_)), g.const(model.bias_))


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
