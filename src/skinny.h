/* Products of a block of rows X (rows x d) with few columns, in both directions:
 *
 *   times    Z (rows x m) += X W        add    G (d x m) += X' R
 *
 * and the same with one column, _one. d and m are whole vectors of N lanes (SKINNY_LANES;
 * what is more than needed is zero), rows whole tiles. Lanes run along m, with a number
 * of X in all of them; along d if there is one column. The block fits a cache near the
 * processor, so nothing is packed as in a BLAS, which is slower for few columns and would
 * start threads of its own. centred fills a block.
 */
#ifndef SKXENT_SKINNY_H
#define SKXENT_SKINNY_H

#include "rowsums.h"

#if defined(__AVX512F__)
#define SKINNY_double 8
#define SKINNY_float 8
#define SKINNY_ROWS 8 /* of sums that are kept in registers, times 2 vectors */
#elif defined(__AVX__)
#define SKINNY_double 4
#define SKINNY_float 8
#define SKINNY_ROWS 4
#elif defined(SKXENT_SHUFFLES)
#define SKINNY_double 2
#define SKINNY_float 4
#define SKINNY_ROWS 4
#else
#define SKINNY_double 1
#define SKINNY_float 1
#define SKINNY_ROWS 4
#endif

#define CENTRED(T)                                                                     \
    static inline void centred_##T(                                                    \
        ptrdiff_t rows, ptrdiff_t d, const T *restrict X, ptrdiff_t step,              \
        const T *restrict origin, T *restrict block, ptrdiff_t d_wide) {               \
        for (ptrdiff_t i = 0; i < rows; i++, X += step, block += d_wide)               \
            for (ptrdiff_t j = 0; j < d; j++)                                          \
                block[j] = X[j] - origin[j];                                           \
    }
CENTRED(double)
CENTRED(float)

#ifdef SKXENT_SHUFFLES
#define ALWAYS static inline __attribute__((always_inline))

