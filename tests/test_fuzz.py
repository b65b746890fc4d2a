"""Every public function with hostile arguments: a result or a clear error, never else.

`pytest tests/test_fuzz.py --hypothesis-profile=long` for 20 000 examples of each.
"""

import warnings

import numpy as np
import sklearn.metrics
from hostile import SCALARS, dressed, maybe, survives
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

import skxent
from oracle import LOSS_INSTANCES
from skxent import boosting, calibration, metrics
from skxent.blending import blend_weights
from skxent.losses import LOSSES
from skxent.scorers import make_loss_scorer
from skxent.targets import distill


def not_finite(array):
    return ~np.isfinite(array)


seeds = st.integers(0, 2**32 - 1)


def labels_of(rng, n, n_classes):
    codes = rng.integers(0, n_classes, n)
    names = np.array(["ham", "spam", "über", "", "x y", *map(chr, range(97, 123))])[
        :n_classes
    ]
    return [codes, codes - 7, names[codes], names[codes].astype(object), codes > 0][
        rng.integers(0, 5)
    ]


@st.composite
def problems(draw, *, codes=False, proba=False):
    """A table of numbers, what its rows should have been, and keywords."""
    rng = np.random.default_rng(draw(seeds))
    n, n_classes = draw(st.integers(0, 40)), draw(st.integers(1, 5))
    if not draw(st.integers(0, 3)):
        n_classes = 30  # another pass
    z = 4 * rng.normal(size=(n, n_classes))
    if proba:
        z = np.exp(z - z.max(axis=1, initial=0, keepdims=True))
        z /= z.sum(axis=1, keepdims=True)
    if n_classes == 1:
        z, n_classes = z[:, 0], 2
    soft = rng.dirichlet(np.ones(n_classes), n)
    y = rng.integers(0, n_classes, n) if codes else labels_of(rng, n, n_classes)
    if not draw(st.integers(0, 3)):
        y = soft
    keywords = {}
    if draw(st.booleans()):
        keywords["sample_weight"] = draw(dressed(rng.uniform(0, 2, n)))
    if draw(st.booleans()):
        weights = rng.uniform(0.5, 2, n_classes)
        keywords["class_weight"] = maybe(weights, draw)
    if draw(st.booleans()):
        keywords["label_smoothing"] = maybe(0.1, draw)
    return draw(dressed(y)), draw(dressed(z)), keywords


def any_of(draw, **options):
    """Some of the keywords, as a rule with a value that makes sense."""
    chosen = draw(st.sets(st.sampled_from(sorted(options))))
    return {
        name: maybe(draw(st.sampled_from(options[name])), draw)
        for name in sorted(chosen)
    }


losses = st.sampled_from(LOSS_INSTANCES)
METHODS = ["loss", "gradient", "loss_gradient", "gradient_hessian", "hessian"]


@given(problems(codes=True), losses, st.sampled_from(METHODS), st.data())
def test_derivatives(problem, loss, method, data):
    y, z, keywords = problem
    keywords |= any_of(
        data.draw,
        class_weight_on=["label", "target"],
        ignore_index=[-100, 0],
        multilabel=[False, True],
        n_threads=[1, 2, -1],
    )
    survives(getattr(loss, method), y, z, **keywords)


@given(problems(codes=True), losses, st.data())
def test_products(problem, loss, data):
    y, z, keywords = problem
    v = data.draw(
        dressed(np.ones(np.shape(z) or (1,)) if hasattr(z, "shape") else np.ones(3))
    )
    survives(loss.hessian_product, y, z, v, excuse=not_finite, **keywords)


@given(problems(codes=True), losses, st.sampled_from([None, 2, 3, 30]))
def test_best_constant(problem, loss, n_classes):
    y, _, keywords = problem
    survives(loss.best_constant, y, n_classes, **keywords)


