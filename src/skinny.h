/* Products of rows of X, each less an origin, with a few columns W' (m x d), both ways:
 *
 *   matmul_rows        Z (rows x m) += (X - o) W
 *   accumulate_outer   G (m x d) += R' (X - o)
 *   matmul_plain       the same without an origin, of rows of doubles or floats
 *   matmul_tile        u (m x ROWS) += W X', of a tile of X; step: from a column to the next
 *
 * Lanes run along d, and X is read as it lies, the second time from a cache near the
 * processor: nothing is copied or packed, as a BLAS does, which is slower for few columns
 * and would start threads of its own.
 *
 * `full` numbers of a row fill whole vectors. What is left over is in one vector more,
 * that begins at `tail` and so may repeat some of them; W, o and G have room for it from
 * `full` on, with weights of zero for what is repeated. No such vector: tail is negative.
 */
#ifndef SKXENT_SKINNY_H
#define SKXENT_SKINNY_H

#include "rowsums.h"

typedef struct {
    ptrdiff_t d, m;               /* columns of X and of Z */
    ptrdiff_t d_padded, m_padded; /* numbers from a row to the next of W or G; of Z or R */
    ptrdiff_t full, tail;
    ptrdiff_t rows;               /* of a block */
    int sparse, copied;           /* are rows of X copied, to have room for a vector? */
} shape;

typedef struct {
    const void *X, *origin; /* of the type of the numbers */
    ptrdiff_t rows, step;   /* how many, and numbers from one to the next */
} block;

#if defined(__AVX512F__)
#define SKINNY_double 8
#define SKINNY_float 8
#define SKINNY_ROWS 4 /* times 4 outputs: sums in registers */
#define SKINNY_WIDTH 4
#define SKINNY_TILES 4
#elif defined(__AVX__)
#define SKINNY_double 4
#define SKINNY_float 8
#define SKINNY_ROWS 2
#define SKINNY_WIDTH 2
#define SKINNY_TILES 2
#elif defined(SKXENT_SHUFFLES)
#define SKINNY_double 2
#define SKINNY_float 4
#define SKINNY_ROWS 2
#define SKINNY_WIDTH 2
#define SKINNY_TILES 2
#else
#define SKINNY_double 1
#define SKINNY_float 1
#endif

#ifdef SKXENT_SHUFFLES
/* Into the second cache, what is read later: what the processor fetches by itself ends
 * with the page. */
#define FETCH_LATER(address) __builtin_prefetch(address, 0, 2)
#define FAR 2048 /* numbers from what is read to what is fetched */

/* Add the sums of 4 outputs, of one row or of two, to Z as vectors. */
#define ADD_QUAD(V, at, ...)                                                           \
    do {                                                                               \
        V z;                                                                           \
        memcpy(&z, at, sizeof z);                                                      \
        z += __builtin_shufflevector(v[0], v[0], __VA_ARGS__);                         \
        memcpy(at, &z, sizeof z);                                                      \
    } while (0)
