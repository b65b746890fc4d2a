"""The stable order of numbers, compared with numpy's."""

import numpy as np
import pytest

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
