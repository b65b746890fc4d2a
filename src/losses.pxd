"""The formulas: every loss as a function φ of the margin m of one class.

A formula is given p = σ(m), q = σ(-m) and L = -log p, each exact to a few ulp, and
writes φ, φ' and φ'' (derivatives in m). It may use 1 - p as q and log p as -L, and must
not form either anew. `log_slope` is log(-φ'/q), which the posterior divides by: it stays
finite where φ' underflows, given log q.

`phi` and `log_slope` are all that the other files call of a loss, each for a tile.

To add a loss: a name in `Formula`, its two functions, a line in `formula_of` and a
branch in `phi` and `log_slope`. The Python side is one dataclass in skxent/losses/_shipped.py.
"""

from cython cimport floating
from vecmath cimport exp, expm1, log, log1p

cdef enum:
    ROWS = 32  # of a tile; as in transpose.h. They are enough to hide the latency of exp

cdef enum Formula:
    CROSS_ENTROPY
    FOCAL
    GENERALIZED_CROSS_ENTROPY
    SYMMETRIC_CROSS_ENTROPY
    POLY1

cdef struct LossSpec:
    int formula
    double a  # what the formula takes, in the order of Loss.parameters
    double b
    bint log_likelihood  # is φ = -log p, whose derivatives in log p are -1 and 0?
    bint psd  # take max(φ'', -p φ') for φ'': no Hessian then has a negative eigenvalue


cdef inline int formula_of(str name) except -1:
    if name == "cross_entropy":
        return CROSS_ENTROPY
    if name == "focal":
        return FOCAL
    if name == "generalized_cross_entropy":
        return GENERALIZED_CROSS_ENTROPY
    if name == "symmetric_cross_entropy":
        return SYMMETRIC_CROSS_ENTROPY
    if name == "poly1":
        return POLY1
    raise ValueError(f"loss must be one with a compiled formula, got {name!r}.")


cdef inline LossSpec spec_of(tuple loss) except *:
    """Read a loss, which is its name and its parameters."""
    cdef LossSpec spec
    cdef tuple padded = loss[1] + (0.0, 0.0)
    spec.formula = formula_of(loss[0])
    spec.a = padded[0]
    spec.b = padded[1]
    spec.log_likelihood = spec.formula == CROSS_ENTROPY
    spec.psd = False
    return spec


# φ = L    φ' = -q    φ'' = p q    log(-φ'/q) = 0
cdef inline void cross_entropy(
    floating p, floating q, floating L, floating *f, floating *f1, floating *f2
) noexcept nogil:
    f[0] = L
    f1[0] = -q
    f2[0] = p * q


