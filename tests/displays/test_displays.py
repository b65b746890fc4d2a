"""The numbers that displays draw, against definitions, for all kinds of input."""

import doctest
import importlib
import subprocess
import sys
from dataclasses import fields
from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris, load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from oracle import LOSS_INSTANCES
from skxent import FocalLogisticRegression, FocalLogisticRegressionCV
from skxent.displays import (
    LossByClassDisplay,
    LossCurveDisplay,
    ModulationDisplay,
    PathDisplay,
    PosteriorDisplay,
    ReliabilityDisplay,
)
from skxent.linear_model import cross_entropy_path
from skxent.losses import LOSSES, CrossEntropy, Focal
from skxent.metrics import evaluate_loss, expected_calibration_error
from skxent.scorers import neg_log_loss_scorer

matplotlib = pytest.importorskip("matplotlib", reason="displays need matplotlib")
matplotlib.use("Agg")

plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")

DISPLAYS = [
    LossByClassDisplay,
    LossCurveDisplay,
    ModulationDisplay,
    PosteriorDisplay,
    ReliabilityDisplay,
]
all_displays = pytest.mark.parametrize("cls", DISPLAYS, ids=lambda c: c.__name__)
DATA = {
    LossByClassDisplay: ("loss_share", "hardest_share", "row_share"),
    LossCurveDisplay: ("x", "curves", "operating_range"),
    ModulationDisplay: ("proba", "values", "factor", "operating_range"),
    PosteriorDisplay: ("output", "curves"),
    ReliabilityDisplay: ("error",),
}


def flowers(two=False):
    X, y = load_iris(return_X_y=True)
    X, y = (X[50:], y[50:]) if two else (X, y)
    names = np.array(["setosa", "versicolor", "virginica"])
    X = X + np.random.default_rng(0).normal(size=X.shape)
    return GaussianNB().fit(X, names[y]), X, names[y]


@all_displays
def test_estimator_and_predictions_agree(cls):
    model, X, y = flowers()
    _, ax = plt.subplots()
    one = cls.from_estimator(model, X, y, ax=ax)
    other = cls.from_predictions(y, model.predict_proba(X), labels=model.classes_)
    assert one.ax_ is ax and one.figure_ is ax.figure
    assert other.ax_ is not ax and isinstance(other, cls)
    for name in DATA[cls]:
        assert_allclose(getattr(one, name), getattr(other, name))
    again = plt.subplots()[1]
    assert one.plot(ax=again) is one and one.ax_ is again
    logits = cls.from_predictions(y, model.predict_log_proba(X), from_logits=True)
    for name in DATA[cls]:
        assert_allclose(getattr(one, name), getattr(logits, name), rtol=1e-6)


@pytest.mark.parametrize("against", ["probability", "margin"])
@pytest.mark.parametrize("quantity", ["loss", "gradient"])
def test_the_curves_of_losses(quantity, against):
    display = LossCurveDisplay.from_losses(
        LOSS_INSTANCES, quantity=quantity, against=against
    )
    for loss, line in zip(LOSS_INSTANCES, display.lines_, strict=True):
        x, drawn = line.get_data()
        p = x if against == "probability" else 1 / (1 + np.exp(-x))
        q = 1 - p
        assert_allclose(drawn, display.curves[display.lines_.index(line)])
        if quantity == "loss":
            assert_allclose(drawn, loss.phi(p, q, -np.log(p)), rtol=1e-9)
        else:
            h = 1e-6
            up, down = ((p / (p + q * np.exp(-s))) for s in (h, -h))
            low, here, high = (loss.phi(x, 1 - x, -np.log(x)) for x in (down, p, up))
            # At a kink the slope is that of one side.
            sides = np.sort([(low - here) / h, (here - high) / h], axis=0)
            assert_allclose(drawn, np.clip(drawn, *sides), rtol=1e-5, atol=1e-8)
        assert line.get_label() == repr(loss)
    assert "true class" in display.ax_.get_xlabel()


