"""The margins of boosters as ONNX graphs, through the libraries' own converters."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skxent.boosting import LGBMLossClassifier, XGBLossClassifier
from skxent.boosting._library import library
from skxent.kernels.checks import explain_missing
from skxent.onnx._graph import Graph

NEEDED = "onnxmltools must be installed for this: pip install onnxmltools."


def margins(g: Graph, X: Any, model: Any) -> Any:
    """Return the margins of a boosting classifier: (n, K), or (n, 1) for two classes.

    The libraries' graphs end in the sigmoid or the softmax. Their trees are taken.
    """
    from onnx import TensorProto

    if isinstance(model, XGBLossClassifier):
        graph, start = _of_xgboost(model)
    elif isinstance(model, LGBMLossClassifier):
        graph, start = _of_lightgbm(model)
    else:
        graph, start = _of_catboost(model)
    n_targets = len(model.classes_) if len(model.classes_) > 2 else 1
    X = g("Cast", X, to=TensorProto.FLOAT)
    trees = (
        _constant(start) if graph is None else _as_regressor(graph, n_targets, start)
    )
    trees |= {"n_targets": n_targets, "post_transform": "NONE"}
    sums = g("TreeEnsembleRegressor_1", X, op_version=1, **trees)
    return g("Cast", sums, to=g.onnx_type)


def _constant(start: Any) -> dict[str, Any]:
    """Return a tree of one leaf, and the start values."""
    places = "treeids", "nodeids", "featureids", "truenodeids", "falsenodeids"
    tree: dict[str, Any] = {f"nodes_{name}": [0] for name in places}
    tree |= {"nodes_modes": ["LEAF"], "nodes_values": [0.0], "target_weights": [0.0]}
    tree |= {f"target_{name}": [0] for name in ("treeids", "nodeids", "ids")}
    return {**tree, "base_values": np.ravel(start).tolist()}


def _as_regressor(graph: Any, n_targets: int, start: Any) -> dict[str, Any]:
    """Return the trees of a graph as attributes of a TreeEnsembleRegressor."""
    from onnx.helper import get_attribute_value

    node = next(n for n in graph.graph.node if n.op_type.startswith("TreeEnsemble"))
    found = {a.name: get_attribute_value(a) for a in node.attribute}
    trees = {k: v for k, v in found.items() if k.startswith("nodes_")}
    trees["nodes_modes"] = [mode.decode() for mode in trees["nodes_modes"]]
    kind = "class" if node.op_type.endswith("Classifier") else "target"
    parts = "treeids", "nodeids", "ids", "weights"
    leaves = [np.asarray(found[f"{kind}_{part}"]) for part in parts]
    if n_targets == 1:
        # The second of two columns is that of the second class.
        kept = leaves[2] == leaves[2].max()
        leaves = [values[kept] for values in leaves]
        leaves[2][:] = 0
    trees |= {f"target_{k}": v.tolist() for k, v in zip(parts, leaves, strict=True)}
    start = found.get("base_values") if start is None else np.ravel(start).tolist()
    if start:
        trees["base_values"] = start
    return trees


def _of_xgboost(model: Any) -> tuple[Any, Any]:
    booster = model.booster_
    if model.estimator_.booster not in (None, "gbtree"):
        raise _refused("booster", "'gbtree'", model.estimator_.booster)
    missing = model.estimator_.missing
    if not np.isnan(missing):
        raise _refused("missing", "NaN", missing)
    _refuse_categories("c" in (booster.feature_types or ()))
    best = getattr(booster, "best_iteration", None)
    booster = booster if best is None else booster[: best + 1]
    # The converter reads names such as "f0" only, which columns without names have.
    parts = json.loads(booster.save_raw("json"))
    parts["learner"]["feature_names"] = []
    booster = library("xgboost").Booster(
        model_file=bytearray(json.dumps(parts), "utf8")
    )
    return _converted("xgboost", booster, model), None


def _of_lightgbm(model: Any) -> tuple[Any, Any]:
    if model.estimator_ is None:
        return None, np.ravel(model.init_score_)
    if model.estimator_.get_params().get("linear_tree"):
        raise _refused("linear_tree", "False", True)
    _refuse_categories("cat_threshold=" in model.booster_.model_to_string())
    return _converted("lightgbm", model.estimator_, model, zipmap=False), None


def _of_catboost(model: Any) -> tuple[Any, Any]:
    import onnx

    _refuse_categories(len(model.estimator_.get_cat_feature_indices()) > 0)
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        model.estimator_.save_model(str(path), format="onnx")
        graph = onnx.load(path)
    return graph, model.estimator_.get_scale_and_bias()[1]


def _converted(name: str, trees: Any, model: Any, **options: Any) -> Any:
    """Return the graph that onnxmltools makes."""
    with explain_missing("onnxmltools", NEEDED):
        from onnxmltools import convert
    from onnxmltools.convert.common.data_types import FloatTensorType

    rows = [("X", FloatTensorType([None, model.n_features_in_]))]
    return getattr(convert, f"convert_{name}")(trees, initial_types=rows, **options)


def _refuse_categories(found: bool) -> None:
    if found:
        raise ValueError(
            "X must have had no columns of categories in fit for ONNX, got some. "
            "Encode them as numbers, in a pipeline."
        )


def _refused(name: str, allowed: str, value: Any) -> ValueError:
    return ValueError(
        f"{name} of estimator must be {allowed} for ONNX, got {value!r}. Save booster_ "
        "in the form of its library."
    )
