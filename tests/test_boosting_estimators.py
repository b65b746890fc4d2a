"""FocalXGBClassifier and FocalLGBMClassifier: scikit-learn's checks, and their own."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skxent.boosting import FocalLGBMClassifier, FocalXGBClassifier


@parametrize_with_checks([FocalXGBClassifier(), FocalLGBMClassifier()])
def test_scikit_learn_check(estimator, check):
    check(estimator)
