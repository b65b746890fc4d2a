"""scikit-learn's own checks, with no expected failure."""

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    parametrize_with_checks,
)

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blending import BlendClassifier
from skxent.calibration import TemperatureScaling, VectorScaling
from skxent.losses import LOSSES

TIED = ("partially_huberized", "squared_hinge")
ESTIMATORS = [
    *(CrossEntropyClassifier(name) for name in LOSSES if name not in TIED),
    # The posterior of these ties classes, which softmax has in order.
    *(CrossEntropyClassifier(name, posterior=False) for name in TIED),
    CrossEntropyClassifier(solver="newton-cg", C=10.0),
    FocalLogisticRegression(),
    FocalLogisticRegression(gamma=0.5, C=10.0, posterior=False),
    FocalLogisticRegression(gamma=3.0, solver="newton-cg", class_weight="balanced"),
    SmoothedSoftmaxClassifier(),
    SmoothedSoftmaxClassifier(label_smoothing=0.3, tol=1e-8, warm_start=True),
    FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0, 1.0], cv=2),
    SmoothedSoftmaxClassifierCV(
        Cs=[1.0], label_smoothings=[0.0, 0.1], cv=2, scoring="accuracy", tol=1e-8
    ),
    CrossEntropyClassifier(l1_ratio=1.0),
    CrossEntropyClassifier(l1_ratio=0.5),
    CrossEntropyClassifier(l1_ratio=0.5, C=10.0),
    CrossEntropyClassifier("poly1", l1_ratio=1.0, C=10.0),
    CrossEntropyClassifier("symmetric_cross_entropy", l1_ratio=1.0, C=0.1),
    CrossEntropyClassifier(l1_ratio=1.0, C=1e4),
    FocalLogisticRegression(gamma=1.0, l1_ratio=0.5, class_weight="balanced"),
    SmoothedSoftmaxClassifier(l1_ratio=0.5, C=10.0),
    FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0, 1.0], cv=2, refit=False),
    FocalLogisticRegressionCV(
        Cs=[1.0, 10.0], gammas=[0.0], l1_ratios=[0.5, 1.0], cv=2, tol=1e-8
    ),
    SmoothedSoftmaxClassifierCV(
        Cs=[0.1, 1.0], label_smoothings=[0.1], l1_ratios=[0.0, 1.0], cv=2, refit=False
    ),
    TemperatureScaling(CrossEntropyClassifier(), cv=2),
    TemperatureScaling(CrossEntropyClassifier(), cv=None, loss="focal"),
    VectorScaling(CrossEntropyClassifier(), cv=2),
    BlendClassifier(
        [("cross", CrossEntropyClassifier()), ("focal", FocalLogisticRegression())],
        cv=2,
    ),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0, 1e4])
@pytest.mark.parametrize(
    "model",
    [
        CrossEntropyClassifier(l1_ratio=1.0),
        CrossEntropyClassifier(l1_ratio=0.5),
        CrossEntropyClassifier("poly1", l1_ratio=1.0),
        FocalLogisticRegression(gamma=1.0, l1_ratio=1.0),
        SmoothedSoftmaxClassifier(l1_ratio=1.0),
    ],
    ids=str,
)
def test_weights_are_repeats_with_any_penalty(model, C):
    """The checks of weights have 15 rows and 30 columns: separable classes."""
    model = clone(model).set_params(C=C)
    check_sample_weight_equivalence_on_dense_data("model", model)
    check_sample_weight_equivalence_on_sparse_data("model", model)
