"""Rows of X for predictions, in the form that the kernels read, not checked yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from skxent.inputs.sparse import check_sparse
from skxent.kernels.checks import has_itemsize_strides

# Numbers that the kernels convert to doubles as they read them.
NUMBERS = frozenset(np.dtype(kind) for kind in ("f8", "f4", "i1", "u1", "?", "i8"))


def kernel_rows(model: Any, X: Any) -> Any:
    """Return X as an array or a CSR matrix whose entries are not checked yet.

    Return None for what must be converted, or needs a warning or an error.
    """
    if sp.issparse(X):
        if X.format != "csr" or X.dtype not in (np.float64, np.float32):
            return None
        X = numbers = check_sparse("X", X)
    elif type(X) is np.ndarray:
        numbers = X
    else:
        numbers = block_of(X)
    if numbers is None or numbers.ndim != 2 or numbers.dtype not in NUMBERS:
        return None
    n, d = numbers.shape
    if not (n and d) or d != model.n_features_in_:
        return None
    if not sp.issparse(numbers) and not has_itemsize_strides(numbers):
        return None
    if numbers is not X or hasattr(model, "feature_names_in_"):
        validate_data(model, X, reset=False, skip_check_array=True)
    return numbers


def block_of(X: Any) -> Any:
    """Return the array that a pandas DataFrame of one type holds; None for others."""
    if type(X).__module__.partition(".")[0] != "pandas" or X.ndim != 2:
        return None
    kinds = set(X.dtypes)
    if len(kinds) != 1 or not isinstance(kinds.pop(), np.dtype):
        return None
    return X.to_numpy()


def check_finite(**attributes: NDArray[Any]) -> None:
    """Raise a ValueError that names the attribute with a NaN or an infinite number."""
    for name, values in attributes.items():
        finite = np.isfinite(values)
        if not finite.all():
            raise ValueError(
                f"{name} must be finite, got {values[~finite].flat[0]}. "
                "Fit the model again."
            )
