"""Losses of whole sets, against values by hand, scikit-learn, and other definitions."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import log_softmax, softmax
from sklearn.metrics import fbeta_score, jaccard_score

from skxent.metrics import _overlap, soft_fbeta_loss, tversky_loss, unified_focal_loss

LOSSES = [soft_fbeta_loss, tversky_loss, unified_focal_loss]
all_losses = pytest.mark.parametrize("loss", LOSSES, ids=lambda f: f.__name__)


def rows(n_classes, n=60, seed=0):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(n_classes, 0.5), n)
    y = rng.integers(n_classes, size=n)
    y[:n_classes] = np.arange(n_classes)
    return y, proba, rng.uniform(size=n)


def by_hand(p, y, w, alpha, beta):
    """One minus the Tversky index of each class, by its definition."""
    one_hot = np.eye(p.shape[1])[y] if y.ndim == 1 else y
    tp = (w[:, np.newaxis] * p * one_hot).sum(axis=0)
    fp = (w[:, np.newaxis] * p * (1 - one_hot)).sum(axis=0)
    fn = (w[:, np.newaxis] * (1 - p) * one_hot).sum(axis=0)
    return 1 - tp / (tp + alpha * fp + beta * fn)


def test_values_by_hand():
    # p = .2, .7, .4 and y = 0, 1, 1: Σ p y = 1.1, Σ p = 1.3, Σ y = 2.
    y, p = [0, 1, 1], [0.2, 0.7, 0.4]
    assert_allclose(soft_fbeta_loss(y, p), 1 - 2 * 1.1 / 3.3)
    assert_allclose(soft_fbeta_loss(y, p, beta=2), 1 - 5 * 1.1 / (1.3 + 4 * 2))
    assert_allclose(soft_fbeta_loss(y, p, beta=0), 1 - 1.1 / 1.3)
    assert_allclose(soft_fbeta_loss(y, p, pos_label=0), 1 - 2 * 0.8 / (1.7 + 1))
    index = 1.1 / (1.1 + 0.3 * 0.2 + 0.7 * 0.9)
    assert_allclose(tversky_loss(y, p, alpha=0.3, beta=0.7), 1 - index)
    zero, one = 0.8 / (0.8 + 0.4 * 0.9 + 0.6 * 0.2), 1.1 / (1.1 + 0.4 * 0.2 + 0.54)
    focal = 0.4 * 0.2**0.5 * -np.log(0.8)
    focal += 0.6 * (0.3**0.5 * -np.log(0.7) + 0.6**0.5 * -np.log(0.4))
    ratio = ((1 - zero) ** 0.5 + (1 - one) ** 0.5) / 2
    assert_allclose(unified_focal_loss(y, p), focal / 6 + ratio / 2)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 2.0])
def test_hard_predictions_have_scikit_learn_s_scores(n_classes, beta):
    y, proba, w = rows(n_classes)
    hard = np.eye(n_classes)[proba.argmax(axis=1)]
    average = "binary" if n_classes == 2 else "macro"
    keywords = {"average": average, "sample_weight": w, "zero_division": 0}
    expected = 1 - fbeta_score(y, hard.argmax(axis=1), beta=beta, **keywords)
    assert_allclose(soft_fbeta_loss(y, hard, beta=beta, sample_weight=w), expected)
    expected = 1 - jaccard_score(y, hard.argmax(axis=1), **keywords)
    found = tversky_loss(y, hard, alpha=1, beta=1, sample_weight=w)
    assert_allclose(found, expected)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_the_definition(n_classes, soft):
    y, p, w = rows(n_classes)
    if soft:
        y = np.random.default_rng(1).dirichlet(np.ones(n_classes), len(y))
    expected = by_hand(p, y, w, 0.3, 0.7)
    keywords = {"alpha": 0.3, "beta": 0.7, "sample_weight": w}
    assert_allclose(tversky_loss(y, p, average="none", **keywords), expected)
    macro = tversky_loss(y, p, average="macro", **keywords)
    assert_allclose(macro, expected.mean())
    default = expected[1] if n_classes == 2 else expected.mean()
    assert_allclose(tversky_loss(y, p, **keywords), default)
    if not soft:
        y = y.tolist()
    z = np.log(p) + 3.0
    again = tversky_loss(y, z, from_logits=True, average="none", **keywords)
    assert_allclose(again, expected)


def test_f_beta_is_a_tversky_index():
    y, p, w = rows(3)
    for beta in (0.5, 1, 2):
        alphas = {"alpha": 1 / (1 + beta**2), "beta": beta**2 / (1 + beta**2)}
        expected = tversky_loss(y, p, sample_weight=w, **alphas)
        assert_allclose(soft_fbeta_loss(y, p, beta=beta, sample_weight=w), expected)


def monai_dice(p, one_hot, smooth):
    """MONAI's DiceLoss(batch=True): smooth in numerator and denominator."""
    both = (p * one_hot).sum(axis=0)
    sizes = p.sum(axis=0) + one_hot.sum(axis=0)
    return 1 - (2 * both + smooth) / (sizes + smooth)