def test_the_operating_range_is_where_the_rows_are():
    y, proba = np.zeros(11, int), 1 - np.linspace(0.05, 0.55, 11)
    labels = {"labels": [0, 1]}
    display = LossCurveDisplay.from_predictions(y, 1 - proba, **labels)
    assert_allclose(display.operating_range, [0.5, 0.7, 0.9])
    assert_allclose(display.ax_.lines[0].get_xdata(), 0.7)
    display = LossCurveDisplay.from_predictions(
        y, 1 - proba, "focal", against="margin", **labels
    )
    assert_allclose(display.operating_range, np.log([1, 7 / 3, 9]), atol=1e-12)
    display = ModulationDisplay.from_predictions(y, 1 - proba, **labels)
    assert_allclose(display.operating_range, [0.5, 0.7, 0.9])


def test_the_factor_of_focal_loss():
    display = ModulationDisplay.from_loss("focal", values=[0, 0.5, 2, 5])
    gamma, p = display.values[:, np.newaxis], display.proba
    assert_allclose(display.factor, (1 - p) ** gamma, rtol=1e-9)
    drawn = display.mesh_.get_array()
    assert_allclose(np.ravel(drawn), display.factor.ravel())
    assert display.ax_.get_ylabel() == "gamma"


@pytest.mark.parametrize("name", [n for n in LOSSES if fields(LOSSES[n])])
def test_every_loss_with_a_parameter_has_a_factor(name):
    display = ModulationDisplay.from_loss(name)
    loss = LOSSES[name](**{display.parameter: display.values[-1]})
    p = display.proba
    assert_allclose(display.factor[-1] * -np.log(p), loss.phi(p, 1 - p, -np.log(p)))


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("classwise", [False, True])
def test_the_reliability_is_that_of_the_metric(strategy, classwise):
    model, X, y = flowers()
    proba = model.predict_proba(X)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    keywords = {"strategy": strategy, "classwise": classwise, "n_bins": 5}
    keywords |= {"sample_weight": weight}
    display = ReliabilityDisplay.from_predictions(y, proba, **keywords)
    error = expected_calibration_error(y, proba, **keywords)
    assert_allclose(display.error, error)
    drawn = 0.0
    for bins, line in zip(display.curves, display.lines_, strict=True):
        x, height = line.lines[0].get_data()
        share = bins.weight / bins.weight.sum()
        drawn += share @ np.abs(height - x) / len(display.curves)
    assert_allclose(drawn, error)
    assert display.names == (model.classes_.tolist() if classwise else ["model"])
    legend = display.ax_.get_legend()
    title = legend.get_title() if classwise else legend.get_texts()[0]
    assert f"ECE {error:.3f}" in title.get_text()


def test_the_bars_of_the_reliability():
    y, proba = [0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75]
    display = ReliabilityDisplay.from_predictions(y, proba, n_bins=2, name="five")
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in display.bars_]
    assert_allclose(bars, [(0, 0.5, 0.4), (0.5, 0.5, 0.6)])
    assert [text.get_text() for text in display.ax_.texts] == ["2", "3"]
    # A second model has another colour, and does not draw the diagonal again.
    before = len(display.ax_.lines)
    other = ReliabilityDisplay.from_predictions(y, proba, ax=display.ax_)
    assert len(display.ax_.lines) == before + 1
    colors = {d.lines_[0].lines[0].get_color() for d in (display, other)}
    assert len(colors) == 2
    # 1.96 standard errors: of two rows of three, √(2/9 / 2).
    display = ReliabilityDisplay.from_predictions([0, 1, 1], [0.5] * 3, n_bins=1)
    (bar,) = display.lines_[0].lines[2][0].get_segments()
    assert_allclose(np.diff(bar[:, 1]), 2 * 1.96 / 3)


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_the_shares_of_the_classes(loss):
    model, X, y = flowers()
    proba = model.predict_proba(X)
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    display = LossByClassDisplay.from_predictions(
        y, proba, loss, sample_weight=weight, hardest=0.2
    )
    rows = evaluate_loss(loss, y, proba, reduction="none")
    for k, name in enumerate(model.classes_):
        mine = y == name
        assert_allclose(
            display.loss_share[k], (weight * rows)[mine].sum() / (weight @ rows)
        )
        assert_allclose(display.row_share[k], weight[mine].sum() / weight.sum())
    hardest = np.where(weight > 0, rows, 0).argsort()[-round(0.2 * len(y)) :]
    whole = (weight * rows)[hardest].sum() / (weight @ rows)
    assert_allclose(display.hardest_share.sum(), whole)
    drawn = [bar.get_width() for bar in display.bars_]
    assert_allclose(drawn, display.loss_share)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == model.classes_.tolist()
    assert_allclose(display.marks_.get_xdata(), display.row_share)


