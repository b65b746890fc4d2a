"""The estimators with what people use around them."""

import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.losses import LOSSES
from skxent.scorers import neg_log_loss_scorer

PLAIN = [
    *(CrossEntropyClassifier(loss) for loss in LOSSES),
    FocalLogisticRegression(),
    SmoothedSoftmaxClassifier(),
]
CV = [
    FocalLogisticRegressionCV(Cs=[0.1, 1.0], gammas=[0.0, 1.0], cv=3),
    SmoothedSoftmaxClassifierCV(Cs=[1.0], label_smoothings=[0.0, 0.1], cv=3),
]
plain = pytest.mark.parametrize("model", PLAIN, ids=str)
every = pytest.mark.parametrize("model", PLAIN + CV, ids=str)


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


@every
def test_data_frames(model, iris):
    X, y = iris
    model = clone(model).fit(X, y)
    names = list("abcd")
    for frame in (pd.DataFrame(X, columns=names), pl.DataFrame(X, schema=names)):
        labels = pd.Series(y) if isinstance(frame, pd.DataFrame) else pl.Series(y)
        framed = clone(model).fit(frame, labels)
        # Columns that lie one after another are summed in another order.
        assert_allclose(framed.predict_proba(frame), model.predict_proba(X), rtol=1e-12)
        if isinstance(frame, pl.DataFrame) and not find_spec("sklearn.callback"):
            continue  # scikit-learn before 1.9 reads no names of polars 2
        assert_array_equal(framed.feature_names_in_, names)
        with pytest.raises(ValueError, match="feature names"):
            framed.predict(frame[names[::-1]])


@every
def test_sparsify_and_densify(model, iris):
    X, y = iris
    model = clone(model).fit(X, y)
    expected, coef = model.predict_proba(X), model.coef_
    assert sp.issparse(model.sparsify().coef_)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    assert_allclose(model.predict_proba(sp.csr_array(X)), expected, rtol=1e-12)
    assert_array_equal(model.densify().densify().coef_, coef)


def test_a_sparsified_model_warm_starts(iris):
    model = CrossEntropyClassifier(warm_start=True).fit(*iris)
    first = model.n_iter_[0]
    assert model.sparsify().fit(*iris).n_iter_[0] < first


@every
def test_pickles(model, iris):
    X, y = iris
    model = clone(model).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_log_proba(X), model.predict_log_proba(X))


@every
def test_inspection(model, iris):
    X, y = iris
    model = clone(model).fit(X, y)
    importance = permutation_importance(
        model, X, y, scoring=neg_log_loss_scorer, n_repeats=3, random_state=0
    ).importances_mean
    assert importance[2:].min() > importance[:2].max()  # petals tell, sepals do not
    average = partial_dependence(model, X, [2], grid_resolution=5)["average"]
    assert average[0, 0] > average[0, -1]  # long petals are no setosa's


@plain
def test_sample_weight_is_routed(model, iris):
    X, y = iris
    w = np.linspace(0.1, 2, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        asked = clone(model).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), asked)
        pipeline[0].set_fit_request(sample_weight=False)
        routed = pipeline.fit(X, y, sample_weight=w)[-1]
        refused = cross_validate(
            clone(model).set_fit_request(sample_weight=False),
            X,
            y,
            params={},
            scoring=neg_log_loss_scorer,
        )
    direct = clone(model).fit(StandardScaler().fit_transform(X), y, sample_weight=w)
    assert_array_equal(routed.coef_, direct.coef_)
    assert np.isfinite(refused["test_score"]).all()


@plain
def test_integer_weights_are_repeats_and_zero_is_absence(model, iris):
    X, y = iris
    w = np.random.default_rng(0).integers(0, 4, len(y))
    model = clone(model).set_params(tol=1e-10)
    weighted = clone(model).fit(X, y, sample_weight=w)
    repeated = clone(model).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6, atol=1e-8)


@plain
def test_class_weights_may_be_of_more_classes(model, iris):
    """Those of the whole problem, where a fold lacks one; scikit-learn's rule."""
    X, y = iris
    X, y = X[y > 0], y[y > 0]
    v = {0: 0.0, 1: 0.5, 2: 2.0}
    known = clone(model).set_params(class_weight={1: 0.5, 2: 2.0}).fit(X, y)
    more = clone(model).set_params(class_weight=v).fit(X, y)
    assert_array_equal(more.coef_, known.coef_)
    with pytest.raises(ValueError, match=r"^class_weight must have keys in \[1, 2\]"):
        clone(model).set_params(class_weight={0: 1.0, 1: 0.5}).fit(X, y)