#define ADD_QUADS_2(T, at, z_step)
#define ADD_QUADS_4(T, at, z_step) ADD_QUAD(skxent_##T##_4, at, 0, 1, 2, 3)
#define ADD_QUADS_8(T, at, z_step)                                                     \
    do {                                                                               \
        ADD_QUAD(skxent_##T##_4, at, 0, 1, 2, 3);                                      \
        ADD_QUAD(skxent_##T##_4, at + z_step, 4, 5, 6, 7);                             \
    } while (0)

/* Products of S rows of numbers of type U with M columns, as T. Rows beyond the last
 * repeat it: Z has room for them. Vectors of sums are folded N at a time. */
#define DOTS_OF(NAME, CENTRED, U, T, N)                                                \
    ALWAYS_INLINE void NAME##_of_vector(                                               \
        const int S, const int M, const U *const *row, ptrdiff_t at, const T *origin,  \
        const T *W, ptrdiff_t wide, skxent_##T##_##N *sum) {                           \
        skxent_##T##_##N x[8], w, o;                                                   \
        skxent_##U##_##N read;                                                         \
        if (CENTRED)                                                                   \
            memcpy(&o, origin, sizeof o);                                              \
        UNROLL for (int r = 0; r < S; r++) {                                           \
            memcpy(&read, row[r] + at, sizeof read);                                   \
            x[r] = __builtin_convertvector(read, skxent_##T##_##N);                    \
            FETCH_LATER(row[r] + at + FAR);                                            \
            if (CENTRED)                                                               \
                x[r] -= o;                                                             \
        }                                                                              \
        UNROLL for (int k = 0; k < M; k++) {                                           \
            memcpy(&w, W + k * wide, sizeof w);                                        \
            UNROLL for (int r = 0; r < S; r++)                                         \
                sum[r * M + k] += x[r] * w;                                            \
        }                                                                              \
    }                                                                                  \
    ALWAYS_INLINE void NAME(                                                           \
        const int S, const int M, const shape *s, const block *b, const T *W, T *Z) {  \
        const T *origin = (const T *)b->origin;                                        \
        const ptrdiff_t rows = b->rows, step = b->step, full = s->full, tail = s->tail;\
        const ptrdiff_t wide = s->d_padded, z_step = s->m_padded;                      \
        for (ptrdiff_t i = 0; i < rows; i += S) {                                      \
            skxent_##T##_##N sum[16] = {{0}};                                          \
            const U *row[8];                                                           \
            UNROLL for (int r = 0; r < S; r++)                                         \
                row[r] = (const U *)b->X + (i + r < rows ? i + r : rows - 1) * step;   \
            for (ptrdiff_t j = 0; j < full; j += N)                                    \
                NAME##_of_vector(S, M, row, j, origin + j, W + j, wide, sum);          \
            if (tail >= 0)                                                             \
                NAME##_of_vector(S, M, row, tail, origin + full, W + full, wide, sum); \
            UNROLL for (int first = 0; first < S * M; first += N) {                    \
                skxent_##T##_##N *v = sum + first;                                     \
                T *at = Z + (i + first / M) * z_step;                                  \
                STAGES_##N(FOLD, skxent_##T##_##N)                                     \
                if (M == 4 && N >= 4) {                                                \
                    ADD_QUADS_##N(T, at, z_step);                                      \
                    continue;                                                          \
                }                                                                      \
                UNROLL for (int e = first; e < first + N && e < S * M; e++)            \
                    Z[(i + e / M) * z_step + e % M] += v[0][e - first];                \
            }                                                                          \
        }                                                                              \
    }

#define SKINNY(T, N)                                                                   \
    DOTS_OF(dots_##T, 1, T, T, N)                                                      \
    /* M columns times P vectors of a row, which begin at `from` in X and `to` in G */ \
    ALWAYS_INLINE void outer_##T(                                                      \
        const int P, const int M, const shape *s, const block *b, ptrdiff_t from,      \
        ptrdiff_t to, const T *R, T *G) {                                              \
        const T *X = (const T *)b->X + from, *origin = (const T *)b->origin + to;      \
        const ptrdiff_t rows = b->rows, step = b->step;                                \
        const ptrdiff_t wide = s->d_padded, r_step = s->m_padded;                      \
        skxent_##T##_##N sum[4][4], x[4], o[4];                                        \
        G += to;                                                                       \
        UNROLL for (int p = 0; p < P; p++) {                                           \
            memcpy(&o[p], origin + p * N, sizeof o[p]);                                \
            UNROLL for (int k = 0; k < M; k++)                                         \
                memcpy(&sum[k][p], G + k * wide + p * N, sizeof o[p]);                 \
        }                                                                              \
        for (ptrdiff_t i = 0; i < rows; i++) {                                         \
            UNROLL for (int p = 0; p < P; p++) {                                       \
                memcpy(&x[p], X + i * step + p * N, sizeof x[p]);                      \
                x[p] -= o[p];                                                          \
                FETCH_LATER(X + (i + rows) * step + p * N);                            \
            }                                                                          \
            UNROLL for (int k = 0; k < M; k++)                                         \
                UNROLL for (int p = 0; p < P; p++)                                     \
                    sum[k][p] += x[p] * R[i * r_step + k];                             \
        }                                                                              \
        UNROLL for (int p = 0; p < P; p++)                                             \
            UNROLL for (int k = 0; k < M; k++)                                         \
                memcpy(G + k * wide + p * N, &sum[k][p], sizeof o[p]);                 \
    }                                                                                  \
    ALWAYS_INLINE void outers_##T(                                                     \
        const int M, const shape *s, const block *b, const T *R, T *G) {               \
        ptrdiff_t j = 0;                                                               \
        for (; j + SKINNY_WIDTH * N <= s->full; j += SKINNY_WIDTH * N)                 \
            outer_##T(SKINNY_WIDTH, M, s, b, j, j, R, G);                              \
        for (; j < s->full || (j == s->full && s->tail >= 0); j += N)                  \
            outer_##T(1, M, s, b, j < s->full ? j : s->tail, j, R, G);                 \
    }                                                                                  \
    /* M outputs of a tile, whose columns lie one after another, N rows to a vector */ \
    ALWAYS_INLINE void tile_##T(                                                       \
        const int M, ptrdiff_t wide, ptrdiff_t columns, ptrdiff_t step, const T *tile, \
        const T *W, T *u) {                                                            \
        for (int first = 0; first < ROWS; first += 4 * N) {                            \
            skxent_##T##_##N sum[16], x[4];                                            \
            UNROLL for (int e = 0; e < 4 * M; e++)                                     \
                memcpy(&sum[e], u + e / 4 * ROWS + first + e % 4 * N, sizeof x[0]);    \
            for (ptrdiff_t j = 0; j < columns; j++) {                                  \
                UNROLL for (int v = 0; v < 4; v++)                                     \
                    memcpy(&x[v], tile + j * step + first + v * N, sizeof x[0]);       \
                UNROLL for (int k = 0; k < M; k++)                                     \
                    UNROLL for (int v = 0; v < 4; v++)                                 \
                        sum[4 * k + v] += x[v] * W[k * wide + j];                      \
            }                                                                          \
            UNROLL for (int e = 0; e < 4 * M; e++)                                     \
                memcpy(u + e / 4 * ROWS + first + e % 4 * N, &sum[e], sizeof x[0]);    \
        }                                                                              \
    }                                                                                  \
    static inline void matmul_tile_##T(                                                \
        const shape *s, ptrdiff_t columns, ptrdiff_t step, const T *tile, const T *W,  \
        T *u) {                                                                        \
        const ptrdiff_t wide = s->d_padded;                                            \
        ptrdiff_t k = 0;                                                               \
        for (; k + SKINNY_TILES <= s->m; k += SKINNY_TILES)                            \
            tile_##T(                                                                  \
                SKINNY_TILES, wide, columns, step, tile, W + k * wide, u + k * ROWS);  \
        for (; k < s->m; k++)                                                          \
            tile_##T(1, wide, columns, step, tile, W + k * wide, u + k * ROWS);        \
    }                                                                                  \
    static void matmul_rows_##T(                                                       \
        const shape *s, const block *b, const T *W, T *Z) {                            \
        for (ptrdiff_t k = 0, M; k < s->m; k += M)                                     \
            EACH(M, s->m - k, DOTS, T)                                                 \
    }                                                                                  \
    static void accumulate_outer_##T(                                                  \
        const shape *s, const block *b, const T *R, T *G) {                            \
        for (ptrdiff_t k = 0, M; k < s->m; k += M)                                     \
            EACH(M, s->m - k, OUTERS, T)                                               \
    }