# φ = q^γ L    φ' = -q^γ (q + γ p L)    φ'' = p q^γ [(1 + 2γ) q + γ L (γ p - q)]
# (Lin et al. 2017, arXiv 1708.02002; no power γ - 1, so any γ >= 0 will do)
cdef inline void focal(
    floating gamma, floating modulation, floating p, floating q, floating L,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    cdef floating pL = p * L if p > 0 else 0  # its limit where L is infinite
    f[0] = modulation * L
    f1[0] = -modulation * (q + gamma * pL)
    f2[0] = modulation * (
        (1 + 2 * gamma) * p * q + gamma * pL * (gamma * p - q)
    )


# Write the modulation q^γ of a tile; small integers γ need no exp.
cdef inline void powers(const floating *q, floating gamma, floating *out) noexcept nogil:
    cdef int i
    cdef floating[ROWS] base
    if gamma == 0:
        for i in range(ROWS):
            out[i] = 1
    elif gamma == 1:
        for i in range(ROWS):
            out[i] = q[i]
    elif gamma == 2:
        for i in range(ROWS):
            out[i] = q[i] * q[i]
    else:
        # base is local, so that nothing can alias and the loop vectorises.
        for i in range(ROWS):
            base[i] = q[i]
        for i in range(ROWS):
            base[i] = exp(gamma * log(base[i]))
        for i in range(ROWS):
            out[i] = base[i]


# log(-φ'/q) = γ log q + log1p(γ p L / q), where L/q -> 1 as q -> 0
cdef inline floating focal_log_slope(
    floating gamma, floating p, floating q, floating L, floating log_q
) noexcept nogil:
    cdef floating ratio = 1 if q == 0 else L / q
    return (0 if gamma == 0 else gamma * log_q) + log1p(
        gamma * p * ratio if p > 0 else gamma * p
    )


# φ = (1 - p^θ) / θ    φ' = -p^θ q    φ'' = p^θ q (p - θ q)    log(-φ'/q) = -θ L
# (Zhang & Sabuncu 2018, arXiv 1805.07836)
cdef inline void generalized_cross_entropy(
    floating theta, floating p, floating q, floating L,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    cdef floating power = exp(-theta * L)
    f[0] = -expm1(-theta * L) / theta
    f1[0] = -power * q
    f2[0] = power * q * (p - theta * q)


# φ = α L + b q    φ' = -q (α + b p)    φ'' = p q [α + b (p - q)]
# log(-φ'/q) = log(α + b p),  b = β |log 0|    (Wang et al. 2019, arXiv 1908.06112)
cdef inline void symmetric_cross_entropy(
    floating alpha, floating b, floating p, floating q, floating L,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    f[0] = alpha * L + b * q
    f1[0] = -q * (alpha + b * p)
    f2[0] = p * q * (alpha + b * (p - q))


cdef inline floating poly1_slope(
    floating epsilon, floating p, floating q
) noexcept nogil:
    # 1 + ε₁ p as a sum of what is not negative, for ε₁ >= -1
    return (1 + epsilon) - epsilon * q if epsilon < 0 else 1 + epsilon * p


# φ = L + ε₁ q    φ' = -q (1 + ε₁ p)    φ'' = p q [1 + ε₁ (p - q)]    log(-φ'/q) = log1p(ε₁ p)
# (Leng et al. 2022, arXiv 2204.12511)
cdef inline void poly1(
    floating epsilon, floating p, floating q, floating L,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    cdef floating one_plus = poly1_slope(epsilon, p, q)
    f[0] = L + epsilon * q
    f1[0] = -q * one_plus
    f2[0] = p * q * (one_plus - epsilon * q)


cdef inline void phi(
    const LossSpec *loss, const floating *p, const floating *q, const floating *L,
    floating *f, floating *f1, floating *f2
) noexcept nogil:
    # Local results alias nothing, so that the loops vectorise.
    cdef floating[ROWS] value, slope, curvature, modulation
    cdef floating floor
    cdef int i
    cdef floating a = <floating> loss.a, b = <floating> loss.b
    if loss.formula == CROSS_ENTROPY:
        for i in range(ROWS):
            cross_entropy(p[i], q[i], L[i], &value[i], &slope[i], &curvature[i])
    elif loss.formula == FOCAL:
        powers(q, a, &modulation[0])
        for i in range(ROWS):
            focal(
                a, modulation[i], p[i], q[i], L[i],
                &value[i], &slope[i], &curvature[i],
            )
    elif loss.formula == GENERALIZED_CROSS_ENTROPY:
        for i in range(ROWS):
            generalized_cross_entropy(
                a, p[i], q[i], L[i], &value[i], &slope[i], &curvature[i]
            )
    elif loss.formula == SYMMETRIC_CROSS_ENTROPY:
        for i in range(ROWS):
            symmetric_cross_entropy(
                a, b, p[i], q[i], L[i], &value[i], &slope[i], &curvature[i]
            )
    elif loss.formula == POLY1:
        for i in range(ROWS):
            poly1(a, p[i], q[i], L[i], &value[i], &slope[i], &curvature[i])
    if loss.psd:
        for i in range(ROWS):
            floor = -p[i] * slope[i]
            curvature[i] = floor if curvature[i] < floor else curvature[i]
    for i in range(ROWS):
        f[i] = value[i]
        f1[i] = slope[i]
        f2[i] = curvature[i]


cdef inline void log_slope(
    const LossSpec *loss, const floating *p, const floating *q, const floating *L,
    const floating *log_q, floating *s
) noexcept nogil:
    cdef int i
    cdef floating a = <floating> loss.a, b = <floating> loss.b
    if loss.formula == CROSS_ENTROPY:
        for i in range(ROWS):
            s[i] = 0
    elif loss.formula == FOCAL:
        for i in range(ROWS):
            s[i] = focal_log_slope(a, p[i], q[i], L[i], log_q[i])
    elif loss.formula == GENERALIZED_CROSS_ENTROPY:
        for i in range(ROWS):
            s[i] = -a * L[i]
    elif loss.formula == SYMMETRIC_CROSS_ENTROPY:
        for i in range(ROWS):
            s[i] = log(a + b * p[i])
    elif loss.formula == POLY1:
        for i in range(ROWS):
            s[i] = log(poly1_slope(a, p[i], q[i]))
