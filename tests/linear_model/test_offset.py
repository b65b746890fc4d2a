"""offset: a fixed term of the logits, in fits, predictions, scores and searches."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logsumexp, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import (
    CrossEntropyClassifier,
    FocalLogisticRegression,
    FocalLogisticRegressionCV,
    SmoothedSoftmaxClassifier,
    SmoothedSoftmaxClassifierCV,
)
from skxent.blocks import ArrayBlocks, ParquetBlocks
from skxent.linear_model._scoring import scorer_of, with_offset

EXACT = {"tol": 1e-10, "max_iter": 1000}
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def data(n_classes=2, n=200, d=4):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    offset = 2 * rng.normal(size=(n, n_classes))
    z = X @ rng.normal(size=(d, n_classes)) + offset + rng.gumbel(size=offset.shape)
    if n_classes == 2:
        offset = offset[:, 1] - offset[:, 0]
    return X, z.argmax(axis=1), offset


all_classes = pytest.mark.parametrize("n_classes", [2, 3])


def objective(X, y, offset, W, C):
    """C Σ ℓ + ‖W‖² / 2, the last column of W (m, d + 1) the intercepts."""
    z = X @ W[:, :-1].T + W[:, -1] + offset.reshape(len(y), -1)
    z = np.hstack([np.zeros_like(z), z]) if len(W) == 1 else z
    loss = logsumexp(z, axis=1) - z[np.arange(len(y)), y]
    return C * loss.sum() + (W[:, :-1] ** 2).sum() / 2


@all_classes
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_array])
def test_the_minimum_is_that_of_a_general_solver(n_classes, convert):
    X, y, offset = data(n_classes)
    model = CrossEntropyClassifier(C=0.5, **EXACT).fit(convert(X), y, offset=offset)
    W = np.column_stack([model.coef_, model.intercept_])

    def value(w):
        return objective(X, y, offset, w.reshape(W.shape), 0.5)

    other = minimize(value, np.zeros(W.size), tol=1e-12).fun
    assert value(W.ravel()) <= other * (1 + 1e-10)


@all_classes
def test_predictions_have_the_offset(n_classes):
    X, y, offset = data(n_classes)
    model = CrossEntropyClassifier().fit(X, y, offset=offset)
    z = X @ model.coef_.T + model.intercept_
    z = z[:, 0] + offset if n_classes == 2 else z + offset
    assert_allclose(model.decision_function(X, offset), z, rtol=1e-12)
    if n_classes == 2:
        p = np.column_stack([expit(-z), expit(z)])
    else:
        p = softmax(z, axis=1)
        assert_allclose(model.predict_log_proba(X, offset), log_softmax(z, axis=1))
    assert_allclose(model.predict_proba(X, offset), p, rtol=1e-12)
    assert_array_equal(model.predict(X, offset), p.argmax(axis=1))
    assert model.score(X, y, offset=offset) == np.mean(p.argmax(axis=1) == y)
    assert model.score(X, y, offset=offset) > model.score(X, y)


@all_classes
def test_the_margins_of_another_model_are_a_start(n_classes):
    """At its own minimum a model has nothing to add to its logits but the penalty."""
    X, y, _ = data(n_classes)
    first = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X, y)
    z = first.decision_function(X)
    second = clone(first).fit(X, y, offset=z)
    assert_allclose(second.coef_, 0, atol=1e-7)
    assert_allclose(second.intercept_, 0, atol=1e-7)


def test_a_column_with_a_fixed_coefficient_is_an_offset():
    X, y, _ = data()
    whole = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X, y)
    part = clone(whole).fit(X[:, 1:], y, offset=whole.coef_[0, 0] * X[:, 0])
    assert_allclose(part.coef_[0], whole.coef_[0, 1:], atol=1e-8)


@pytest.mark.parametrize("tau", [1.0, 0.5])
def test_logit_adjustment(tau):
    """Fitted with z + τ log π, the logits rank the classes as if they were balanced."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [2000, 200, 50])
    X = rng.normal(size=(len(y), 2)) + np.eye(3)[:, :2][y]
    pi = np.bincount(y) / len(y)
    offset = np.tile(tau * np.log(pi), (len(y), 1))
    adjusted = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X, y, offset=offset)
    plain = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X, y)
    difference = adjusted.decision_function(X) - plain.decision_function(X)
    expected = -tau * (np.log(pi) - np.log(pi).mean())
    assert_allclose(difference, np.tile(expected, (len(y), 1)), atol=1e-7)