/* Outputs by fours, threes and ones: 6 is twice 3. */
#define EACH(M, left, DO, T)                                                           \
    if (left < 3) {                                                                    \
        M = 1;                                                                         \
        DO(T, 2 * SKINNY_ROWS, 1);                                                     \
    } else if (left == 3 || left == 6) {                                               \
        M = 3;                                                                         \
        DO(T, SKINNY_ROWS, 3);                                                         \
    } else {                                                                           \
        M = 4;                                                                         \
        DO(T, SKINNY_ROWS, 4);                                                         \
    }
#define DOTS(T, S, M) dots_##T(S, M, s, b, W + k * s->d_padded, Z + k)
#define PLAIN(U, S, M) plain_##U(S, M, s, b, W + k * s->d_padded, Z + k)
#define OUTERS(T, S, M) outers_##T(M, s, b, R + k, G + k * s->d_padded)

/* Products in double that subtract no origin, of rows of type U. */
#define SKINNY_PLAIN(U, N)                                                             \
    DOTS_OF(plain_##U, 0, U, double, N)                                                \
    static void matmul_plain_##U(                                                      \
        const shape *s, const block *b, const double *W, double *Z) {                  \
        for (ptrdiff_t k = 0, M; k < s->m; k += M)                                     \
            EACH(M, s->m - k, PLAIN, U)                                                \
    }