def segmentation_models_dice(p, one_hot, smooth):
    """segmentation_models_pytorch's: a class that y lacks has loss 0."""
    loss = monai_dice(p, one_hot, smooth)
    return (loss * (one_hot.sum(axis=0) > 0)).mean()


def test_definitions_of_other_libraries():
    """They are ours without smoothing, for the whole set and classes that occur."""
    y, p, _ = rows(3)
    one_hot = np.eye(3)[y]
    ours = soft_fbeta_loss(y, p, average="none")
    assert_allclose(ours, monai_dice(p, one_hot, 0.0))
    assert np.abs(ours - monai_dice(p, one_hot, 1e-5)).max() < 1e-6
    assert_allclose(ours.mean(), segmentation_models_dice(p, one_hot, 0.0))
    # Classes that are absent: 1 for ours and MONAI's if they have a probability.
    y = np.minimum(y, 1)
    one_hot = np.eye(3)[y]
    ours = soft_fbeta_loss(y, p, average="none", labels=[0, 1, 2])
    assert ours[2] == 1
    assert_allclose(monai_dice(p, one_hot, 0.0)[2], 1)
    assert_allclose(segmentation_models_dice(p, one_hot, 0.0), ours[:2].sum() / 3)
    # The mean over batches is not the loss of all rows.
    halves = [
        soft_fbeta_loss(y[s], p[s], labels=[0, 1, 2])
        for s in (0, 1)
        for s in [slice(30 * s, 30 * s + 30)]
    ]
    assert abs(np.mean(halves) - ours.mean()) > 1e-3


def authors_unified(y, p, weight, delta, gamma):
    """The loss of the authors' code, written anew; `weight` is that of Tversky."""
    one_hot = np.eye(2)[y]
    focal = (1 - p) ** gamma * -one_hot * np.log(p) * [1 - delta, delta]
    index = 1 - by_hand(p, y, np.ones(len(y)), 1 - delta, delta)
    ftl = ((1 - index) * (1 - index) ** -gamma).mean()
    return weight * ftl + (1 - weight) * focal.sum(axis=1).mean()


