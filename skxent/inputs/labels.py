"""Labels: what users pass as y becomes an array of one type, and then codes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skxent.inputs.categories import Encoded, encode_coded
from skxent.inputs.sparse import check_sparse
from skxent.kernels import _labels
from skxent.kernels.checks import check_given, check_is_data
from skxent.kernels.dispatch import kernels


def is_soft(y: Any) -> bool:
    """Return True for soft labels (n, K), False for labels (n,) or (n, 1)."""
    # np.shape calls methods of what is not an array.
    shape = y.shape if issparse(y) else np.asarray(y).shape
    return len(shape) == 2 and shape[1] > 1


FLOATS = (np.dtype(np.float32).str, np.dtype(np.float64).str)

# A number of classes that is not given is at most this: codes beyond are other labels.
MAX_CLASSES = 1 << 20


def as_labels(y: Any, name: str = "y") -> NDArray[Any]:
    """Return y as an array of strings or numbers of one type, with its shape.

    Object columns and pandas' nullable columns become arrays of the type they hold, and
    bytes, which HDF5 keeps, become strings. Labels that are missing, of several types
    or of a type that has no order are an error.
    """
    if y is None:
        raise ValueError(f"{name} must be an array of labels, got None.")
    check_is_data(name, y)
    array = as_array(y, name)
    if array.dtype.kind == "T":
        array = array.astype(object)  # scikit-learn does not know numpy's StringDType.
    if array.dtype.kind in "Vc" or not array.ndim:
        got = array.dtype if array.ndim else repr(y)
        words = " Complex data not supported." if array.dtype.kind == "c" else ""
        raise ValueError(f"{name} must be an array of labels, got {got}.{words}")
    if array.dtype.kind in "mM":
        refuse_missing(int(np.isnat(array).sum()), name)
    if array.dtype != object:
        return decoded(array, name) if array.dtype.kind == "S" else array
    values = array.ravel().tolist()
    if set(map(type, values)) == {str}:
        return array
    refuse_missing(sum(map(is_missing, values)), name)
    nouns = {plural_type_name(value) for value in values}
    if nouns == {"integers", "floats"}:
        nouns = {"floats"}
    if len(nouns) > 1:
        raise ValueError(
            f"{name} must have labels of one type, got {' and '.join(sorted(nouns))}."
        )
    plain = np.array(values) if nouns <= set(NOUNS) else array
    if plain.dtype == object and values:
        raise ValueError(
            f"{name} must be strings, integers of at most 64 bits or bools, got "
            f"{values[0]!r}."
        )
    plain = plain.reshape(array.shape)
    return decoded(plain, name) if plain.dtype.kind == "S" else plain


def decoded(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return bytes as strings."""
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name} must be strings, or bytes in UTF-8: {error}."
        ) from error


def check_classes(name: str, classes: Any, *, repeats: bool = False) -> NDArray[Any]:
    """Return labels (K,) in any order, distinct ones unless `repeats` are allowed."""
    if classes is not None and np.ndim(classes) == 0:
        raise ValueError(f"{name} must be of shape (K,), got {classes!r}.")
    found = as_labels(classes, name)
    if found.ndim != 1 or not len(found):
        raise ValueError(f"{name} must be of shape (K,), got {found.shape}.")
    if not repeats and len(set(found.tolist())) < len(found):
        raise ValueError(f"{name} must be distinct, got {found.tolist()}.")
    return found


def check_labels(y: Any) -> NDArray[Any]:
    """Return the labels (n,) that an estimator is fitted to."""
    check_given(y)
    y = as_labels(y)
    # check_array is slow, and finds no fault with these.
    if not (y.size and are_plain_labels(y) and y.dtype.kind != "O"):
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        y = column_or_1d(y, warn=True)
    check_targets(y)
    return y


def are_plain_labels(y: NDArray[Any]) -> bool:
    """Return True for labels (n,) of a type that has no missing values."""
    return y.ndim == 1 and y.dtype.kind in "biuUO"


def check_targets(y: NDArray[Any]) -> None:
    """Raise a ValueError unless the labels are class labels.

    Strings and bools always are. scikit-learn's check, which sorts the labels, refuses
    floats that are not integers, and warns if nearly every row has a label of its own.
    """
    plain = are_plain_labels(y)
    if plain and y.dtype.kind in "iu" and y.size:
        plain = int(y.max()) - int(y.min()) < y.size // 2
    if not plain:
        check_classification_targets(y)


def refuse_missing(count: int, name: str) -> None:
    """Raise a ValueError if the number of missing labels is not zero."""
    advice = "Drop these rows, or give them a label of their own."
    if count:
        raise ValueError(f"{name} must have no missing labels, got {count}. {advice}")


def as_array(y: Any, name: str = "y") -> NDArray[Any]:
    """Return np.asarray(y), but do not turn numbers beside strings into strings.

    Sparse labels, such as scikit-learn's indicators, become dense: their columns are no
    more than those of the predictions.
    """
    if issparse(y):
        return check_sparse(name, y).toarray()
    array = np.asarray(y)
    if array.dtype.kind not in "US" or array.ndim != 1:
        return array
    mixed = isinstance(y, (list, tuple)) and not all(
        issubclass(kind, (str, bytes)) for kind in set(map(type, y))
    )
    return np.array(y, dtype=object) if mixed else array


