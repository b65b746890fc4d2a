"""The kernels on random shapes, strides, dtypes and targets.

Whatever the layout and the number of threads, results are the same to the bit, nothing
is written beside the outputs, and no NaN comes of numbers. An example is 100 calls of a
kernel or so: `--hypothesis-profile=long` makes millions.
"""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from oracle import DTYPES, LOSS_INSTANCES
from skxent.inputs.targets import Target
from skxent.kernels.dispatch import kernels
from skxent.losses import CrossEntropy

GUARD = 12345.0
EXTREMES = [0.0, -0.0, 5e-324, 1e-40, 88.0, -88.0, 709.0, -746.0, 1e5, -1e30, 1e38]


def within(rng, shape, dtype):
    """An array of that shape in any layout, and the memory around it."""
    steps = rng.integers(1, 4, len(shape))
    store = np.full(
        [n * s + 5 for n, s in zip(shape, steps, strict=True)], GUARD, dtype
    )
    if rng.random() < 0.3:
        store = np.asfortranarray(store)
    view = store[
        tuple(slice(2, 2 + n * s, s) for n, s in zip(shape, steps, strict=True))
    ]
    return (view[::-1] if rng.random() < 0.3 else view), store


def scattered(rng, array):
    view, _ = within(rng, array.shape, array.dtype)
    view[...] = array
    view.flags.writeable = False
    return view


def logits(rng, n, columns, dtype):
    z = rng.normal(size=(n, columns)) * rng.choice([1e-3, 1.0, 30.0, 400.0])
    extreme = rng.random(z.shape) < rng.choice([0.0, 0.1, 1.0])
    z[extreme] = rng.choice(EXTREMES, extreme.sum())
    return z.astype(dtype)


def sizes(rng):
    """Few rows, or now and then enough for three threads; few and many columns."""
    n = rng.integers(0, 100) if rng.random() < 0.9 else 3000
    return int(n), int(rng.choice([1, 2, 3, 5, 8, 9, 24, 25, 40]))


def problem(rng, n, columns, dtype):
    """Logits, targets and other arrays of `evaluate`, and shapes of what it fills."""
    multilabel = bool(rng.random() < 0.2)
    binary = columns == 1 or multilabel
    K = 2 if binary and not multilabel else columns
    hard = not multilabel and rng.random() < 0.5
    z = logits(rng, n, columns, dtype)
    size = (K, 2) if multilabel else K
    weights = rng.uniform(0, 2, n) * (rng.random(n) < 0.8)
    target = Target(
        codes=rng.integers(0, K, n).astype(np.intp) if hard else None,
        soft=None if hard else rng.dirichlet(np.full(K, 0.3), n).astype(dtype),
        class_weight=rng.uniform(0, 2, size) if rng.random() < 0.5 else np.ones(size),
        sample_weight=weights if rng.random() < 0.5 else None,
        label_smoothing=float(rng.choice([0.0, 0.1])),
        weight_after_smoothing=bool(rng.random() < 0.3),
        multilabel=multilabel,
    )
    x = rng.normal(size=(n, columns)).astype(dtype)
    arrays = {"x": x, "psd": bool(rng.random() < 0.3)}
    shapes = {"value": (n, 1), "gradient": (n, columns)}
    if multilabel and rng.random() < 0.5:
        shapes = {"values": (n, columns), "gradient": (n, columns)}
    if rng.random() < 0.5:
        shapes |= {"hessian": (n, columns), "product": (n, columns)}
        if not binary and columns < 10:
            shapes["matrix"] = (n, columns**2)
    return z, target, arrays, shapes


def evaluated(rng, loss, z, target, arrays, shapes, n_threads):
    """The outputs of one call, of which the memory around is untouched."""
    outs = {what: within(rng, shape, z.dtype) for what, shape in shapes.items()}
    arrays = arrays | {what: view for what, (view, _) in outs.items()}
    kernels.evaluate(loss.spec, target, z, arrays, n_threads)
    found = {what: view.copy() for what, (view, _) in outs.items()}
    for view, store in outs.values():
        view[...] = GUARD
        assert (store == GUARD).all(), "written beside an output"
    return found


@given(st.integers(0, 2**63))
def test_evaluate(seed):
    rng = np.random.default_rng(seed)
    for loss in LOSS_INSTANCES:
        for dtype in DTYPES:
            z, target, arrays, shapes = problem(rng, *sizes(rng), dtype)
            plain = evaluated(rng, loss, z, target, arrays, shapes, 1)
            for n_threads in (1, 2, 3):
                soft = None if target.soft is None else scattered(rng, target.soft)
                other = evaluated(
                    rng,
                    loss,
                    scattered(rng, z),
                    replace(target, soft=soft),
                    arrays | {"x": scattered(rng, arrays["x"])},
                    shapes,
                    n_threads,
                )
                for what, found in plain.items():
                    assert_array_equal(other[what], found, err_msg=what)
                    assert not np.isnan(found).any(), what


@given(st.integers(0, 2**63))
def test_probabilities(seed):
    rng = np.random.default_rng(seed)
    n, columns = (
        int(rng.integers(0, 100)),
        int(rng.choice([1, 2, 3, 5, 8, 9, 24, 25, 40])),
    )
    for loss in LOSS_INSTANCES:
        for dtype in DTYPES:
            z = logits(rng, n, columns, dtype)
            K = max(columns, 2)
            log_weight = np.log(rng.uniform(0.5, 2, K))
            for log, implied in (
                (False, False),
                (False, True),
                (True, False),
                (True, True),
            ):
                plain = np.empty((n, K), dtype)
                spec = loss.spec
                settings = (log_weight, 0.1) if implied else None, log
                kernels.probabilities(spec, z, plain, *settings, 1)
                view, _ = within(rng, (n, K), dtype)
                kernels.probabilities(spec, scattered(rng, z), view, *settings, 3)
                assert_array_equal(view, plain)
                assert not np.isnan(plain).any()
                if not log:
                    np.testing.assert_allclose(plain.sum(axis=1), 1, rtol=1e-5)


@given(st.integers(0, 2**63))
def test_log_loss_of_probabilities(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        n, columns = int(rng.integers(1, 300)), int(rng.integers(1, 30))
        dtype = rng.choice(DTYPES)
        p = CrossEntropy().predict_proba(logits(rng, n, columns, dtype))
        p = p if columns > 1 else p[:, 1:]
        codes, offset = rng.integers(0, max(columns, 2), n), int(rng.integers(-9, 9))
        weights = rng.uniform(0, 2, n)
        eps = float(np.finfo(dtype).eps)
        found = kernels.log_loss_sum(
            scattered(rng, p), codes + offset, offset, weights, eps, 3
        )
        plain = kernels.log_loss_sum(p, codes + offset, offset, weights, eps, 1)
        assert (found[0], found[2]) == (plain[0], plain[2])
        # Rows that lie apart are summed in another order.
        np.testing.assert_allclose(found[1], plain[1], atol=columns * eps)
        p, row = p.astype(np.float64), np.arange(n)
        taken = np.where(codes, p[:, 0], 1 - p[:, 0]) if columns == 1 else p[row, codes]
        taken = np.clip(taken, eps, 1 - eps)
        np.testing.assert_allclose(
            found[0], -weights @ np.log(taken), rtol=1e-4, atol=1e-4
        )