def test_many_classes_are_too_many():
    rng = np.random.default_rng(0)
    y, proba = np.arange(200) % 40, rng.dirichlet(np.ones(40), 200)
    display = LossByClassDisplay.from_predictions(y, proba)
    assert len(display.bars_) == 25 and len(display.loss_share) == 40
    least = min(bar.get_width() for bar in display.bars_)
    assert np.sum(display.loss_share >= least) == 25


def test_the_posterior_curves():
    display = PosteriorDisplay.from_losses(
        ["focal", CrossEntropy()], label_smoothing=[0.0, 0.2]
    )
    assert len(display.lines_) == 4
    for (loss, amount), line in zip(display.settings, display.lines_, strict=True):
        p, drawn = line.get_data()
        logits = np.log(p) - np.log1p(-p)
        expected = loss.posterior(logits, label_smoothing=amount)[:, 1]
        assert_allclose(drawn, expected, rtol=1e-6)
        if isinstance(loss, CrossEntropy) and not amount:
            assert_allclose(drawn, p)
    labels = [line.get_label() for line in display.lines_]
    assert labels[1] == "Focal(gamma=2.0), smoothing 0.2"


@pytest.mark.parametrize("loss", [CrossEntropy(), Focal(2.0)], ids=repr)
def test_the_posterior_of_many_classes_is_that_of_the_likeliest(loss):
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=(30_000, 4)), rng.integers(1, 3, 30_000)
    implied = loss.posterior(z, label_smoothing=0.1)
    y = (np.log(implied) + rng.gumbel(size=z.shape)).argmax(axis=1)
    p = CrossEntropy().predict_proba(z)
    display = PosteriorDisplay.from_predictions(
        y, p, loss, label_smoothing=0.1, n_bins=5, sample_weight=w
    )
    order = np.argsort(p.max(axis=1))
    bins = np.searchsorted(np.cumsum(w[order]), np.arange(1, 5) / 5 * w.sum())
    bins = np.split(order, bins + 1)
    top = [np.average(p.max(axis=1)[rows], weights=w[rows]) for rows in bins]
    curve = [np.average(implied.max(axis=1)[rows], weights=w[rows]) for rows in bins]
    right = y == p.argmax(axis=1)
    true = [np.average(right[rows], weights=w[rows]) for rows in bins]
    assert_allclose(display.points_.get_data(), [top, true], rtol=1e-3)
    assert_allclose(display.lines_[0].get_data(), [top, curve], rtol=1e-3)
    assert_allclose(true, curve, atol=0.03)
    assert "likeliest" in display.ax_.get_xlabel()


@pytest.mark.parametrize("scale", ["log", "logit"])
def test_rare_classes_have_room_on_other_scales(scale):
    rng = np.random.default_rng(0)
    p = np.concatenate([np.full(500, 1e-4), rng.uniform(1e-3, 0.1, 1500), [0.9999]])
    y = rng.random(len(p)) < p
    y[:500], y[-1] = False, True
    display = PosteriorDisplay.from_predictions(y, p, "focal", scale=scale, n_bins=8)
    ax = display.ax_
    assert ax.get_xscale() == ax.get_yscale() == scale
    for low, high in (ax.get_xlim(), ax.get_ylim()):
        assert 0 < low < 1e-4 and 0.7 < high <= 1
    x, drawn = display.points_.get_data()
    low, high = ax.get_ylim()
    assert_allclose(x, display.bins.confidence)
    assert display.bins.frequency[0] == 0 and drawn[0] == low
    inside = display.bins.frequency > 0
    assert_allclose(drawn[inside], display.bins.frequency[inside])
    # The curve goes as far as the axes do.
    output = display.lines_[0].get_xdata()
    assert output[0] <= low and (scale == "log" or output[-1] >= high)
    assert PosteriorDisplay.from_losses("focal", scale=scale).ax_.get_xlim()[0] < 0.01


