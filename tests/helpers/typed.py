"""Code for type checkers: checked by mypy --strict, never run (see .ci/run)."""

from typing import Any, assert_type

import numpy as np
import scipy.sparse as sp

import skxent
from skxent import CrossEntropyClassifier, FocalLogisticRegressionCV
from skxent.boosting import FocalLGBMClassifier
from skxent.calibration import TemperatureScaling
from skxent.kernels.arrays import Floats
from skxent.metrics import entropy, evaluate_loss, focal_loss
from skxent.scorers import neg_log_loss_scorer
from skxent.typing import MatrixLike

y = [0, 1, 0, 1]


class Table:
    """Any data frame."""

    shape = (4, 2)
    columns = ("a", "b")


def predict(X: MatrixLike) -> Floats:
    return CrossEntropyClassifier().fit(X, y).predict_proba(X)


for X in (np.eye(4), [[1.0], [2.0], [3.0], [4.0]], sp.csr_array(np.eye(4)), Table()):
    predict(X)
    FocalLGBMClassifier().fit(X, y).predict(X)
    TemperatureScaling(CrossEntropyClassifier()).fit(X, y).predict_log_proba(X)

assert_type(skxent.show_config(), None)
assert_type(skxent.show_config("stdout"), None)
assert_type(skxent.show_config("dicts"), dict[str, Any])
assert_type(CrossEntropyClassifier().coef_, Floats)
assert_type(FocalLogisticRegressionCV().C_, float)
assert_type(TemperatureScaling().temperature_, float)
assert_type(neg_log_loss_scorer(CrossEntropyClassifier(), np.eye(4), y), float)
assert_type(focal_loss(y, [0.1, 0.9, 0.2, 0.8]), float)
assert_type(focal_loss(y, [0.1, 0.9, 0.2, 0.8], reduction="none"), Floats)
assert_type(evaluate_loss("focal", y, y, reduction="sum"), float)
assert_type(evaluate_loss("focal", y, y, reduction="none", base=2), Floats)
assert_type(entropy([[0.1, 0.9]]), float)
assert_type(entropy([[0.1, 0.9]], reduction="none"), Floats)
