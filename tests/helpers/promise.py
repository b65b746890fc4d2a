"""The promise of accuracy: errors of at most 8 κ eps, with mpmath as the judge."""

from __future__ import annotations

import mpmath as mp
import numpy as np
from numpy.testing import assert_allclose

from oracle import DIGITS, at_kink, derivatives, error_in_eps, kappa, smooth

PROMISE = 8  # units of κ eps

# Rows of logits: ties, both tails, near-certain, from -700 to 700.
ROWS = {
    2: [
        [0, 0],
        [0, 3.7],
        [1e-3, -1e-3],
        [0, 36],
        [0, -36],
        [-700, 0],
        [0, 700],
        [5, 5],
        [0, 1e-300],
        [-700, 700],
    ],
    3: [
        [0, 0, 0],
        [1, -2, 0.5],
        [0, 30, 29.9],
        [-40, 2, 1],
        [-700, 0, 1],
        [350, -350, 0],
        [700, 700, 0],
        [1e-300, -1e-300, 0],
        [700, -700, 699],
    ],
    5: [[0.3, -1.2, 2.2, 0, -700], [12, 11, 10, -9, 8]],
}
LIMIT = {np.float64: 700.0, np.float32: 80.0}


def rows(n_classes, dtype):
    z = np.array(ROWS[n_classes], dtype=np.float64)
    return np.clip(z, -LIMIT[dtype], LIMIT[dtype]).astype(dtype)


def check_rows(loss, y, targets, z, dtype, **keywords):
    """Assert that errors are at most what is promised."""
    assert worst_error(loss, y, targets, z, dtype, **keywords).max() <= PROMISE


def worst_error(loss, y, targets, z, dtype, running=(), **keywords):
    """Largest errors of value, gradient and Hessian, in units of κ eps.

    Of the exact value, or of its terms where these can cancel; of what a running error
    analysis of the formula allows for derivatives whose order is in `running`. Rows at
    a kink are left out.

    They cancel between the classes of a soft target, at its minimum, and in φ'', which
    has a root: there a relative error below eps over what is left of the terms cannot
    be had, for the rounding of z_c - z_k alone makes one.
    """
    n, n_classes = z.shape
    value, gradient = loss.loss_gradient(y, z, **keywords)
    _, diagonal = loss.gradient_hessian(y, z, **keywords)
    matrix = loss.hessian(y, z, **keywords)
    assert value.dtype == gradient.dtype == diagonal.dtype == matrix.dtype == dtype
    v = np.random.default_rng(0).integers(-4, 5, z.shape).astype(dtype)
    product = loss.hessian_product(y, z, v, **keywords)
    single = np.ndim(y) == 1 and not keywords
    worst = np.zeros(3)
    with mp.workdps(DIGITS):
        for i in range(n):
            target = smooth(targets[i], n_classes, keywords.get("label_smoothing", 0))
            if at_kink(loss, target, z[i], dtype):
                continue
            exact, slope, curvature, slopes, curvatures, values = derivatives(
                loss, target, z[i], running
            )

            def judge(order, ours, truth, terms, row=z[i]):
                error = error_in_eps(ours, truth, terms, dtype) / kappa(loss, row)
                worst[order] = max(worst[order], error)

            judge(0, value[i], exact, values)
            for k in range(n_classes):
                alone = single and 1 not in running
                judge(1, gradient[i, k], slope[k], slope[k] if alone else slopes[k])
                judge(2, diagonal[i, k], curvature[k, k], curvatures[k, k])
                for j in range(n_classes):
                    judge(2, matrix[i, j, k], curvature[j, k], curvatures[j, k])
                columns = range(n_classes)
                judge(
                    2,
                    product[i, k],
                    mp.fsum(curvature[k, j] * float(v[i, j]) for j in columns),
                    mp.fsum(curvatures[k, j] * abs(float(v[i, j])) for j in columns),
                )
    return worst


def check_infinite_logits(loss, dtype, atol=0.0):
    """Assert that infinite logits give limits, and that NaN stays in its row.

    atol is 0 unless the formula is a difference of constants.
    """
    inf = np.inf
    z = np.array(
        [[inf, 0, 1], [-inf, -inf, -inf], [inf, inf, 0], [np.nan, 0, 0]], dtype
    )
    proba = loss.predict_proba(z)
    assert_allclose(proba[:3], [[1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]], rtol=1e-6)
    assert np.isnan(proba[3]).all()
    value, gradient = loss.loss_gradient([0, 0, 0, 1], z)
    assert abs(value[0]) <= atol and not gradient[0].any()
    assert np.isfinite(value[:3]).all() and np.isfinite(gradient[:3]).all()
    wrong = loss.gradient([1, 1, 2], z[:3]), loss.gradient_hessian([1], [-inf])[1]
    assert not np.isnan(wrong[0]).any() and not np.isnan(wrong[1]).any()
    assert np.isnan(value[3]) and np.isnan(gradient[3]).all()
    far = loss.loss([1, 0], np.array([-inf, 1e4], dtype))
    if far[0] == inf:
        assert far[1] > 1e3
    else:
        assert abs(far[0] - far[1]) <= atol
    assert not np.isnan(loss.posterior(z)[:3]).any()
    assert_allclose(loss.predict_proba([-inf, inf]), [[1, 0], [0, 1]])