def test_points_of_a_minimiser_lie_on_its_curve():
    rng = np.random.default_rng(0)
    z = rng.normal(size=20_000)
    truth = Focal(2.0).posterior(z)[:, 1]
    y = rng.random(len(z)) < truth
    display = PosteriorDisplay.from_predictions(y, 1 / (1 + np.exp(-z)), Focal(2.0))
    x, drawn = display.points_.get_data()
    assert len(x) == 10
    assert_allclose(drawn, np.interp(x, display.output, display.curves[0]), atol=0.03)
    assert PosteriorDisplay.from_losses("focal").points_ is None


def test_the_paths_of_a_search():
    X, y = load_iris(return_X_y=True)
    Cs, gammas = [0.1, 10.0, 1.0], [0.0, 2.0]
    model = FocalLogisticRegressionCV(Cs=Cs, gammas=gammas).fit(X, y)
    search = GridSearchCV(
        make_pipeline(StandardScaler(with_std=False), FocalLogisticRegression()),
        {
            "focallogisticregression__C": Cs,
            "focallogisticregression__gamma": gammas,
        },
        scoring=neg_log_loss_scorer,
    ).fit(X, y)
    for fitted in (model, search):
        display = PathDisplay.from_estimator(fitted)
        assert [list(each.values()) for each in display.settings] == [[0.0], [2.0]]
        table = fitted.cv_results_
        for setting, line, (at, mean, error) in zip(
            display.settings, display.lines_, display.paths, strict=True
        ):
            assert_allclose(line.get_xdata(), [0.1, 1, 10])
            assert_allclose(line.get_ydata(), mean)
            for C, value, half in zip(at, mean, error, strict=True):
                row = next(
                    i
                    for i, point in enumerate(table["params"])
                    if {C, *setting.values()} <= set(point.values())
                )
                folds = [table[f"split{k}_test_score"][row] for k in range(5)]
                assert_allclose(value, np.mean(folds))
                assert_allclose(half, np.std(folds) / np.sqrt(5))
        best = table["mean_test_score"].max()
        assert_allclose(display.best_.get_ydata(), best)
        assert display.ax_.get_xscale() == "log"
        same = PathDisplay.from_cv_results(fitted.cv_results_)
        assert_allclose(same.paths, display.paths)
    with pytest.raises(ValueError, match=r"^parameter must be one of .*'C', 'gamma'"):
        PathDisplay.from_estimator(model, parameter="alpha")
    with pytest.raises(ValueError, match=r"^estimator must be a fitted search"):
        PathDisplay.from_estimator(FocalLogisticRegression())


RESULTS = {
    "params": [{"C": 1, "how": "a"}, {"C": 1, "how": None}],
    "mean_test_log": [1.0, 2.0],
    "std_test_log": [0.0, 0.0],
    "split0_test_log": [1.0, 2.0],
    "mean_test_acc": [np.nan, np.nan],
    "std_test_acc": [np.nan, np.nan],
}


def test_the_paths_of_several_scores():
    X, y = load_iris(return_X_y=True)
    grid = {"C": [0.1, 1.0], "gamma": [0.0, 2.0]}
    scoring = {"log": neg_log_loss_scorer, "acc": "accuracy"}
    search = GridSearchCV(
        FocalLogisticRegression(), grid, scoring=scoring, refit="acc", cv=3
    ).fit(X, y)
    table = search.cv_results_
    for metric in scoring:
        display = PathDisplay.from_estimator(search, metric=metric)
        assert display.ax_.get_ylabel() == f"mean test {metric}"
        for setting, (at, mean, error) in zip(
            display.settings, display.paths, strict=True
        ):
            for C, value, half in zip(at, mean, error, strict=True):
                row = table["params"].index({"C": C, **setting})
                folds = [table[f"split{k}_test_{metric}"][row] for k in range(3)]
                assert_allclose(value, np.mean(folds))
                assert_allclose(half, np.std(folds) / np.sqrt(3), atol=1e-15)
    refitted = PathDisplay.from_estimator(search)
    assert refitted.metric == "acc"
    search.refit = False
    with pytest.raises(ValueError, match=r"^metric must be one of \['log', 'acc'\]"):
        PathDisplay.from_estimator(search)