@all_classes
def test_zeros_change_nothing(n_classes):
    X, y, offset = data(n_classes)
    plain = CrossEntropyClassifier("focal").fit(X, y)
    zeros = CrossEntropyClassifier("focal").fit(X, y, offset=np.zeros_like(offset))
    assert_array_equal(plain.coef_, zeros.coef_)
    assert_array_equal(plain.intercept_, zeros.intercept_)


def forms(offset, labels=("no", "yes")):
    both = np.column_stack([np.ones(len(offset)), offset + 1])
    table = pd.DataFrame(both, columns=list(labels))
    return {
        "list": offset.tolist(),
        "column": offset[:, np.newaxis],
        "series": pd.Series(offset, index=range(7, 7 + len(offset))),
        "both": both,
        "fortran": np.asfortranarray(both),
        "strided": np.repeat(offset, 2)[::2],
        "named": table[[labels[1], labels[0]]],
        "other names": pd.DataFrame(both, columns=["a", "b"]),
        "float32 of halves": None,
    }


@pytest.mark.parametrize("form", forms(np.zeros(2)))
def test_forms_of_two_classes(form):
    X, codes, offset = data()
    y = np.array(["no", "yes"])[codes]
    given = forms(offset)[form]
    if given is None:
        offset = np.round(2 * offset) / 2
        given = offset.astype(np.float32)
    model = CrossEntropyClassifier(tol=1e-10)
    expected = clone(model).fit(X, y, offset=offset)
    model.fit(X, y, offset=given)
    assert_allclose(model.coef_, expected.coef_, atol=1e-9)
    for method in METHODS:
        found = getattr(model, method)(X, given)
        other = getattr(expected, method)(X, offset)
        if method == "predict":
            assert_array_equal(found, other)
        else:
            assert_allclose(found, other, atol=1e-8)


def test_columns_that_are_named_by_classes_go_by_name():
    X, codes, offset = data(3)
    y = np.array(["a", "b", "c"])[codes]
    table = pd.DataFrame(offset, columns=["a", "b", "c"])[["c", "a", "b"]]
    expected = CrossEntropyClassifier().fit(X, y, offset=offset)
    model = CrossEntropyClassifier().fit(X, y, offset=table)
    assert_array_equal(model.coef_, expected.coef_)
    blocks = ArrayBlocks(X, y, offset=table, block_rows=70)
    found = CrossEntropyClassifier().fit(blocks).coef_
    assert_allclose(found, expected.coef_, atol=1e-5)
    found = CrossEntropyClassifier().partial_fit(X, y, ["a", "b", "c"], offset=table)
    assert_allclose(found.coef_, expected.coef_, atol=1e-5)
    proba = expected.predict_proba(X, offset)
    assert_array_equal(model.predict_proba(X, table), proba)


BAD = [
    (np.zeros(5), r"offset must be of shape \(200,\).*got \(5,\)"),
    (np.zeros((200, 3)), r"offset must be of shape \(n,\) or \(n, 2\).*got 3 columns"),
    (np.zeros((200, 2, 1)), r"got \(200, 2, 1\)"),
    (1.5, r"offset must be of shape"),
    (np.full(200, np.nan), r"offset must be finite in float64, got nan"),
    (np.full(200, np.inf), r"offset must be finite in float64, got inf"),
    (np.tile([-1e308, 1e308], (200, 1)), r"offset must be finite in float64, got inf"),
    (["a"] * 200, r"offset must be real numbers"),
    (sp.csr_array(np.ones((200, 1))), r"offset must be a dense array"),
    (np.ma.masked_less(np.arange(200.0), 5), r"offset must have no masked entries"),
    (pd.DataFrame(np.zeros((200, 2)), columns=[0, "b"]), r"columns named by"),
]


