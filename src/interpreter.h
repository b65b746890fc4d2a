/* The interpreter of program.h, for numbers of type REAL.
 *
 * Registers are the same or apart, and a row depends on no other: hence EACH_ROW, which
 * says so to the compiler. Derivatives are written from the highest down, so that an
 * instruction may write where it reads. */

typedef REAL REAL_NAME(numbers)[ROWS];
typedef REAL_NAME(numbers) REAL_NAME(derivatives)[3];

typedef struct {
    const REAL *p, *q, *L;
    REAL_NAME(numbers) pq;
} REAL_NAME(inputs);

/* d = g(a), given g, g' and g'' at a: (g∘a)'' = g'' a'² + g' a''. */
OUT_OF_LINE void REAL_NAME(chain)(
    int order, const REAL_NAME(numbers) *a, const REAL_NAME(numbers) *g,
    REAL_NAME(numbers) *d
) {
    if (order > 1)
        EACH_ROW d[2][i] = g[2][i] * a[1][i] * a[1][i] + g[1][i] * a[2][i];
    if (order > 0)
        EACH_ROW d[1][i] = g[1][i] * a[1][i];
    EACH_ROW d[0][i] = g[0][i];
}

/* log q, exact for q near 1, too; it stays finite, so that 0 times it is 0. */
OUT_OF_LINE void REAL_NAME(log_q)(const REAL_NAME(inputs) *m, REAL *out) {
    EACH_ROW {
        REAL near_one = VM(log1p)(-m->p[i]), small = VM(log)(m->q[i]);
        small = m->q[i] == 0 ? -STANDS_FOR_INFINITY : small;
        out[i] = m->q[i] < (REAL)0.5 ? small : near_one;
    }
}

/* out x^k, for a small k that is a multiple of 1/2 */
static inline void REAL_NAME(times_power)(const REAL *x, REAL k, REAL *out) {
    for (; k >= 1; k -= 1)
        EACH_ROW out[i] *= x[i];
    if (k > 0)
        EACH_ROW out[i] *= VM(sqrt)(x[i]);
}

/* p^k q^l. Exponents of powers of two in a product would do, too, but e^x is as exact as
 * its argument, and an error of log q for q near 1 does not count here. */
OUT_OF_LINE void REAL_NAME(monomial)(
    const REAL_NAME(inputs) *m, REAL k, REAL l, REAL *out
) {
    int few = k >= 0 && l >= 0 && k + l <= SMALL_POWER;
    /* The root of a p that underflows may not: it is left to L. */
    if (few && (int)k == k && (int)(2 * l) == 2 * l) {
        EACH_ROW out[i] = 1;
        REAL_NAME(times_power)(m->p, k, out);
        REAL_NAME(times_power)(m->q, l, out);
    } else if (l == 0) {
        EACH_ROW out[i] = VM(exp)(-k * m->L[i]);
    } else if (k == 0) {
        EACH_ROW out[i] = VM(exp)(l * VM(log)(m->q[i]));
    } else {
        EACH_ROW out[i] = VM(exp)(l * VM(log)(m->q[i]) - k * m->L[i]);
    }
}

/* g = p^k q^l: with u = k q - l p, g' = g u and g'' = g (u² - (k + l) p q). */
static inline void REAL_NAME(monomial_derivatives)(
    int order, const REAL_NAME(inputs) *m, REAL k, REAL l, const REAL *g,
    REAL_NAME(numbers) *d
) {
    REAL sum = k + l;
    if (order > 1)
        EACH_ROW {
            REAL u = k * m->q[i] - l * m->p[i];
            d[2][i] = g[i] * (u * u - sum * m->pq[i]);
        }
    if (order > 0)
        EACH_ROW d[1][i] = g[i] * (k * m->q[i] - l * m->p[i]);
}

/* g L with g = p^k q^l: with u as above its derivatives are g (u L - q) and g [(u² - (k + l) p q) L - 2 u q + p q]. */
static inline void REAL_NAME(modulated_L)(
    int order, const REAL_NAME(inputs) *m, REAL k, REAL l, REAL_NAME(numbers) *d
) {
    REAL_NAME(numbers) g;
    const REAL *p = m->p, *q = m->q, *L = m->L, *pq = m->pq;
    REAL sum = k + l;
    REAL_NAME(monomial)(m, k, l, g);
    EACH_ROW d[0][i] = g[i] * L[i];
    if (order > 0)
        EACH_ROW d[1][i] = g[i] * ((k * q[i] - l * p[i]) * L[i] - q[i]);
    if (order > 1)
        EACH_ROW {
            REAL u = k * q[i] - l * p[i];
            d[2][i] = g[i] * ((u * u - sum * pq[i]) * L[i] + (p[i] - 2 * u) * q[i]);
        }
}

