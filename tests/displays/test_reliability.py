"""Reliability diagrams: isotonic curves and their bands, scales, events, bins."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.isotonic import IsotonicRegression
from sklearn.naive_bayes import GaussianNB

from skxent.displays import ReliabilityDisplay
from skxent.metrics import expected_calibration_error
from skxent.metrics._bins import Outcomes
from skxent.metrics._isotonic import columns_of

matplotlib = pytest.importorskip("matplotlib", reason="displays need matplotlib")
matplotlib.use("Agg")

plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")

diagram = ReliabilityDisplay.from_predictions


def two_classes(n=400, power=1.0, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 3, n).round(2)
    return (rng.random(n) < p**power).astype(int), p


def three_classes(n=300, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(3), n)
    return (rng.random((n, 1)) > proba.cumsum(axis=1)[:, :-1]).sum(axis=1), proba


def fitted_at(bins, x):
    """Return the value of an isotonic curve at probabilities of its rows."""
    return bins.frequency[np.searchsorted(bins.low, x, side="right") - 1]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_isotonic_curve_is_that_of_scikit_learn(weighted):
    y, p = two_classes()
    w = np.random.default_rng(0).integers(0, 3, len(y)) if weighted else None
    display = diagram(y, p, strategy="isotonic", sample_weight=w, n_resamples=20)
    (bins,) = display.curves
    kept = slice(None) if w is None else w > 0
    fit = IsotonicRegression().fit_transform(p, y, sample_weight=w)[kept]
    assert_allclose(fitted_at(bins, p[kept]), fit, atol=1e-12)
    assert len(bins.frequency) == len(np.unique(fit.round(10)))
    total = len(y) if w is None else w.sum()
    assert_allclose(bins.weight.sum(), total)
    drawn = display.lines_[0].lines[0].get_xydata()
    assert_allclose(drawn[::2], np.c_[bins.low, bins.frequency])
    assert_allclose(drawn[1::2], np.c_[bins.high, bins.frequency])
    share = bins.weight / total
    error = share @ np.abs(bins.frequency - bins.confidence)
    assert_allclose(display.error, error)


@pytest.mark.parametrize("n", [200, 4500])  # 4500: the band is that of groups of rows
def test_the_band_holds_its_level(n):
    """Calibrated curves are inside at 0.8 of the points, others at fewer."""
    rng, state = np.random.default_rng(0), np.random.RandomState(0)
    inside = {1.0: [], 2.0: []}
    for power, shares in inside.items():
        for _ in range(80 if power == 1 else 8):
            p = rng.beta(1, 3, n)
            y = (rng.random(n) < p**power) * 1.0
            outcomes = Outcomes(p[:, None], y[:, None], np.ones(n))
            (column,) = columns_of(outcomes)
            band = column.band(0.8, 40, state)
            fit = fitted_at(column.bins(), band.confidence)
            shares.append(np.mean((band.low <= fit) & (fit <= band.high)))
    calibrated = np.array(inside[1.0])
    error = calibrated.std() / np.sqrt(len(calibrated))
    assert error < 0.02
    # Repeated values of the fit make the band a little too wide if there are few rows.
    assert 0.8 - 3 * error < calibrated.mean() < 0.83 + 3 * error
    assert np.mean(inside[2.0]) < 0.5


def test_the_band_is_drawn_around_the_diagonal():
    y, p = two_classes()
    display = diagram(y, p, strategy="isotonic", random_state=0)
    (band,), (drawn,) = display.bands, display.bands_
    assert_allclose(np.unique(p), band.confidence)
    outside = (band.low > band.confidence) | (band.high < band.confidence)
    assert outside.mean() < 0.1
    assert_allclose(drawn.get_datalim(display.ax_.transData).x1, p.max())
    again = diagram(y, p, strategy="isotonic", random_state=0)
    assert_allclose(again.bands[0], band)
    narrow = diagram(y, p, strategy="isotonic", random_state=0, band_level=0.5)
    width = [np.mean(b.high - b.low) for b in (narrow.bands[0], band)]
    assert width[0] < 0.6 * width[1]
    soft = np.c_[1 - p, p]
    for bare in (
        diagram(y, p, strategy="isotonic", band_level=None),
        diagram(soft, soft, strategy="isotonic"),
        diagram(y, p),
    ):
        assert not bare.bands and not bare.bands_


@pytest.mark.parametrize("strategy", ["quantile", "isotonic"])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_pos_label_is_one_class_against_the_rest(label, strategy):
    y, proba = three_classes()
    one = diagram(y, proba, pos_label=label, strategy=strategy, band_level=None)
    two = diagram(y == label, proba[:, label], strategy=strategy, band_level=None)
    every = diagram(y, proba, classwise=True, strategy=strategy, band_level=None)
    for other in (two.curves[0], every.curves[label]):
        assert_allclose(one.curves[0].frequency, other.frequency)
        assert_allclose(one.curves[0].confidence, other.confidence)
    assert one.ax_.get_xlabel() == f"Predicted probability (class {label})"


def test_the_axes_say_whose_probability_it_is():
    y, proba = three_classes()
    names = np.array(["cat", "dog", "owl"])
    assert diagram(y, proba).ax_.get_ylabel() == "Observed frequency"
    label = "Predicted probability"
    for display, event in (
        (diagram(y, proba), " (likeliest class)"),
        (diagram(y, proba, classwise=True), ""),
        (diagram(names[y], proba, pos_label="owl"), " (class owl)"),
        (diagram(names[y % 2], proba[:, 0]), " (class dog)"),
        (diagram(names[y % 2], proba[:, 0], pos_label="cat"), " (class cat)"),
    ):
        assert display.ax_.get_xlabel() == label + event
    X = proba[:, :2]
    model = GaussianNB().fit(X, names[y])
    display = ReliabilityDisplay.from_estimator(model, X, names[y], pos_label="cat")
    assert display.ax_.get_xlabel() == "Predicted probability (class cat)"


@pytest.mark.parametrize("scale", ["log", "logit"])
@pytest.mark.parametrize("strategy", [None, "isotonic", "uniform"])
def test_rare_classes_have_room_on_other_scales(scale, strategy):
    rng = np.random.default_rng(0)
    p = 1 / (1 + np.exp(rng.normal(6, 2, 20_000)))
    p[:3] = 0, 1, 1 - 1e-9
    y = rng.random(len(p)) < p
    y[p < 1e-4] = False
    display = diagram(y, p, scale=scale, strategy=strategy, n_resamples=10)
    ax, (bins,) = display.ax_, display.curves
    assert ax.get_xscale() == ax.get_yscale() == scale
    low, high = ax.get_xlim()
    assert ax.get_ylim() == (low, high) and 0 < low < 5e-3 and high > 0.7
    line = display.lines_[0]
    drawn = [line.lines[0].get_xydata()]
    if strategy == "isotonic":
        assert bins.frequency[0] == 0 and drawn[0][0, 1] == low
    else:
        segments = np.concatenate(line.lines[2][0].get_segments())
        assert_allclose(segments[:, 0].reshape(-1, 2).T, [drawn[0][:, 0]] * 2)
        drawn.append(segments)
        if strategy is None:  # bins of equal weight
            equal = expected_calibration_error(y, p, n_bins=27, strategy="quantile")
            assert_allclose(display.error, equal)
    drawn = np.concatenate(drawn)
    assert (drawn >= low * (1 - 1e-9)).all() and (drawn <= high * (1 + 1e-9)).all()
    edges, share = display.histogram
    steps = np.diff(np.log(edges) if scale == "log" else np.log(edges / (1 - edges)))
    assert_allclose(steps[1:-1], steps[1], rtol=1e-6)
    inside = (p > edges[3]) & (p <= edges[7])
    assert_allclose(share[3:7].sum(), inside.mean())
    display.figure_.canvas.draw()
    # A second model leaves the first within the axes.
    other = diagram(y, np.sqrt(p), scale=scale, strategy=strategy, ax=ax, n_resamples=9)
    assert ax.get_xlim()[0] <= low and ax.get_xlim()[1] >= high
    colors = {d.lines_[0].lines[0].get_color() for d in (display, other)}
    assert len(colors) == 2


def test_the_number_of_bins_grows_with_the_rows():
    """By the cube root of (Σ w)² / Σ w², from 5 to 30."""
    for n, expected in ((20, 5), (1000, 10), (27_000, 30), (100_000, 30)):
        p = (np.arange(n) + 0.5) / n
        assert len(diagram(np.arange(n) % 2, p).curves[0].weight) == expected
    p = np.tile((np.arange(1000) + 0.5) / 1000, 2)
    weight = np.repeat([1.0, 1e-9], 1000)
    display = diagram(np.arange(2000) % 2, p, sample_weight=weight)
    assert len(display.curves[0].weight) == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_bins": "many"}, "n_bins must be an integer >= 1 or 'auto', got 'many'"),
        (
            {"strategy": "isotonic", "n_bins": 5},
            "n_bins must be 'auto' for strategy='isotonic', got 5",
        ),
        (
            {"strategy": "pav"},
            "strategy must be one of 'uniform', 'quantile', 'isotonic', got 'pav'",
        ),
        ({"scale": "sqrt"}, "scale must be one of 'linear', 'log', 'logit', got"),
        ({"band_level": 1.0}, r"band_level must be a number in \(0, 1\), got 1.0"),
        ({"n_resamples": 0}, "n_resamples must be an integer >= 1, got 0"),
        ({"pos_label": 7}, r"pos_label must be one of \[0, 1\], got 7"),
        (
            {"pos_label": 1, "classwise": True},
            "pos_label must be None for classwise=True, got 1",
        ),
        (
            {"sample_weight": [0, 0], "strategy": "isotonic"},
            "sample_weight must have a sum other than zero",
        ),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        diagram([0, 1], [0.1, 0.9], **change)


@pytest.mark.parametrize("n_bins", ["auto", 5])
def test_some_row_needs_a_weight(n_bins):
    with pytest.raises(ValueError, match=r"^sample_weight must have a sum other than"):
        ReliabilityDisplay.from_predictions(
            [0, 1], [0.2, 0.7], n_bins=n_bins, sample_weight=[0.0, 0.0]
        )
