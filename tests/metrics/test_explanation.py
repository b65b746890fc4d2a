"""The account of a cross-entropy, against the metrics and scipy."""

from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import softmax

from skxent import explain
from skxent.losses import CrossEntropy
from skxent.metrics import (
    cross_entropy,
    d2_loss_score,
    decompose_loss,
    entropy,
    kl_divergence,
)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.booleans())
def test_the_numbers_are_those_of_the_metrics(seed, n_classes, soft):
    rng = np.random.default_rng(seed)
    z, w = rng.normal(size=(30, n_classes)), rng.uniform(0.1, 1, 30)
    codes = np.r_[:n_classes, rng.integers(0, n_classes, 30 - n_classes)]
    y = rng.dirichlet(np.ones(n_classes), 30) if soft else codes
    t = y if soft else np.eye(n_classes)[codes]
    p = softmax(z, axis=1)
    for X, from_logits in ((p, False), (z, True)):
        found = explain(y, X, sample_weight=w, from_logits=from_logits)
        assert_allclose(found.cross_entropy, cross_entropy(y, p, sample_weight=w))
        assert_allclose(found.kl_divergence, kl_divergence(t, p, sample_weight=w))
        assert_allclose(found.predicted_entropy, entropy(p, sample_weight=w))
        assert_allclose(found.frequency_entropy, scipy.stats.entropy(w @ t))
        assert_allclose(found.uniform_entropy, np.log(n_classes))
        if not soft:
            skill = d2_loss_score(CrossEntropy(), y, p, sample_weight=w)
            assert_allclose(found.skill, skill, atol=1e-10)
        waste = kl_divergence(t, p, reduction="none")
        order = np.argsort(-waste)[:10]
        assert [row.row for row in found.rows] == order.tolist()
        assert_allclose([row.nats for row in found.rows], waste[order], atol=1e-12)
        shown = [row.proba for row in found.rows]
        assert_allclose(shown, p[order, t[order].argmax(axis=1)], rtol=1e-9)


