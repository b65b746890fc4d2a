/* Products of rows of a CSR matrix with few columns, in both directions:
 *
 *   gather    Z (rows x m) += X W        scatter    G (d x m) += X' R
 *
 * m is 1 or a multiple of 4. A wide W or G is in no cache near the processor, so their
 * rows are fetched some entries of X ahead. G is of doubles, for it sums over all rows.
 */
#ifndef SKXENT_SPARSE_H
#define SKXENT_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address)
#endif

enum { AHEAD = 12, LINE = 64 };

typedef struct {
    const void *data;            /* float or double, as W */
    const void *column, *first;  /* of each entry; entry of each row, and of the end */
    int wide;                    /* both are of 64 bits, not 32 */
    ptrdiff_t last;              /* entry of all */
} entries;

/* What `BODY` does with one column, and with more, for each entry p of each row i. */
#define EACH_ENTRY(T, I, U, A, BEGIN, ONE, END, MORE)                                  \
    do {                                                                               \
        const I *column = (const I *)X->column, *first = (const I *)X->first + start;  \
        for (ptrdiff_t i = 0; i < rows; i++) {                                         \
            ptrdiff_t end = first[i + 1];                                              \
            if (m == 1) {                                                              \
                BEGIN;                                                                 \
                for (ptrdiff_t p = first[i]; p < end; p++) {                           \
                    ptrdiff_t at = column[p];                                          \
                    ONE;                                                               \
                }                                                                      \
                END;                                                                   \
            } else                                                                     \
                for (ptrdiff_t p = first[i]; p < end; p++) {                           \
                    ptrdiff_t at = (ptrdiff_t)column[p] * m;                           \
                    ptrdiff_t next = p + AHEAD < X->last ? p + AHEAD : X->last;        \
                    const char *line = (const char *)(A + (ptrdiff_t)column[next] * m);\
                    for (ptrdiff_t b = 0; b < (ptrdiff_t)(m * sizeof(U)); b += LINE)   \
                        FETCH(line + b);                                               \
                    for (ptrdiff_t k = 0; k < m; k += 4)                               \
                        for (ptrdiff_t l = k; l < k + 4; l++)                          \
                            MORE;                                                      \
                }                                                                      \
        }                                                                              \
    } while (0)

#define GATHER(T, I)                                                                   \
    EACH_ENTRY(T, I, T, W, T sum = 0, sum += x[p] * W[at], Z[i] += sum,                \
               Z[i * m + l] += x[p] * W[at + l])
#define SCATTER(T, I)                                                                  \
    EACH_ENTRY(T, I, double, G, double r = R[i], G[at] += x[p] * r, (void)0,           \
               G[at + l] += (double)x[p] * R[i * m + l])

#define SPARSE(T)                                                                      \
    static inline void gather_##T(                                                     \
        const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,                \
        const T *restrict W, T *restrict Z) {                                          \
        const T *restrict x = (const T *)X->data;                                      \
        if (X->wide)                                                                   \
            GATHER(T, int64_t);                                                        \
        else                                                                           \
            GATHER(T, int32_t);                                                        \
    }                                                                                  \
    static inline void scatter_##T(                                                    \
        const entries *X, ptrdiff_t start, ptrdiff_t rows, ptrdiff_t m,                \
        const T *restrict R, double *restrict G) {                                     \
        const T *restrict x = (const T *)X->data;                                      \
        if (X->wide)                                                                   \
            SCATTER(T, int64_t);                                                       \
        else                                                                           \
            SCATTER(T, int32_t);                                                       \
    }
SPARSE(double)
SPARSE(float)

#endif
