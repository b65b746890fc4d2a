"""Sizes and layouts: few and many classes, long rows, large and mapped arrays."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from oracle import DTYPES, LOSS_INSTANCES
from skxent.losses import CrossEntropy, Focal

all_losses = pytest.mark.parametrize("loss", LOSS_INSTANCES, ids=repr)
all_dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


@all_dtypes
@all_losses
@pytest.mark.parametrize("n_classes", [*range(2, 20), 23, 24, 25, 31, 33, 100, 1100])
def test_hard_labels_are_one_hot_rows(loss, n_classes, dtype):
    """Two passes that share little: the fast one for codes and that for soft labels."""
    rng = np.random.default_rng(n_classes)
    n = 70 if n_classes < 200 else 33
    z = (4 * rng.normal(size=(n, n_classes))).astype(dtype)
    y = rng.integers(0, n_classes, n)
    value, gradient = loss.loss_gradient(y, z)
    soft = loss.loss_gradient(np.eye(n_classes)[y], z)
    tolerance = 400 * np.finfo(dtype).eps
    assert_allclose(value, soft[0], rtol=tolerance)
    assert_allclose(gradient, soft[1], rtol=tolerance, atol=tolerance * 1e-6)
    assert_array_equal(value, loss.loss(y, z))


@pytest.mark.parametrize("n_classes", [3, 5, 10, 40])
def test_all_layouts_give_the_same_bits(n_classes):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(75, n_classes)), rng.integers(0, n_classes, 75)
    value, gradient = Focal(1.7).loss_gradient(y, z)
    wide = np.empty((75, 2 * n_classes))[:, ::2]
    wide[:] = z
    for other in (np.asfortranarray(z), wide, np.repeat(z, 2, axis=0)[::2]):
        for out in (np.empty((n_classes, 75)).T, np.empty_like(wide), np.empty_like(z)):
            found = Focal(1.7).loss_gradient(y, other, gradient_out=out)
            assert_array_equal(found[0], value)
            assert_array_equal(found[1], gradient)
    in_place = z.copy()
    Focal(1.7).gradient(y, in_place, out=in_place)
    assert_array_equal(in_place, gradient)


@all_dtypes
def test_sums_over_50_000_classes_keep_their_digits(dtype):
    rng = np.random.default_rng(0)
    z = rng.uniform(-3, 3, size=(20, 50_000)).astype(dtype)
    y = rng.integers(0, 50_000, 20)
    value, gradient = CrossEntropy().loss_gradient(y, z)
    smooth = CrossEntropy().loss(y, z, label_smoothing=0.1)
    allowed = 8 * 6 * np.finfo(dtype).eps
    for i in range(20):
        total = math.fsum(map(math.exp, z[i].tolist()))
        exact = math.log(total) - float(z[i, y[i]])
        assert abs(value[i] - exact) <= allowed * exact
        share = np.exp(z[i].astype(float)) / total
        share[y[i]] = -math.fsum(np.delete(share, y[i]))
        assert_allclose(gradient[i], share, rtol=allowed)
        mean = math.fsum(z[i].tolist()) / 50_000
        exact = math.log(total) - 0.9 * float(z[i, y[i]]) - 0.1 * mean
        assert abs(smooth[i] - exact) <= 4 * allowed * exact


def test_more_logits_than_2_to_the_31():
    n, n_classes = 45_000, 50_000
    z = np.broadcast_to(np.zeros(n_classes, np.float32), (n, n_classes))
    assert z.size > 2**31
    value = CrossEntropy().loss(np.zeros(n, int), z)
    assert_allclose(value, math.log(n_classes), rtol=1e-6)


def test_offsets_beyond_2_to_the_31():
    step = 2**29
    store = np.zeros(5 * step, np.float32)  # pages that nobody touches do not exist
    z = store[::step][:, np.newaxis] + np.zeros(1, np.float32)
    rows = np.lib.stride_tricks.as_strided(store, (5, 3), (4 * step, 4))
    rows[...] = np.random.default_rng(0).normal(size=(5, 3))
    y = np.array([0, 1, 2, 1, 0])
    expected = CrossEntropy().loss_gradient(y, rows.copy())
    assert z.shape == (5, 1)
    found = CrossEntropy().loss_gradient(y, rows, gradient_out=rows)
    assert_array_equal(found[0], expected[0])
    assert_array_equal(rows, expected[1])


def test_mapped_files_are_read_where_they_are(tmp_path):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(1000, 4)), rng.integers(0, 4, 1000)
    path = tmp_path / "logits.npy"
    np.save(path, z)
    mapped = np.load(path, mmap_mode="r")
    out = np.lib.format.open_memmap(
        tmp_path / "gradient.npy", mode="w+", dtype=z.dtype, shape=z.shape
    )
    value, gradient = Focal().loss_gradient(y, mapped, gradient_out=out)
    assert gradient is out
    expected = Focal().loss_gradient(y, z)
    assert_array_equal(value, expected[0])
    assert_array_equal(out, expected[1])


@all_losses
def test_one_column_is_two_classes(loss):
    z, y = np.array([-2.0, 0.5, 30.0]), np.array([0, 1, 1])
    assert_array_equal(loss.loss(y, z[:, np.newaxis]), loss.loss(y, z))
    assert loss.gradient(y, z[:, np.newaxis]).shape == (3, 1)
    assert_allclose(
        CrossEntropy().loss(y, z),
        np.log1p(np.exp(np.where(y == 1, -z, z))),
        rtol=1e-14,
    )