@pytest.mark.parametrize(("offset", "message"), BAD)
def test_bad_offsets(offset, message):
    X, y, good = data()
    model = CrossEntropyClassifier().fit(X, y, offset=good)
    before = model.coef_
    calls = [
        lambda: model.fit(X, y, offset=offset),
        lambda: model.partial_fit(X, y, offset=offset),
        lambda: model.score(X, y, offset=offset),
        lambda: FocalLogisticRegressionCV(cv=2).fit(X, y, offset=offset),
        *(lambda m=m: getattr(model, m)(X, offset=offset) for m in METHODS),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()
    assert model.coef_ is before


def test_an_offset_of_three_classes_has_three_columns():
    X, y, offset = data(3)
    for bad in (offset[:, 0], offset[:, :2]):
        with pytest.raises(ValueError, match=r"of shape \(n, 3\) for the 3 classes"):
            CrossEntropyClassifier().fit(X, y, offset=bad)


def test_an_offset_beyond_float32_is_told():
    X, y, offset = data()
    offset[0] = 1e300
    with pytest.raises(ValueError, match=r"^offset must be finite in float32, got inf"):
        CrossEntropyClassifier().fit(X.astype(np.float32), y, offset=offset)


@all_classes
@pytest.mark.filterwarnings("ignore:scoring has .* which is not proper")
@pytest.mark.parametrize(
    "scoring", [None, "accuracy", "neg_log_loss", "neg_focal_loss", "roc_auc_ovr"]
)
def test_a_search_splits_the_offset_with_the_rows(n_classes, scoring):
    """By hand: fits and scores of each fold with its part of the offset."""
    X, y, offset = data(n_classes)
    half, other = np.arange(0, 100), np.arange(100, 200)
    folds = [(half, other), (other, half)]
    search = FocalLogisticRegressionCV(
        Cs=[0.1, 1.0], gammas=[0.0, 1.0], cv=folds, scoring=scoring, tol=1e-8
    ).fit(X, y, offset=offset)
    scorer = scorer_of(FocalLogisticRegression(), scoring or "neg_log_loss")
    for k, (train, test) in enumerate(folds):
        model = FocalLogisticRegression(1.0, C=0.1, tol=1e-8)
        model.fit(X[train], y[train], offset=offset[train])

        class Shifted:
            """A model that adds the offset of the test part by itself."""

            classes_ = model.classes_
            log_proba_is_exact = True
            __sklearn_tags__ = model.__sklearn_tags__

            def __getattr__(self, name, model=model, test=test):
                if name not in METHODS:
                    raise AttributeError(name)

                def shifted(X):
                    return getattr(model, name)(X, offset[test])

                shifted.__name__ = name
                return shifted

        expected = scorer(Shifted(), X[test], y[test])
        assert_allclose(search.scores_[k, 0, 1, 0], expected, atol=1e-6)
    refit = FocalLogisticRegression(search.gamma_, C=search.C_, tol=1e-8)
    assert_allclose(search.coef_, refit.fit(X, y, offset=offset).coef_, atol=1e-6)
    assert search.score(X, y, offset=offset) > search.score(X, y)


def test_a_search_without_refit():
    X, y, offset = data(3)
    search = SmoothedSoftmaxClassifierCV(Cs=[1.0], label_smoothings=[0.1], refit=False)
    plain = clone(search).fit(X, y)
    search.fit(X, y, offset=offset)
    assert search.score(X, y, offset=offset) > plain.score(X, y)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_metadata_routing():
    X, y, offset = data()
    model = FocalLogisticRegression(0.0).set_fit_request(offset=True)
    model.set_score_request(offset=True)
    scores = cross_val_score(model, X, y, cv=3, params={"offset": offset})
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=3).fit(X, y, offset=offset)
    pipe = make_pipeline(
        StandardScaler(), clone(model).set_predict_proba_request(offset=True)
    )
    pipe.fit(X, y, offset=offset)
    ours = FocalLogisticRegressionCV(
        Cs=[1.0], gammas=[0.0], cv=3, scoring="accuracy"
    ).fit(X, y, offset=offset)
    rows = StandardScaler().fit(X).transform(X)
    expected = FocalLogisticRegression(0.0).fit(rows, y, offset=offset)
    proba = pipe.predict_proba(X, offset=offset)
    assert_allclose(proba, expected.predict_proba(rows, offset))
    assert_allclose(search.cv_results_["mean_test_score"][1], scores.mean())
    assert_allclose(ours.scores_.ravel(), scores)
    for method in (*METHODS, "fit", "score", "partial_fit"):
        getattr(model, f"set_{method}_request")(offset=True)


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="pip install pyarrow")
    X, y, offset = data(3)
    names = [f"o{k}" for k in range(3)]
    frame = pd.DataFrame(np.column_stack([X, offset]), columns=[*"abcd", *names])
    frame.assign(y=y, w=1.0).to_parquet(tmp_path / "rows.parquet")
    blocks = ParquetBlocks(
        tmp_path, y="y", sample_weight="w", offset=names, block_rows=70
    )
    assert blocks.columns == list("abcd")
    model = CrossEntropyClassifier(tol=1e-8).fit(blocks)
    expected = CrossEntropyClassifier(tol=1e-8).fit(X, y, offset=offset)
    assert_allclose(model.coef_, expected.coef_, atol=1e-6)
    one = ParquetBlocks(tmp_path, y="y", columns=["a"], offset="o0")
    assert [len(block) for block in one.row_blocks()] == [4]
    with pytest.raises(ValueError, match=r"^offset must be in .*, got 'z'"):
        ParquetBlocks(tmp_path, y="y", offset=["o0", "z"])


