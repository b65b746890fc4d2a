"""The classifiers that have focal loss's gamma in place of a loss."""

from __future__ import annotations

from dataclasses import dataclass

from skxent.base.estimator import WithGamma
from skxent.boosting._cat_classifier import CatBoostLossClassifier
from skxent.boosting._lgbm_classifier import LGBMLossClassifier
from skxent.boosting._xgb_classifier import XGBLossClassifier
from skxent.inputs.descriptions import documented


@documented()
@dataclass(eq=False, repr=False)
class FocalXGBClassifier(WithGamma, XGBLossClassifier):
    """XGBoost with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
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


@documented()
@dataclass(eq=False, repr=False)
class FocalLGBMClassifier(WithGamma, LGBMLossClassifier):
    """LightGBM with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
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


@documented()
@dataclass(eq=False, repr=False)
class FocalCatBoostClassifier(WithGamma, CatBoostLossClassifier):
    """CatBoost with focal loss, whose probabilities are class probabilities.

    Parameters
    ----------
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
