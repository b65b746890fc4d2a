"""Many labels: y holds K indicators a row, each of two classes of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skxent.base.classifier import LogitClassifier, TrainedLoss
from skxent.inputs.columns import by_class, class_order, column_names
from skxent.inputs.labels import as_labels
from skxent.inputs.offset import check_finite, check_offset, read_offset
from skxent.inputs.tables import logits_per_row
from skxent.inputs.weights import (
    Sums,
    balanced_class_weight,
    by_label,
    check_sample_weight,
    class_weights,
    moderate,
)
from skxent.kernels.arrays import Floats
from skxent.linear_model._columns import penalty_factor_of, signs_of

NO_AND_YES = np.array([0, 1])


def are_many(classes: Any) -> bool:
    """Return True for the `classes_` of many labels, (K, 2)."""
    return np.ndim(classes) == 2


def refuse_parts(many: bool) -> None:
    """Raise a ValueError if a model of many labels is given rows in blocks."""
    if many:
        raise ValueError(
            "multilabel must be False for rows in blocks and for those of dask, got "
            "True. Pass rows in memory, or fit a model to each column of y."
        )


def read_indicators(y: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the indicators (n, K), and the names of the labels if all are strings."""
    names = column_names(y)
    try:
        array = as_labels(y)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        array = np.empty(len(y), dtype=object)  # of lists of labels
    if array.ndim != 2 or not array.shape[1]:
        raise ValueError(
            "y must be of shape (n, K) with multilabel=True, 0 or 1 for each label, "
            f"got shape {array.shape}. MultiLabelBinarizer of scikit-learn makes it of "
            "lists of labels."
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"y must be numbers in [0, 1] with multilabel=True, got {array.dtype}."
        )
    named = names is not None and all(isinstance(name, str) for name in names)
    return array, np.array(names, dtype=object) if named else None


def check_indicators(y: NDArray[Any], names: Any) -> None:
    """Raise a ValueError if a column is all 0 or all 1: it teaches nothing."""
    if not len(y):
        raise ValueError("y must have a row at least with multilabel=True, got none.")
    for name in () if names is None else names:
        if list(names).count(name) > 1:
            raise ValueError(
                f"y must have columns of distinct names, got {name!r} twice."
            )
    low, high = y.min(axis=0), y.max(axis=0)
    same = np.flatnonzero((low == high) & ((low == 0) | (low == 1)))
    if len(same):
        k = int(same[0])
        which = f"column {k}" if names is None else f"column {names[k]!r}"
        raise ValueError(
            "y must have 0 and 1 in every column with multilabel=True, got only "
            f"{int(low[k])} in {which}. Leave it out."
        )


def label_weights(
    model: Any, y: NDArray[Any], sample_weight: Any
) -> NDArray[np.float64] | None:
    """Return the weights of 0 and 1 for each label, (K, 2), or None for None.

    The parameter `class_weight` is "balanced" or a dict of 0 and 1 to weight, for all
    labels; or a list or a dict by label of such dicts.
    """
    given = model.class_weight
    if given is None:
        return None
    if isinstance(given, str):
        both = (np.column_stack([1 - column, column]) for column in y.T)
        class_weights(given, NO_AND_YES, codes=np.zeros(1, np.intp))  # checks the name
        return np.array([balanced_class_weight(t, 2, sample_weight) for t in both])
    names = getattr(model, "label_names_", None)

    def pair(weight: Any) -> Any:
        if isinstance(weight, str):
            raise ValueError(
                "class_weight must be 'balanced' for all labels or for none, got "
                f"{weight!r} for one."
            )
        checked = class_weights(
            weight, NO_AND_YES, positive=bool(model.posterior), only_by_label=True
        )
        return np.ones(2) if checked is None else checked

    return np.array([pair(one) for one in by_position(given, names, y.shape[1])])


def by_position(class_weight: Any, names: Any, n_labels: int) -> list[Any]:
    """Return the class weights of each label."""
    given = by_label(class_weight)
    if isinstance(given, list | tuple):
        if len(given) != n_labels:
            raise ValueError(
                f"class_weight must have a dict for each of {n_labels} labels, got "
                f"{len(given)}."
            )
        return list(given)
    if not isinstance(given, Mapping):
        raise ValueError(
            "class_weight must be a dict of 0 and 1 to weight, a list of such for each "
            f"label, a dict of label to such, 'balanced' or None, got {class_weight!r}."
        )
    if not any(isinstance(by_label(one), Mapping) for one in given.values()):
        return [given] * n_labels
    labels = list(range(n_labels)) if names is None else list(names)
    for label in given:
        if label not in labels:
            raise ValueError(f"class_weight must have keys in {labels}, got {label!r}.")
    return [given.get(label) for label in labels]


