/* The stable order of doubles, by their bits: three passes sort the upper half of these,
 * which few numbers share, and what does share it is sorted by the lower half.
 */
#ifndef SKXENT_ORDER_H
#define SKXENT_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { ORDER_BITS = 11, ORDER_DIGITS = 1 << ORDER_BITS, ORDER_FEW = 128 };

/* Integers in the order of the numbers; -0 is 0. */
static inline uint64_t order_key(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, 8);
    return bits ^ ((bits >> 63) ? ~UINT64_C(0) : UINT64_C(1) << 63);
}

/* Sort words by their upper halves. */
static void order_words(uint64_t *words, uint64_t *room, ptrdiff_t n) {
    uint32_t count[3][ORDER_DIGITS] = {{0}};
    uint64_t *from = words, *to = room;
    for (ptrdiff_t i = 0; i < n; i++)
        for (int pass = 0; pass < 3; pass++)
            count[pass][(words[i] >> (32 + ORDER_BITS * pass)) % ORDER_DIGITS]++;
    for (int pass = 0; pass < 3; pass++) {
        const int shift = 32 + ORDER_BITS * pass;
        uint32_t sum = 0;
        if (count[pass][(from[0] >> shift) % ORDER_DIGITS] == n)
            continue;
        for (int digit = 0; digit < ORDER_DIGITS; digit++) {
            uint32_t here = count[pass][digit];
            count[pass][digit] = sum;
            sum += here;
        }
        for (ptrdiff_t i = 0; i < n; i++)
            to[count[pass][(from[i] >> shift) % ORDER_DIGITS]++] = from[i];
        uint64_t *swap = from;
        from = to, to = swap;
    }
    if (from != words)
        memcpy(words, from, n * sizeof *words);
}

/* Sort words, whose lower halves are places in x, by the lower halves of its keys. */
static void order_equal(const double *x, uint64_t *words, uint64_t *room, ptrdiff_t n) {
    int sorted = 1;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint32_t place = (uint32_t)words[i];
        words[i] = order_key(x[place]) << 32 | place;
        sorted &= i == 0 || words[i - 1] >> 32 <= words[i] >> 32;
    }
    if (sorted)
        return;
    if (n > ORDER_FEW) {
        order_words(words, room, n);
        return;
    }
    for (ptrdiff_t i = 1; i < n; i++) {
        const uint64_t word = words[i];
        ptrdiff_t j = i;
        for (; j > 0 && words[j - 1] >> 32 > word >> 32; j--)
            words[j] = words[j - 1];
        words[j] = word;
    }
}

/* Fill the first n of 2n words with the places of x in ascending order; n < 2^32. */
static void order_of(const double *x, ptrdiff_t n, uint64_t *words) {
    const uint64_t upper = UINT64_C(0xffffffff00000000);
    for (ptrdiff_t i = 0; i < n; i++)
        words[i] = (order_key(x[i]) & upper) | (uint64_t)i;
    order_words(words, words + n, n);
    for (ptrdiff_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && words[end] >> 32 == words[i] >> 32;)
            end++;
        if (end > i + 1)
            order_equal(x, words + i, words + n, end - i);
    }
}

#endif