/* R x P vectors of sums over n: of a(r, j) b(j, p), where a is at [r a_row + j a_step]. */
#define SKINNY(T, N)                                                                   \
    ALWAYS void sums_##T(                                                              \
        const int R, const int P, ptrdiff_t n, const T *a, ptrdiff_t a_row,            \
        ptrdiff_t a_step, const T *b, ptrdiff_t b_step, T *out, ptrdiff_t out_row) {   \
        skxent_##T##_##N sum[SKINNY_ROWS][2], v[2];                                    \
        UNROLL for (int r = 0; r < R; r++)                                             \
            UNROLL for (int p = 0; p < P; p++)                                         \
                memcpy(&sum[r][p], out + r * out_row + p * N, sizeof v[0]);            \
        for (ptrdiff_t j = 0; j < n; j++) {                                            \
            UNROLL for (int p = 0; p < P; p++)                                         \
                memcpy(&v[p], b + j * b_step + p * N, sizeof v[0]);                    \
            UNROLL for (int r = 0; r < R; r++)                                         \
                UNROLL for (int p = 0; p < P; p++)                                     \
                    sum[r][p] += a[r * a_row + j * a_step] * v[p];                     \
        }                                                                              \
        UNROLL for (int r = 0; r < R; r++)                                             \
            UNROLL for (int p = 0; p < P; p++)                                         \
                memcpy(out + r * out_row + p * N, &sum[r][p], sizeof v[0]);            \
    }                                                                                  \
    /* out (rows x m) += a b, rows in groups that stay in registers */                 \
    ALWAYS void product_##T(                                                           \
        ptrdiff_t rows, ptrdiff_t n, ptrdiff_t m, const T *a, ptrdiff_t a_row,         \
        ptrdiff_t a_step, const T *b, T *out) {                                        \
        for (ptrdiff_t i = 0; i < rows; i += SKINNY_ROWS)                              \
            for (ptrdiff_t k = 0; k < m; k += 2 * N) {                                 \
                const T *first = a + i * a_row;                                        \
                if (m - k > N)                                                         \
                    sums_##T(SKINNY_ROWS, 2, n, first, a_row, a_step, b + k, m,        \
                             out + i * m + k, m);                                      \
                else                                                                   \
                    sums_##T(SKINNY_ROWS, 1, n, first, a_row, a_step, b + k, m,        \
                             out + i * m + k, m);                                      \
            }                                                                          \
    }                                                                                  \
    static inline void times_##T(                                                      \
        ptrdiff_t rows, ptrdiff_t d, ptrdiff_t m, const T *X, const T *W, T *Z) {      \
        product_##T(rows, d, m, X, d, 1, W, Z);                                        \
    }                                                                                  \
    static inline void add_##T(                                                        \
        ptrdiff_t rows, ptrdiff_t d, ptrdiff_t m, const T *X, const T *R, T *G) {      \
        product_##T(d, rows, m, X, 1, d, R, G);                                        \
    }                                                                                  \
    static inline void times_one_##T(                                                  \
        ptrdiff_t rows, ptrdiff_t d, const T *X, const T *w, T *z) {                   \
        for (ptrdiff_t i = 0; i < rows; i += N) {                                      \
            skxent_##T##_##N v[N] = {{0}}, x, y;                                       \
            for (ptrdiff_t k = 0; k < d; k += N) {                                     \
                memcpy(&y, w + k, sizeof y);                                           \
                UNROLL for (int r = 0; r < N; r++) {                                   \
                    memcpy(&x, X + (i + r) * d + k, sizeof x);                         \
                    v[r] += x * y;                                                     \
                }                                                                      \
            }                                                                          \
            STAGES_##N(FOLD, skxent_##T##_##N)                                         \
            memcpy(&x, z + i, sizeof x);                                               \
            v[0] += x;                                                                 \
            memcpy(z + i, &v[0], sizeof x);                                            \
        }                                                                              \
    }                                                                                  \
    static inline void add_one_##T(                                                    \
        ptrdiff_t rows, ptrdiff_t d, const T *X, const T *r, T *g) {                   \
        for (ptrdiff_t k = 0; k < d; k += 4 * N) {                                     \
            int vectors = d - k < 4 * N ? (int)((d - k) / N) : 4;                      \
            skxent_##T##_##N sum[4] = {{0}}, x;                                        \
            if (vectors == 4)                                                          \
                for (ptrdiff_t i = 0; i < rows; i++)                                   \
                    UNROLL for (int p = 0; p < 4; p++) {                               \
                        memcpy(&x, X + i * d + k + p * N, sizeof x);                   \
                        sum[p] += x * r[i];                                            \
                    }                                                                  \
            else                                                                       \
                for (int p = 0; p < vectors; p++)                                      \
                    for (ptrdiff_t i = 0; i < rows; i++) {                             \
                        memcpy(&x, X + i * d + k + p * N, sizeof x);                   \
                        sum[p] += x * r[i];                                            \
                    }                                                                  \
            for (int p = 0; p < vectors; p++) {                                        \
                memcpy(&x, g + k + p * N, sizeof x);                                   \
                sum[p] += x;                                                           \
                memcpy(g + k + p * N, &sum[p], sizeof x);                              \
            }                                                                          \
        }                                                                              \
    }

#if defined(__AVX512F__)
SKINNY(double, 8)
SKINNY(float, 8)
#elif defined(__AVX__)
SKINNY(double, 4)
SKINNY(float, 8)
#else
SKINNY(double, 2)
SKINNY(float, 4)
#endif

#else

#define SKINNY(T)                                                                      \
    static inline void times_##T(                                                      \
        ptrdiff_t rows, ptrdiff_t d, ptrdiff_t m, const T *X, const T *W, T *Z) {      \
        for (ptrdiff_t i = 0; i < rows; i++)                                           \
            for (ptrdiff_t j = 0; j < d; j++)                                          \
                for (ptrdiff_t k = 0; k < m; k++)                                      \
                    Z[i * m + k] += X[i * d + j] * W[j * m + k];                       \
    }                                                                                  \
    static inline void add_##T(                                                        \
        ptrdiff_t rows, ptrdiff_t d, ptrdiff_t m, const T *X, const T *R, T *G) {      \
        for (ptrdiff_t i = 0; i < rows; i++)                                           \
            for (ptrdiff_t j = 0; j < d; j++)                                          \
                for (ptrdiff_t k = 0; k < m; k++)                                      \
                    G[j * m + k] += X[i * d + j] * R[i * m + k];                       \
    }                                                                                  \
    static inline void times_one_##T(                                                  \
        ptrdiff_t rows, ptrdiff_t d, const T *X, const T *w, T *z) {                   \
        times_##T(rows, d, 1, X, w, z);                                                \
    }                                                                                  \
    static inline void add_one_##T(                                                    \
        ptrdiff_t rows, ptrdiff_t d, const T *X, const T *r, T *g) {                   \
        add_##T(rows, d, 1, X, r, g);                                                  \
    }
SKINNY(double)
SKINNY(float)

#endif
#endif