def column_parameters(model: Any, classes: NDArray[Any]) -> dict[str, Any]:
    """Return the checked parameters by column of X, in their order.

    A search gives them to its estimators, which see arrays without names.
    """
    d, many = model.n_features_in_, are_many(classes)
    signs = signs_of(model, d, 1 if many else logits_per_row(len(classes)))
    found: dict[str, Any] = {"monotonic_cst": signs}
    found["penalty_factor"] = penalty_factor_of(model, d)
    return found


def label_parameters(model: Any, y: NDArray[Any]) -> dict[str, Any]:
    """Return the checked parameters by label: see `column_parameters`."""
    given, names = by_label(model.class_weight), getattr(model, "label_names_", None)
    if not model.multilabel or not isinstance(given, Mapping):
        return {}
    return {"class_weight": by_position(given, names, y.shape[1])}


def offset_of(
    model: Any, offset: Any, n_samples: int, classes: NDArray[Any], dtype: Any
) -> Floats | None:
    """Return the offset of each logit, or of the log-odds of many labels: (n, m)."""
    if offset is None:
        return None
    if not are_many(classes):
        return check_offset(offset, n_samples, classes, dtype)
    n_labels = len(classes)
    given = read_offset(offset, n_samples)
    if given.n_columns != n_labels:
        raise ValueError(
            f"offset must be of shape ({n_samples}, {n_labels}) for {n_labels} labels, "
            f"got {given.values.shape}."
        )
    values = given.values.reshape(n_samples, n_labels)
    names = getattr(model, "label_names_", np.arange(n_labels))
    order = class_order(given.names, names, "offset")
    values = values if order is None else values[:, order]
    with np.errstate(over="ignore"):
        result: Floats = np.ascontiguousarray(values, dtype=dtype)
    check_finite(result)
    return result


def fold_offset(
    model: Any, offset: Any, n_samples: int, classes: NDArray[Any], dtype: Any
) -> Any:
    """Return a checked offset whose rows may be fitted without some of the classes."""
    arranged = offset_of(model, offset, n_samples, classes, dtype)
    if arranged is None or are_many(classes):
        return arranged
    return read_offset(offset, n_samples).for_classes(classes)


def label_probabilities(trained: TrainedLoss, z: Floats, **how: Any) -> Floats:
    """Return the probability of each label, (n, K), or its logarithm, from log-odds.

    how : as in `TrainedLoss.probabilities`.
    """
    weights, shape = trained.class_weight, z.shape
    if weights is None or not np.ptp(weights, axis=0).any():
        alike = trained._replace(class_weight=None if weights is None else weights[0])
        return alike.probabilities(z.ravel(), **how)[:, 1].reshape(shape)
    result = np.empty_like(z)
    for k, weight in enumerate(weights):
        of_label = trained._replace(class_weight=weight)
        result[:, k] = of_label.probabilities(z[:, k], **how)[:, 1]
    return result


def share_of_right_rows(
    model: Any, y: Any, predicted: NDArray[Any], sample_weight: Any
) -> float:
    """Return the share of rows, by weight, of which all labels are right."""
    names = getattr(model, "label_names_", None)
    indicators = read_indicators(y if names is None else by_class(y, names, "y"))[0]
    if indicators.shape != predicted.shape:
        raise ValueError(
            f"y must be of shape {predicted.shape}, for the rows of X and the labels "
            f"of the model, got {indicators.shape}."
        )
    unknown = indicators[(indicators != 0) & (indicators != 1)]
    if unknown.size:
        raise ValueError(f"y must be 0 or 1 for each label, got {unknown[0]}.")
    right = (indicators == predicted).all(axis=1)
    given = 1.0 if sample_weight is None else sample_weight
    weights = moderate(check_sample_weight(given, len(indicators)))
    return Sums(float(right @ weights), float(weights.sum())).mean()


class MultilabelClassifier(LogitClassifier):
    """A classifier of logits, or with `multilabel` of the log-odds of K labels.

    Attributes
    ----------
    classes_ : ndarray of shape (K,), or (K, 2) with ``multilabel=True``
        The classes, in the order of the columns of predictions. With many labels 0 and
        1 for each.
    label_names_ : ndarray of shape (K,)
        The names of the labels, with ``multilabel=True`` if y has column names that are
        all strings.
    """

    multilabel: bool = False

    @property
    def _many(self) -> bool:
        """Return True if this is fitted to many labels."""
        return are_many(self.classes_)

    def _labels_of(self, z: Floats) -> NDArray[Any]:
        return (z > 0).astype(np.intp) if self._many else super()._labels_of(z)

    def _probabilities(self, z: Floats, log: bool) -> Floats:
        if not self._many:
            return super()._probabilities(z, log)
        how = {"posterior": self.posterior, "log": log, "n_threads": self._n_threads}
        return label_probabilities(self._trained(), z, **how)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.multilabel:
            tags.classifier_tags.multi_label = True
            tags.target_tags.multi_output = True
        return tags
