/* The stable order of doubles, by their bits: three passes sort by the upper 30 of the bits
 * in which the numbers differ, and numbers that share these are sorted by the rest.
 */
#ifndef SKXENT_ORDER_H
#define SKXENT_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address)
#endif

/* With more digits, a pass would write to more places than a cache has lines. */
enum { ORDER_BITS = 10, ORDER_DIGITS = 1 << ORDER_BITS, ORDER_FEW = 128 };

/* Integers in the order of the numbers; -0 is 0. */
static inline uint64_t order_key(double x) {
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, 8);
    return bits ^ ((bits >> 63) ? ~UINT64_C(0) : UINT64_C(1) << 63);
}

/* Sort words by their upper halves, which are below 2^30. */
static void order_words(uint64_t *words, uint64_t *room, ptrdiff_t n) {
    uint32_t count[3][ORDER_DIGITS] = {{0}};
    uint64_t *from = words, *to = room;
    for (ptrdiff_t i = 0; i < n; i++)
        for (int pass = 0; pass < 3; pass++)
            count[pass][(words[i] >> (32 + ORDER_BITS * pass)) % ORDER_DIGITS]++;
    for (int pass = 0; pass < 3; pass++) {
        const int shift = 32 + ORDER_BITS * pass;
        uint32_t sum = 0;
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
    memcpy(words, room, n * sizeof *words);
}

/* Put places in x, the lower halves of n words, in ascending order of x. */
static void order_places(const double *x, uint64_t *words, uint64_t *room, ptrdiff_t n) {
    uint64_t low = ~UINT64_C(0), high = 0, last = 0;
    int sorted = 1, shift = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t key = order_key(x[(uint32_t)words[i]]);
        low = key < low ? key : low;
        high = key > high ? key : high;
        sorted &= last <= key;
        last = key;
    }
    if (sorted)
        return;
    if (n <= ORDER_FEW) {
        for (ptrdiff_t i = 1, j; i < n; i++) {
            const uint64_t word = words[i], key = order_key(x[(uint32_t)word]);
            for (j = i; j > 0 && order_key(x[(uint32_t)words[j - 1]]) > key; j--)
                words[j] = words[j - 1];
            words[j] = word;
        }
        return;
    }
    while ((high - low) >> shift >> (3 * ORDER_BITS))
        shift++;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint32_t place = (uint32_t)words[i];
        words[i] = (order_key(x[place]) - low) >> shift << 32 | place;
    }
    order_words(words, room, n);
    for (ptrdiff_t i = 0, end; shift && i < n; i = end) {
        for (end = i + 1; end < n && words[end] >> 32 == words[i] >> 32;)
            end++;
        if (end > i + 1)
            order_places(x, words + i, room, end - i);
    }
}

/* Fill the first n of 2n words with the places of x in ascending order; n < 2^32. */
static void order_of(const double *x, ptrdiff_t n, uint64_t *words) {
    for (ptrdiff_t i = 0; i < n; i++)
        words[i] = (uint64_t)i;
    order_places(x, words, words + n, n);
    for (ptrdiff_t i = 0; i < n; i++)
        words[i] = (uint32_t)words[i];
}

/* Isotonic regression: its blocks are the edges of the lower convex hull of the points
 * (mass, hits), the cumulative sums over the rows in their order. `end` is the number of
 * rows of such a sum. */
typedef struct {
    int64_t *end;
    double *mass, *hits;
} points;

enum { COARSE = 1024, POOL_AHEAD = 24 };

/* Write the hull of every `step`-th of n points and the last; it may overwrite them. */
static ptrdiff_t hull_of(points p, ptrdiff_t n, ptrdiff_t step, points hull) {
    ptrdiff_t top = 0;
    for (ptrdiff_t k = step - 1, last = n - 1; n > 0; k += step) {
        k = k < last ? k : last;
        const double m = p.mass[k], h = p.hits[k];
        for (; top > 0; top--) {
            const double m0 = top > 1 ? hull.mass[top - 2] : 0, m1 = hull.mass[top - 1];
            const double h0 = top > 1 ? hull.hits[top - 2] : 0, h1 = hull.hits[top - 1];
            if ((h1 - h0) * (m - m1) < (h - h1) * (m1 - m0))
                break;
        }
        hull.end[top] = p.end[k], hull.mass[top] = m, hull.hits[top] = h;
        top++;
        if (k == last)
            break;
    }
    return top;
}

/* Write the blocks of rows of values x, mass w (NULL: ones) and hits y in this order, and
 * return how many there are. Equal values share a block, and rows without mass join one.
 */
static ptrdiff_t pool_rows(
    const double *x, const double *y, const double *w, const int64_t *order,
    ptrdiff_t n, points blocks) {
    int64_t end[COARSE + 1];
    double masses[COARSE + 1], hits[COARSE + 1], m = 0, h = 0, before = 0;
    points coarse = {end, masses, hits};
    ptrdiff_t count = 0, kept = 0, edges;
    double value = n > 0 ? x[order[0]] : 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double next = x[order[i + 1 < n ? i + 1 : i]];
        const int64_t later = order[i + POOL_AHEAD < n ? i + POOL_AHEAD : i];
        FETCH(x + later);
        FETCH(y + later);
        const double weight = w ? w[order[i]] : 1.0;
        m += weight;
        h += weight * y[order[i]];
        const int is_point = m > 0 && (next != value || i == n - 1);
        count -= is_point && m == before;
        blocks.end[count] = i + 1, blocks.mass[count] = m, blocks.hits[count] = h;
        before = is_point ? m : before;
        count += is_point;
        value = next;
    }
    /* Points above the hull of some points are not on the hull of all. Few remain. */
    edges = hull_of(blocks, count, count / COARSE + 1, coarse);
    for (ptrdiff_t e = 0, k = 0; e < edges; e++) {
        const double m0 = e > 0 ? masses[e - 1] : 0, h0 = e > 0 ? hits[e - 1] : 0;
        const double slope = (hits[e] - h0) / (masses[e] - m0), rounding = 1e-13 * h;
        for (; k < count && blocks.end[k] <= end[e]; k++) {
            const double chord = h0 + slope * (blocks.mass[k] - m0);
            const int below = blocks.hits[k] <= chord + rounding;
            blocks.end[kept] = blocks.end[k];
            blocks.mass[kept] = blocks.mass[k];
            blocks.hits[kept] = blocks.hits[k];
            kept += below;
        }
    }
    return hull_of(blocks, kept, 1, blocks);
}

#endif