/* 1 - p^k or 1 - q^k, without cancellation */
static inline void REAL_NAME(complement)(
    int order, const REAL_NAME(inputs) *m, REAL k, int of_q, REAL_NAME(numbers) *d
) {
    REAL_NAME(numbers) g, exponent;
    if (of_q)
        REAL_NAME(log_q)(m, exponent);
    else
        EACH_ROW exponent[i] = -m->L[i];
    if (order > 0) {
        EACH_ROW g[i] = -VM(exp)(k * exponent[i]);
        REAL_NAME(monomial_derivatives)(order, m, of_q ? 0 : k, of_q ? k : 0, g, d);
    }
    EACH_ROW d[0][i] = -VM(expm1)(k * exponent[i]);
}

static inline void REAL_NAME(input)(
    int order, const REAL_NAME(inputs) *m, int operation, REAL_NAME(numbers) *d
) {
    const REAL *p = m->p, *q = m->q, *pq = m->pq;
    switch (operation) {
    case INPUT_P:
        if (order > 1)
            EACH_ROW d[2][i] = pq[i] * (q[i] - p[i]);
        EACH_ROW d[1][i] = pq[i];
        EACH_ROW d[0][i] = p[i];
        break;
    case INPUT_Q:
        if (order > 1)
            EACH_ROW d[2][i] = pq[i] * (p[i] - q[i]);
        EACH_ROW d[1][i] = -pq[i];
        EACH_ROW d[0][i] = q[i];
        break;
    case INPUT_L:
        EACH_ROW d[2][i] = pq[i];
        EACH_ROW d[1][i] = -q[i];
        EACH_ROW d[0][i] = m->L[i];
        break;
    default:
        EACH_ROW d[2][i] = -pq[i];
        EACH_ROW d[1][i] = -p[i];
        REAL_NAME(log_q)(m, d[0]);
    }
}

/* a^k: the derivatives at a = 0 are those for k > 2. */
static inline void REAL_NAME(power)(
    int order, const REAL_NAME(numbers) *a, REAL k, REAL_NAME(numbers) *d
) {
    REAL_NAME(derivatives) g;
    EACH_ROW {
        REAL x = a[0][i], y = VM(exp)(k * VM(log)(x)), r = x > 0 ? 1 / x : 0;
        g[0][i] = y;
        g[1][i] = k * y * r;
        g[2][i] = k * (k - 1) * y * r * r;
    }
    REAL_NAME(chain)(order, a, g, d);
}

static inline void REAL_NAME(function)(
    int order, int operation, const REAL_NAME(numbers) *a, REAL_NAME(numbers) *d
) {
    REAL_NAME(derivatives) g;
    switch (operation) {
    case EXP:
        EACH_ROW g[0][i] = g[1][i] = g[2][i] = VM(exp)(a[0][i]);
        break;
    case EXPM1:
        EACH_ROW g[0][i] = VM(expm1)(a[0][i]);
        EACH_ROW g[1][i] = g[2][i] = VM(exp)(a[0][i]);
        break;
    case LOG:
        EACH_ROW g[0][i] = VM(log)(a[0][i]);
        EACH_ROW {
            g[1][i] = 1 / a[0][i];
            g[2][i] = -g[1][i] * g[1][i];
        }
        break;
    default:
        EACH_ROW g[0][i] = VM(log1p)(a[0][i]);
        EACH_ROW {
            g[1][i] = 1 / (1 + a[0][i]);
            g[2][i] = -g[1][i] * g[1][i];
        }
    }
    REAL_NAME(chain)(order, a, g, d);
}

/* a / b = y: y' = (a' - y b') / b, y'' = (a'' - 2 y' b' - y b'') / b. */
static inline void REAL_NAME(divide)(
    int order, const REAL_NAME(numbers) *a, const REAL_NAME(numbers) *b,
    REAL_NAME(numbers) *d
) {
    REAL_NAME(numbers) y, y1, inverse;
    EACH_ROW {
        inverse[i] = 1 / b[0][i];
        y[i] = a[0][i] / b[0][i];
    }
    if (order > 0)
        EACH_ROW y1[i] = (a[1][i] - y[i] * b[1][i]) * inverse[i];
    if (order > 1)
        EACH_ROW d[2][i] =
            (a[2][i] - 2 * y1[i] * b[1][i] - y[i] * b[2][i]) * inverse[i];
    if (order > 0)
        EACH_ROW d[1][i] = y1[i];
    EACH_ROW d[0][i] = y[i];
}

