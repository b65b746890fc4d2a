"""Every loss in everything that takes one: a table of losses and consumers.

Each loss is focal loss with γ = 2, written in another way, so all results must be those
of `Focal(2.0)`. The losses by label then tell whether labels went by name.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skxent import CrossEntropyClassifier, FocalLogisticRegression, explain
from skxent.base.estimator import LossParameters
from skxent.blending import BlendClassifier, blend_weights
from skxent.boosting import hist_gradient_boosting_loss
from skxent.calibration import (
    TemperatureScaling,
    VectorScaling,
    posterior,
)
from skxent.displays import (
    LossByClassDisplay,
    LossCurveDisplay,
    ModulationDisplay,
    PosteriorDisplay,
)
from skxent.losses import (
    LOSSES,
    CrossEntropy,
    Focal,
    FormulaLoss,
    Interval,
    Loss,
    parameter,
)
from skxent.metrics import d2_loss_score, evaluate_loss
from skxent.scorers import make_loss_scorer

X, CODES = make_classification(
    150, 5, n_informative=4, n_redundant=0, n_classes=3, flip_y=0.2, random_state=0
)
X = X.astype(np.float64)
LABELS = np.array(["b", "d", "f"])
Y = LABELS[CODES]
PROBA = np.random.default_rng(0).dirichlet(np.ones(3), len(X))
OTHER = np.random.default_rng(1).dirichlet(np.ones(3), len(X))


@dataclass(frozen=True)
class Own(Loss):
    gamma: float = parameter(2.0, Interval(0.0, 100.0, "both"))

    def phi(self, p: Any, q: Any, L: Any) -> Any:
        return q**self.gamma * L


def losses(gammas):
    """The same loss in each way in which a user may write it."""
    g = dict(zip(LABELS.tolist(), gammas, strict=True))
    number = gammas[0] if len(set(gammas)) == 1 else g
    return {
        "subclass": Own(number),
        "formula": FormulaLoss("q**g * L", g=number),
        "sum": 0.75 * Own(number) + 0.25 * Focal(number),
        "by label": Focal(g),
    }


def linear(**settings):
    def consume(loss, y):
        model = CrossEntropyClassifier(loss, tol=1e-9, **settings).fit(X, y)
        return model.predict_proba(X)

    return consume


def partial_fit(loss, y):
    model = CrossEntropyClassifier(loss, tol=1e-9)
    for part in (slice(0, 80), slice(80, None)):
        model.partial_fit(X[part], y[part], classes=np.unique(y))
    return model.predict_proba(X)


@dataclass
class TwoBlocks:
    y: Any

    def row_blocks(self):
        for rows in (slice(0, 70), slice(70, None)):
            yield X[rows], self.y[rows]


def blocks(loss, y):
    model = CrossEntropyClassifier(loss, tol=1e-9).fit(TwoBlocks(y))
    return model.predict_proba(X)


def search(loss, y):
    grid = {"C": [0.1, 1.0]}
    scorer = make_loss_scorer(loss)
    model = CrossEntropyClassifier(loss, tol=1e-9)
    found = GridSearchCV(model, grid, scoring=scorer, cv=3).fit(X, y)
    return found.cv_results_["mean_test_score"]


def scaling(kind):
    def consume(loss, y):
        model = kind(LogisticRegression(), loss=loss, tol=1e-8).fit(X, y)
        return model.predict_proba(X)

    return consume


def blending(loss, y):
    models = [("bayes", GaussianNB()), ("linear", LogisticRegression())]
    return BlendClassifier(models, loss=loss).fit(X, y).weights_


def weights(pooling):
    def consume(loss, y):
        return blend_weights([PROBA, OTHER], y, loss, pooling=pooling, labels=LABELS)

    return consume


def scorer(loss, y):
    class Probabilities(GaussianNB):
        """A classifier with probabilities alone, which goes another way."""

    models = [CrossEntropyClassifier(), Probabilities(), LogisticRegression()]
    score = make_loss_scorer(loss, label_smoothing=0.1)
    return [
        cross_val_score(model, X, y, scoring=score, cv=3).mean() for model in models
    ]


@contextmanager
def drawing():
    """Displays need matplotlib, and leave figures open."""
    plt = pytest.importorskip("matplotlib.pyplot")
    with plt.rc_context({"backend": "Agg"}):
        yield
        plt.close("all")


@drawing()
def by_class(loss, y):
    display = LossByClassDisplay.from_predictions(y, PROBA, loss, labels=LABELS)
    return display.loss_share


@drawing()
def posterior_curves(loss, y):
    display = PosteriorDisplay.from_predictions(y, PROBA, [loss], labels=LABELS)
    return display.curves


BY_LABEL = {
    "linear": linear(),
    "linear, smoothing and weights": linear(
        label_smoothing=0.1, class_weight="balanced"
    ),
    "linear, softmax": linear(posterior=False),
    "linear, elastic net": linear(l1_ratio=0.5, C=0.1),
    "partial_fit": partial_fit,
    "blocks": blocks,
    "search": search,
    "temperature": scaling(TemperatureScaling),
    "vector": scaling(VectorScaling),
    "blending": blending,
    "arithmetic weights": weights("arithmetic"),
    "log-linear weights": weights("log-linear"),
    "scorer": scorer,
    "evaluate_loss": lambda loss, y: evaluate_loss(loss, y, PROBA, labels=LABELS),
    "d2_loss_score": lambda loss, y: d2_loss_score(loss, y, PROBA, labels=LABELS),
    "loss by class": by_class,
    "posterior curves": posterior_curves,
}


def dask_linear(loss, y):
    da = pytest.importorskip("dask.array")
    from skxent.dask import CrossEntropyClassifier

    model = CrossEntropyClassifier(loss, tol=1e-9)
    model.fit(da.from_array(X, chunks=(70, 5)), da.from_array(y, chunks=70))
    return model.predict_proba(X)


def dask_metric(loss, y):
    da = pytest.importorskip("dask.array")
    from skxent.dask import metrics

    rows = da.from_array(y, chunks=70), da.from_array(PROBA, chunks=(70, 3))
    return [
        float(metrics.evaluate_loss(loss, *rows, labels=LABELS)),
        float(metrics.d2_loss_score(loss, *rows, labels=LABELS)),
    ]


def xgboost(loss, y):
    library = pytest.importorskip("xgboost")
    from skxent.boosting import xgboost_metric, xgboost_objective

    objective = xgboost_objective(loss)
    model = library.XGBClassifier(
        n_estimators=3,
        n_jobs=1,
        objective=objective,
        eval_metric=xgboost_metric(loss),
    ).fit(X, y, eval_set=[(X, y)], verbose=False)
    margins = model.predict(X, output_margin=True)
    *_, last = model.evals_result()["validation_0"].values()
    start = objective.init_score(y)
    return [*objective.predict_proba(margins).ravel(), *last, *start]


def lightgbm(loss, y):
    library = pytest.importorskip("lightgbm")
    from skxent.boosting import lightgbm_objective

    objective = lightgbm_objective(loss)
    model = library.LGBMClassifier(
        n_estimators=3, n_jobs=1, objective=objective, verbose=-1
    )
    return objective.predict_proba(model.fit(X, y).predict(X, raw_score=True))


def catboost(loss, y):
    library = pytest.importorskip("catboost")
    from skxent.boosting import catboost_metric, catboost_objective

    objective = catboost_objective(loss)
    model = library.CatBoostClassifier(
        iterations=2,
        loss_function=objective,
        eval_metric=catboost_metric(loss),
        verbose=False,
        classes_count=3,
        allow_writing_files=False,
        thread_count=1,
    ).fit(X[:60], y[:60])
    return objective.predict_proba(
        np.array(model.predict(X, prediction_type="RawFormulaVal"))
    )


def hist_gradient(loss, y):
    model = HistGradientBoostingClassifier(
        loss=hist_gradient_boosting_loss(loss, 3), max_iter=3, early_stopping=False
    )
    return model.fit(X, y).predict_proba(X)


DASK = {"linear, dask": dask_linear, "metrics, dask": dask_metric}
BY_CODE = {
    "xgboost": xgboost,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "hist_gradient": hist_gradient,
    "posterior": lambda loss, y: posterior(loss, PROBA),
    "best_constant": lambda loss, y: loss.best_constant(y),
    "loss": lambda loss, y: loss.loss(y, PROBA),
}

alike = pytest.mark.parametrize("name", losses((2.0, 2.0, 2.0)))


@alike
@pytest.mark.parametrize("consumer", BY_LABEL | DASK)
def test_each_way_to_write_a_loss_in_each_consumer(consumer, name):
    consume = (BY_LABEL | DASK)[consumer]
    expected = consume(Focal(2.0), Y)
    ours = consume(losses((2.0, 2.0, 2.0))[name], Y)
    assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def by_code(loss):
    """The loss with dicts by code, as what sees no labels takes it."""

    def renamed(name, value):
        if isinstance(value, tuple):
            return value
        return tuple(value[label] for label in LABELS)

    return loss.map_by_class(renamed)


@alike
@pytest.mark.parametrize("consumer", BY_CODE)
def test_each_way_to_write_a_loss_in_each_consumer_of_codes(consumer, name):
    consume = BY_CODE[consumer]
    ours = consume(by_code(losses((2.0, 2.0, 2.0))[name]), CODES)
    expected = consume(Focal(2.0), CODES)
    assert_allclose(ours, expected, rtol=2e-5, atol=1e-6)


GAMMAS = (0.0, 3.0, 1.0)


@pytest.mark.parametrize("name", ["subclass", "formula", "sum", "by label"])
@pytest.mark.parametrize("consumer", BY_LABEL | DASK)
def test_parameters_by_label_are_those_of_the_label(consumer, name):
    """As numbers in the order of the classes, and not those of another order."""
    consume = (BY_LABEL | DASK)[consumer]
    expected = consume(Focal(GAMMAS), Y)
    ours = consume(losses(GAMMAS)[name], Y)
    assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
    turned = consume(Focal(GAMMAS[::-1]), Y)
    assert not np.allclose(turned, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("consumer", BY_CODE)
def test_parameters_by_code_are_those_of_the_code(consumer):
    consume = BY_CODE[consumer]
    expected = consume(Focal(GAMMAS), CODES)
    assert_allclose(consume(Focal(dict(enumerate(GAMMAS))), CODES), expected)
    turned = consume(Focal(GAMMAS[::-1]), CODES)
    assert not np.allclose(turned, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("names", [["b", "d", "f"], ["z", "y", "x"], [7, 3, 5]])
def test_models_do_not_depend_on_the_names_of_the_classes(names):
    gammas = dict(zip(names, GAMMAS, strict=True))
    y = np.array(names)[CODES]
    expected = CrossEntropyClassifier(Focal(GAMMAS), tol=1e-9).fit(X, CODES)
    focal = FocalLogisticRegression(gammas, tol=1e-9)
    for model in (CrossEntropyClassifier(Focal(gammas), tol=1e-9), focal):
        proba = clone(model).fit(X, y).predict_proba(X)
        order = np.argsort(names)
        assert_allclose(proba, expected.predict_proba(X)[:, order], atol=1e-6)


def test_boosting_estimators_take_labels():
    xgboost = pytest.importorskip("xgboost")
    lightgbm = pytest.importorskip("lightgbm")
    from skxent.boosting import FocalLGBMClassifier, FocalXGBClassifier

    by_label = dict(zip(LABELS.tolist(), GAMMAS, strict=True))
    few = {"n_estimators": 3, "n_jobs": 1}
    for kind, estimator in (
        (FocalXGBClassifier, xgboost.XGBClassifier(**few)),
        (FocalLGBMClassifier, lightgbm.LGBMClassifier(**few, verbose=-1)),
    ):
        model = kind(by_label, estimator=estimator).fit(X, Y)
        assert model.trained_loss_.loss == Focal(GAMMAS)
        in_order = kind(GAMMAS, estimator=estimator).fit(X, CODES)
        assert_allclose(model.predict_proba(X), in_order.predict_proba(X))


@drawing()
def test_curves_of_a_loss_by_class_are_those_of_its_classes():
    by_label = losses(GAMMAS)["by label"]
    display = LossCurveDisplay.from_losses(by_label)
    expected = LossCurveDisplay.from_losses([Focal(g) for g in GAMMAS])
    assert display.losses == expected.losses
    assert_allclose(display.curves, expected.curves)


@drawing()
def test_the_factor_of_losses_that_have_no_name():
    named = ModulationDisplay.from_loss("focal")
    for loss in (Own(), Focal(GAMMAS), losses(GAMMAS)["formula"]):
        display = ModulationDisplay.from_loss(loss)
        assert_allclose(display.factor, named.factor, rtol=1e-9)
    two = FormulaLoss("a * L + b * q", a=(1.0, 2.0), b=1.0)
    with pytest.raises(ValueError, match="depend on the class in b at most"):
        ModulationDisplay.from_loss(two, parameter="b")


def test_explanations_of_models_of_any_loss():
    for loss in losses(GAMMAS).values():
        model = CrossEntropyClassifier(loss).fit(X, Y)
        report = explain(Y, model.predict_proba(X), labels=model.classes_)
        assert report.cross_entropy < report.frequency_entropy


# loss__gamma


def holders(loss):
    models = [("bayes", GaussianNB())]
    return [
        CrossEntropyClassifier(loss),
        TemperatureScaling(CrossEntropyClassifier(), loss=loss),
        VectorScaling(loss=loss),
        BlendClassifier(models, loss=loss),
    ]


WITH_PARAMETERS = [
    "focal",
    Focal(1.0),
    Own(),
    FormulaLoss("q**a * L + b * q", a=1.0, b=0.5),
    Focal({"b": 1.0, "d": 2.0}),
    0.5 * Focal(1.0) + CrossEntropy(),
]


@pytest.mark.parametrize("loss", WITH_PARAMETERS, ids=repr)
@pytest.mark.parametrize("place", range(4))
def test_parameters_of_the_loss_are_parameters(loss, place):
    model = holders(loss)[place]
    assert isinstance(model, LossParameters)
    inner = LOSSES[loss]() if isinstance(loss, str) else loss
    params = model.get_params()
    for name, value in inner.parameters().items():
        assert params[f"loss__{name}"] == value
    assert not any(name.startswith("loss__") for name in model.get_params(deep=False))
    before = repr(model)
    assert repr(clone(model)) == before == repr(clone(model).set_params(**params))
    same = clone(model).get_params()
    for name in params:
        if name.startswith("loss"):
            assert same[name] == params[name]
    changed = {"losses": inner.parameters().get("losses")}
    for name, value in inner.parameters().items():
        new = (0.25, 3.0) if name == "weights" else 0.75
        if name in changed:
            continue
        assert value != new
        other = clone(model).set_params(**{f"loss__{name}": new})
        assert other.loss == inner.with_parameters(**{name: new})
        assert other.get_params()[f"loss__{name}"] == new
        assert repr(model) == before  # losses are values
    assert model.set_params(loss="poly1", loss__epsilon=3.0).loss.epsilon == 3.0


def test_parameters_of_a_loss_that_is_none():
    model = CrossEntropyClassifier("no such loss")
    assert "loss" in model.get_params()
    for wrong, message in [
        ({"loss__gamma": 1.0}, "loss must be one of"),
        ({"loss": Focal(), "loss__beta": 1.0}, "among .'gamma'., got 'beta'"),
        ({"loss": Focal(), "loss__gamma": -1.0}, "gamma must be a number in"),
        ({"other__gamma": 1.0}, "Invalid parameter 'other'"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.set_params(**wrong)
        assert model.loss == "no such loss"
    with pytest.raises(ValueError, match="Invalid parameter 'loss'"):
        FocalLogisticRegression().set_params(loss__gamma=1.0)


def test_grids_reach_into_losses():
    pipe = make_pipeline(StandardScaler(), CrossEntropyClassifier("focal"))
    grid = {
        "crossentropyclassifier__loss__gamma": [
            0.0,
            2.0,
            losses(GAMMAS)["by label"].gamma,
        ],
        "crossentropyclassifier__C": [0.1],
    }
    found = GridSearchCV(pipe, grid, scoring="neg_log_loss", cv=3).fit(X, Y)
    for score, gamma in zip(
        found.cv_results_["mean_test_score"], (0.0, 2.0, GAMMAS), strict=True
    ):
        model = CrossEntropyClassifier(Focal(gamma), C=0.1)
        alone = cross_val_score(
            make_pipeline(StandardScaler(), model), X, Y, scoring="neg_log_loss", cv=3
        )
        assert_allclose(score, alone.mean(), rtol=1e-6)
    several = [
        {"loss": ["focal"], "loss__gamma": [1.0, 2.0]},
        {"loss": [FormulaLoss("q**a * L", a=1.0)], "loss__a": [1.0, 2.0]},
    ]
    found = GridSearchCV(CrossEntropyClassifier(), several, cv=3).fit(X, Y)
    scores = found.cv_results_["mean_test_score"]
    assert_allclose(scores[:2], scores[2:], rtol=1e-4)