def test_blocks_that_differ():
    X, y, offset = data(3)

    class Blocks:
        def __init__(self, *offsets):
            self.offsets = offsets

        def row_blocks(self):
            for k, part in enumerate(self.offsets):
                rows = slice(50 * k, 50 * (k + 1))
                yield X[rows], y[rows], None, part

    fit = CrossEntropyClassifier().fit
    first, second = offset[:50], offset[50:100]
    fit(Blocks(first, second))
    with pytest.raises(ValueError, match="in every block or in none, got none in bl"):
        fit(Blocks(first, None))
    with pytest.raises(ValueError, match=r"block 1: offset must be of shape \(n, 3\)"):
        fit(Blocks(first, second[:, 0]))
    with pytest.raises(ValueError, match=r"block 1: .* offset must have 50 rows"):
        fit(Blocks(first, second[:9]))
    with pytest.raises(ValueError, match="block 0: offset must be finite"):
        fit(Blocks(first * np.nan, second))
    with pytest.raises(ValueError, match="must come with the blocks"):
        fit(Blocks(first, second), offset=offset)


def test_dask_predictions():
    da = pytest.importorskip("dask.array", reason="pip install '.[dask]'")
    import dask.dataframe as dd

    import skxent.dask as skd

    for n_classes in (2, 3):
        X, y, offset = data(n_classes)
        memory = CrossEntropyClassifier().fit(X, y, offset=offset)
        rows = [da.from_array(a, chunks=(70, *a.shape[1:])) for a in (X, y)]
        parts = da.from_array(offset, chunks=(50, *offset.shape[1:]))
        model = skd.CrossEntropyClassifier().fit(*rows, offset=parts)
        assert_allclose(model.coef_, memory.coef_, atol=1e-6)
        for method in METHODS:
            found = getattr(model, method)(rows[0], parts).compute()
            assert_allclose(found, getattr(memory, method)(X, offset), atol=1e-5)
        score = model.score(*rows, offset=parts)
        assert score == memory.score(X, y, offset=offset)
        assert_allclose(model.predict_proba(X, offset), memory.predict_proba(X, offset))
    table = pd.DataFrame(offset, columns=[0, 1, 2])[[2, 0, 1]]
    frame = dd.from_pandas(table, npartitions=3)
    X = dd.from_pandas(pd.DataFrame(X), npartitions=3)
    proba = model.predict_proba(X, frame).compute()
    assert_allclose(proba, memory.predict_proba(X.compute(), offset), atol=1e-5)


def test_statsmodels_has_the_same_coefficients():
    sm = pytest.importorskip("statsmodels.api", reason="pip install statsmodels")
    X, y, offset = data()
    w = np.random.default_rng(1).uniform(0.5, 2, len(y))
    peer = sm.GLM(
        y, sm.add_constant(X), sm.families.Binomial(), offset=offset, freq_weights=w
    ).fit(tol=1e-14, maxiter=100)
    model = CrossEntropyClassifier(C=np.inf, **EXACT).fit(X, y, w, offset)
    found = np.append(model.intercept_, model.coef_)
    assert_allclose(found, peer.params, atol=1e-6)


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_glum_has_the_same_coefficients(ratio):
    glum = pytest.importorskip("glum", reason="pip install glum")
    X, y, offset = data()
    w = np.random.default_rng(1).uniform(0.5, 2, len(y))
    peer = glum.GeneralizedLinearRegressor(
        family="binomial", alpha=1 / w.sum(), l1_ratio=ratio, gradient_tol=1e-10
    ).fit(X, y.astype(float), sample_weight=w, offset=offset)
    model = CrossEntropyClassifier(l1_ratio=ratio, **EXACT).fit(X, y, w, offset)
    assert_allclose(model.coef_[0], peer.coef_, atol=1e-6)
    assert_allclose(model.intercept_[0], peer.intercept_, atol=1e-6)