/* The larger of a and b, or as c says; a kink has the derivatives of a. */
static inline void REAL_NAME(choose)(
    int order, int operation, const REAL_NAME(numbers) *a, const REAL_NAME(numbers) *b,
    const REAL_NAME(numbers) *c, REAL_NAME(numbers) *d
) {
    REAL_NAME(numbers) first;
    if (operation == SELECT)
        EACH_ROW first[i] = c[0][i];
    else
        EACH_ROW first[i] = a[0][i] >= b[0][i] ? 1 : 0;
    for (int n = order; n >= 0; n--)
        EACH_ROW d[n][i] = first[i] != 0 ? a[n][i] : b[n][i];
}

static inline void REAL_NAME(multiply)(
    int order, const REAL_NAME(numbers) *a, const REAL_NAME(numbers) *b,
    REAL_NAME(numbers) *d
) {
    if (order > 1)
        EACH_ROW d[2][i] =
            a[2][i] * b[0][i] + 2 * a[1][i] * b[1][i] + a[0][i] * b[2][i];
    if (order > 0)
        EACH_ROW d[1][i] = a[1][i] * b[0][i] + a[0][i] * b[1][i];
    EACH_ROW d[0][i] = a[0][i] * b[0][i];
}

static inline void REAL_NAME(fill)(int order, REAL k, REAL_NAME(numbers) *d) {
    for (int n = 1; n <= order; n++)
        EACH_ROW d[n][i] = 0;
    EACH_ROW d[0][i] = k;
}

/* p, q and L at m - Δ: the sum of the other classes is e^Δ times as large. */
static inline void REAL_NAME(shift_margins)(
    const program *P, int j, const ptrdiff_t *classes, const REAL *margins, REAL *out
) {
    REAL_NAME(numbers) delta;
    for (int i = 0; i < ROWS; i++)
        delta[i] = (REAL)theta_of(P, j, classes, i);
    EACH_ROW {
        REAL p = margins[i], L = margins[2 * ROWS + i];
        REAL others = margins[ROWS + i] * VM(exp)(delta[i]), total = p + others;
        REAL less_likely = L + VM(log)(total), likely = VM(log1p)(others / p);
        out[i] = p / total;
        out[ROWS + i] = others / total;
        out[2 * ROWS + i] = p < (REAL)0.5 ? less_likely : likely;
    }
}

/* Where L is infinite, p L must be 0; and what grows with L is infinite with it. */
static inline void REAL_NAME(bound)(const REAL *L, REAL *out) {
    EACH_ROW out[i] = L[i] < (REAL)INFINITY ? L[i] : STANDS_FOR_INFINITY;
}

static inline void REAL_NAME(unbound)(int order, const REAL *L, REAL_NAME(numbers) *f) {
    for (int i = 0; i < ROWS; i++) {
        if (L[i] == (REAL)INFINITY && f[0][i] > STANDS_FOR_INFINITY * (REAL)1e-9)
            f[0][i] = L[i];
        for (int n = 0; n <= order; n++)
            f[n][i] = L[i] == L[i] ? f[n][i] : L[i];
    }
}

/* Where p or q underflows an intermediate result may be undefined: φ is 0 far to the
 * right, and so are derivatives on both sides. NaN logits have no p q of 0. */
static inline void REAL_NAME(take_limits)(
    int order, const REAL_NAME(inputs) *m, REAL_NAME(numbers) *f
) {
    for (int n = 0; n <= order; n++)
        for (int i = 0; i < ROWS; i++)
            if (f[n][i] != f[n][i] && m->pq[i] == 0 && (n > 0 || m->q[i] == 0))
                f[n][i] = 0;
}

/* Whether a row is beyond the margins at which formulas are checked (skxent/losses/
 * _traced.py), or NaN. Within them nothing overflows or is undefined. */
static inline int REAL_NAME(any_tiny)(const REAL *pq) {
    int found = 0;
    for (int i = 0; i < ROWS; i++)
        found |= !(pq[i] > TINY);
    return found;
}

