"""Losses as objectives and metrics of gradient boosting libraries.

XGBoost, LightGBM and CatBoost are imported when a model of theirs is made, so each is
needed only by those who use it: ``pip install xgboost``, ``lightgbm`` or ``catboost``.
"""

from skxent.boosting._cat_classifier import CatBoostLossClassifier
from skxent.boosting._catboost import catboost_metric, catboost_objective
from skxent.boosting._focal import (
    FocalCatBoostClassifier,
    FocalLGBMClassifier,
    FocalXGBClassifier,
)
from skxent.boosting._hist_gradient import hist_gradient_boosting_loss
from skxent.boosting._lgbm_classifier import LGBMLossClassifier
from skxent.boosting._lightgbm import lightgbm_metric, lightgbm_objective
from skxent.boosting._predict import predict_proba
from skxent.boosting._set_objective import lightgbm_set_objective, xgboost_set_objective
from skxent.boosting._xgb_classifier import XGBLossClassifier
from skxent.boosting._xgboost import xgboost_metric, xgboost_objective

__all__ = [
    "CatBoostLossClassifier",
    "FocalCatBoostClassifier",
    "FocalLGBMClassifier",
    "FocalXGBClassifier",
    "LGBMLossClassifier",
    "XGBLossClassifier",
    "catboost_metric",
    "catboost_objective",
    "hist_gradient_boosting_loss",
    "lightgbm_metric",
    "lightgbm_objective",
    "lightgbm_set_objective",
    "predict_proba",
    "xgboost_metric",
    "xgboost_objective",
    "xgboost_set_objective",
]
