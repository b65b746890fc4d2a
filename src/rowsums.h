/* Sums of ROWS rows of probabilities that lie one after another, and whether one of them
 * is outside [0, 1], each number read once.
 *
 * N rows fill N vectors of partial sums, which the stages of a transposition fold into
 * one. (Lanes in an array, summed by a loop, would be stored and loaded at every step.)
 */
#ifndef SKXENT_ROWSUMS_H
#define SKXENT_ROWSUMS_H

#include <stdint.h>
#include "transpose.h"

#ifdef SKXENT_SHUFFLES

#define FOLD(N, V, apart, LOW, HIGH)                                                   \
    UNROLL for (int r = 0; r < N; r += 2 * apart)                                      \
        v[r] = __builtin_shufflevector(v[r], v[r + apart], LOW)                        \
            + __builtin_shufflevector(v[r], v[r + apart], HIGH);

/* As integers, the bits of 0 <= x <= 1 are between those of 0 and of 1: neither they nor
 * what they lack to 1 have the sign bit. NaN lacks it; -0 has it, and counts as outside. */
#define ADD_BLOCK(T, N, first, KEPT)                                                   \
    do {                                                                               \
        skxent_bits_##T x;                                                             \
        memcpy(&x, row + first, sizeof x);                                             \
        outside |= (one - x) | x;                                                      \
        v[r] += (skxent_##T##_##N)(KEPT);                                              \
    } while (0)

/* K is at least N. A last block overlaps the one before, and what that had counts as 0. */
#define ROW_SUMS(T, U, N, ONE)                                                         \
    enum { ROW_LANES_##T = N };                                                        \
    typedef U skxent_bits_##T __attribute__((vector_size(N * sizeof(U))));             \
    static inline int row_sums_##T(const T *p, ptrdiff_t K, T *sums) {                 \
        skxent_bits_##T outside = {0}, one, fresh;                                     \
        U signs = 0;                                                                   \
        for (int j = 0; j < N; j++) {                                                  \
            one[j] = ONE;                                                              \
            fresh[j] = j < N - K % N ? 0 : ~(U)0;                                      \
        }                                                                              \
        for (int i = 0; i < ROWS; i += N) {                                            \
            skxent_##T##_##N v[N] = {{0}};                                             \
            UNROLL for (int r = 0; r < N; r++) {                                       \
                const T *row = p + (i + r) * K;                                        \
                for (ptrdiff_t k = 0; k + N <= K; k += N)                              \
                    ADD_BLOCK(T, N, k, x);                                             \
                if (K % N)                                                             \
                    ADD_BLOCK(T, N, K - N, x & fresh);                                 \
            }                                                                          \
            STAGES_##N(FOLD, skxent_##T##_##N)                                         \
            memcpy(sums + i, &v[0], sizeof v[0]);                                      \
        }                                                                              \
        for (int j = 0; j < N; j++)                                                    \
            signs |= outside[j];                                                       \
        return signs >> (8 * sizeof(U) - 1);                                           \
    }

#define ONE_double UINT64_C(0x3ff0000000000000)
#define ONE_float UINT32_C(0x3f800000)
#ifdef __AVX__ /* eight doubles straddle cache lines more often, and were slower */
ROW_SUMS(double, uint64_t, 4, ONE_double)
ROW_SUMS(float, uint32_t, 8, ONE_float)
#else
ROW_SUMS(double, uint64_t, 2, ONE_double)
ROW_SUMS(float, uint32_t, 4, ONE_float)
#endif

#else

#define ROW_SUMS(T)                                                                    \
    enum { ROW_LANES_##T = 2 };                                                        \
    static inline int row_sums_##T(const T *p, ptrdiff_t K, T *sums) {                 \
        int outside = 0;                                                               \
        for (int i = 0; i < ROWS; i++) {                                               \
            sums[i] = 0;                                                               \
            for (ptrdiff_t k = 0; k < K; k++) {                                        \
                sums[i] += p[i * K + k];                                               \
                outside |= !(p[i * K + k] >= 0 && p[i * K + k] <= 1);                  \
            }                                                                          \
        }                                                                              \
        return outside;                                                                \
    }
ROW_SUMS(double)
ROW_SUMS(float)

#endif

/* Rows of fewer numbers have no vector of their own. */
static inline ptrdiff_t row_lanes(size_t size) {
    return size == sizeof(double) ? ROW_LANES_double : ROW_LANES_float;
}
/* ROWS sums of K numbers each; is a number outside [0, 1]? */
static inline int row_sums(size_t size, const void *p, ptrdiff_t K, void *sums) {
    return BY_SIZE(size, row_sums, p, K, sums);
}
#endif
