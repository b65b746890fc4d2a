"""The stable order of numbers, compared with numpy's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from skxent.kernels import _labels
from skxent.kernels.arrays import stable_order

RNG = np.random.default_rng(0)
CASES = {
    "distinct": RNG.normal(size=5000),
    "ties": RNG.integers(0, 3, 5000) * 1.0,
    "near one": 1 - 10.0 ** RNG.uniform(-17, -8, 5000),
    "alike in their upper halves": 0.5 + RNG.random(300) * 1e-12,
    "few alike": np.r_[0.5 + RNG.random(50) * 1e-12, 0.5],
    "all sizes": 10.0 ** RNG.uniform(-320, 300, 5000),
    "zeros": np.array([0.0, -0.0, 0.0, -1.0, 1.0, -0.0]),
    "infinite": np.array([np.inf, -np.inf, 0.0, np.inf]),
    "equal": np.ones(1000),
    "one": np.ones(1),
    "none": np.ones(0),
    "float32": RNG.random(1000).astype(np.float32),
    "strided": RNG.random(2000)[::2],
}


@pytest.mark.parametrize("case", CASES)
def test_the_order_is_stable(case):
    x = CASES[case]
    np.testing.assert_array_equal(stable_order(x), np.argsort(x, kind="stable"))


def test_room_is_checked():
    with pytest.raises(ValueError, match="words must be twice as many"):
        _labels.stable_order(np.ones(3), np.empty(5, dtype=np.uint64))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["distinct", "ties", "constant", "separated"])
@pytest.mark.parametrize("n", [1, 30, 5000])
def test_pools_are_those_of_isotonic_regression(n, kind, weighted):
    rng = np.random.default_rng(n)
    x = {
        "distinct": rng.normal(size=n),
        "ties": rng.integers(0, 50, n) / 7,
        "constant": np.ones(n),
        "separated": np.arange(n) - n / 2,
    }[kind]
    y = (x > 0) * 1.0 if kind == "separated" else rng.uniform(size=n) < expit(x)
    y = y.astype(float)
    w = rng.integers(0, 3, n) * 1.0 if weighted and n > 1 else None
    order, end, sums = stable_order(x), np.empty(n, np.int64), np.empty((2, n))
    count = _labels.pool_adjacent(x, y, w, order, end, sums)
    w = np.ones(n) if w is None else w
    expected = IsotonicRegression().fit(x, y, sample_weight=w).predict(x)[order]
    mass, hits = np.diff(sums[:, :count], prepend=0)
    assert_allclose(sums[:, count - 1], [w.sum(), w @ y])
    place = np.minimum(np.searchsorted(end[:count], np.arange(n), "right"), count - 1)
    heavy = w[order] > 0
    assert_allclose((hits / mass)[place][heavy], expected[heavy], atol=1e-12)
    assert (np.diff(hits / mass) > 0).all()


def test_places_are_checked_before_they_are_used():
    x, sums = np.zeros(3), np.empty((2, 3))
    for order in ([0, 1, 3], [0, -1, 2], [0, 1]):
        with pytest.raises(ValueError, match="order its places"):
            end = np.empty(3, np.int64)
            _labels.pool_adjacent(x, x, None, np.array(order), end, sums)
