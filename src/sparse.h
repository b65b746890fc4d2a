/* Products of rows of a CSR matrix with few columns, in both directions:
 *
 *   gather    Z (rows x m) += X W        scatter    G (d x m) += X' R
 *
 * Here m is 1 or a multiple of 4. A wide W or G is in no cache near the processor, so their
 * rows are fetched some entries of X ahead. G is of doubles, for it sums over all rows.
 */
#ifndef SKXENT_SPARSE_H
#define SKXENT_SPARSE_H

#include <stddef.h>
#include <stdint.h>
#include "bysize.h"

#if defined(__GNUC__) || defined(__clang__)
#define FETCH(address) __builtin_prefetch(address)
#define NOT_INLINE __attribute__((noinline))
#else
#define FETCH(address)
#define NOT_INLINE
#endif

enum { AHEAD = 12, LINE = 64 };

typedef struct {
    const void *data;            /* float or double, as W */
    const void *column, *first;  /* of each entry; entry of each row, and of the end */
    int wide;                    /* both are of 64 bits, not 32 */
    ptrdiff_t last;              /* entry of all */
} entries;

/* Columns and first entries of the index type I, from row `start` on. */
#define INDEX(I)                                                                       \
    const I *column = (const I *)X->column, *first = (const I *)X->first + start

/* With one column of W or G. Sums of several entries at a time were slower. */
#define GATHER_ONE(T, I)                                                               \
    do {                                                                               \
        INDEX(I);                                                                      \
        for (ptrdiff_t i = 0; i < rows; i++) {                                         \
            T sum = 0;                                                                 \
            for (ptrdiff_t p = first[i], end = first[i + 1]; p < end; p++)             \
                sum += x[p] * W[column[p]];                                            \
            Z[i] += sum;                                                               \
        }                                                                              \
    } while (0)
#define SCATTER_ONE(T, I)                                                              \
    do {                                                                               \
        INDEX(I);                                                                      \
        for (ptrdiff_t i = 0; i < rows; i++) {                                         \
            double r = R[i];                                                           \
            for (ptrdiff_t p = first[i], end = first[i + 1]; p < end; p++)             \
                G[column[p]] += x[p] * r;                                              \
        }                                                                              \
    } while (0)

/* BODY for each number l of a row at `at` of A, for each entry p of each row i. */
#define EACH_ENTRY(I, A, BODY)                                                         \
    do {                                                                               \
        INDEX(I);                                                                      \
        for (ptrdiff_t i = 0; i < rows; i++)                                           \
            for (ptrdiff_t p = first[i], end = first[i + 1]; p < end; p++) {           \
                ptrdiff_t at = (ptrdiff_t)column[p] * m;                               \
                ptrdiff_t next = p + AHEAD < X->last ? p + AHEAD : X->last;            \
                const char *line = (const char *)(A + (ptrdiff_t)column[next] * m);    \
                for (ptrdiff_t b = 0; b < m * (ptrdiff_t)sizeof *A; b += LINE)         \
                    FETCH(line + b);                                                   \
                for (ptrdiff_t k = 0; k < m; k += 4)                                   \
                    for (ptrdiff_t l = k; l < k + 4; l++)                              \
                        BODY;                                                          \
            }                                                                          \
    } while (0)
#define GATHER(T, I) EACH_ENTRY(I, W, Z[i * m + l] += x[p] * W[at + l])
#define SCATTER(T, I) EACH_ENTRY(I, G, G[at + l] += (double)x[p] * R[i * m + l])

#define BY_INDEX(DO, T)                                                                \
    do {                                                                               \
        if (X->wide)                                                                   \
            DO(T, int64_t);                                                            \
        else                                                                           \
            DO(T, int32_t);                                                            \
    } while (0)

/* Not inline: among all that surrounds them they would run out of registers. */
#define SPARSE(T)                                                                      \
    static NOT_INLINE void gather_##T(                                                 \
        const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,                \
        const T *restrict W, T *restrict Z) {                                          \
        const T *restrict x = (const T *)X->data;                                      \
        if (m == 1)                                                                    \
            BY_INDEX(GATHER_ONE, T);                                                   \
        else                                                                           \
            BY_INDEX(GATHER, T);                                                       \
    }                                                                                  \
    static NOT_INLINE void scatter_##T(                                                \
        const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,                \
        const T *restrict R, double *restrict G) {                                     \
        const T *restrict x = (const T *)X->data;                                      \
        if (m == 1)                                                                    \
            BY_INDEX(SCATTER_ONE, T);                                                  \
        else                                                                           \
            BY_INDEX(SCATTER, T);                                                      \
    }
SPARSE(double)
SPARSE(float)

/* G (d x 2m) += X.X' H and then X' H, with X.X the squares of the entries. */
#define SCATTER_SQUARES(T, I)                                                          \
    do {                                                                               \
        INDEX(I);                                                                      \
        for (ptrdiff_t i = 0; i < rows; i++)                                           \
            for (ptrdiff_t p = first[i], end = first[i + 1]; p < end; p++) {           \
                double *sums = G + 2 * m * (ptrdiff_t)column[p];                       \
                for (ptrdiff_t k = 0; k < m; k++) {                                    \
                    double hx = H[i * m + k] * x[p];                                   \
                    sums[k] += hx * x[p];                                              \
                    sums[m + k] += hx;                                                 \
                }                                                                      \
            }                                                                          \
    } while (0)
static NOT_INLINE void scatter_squares(
    const entries *X, ptrdiff_t rows, ptrdiff_t m, const double *restrict H,
    double *restrict G) {
    const ptrdiff_t start = 0;
    const double *restrict x = (const double *)X->data;
    BY_INDEX(SCATTER_SQUARES, double);
}

static inline void gather(
    size_t size, const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,
    const void *W, void *Z) {
    BY_SIZE(size, gather, X, start, rows, m, W, Z);
}
static inline void scatter(
    size_t size, const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,
    const void *R, double *G) {
    BY_SIZE(size, scatter, X, start, rows, m, R, G);
}

#endif