@pytest.mark.parametrize("where", ["dense", "sparse", "blocks"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "newton-cg"},
        {"solver": "lbfgs"},
        {"solver": "newton-cholesky"},
        {"l1_ratio": 0.5, "C": 0.1},
        {"loss": "focal"},
    ],
    ids=str,
)
def test_a_constant_offset_changes_the_intercept_alone(settings, n_classes, where):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    raw = np.column_stack([np.full(3000, 4.0), X[:, :1], X[:, 1:2] + 1])[:, :n_classes]
    y = (raw + rng.gumbel(size=raw.shape)).argmax(axis=1)
    shift = np.array([-20.0, 15.0, 3.0])[:n_classes]
    offset = np.tile(shift, (3000, 1))

    def rows(*more):
        if where == "blocks":
            return (ArrayBlocks(X, y, *more, block_rows=1000),)
        return (sp.csr_array(X) if where == "sparse" else X, y, *more)

    model = CrossEntropyClassifier(tol=1e-7, **settings)
    plain = clone(model).fit(*rows())
    found = clone(model).fit(*rows(None, offset))
    assert_allclose(found.coef_, plain.coef_, rtol=1e-4, atol=1e-6)
    moved = shift[1:] - shift[:1] if n_classes == 2 else shift - shift.mean()
    assert_allclose(found.intercept_ + moved, plain.intercept_, rtol=1e-4, atol=1e-6)
    assert np.max(found.n_iter_) <= np.max(plain.n_iter_) + 3


def test_logits_that_share_a_large_shift():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)).astype(np.float32), np.arange(200) % 2
    odds = rng.normal(size=200)
    both = np.column_stack([np.full(200, 1e6), 1e6 + odds])
    model = CrossEntropyClassifier(tol=1e-6)
    found = clone(model).fit(X, y, offset=both).coef_
    assert_allclose(found, model.fit(X, y, offset=odds).coef_, rtol=1e-4)


def test_models_with_an_offset_are_copied_and_pickled():
    X, y = load_iris(return_X_y=True)
    offset = np.random.default_rng(0).normal(size=(150, 3))
    model = CrossEntropyClassifier().fit(X, y, offset=offset)
    seen = with_offset(model, offset)
    expected = model.predict_proba(X, offset)
    for same in (
        copy.copy(seen),
        copy.deepcopy(seen),
        pickle.loads(pickle.dumps(seen)),
    ):
        assert_array_equal(same.predict_proba(X), expected)


def test_penalty_factors_of_later_batches_are_checked():
    X, y = load_iris(return_X_y=True)
    model = CrossEntropyClassifier(penalty_factor=[1, 2, 3, 4])
    model.partial_fit(X, y, classes=[0, 1, 2])
    model.set_params(penalty_factor=[1, 2, 3])
    with pytest.raises(ValueError, match=r"^penalty_factor must "):
        model.partial_fit(X, y)


def test_signs_of_zero_are_none():
    X, y = load_iris(return_X_y=True)
    expected = CrossEntropyClassifier(solver="lbfgs").fit(X, y).coef_
    for zeros in ({}, [0, 0, 0, 0], np.zeros(4)):
        model = CrossEntropyClassifier(solver="lbfgs", monotonic_cst=zeros)
        assert_array_equal(model.fit(X, y).coef_, expected)
        clone(model).partial_fit(X, y, classes=[0, 1, 2])


def test_blocks_do_not_end_in_none():
    X, y = np.zeros((4, 2)), np.arange(4) % 2
    assert [len(block) for block in ArrayBlocks(X, y).row_blocks()] == [2]
    assert [len(block) for block in ArrayBlocks(X, y, y).row_blocks()] == [3]


def test_a_fold_may_lack_a_class_of_the_offset():
    X, y, offset = data(3)
    y[20:][y[20:] == 2] = 0  # the third class is in the first rows only
    test, train = np.arange(20), np.arange(20, 200)
    cv = [(train, test), (test, train)]
    search = SmoothedSoftmaxClassifierCV(
        Cs=[0.5], label_smoothings=[0.1], cv=cv, scoring="accuracy", **EXACT
    )
    frame = pd.DataFrame(offset[:, [2, 0, 1]], columns=[2, 0, 1])
    model = SmoothedSoftmaxClassifier(0.1, C=0.5, **EXACT)
    two = offset[:, 1] - offset[:, 0]
    model.fit(X[train], y[train], offset=two[train])
    expected = model.score(X[test], y[test], offset=two[test])
    for given in (offset, frame, frame.rename(columns=str)):
        found = search.fit(X, y, offset=given).scores_[0].item()
        assert found == pytest.approx(expected, abs=1e-12)
        whole = clone(model).fit(X, y, offset=offset)
        assert_array_equal(search.coef_, whole.coef_)
    # So may the columns of a data frame, which scikit-learn's searches pass on.
    same = clone(model).fit(X[train], y[train], offset=two[train])
    named = clone(same).fit(X[train], y[train], offset=frame.iloc[train])
    assert_array_equal(named.coef_, same.coef_)
    assert_allclose(
        named.predict_proba(X, offset=frame), same.predict_proba(X, offset=two)
    )
    with pytest.raises(ValueError, match=r"^offset must be of shape .*, got 3 columns"):
        clone(same).fit(X[train], y[train], offset=offset[train])