#if defined(__AVX512F__)
SKINNY(double, 8)
SKINNY(float, 8)
SKINNY_PLAIN(double, 8)
SKINNY_PLAIN(float, 8)
#elif defined(__AVX__)
SKINNY(double, 4)
SKINNY(float, 8)
SKINNY_PLAIN(double, 4)
SKINNY_PLAIN(float, 4)
#else
SKINNY(double, 2)
SKINNY(float, 4)
SKINNY_PLAIN(double, 2)
SKINNY_PLAIN(float, 2)
#endif

#else

#define SKINNY(T)                                                                      \
    static inline void matmul_rows_##T(                                                \
        const shape *s, const block *b, const T *W, T *Z) {                            \
        const T *X = (const T *)b->X, *o = (const T *)b->origin;                       \
        for (ptrdiff_t i = 0; i < b->rows; i++, X += b->step, Z += s->m_padded)        \
            for (ptrdiff_t k = 0; k < s->m; k++)                                       \
                for (ptrdiff_t j = 0; j < s->full; j++)                                \
                    Z[k] += (X[j] - o[j]) * W[k * s->d_padded + j];                    \
    }                                                                                  \
    static inline void matmul_tile_##T(                                                \
        const shape *s, ptrdiff_t columns, ptrdiff_t step, const T *tile, const T *W,  \
        T *u) {                                                                        \
        for (ptrdiff_t k = 0; k < s->m; k++)                                           \
            for (ptrdiff_t j = 0; j < columns; j++)                                    \
                for (int i = 0; i < ROWS; i++)                                         \
                    u[k * ROWS + i] += tile[j * step + i] * W[k * s->d_padded + j];    \
    }                                                                                  \
    static inline void accumulate_outer_##T(                                           \
        const shape *s, const block *b, const T *R, T *G) {                            \
        const T *X = (const T *)b->X, *o = (const T *)b->origin;                       \
        for (ptrdiff_t i = 0; i < b->rows; i++, X += b->step, R += s->m_padded)        \
            for (ptrdiff_t k = 0; k < s->m; k++)                                       \
                for (ptrdiff_t j = 0; j < s->full; j++)                                \
                    G[k * s->d_padded + j] += (X[j] - o[j]) * R[k];                    \
    }
SKINNY(double)
SKINNY(float)

#define SKINNY_PLAIN(U)                                                                \
    static void matmul_plain_##U(                                                      \
        const shape *s, const block *b, const double *W, double *Z) {                  \
        const U *X = (const U *)b->X;                                                  \
        for (ptrdiff_t i = 0; i < b->rows; i++, X += b->step, Z += s->m_padded)        \
            for (ptrdiff_t k = 0; k < s->m; k++)                                       \
                for (ptrdiff_t j = 0; j < s->d; j++)                                   \
                    Z[k] += X[j] * W[k * s->d_padded + j];                             \
    }
SKINNY_PLAIN(double)
SKINNY_PLAIN(float)

#endif

/* The lines of a tile of ROWS rows of X. Steps and width are in bytes. */
static inline void fetch_tile(
    const void *X, ptrdiff_t down, ptrdiff_t right, ptrdiff_t columns, ptrdiff_t width) {
#ifdef SKXENT_SHUFFLES
    const int by_columns = down == width;
    const ptrdiff_t runs = by_columns ? columns : ROWS, step = by_columns ? right : down;
    const ptrdiff_t size = width * (by_columns ? ROWS : columns);
    for (ptrdiff_t run = 0; run < runs; run++)
        for (ptrdiff_t line = 0; line < size; line += 64)
            FETCH_LATER((const char *)X + run * step + line);
#endif
}

static inline ptrdiff_t skinny_lanes(size_t size) {
    return size == sizeof(double) ? SKINNY_double : SKINNY_float;
}
static inline void matmul_rows(
    size_t size, const shape *s, const block *b, const void *W, void *Z) {
    BY_SIZE(size, matmul_rows, s, b, W, Z);
}
/* `size` is that of a number of X: rows may be of doubles or of floats. */
static inline void matmul_plain(
    size_t size, const shape *s, const block *b, const double *W, double *Z) {
    BY_SIZE(size, matmul_plain, s, b, W, Z);
}
static inline void matmul_tile(
    size_t size, const shape *s, ptrdiff_t columns, ptrdiff_t step, const void *tile,
    const void *W, void *u) {
    BY_SIZE(size, matmul_tile, s, columns, step, tile, W, u);
}
static inline void accumulate_outer(
    size_t size, const shape *s, const block *b, const void *R, void *G) {
    BY_SIZE(size, accumulate_outer, s, b, R, G);
}
#endif
