"""Probabilities of a model that was trained with a custom objective."""

from __future__ import annotations

from typing import Any

from skxent._sparse import check_sparse
from skxent._validation import check_bool
from skxent.boosting import _catboost, _lightgbm, _xgboost
from skxent.boosting._objective import BoosterLoss, Objective
from skxent.targets import Floats

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
    posterior: bool = True,
) -> Floats:
    """Class probabilities of a model trained with an objective of this module.

    The libraries' own are wrong after a custom objective, or none: XGBoost applies
    softmax whatever the loss, LightGBM returns margins, and both leave out the start
    value.

    Parameters
    ----------
    model : fitted XGBModel, LGBMModel, CatBoost model, or native Booster
    X : array-like of shape (n, d)
        An array, DataFrame or CSR, as the library takes it.
    objective : objective, default=None
        The one that the model was trained with. None: that of the estimator; native
        Boosters do not know theirs.
    init_score : float or array-like of shape (K,), default=None
        The start value, if the model was trained with one as base_margin (XGBoost),
        init_score (LightGBM) or baseline (CatBoost). Not XGBoost's base_score, which
        the model knows.
    posterior : bool, default=True
        The class probabilities that a minimiser of the loss implies, with class weights
        and label smoothing undone. False: the softmax.

    Returns
    -------
    ndarray of shape (n, K)

    Raises
    ------
    ValueError
        A model of another library, or one whose objective is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from skxent.boosting import lightgbm_objective
    >>> from skxent.losses import Focal
    >>> lightgbm_objective(Focal(2.0)).predict_proba(np.array([1.0])).round(3)
    array([[0.064, 0.936]])
    """
    check_bool("posterior", posterior)
    roots = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    found = roots & MARGINS.keys()
    if not found:
        raise ValueError(
            f"model must be one of xgboost, lightgbm or catboost, got {model!r}."
        )
    if objective is None:
        objective = _objective_of(model)
    if not isinstance(objective, BoosterLoss):
        raise ValueError(
            "objective must be given for a model that does not hold an objective of "
            f"skxent.boosting, got {objective!r}."
        )
    raw = MARGINS[found.pop()](model, check_sparse("X", X), init_score)
    return objective.predict_proba(raw, posterior=posterior)


def _objective_of(model: Any) -> Any:
    if not hasattr(model, "get_params"):
        return None
    held = model.get_params().values()
    return next((value for value in held if isinstance(value, Objective)), None)