def test_by_hand():
    """-log2 of 1/2, 1/4, 1/8 and 1/2: two bits and a quarter of one a row."""
    y = ["b", "a", "b", "a"]
    found = explain(y, [1 / 2, 3 / 4, 1 / 8, 1 / 2], n_rows=2)
    assert_allclose(found.cross_entropy / np.log(2), 7 / 4)
    assert found.label_entropy == 0
    assert_allclose(found.skill, 1 - 7 / 4)
    assert [(row.row, row.label, row.predicted) for row in found.rows] == [
        (2, "b", "a"),
        (1, "a", "b"),
    ]
    text = str(found)
    for words in (
        "4 rows of 2 classes",
        "1.7500",
        "skill -75.0%",
        "over-confident by 0.9113 ± 0.59 bits",
        "a                               50.0%     42.9%    1.5000  ± 0.5",
        "2         b             a                0.125         3",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 88


def test_notebooks_show_the_tables():
    found, shown = explain(["<a>", "b"], [0.2, 0.9]), []
    found._repr_pretty_(SimpleNamespace(text=shown.append), False)
    assert shown == [str(found)]
    html = ElementTree.fromstring(f"<div>{found._repr_html_()}</div>")
    cells = [[cell.text or "" for cell in line] for line in html.iter("tr")]
    lines = str(found).splitlines()
    assert [" ".join(line).split() for line in cells] == [x.split() for x in lines]
    assert ["<a>", "50.0%", "67.9%", "0.3219", " "] in cells


def test_the_ends():
    found = explain([0, 0], [0.25, 0.5], labels=[0, 1], n_rows=0)
    assert found.skill is None and found.rows == ()
    assert "no skill score" in str(found)
    # The predictions equal the soft labels, so nothing is left to know.
    soft = np.array([[0.25, 0.75], [0.5, 0.5]])
    found = explain(soft, soft)
    assert_allclose([found.kl_divergence, found.skill], [0, 1], atol=1e-12)
    # Rows of weight 0 are left out.
    found = explain([0, 1, 0], [0.9, 0.5, 0.4], sample_weight=[0, 1, 1])
    assert [row.row for row in found.rows] == [1, 2] and found.n_samples == 2
    # Infinite logits mean certainty.
    found = explain([[1, 0.0]], [[np.inf, 0]], from_logits=True)
    assert found.cross_entropy == 0
    assert (
        explain([1], [[np.inf, 0]], from_logits=True, labels=[0, 1]).rows[0].proba == 0
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_rows": -1}, "n_rows must be an integer >= 0, got -1"),
        ({"y_proba": [0.5, 1.5]}, r"y_proba must be in \[0, 1\], got 1\.5"),
        ({"y_proba": [0.5]}, "y_true must have 1 rows, got 2"),
        ({"labels": [1, 1]}, r"labels must be distinct, got \[1, 1\]"),
        ({"groups": [1]}, "groups must have 2 rows, got 1"),
        ({"groups": "a"}, r"groups must be of shape \(2,\), got \(\)"),
        ({"groups": np.eye(2)}, r"groups must be of shape \(2,\), got \(2, 2\)"),
        ({"groups": [1, np.nan]}, "groups must have no missing labels, got 1"),
        ({"sample_weight": [0, 0]}, "sample_weight must have a sum other than zero"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        explain(**{"y_true": [0, 1], "y_proba": [0.5, 0.5]} | change)


WEIGHTS = {"a": 3.0, "b": 0.5, "c": 1.0}


def three_classes(n=300, seed=0):
    rng = np.random.default_rng(seed)
    z = 1.5 * rng.normal(size=(n, 3))
    y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    return np.array([*WEIGHTS])[y], softmax(1.5 * z, axis=1)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_wasted_is_the_miscalibration(n_classes, weighted):
    y, p = three_classes()
    y, p = y[y < "d" * (n_classes - 1)], p[y < "d" * (n_classes - 1)]
    y, p = (y, p) if n_classes == 3 else (np.where(y == "c", "a", y), p[:, 1])
    w = np.random.default_rng(0).integers(0, 3, len(y)) if weighted else None
    found = explain(y, p, sample_weight=w)
    parts = decompose_loss(y, p, sample_weight=w)
    assert_allclose(found.miscalibration, parts.miscalibration, atol=1e-7)
    assert 0 < found.chance_miscalibration < found.miscalibration
    assert_allclose(found.wasted + found.noise, found.kl_divergence)
    assert_allclose(found.wasted, parts.miscalibration - found.chance_miscalibration)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_calibrated_predictions_waste_nothing(n_classes, weighted):
    """The chance is subtracted, and what is left has the standard error."""
    rng, found = np.random.default_rng(0), []
    for _ in range(60):
        z = 2 * rng.normal(size=(300, n_classes))
        y = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
        w = rng.integers(1, 4, len(y)) if weighted else None
        found.append(explain(y, z, n_rows=0, from_logits=True, sample_weight=w))
    wasted = np.array([each.wasted for each in found])
    chance = np.mean([each.chance_miscalibration for each in found])
    error = np.mean([each.waste_standard_error for each in found])
    assert abs(wasted.mean()) < 0.15 * chance
    assert 0.8 * wasted.std() < error < 2 * wasted.std()


def test_constant_predictions_have_no_scale_to_fit():
    y = np.random.default_rng(0).integers(0, 5, 400)
    found = explain(y, np.zeros((400, 5)), from_logits=True)
    assert_allclose(found.chance_miscalibration, 4 / 2 / 400)


def test_soft_labels_waste_by_no_chance():
    _, p = three_classes()
    t = softmax(np.log(p) / 1.5, axis=1)
    found = explain(t, p)
    assert found.chance_miscalibration == 0 and found.wasted == found.miscalibration
    # Here a recalibration saves all that is wasted.
    assert_allclose([found.wasted, found.noise], [found.kl_divergence, 0], atol=1e-6)
    assert "noise" not in str(found)


@pytest.mark.parametrize("soft", [False, True])
def test_class_weights_are_weights_of_rows(soft):
    y, p = three_classes()
    if not soft:
        found = explain(y, p, class_weight=WEIGHTS)
        same = explain(y, p, sample_weight=[WEIGHTS[label] for label in y])
    else:
        t = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
        v = np.array([*WEIGHTS.values()])
        found = explain(t, p, class_weight=v)
        same = explain(t * v / (t @ v)[:, None], p, sample_weight=t @ v)
    for name in ("cross_entropy", "label_entropy", "miscalibration", "noise"):
        assert_allclose(getattr(found, name), getattr(same, name), atol=1e-7)
    keyword = {"class_weight": v if soft else WEIGHTS}
    value = cross_entropy(t if soft else y, p, **keyword)
    assert_allclose(found.cross_entropy, value)
    loss = decompose_loss(t if soft else y, p, **keyword)
    assert_allclose(loss.loss, value)
    assert_allclose(loss.miscalibration, found.miscalibration, atol=1e-6)


def test_rows_without_a_label_are_ignored():
    y, p = three_classes()
    gone = np.where(np.arange(len(y)) % 3 == 0, "?", y)
    kept = gone != "?"
    found, same = explain(gone, p, ignore_index="?"), explain(y[kept], p[kept])
    assert str(found).split("row ")[0] == str(same).split("row ")[0]
    assert [r[1:5] for r in found.rows] == [r[1:5] for r in same.rows]


@pytest.mark.parametrize("by", ["classes", "groups"])
def test_where_the_loss_comes_from(by):
    y, p = three_classes()
    w = np.random.default_rng(0).integers(0, 3, len(y))
    group = y if by == "classes" else np.random.default_rng(1).integers(0, 4, len(y))
    found = explain(y, p, sample_weight=w, groups=group if by == "groups" else None)
    each = cross_entropy(y, p, reduction="none")
    shares = getattr(found, by)
    assert [share.name for share in shares] == np.unique(group).tolist()
    for share in shares:
        mine = group == share.name
        v = w[mine] / w[mine].sum()
        mean = v @ each[mine]
        assert_allclose(share.nats, mean)
        assert_allclose(share.row_share, w[mine].sum() / w.sum())
        assert_allclose(share.loss_share, (w * each)[mine].sum() / (w @ each))
        n = np.count_nonzero(v)
        error = np.sqrt(np.sum((v * (each[mine] - mean)) ** 2) * n / (n - 1))
        assert_allclose(share.standard_error, error)
        assert f"{share.nats / np.log(2):.4f}  ± {error / np.log(2):.2g}" in str(found)
    assert_allclose(sum(share.loss_share for share in shares), 1)


def test_soft_labels_have_a_loss_in_each_class():
    _, p = three_classes()
    t = np.random.default_rng(0).dirichlet(np.ones(3), len(p))
    t[0] = 0, 1, 0
    found = explain(pd.DataFrame(t, columns=[*WEIGHTS]), p)
    parts = (t * -np.log(p)).sum(axis=0)
    assert [share.name for share in found.classes] == [*WEIGHTS]
    assert_allclose([s.loss_share for s in found.classes], parts / parts.sum())
    assert_allclose([s.nats for s in found.classes], parts / t.sum(axis=0))


def test_many_classes_are_not_all_printed():
    rng = np.random.default_rng(0)
    y, p = np.arange(200) % 40, rng.dirichlet(np.ones(40), 200)
    found = explain(y, p, n_rows=0)
    assert len(found.classes) == 40
    assert "class, the first 10 of 40" in str(found)
    assert len(str(found).splitlines()) == 9 + 11


def test_the_index_of_a_table_is_kept():
    y, p = three_classes()
    index = [f"id{i}" for i in range(len(y))]
    place = explain(y, p).rows
    assert [row.index for row in place] == [row.row for row in place]
    for labels, proba in (
        (pd.Series(y, index=index), p),
        (y, pd.DataFrame(p, columns=[*WEIGHTS], index=index)),
    ):
        found = explain(labels, proba)
        assert [row[:5] for row in found.rows] == [row[:5] for row in place]
        assert [row.index for row in found.rows] == [f"id{r.row}" for r in place]
        assert f"\n{found.rows[0].index} " in str(found)
        frame = found.to_frame()
        assert frame.index.tolist() == [f"id{row.row}" for row in place]
        assert frame["nats"].tolist() == [row.nats for row in place]
    dates = pd.MultiIndex.from_product([["x", "y", "z"], range(100)])
    frame = explain(pd.Series(y, index=dates), p).to_frame()
    assert frame.index.nlevels == 2
    assert frame.index[0] == dates[place[0].row]


def test_frames():
    y, p = three_classes()
    found = explain(y, p, groups=np.arange(len(y)) % 2, n_rows=0)
    parts = found.to_frame("parts")
    assert_allclose(parts.loc["cross-entropy", "nats"], found.cross_entropy)
    assert_allclose(parts["bits"], parts["nats"] / np.log(2))
    assert_allclose(parts.loc["wasted, miscalibrated", "nats"], found.wasted)
    assert found.to_frame("classes").loc["b"].tolist() == [*found.classes[1][1:]]
    assert found.to_frame("groups").index.tolist() == [0, 1]
    assert found.to_frame().empty
    message = "^part must be one of 'rows', 'parts', 'classes', 'groups', got 'all'"
    with pytest.raises(ValueError, match=message):
        found.to_frame("all")


def test_a_certain_error_is_infinite():
    found = explain([0, 1, 1], [-1.0, 2.0, -np.inf], from_logits=True)
    assert found.cross_entropy == found.wasted == np.inf
    str(found)
    # The loss is finite if the row of the error has no weight.
    found = explain(
        [0, 1, 1], [-1, 2, -np.inf], from_logits=True, sample_weight=[1, 1, 0]
    )
    assert_allclose(
        found.cross_entropy, (np.log1p(np.exp(-1)) + np.log1p(np.exp(-2))) / 2
    )


def test_the_standard_error_is_that_of_the_confidence_gap():
    """Over many samples the gap of the true probabilities has this spread."""
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, size=400)
    found = [explain(rng.random(400) < p, p, n_rows=0) for _ in range(200)]
    gaps = np.array([f.cross_entropy - f.predicted_entropy for f in found])
    errors = np.array([f.gap_standard_error for f in found])
    assert_allclose(errors.mean(), gaps.std(), rtol=0.15)
    assert abs(gaps.mean()) < 3 * errors.mean() / np.sqrt(len(gaps))


def test_a_single_row_has_no_standard_error():
    found = explain([1], [0.3], labels=[0, 1])
    assert np.isnan(found.gap_standard_error)
    assert "±" not in str(found)