NOUNS = ("strings", "bytes", "bools", "integers", "floats")


def plural_type_name(label: Any) -> str:
    """Return the plural noun for labels of this type, for error messages."""
    kinds = (str, bytes, bool | np.bool_, Integral, Real)
    for noun, kind in zip(NOUNS, kinds, strict=True):
        if isinstance(label, kind):
            return noun
    return type(label).__name__


def is_missing(label: Any) -> bool:
    """Return True for None, NaN, NaT and pandas.NA."""
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(label, (float, np.generic)) and bool(label != label)


def is_ignored(label: Any, ignore_index: Any) -> bool:
    """Return True if the label is `ignore_index`, which may be NaN."""
    if ignore_index is None:
        return False
    if is_missing(ignore_index) or is_missing(label):
        return is_missing(ignore_index) and is_missing(label)
    return bool(label == ignore_index)


def mask_ignored(
    y: Any, ignore_index: Any, name: str = "y"
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return y (n,) with ignored labels replaced by a valid one, and which are kept.

    A label is ignored if it equals `ignore_index`; NaN stands for all missing labels.
    """
    check_is_data(name, y)
    y = as_array(y, name)
    if np.ndim(ignore_index):
        raise ValueError(f"ignore_index must be None or a label, got {ignore_index!r}.")
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"ignore_index must be None for labels of shape (n, K), got {ignore_index}."
        )
    y = y.ravel()
    if is_missing(ignore_index) or y.dtype == object:
        ignored = [is_ignored(label, ignore_index) for label in y.tolist()]
        kept = ~np.array(ignored, dtype=bool)
    else:
        try:
            kept = np.not_equal(y, ignore_index).astype(bool)
        except TypeError:  # A number never equals a string.
            kept = np.ones(len(y), bool)
    if kept.all():
        return y, kept
    filler = y[kept][0] if kept.any() else np.zeros_like(y[:1])[0]
    return np.where(kept, y, filler), kept


def encode_labels(
    y: Any,
    classes: NDArray[Any] | None = None,
    name: str = "y",
    coded: Encoded | None = None,
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes and y as indices into them.

    The classes are those of y, sorted, or `classes` as given, in any order, which must
    have all labels of y. `coded` is y if it is encoded already.
    """
    check_is_data(name, y)
    coded = encode_coded(y) if coded is None else coded
    if coded is None and (not isinstance(y, np.ndarray) or y.ndim != 1):
        y = column_or_1d(as_labels(y, name))
        coded = encode_coded(y)
    found, codes = coded.dense() if coded else _unique(y, name)
    if classes is None:
        return found, codes
    check_same_type(found, classes, name)
    place = {label: code for code, label in enumerate(classes.tolist())}
    for label in found.tolist():
        if label not in place:
            raise ValueError(
                f"{name} must have labels in {classes.tolist()}, got {label!r}."
            )
    order = np.array([place[label] for label in found.tolist()], dtype=np.intp)
    return classes, order[codes]


def check_same_type(found: NDArray[Any], classes: NDArray[Any], name: str) -> None:
    """Raise a ValueError if one side has strings and the other has numbers.

    They are never equal, and an error about an unknown label would not say why.
    """
    if not len(found) or not len(classes):
        return
    label, known = found.tolist()[0], classes.tolist()[0]
    ours, theirs = plural_type_name(label), plural_type_name(known)
    if ours != theirs and {ours, theirs} & {"strings", "bytes"}:
        raise ValueError(
            f"{name} must have labels in {classes.tolist()}, got {label!r}: "
            f"{name} has {ours}, and the classes are {theirs}."
        )


def _unique(y: NDArray[Any], name: str) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the classes and codes of what `encode_coded` does not know."""
    if y.dtype != object or not len(y):
        return np.unique(y, return_inverse=True)
    codes = np.empty(len(y), dtype=np.intp)
    first = _labels.encode_strings(y.tolist(), codes)
    if first is None:  # other objects than strings
        return encode_labels(as_labels(y, name), name=name)
    found = y[first]
    order = np.argsort(found)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return found[order], rank[codes]


def check_codes(y: NDArray[Any], n_classes: int, name: str = "y") -> NDArray[np.intp]:
    """Return integer codes in 0..K-1, as the kernels read them."""
    # Boosters pass codes as floats.
    if y.dtype.str in FLOATS and y.ndim == 1 and y.flags.aligned:
        codes = np.empty(len(y), np.intp)
        if kernels.codes_of_floats(y, n_classes, codes):
            return codes
    if y.dtype.kind not in "iub" and not (
        y.dtype.kind == "f" and np.array_equal(y, np.trunc(y))
    ):
        raise ValueError(
            f"{name} must be integer codes or soft labels, got {y.dtype} values."
        )
    codes = np.ascontiguousarray(y, dtype=np.intp)
    # As an unsigned number a negative code is too large: one pass finds both.
    if codes.size and codes.view(np.uintp).max() >= n_classes:
        worst = y.min() if y.min() < 0 else y.max()
        raise ValueError(f"{name} must be codes in 0..{n_classes - 1}, got {worst}.")
    return codes


def check_several(classes: NDArray[Any]) -> None:
    """Raise a ValueError if there is one class only, from which nothing is learned."""
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least 2 classes, got 1 class: {classes.tolist()}."
        )
