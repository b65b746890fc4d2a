"""Calibration errors against tables worked by hand, fractions, and scikit-learn."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_iris
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB

from skxent.metrics import expected_calibration_error

seeds = st.integers(0, 2**32 - 1)
strategies = pytest.mark.parametrize("strategy", ["uniform", "quantile"])
norms = pytest.mark.parametrize("norm", ["l1", "l2", "max"])

# Five rows in the bins (0, 1/2] and (1/2, 1]: shares 2/5 and 3/5, mean confidences
# 1/4 and 41/60, frequencies 0 and 1, hence gaps 1/4 and 19/60. The example, with its
# values 0.29, 0.2918 and 0.3167, is that of torchmetrics' BinaryCalibrationError.
FIVE = [0, 0, 1, 1, 1], [0.25, 0.25, 0.55, 0.75, 0.75]


@pytest.mark.parametrize(
    ("norm", "value"),
    [
        ("l1", Fraction(2, 5) * Fraction(1, 4) + Fraction(3, 5) * Fraction(19, 60)),
        ("l2", (Fraction(2, 5) / 16 + Fraction(3, 5) * Fraction(19, 60) ** 2) ** 0.5),
        ("max", Fraction(19, 60)),
    ],
)
def test_a_published_example(norm, value):
    ours = expected_calibration_error(*FIVE, n_bins=2, norm=norm)
    assert_allclose(ours, float(value), rtol=1e-14)


# Guo et al. (2017), equations 2 to 5: six rows, three classes. The largest
# probabilities 0.4 | 0.5 0.6 | 0.8 0.9 1.0 lie in thirds of [0, 1]:
#   (1/3, 2/3]: 0.4 right, 0.5 wrong, 0.6 right: accuracy 2/3, confidence 1/2
#   (2/3, 1]:   0.8 wrong, 0.9 right, 1.0 right: accuracy 2/3, confidence 9/10
SIX = np.array(
    [
        [0.4, 0.3, 0.3],
        [0.3, 0.5, 0.2],
        [0.2, 0.2, 0.6],
        [0.8, 0.1, 0.1],
        [0.0, 0.9, 0.1],
        [0.0, 0.0, 1.0],
    ]
)
SIX_LABELS = np.array(["a", "c", "c", "b", "b", "c"])


def test_the_top_label_by_hand():
    keywords = {"y_true": SIX_LABELS, "y_proba": SIX, "n_bins": 3}
    value = (Fraction(1, 6) + Fraction(7, 30)) / 2
    assert_allclose(expected_calibration_error(**keywords), float(value))
    assert_allclose(expected_calibration_error(**keywords, norm="max"), 7 / 30)
    # Halves of the rows are the same bins.
    keywords |= {"n_bins": 2, "strategy": "quantile"}
    assert_allclose(expected_calibration_error(**keywords), float(value))


def test_every_class_by_hand():
    """One bin a class: the gaps are the class shares less the mean probabilities."""
    gaps = np.abs(np.array([1, 2, 3]) / 6 - SIX.mean(axis=0))
    for norm, value in [
        ("l1", gaps.mean()),
        ("l2", np.sqrt(np.mean(gaps**2))),
        ("max", gaps.max()),
    ]:
        ours = expected_calibration_error(
            SIX_LABELS, SIX, n_bins=1, norm=norm, classwise=True
        )
        assert_allclose(ours, value, rtol=1e-12)


def by_definition(confidence, event, weight, n_bins):
    """Shares and gaps of bins ((b - 1) / B, b / B], as fractions."""
    bins = {}
    for c, y, w in zip(confidence, event, weight, strict=True):
        b = max(0, -(-c * n_bins // 1) - 1)  # ceil(c B) - 1
        mass, conf, hits = bins.get(b, (0, 0, 0))
        bins[b] = mass + w, conf + w * c, hits + w * y
    total = sum(mass for mass, _, _ in bins.values())
    return [
        (m / Fraction(total), abs(h - c) / Fraction(m)) for m, c, h in bins.values()
    ]


def norm_of(bins, norm):
    if norm == "max":
        return float(max(gap for _, gap in bins))
    if norm == "l1":
        return float(sum(share * gap for share, gap in bins))
    return float(sum(share * gap**2 for share, gap in bins)) ** 0.5


@norms
@given(seeds, st.integers(2, 4), st.sampled_from([1, 3, 4, 5, 10, 15]))
def test_equal_width_is_the_definition_in_fractions(norm, seed, n_classes, n_bins):
    """Probabilities are twentieths: many lie on an edge, in float32 as in float64."""
    rng = np.random.default_rng(seed)
    parts = rng.multinomial(20, np.ones(n_classes) / n_classes, 30)
    codes = rng.integers(0, n_classes, 30)
    weight = rng.integers(1, 5, 30)
    exact = [[Fraction(int(part), 20) for part in row] for row in parts]
    chosen = parts.argmax(axis=1) if n_classes > 2 else np.ones(30, dtype=int)
    confidence = [row[k] for row, k in zip(exact, chosen, strict=True)]
    event = [int(hit) for hit in codes == chosen]
    weights = [int(w) for w in weight]
    expected = norm_of(by_definition(confidence, event, weights, n_bins), norm)
    keywords = {"n_bins": n_bins, "norm": norm, "labels": range(n_classes)}
    keywords |= {"sample_weight": weight}
    for dtype, atol in [(np.float64, 1e-12), (np.float32, 1e-6)]:
        proba = (parts / 20).astype(dtype)
        ours = expected_calibration_error(codes, proba, **keywords)
        assert_allclose(ours, expected, rtol=1e-12, atol=atol)
        if n_classes == 2:
            ours = expected_calibration_error(codes, proba[:, 1], **keywords)
            assert_allclose(ours, expected, rtol=1e-12, atol=atol)


@given(seeds, st.integers(1, 20))
def test_bins_are_those_of_calibration_curve(seed, n_bins):
    rng = np.random.default_rng(seed)
    proba = rng.beta(0.5, 0.5, 200)
    y = np.r_[0, 1, rng.random(198) < 0.5]
    true, predicted = calibration_curve(y, proba, n_bins=n_bins)
    largest = expected_calibration_error(y, proba, n_bins=n_bins, norm="max")
    assert_allclose(largest, np.abs(true - predicted).max(), rtol=1e-10)


@given(seeds, st.integers(1, 12))
def test_equal_mass_shares_the_rows_evenly(seed, n_bins):
    """Every bin but one is calibrated: the error is that bin's share of the rows."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(n_bins, 60))
    proba = np.sort(rng.permutation(np.arange(1, 1000))[:n] / 1000)
    cuts = [-(-b * n // n_bins) for b in range(n_bins + 1)]  # ceil(b n / B)
    b = int(rng.integers(n_bins))
    event = np.column_stack([1 - proba, proba])
    event[cuts[b] : cuts[b + 1]] = [1, 0]
    gap = proba[cuts[b] : cuts[b + 1]].sum() / n
    ours = expected_calibration_error(event, proba, n_bins=n_bins, strategy="quantile")
    assert_allclose(ours, gap, rtol=1e-10, atol=1e-14)


@given(seeds, st.integers(1, 12), st.sampled_from([0.1, 1e-9, 1e12 / 3]))
def test_equal_weights_change_nothing(seed, n_bins, weight):
    """Though their sums round."""
    rng = np.random.default_rng(seed)
    y, proba = np.r_[0, 1, rng.integers(0, 2, 58)], rng.random(60)
    keywords = {"n_bins": n_bins, "strategy": "quantile"}
    assert_allclose(
        expected_calibration_error(y, proba, sample_weight=[weight] * 60, **keywords),
        expected_calibration_error(y, proba, **keywords),
        rtol=1e-10,
    )


def test_equal_mass_keeps_ties_together():
    """Halves would cut the four 0.5 in two: they stay together, with the 0.1."""
    y, proba = [0, 1, 1, 1, 0, 0], [0.1, 0.5, 0.5, 0.5, 0.5, 0.9]
    keywords = {"n_bins": 2, "strategy": "quantile"}
    value = abs(3 - 2.1) / 6 + 0.9 / 6
    assert_allclose(expected_calibration_error(y, proba, **keywords), value)
    # All alike: one bin.
    ours = expected_calibration_error([0, 1, 1, 1], [0.5] * 4, **keywords)
    assert_allclose(ours, 0.25)


@strategies
@norms
@given(seeds, st.booleans(), st.integers(2, 4))
def test_a_weight_is_that_many_rows(strategy, norm, seed, classwise, n_classes):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), 20)
    codes, weight = rng.integers(0, n_classes, 20), rng.integers(0, 4, 20)
    weight[0] = 1
    keywords = {"strategy": strategy, "norm": norm, "classwise": classwise}
    keywords |= {"labels": range(n_classes), "n_bins": 4}
    weighted = expected_calibration_error(
        codes, proba, sample_weight=weight, **keywords
    )
    repeated = expected_calibration_error(
        np.repeat(codes, weight), np.repeat(proba, weight, axis=0), **keywords
    )
    assert_allclose(weighted, repeated, rtol=1e-10, atol=1e-14)


