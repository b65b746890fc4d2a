/* Numbers of other types than the kernels', as doubles: rows of X by rows or, where these
 * lie nearer to each other, by columns. Steps are in bytes.
 */
#ifndef SKXENT_NUMBERS_H
#define SKXENT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>
#include "transpose.h"

/* Bytes of a number of each kind; those of kind 0 are doubles already. */
static const ptrdiff_t number_width[] = {8, 4, 1, 1, 8};

#define CONVERT(T)                                                                     \
    do {                                                                               \
        if (right == (ptrdiff_t)sizeof(T))                                             \
            for (ptrdiff_t i = 0; i < rows; i++)                                       \
                for (ptrdiff_t j = 0; j < d; j++)                                      \
                    out[i * step + j] = (double)((const T *)(first + i * down))[j];    \
        else                                                                           \
            for (ptrdiff_t j = 0; j < d; j++)                                          \
                for (ptrdiff_t i = 0; i < rows; i++)                                   \
                    out[i * step + j] = (double)*(const T *)(first + i * down + j * right); \
    } while (0)

static void convert_rows(
    int kind, const char *first, ptrdiff_t down, ptrdiff_t right, ptrdiff_t rows,
    ptrdiff_t d, ptrdiff_t step, double *out) {
    switch (kind) {
    case 1: CONVERT(float); break;
    case 2: CONVERT(int8_t); break;
    case 3: CONVERT(uint8_t); break;
    default: CONVERT(int64_t);
    }
}

#define CONVERT_TILE(T)                                                                \
    for (ptrdiff_t j = 0; j < d; j++) {                                                \
        const char *column = first + j * right;                                        \
        double *to = tile + j * ROWS;                                                  \
        if (rows == ROWS && down == (ptrdiff_t)sizeof(T))                              \
            for (ptrdiff_t i = 0; i < ROWS; i++)                                       \
                to[i] = (double)((const T *)column)[i];                                \
        else                                                                           \
            for (ptrdiff_t i = 0; i < ROWS; i++)                                       \
                to[i] = (double)*(const T *)(column + (i < rows ? i : 0) * down);      \
    }

/* A tile of rows, by columns; the first row stands for those that lack. */
static void convert_tile(
    int kind, const char *first, ptrdiff_t down, ptrdiff_t right, ptrdiff_t rows,
    ptrdiff_t d, double *tile) {
    switch (kind) {
    case 0: CONVERT_TILE(double) break;
    case 1: CONVERT_TILE(float) break;
    case 2: CONVERT_TILE(int8_t) break;
    case 3: CONVERT_TILE(uint8_t) break;
    default: CONVERT_TILE(int64_t)
    }
}

#endif