@pytest.mark.parametrize("gamma", [0.0, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("delta", [0.5, 0.6, 0.9])
def test_the_unified_focal_loss_is_that_of_its_authors(gamma, delta):
    y, p, _ = rows(2)
    expected = authors_unified(y, p, 0.3, delta, gamma)
    keywords = {"delta": delta, "gamma": gamma, "focal_weight": 0.7}
    assert_allclose(unified_focal_loss(y, p, **keywords), expected)
    assert_allclose(unified_focal_loss(y, p[:, 1], **keywords), expected)
    turned = unified_focal_loss(1 - y, p[:, ::-1], pos_label=0, **keywords)
    assert_allclose(turned, expected)


def test_the_unified_focal_loss_of_several_classes():
    y, p, w = rows(3)
    index = by_hand(p, y, w, 0.4, 0.6)
    py = p[np.arange(len(y)), y]
    focal = w @ (0.5 * (1 - py) ** 0.5 * -np.log(py)) / w.sum()
    expected = focal / 2 + (index**0.5).mean() / 2
    assert_allclose(unified_focal_loss(y, p, sample_weight=w), expected)


@all_losses
def test_weights_are_repeated_rows(loss):
    y, p, _ = rows(3)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    again = np.repeat(np.arange(len(y)), weight)
    keywords = {"labels": [0, 1, 2]}
    expected = loss(y[again], p[again], **keywords)
    assert_allclose(loss(y, p, sample_weight=weight, **keywords), expected)
    huge = weight * 1e306
    assert_allclose(loss(y, p, sample_weight=huge, **keywords), expected)
    v = {0: 2.0, 1: 0.0, 2: 1.0}
    by_class = loss(y, p, class_weight=v)
    assert_allclose(by_class, loss(y, p, sample_weight=np.array([2, 0, 1])[y]))


@all_losses
def test_names_labels_and_ignored_rows(loss):
    y, p, _ = rows(3)
    names = np.array(["b", "c", "a"])
    expected = loss(y, p)
    table = pd.DataFrame(p, columns=names)
    assert_allclose(loss(names[y], table), expected)
    assert_allclose(loss(names[y], p, labels=names), expected)
    more = np.r_[names[y], ["?"] * 9], np.r_[p, p[:9]]
    assert_allclose(loss(*more, labels=names, ignore_index="?"), expected)
    single = loss(y, p.astype(np.float32))
    assert_allclose(single, expected, rtol=1e-5)


@all_losses
def test_perfect_and_wrong(loss):
    y = np.array([0, 1, 2, 1])
    assert_allclose(loss(y, np.eye(3)[y]), 0, atol=1e-7)
    assert loss(y, np.eye(3)[(y + 1) % 3]) >= 1
    # A class without labels and without probability.
    assert_allclose(loss(y, np.eye(4)[y], labels=range(4)), 0, atol=1e-7)


@pytest.mark.parametrize(
    ("loss", "keywords", "message"),
    [
        (soft_fbeta_loss, {"beta": -1}, r"beta must be a number in \[0, 1e\+?0?6\]"),
        (soft_fbeta_loss, {"average": "micro"}, "average must be one of 'binary', 'm"),
        (soft_fbeta_loss, {"average": "binary"}, "average must be 'macro' or 'none'"),
        (soft_fbeta_loss, {"pos_label": 1}, "pos_label must be None for average='mac"),
        (tversky_loss, {"alpha": 0, "beta": 0}, "alpha and beta must not both be 0"),
        (tversky_loss, {"alpha": np.inf}, "alpha must be a number in"),
        (
            unified_focal_loss,
            {"gamma": 1.0},
            r"gamma must be a number in \[0, 1\)",
        ),
        (
            unified_focal_loss,
            {"delta": 1.1},
            r"delta must be a number in \[0, 1\]",
        ),
        (unified_focal_loss, {"focal_weight": 2}, r"focal_weight must be a number in"),
        (
            unified_focal_loss,
            {"sample_weight": np.zeros(60)},
            "sample_weight must",
        ),
        (tversky_loss, {"sample_weight": np.zeros(60)}, "sample_weight must"),
    ],
)
def test_bad_arguments(loss, keywords, message):
    y, p, _ = rows(3)
    with pytest.raises(ValueError, match=f"^{message}"):
        loss(y, p, **keywords)
    with pytest.raises(ValueError, match=r"^pos_label must be one of \[0, 1\], got 2"):
        loss(*rows(2)[:2], pos_label=2)


def test_the_gradient_of_a_step():
    """The loss is smooth in the logits: differences agree with the derivative."""
    y, _, w = rows(2)
    z = np.random.default_rng(3).normal(size=(60, 2))

    def loss(z):
        return soft_fbeta_loss(y, softmax(z, axis=1), sample_weight=w)

    p = softmax(z, axis=1)[:, 1]
    both, sizes = w @ (p * y), w @ p + w @ y
    expected = -2 * w * (y / sizes - both / sizes**2) * p * (1 - p)
    step = np.zeros_like(z)
    step[7, 1] = 1e-5
    assert_allclose((loss(z + step) - loss(z - step)) / 2e-5, expected[7], rtol=1e-6)
    assert np.isfinite(log_softmax(z, axis=1)).all()


def test_several_classes_have_no_positive_one():
    y, p, _ = rows(3)
    for loss in LOSSES:
        average = {} if loss is unified_focal_loss else {"average": "macro"}
        with pytest.raises(ValueError, match=r"^pos_label must be None"):
            loss(y, p, pos_label=1, **average)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("soft", [False, True])
def test_one_pass_and_arrays_agree(n_classes, soft, dtype, monkeypatch):
    """Sums of tiles, of which the last is not full, and of arrays in memory."""
    y, p, w = rows(n_classes, n=1000)
    p = p.astype(dtype)
    if soft:
        y = np.random.default_rng(1).dirichlet(np.ones(n_classes), len(y))
    v = np.linspace(0.5, 2, n_classes)
    calls = [
        lambda loss=loss, k=k: loss(y, p, **k)
        for loss in LOSSES
        for k in ({}, {"sample_weight": w, "class_weight": v})
    ]
    quick = [call() for call in calls]
    monkeypatch.setattr(_overlap.one_pass, "labelled", lambda *_: None)
    assert_allclose(quick, [call() for call in calls], rtol=1e-6)
    monkeypatch.undo()
    monkeypatch.setattr(_overlap, "overlap_of_proba", None)
    assert_allclose(quick, [call() for call in calls], rtol=0)


@all_losses
def test_rows_that_do_not_sum_to_one_warn_once(loss):
    y, p, _ = rows(3)
    with pytest.warns(UserWarning, match="do not sum to one") as caught:
        loss(y, 0.9 * p)
    assert len(caught) == 1