@plain
def test_class_weights_are_sample_weights(model, iris):
    X, y = iris
    X, y = X[20:], y[20:]
    v = {0: 0.5, 1: 2.0, 2: 1.0}
    model = clone(model).set_params(tol=1e-10, posterior=False)
    by_class = clone(model).set_params(class_weight=v).fit(X, y)
    by_row = clone(model).fit(X, y, sample_weight=[v[label] for label in y])
    assert_allclose(by_class.coef_, by_row.coef_, rtol=1e-6, atol=1e-8)
    balanced = clone(model).set_params(class_weight="balanced").fit(X, y)
    share = len(y) / 3 / np.bincount(y)
    by_row = clone(model).fit(X, y, sample_weight=share[y])
    assert_allclose(balanced.coef_, by_row.coef_, rtol=1e-6, atol=1e-8)


@every
def test_multilabel_one_by_one(model, iris):
    X, y = iris
    Y = np.column_stack([y == 0, y == 1]).astype(int)
    many = MultiOutputClassifier(clone(model)).fit(X, Y)
    for k in range(2):
        alone = clone(model).fit(X, Y[:, k])
        assert_array_equal(many.predict_proba(X)[k], alone.predict_proba(X))


@plain
def test_shap_explains_the_logits(model):
    shap = pytest.importorskip("shap", reason="needs shap")
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = clone(model).fit(X, y)
    explainer = shap.LinearExplainer(model, X)
    total = explainer.shap_values(X).sum(axis=1) + explainer.expected_value
    assert_allclose(total, model.decision_function(X), atol=1e-8)


@plain
def test_callbacks_score_every_iteration(model, iris):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    X, y = iris
    silent = clone(model).fit(X, y)
    monitor = callback.ScoringMonitor(scoring={"loss": neg_log_loss_scorer})
    model = clone(model).set_callbacks(monitor).fit(X, y)
    assert_array_equal(model.coef_, silent.coef_)
    log = monitor.get_logs().data
    steps = [row for row in log if row["task_name"] == "iteration"]
    (root,) = [row for row in log if row["task_name"] == "fit"]
    assert 1 <= len(steps) <= model.n_iter_[0]
    assert_allclose(root["loss"], neg_log_loss_scorer(model, X, y))
    assert steps[0]["loss"] < root["loss"]


def test_callbacks_may_stop_a_fit_and_hear_of_failures(iris):
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")

    class Third:
        seen, gone = 0, False

        def setup(self, estimator, context):
            self.gone = False

        def teardown(self, estimator, context):
            self.gone = True

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            self.seen += 1
            return self.seen == 3

    X, y = iris
    third = Third()
    for loss in ("cross_entropy", "focal"):
        third.seen = 0
        model = CrossEntropyClassifier(loss).set_callbacks(third).fit(X, y)
        assert model.n_iter_[0] == 3 and third.gone
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, y, sample_weight=np.zeros(len(y)))
    assert third.gone and not hasattr(model, "_callback_fit_ctx")


def test_where_an_iteration_begins_the_estimator_is_that_before_the_fit(iris):
    pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")

    class Watch:
        begun, ended = (), ()

        def setup(self, estimator, context):
            pass

        teardown = setup

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "iteration":
                self.begun += (getattr(estimator, "coef_", None),)

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "iteration":
                self.ended += (fitted_estimator.coef_,)

    X, y = iris
    for model in (CrossEntropyClassifier(), CrossEntropyClassifier(C=0.1, l1_ratio=1)):
        watch = Watch()
        model.set_callbacks(watch).fit(X, y)
        last = model.coef_
        assert watch.begun == (None,) * len(watch.begun) and len(watch.begun) > 1
        assert not any(np.array_equal(coef, last) for coef in watch.ended[:-1])
        watch.begun = ()
        model.fit(X, 2 - y)
        assert all(coef is last for coef in watch.begun)


def test_a_warm_start_keeps_coefficients_and_nothing_else(iris):
    X, y = iris
    with pytest.warns(ConvergenceWarning):
        once = CrossEntropyClassifier(max_iter=2, solver="lbfgs").fit(X, y)
        twice = CrossEntropyClassifier(max_iter=1, solver="lbfgs", warm_start=True)
        twice.fit(X, y).fit(X, y)
    assert np.abs(once.coef_ - twice.coef_).max() > 0.1


def test_a_progress_bar_over_a_search(iris):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn >= 1.9")
    pytest.importorskip("rich", reason="the progress bar needs rich")
    search = GridSearchCV(FocalLogisticRegression(), {"gamma": [0.0, 1.0]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    assert search.fit(*iris).best_score_ > 0.9
