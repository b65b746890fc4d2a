"""The classifiers that have focal loss's gamma in place of a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from skxent.base.estimator import FOCAL_LOSS
from skxent.boosting._cat_classifier import CatBoostLossClassifier
from skxent.boosting._lgbm_classifier import LGBMLossClassifier
from skxent.boosting._xgb_classifier import XGBLossClassifier
from skxent.inputs.descriptions import documented


@documented()
@dataclass(eq=False, repr=False)
class FocalXGBClassifier(XGBLossClassifier):
    """XGBoost with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is XGBClassifier.
        A dict is of label to number: for each class its own.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    XGBLossClassifier : Any loss, focal loss included.
    FocalLGBMClassifier, FocalCatBoostClassifier : The same with other libraries.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import FocalXGBClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> FocalXGBClassifier().fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    gamma: Any = 2.0
    loss: ClassVar[Any] = FOCAL_LOSS  # type: ignore[misc]  # no field: it is fixed


@documented()
@dataclass(eq=False, repr=False)
class FocalLGBMClassifier(LGBMLossClassifier):
    """LightGBM with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is LGBMClassifier.
        A dict is of label to number: for each class its own.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    LGBMLossClassifier : Any loss, focal loss included.
    FocalXGBClassifier, FocalCatBoostClassifier : The same with other libraries.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> from sklearn.datasets import load_wine
    >>> from skxent.boosting import FocalLGBMClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> trees = LGBMClassifier(verbosity=-1)
    >>> FocalLGBMClassifier(estimator=trees).fit(X, y).predict_proba(X).shape
    (178, 3)
    """

    gamma: Any = 2.0
    loss: ClassVar[Any] = FOCAL_LOSS  # type: ignore[misc]  # no field: it is fixed


@documented()
@dataclass(eq=False, repr=False)
class FocalCatBoostClassifier(CatBoostLossClassifier):
    """CatBoost with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
    gamma : float in [0, 1e6], array-like of shape (K,) or dict, default=2.0
        How much less a row counts that is already classified well; 0 is
        CatBoostClassifier. A dict is of label to number: for each class its own.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    CatBoostLossClassifier : Any loss, focal loss included.
    FocalXGBClassifier, FocalLGBMClassifier : The same with other libraries.

    Examples
    --------
    >>> from catboost import CatBoostClassifier
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skxent.boosting import FocalCatBoostClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> trees = CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False)
    >>> FocalCatBoostClassifier(estimator=trees).fit(X, y).predict_proba(X).shape
    (569, 2)
    """

    gamma: Any = 2.0
    loss: ClassVar[Any] = FOCAL_LOSS  # type: ignore[misc]  # no field: it is fixed