def test_the_paths_of_several_grids():
    """Curves are of the points that have the parameter, whichever else they have."""
    X, y = load_iris(return_X_y=True)
    pipeline = Pipeline([("scale", None), ("model", GaussianNB())])
    focal = [FocalLogisticRegression()]
    search = GridSearchCV(
        pipeline,
        [
            {"model": focal, "model__C": [1.0, 0.1], "scale": [StandardScaler(), None]},
            {"model": [GaussianNB()], "model__var_smoothing": [0.1, 1.0]},
            {"model": focal, "model__C": [1.0, 10.0], "model__gamma": [0.0]},
        ],
        cv=3,
    ).fit(X, y)
    display = PathDisplay.from_estimator(search)
    assert [at.tolist() for at, _, _ in display.paths] == [[0.1, 1]] * 2 + [[1, 10]]
    labels = [line.get_label() for line in display.lines_]
    assert labels == ["scale=StandardScaler()", "scale=None", "gamma=0"]
    assert_allclose(display.paths[2][1], search.cv_results_["mean_test_score"][-2:])


def test_a_point_that_is_repeated_counts_as_the_last_time():
    """As in successive halving, which gives it more rows."""
    table = {"params": [{"C": 1}, {"C": 2}, {"C": 1}], "iter": [0, 0, 1]}
    table |= {"mean_test_score": [1.0, 2.0, 3.0], "std_test_score": np.zeros(3)}
    ((at, mean, _),) = PathDisplay.from_cv_results(table).paths
    assert_allclose([at, mean], [[1, 2], [3, 2]])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_coefficients_of_a_path(n_classes):
    X, y = load_wine(return_X_y=True)
    rows = y < n_classes
    X, y = scale(X[rows]), y[rows]
    path = cross_entropy_path(X, y, Cs=[1.0, 0.01, 0.1])
    names = [f"x{j}" for j in range(X.shape[1])]
    display = PathDisplay.from_path(path, feature_names=names)
    used = np.argwhere(path.coefs.any(axis=0))
    assert len(display.lines_) == len(used)
    for line, setting, (k, j) in zip(
        display.lines_, display.settings, used, strict=True
    ):
        assert_allclose(line.get_xdata(), [0.01, 0.1, 1.0])
        assert_allclose(line.get_ydata(), path.coefs[[1, 2, 0], k, j])
        assert setting["column"] == f"x{j}"
        assert setting.get("class", 0) == k
    largest = np.abs(path.coefs).max(axis=0)[tuple(used.T)].argmax()
    assert display.lines_[largest].get_label().endswith(f"x{used[largest][1]}")
    assert display.ax_.get_ylabel() == "coefficient"
    assert display.best_ is None
    assert not display.bands_
    with pytest.raises(ValueError, match="feature_names must have 13 names"):
        PathDisplay.from_path(path, feature_names=names[1:])
    with pytest.raises(ValueError, match="path must have a coefficient"):
        PathDisplay.from_path(path._replace(coefs=0 * path.coefs))


def test_no_penalty_is_drawn_too():
    table = {"params": [{"C": np.inf}, {"C": 2}, {"C": 1}]}
    table |= {"mean_test_score": [3.0, 2.0, 1.0], "std_test_score": np.zeros(3)}
    display = PathDisplay.from_cv_results(table)
    assert display.paths[0][0].tolist() == [1, 2, np.inf]
    assert_allclose(display.lines_[0].get_data(), [[1, 2, 20], [1, 2, 3]])
    assert_allclose(display.best_.get_data(), [[20], [3]])
    (text,) = display.ax_.texts
    assert text.get_position()[0] == 20 and text.get_text() == "∞"


