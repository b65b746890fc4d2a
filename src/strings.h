/* Rows of bytes, of one width, as codes in order of appearance, by hashing. */
#ifndef SKXENT_STRINGS_H
#define SKXENT_STRINGS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "bysize.h"

enum { SLOT_BITS = 10, SLOTS = 1 << SLOT_BITS, MOST_LABELS = 256 }; /* codes of a byte */

typedef struct {
    const unsigned char *label[MOST_LABELS];
    uint64_t hash[MOST_LABELS];
    ptrdiff_t first[MOST_LABELS]; /* row */
    int16_t code_in[SLOTS];       /* or -1 */
    int known;
} label_table;

static void begin_labels(label_table *table) {
    memset(table->code_in, -1, sizeof table->code_in);
    table->known = 0;
}

/* Word j of a label; the last one begins earlier if there are fewer than eight bytes. */
static inline uint64_t word_of(const unsigned char *label, ptrdiff_t j, ptrdiff_t width) {
    uint64_t word = 0;
    if (width >= 8)
        memcpy(&word, label + (8 * j + 8 <= width ? 8 * j : width - 8), 8);
    else
        for (ptrdiff_t b = 0; b < width; b++)
            word |= (uint64_t)label[b] << (8 * b);
    return word;
}

/* Write the codes of rows start to stop; return the row at which labels are too many. */
ALWAYS_INLINE ptrdiff_t encode_width(
    const unsigned char *y, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t width,
    label_table *table, uint8_t *codes) {
    const ptrdiff_t words = (width + 7) / 8;
    for (ptrdiff_t i = start; i < stop; i++) {
        const unsigned char *row = y + i * width;
        uint64_t hash = 0;
        int slot, code;
        for (ptrdiff_t j = 0; j < words; j++) {
            hash = (hash ^ word_of(row, j, width)) * UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
        for (slot = (int)(hash >> (64 - SLOT_BITS)); (code = table->code_in[slot]) >= 0;
             slot = (slot + 1) % SLOTS) {
            const unsigned char *label = table->label[code];
            uint64_t unlike = table->hash[code] ^ hash;
            for (ptrdiff_t j = 0; j < words; j++)
                unlike |= word_of(row, j, width) ^ word_of(label, j, width);
            if (!unlike)
                break;
        }
        if (code < 0) {
            if (table->known == MOST_LABELS)
                return i;
            code = table->known++;
            table->code_in[slot] = (int16_t)code;
            table->label[code] = row;
            table->hash[code] = hash;
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
