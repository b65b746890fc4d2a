"""multilabel=True: what MultiOutputClassifier gives, from one fit."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler
from sklearn.svm import LinearSVC

import skxent.scorers
from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blocks import ArrayBlocks
from skxent.linear_model import cross_entropy_path
from skxent.losses import LOSSES, Focal, GeneralizedCrossEntropy
from skxent.metrics import multilabel_log_loss

TIGHT = {"tol": 1e-9, "max_iter": 1000}
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
X, Y = make_multilabel_classification(
    300, n_features=8, n_classes=4, n_labels=2, random_state=0
)
X = X / 5
WEIGHT = np.random.default_rng(0).uniform(0.2, 3, len(X))
OFFSET = np.random.default_rng(1).normal(size=Y.shape)
NAMES = ["sky", "sea", "sand", "sun"]
FRAME = pd.DataFrame(Y, columns=NAMES)


def many(**parameters):
    return CrossEntropyClassifier(multilabel=True, **{**TIGHT, **parameters})


def separate(model, X, y, **rows):
    """A model for each label, with the same parameters."""
    one = clone(model).set_params(multilabel=False)
    return MultiOutputClassifier(one).fit(X, y, **rows)


def assert_same(model, models, X, tol=1e-6):
    for name, column in (("coef_", slice(None)), ("intercept_", slice(None))):
        expected = np.vstack([getattr(one, name)[column] for one in models.estimators_])
        assert_allclose(
            getattr(model, name),
            expected.reshape(len(expected), -1).squeeze()
            if name == "intercept_"
            else expected,
            atol=tol,
        )
    proba = np.stack([table[:, 1] for table in models.predict_proba(X)], axis=1)
    assert_allclose(model.predict_proba(X), proba, atol=tol)
    assert_allclose(np.exp(model.predict_log_proba(X)), proba, atol=tol)
    assert_array_equal(model.predict(X), models.predict(X))


# For a loss with many minima a separate fit may end in another one.
SETTINGS = {
    "plain": {},
    "l1": {"l1_ratio": 1.0, "C": 0.2},
    "elastic net": {"l1_ratio": 0.5, "penalty_factor": np.r_[0.0, np.ones(7)]},
    "signs": {"monotonic_cst": {0: 1, 3: -1}},
    "balanced": {"class_weight": "balanced", "fit_intercept": False},
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_minima_are_those_of_separate_fits(name, setting):
    model = many(loss=name, **SETTINGS[setting], tol=1e-7)
    assert_same(model.fit(X, Y), separate(model, X, Y), X, 2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array, np.asfortranarray])
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_dtypes_sparse_rows_and_weights(dtype, convert, loss):
    table = convert(X.astype(dtype))
    tol = {"tol": 1e-5} if dtype == np.float32 else {}
    settings = {"label_smoothing": 0.1, "class_weight": {1: 3.0}}
    model = many(loss=loss, **settings, **tol)
    model.fit(table, Y, sample_weight=WEIGHT)
    assert model.coef_.dtype == model.predict_proba(table).dtype == dtype
    models = separate(model, table, Y, sample_weight=WEIGHT)
    assert_same(model, models, table, 2e-3 if dtype == np.float32 else 1e-6)


@pytest.mark.parametrize("kind", [FocalLogisticRegression, SmoothedSoftmaxClassifier])
def test_named_estimators(kind):
    model = kind(multilabel=True, **TIGHT).fit(X, Y)
    assert_same(model, separate(model, X, Y), X)


def test_scikit_learns_logistic_regression():
    models = MultiOutputClassifier(LogisticRegression(tol=1e-10, max_iter=10_000))
    assert_same(many().fit(X, Y), models.fit(X, Y), X, 1e-5)


@pytest.mark.parametrize("posterior", [True, False])
def test_posterior(posterior):
    weights = [{1: 2.0}, {0: 3.0, 1: 0.5}, None, {1: 9.0}]
    settings = {"loss": Focal(2.0), "posterior": posterior, "label_smoothing": 0.1}
    model = many(class_weight=weights, **settings).fit(X, Y)
    for k, weight in enumerate(weights):
        one = CrossEntropyClassifier(class_weight=weight, **settings, **TIGHT)
        one.fit(X, Y[:, k])
        assert_allclose(model.coef_[k], one.coef_[0], atol=1e-6)
        expected = one.predict_proba(X)[:, 1]
        assert_allclose(model.predict_proba(X)[:, k], expected, atol=1e-6)
        log_proba = one.predict_log_proba(X)[:, 1]
        assert_allclose(model.predict_log_proba(X)[:, k], log_proba, atol=1e-6)


@given(st.permutations(range(4)), st.sampled_from(["cross_entropy", "focal"]))
def test_the_order_of_labels_does_not_matter(order, loss):
    order = list(order)
    model = many(loss=loss, tol=1e-8).fit(X, Y, sample_weight=WEIGHT)
    other = many(loss=loss, tol=1e-8).fit(X, Y[:, order], sample_weight=WEIGHT)
    assert_allclose(other.coef_, model.coef_[order], atol=1e-6)
    assert_allclose(other.predict_proba(X), model.predict_proba(X)[:, order], atol=1e-6)


@given(st.sets(st.integers(0, 3), min_size=1))
def test_a_label_does_not_depend_on_the_others(labels):
    index = sorted(labels)
    some = many(tol=1e-8).fit(X, Y[:, index])
    assert_allclose(some.coef_, many(tol=1e-8).fit(X, Y).coef_[index], atol=1e-6)
    assert some.decision_function(X).shape == (len(X), len(index))
    assert some.predict(X).shape == some.predict_proba(X).shape == (len(X), len(index))


@pytest.mark.parametrize(
    "form",
    [
        lambda y: sp.csr_matrix(y),
        lambda y: sp.csc_array(y),
        lambda y: y.astype(bool),
        lambda y: y.astype("f4"),
        lambda y: y.astype("f2"),
        lambda y: y.astype(">i4"),
        lambda y: y.tolist(),
        lambda y: pd.DataFrame(y, columns=NAMES),
        lambda y: pd.DataFrame(y.astype(bool), columns=NAMES).astype("boolean"),
    ],
)
def test_forms_of_y(form):
    model = many().fit(X, form(Y))
    assert_allclose(model.coef_, many().fit(X, Y).coef_, atol=1e-8)
    assert model.score(X, form(Y)) == accuracy_score(Y, model.predict(X))
    assert hasattr(model, "label_names_") == isinstance(form(Y), pd.DataFrame)


def test_answers_between_0_and_1():
    soft = 0.1 + 0.7 * Y
    model = many().fit(X, soft)
    for k in range(4):
        both = np.column_stack([1 - soft[:, k], soft[:, k]])
        one = CrossEntropyClassifier(**TIGHT).fit(X, both)
        assert_allclose(model.coef_[k], one.coef_[0], atol=1e-6)


def test_attributes():
    model = many().fit(X, FRAME)
    assert_array_equal(model.classes_, [[0, 1]] * 4)
    assert_array_equal(model.label_names_, NAMES)
    assert model.coef_.shape == (4, 8)
    assert model.intercept_.shape == (4,)
    assert model.predict(X).dtype.kind == "i"
    assert model.__sklearn_tags__().classifier_tags.multi_label
    assert not CrossEntropyClassifier().__sklearn_tags__().classifier_tags.multi_label
    model.set_params(multilabel=False).fit(X, Y[:, 0])
    assert not hasattr(model, "label_names_")
    assert model.predict_proba(X).shape == (len(X), 2)


def test_class_weight_by_label():
    by_name = many(class_weight={"sea": {1: 5.0}}).fit(X, FRAME)
    by_place = many(class_weight={1: {1: 5.0}}).fit(X, Y)
    each = many(class_weight=[None, {1: 5.0}, None, None]).fit(X, Y)
    assert_allclose(by_name.coef_, each.coef_, atol=1e-8)
    assert_allclose(by_place.coef_, each.coef_, atol=1e-8)
    assert_allclose(
        by_name.coef_[[0, 2, 3]], many().fit(X, Y).coef_[[0, 2, 3]], atol=1e-6
    )


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_offset(l1_ratio):
    table = pd.DataFrame(OFFSET, columns=NAMES)[NAMES[::-1]]
    model = many(l1_ratio=l1_ratio).fit(X, FRAME, offset=table)
    again = many(l1_ratio=l1_ratio).fit(X, Y, offset=OFFSET)
    assert_allclose(model.coef_, again.coef_, atol=1e-8)
    for k in range(4):
        one = CrossEntropyClassifier(l1_ratio=l1_ratio, **TIGHT)
        one.fit(X, Y[:, k], offset=OFFSET[:, k])
        assert_allclose(model.coef_[k], one.coef_[0], atol=1e-6)
        expected = one.predict_proba(X, OFFSET[:, k])[:, 1]
        assert_allclose(model.predict_proba(X, table)[:, k], expected, atol=1e-6)
    score = accuracy_score(Y, model.predict(X, OFFSET), sample_weight=WEIGHT)
    assert model.score(X, Y, WEIGHT, OFFSET) == pytest.approx(score)


@pytest.mark.parametrize("n_labels", [2, 4])
@pytest.mark.parametrize(
    "name",
    ["roc_auc", "average_precision", "f1_macro", "accuracy", "f1_micro", "roc_auc_ovr"],
)
def test_scorers_of_scikit_learn(name, n_labels):
    y = Y[:, :n_labels]
    model, scorer = many().fit(X, y), get_scorer(name)
    found = scorer(model, X, y)
    if name.startswith("roc_auc"):
        assert found == pytest.approx(roc_auc_score(y, model.predict_proba(X)))
    expected = scorer(
        MultiOutputClassifier(CrossEntropyClassifier(**TIGHT)).fit(X, y), X, y
    )
    assert found == pytest.approx(expected, abs=1e-6)
    assert cross_val_score(model, X, y, scoring=name, cv=3).shape == (3,)


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
def test_samplewise_scorers():
    scores = cross_val_score(many(), X, Y, scoring="f1_samples", cv=3)
    assert (scores > 0.5).all()


def test_our_scorers():
    model = many().fit(X, Y)
    score = skxent.scorers.get_scorer("neg_multilabel_log_loss")
    assert score(model, X, Y) == -multilabel_log_loss(Y, model.predict_proba(X))
    with pytest.raises(ValueError, match="neg_multilabel_log_loss"):
        skxent.scorers.get_scorer("neg_log_loss")(model, X, Y)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_labels", [1, 2, 4])
def test_cross_val_predict(method, n_labels):
    found = cross_val_predict(many(), X, Y[:, :n_labels], method=method, cv=KFold(3))
    expected = np.empty(found.shape)
    for train, test in KFold(3).split(X):
        model = many().fit(X[train], Y[train, :n_labels])
        part = getattr(model, method)(X[test])
        expected[test] = part.reshape(len(test), *found.shape[1:])
    assert_allclose(found, expected)


@pytest.mark.parametrize(
    "search", [FocalLogisticRegressionCV, SmoothedSoftmaxClassifierCV]
)
@pytest.mark.parametrize("l1_ratios", [(0.0,), (0.0, 1.0)])
def test_searches(search, l1_ratios):
    values = (
        {"gammas": [0.0, 2.0]}
        if "Focal" in search.__name__
        else {"label_smoothings": [0, 0.1]}
    )
    model = search(
        Cs=[0.01, 1.0], l1_ratios=l1_ratios, multilabel=True, cv=3, **values, **TIGHT
    ).fit(X, FRAME)
    grid = GridSearchCV(
        search.estimator_class(multilabel=True, **TIGHT),
        {
            "C": [0.01, 1.0],
            search.loss_parameter: next(iter(values.values())),
            "l1_ratio": l1_ratios,
        },
        scoring=skxent.scorers.get_scorer("neg_multilabel_log_loss"),
        cv=3,
    ).fit(X, FRAME)
    assert model.best_params_ == grid.best_params_
    assert model.best_score_ == pytest.approx(grid.best_score_, abs=1e-5)
    assert_allclose(model.predict_proba(X), grid.predict_proba(X), atol=1e-5)
    assert model.score(X, FRAME) == pytest.approx(
        -multilabel_log_loss(Y, model.predict_proba(X))
    )


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
def test_searches_take_what_fits_take():
    weights = {"sun": {1: 2.0}}
    search = FocalLogisticRegressionCV(
        Cs=[0.1],
        gammas=[1.0],
        multilabel=True,
        scoring="f1_samples",
        class_weight=weights,
    )
    search.fit(X, FRAME, sample_weight=None, offset=OFFSET)
    model = FocalLogisticRegression(
        gamma=1.0, C=0.1, multilabel=True, class_weight=weights
    ).fit(X, FRAME, offset=OFFSET)
    assert_allclose(search.coef_, model.coef_, atol=1e-3)
    mean = clone(search).set_params(refit=False).fit(X, FRAME, offset=OFFSET)
    assert_allclose(mean.coef_, model.coef_, atol=0.3)
    assert mean.predict(X, OFFSET).shape == Y.shape


def test_grids_reach_into_the_loss():
    grid = {"loss__gamma": [0.0, 1.0]}
    search = GridSearchCV(many(loss=Focal(), tol=1e-4), grid, scoring="roc_auc", cv=3)
    assert search.fit(X, Y).predict(X).shape == Y.shape


def test_pickle_clone_warm_start_and_pipeline():
    model = many().fit(X, FRAME)
    for same in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clone(model), "coef_")
    warm = clone(model).set_params(warm_start=True).fit(X, Y).fit(X, Y)
    assert warm.n_iter_[0] <= 1
    assert_allclose(warm.coef_, model.coef_, atol=1e-7)
    pipe = make_pipeline(StandardScaler(), many()).fit(X, Y)
    assert pipe.predict(X).shape == Y.shape
    assert_array_equal(model.sparsify().predict(X), model.densify().predict(X))


def test_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        model = many().set_fit_request(sample_weight=True)
        search = GridSearchCV(
            model.set_score_request(sample_weight=True), {"C": [1.0]}, cv=3
        )
        search.fit(X, Y, sample_weight=WEIGHT)
    expected = many().fit(X, Y, sample_weight=WEIGHT)
    assert_allclose(search.best_estimator_.coef_, expected.coef_, atol=1e-8)


def test_fits_that_fail_leave_the_last_one():
    model = many().fit(X, FRAME)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="y must"):
        model.fit(X, pd.DataFrame(0 * Y))
    assert_array_equal(model.label_names_, NAMES)
    assert_array_equal(model.predict_proba(X), before)


def nan(y):
    y = y.astype(float)
    y[3, 1] = np.nan
    return y


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: many().fit(X, Y[:, 0]),
            r"y must be of shape \(n, K\) .* MultiLabelBinarizer",
        ),
        (lambda: many().fit(X, Y[:, :0]), r"y must be of shape \(n, K\)"),
        (lambda: many().fit(X, 3 * Y), r"y must be in \[0, 1\], got 3"),
        (lambda: many().fit(X, nan(Y)), "y contains NaN"),
        (lambda: many().fit(X, Y.astype(str)), "y must be numbers"),
        (lambda: many().fit(X, Y[:9]), "inconsistent numbers of samples"),
        (lambda: many().fit(X), "requires y"),
        (lambda: many().fit(X, 0 * Y), "only 0 in column 0"),
        (lambda: many().fit(X, FRAME.assign(sea=1)), "only 1 in column 'sea'"),
        (
            lambda: many().fit(X, FRAME.rename(columns={"sea": "sky"})),
            "^y must have columns of distinct names, got 'sky' twice",
        ),
        (lambda: many().set_params(multilabel="yes").fit(X, Y), "multilabel must be"),
        (lambda: many(class_weight="even").fit(X, Y), "class_weight must be"),
        (lambda: many(class_weight=[{}]).fit(X, Y), "for each of 4 labels"),
        (lambda: many(class_weight=3.0).fit(X, Y), "class_weight must be a dict"),
        (lambda: many(class_weight={2: 1.0}).fit(X, Y), r"keys in \[0, 1\], got 2"),
        (lambda: many(class_weight={1: -1.0}).fit(X, Y), "finite, and positive if"),
        (lambda: many(class_weight={"x": {1: 2.0}}).fit(X, FRAME), "got 'x'"),
        (
            lambda: many(class_weight=["balanced", None, None, None]).fit(X, Y),
            "for all labels or for none",
        ),
        (lambda: many().fit(X, Y, offset=OFFSET[:, 0]), r"offset must be of shape"),
        (
            lambda: many().fit(X, Y).predict(X, OFFSET[:, :2]),
            r"offset must be of shape",
        ),
        (lambda: many().fit(ArrayBlocks(X, Y)), "multilabel must be False for rows"),
        (lambda: cross_entropy_path(X, Y), "sum to one"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_there_is_no_partial_fit():
    with pytest.raises(AttributeError, match="multilabel must be False"):
        many().partial_fit(X, Y)
    assert not hasattr(many(), "partial_fit")


def test_lists_of_labels_by_way_of_scikit_learn():
    lists = [[NAMES[k] for k in np.flatnonzero(row)] for row in Y]
    encoder = MultiLabelBinarizer(classes=NAMES)
    model = many().fit(X, encoder.fit_transform(lists))
    assert encoder.inverse_transform(model.predict(X))[0] is not None
    assert_allclose(model.coef_, many().fit(X, Y).coef_, atol=1e-8)


def test_losses_of_many_minima_end_in_one():
    loss = GeneralizedCrossEntropy(0.9)
    model = many(loss=loss, C=0.05).fit(X, Y)
    models = separate(model, X, Y)
    assert_same(model, models, X, 1e-5)


def test_rows_of_dask_are_refused():
    da = pytest.importorskip("dask.array")
    from skxent.dask import CrossEntropyClassifier as OfDask

    rows = da.from_array(X, chunks=(100, 8)), da.from_array(Y, chunks=(100, 4))
    model = OfDask(multilabel=True)
    with pytest.raises(ValueError, match="multilabel must be False for rows"):
        model.fit(*rows)
    model.fit(X, Y)  # in memory
    for call in (model.predict_proba, lambda x: model.score(x, rows[1])):
        with pytest.raises(ValueError, match="multilabel must be False for rows"):
            call(rows[0])


def test_models_of_many_labels_have_no_graph():
    pytest.importorskip("skl2onnx")
    from skl2onnx import to_onnx

    from skxent.onnx import register_converters

    register_converters()
    with pytest.raises(ValueError, match="multilabel must be False for ONNX"):
        to_onnx(many().fit(X, Y), X[:1], options={"zipmap": False})


def test_scalings_want_one_label_a_row():
    from skxent.calibration import TemperatureScaling

    with pytest.raises(ValueError, match=r"one label a row|classes_ of"):
        TemperatureScaling(many()).fit(X, Y)


def test_scores_take_the_labels_by_name():
    model, other = many().fit(X, FRAME), FRAME[NAMES[::-1]]
    scorer = skxent.scorers.get_scorer("neg_multilabel_log_loss")
    search = FocalLogisticRegressionCV(multilabel=True, Cs=[1.0], gammas=[0.0])
    search.fit(X, FRAME)
    for score in (model.score, lambda *rows: scorer(model, *rows), search.score):
        assert score(X, other) == score(X, FRAME) == score(X, Y)
    with pytest.raises(ValueError, match=r"^y must have its columns named by"):
        model.score(X, FRAME.rename(columns={"sky": "land"}))
    with pytest.raises(ValueError, match=r"^estimator must be a classifier with pred"):
        scorer(LinearSVC().fit(X, Y[:, 0]), X, Y)
    with pytest.raises(ValueError, match=r"^y must be of shape \(300, 4\), for"):
        model.score(X, Y[:, :2])
    huge = WEIGHT * 1e307
    expected = model.score(X, Y, WEIGHT)
    right = (model.predict(X) == Y).all(axis=1)
    assert expected == pytest.approx(np.average(right, weights=WEIGHT))
    assert model.score(X, Y, huge) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("y", [np.empty((0, 2)), [["a"], ["b", "c"]]])
def test_answers_without_rows_and_lists_of_labels(y):
    with pytest.raises(ValueError, match=r"^y must (have a row|be of shape \(n, K\))"):
        many().fit(X[: len(y)], y)


def test_a_search_scores_labels_by_name():
    X, Y = make_multilabel_classification(60, n_features=4, n_classes=3, random_state=0)
    Y = pd.DataFrame(Y, columns=["a", "b", "c"])
    search = FocalLogisticRegressionCV(Cs=[1], gammas=[0], scoring="accuracy")
    search.set_params(multilabel=True).fit(X, Y)
    share = (search.predict(X) == Y.to_numpy()).all(axis=1).mean()
    assert search.score(X, Y) == search.score(X, Y[["c", "a", "b"]]) == share


def test_nothing_of_many_labels_outlives_a_fit_to_one():
    X, Y = make_multilabel_classification(60, n_features=4, n_classes=3, random_state=0)
    model = CrossEntropyClassifier(multilabel=True)
    model.fit(X, pd.DataFrame(Y, columns=["a", "b", "c"])).set_params(multilabel=False)
    with pytest.raises(ValueError, match=r"^multilabel must be False in the first fit"):
        model.partial_fit(X, Y[:, 0])
    assert not hasattr(model.fit(ArrayBlocks(X, Y[:, 0])), "label_names_")


def test_predictions_of_dask_rows_go_by_what_was_fitted():
    dask_array = pytest.importorskip("dask.array")
    from skxent.dask import CrossEntropyClassifier as DaskClassifier

    X, Y = make_multilabel_classification(60, n_features=4, n_classes=3, random_state=0)
    blocks = dask_array.from_array(X, chunks=(20, 4))
    model = DaskClassifier().fit(X, Y[:, 0]).set_params(multilabel=True)
    assert_array_equal(model.predict(blocks).compute(), model.predict(X))
    model.fit(X, Y).set_params(multilabel=False)
    with pytest.raises(ValueError, match=r"^multilabel must be False for rows in bl"):
        model.predict(blocks)


@pytest.mark.parametrize("coding", [lambda Y: 2 * Y - 1, lambda Y: 2 * Y])
def test_a_score_of_other_codes_than_0_and_1_is_refused(coding):
    model = many().fit(X, Y)
    with pytest.raises(ValueError, match=r"^y must be 0 or 1 for each label, got"):
        model.score(X, coding(Y))