def test_many_paths_have_a_legend_that_fits():
    n = 40
    score = np.random.default_rng(0).normal(size=(n, 2))
    score[3] = np.nan
    points = [
        {
            "a_long_step__model__C": C,
            "a_long_step__model__gamma": float(g),
            "x": "y" * g,
        }
        for g in range(n)
        for C in (1, 10)
    ]
    table = {"params": points, "mean_test_score": score.ravel()}
    table |= {"std_test_score": np.ones(2 * n), "split0_test_score": score.ravel()}
    display = PathDisplay.from_cv_results(table)
    assert len(display.lines_) == n and len(display.bands_) == 8
    told = {text.get_text().split(",")[0] for text in display.ax_.get_legend().texts}
    best = np.argsort(-np.nan_to_num(score.max(axis=1), nan=-np.inf))[:8]
    assert told == {f"gamma={g}" for g in best} | {"32 others"}
    assert_allclose(display.best_.get_ydata(), np.nanmax(score))
    figure = display.figure_
    figure.canvas.draw()
    box = display.ax_.get_legend().get_window_extent()
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1 and box.y0 >= display.ax_.bbox.y1 - 1


@pytest.mark.parametrize("classwise", [False, True])
def test_the_legend_of_the_reliability_covers_no_point(classwise):
    model, X, y = flowers()
    display = ReliabilityDisplay.from_estimator(model, X, y, classwise=classwise)
    if not classwise:
        ReliabilityDisplay.from_estimator(model, X, y, name="again", ax=display.ax_)
    display.figure_.canvas.draw()
    box = display.ax_.get_legend().get_window_extent()
    assert box.y0 >= display.ax_.bbox.y1 - 1
    assert box.y1 <= display.figure_.bbox.y1


