/* Integer labels of 1, 2, 4 or 8 bytes: their range, and the classes that they stand for.
 * A width of -1 is a byte without a sign.
 */
#ifndef SKXENT_LABELS_H
#define SKXENT_LABELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const void *data;
    int width;
    long long offset;          /* the label whose place is 0 */
    const ptrdiff_t *class_at; /* the class at each place, or NULL: it is the place */
    ptrdiff_t places;          /* of class_at */
} labels;

#define EACH_WIDTH(width, DO)                                                          \
    switch (width) {                                                                   \
    case -1: DO(uint8_t); break;                                                       \
    case 1: DO(int8_t); break;                                                         \
    case 2: DO(int16_t); break;                                                        \
    case 4: DO(int32_t); break;                                                        \
    default: DO(int64_t);                                                              \
    }

/* The least and the largest label, and which ones modulo 64 occur. */
static void range_of_labels(
    const labels *y, ptrdiff_t n, long long *low, long long *high,
    unsigned long long *seen) {
    uint64_t found = 0;
#define RANGE(T)                                                                       \
    do {                                                                               \
        const T *label = (const T *)y->data;                                           \
        T least = label[0], most = label[0];                                           \
        for (ptrdiff_t i = 0; i < n; i++) {                                            \
            least = label[i] < least ? label[i] : least;                               \
            most = label[i] > most ? label[i] : most;                                  \
            found |= UINT64_C(1) << ((uint64_t)label[i] & 63);                         \
        }                                                                              \
        *low = least, *high = most;                                                    \
    } while (0)
    EACH_WIDTH(y->width, RANGE)
    *seen = found;
}

/* Which of `span` labels from `low` on occur. Others, which another thread may have
 * written since, are left out. */
static void mark_labels(
    const labels *y, ptrdiff_t n, long long low, unsigned long long span, char *seen) {
#define MARK(T)                                                                        \
    do {                                                                               \
        const T *label = (const T *)y->data;                                           \
        for (ptrdiff_t i = 0; i < n; i++) {                                            \
            uint64_t place = (uint64_t)label[i] - (uint64_t)low;                       \
            if (place < span)                                                          \
                seen[place] = 1;                                                       \
        }                                                                              \
    } while (0)
    EACH_WIDTH(y->width, MARK)
}

/* The classes of `rows` labels; the rest of N repeats the first. They may be no classes. */
static void load_classes(
    const labels *y, ptrdiff_t first, int rows, int N, ptrdiff_t *c) {
#define LOAD(T)                                                                        \
    do {                                                                               \
        const T *label = (const T *)y->data + first;                                   \
        if (rows == N)                                                                 \
            for (int i = 0; i < N; i++)                                                \
                c[i] = (ptrdiff_t)((uint64_t)label[i] - (uint64_t)y->offset);          \
        else                                                                           \
            for (int i = 0; i < N; i++)                                                \
                c[i] = (ptrdiff_t)(                                                    \
                    (uint64_t)label[i < rows ? i : 0] - (uint64_t)y->offset);          \
    } while (0)
    EACH_WIDTH(y->width, LOAD)
    for (int i = 0; i < (y->class_at ? N : 0); i++)
        c[i] = (size_t)c[i] < (size_t)y->places ? y->class_at[c[i]] : 0;
}

#endif
