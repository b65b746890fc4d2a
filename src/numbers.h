/* Numbers of other types than the kernels', as doubles: rows of X by rows or, where these
 * lie nearer to each other, by columns. Steps are in bytes.
 */
#ifndef SKXENT_NUMBERS_H
#define SKXENT_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

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

#endif