@strategies
@given(seeds, st.booleans())
def test_other_forms_of_the_same_rows(strategy, seed, classwise):
    """Logits, one-hot rows, soft rows as weighted labels, class weights, a pandas."""
    rng = np.random.default_rng(seed)
    z, codes = rng.normal(size=(30, 3)), np.r_[:3, rng.integers(0, 3, 27)]
    proba, v = softmax(z, axis=1), rng.uniform(0.5, 2, 3)
    keywords = {"strategy": strategy, "classwise": classwise, "n_bins": 4}
    plain = expected_calibration_error(codes, proba, **keywords)
    logits = expected_calibration_error(codes, z, from_logits=True, **keywords)
    assert_allclose(logits, plain, rtol=1e-9)
    hot = expected_calibration_error(np.eye(3)[codes], proba, **keywords)
    assert_allclose(hot, plain, rtol=1e-12)
    soft = rng.dirichlet(np.ones(3), 30)
    for class_weight, weights in [(None, np.ones(3)), (v, v)]:
        ours = expected_calibration_error(
            soft, proba, class_weight=class_weight, **keywords
        )
        split = expected_calibration_error(
            np.tile(np.arange(3), 30),
            np.repeat(proba, 3, axis=0),
            sample_weight=(soft * weights).ravel(),
            **keywords,
        )
        assert_allclose(ours, split, rtol=1e-9)
    weighted = expected_calibration_error(codes, proba, class_weight=v, **keywords)
    by_rows = expected_calibration_error(
        codes, proba, sample_weight=v[codes], **keywords
    )
    assert_allclose(weighted, by_rows, rtol=1e-12)
    ignored = expected_calibration_error(
        np.r_[codes, -100],
        np.r_[proba, proba[:1]],
        ignore_index=-100,
        labels=range(3),
        **keywords,
    )
    assert_allclose(ignored, plain, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:.* of the weight is in bins of one row")
@given(seeds, st.integers(2, 5), st.integers(1, 20))
def test_properties(seed, n_classes, n_bins):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), 40)
    codes = np.r_[:n_classes, rng.integers(0, n_classes, 40 - n_classes)]
    keywords = {"n_bins": n_bins, "classwise": True}
    l1, l2, largest = (
        expected_calibration_error(codes, proba, norm=norm, **keywords)
        for norm in ("l1", "l2", "max")
    )
    assert 0 <= l1 <= l2 + 1e-15 and l2 <= largest + 1e-15 <= 1 + 2e-15
    debiased = expected_calibration_error(
        codes, proba, norm="l2", debias=True, **keywords
    )
    assert debiased <= l2
    order = rng.permutation(n_classes)
    rank = np.argsort(order)
    renamed = expected_calibration_error(rank[codes], proba[:, order], **keywords)
    assert_allclose(renamed, l1, rtol=1e-9)
    # The frequencies themselves as confidences.
    share = np.bincount(codes) / 40
    calibrated = expected_calibration_error(codes, np.tile(share, (40, 1)), **keywords)
    assert_allclose(calibrated, 0, atol=1e-12)


