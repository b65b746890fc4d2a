"""Checks of parameters, X, y and weights of the linear models."""

from __future__ import annotations

from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_consistent_length, check_X_y
from sklearn.utils.validation import validate_data

from skxent.inputs.columns import by_code, soft_by_class
from skxent.inputs.float_tables import FLOATS
from skxent.inputs.labels import are_plain_labels, as_labels, check_targets, is_soft
from skxent.inputs.sparse import check_sparse
from skxent.inputs.tables import refuse_blocks_and_dates
from skxent.inputs.weights import check_sample_weight
from skxent.kernels._wide import rows_of_columns
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import (
    FRACTION,
    POSITIVE,
    Interval,
    as_itemsize_strided,
    check_bool,
    check_count,
    check_is_data,
    check_option,
)
from skxent.kernels.threads import effective_n_threads
from skxent.linear_model._columns import has_signs
from skxent.linear_model._data import LinearData
from skxent.linear_model._kernel_rows import block_of
from skxent.linear_model._multilabel import check_indicators, read_indicators
from skxent.optimize.solve import SOLVERS


def check_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    reset: bool = True,
    classes: Any = None,
    part: bool = False,
    finite: bool = True,
) -> LinearData:
    """Check X, y and sample_weight as a user has them, and set n_features_in_.

    `classes`: the order of the columns of soft labels, if it is known already. `part`:
    a block of a larger table, which may have a class for every row. `finite`
    False spares the search for NaN.
    """
    refuse_blocks_and_dates(X)
    for name, values in (("X", X), ("y", y)):
        check_is_data(name, values)
    X = check_sparse("X", X)
    many = getattr(estimator, "multilabel", False)
    if reset:
        estimator.__dict__.pop("label_names_", None)
    if y is not None and many:
        y = _indicators(estimator, y)
    elif y is not None:
        y = by_code(y) if classes is None else soft_by_class(y, classes, "y")
        y = as_labels(y)
    soft = many or is_soft(y)
    order = getattr(estimator, "table_order", "C")
    check_table: Any = partial(validate_data, estimator, reset=reset)
    check_both = check_table
    copied = None if y is None or order is None else _copied_by_rows(estimator, X)
    if copied is not None:
        # The copy has no names of columns.
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        check_table = partial(check_array, estimator=estimator, input_name="X")
        check_both = partial(check_X_y, estimator=estimator)
        X, is_finite = copied
        finite = finite and not is_finite
    settings = {
        "accept_sparse": "csr",
        "dtype": [np.float64, np.float32],
        "order": order,
        "ensure_all_finite": finite,
    }
    if y is not None and not soft and are_plain_labels(y):
        X = check_table(X, **settings)
        check_consistent_length(X, y)
    else:
        X, y = check_both(X, y, multi_output=soft, **settings)
    if isinstance(X, np.ndarray):
        X = as_itemsize_strided(X)
    if not soft and not (part and (y.dtype.kind != "f" or (y % 1 == 0).all())):
        check_targets(y)
    return LinearData(X, y, check_sample_weight(sample_weight, X.shape[0]))


def _copied_by_rows(estimator: Any, X: Any) -> tuple[Floats, bool] | None:
    """Return a copy in C order of X in Fortran order, and whether it is finite.

    Return None for X that is not so, or not of floats. numpy and scikit-learn, which
    search the copy for NaN, take twice as long.
    """
    array = X if type(X) is np.ndarray else block_of(X)
    if array is None or array.ndim != 2 or array.dtype not in FLOATS or not array.size:
        return None
    flags = array.flags
    if flags.c_contiguous or not (flags.f_contiguous and flags.aligned):
        return None
    n_jobs = getattr(estimator, "n_jobs", None)
    n_threads = effective_n_threads(n_jobs, array.size // 8)
    copy = np.empty(array.shape, array.dtype)
    given, out = (table.reshape(-1).view(np.uint8) for table in (array.T, copy))
    doubles = array.itemsize == 8
    return copy, rows_of_columns(given, out, array.shape[1], doubles, n_threads)


def _indicators(estimator: Any, y: Any) -> Any:
    """Return the indicators of many labels, and set label_names_ if they have names."""
    y, names = read_indicators(y)
    check_indicators(y, names)
    if names is not None:
        estimator.__dict__.update(label_names_=names)
    return y


def check_parameters(estimator: Any) -> None:
    """Check the parameters of an estimator."""
    Interval(0.0, np.inf, "right").check("C", estimator.C)
    Interval(0.0, 1.0, "both").check("l1_ratio", estimator.l1_ratio)
    POSITIVE.check("tol", estimator.tol)
    FRACTION.check("label_smoothing", estimator.label_smoothing)
    check_option("solver", estimator.solver, ("auto", *SOLVERS))
    if estimator.l1_ratio > 0 and estimator.solver != "auto":
        raise ValueError(
            f"solver must be 'auto' if l1_ratio > 0, got {estimator.solver!r}."
        )
    if has_signs(estimator) and estimator.solver != "auto":
        raise ValueError(
            f"solver must be 'auto' with monotonic_cst, got {estimator.solver!r}."
        )
    for name in ("fit_intercept", "posterior", "warm_start", "multilabel"):
        check_bool(name, getattr(estimator, name))
    check_count("max_iter", estimator.max_iter)
    verbose = estimator.verbose
    if not isinstance(verbose, Integral) or verbose < 0:
        raise ValueError(
            f"verbose must be a non-negative integer or bool, got {verbose!r}."
        )
    effective_n_threads(estimator.n_jobs, name="n_jobs")
