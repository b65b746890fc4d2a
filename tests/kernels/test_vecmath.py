"""The bounds that vecmath.h states, against mpmath on a dense grid."""

import mpmath as mp
import numpy as np
import pytest

from skxent.kernels.dispatch import available, isa, kernels

GRIDS = {
    # arguments of exp span the normal results; of log and log1p also denormals
    ("exp", np.float64): np.concatenate(
        [
            np.linspace(-708, 709.7, 4001),
            np.linspace(-1, 1, 2001),
            -np.logspace(-300, 0, 500),
        ]
    ),
    ("exp", np.float32): np.concatenate(
        [
            np.linspace(-87, 88.7, 4001),
            np.linspace(-1, 1, 2001),
            -np.logspace(-30, 0, 500),
        ]
    ),
    ("expm1", np.float64): np.concatenate(
        [
            np.linspace(-40, 0, 4001),
            np.linspace(-1, 1, 2001),
            -np.logspace(-300, 0, 500),
        ]
    ),
    ("expm1", np.float32): np.concatenate(
        [np.linspace(-20, 0, 4001), np.linspace(-1, 1, 2001), -np.logspace(-30, 0, 500)]
    ),
    ("log", np.float64): np.concatenate(
        [np.logspace(-320, 308, 3001), np.linspace(0.5, 2, 4001)]
    ),
    ("log", np.float32): np.concatenate(
        [np.logspace(-44, 38, 3001), np.linspace(0.5, 2, 4001)]
    ),
    ("log1p", np.float64): np.concatenate(
        [np.logspace(-307, 300, 3001), np.linspace(0, 3, 4001)]
    ),
    ("log1p", np.float32): np.concatenate(
        [np.logspace(-37, 37, 3001), np.linspace(0, 3, 4001)]
    ),
}
for dtype in (np.float64, np.float32):
    x = GRIDS["exp", dtype]
    GRIDS["exp_down", dtype] = x[x <= 0]
    GRIDS["log1p_unit", dtype] = np.concatenate(
        [np.linspace(0, 1, 8001), np.logspace(-37, 0, 2001)]
    )
BOUND = 1.5  # units in the last place


def apply(function, x):
    out = np.empty_like(x)
    kernels.vecmath(function, x, out)
    return out


def errors(ours, exact):
    """Distance in units in the last place of the exact value."""
    for value, truth in zip(ours, exact, strict=True):
        ulp = mp.mpf(float(np.spacing(abs(ours.dtype.type(float(truth))))))
        yield float(abs(mp.mpf(float(value)) - truth) / ulp)


@pytest.mark.parametrize(
    ("function", "dtype"), GRIDS, ids=lambda item: getattr(item, "__name__", item)
)
def test_within_its_bound(function, dtype):
    x = GRIDS[function, dtype].astype(dtype)
    with mp.workdps(40):
        reference = getattr(mp, function.removesuffix("_unit").removesuffix("_down"))
        exact = [reference(mp.mpf(float(value))) for value in x]
        worst = max(errors(apply(function, x), exact))
    assert worst <= BOUND


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_special_values(dtype):
    inf, nan = np.inf, np.nan
    x = np.array([-inf, -1000, 0, 1000, inf, nan], dtype)
    np.testing.assert_array_equal(apply("exp", x), [0, 0, 1, inf, inf, nan])
    x = np.array([-inf, -1000, 0, nan], dtype)
    np.testing.assert_array_equal(apply("exp_down", x), [0, 0, 1, nan])
    x = np.array([-inf, -1, 0, 1, inf, nan], dtype)
    np.testing.assert_array_equal(apply("log", x), [nan, nan, -inf, 0, inf, nan])
    x = np.array([0, inf, nan], dtype)
    np.testing.assert_array_equal(apply("log1p", x), [0, inf, nan])
    x = np.array([-inf, 0, inf, nan], dtype)
    np.testing.assert_array_equal(apply("expm1", x), [-1, 0, inf, nan])
    assert apply("expm1", np.array([88.5 if dtype is np.float32 else 709.5], dtype)) > 1
    payload = np.array([0x7FF8_0000_0000_0FFF], np.uint64).view(np.float64)
    for function in ("exp", "exp_down", "expm1"):
        assert np.isnan(apply(function, payload)).all()


def test_the_tested_kernels_are_the_forced_ones():
    import os

    assert kernels.__name__ == f"skxent.kernels._kernels_{isa}"
    assert isa == (os.environ.get("SKXENT_ISA") or available()[-1])