@pytest.mark.parametrize("style", ["default", "dark_background"])
@all_displays
def test_what_is_drawn_stands_out(cls, style):
    """Contrast with the background of 3 or more, as WCAG 2.1 asks of graphics."""

    def luminance(color):
        rgb = np.array(matplotlib.colors.to_rgb(color))
        rgb = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return rgb @ [0.2126, 0.7152, 0.0722]

    model, X, y = flowers(two=True)
    with plt.style.context(style):
        display = cls.from_estimator(model, X, y)
        ground = luminance(display.ax_.get_facecolor())
        artists = [*getattr(display, "lines_", []), getattr(display, "marks_", None)]
        for artist in artists:
            if artist is None:
                continue
            line = artist.lines[0] if hasattr(artist, "lines") else artist
            light = sorted([luminance(line.get_color()), ground])
            assert (light[1] + 0.05) / (light[0] + 0.05) >= 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LossCurveDisplay.from_losses(None), "loss must be one of 'cross_"),
        (lambda: LossCurveDisplay.from_losses(3), "loss must be one of 'cross_"),
        (lambda: LossCurveDisplay.from_losses([]), "losses must be at least one loss"),
        (lambda: LossCurveDisplay.from_losses("hinge"), "loss must be one of"),
        (
            lambda: LossCurveDisplay.from_losses("focal", quantity="slope"),
            "quantity must be one of 'loss', 'gradient', got 'slope'",
        ),
        (
            lambda: LossCurveDisplay.from_losses("focal", against="logit"),
            "against must be one of 'probability', 'margin', got 'logit'",
        ),
        (
            lambda: LossCurveDisplay.from_losses("focal", operating_range=[1]),
            r"operating_range must be None or 3 numbers, got \[1\]",
        ),
        (
            lambda: LossCurveDisplay.from_predictions(np.eye(2), np.eye(2)),
            r"y_true must be of shape \(n,\), got \(2, 2\)",
        ),
        (
            lambda: ModulationDisplay.from_loss("cross_entropy"),
            "loss must have a parameter, got 'cross_entropy'",
        ),
        (
            lambda: ModulationDisplay.from_loss("focal", parameter="q"),
            "parameter must be one of 'gamma', got 'q'",
        ),
        (
            lambda: ModulationDisplay.from_loss("focal", values=[2, 1]),
            "values must be two or more and increase, got",
        ),
        (
            lambda: ModulationDisplay.from_loss("focal", values=[-1, 1]),
            r"gamma must be a number in \[0, 1e\+06\], got -1",
        ),
        (
            lambda: PosteriorDisplay.from_losses("focal", label_smoothing=1),
            r"label_smoothing must be a number in \[0, 1\), got 1",
        ),
        (
            lambda: PosteriorDisplay.from_losses("focal", scale="sqrt"),
            "scale must be one of 'linear', 'log', 'logit', got 'sqrt'",
        ),
        (
            lambda: PosteriorDisplay.from_predictions([0], [0.5], scale=None),
            "scale must be one of 'linear', 'log', 'logit', got None",
        ),
        (
            lambda: PathDisplay.from_cv_results(RESULTS),
            r"metric must be one of \['log', 'acc'\], got None",
        ),
        (
            lambda: PathDisplay.from_cv_results(RESULTS, metric="score"),
            r"metric must be one of \['log', 'acc'\], got 'score'",
        ),
        (
            lambda: PathDisplay.from_cv_results(RESULTS, metric="acc"),
            "mean_test_acc must have finite scores, got none",
        ),
        (
            lambda: PathDisplay.from_cv_results(RESULTS, metric="log", parameter="how"),
            r"parameter must be one whose values are numbers, got how='a'",
        ),
        (
            lambda: ReliabilityDisplay.from_predictions([0, 1], [0.1, 0.9], n_bins=0),
            "n_bins must be an integer >= 1, got 0",
        ),
        (
            lambda: LossByClassDisplay.from_predictions([0, 1], [0.1, 0.9], hardest=2),
            r"hardest must be a number in \[0, 1\], got 2",
        ),
        (
            lambda: LossByClassDisplay.from_predictions(np.eye(2), np.eye(2)),
            r"y_true must be of shape \(n,\), got \(2, 2\)",
        ),
        (
            lambda: LossByClassDisplay.from_predictions(
                [0, 1], [[np.inf, 0], [0, np.inf]], from_logits=True
            ),
            r"y_true must have a positive, finite loss, got 0\.0",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


@all_displays
def test_only_fitted_classifiers_answer(cls):
    with pytest.raises(ValueError, match=r"^estimator must be a fitted classifier"):
        cls.from_estimator(GaussianNB(), [[0.0]], [0])


@all_displays
def test_from_estimator_takes_what_from_predictions_takes(cls):
    ours = signature(cls.from_estimator).parameters
    theirs = signature(cls.from_predictions).parameters
    assert [*ours][:3] == ["estimator", "X", "y"]
    left_out = {"y_true", "y_proba", "labels", "from_logits"}
    assert [*ours][3:] == [name for name in theirs if name not in left_out]
    assert all(ours[name] == theirs[name] for name in [*ours][3:])
    assert all(name in cls.from_estimator.__doc__ for name in ours)
    assert cls.from_estimator.__qualname__ == f"{cls.__name__}.from_estimator"
    with pytest.raises(TypeError, match="unexpected keyword argument 'labels'"):
        cls.from_estimator(None, None, None, labels=[0, 1])


@all_displays
def test_a_display_can_be_drawn_again(cls):
    model, X, y = flowers(two=True)
    display = cls.from_estimator(model, X, y)
    first, (_, second) = display.ax_, plt.subplots()
    assert display.plot(ax=second) is display
    assert display.ax_ is second is not first
    assert display.figure_ is second.figure
    assert second.get_xlabel() == first.get_xlabel() != ""
    assert display.plot().ax_ not in (first, second)


def test_matplotlib_is_imported_only_when_used():
    code = """
import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
import skxent, skxent.displays
try:
    skxent.displays.LossCurveDisplay.from_losses("focal")
except ImportError as error:
    print(error)
"""
    outcome = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60
    )
    assert outcome.stdout == "Displays need matplotlib: pip install matplotlib.\n"


@pytest.mark.parametrize(
    "module",
    [
        "_loss_by_class",
        "_loss_curve",
        "_modulation",
        "_path",
        "_posterior",
        "_reliability",
    ],
)
def test_examples_in_docstrings_run(module):
    found = doctest.testmod(importlib.import_module(f"skxent.displays.{module}"))
    assert found.attempted and not found.failed
