/* Refuse compiler options under which the kernels would silently be wrong. */
#ifndef SKXENT_STRICT_H
#define SKXENT_STRICT_H

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||   \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(_M_FP_FAST)
#error "skxent must be compiled without -ffast-math, -Ofast, -funsafe-math-optimizations, \
-ffinite-math-only and /fp:fast: infinities, NaN and rounding errors are part of its \
results. Remove them from CFLAGS and LDFLAGS."
#endif

#endif