/* A derivative that overflows stays finite, for it is multiplied by what may be 0. */
static inline void REAL_NAME(keep_finite)(int order, REAL_NAME(numbers) *f) {
    for (int n = 1; n <= order; n++)
        EACH_ROW {
            REAL x = f[n][i];
            x = x > LARGEST_DERIVATIVE ? LARGEST_DERIVATIVE : x;
            f[n][i] = x < -LARGEST_DERIVATIVE ? -LARGEST_DERIVATIVE : x;
        }
}

OUT_OF_LINE void REAL_NAME(run)(
    const program *P, int order, const ptrdiff_t *classes, const REAL *margins, REAL *f
) {
    REAL_NAME(derivatives) r[REGISTERS];
    REAL_NAME(inputs) m;
    REAL shifted[3 * ROWS], bounded[ROWS];
    instruction first = instruction_at(P, 0);
    if (first.operation == MARGIN_SHIFT) {
        REAL_NAME(shift_margins)(P, first.a, classes, margins, shifted);
        margins = shifted;
    }
    m.p = margins;
    m.q = margins + ROWS;
    m.L = margins + 2 * ROWS;
    EACH_ROW m.pq[i] = m.p[i] * m.q[i];
    int at_an_end = REAL_NAME(any_tiny)(m.pq);
    if (at_an_end) {
        REAL_NAME(bound)(m.L, bounded);
        m.L = bounded;
    }
    for (ptrdiff_t at = first.operation == MARGIN_SHIFT; at < P->size; at++) {
        instruction x = instruction_at(P, at);
        REAL k = (REAL)x.k, l = (REAL)x.l;
        /* The last one writes the result; those without registers use `a` otherwise. */
        REAL_NAME(numbers) *d =
            at + 1 < P->size ? r[x.to] : (REAL_NAME(numbers) *)f;
        const REAL_NAME(numbers) *a = r[x.operation < AFFINE ? 0 : x.a];
        const REAL_NAME(numbers) *b = r[x.b];
        switch (x.operation) {
        case INPUT_P:
        case INPUT_Q:
        case INPUT_L:
        case LOG_Q:
            REAL_NAME(input)(order, &m, x.operation, d);
            break;
        case MONOMIAL:
            REAL_NAME(monomial)(&m, k, l, d[0]);
            REAL_NAME(monomial_derivatives)(order, &m, k, l, d[0], d);
            break;
        case MODULATED_L:
            REAL_NAME(modulated_L)(order, &m, k, l, d);
            break;
        case COMPLEMENT_P:
        case COMPLEMENT_Q:
            REAL_NAME(complement)(order, &m, k, x.operation == COMPLEMENT_Q, d);
            break;
        case CONSTANT:
            REAL_NAME(fill)(order, k, d);
            break;
        case CLASS_CONSTANT:
            REAL_NAME(fill)(order, 0, d);
            for (int i = 0; i < ROWS; i++)
                d[0][i] = (REAL)theta_of(P, x.a, classes, i);
            break;
        case AFFINE:
            for (int n = order; n > 0; n--)
                EACH_ROW d[n][i] = k * a[n][i];
            EACH_ROW d[0][i] = k * a[0][i] + l;
            break;
        case COMBINE:
            for (int n = order; n >= 0; n--)
                EACH_ROW d[n][i] = k * a[n][i] + l * b[n][i];
            break;
        case MULTIPLY:
            REAL_NAME(multiply)(order, a, b, d);
            break;
        case DIVIDE:
            REAL_NAME(divide)(order, a, b, d);
            break;
        case POWER:
            REAL_NAME(power)(order, a, k, d);
            break;
        case MAXIMUM:
        case SELECT:
            REAL_NAME(choose)(order, x.operation, a, b, r[x.c], d);
            break;
        case LESS:
            for (int n = 1; n <= order; n++)
                EACH_ROW d[n][i] = 0;
            EACH_ROW d[0][i] = a[0][i] < b[0][i] ? 1 : 0;
            break;
        default:
            REAL_NAME(function)(order, x.operation, a, d);
        }
    }
    if (at_an_end) {
        REAL_NAME(take_limits)(order, &m, (REAL_NAME(numbers) *)f);
        REAL_NAME(keep_finite)(order, (REAL_NAME(numbers) *)f);
        REAL_NAME(unbound)(order, margins + 2 * ROWS, (REAL_NAME(numbers) *)f);
    }
}