@given(problems(), losses, st.data())
def test_probabilities(problem, loss, data):
    _, z, keywords = problem
    keywords.pop("sample_weight", None)
    survives(loss.predict_proba, z)
    survives(loss.predict_log_proba, z, **any_of(data.draw, n_threads=[1, 2]))
    survives(loss.posterior, z, **keywords, **any_of(data.draw, log=[True]))
    survives(calibration.posterior, loss, z, from_logits=True, **keywords)


@given(st.sampled_from(sorted(LOSSES)), st.lists(st.sampled_from(SCALARS), max_size=4))
def test_parameters_of_losses(name, values):
    survives(LOSSES[name], *values[: len(LOSSES[name]().parameters())])


METRICS = [
    metrics.focal_loss,
    metrics.smoothed_log_loss,
    metrics.cross_entropy,
    metrics.expected_calibration_error,
]


@given(problems(proba=True), losses, st.sampled_from(METRICS), st.data())
def test_metrics(problem, loss, metric, data):
    y, proba, keywords = problem
    if metric is not metrics.smoothed_log_loss:
        keywords.pop("label_smoothing", None)
    keywords |= any_of(
        data.draw, labels=[None, [0, 1], ["ham", "spam"]], ignore_index=[None, 0, "ham"]
    )
    if data.draw(st.booleans()):
        keywords["from_logits"] = data.draw(
            st.sampled_from([True, False, 1, "yes", None])
        )
    if metric is metrics.expected_calibration_error:
        keywords |= any_of(
            data.draw, n_bins=[1, 15], strategy=["quantile"], norm=["l2", "max"],
            classwise=[True], debias=[True],
        )  # fmt: skip
    else:
        keywords |= any_of(data.draw, reduction=["sum", "none"], base=[2, None])
    survives(metric, y, proba, **keywords)


