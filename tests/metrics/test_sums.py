"""Metrics as sums over rows: blocks of rows add to what all rows have together."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning

from skxent import metrics
from skxent.inputs.weights import Sums
from skxent.metrics._options import Options
from skxent.metrics._rows import ScoredRows

RNG = np.random.default_rng(0)
N = 600
Y, SOFT = RNG.integers(3, size=N), RNG.dirichlet(np.ones(3), N)
P, W = RNG.dirichlet(np.ones(3), N), RNG.uniform(size=N)


class Blocks(ScoredRows):
    """Rows in blocks of 7, whose sums are added."""

    def parts(self):
        for start in range(0, N, 7):
            block = slice(start, start + 7)
            columns = (self.y_true, self.y_proba, self.sample_weight)
            yield ScoredRows(*(None if c is None else c[block] for c in columns))

    def sum(self, function, options):
        first, *others = (function(part, options) for part in self.parts())
        return sum(others, first)

    def each(self, function, options):
        return np.concatenate([function(part, options) for part in self.parts()])


@pytest.mark.parametrize("weight", [None, W, W * 1e300, W * 1e-300], ids=repr)
@pytest.mark.parametrize(
    ("name", "y", "settings"),
    [
        ("focal_loss", Y, {"label_smoothing": 0.1}),
        ("focal_loss", Y, {"reduction": "none", "base": 2}),
        ("cross_entropy", SOFT, {"reduction": "sum", "base": 2}),
        ("cross_entropy", Y, {"class_weight": {1: 1e200, 2: 1e199}}),
        ("entropy", None, {}),
        ("kl_divergence", SOFT, {"base": 2}),
        ("multilabel_log_loss", SOFT, {"class_weight": [1.0, 2.0, 0.5]}),
        ("expected_calibration_error", Y, {}),
        ("expected_calibration_error", SOFT, {"classwise": True, "norm": "max"}),
        ("expected_calibration_error", Y, {"norm": "l2", "debias": True}),
        ("expected_calibration_error", Y, {"norm": "l2", "classwise": True}),
    ],
)
def test_blocks_add_to_the_whole(name, y, settings, weight):
    metric = getattr(metrics, name)
    if y is Y:
        settings = {"labels": range(3), **settings}
    whole = [] if y is None else [y]
    with np.errstate(over="ignore", under="ignore"):
        expected = metric(*whole, P, sample_weight=weight, **settings)
        none = [] if y is None else [None]
        found = metric(*none, Blocks(y, P, weight), **settings)
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e300, 1e-300])
def test_blocks_add_to_the_skill_of_the_whole(size):
    settings = {"labels": range(3), "class_weight": {0: 5.0}, "label_smoothing": 0.1}
    for loss in ("cross_entropy", "focal"):
        expected = metrics.d2_loss_score(loss, Y, P, sample_weight=W, **settings)
        rows = Blocks(Y, P, W * size)
        assert_allclose(metrics.d2_loss_score(loss, None, rows, **settings), expected)
    lone = np.where(np.arange(N) == 3, W, 0)
    with pytest.warns(UndefinedMetricWarning, match="less than two samples"):
        value = metrics.d2_loss_score("focal", None, Blocks(Y, P, lone), **settings)
    assert np.isnan(value)


def test_sums_of_weights_of_any_size_add():
    large, small = Sums(2.0, 1.0, 3, 1000), Sums(2.0, 1.0, 4, -1000)
    for total in (large + small, small + large):
        assert (total.mean(), total.n_weighted, total.exponent) == (2.0, 7, 1000)
    assert Sums(1.0, 1.0, exponent=3) + Sums(4.0, 8.0) == Sums(1.5, 2.0, exponent=3)
    with pytest.raises(ValueError, match=r"^sample_weight must have a sum other than"):
        Sums(0.0).mean()


def test_options_are_checked_when_they_are_made():
    with pytest.raises(ValueError, match=r"^from_logits must be True or False"):
        Options(from_logits="yes")
    with pytest.raises(ValueError, match=r"^label_smoothing must be"):
        Options(1.0)