@pytest.mark.parametrize("truth", [0.3, 0.9])
def test_debiased_squares_are_unbiased(truth):
    """Over all outcomes of five rows of confidence 1, whose debiased square is >= 0."""
    square = plain = 0.0
    for y in product([0, 1], repeat=5):
        chance = truth ** sum(y) * (1 - truth) ** (5 - sum(y))
        keywords = {"labels": [0, 1], "norm": "l2", "n_bins": 1}
        values = [
            expected_calibration_error(y, np.ones(5), debias=debias, **keywords)
            for debias in (True, False)
        ]
        square += chance * values[0] ** 2
        plain += chance * values[1] ** 2
    assert_allclose(square, (1 - truth) ** 2, rtol=1e-9)
    assert_allclose(plain, (1 - truth) ** 2 + truth * (1 - truth) / 5, rtol=1e-9)


def test_debias_by_hand():
    """Two bins of three rows, 1/9 - 1/9 and 0 < 4/9 - 1/9, and a bin of one row."""
    y = [0, 0, 1, 0, 0, 1, 1]
    proba = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.5]
    keywords = {"n_bins": 3, "norm": "l2", "debias": True}
    value = np.sqrt(3 / 7 * (4 / 9 - 1 / 9))
    assert_allclose(expected_calibration_error(y, proba, **keywords), value)
    # All weights alike change nothing.
    ours = expected_calibration_error(y, proba, sample_weight=[0.1] * 7, **keywords)
    assert_allclose(ours, value)
    with pytest.warns(UserWarning, match="100% of the weight is in bins of one row"):
        few = expected_calibration_error([0, 1, 1], [0.1, 0.9, 0.5], **keywords)
    assert few == 0
    # A sum that is negative counts 0.
    assert expected_calibration_error([0, 1], [0.5, 0.5], **keywords) == 0