def d2_or_undefined(*arguments, **keywords):
    """NaN is for less than two rows, with scikit-learn's warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UndefinedMetricWarning)
            return metrics.d2_loss_score(*arguments, **keywords)
    except UndefinedMetricWarning:
        return 0.0


@given(problems(proba=True), losses, st.data())
def test_metrics_of_any_loss(problem, loss, data):
    y, proba, keywords = problem
    survives(d2_or_undefined, loss, y, proba, **keywords)
    keywords.pop("label_smoothing", None)
    survives(blend_weights, [proba, proba], y, loss, **keywords)
    keywords.pop("class_weight", None)
    survives(metrics.kl_divergence, y, proba, **keywords)
    survives(metrics.entropy, proba, **keywords)
    survives(metrics.multilabel_log_loss, y, proba, **keywords)
    survives(skxent.explain, y, proba, **keywords, **any_of(data.draw, n_rows=[0, 3]))


@given(problems(proba=True), st.booleans(), st.data())
def test_log_loss_is_scikit_learns(problem, normalize, data):
    """The same number, or the same error."""
    y, proba, keywords = problem
    keywords = {k: v for k, v in keywords.items() if k == "sample_weight"}
    outcomes = []
    for metric in (metrics.log_loss, sklearn.metrics.log_loss):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                outcomes.append(metric(y, proba, normalize=normalize, **keywords))
        except Exception as error:  # noqa: BLE001 - whatever scikit-learn raises
            outcomes.append((type(error), str(error)))
    ours, theirs = outcomes
    if isinstance(ours, float):
        single = getattr(proba, "dtype", None) == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if single else 1e-10)
    else:
        assert ours == theirs


@given(problems(proba=True), st.data())
def test_intervals_and_distillation(problem, data):
    y, proba, keywords = problem
    keywords.pop("label_smoothing", None)
    survives(
        calibration.calibration_error_interval, y, proba, n_resamples=3, random_state=0,
        **keywords, **any_of(data.draw, confidence_level=[0.9], n_bins=[3]),
    )  # fmt: skip
    survives(
        distill, proba,
        **any_of(data.draw, temperature=[2.0, 1e-300], from_logits=[True]),
        **any_of(data.draw, teacher_weight=[0.5]),
        **({"y": y} if data.draw(st.booleans()) else {}),
    )  # fmt: skip


@given(problems(), st.sampled_from(["TemperatureScaling", "VectorScaling"]), st.data())
def test_scalings(problem, name, data):
    y, z, keywords = problem
    keywords.pop("class_weight", None)
    weights = {k: keywords.pop(k) for k in ["sample_weight"] if k in keywords}
    keywords |= any_of(data.draw, loss=["focal"], tol=[1e-2], max_iter=[1, 20])
    model = survives(getattr(calibration, name), None, **keywords)
    if survives(model.fit, y=y, X=z, **weights) is not None:
        survives(model.predict_proba, z)
        survives(model.predict, z)


OBJECTIVES = ["xgboost", "lightgbm", "catboost"]


@given(problems(codes=True), losses, st.sampled_from(OBJECTIVES), st.data())
def test_boosting(problem, loss, library, data):
    y, z, keywords = problem
    weights = keywords.pop("sample_weight", None)
    make = getattr(boosting, f"{library}_objective")
    objective = survives(
        make, loss, **keywords, **any_of(data.draw, hessian=["clip", "exact", "psd"])
    )
    metric = survives(getattr(boosting, f"{library}_metric"), loss, **keywords)
    if objective is None or metric is None:
        return
    survives(objective.init_score, y, weights)
    survives(objective.predict_proba, z)
    if library == "catboost":
        survives(objective.calc_ders_range, z, y, weights)
        survives(metric.evaluate, [z], y, weights)
    else:
        survives(objective, y, z, weights)
        survives(metric, y, z, weights)


@st.composite
def tables(draw):
    """X, y, weights and parameters of a fit."""
    rng = np.random.default_rng(draw(seeds))
    n, d, n_classes = (
        draw(st.integers(0, 30)),
        draw(st.integers(0, 4)),
        draw(st.integers(1, 4)),
    )
    X = 3 * rng.normal(size=(n, d))
    y = labels_of(rng, n, n_classes)
    if n_classes > 1 and not draw(st.integers(0, 3)):
        y = rng.dirichlet(np.ones(n_classes), n)
    weights = draw(dressed(rng.uniform(0, 2, n))) if draw(st.booleans()) else None
    keywords = any_of(
        draw, C=[1e-3, 1.0, 1e6, np.inf], l1_ratio=[0.0, 0.5, 1.0],
        class_weight=[None, "balanced", {0: 2.0}], label_smoothing=[0.1],
        posterior=[False], fit_intercept=[True, False],
        solver=["newton-cholesky", "newton-cg", "lbfgs"], tol=[1e-3], warm_start=[True],
        n_jobs=[1, 2], verbose=[0],
    )  # fmt: skip
    return draw(dressed(X)), draw(dressed(y)), weights, {"max_iter": 5, **keywords}


ESTIMATORS = [
    skxent.CrossEntropyClassifier,
    skxent.FocalLogisticRegression,
    skxent.SmoothedSoftmaxClassifier,
]


@given(tables(), st.sampled_from(ESTIMATORS), st.data())
def test_estimators(table, cls, data):
    X, y, weights, keywords = table
    model = survives(cls, **keywords)
    if data.draw(st.integers(0, 3)) or not hasattr(model, "partial_fit"):
        fitted = survives(model.fit, X, y, weights)
    else:
        classes = data.draw(dressed(np.arange(3)))
        fitted = survives(model.partial_fit, X, y, classes, weights)
    if fitted is None:
        assert not hasattr(model, "coef_")
        return
    for method in (
        "decision_function",
        "predict",
        "predict_proba",
        "predict_log_proba",
    ):
        survives(getattr(model, method), X)
        survives(
            getattr(model, method),
            data.draw(dressed(np.ones((3, model.n_features_in_)))),
        )
    survives(model.score, X, y, weights)
    survives(make_loss_scorer(data.draw(losses)), model, X, y, sample_weight=weights)
    survives(model.fit, X, y, weights)
