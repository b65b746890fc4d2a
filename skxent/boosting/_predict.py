"""The class probabilities of a model that was trained with a custom objective."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, issparse

from skxent.boosting import _catboost, _lightgbm, _xgboost
from skxent.boosting._loss import BoosterLoss
from skxent.boosting._objective import BoosterObjective
from skxent.boosting._tables import as_frame
from skxent.inputs.sparse import check_sparse
from skxent.kernels.arrays import Floats
from skxent.kernels.checks import as_reals, check_bool

MARGINS = {
    "xgboost": _xgboost.margins,
    "lightgbm": _lightgbm.margins,
    "catboost": _catboost.margins,
}


def predict_proba(
    model: Any,
    X: Any,
    *,
    objective: BoosterLoss | None = None,
    init_score: Any = None,
    missing: float | None = None,
    posterior: bool = True,
) -> Floats:
    """Return class probabilities of a model trained with an objective of this module.

    With a custom objective the libraries' own probabilities are wrong or missing:
    XGBoost applies the softmax for every loss, LightGBM returns margins, and both
    leave out the start value.

    As in the libraries' estimators, the trees up to the best iteration are used if
    early stopping found one.

    Parameters
    ----------
    model : fitted XGBModel, LGBMModel, CatBoost model, or native Booster
        The trained model. Of CatBoost there is no Booster: give its model.
    X : rows of shape (n, d), DMatrix, Dataset or Pool
        An array, list, DataFrame or sparse matrix that the library takes; also a
        DMatrix for XGBoost or a Pool for CatBoost, which may hold the start values as
        base_margin or baseline; or a Dataset of LightGBM that has kept its rows
        (``free_raw_data=False``), whose init_score is not read.
    objective : objective, default=None
        The one that the model was trained with. None: that of the estimator; required
        for native Boosters, which do not know theirs.
    init_score : float or array-like of shape (K,), (n,) or (n, K), default=None
        The start value that the model was trained with as base_margin (XGBoost),
        init_score (LightGBM) or baseline (CatBoost): one for all rows, or one for each
        row. Not XGBoost's base_score, which the model knows.
    missing : float, default=None
        The number that stands for a missing value in X, besides NaN, if the model is a
        native XGBoost Booster. Unlike XGBoost's estimators, it does not record the
        `missing` of its training data, for example -999.
    posterior : bool, default=True
        Return the class probabilities that a minimiser of the loss implies, with class
        weights and label smoothing undone. False: the softmax.

    Returns
    -------
    ndarray of shape (n, K)
        A column for each class, in the order of the model's ``classes_``, which is that
        of class_names in CatBoost.

    Raises
    ------
    ValueError
        A model of another library, or one whose objective is not known; start values
        of the wrong shape, or given twice.

    See Also
    --------
    skxent.calibration.posterior : From softmax outputs or logits of any model.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import lightgbm_objective
    >>> from skxent.losses import Focal
    >>> lightgbm_objective(Focal(2.0)).predict_proba(np.array([1.0])).round(3)
    array([[0.064, 0.936]])
    """
    check_bool("posterior", posterior)
    found = _libraries(model) & MARGINS.keys()
    if not found:
        raise ValueError(
            f"model must be one of xgboost, lightgbm or catboost, got {model!r}. The "
            "classifiers of skxent and scikit-learn have a predict_proba of their own."
        )
    name = found.pop()
    if objective is None:
        objective = _objective_of(model)
    if not isinstance(objective, BoosterLoss):
        raise ValueError(
            "objective must be given for a model that does not hold an objective of "
            f"skxent.boosting, got {objective!r}."
        )
    X = _as_rows(check_sparse("X", X), name)
    given = {} if missing is None else {"missing": float(as_reals("missing", missing))}
    if given and name != "xgboost":
        raise ValueError(f"missing must be None for {name}, got {missing!r}.")
    raw = MARGINS[name](model, X, init_score, **given)
    return objective.predict_proba(raw, posterior=posterior)


def _libraries(value: Any) -> set[str]:
    """Return the packages that define the value's class and its base classes."""
    return {cls.__module__.partition(".")[0] for cls in type(value).__mro__}


def _as_rows(X: Any, name: str) -> Any:
    """Return X in a form that the library of that name predicts from."""
    X = list(X) if isinstance(X, tuple) else X
    if issparse(X):
        return csr_matrix(X)  # not all libraries take sparse arrays
    if name != "xgboost" and _libraries(X) & {"polars", "pyarrow"}:
        # Older versions read only pandas, and LightGBM 4.7 crashes at categories.
        X = as_frame(X, text=True)
    if name == "lightgbm" and type(X).__name__ == "Dataset":
        if X.data is None:
            raise ValueError(
                "X must be a Dataset that has kept its rows, got one that has not. "
                "Make it with free_raw_data=False."
            )
        return _as_rows(X.data, name)  # LightGBM predicts from rows only
    libraries = _libraries(X) & MARGINS.keys()
    if name in libraries:
        return X
    if libraries or not (isinstance(X, list) or hasattr(X, "shape")):
        raise ValueError(
            f"X must be rows that {name} predicts from, such as an array or a "
            f"DataFrame, got a {type(X).__module__}.{type(X).__name__}."
        )
    n_dimensions = np.ndim(X[:1]) if isinstance(X, list) else getattr(X, "ndim", 2)
    if n_dimensions == 1:
        raise ValueError(
            "X must be of shape (n, d), got one dimension; a single row is [row]."
        )
    return X


def _objective_of(model: Any) -> Any:
    if not hasattr(model, "get_params"):
        return None
    held = model.get_params().values()
    return next((value for value in held if isinstance(value, BoosterObjective)), None)