def test_as_a_scorer():
    scorer = make_scorer(
        expected_calibration_error,
        response_method="predict_proba",
        greater_is_better=False,
        n_bins=5,
    )
    for n_classes in (2, 3):
        X, y = load_iris(return_X_y=True)
        X, y = X[y < n_classes], y[y < n_classes]
        scores = cross_val_score(GaussianNB(), X, y, scoring=scorer)
        assert ((scores > -1) & (scores < 0)).all()


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("n_bins", 0, "be an integer >= 1, got 0"),
        ("n_bins", 2.0, "be an integer >= 1, got 2.0"),
        ("n_bins", True, "be an integer >= 1, got True"),
        ("strategy", "width", "be one of 'uniform', 'quantile', got 'width'"),
        ("norm", "l3", "be one of 'l1', 'l2', 'max', got 'l3'"),
        ("classwise", "yes", "be True or False, got 'yes'"),
        ("from_logits", 2, "be True or False, got 2"),
        ("debias", None, "be True or False, got None"),
        ("debias", True, "be False for norm='l1', got True"),
        ("y_proba", SIX + 0.5, r"be in \[0, 1\], got 1\.5"),
        (
            "y_proba",
            SIX[:, :2],
            "have rows with a positive sum, got only zeros in",
        ),
        ("y_proba", np.full((6, 2), 0.5), "have a column for each of 3 labels, got 2"),
        ("y_true", [0, 1], r"have labels in .*, got 0"),
        ("n_bins", 10**9, r"be a number in \[1, 1e\+06\], got 10{9}\.$"),
        ("labels", ["a", "b"], "have a column for each of 2 labels|have labels in"),
        ("sample_weight", [0] * 6, "have a sum other than zero, got 0.0"),
        ("sample_weight", [-1] * 6, "be finite and non-negative, got -1.0"),
        ("class_weight", {"d": 1}, r"have keys in \['a', 'b', 'c'\], got .*d.*"),
    ],
)
def test_bad_arguments(argument, value, message):
    call = {"y_true": SIX_LABELS, "y_proba": SIX, "labels": ["a", "b", "c"]}
    name = "y_true" if argument == "labels" else argument
    with pytest.raises(ValueError, match=rf"^{name} must {message}"):
        expected_calibration_error(**(call | {argument: value}))


def test_bad_tables():
    for proba, message in [
        ([[np.nan, 1, 0]] * 6, "Input y_proba contains NaN"),
        (np.empty((0, 3)), r"Found array with 0 sample\(s\)"),
        (SIX[:5], "y_true must have 5 rows, got 6"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            expected_calibration_error(SIX_LABELS, proba)
    with pytest.raises(ValueError, match=r"^y_proba must not contain NaN, got 1"):
        expected_calibration_error([0, 1], [np.nan, 1.0], from_logits=True)
    with pytest.warns(UserWarning, match="y_proba values do not sum to one"):
        expected_calibration_error(SIX_LABELS, 0.9 * SIX)
    # An infinite logit is certainty.
    z = [[np.inf, 0], [-np.inf, 0]]
    assert expected_calibration_error([0, 1], z, from_logits=True) == 0


def predictions_of(n_classes, n=2000):
    """Confidences that are on no edge of bins."""
    rng = np.random.default_rng(n_classes)
    proba = rng.dirichlet(np.ones(n_classes), n)
    y = (rng.random((n, 1)) > proba.cumsum(axis=1)[:, :-1] ** 1.5).sum(axis=1)
    return y, proba


@pytest.mark.parametrize("n_bins", [5, 15])
def test_torchmetrics_has_the_same_numbers(n_bins):
    reason = "pip install torchmetrics"
    torch = pytest.importorskip("torch", reason=reason)
    peer = pytest.importorskip("torchmetrics.functional.classification", reason=reason)
    (y2, p2), (y4, p4) = map(predictions_of, (2, 4))
    two = torch.from_numpy(p2[:, 1].copy()), torch.from_numpy(y2)
    four = torch.from_numpy(p4), torch.from_numpy(y4)
    for norm in ("l1", "l2", "max"):
        keywords = {"n_bins": n_bins, "norm": norm}
        found = float(peer.binary_calibration_error(*two, **keywords))
        assert_allclose(found, expected_calibration_error(y2, p2, **keywords))
        found = float(peer.multiclass_calibration_error(*four, 4, **keywords))
        expected = expected_calibration_error(y4, p4, **keywords)
        assert_allclose(found, expected, atol=1e-6)  # it computes in float32


@pytest.mark.parametrize("n_bins", [5, 15])
def test_netcal_has_the_same_numbers(n_bins):
    peer = pytest.importorskip("netcal.metrics", reason="pip install netcal")
    for n_classes in (2, 4):
        y, proba = predictions_of(n_classes)
        theirs = proba[:, 1] if n_classes == 2 else proba
        for kind, norm in ((peer.ECE, "l1"), (peer.MCE, "max")):
            ours = expected_calibration_error(y, proba, n_bins=n_bins, norm=norm)
            assert_allclose(kind(n_bins).measure(theirs, y), ours)
