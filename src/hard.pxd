"""Loss and gradient for hard labels, one term φ(m_c) a row: the case that must be fast.

With few classes rows go through tiles, and lanes run across rows. With many, lanes run
along a row, which is read where it lies and whose gradient is written where it belongs.
"""

from cython cimport floating
from derivatives cimport apply_weight
from libc.math cimport INFINITY
from losses cimport ROWS, phi
from passes cimport Pass, tiles
from softmax cimport margin_terms, shifted
from targets cimport clamp_codes, load_codes, mask_ignored
from tiles cimport load, store
from vecmath cimport exp_down

cdef enum:
    MANY_CLASSES = 24  # from which on lanes run along a row
    LANES = 16
    SUMMED_VECTORS = 64  # before they are added to the total


cdef inline void exponentials_across(
    Py_ssize_t K, const floating *c, floating *u,
    floating *e_c, floating *d_c, floating *others
) noexcept nogil:
    """Turn logits u into exponentials, whose sum but for class c goes to others."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, index
    cdef floating[ROWS] top, label, total, logit, own
    for i in range(ROWS):
        top[i] = logit[i] = u[i]
        label[i] = c[i]
        total[i] = 0
    for k in range(1, K):
        index = <floating> k
        for i in range(ROWS):
            x = u[k * ROWS + i]
            top[i] = x if x > top[i] else top[i]
            logit[i] = x if label[i] == index else logit[i]
    for i in range(ROWS):
        d_c[i] = shifted(logit[i], top[i])
        own[i] = 0
    for k in range(K):
        index = <floating> k
        for i in range(ROWS):
            x = exp_down(shifted(u[k * ROWS + i], top[i]))
            u[k * ROWS + i] = x
            total[i] += 0 if label[i] == index else x
            own[i] += x if label[i] == index else 0
    for i in range(ROWS):
        e_c[i] = own[i]
        others[i] = total[i]


cdef inline void scale_across(
    Py_ssize_t K, const floating *c, const floating *f1, const floating *inverse,
    floating *u
) noexcept nogil:
    """Turn exponentials u into the gradient."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, index
    cdef floating[ROWS] factor, label, own
    for i in range(ROWS):
        own[i] = f1[i]
        factor[i] = -f1[i] * inverse[i]
        label[i] = c[i]
    for k in range(K):
        index = <floating> k
        for i in range(ROWS):
            x = factor[i] * u[k * ROWS + i]
            u[k * ROWS + i] = own[i] if label[i] == index else x


cdef inline floating top_along(Py_ssize_t K, const floating *z) noexcept nogil:
    cdef Py_ssize_t k
    cdef int j
    cdef floating best
    cdef floating[LANES] lanes
    for j in range(LANES):
        lanes[j] = z[0]
    for k in range(K // LANES):
        for j in range(LANES):
            lanes[j] = z[k * LANES + j] if z[k * LANES + j] > lanes[j] else lanes[j]
    for k in range(K // LANES * LANES, K):
        lanes[0] = z[k] if z[k] > lanes[0] else lanes[0]
    best = lanes[0]
    for j in range(1, LANES):
        best = lanes[j] if lanes[j] > best else best
    return best


cdef inline void exponentials_of(
    const floating *z, floating top, floating label, floating *e, floating *total
) noexcept nogil:
    """Write e of LANES entries of a row, from the first of which label counts."""
    cdef int j
    cdef floating[LANES] x
    for j in range(LANES):
        x[j] = exp_down(shifted(z[j], top))
    for j in range(LANES):
        e[j] = x[j]
        total[j] += 0 if label == <floating> j else x[j]


cdef inline floating exponentials_along(
    Py_ssize_t K, const floating *z, floating top, Py_ssize_t c, floating *e
) noexcept nogil:
    """Write e = exp(z - top) of a row, and return their sum but for class c."""
    cdef Py_ssize_t vectors = K // LANES, whole = vectors * LANES, block, end, k
    cdef int j, left = <int> (K - whole)
    cdef floating others = 0
    cdef floating[LANES] total, part, last
    for j in range(LANES):
        total[j] = 0
    for block in range((vectors + SUMMED_VECTORS - 1) // SUMMED_VECTORS):
        for j in range(LANES):
            part[j] = 0
        end = min(vectors, (block + 1) * SUMMED_VECTORS)
        for k in range(block * SUMMED_VECTORS, end):
            exponentials_of(
                z + k * LANES, top, <floating> (c - k * LANES), e + k * LANES, &part[0]
            )
        for j in range(LANES):
            total[j] += part[j]
    if left:
        for j in range(LANES):
            last[j] = z[whole + j] if j < left else -INFINITY
        exponentials_of(&last[0], top, <floating> (c - whole), &last[0], &total[0])
        for j in range(left):
            e[whole + j] = last[j]
    for j in range(LANES):
        others += total[j]
    return others


cdef inline void hard_rows(
    const Pass *p, Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t K = p.K, row, tile, k
    cdef int rows, i
    cdef bint along = K >= MANY_CLASSES, read = p.z.right == 1
    cdef bint asked = p.gradient.data != NULL, write = asked and p.gradient.right == 1
    cdef bint weighted = p.sample_weight.data != NULL or p.class_weight.data != NULL
    cdef floating factor, top
    cdef floating *e
    cdef floating *gradient
    cdef const floating *z
    cdef const floating *logits
    cdef floating[ROWS] label, t, e_c, d_c, others, inverse
    cdef floating[3 * ROWS] margins, f  # p, q and L; φ and φ'
    cdef floating *f1 = &f[ROWS]
    cdef Py_ssize_t[ROWS] c

    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load_codes(p, row, rows, &c[0], &t[0])
        if along:
            clamp_codes(K, &c[0])
        if not along:
            load(&p.z, row, rows, K, work)
            if weighted:
                mask_ignored(K, &t[0], work)
            for i in range(ROWS):
                label[i] = <floating> c[i]
            exponentials_across(K, &label[0], work, &e_c[0], &d_c[0], &others[0])
        for i in range(ROWS if along else 0):
            if i >= rows:
                e_c[i], d_c[i], others[i] = e_c[0], d_c[0], others[0]
                continue
            z = <const floating *> p.z.data + (row + i) * p.z.down
            e = work + i * K
            if write:
                e = <floating *> p.gradient.data + (row + i) * p.gradient.down
            logits = z if read else e
            if not read:
                for k in range(K):
                    e[k] = z[k * p.z.right]
            if t[i] == 0:
                for k in range(K):
                    e[k] = 0
                logits = e
            top = top_along(K, logits)
            d_c[i] = shifted(logits[c[i]], top)
            others[i] = exponentials_along(K, logits, top, c[i], e)
            e_c[i] = e[c[i]]
        margin_terms(&e_c[0], &d_c[0], &others[0], &margins[0], &inverse[0])
        phi(&p.loss, 1, &c[0], &margins[0], &f[0])
        if weighted:
            apply_weight(1, &t[0], &f[0])
        if p.value.data != NULL:
            store(&f[0], row, rows, 1, &p.value)
        if not asked:
            continue
        if not along:
            scale_across(K, &label[0], f1, &inverse[0], work)
            store(work, row, rows, K, &p.gradient)
            continue
        for i in range(rows):
            gradient = <floating *> p.gradient.data + (row + i) * p.gradient.down
            e = gradient if write else work + i * K
            factor = -f1[i] * inverse[i]
            for k in range(K):
                e[k] *= factor
            e[c[i]] = f1[i]
            if not write:
                for k in range(K):
                    gradient[k * p.gradient.right] = e[k]
