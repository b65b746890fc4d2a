/* ROWS rows of K numbers to and from a tile, which holds column k of row i at
 * [ROWS k + i], in square blocks of shuffles: the largest of 8 x 8, 4 x 4 and 2 x 2 that
 * fits K and that the processor has registers for. A last block may overlap the one
 * before, so that no column is left for scalar code.
 *
 * Written as scalar loops this was 60 % of the time of a loss and gradient at K = 100.
 */
#ifndef SKXENT_TRANSPOSE_H
#define SKXENT_TRANSPOSE_H

#include <stddef.h>
#include <string.h>
#include "bysize.h"

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SKXENT_SHUFFLES
#endif
#endif

#define ROWS 32 /* as in losses.pxd */
#define LANES(...) __VA_ARGS__

#ifdef SKXENT_SHUFFLES
#define UNROLL _Pragma("GCC unroll 8")

/* One stage exchanges lanes between vectors that are `apart`, by two patterns. */
#define EXCHANGE(N, V, apart, LOW, HIGH)                                               \
    UNROLL for (int i = 0; i < N; i++)                                                 \
        if (!(i & apart)) {                                                            \
            V low = __builtin_shufflevector(v[i], v[i + apart], LOW);                  \
            v[i + apart] = __builtin_shufflevector(v[i], v[i + apart], HIGH);          \
            v[i] = low;                                                                \
        }

#define STAGES_2(STAGE, V) STAGE(2, V, 1, LANES(0, 2), LANES(1, 3))
#define STAGES_4(STAGE, V)                                                             \
    STAGE(4, V, 1, LANES(0, 4, 2, 6), LANES(1, 5, 3, 7))                               \
    STAGE(4, V, 2, LANES(0, 1, 4, 5), LANES(2, 3, 6, 7))
#define STAGES_8(STAGE, V)                                                             \
    STAGE(8, V, 1, LANES(0, 8, 2, 10, 4, 12, 6, 14),                                   \
             LANES(1, 9, 3, 11, 5, 13, 7, 15))                                         \
    STAGE(8, V, 2, LANES(0, 1, 8, 9, 4, 5, 12, 13),                                    \
             LANES(2, 3, 10, 11, 6, 7, 14, 15))                                        \
    STAGE(8, V, 4, LANES(0, 1, 2, 3, 8, 9, 10, 11),                                    \
             LANES(4, 5, 6, 7, 12, 13, 14, 15))

#define TRANSPOSE(T, N)                                                                \
    typedef T skxent_##T##_##N __attribute__((vector_size(N * sizeof(T))));            \
    static inline void transpose_##T##_##N(                                            \
        const T *from, ptrdiff_t from_step, T *to, ptrdiff_t to_step) {                \
        skxent_##T##_##N v[N];                                                         \
        UNROLL for (int i = 0; i < N; i++)                                             \
            memcpy(&v[i], from + i * from_step, sizeof v[i]);                          \
        STAGES_##N(EXCHANGE, skxent_##T##_##N)                                         \
        UNROLL for (int i = 0; i < N; i++)                                             \
            memcpy(to + i * to_step, &v[i], sizeof v[i]);                              \
    }

/* Three columns, N rows at a time, which lie in three vectors. Blocks of two would store
 * pairs that the next load, of whole vectors, has to wait for. Lane j of column k is
 * number 3 j + k of the vectors; number e of the rows is from column e % 3, row e / 3.
 * The first of two shuffles takes what the first two sources have. */
#define COLUMN_FIRST(N, k, j) (3 * j + k < 2 * N ? 3 * j + k : 0)
#define COLUMN_LAST(N, k, j) (3 * j + k < 2 * N ? j : 3 * j + k - N)
#define COLUMN_OF(e, N) ((e) % 3 * N + (e) / 3)
#define ROW_FIRST(N, k, j) ((N * k + j) % 3 < 2 ? COLUMN_OF(N * k + j, N) : 0)
#define ROW_LAST(N, k, j) ((N * k + j) % 3 < 2 ? j : COLUMN_OF(N * k + j, N) - N)
#define LANES_4(L, k) L(4, k, 0), L(4, k, 1), L(4, k, 2), L(4, k, 3)
#define LANES_8(L, k)                                                                  \
    L(8, k, 0), L(8, k, 1), L(8, k, 2), L(8, k, 3),                                    \
    L(8, k, 4), L(8, k, 5), L(8, k, 6), L(8, k, 7)

