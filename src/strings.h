/* Encode rows of bytes of one width by hashing, with codes in order of appearance. */
#ifndef SKXENT_STRINGS_H
#define SKXENT_STRINGS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "bysize.h"

enum { SLOT_BITS = 10, SLOTS = 1 << SLOT_BITS, MOST_LABELS = 256 }; /* codes of a byte */

typedef struct {
    const unsigned char *label[MOST_LABELS];
    ptrdiff_t first[MOST_LABELS]; /* row */
    int16_t code_in[SLOTS];       /* or -1 */
    int known;
} label_table;

static void begin_labels(label_table *table) {
    memset(table->code_in, -1, sizeof table->code_in);
    table->known = 0;
}

/* Return the last eight bytes of a label, or all if there are fewer. */
ALWAYS_INLINE uint64_t last_word(const unsigned char *label, ptrdiff_t width) {
    uint64_t word = 0;
    uint32_t half = 0;
    if (width >= 8) {
        memcpy(&word, label + width - 8, 8);
    } else if (width == 4) {
        memcpy(&half, label, 4);
        word = half;
    } else {
        for (ptrdiff_t b = 0; b < width; b++)
            word |= (uint64_t)label[b] << (8 * b);
    }
    return word;
}

/* A hash: the sum of words times odd numbers, then mixed. No product waits for another. */
ALWAYS_INLINE int slot_of(const unsigned char *label, ptrdiff_t width) {
    const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t factor = odd, hash = last_word(label, width) * odd, word;
    for (ptrdiff_t at = 0; at + 8 < width; at += 8) {
        memcpy(&word, label + at, 8);
        hash += word * (factor += 2 * odd);
    }
    return (int)(((hash ^ hash >> 32) * odd) >> (64 - SLOT_BITS));
}

ALWAYS_INLINE int are_equal(
    const unsigned char *one, const unsigned char *other, ptrdiff_t width) {
    uint64_t unlike = last_word(one, width) ^ last_word(other, width), left, right;
    if (width > 32)
        return memcmp(one, other, (size_t)width) == 0;
    for (ptrdiff_t at = 0; at + 8 < width; at += 8) {
        memcpy(&left, one + at, 8);
        memcpy(&right, other + at, 8);
        unlike |= left ^ right;
    }
    return unlike == 0;
}

/* Write the codes of rows start to stop; return the row at which labels are too many. */
ALWAYS_INLINE ptrdiff_t encode_width(
    const unsigned char *y, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t width,
    label_table *table, uint8_t *codes) {
    for (ptrdiff_t i = start; i < stop; i++) {
        const unsigned char *row = y + i * width;
        int slot = slot_of(row, width), code;
        while ((code = table->code_in[slot]) >= 0 &&
               !are_equal(row, table->label[code], width))
            slot = (slot + 1) % SLOTS;
        if (code < 0) {
            if (table->known == MOST_LABELS)
                return i;
            code = table->known++;
            table->code_in[slot] = (int16_t)code;
            table->label[code] = row;
            table->first[code] = i;
        }
        codes[i] = (uint8_t)code;
    }
    return stop;
}

/* The same for any width: loops of known lengths take half the time. */
static ptrdiff_t encode_rows(
    const unsigned char *y, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t width,
    label_table *table, uint8_t *codes) {
#define WIDTH(bytes)                                                                   \
    case bytes: return encode_width(y, start, stop, bytes, table, codes)
    switch (width) {
    WIDTH(4);
    WIDTH(8);
    WIDTH(12);
    WIDTH(16);
    WIDTH(20);
    WIDTH(24);
    WIDTH(32);
    default: return encode_width(y, start, stop, width, table, codes);
    }
#undef WIDTH
}

#endif
