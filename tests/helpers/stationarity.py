"""The documented objective, its gradient and its Hessian, from the formulas in numpy.

With e_c the unit vectors and r the softmax over the classes other than c, a row's loss
φ(m_c), m_c = z_c - logsumexp_{j≠c} z_j, has the gradient φ' v, v = e_c - r, and the
Hessian φ'' vvᵀ - φ' (diag r - rrᵀ). Nothing here comes from the package but φ.
"""

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp, softmax

STEP = 1e-5


def slope(loss, m):
    """φ', by a complex step, which loses no digits."""
    x = np.clip(m, -500, 500) + 1e-30j
    p, q, L = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x)), np.log1p(np.exp(-x))
    return loss.phi(p, q, L).imag * 1e30


def row_derivatives(loss, z, t):
    """Gradients (n, K) and Hessians (n, K, K) of Σ_c t_c φ(m_c)."""
    n, K = z.shape
    gradient, hessian = np.zeros((n, K)), np.zeros((n, K, K))
    for c in range(K):
        others = z.copy()
        others[:, c] = -np.inf
        m = z[:, c] - logsumexp(others, axis=1)
        r = softmax(others, axis=1)
        v = np.eye(K)[c] - r
        first = t[:, c] * slope(loss, m)
        rise = slope(loss, m + STEP) - slope(loss, m - STEP)
        second = t[:, c] * rise / (2 * STEP)
        spread = r[:, :, np.newaxis] * (np.eye(K) - r[:, np.newaxis])
        gradient += first[:, np.newaxis] * v
        hessian += second[:, np.newaxis, np.newaxis] * v[:, :, None] * v[:, None]
        hessian -= first[:, np.newaxis, np.newaxis] * spread
    return gradient, hessian


def sums(loss, X, t, W, offset=0.0):
    """Σ over rows of the gradient in W (m, D), and the Hessian (m D, m D)."""
    m, D = W.shape
    z = X @ W.T + offset
    if m == 1:
        z = np.hstack([np.zeros_like(z), z])
    of_rows, curvature = row_derivatives(loss, z, t)
    of_rows, curvature = of_rows[:, -m:], curvature[:, -m:, -m:]
    H = np.empty((m, D, m, D))
    for j in range(m):
        for k in range(m):
            H[j, :, k] = X.T @ (curvature[:, j, k, np.newaxis] * X)
    return of_rows.T @ X, H.reshape(m * D, m * D)


def targets(y, n_classes, w=None, class_weight=None, smoothing=0.0):
    """The weights t_c of φ(m_c) in each row; y holds codes or soft labels."""
    t = np.eye(n_classes)[y] if np.ndim(y) == 1 else np.asarray(y, dtype=float)
    weight = np.ones(n_classes)
    for label, value in (class_weight or {}).items():
        weight[label] = value
    t = t * weight
    t = (1 - smoothing) * t + smoothing / n_classes * t.sum(axis=1, keepdims=True)
    return t if w is None else t * w[:, np.newaxis]


def matrix(X, fit_intercept=True):
    X = np.asarray(X.todense() if sp.issparse(X) else X, dtype=np.float64)
    return np.column_stack([X, np.ones(len(X))]) if fit_intercept else X


def weights(model):
    """(m, D), the last column the intercept if there is one."""
    W = model.coef_.astype(np.float64)
    if not model.fit_intercept:
        assert not model.intercept_.any()
        return W
    return np.column_stack([W, model.intercept_.astype(np.float64)])


def norm(gradient, H):
    """√(gᵀ|H|⁻¹g): the Newton decrement, along directions that are not flat."""
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(H)), 1e-300))
    values, vectors = np.linalg.eigh(H * scale * scale[:, np.newaxis])
    size = np.abs(values)
    along = vectors.T @ (gradient * scale)
    kept = size > 1e-12 * size.max()
    return float(np.sqrt(np.sum(along[kept] ** 2 / size[kept])))


def decrement(model, X, t, loss, C, l1_ratio=0.0, factor=1.0, offset=0.0):
    """The decrement at the coefficients, in nats, of the objective

        C Σ ℓ + Σ_j ψ_j (ρ ‖W_j‖₁ + (1 - ρ)/2 ‖W_j‖²),    ψ the factors of the columns

    Of coefficients that are zero only what their slope has beyond ρ ψ counts. The
    offset, (n, m), is a term of the logits.
    """
    X, W = matrix(X, model.fit_intercept), weights(model)
    gradient, H = sums(loss, X, t, W, offset)
    total = t.sum()
    penalised = np.zeros_like(W)
    penalised[:, : model.coef_.shape[1]] = np.asarray(factor) / (C * total)
    gradient = gradient / total + (1 - l1_ratio) * penalised * W
    H = H / total + np.diag((1 - l1_ratio) * penalised.ravel())
    l1 = l1_ratio * penalised
    zero = (W == 0) & (l1 > 0)
    beyond = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    gradient = np.where(zero, beyond, gradient + l1 * np.sign(W))
    kept = (~zero | (gradient != 0)).ravel()
    return norm(gradient.ravel()[kept], H[np.ix_(kept, kept)])


class Stream:
    """The recursion of `partial_fit`, batch by batch.

    W_t = argmin ½ (W - W_{t-1})ᵀ A_{t-1} (W - W_{t-1}) + Σ w ℓ,  A_t = A_{t-1} + H_t.
    `diagonal`: A is diagonal, in columns less their mean in the batch if `centred`.
    """

    def __init__(self, shape, C, diagonal, centred, factor=1.0):
        self.diagonal, self.centred = diagonal, centred
        penalty = np.zeros(shape)
        penalty[:, :-1] = np.asarray(factor) / C
        self.A, self.W = np.diag(penalty.ravel()), np.zeros(shape)

    def learn(self, model, X, t, loss, offset=0.0):
        """The decrement of the objective of a batch at the coefficients it led to."""
        X, W, before = matrix(X), weights(model), self.W.copy()
        if self.diagonal and self.centred:
            mean = X[:, :-1].mean(axis=0)
            X[:, :-1] -= mean
            for each in (W, before):
                each[:, -1] += each[:, :-1] @ mean
        gradient, H = sums(loss, X, t, W, offset)
        pull = self.A @ (W - before).ravel()
        total = t.sum()
        found = norm((gradient.ravel() + pull) / total, (H + self.A) / total)
        self.A = self.A + (np.diag(np.diagonal(H)) if self.diagonal else H)
        self.W = weights(model)
        return found
