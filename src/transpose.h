/* Sixteen rows of K numbers to and from a tile, which holds column k of row i at
 * [16 k + i], in square blocks where the compiler and the processor have shuffles for
 * them: 8 x 8 double with AVX-512, 4 x 4 double with AVX, 4 x 4 float anywhere.
 *
 * Written as scalar loops this was 60 % of the time of a loss and gradient at K = 100.
 */
#ifndef SKXENT_TRANSPOSE_H
#define SKXENT_TRANSPOSE_H

#include <stddef.h>
#include <string.h>

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SKXENT_SHUFFLES
#endif
#endif

#define UNROLL _Pragma("GCC unroll 8")

/* One stage: exchange between vectors that are `apart`, by two patterns of lanes. */
#define EXCHANGE(N, V, apart, LOW, HIGH)                                               \
    UNROLL for (int i = 0; i < N; i++)                                                 \
        if (!(i & apart)) {                                                            \
            V low = __builtin_shufflevector(v[i], v[i + apart], LOW);                  \
            v[i + apart] = __builtin_shufflevector(v[i], v[i + apart], HIGH);          \
            v[i] = low;                                                                \
        }
#define LANES(...) __VA_ARGS__

#if defined(SKXENT_SHUFFLES) && defined(__AVX512F__)
#define BLOCK_DOUBLE 8
typedef double skxent_double_block __attribute__((vector_size(64)));
static inline void transpose_double(
    const double *from, ptrdiff_t from_step, double *to, ptrdiff_t to_step) {
    skxent_double_block v[8];
    UNROLL for (int i = 0; i < 8; i++) memcpy(&v[i], from + i * from_step, sizeof v[i]);
    EXCHANGE(8, skxent_double_block, 1, LANES(0, 8, 2, 10, 4, 12, 6, 14),
             LANES(1, 9, 3, 11, 5, 13, 7, 15))
    EXCHANGE(8, skxent_double_block, 2, LANES(0, 1, 8, 9, 4, 5, 12, 13),
             LANES(2, 3, 10, 11, 6, 7, 14, 15))
    EXCHANGE(8, skxent_double_block, 4, LANES(0, 1, 2, 3, 8, 9, 10, 11),
             LANES(4, 5, 6, 7, 12, 13, 14, 15))
    UNROLL for (int i = 0; i < 8; i++) memcpy(to + i * to_step, &v[i], sizeof v[i]);
}
#elif defined(SKXENT_SHUFFLES) && defined(__AVX__)
#define BLOCK_DOUBLE 4
typedef double skxent_double_block __attribute__((vector_size(32)));
static inline void transpose_double(
    const double *from, ptrdiff_t from_step, double *to, ptrdiff_t to_step) {
    skxent_double_block v[4];
    UNROLL for (int i = 0; i < 4; i++) memcpy(&v[i], from + i * from_step, sizeof v[i]);
    EXCHANGE(4, skxent_double_block, 1, LANES(0, 4, 2, 6), LANES(1, 5, 3, 7))
    EXCHANGE(4, skxent_double_block, 2, LANES(0, 1, 4, 5), LANES(2, 3, 6, 7))
    UNROLL for (int i = 0; i < 4; i++) memcpy(to + i * to_step, &v[i], sizeof v[i]);
}
#else
#define BLOCK_DOUBLE 1
static inline void transpose_double(
    const double *from, ptrdiff_t from_step, double *to, ptrdiff_t to_step) {
    *to = *from;
}
#endif

#if defined(SKXENT_SHUFFLES)
#define BLOCK_FLOAT 4
typedef float skxent_float_block __attribute__((vector_size(16)));
static inline void transpose_float(
    const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step) {
    skxent_float_block v[4];
    UNROLL for (int i = 0; i < 4; i++) memcpy(&v[i], from + i * from_step, sizeof v[i]);
    EXCHANGE(4, skxent_float_block, 1, LANES(0, 4, 2, 6), LANES(1, 5, 3, 7))
    EXCHANGE(4, skxent_float_block, 2, LANES(0, 1, 4, 5), LANES(2, 3, 6, 7))
    UNROLL for (int i = 0; i < 4; i++) memcpy(to + i * to_step, &v[i], sizeof v[i]);
}
#else
#define BLOCK_FLOAT 1
static inline void transpose_float(
    const float *from, ptrdiff_t from_step, float *to, ptrdiff_t to_step) {
    *to = *from;
}
#endif

#define TILES_OF(T, BLOCK)                                                             \
    static inline void rows_to_tile_##T(                                               \
        const T *rows, ptrdiff_t step, ptrdiff_t K, T *tile) {                         \
        ptrdiff_t i, k = 0;                                                            \
        for (; k + BLOCK <= K && BLOCK > 1; k += BLOCK)                                \
            for (i = 0; i < 16; i += BLOCK)                                            \
                transpose_##T(rows + i * step + k, step, tile + 16 * k + i, 16);       \
        for (; k < K; k++)                                                             \
            for (i = 0; i < 16; i++)                                                   \
                tile[16 * k + i] = rows[i * step + k];                                 \
    }                                                                                  \
    static inline void tile_to_rows_##T(                                               \
        const T *tile, ptrdiff_t step, ptrdiff_t K, T *rows) {                         \
        ptrdiff_t i, k = 0;                                                            \
        for (; k + BLOCK <= K && BLOCK > 1; k += BLOCK)                                \
            for (i = 0; i < 16; i += BLOCK)                                            \
                transpose_##T(tile + 16 * k + i, 16, rows + i * step + k, step);       \
        for (; k < K; k++)                                                             \
            for (i = 0; i < 16; i++)                                                   \
                rows[i * step + k] = tile[16 * k + i];                                 \
    }

TILES_OF(double, BLOCK_DOUBLE)
TILES_OF(float, BLOCK_FLOAT)

#endif