#define SHUFFLE_THREE(V, N, k, LANE)                                                   \
    V v##k = __builtin_shufflevector(                                                  \
        __builtin_shufflevector(v[0], v[1], LANES_##N(LANE##_FIRST, k)), v[2],         \
        LANES_##N(LANE##_LAST, k));                                                    \
    memcpy(to + k * to_step, &v##k, sizeof v##k);
#define THREE(T, N, NAME, LANE)                                                        \
    static inline void NAME##_##T(                                                     \
        const T *from, ptrdiff_t from_step, T *to, ptrdiff_t to_step) {                \
        skxent_##T##_##N v[3];                                                         \
        UNROLL for (int k = 0; k < 3; k++)                                             \
            memcpy(&v[k], from + k * from_step, sizeof v[k]);                          \
        SHUFFLE_THREE(skxent_##T##_##N, N, 0, LANE)                                    \
        SHUFFLE_THREE(skxent_##T##_##N, N, 1, LANE)                                    \
        SHUFFLE_THREE(skxent_##T##_##N, N, 2, LANE)                                    \
    }
#define THREES(T, N)                                                                   \
    THREE(T, N, columns_of_three, COLUMN)                                              \
    THREE(T, N, rows_of_three, ROW)
#define ROWS_TO_TILE_THREES(T, N)                                                      \
    if (K == 3 && step == 3)                                                           \
        for (int i = 0; i < ROWS; i += N, k = 3)                                       \
            columns_of_three_##T(rows + 3 * i, N, tile + i, ROWS);
#define TILE_TO_ROWS_THREES(T, N)                                                      \
    if (K == 3 && step == 3)                                                           \
        for (int i = 0; i < ROWS; i += N, k = 3)                                       \
            rows_of_three_##T(tile + i, ROWS, rows + 3 * i, N);

/* Blocks of N columns while they fit, and one more if over half of it is new. */
#define IN_BLOCKS(N, BLOCK)                                                            \
    while (K >= N && (K - k >= N || 2 * (K - k) > N || (N == 2 && k < K))) {           \
        ptrdiff_t first = K - k >= N ? k : K - N;                                      \
        UNROLL for (int i = 0; i < ROWS; i += N) BLOCK;                                \
        k = first + N;                                                                 \
    }
#define ROWS_TO_TILE(T, N)                                                             \
    IN_BLOCKS(N, transpose_##T##_##N(                                                  \
        rows + i * step + first, step, tile + ROWS * first + i, ROWS))
#define TILE_TO_ROWS(T, N)                                                             \
    IN_BLOCKS(N, transpose_##T##_##N(                                                  \
        tile + ROWS * first + i, ROWS, rows + i * step + first, step))

TRANSPOSE(double, 2)
TRANSPOSE(float, 2)
TRANSPOSE(float, 4)
#ifdef __AVX__
TRANSPOSE(double, 4)
TRANSPOSE(float, 8)
THREES(float, 8)
#define BLOCKS_float(DIRECTION)                                                        \
    DIRECTION##_THREES(float, 8)                                                       \
    DIRECTION(float, 8) DIRECTION(float, 4) DIRECTION(float, 2)
#else
#define BLOCKS_float(DIRECTION) DIRECTION(float, 4) DIRECTION(float, 2)
#endif
#ifdef __AVX512F__
TRANSPOSE(double, 8)
THREES(double, 8)
#define BLOCKS_double(DIRECTION)                                                       \
    DIRECTION##_THREES(double, 8)                                                      \
    DIRECTION(double, 8) DIRECTION(double, 4) DIRECTION(double, 2)
#elif defined(__AVX__)
THREES(double, 4)
#define BLOCKS_double(DIRECTION)                                                       \
    DIRECTION##_THREES(double, 4)                                                      \
    DIRECTION(double, 4) DIRECTION(double, 2)
#else
#define BLOCKS_double(DIRECTION) DIRECTION(double, 2)
#endif

#else
#define BLOCKS_double(DIRECTION)
#define BLOCKS_float(DIRECTION)
#endif

#define TILES_OF(T)                                                                    \
    static inline void rows_to_tile_##T(                                               \
        const T *rows, ptrdiff_t step, ptrdiff_t K, T *tile) {                         \
        ptrdiff_t k = 0;                                                               \
        BLOCKS_##T(ROWS_TO_TILE)                                                       \
        for (; k < K; k++)                                                             \
            for (int i = 0; i < ROWS; i++)                                             \
                tile[ROWS * k + i] = rows[i * step + k];                               \
    }                                                                                  \
    static inline void tile_to_rows_##T(                                               \
        const T *tile, ptrdiff_t step, ptrdiff_t K, T *rows) {                         \
        ptrdiff_t k = 0;                                                               \
        BLOCKS_##T(TILE_TO_ROWS)                                                       \
        for (; k < K; k++)                                                             \
            for (int i = 0; i < ROWS; i++)                                             \
                rows[i * step + k] = tile[ROWS * k + i];                               \
    }

TILES_OF(double)
TILES_OF(float)

static inline void rows_to_tile(
    size_t size, const void *rows, ptrdiff_t step, ptrdiff_t K, void *tile) {
    BY_SIZE(size, rows_to_tile, rows, step, K, tile);
}
static inline void tile_to_rows(
    size_t size, const void *tile, ptrdiff_t step, ptrdiff_t K, void *rows) {
    BY_SIZE(size, tile_to_rows, tile, step, K, rows);
}

#endif
