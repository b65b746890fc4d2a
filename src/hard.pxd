"""Loss and gradient for hard labels, the case that must be fast: one term φ(m_c) a row.

Few classes: tiles, lanes run across rows. Many: lanes run along a row, which is read
where it lies and whose gradient is written where it belongs.
"""

from cython cimport floating
from derivatives cimport weigh
from libc.math cimport INFINITY
from losses cimport ROWS, phi
from softmax cimport below, margin_terms
from targets cimport Request, clamp_codes, load_codes, silence, tiles
from tiles cimport load, store
from vecmath cimport exp_down

cdef enum:
    LONG = 24  # classes from which on lanes run along a row
    LANES = 16
    BLOCK = 64  # vectors of lanes that are summed before they are added to the total


cdef inline void exponentials_across(
    Py_ssize_t K, const floating *c, floating *u,
    floating *e_c, floating *d_c, floating *others
) noexcept nogil:
    """u: logits in, exponentials out. others: their sum but for class c."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, number
    cdef floating[ROWS] top, label, total, logit, own
    for i in range(ROWS):
        top[i] = logit[i] = u[i]
        label[i] = c[i]
        total[i] = 0
    for k in range(1, K):
        number = <floating> k
        for i in range(ROWS):
            x = u[k * ROWS + i]
            top[i] = x if x > top[i] else top[i]
            logit[i] = x if label[i] == number else logit[i]
    for i in range(ROWS):
        d_c[i] = below(logit[i], top[i])
        own[i] = 0
    for k in range(K):
        number = <floating> k
        for i in range(ROWS):
            x = exp_down(below(u[k * ROWS + i], top[i]))
            u[k * ROWS + i] = x
            total[i] += 0 if label[i] == number else x
            own[i] += x if label[i] == number else 0
    for i in range(ROWS):
        e_c[i] = own[i]
        others[i] = total[i]


cdef inline void scale_across(
    Py_ssize_t K, const floating *c, const floating *f1, const floating *inverse,
    floating *u
) noexcept nogil:
    """u: exponentials in, gradient out."""
    cdef Py_ssize_t k
    cdef int i
    cdef floating x, number
    cdef floating[ROWS] factor, label, own
    for i in range(ROWS):
        own[i] = f1[i]
        factor[i] = -f1[i] * inverse[i]
        label[i] = c[i]
    for k in range(K):
        number = <floating> k
        for i in range(ROWS):
            x = factor[i] * u[k * ROWS + i]
            u[k * ROWS + i] = own[i] if label[i] == number else x


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
    """LANES entries of a row; label counts from the first of them."""
    cdef int j
    cdef floating[LANES] x
    for j in range(LANES):
        x[j] = exp_down(below(z[j], top))
    for j in range(LANES):
        e[j] = x[j]
        total[j] += 0 if label == <floating> j else x[j]


cdef inline floating exponentials_along(
    Py_ssize_t K, const floating *z, floating top, Py_ssize_t c, floating *e
) noexcept nogil:
    """exp(z - top) of a row, and their sum but for class c."""
    cdef Py_ssize_t vectors = K // LANES, whole = vectors * LANES, block, k
    cdef int j, left = <int> (K - whole)
    cdef floating others = 0
    cdef floating[LANES] total, part, last
    for j in range(LANES):
        total[j] = 0
    for block in range((vectors + BLOCK - 1) // BLOCK):
        for j in range(LANES):
            part[j] = 0
        for k in range(block * BLOCK, min(vectors, (block + 1) * BLOCK)):
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
    Request *request, const floating[:, :] z, const Py_ssize_t[::1] codes,
    const double[:] sample_weight, const double[:] class_weight,
    floating[:, :] value, floating[:, :] gradient,
    Py_ssize_t start, Py_ssize_t stop, floating *work
) noexcept nogil:
    cdef Py_ssize_t K = request.K, row, tile, k
    cdef int rows, i
    cdef bint along = K >= LONG
    cdef bint read = z.strides[1] == sizeof(floating)
    cdef bint write = request.gradient and gradient.strides[1] == sizeof(floating)
    cdef bint weighted = request.weighted or request.class_weighted
    cdef floating factor, top
    cdef floating *e
    cdef const floating *logits
    cdef floating[ROWS] label, t, e_c, d_c, others, p, q, L, inverse, f, f1, f2
    cdef Py_ssize_t[ROWS] c

    for tile in range(tiles(start, stop)):
        row = start + tile * ROWS
        rows = <int> min(ROWS, stop - row)
        load_codes(request, codes, sample_weight, class_weight, row, rows, &c[0], &t[0])
        if along:
            clamp_codes(K, &c[0])
        if not along:
            load(z, row, rows, K, work)
            if weighted:
                silence(K, &t[0], work)
            for i in range(ROWS):
                label[i] = <floating> c[i]
            exponentials_across(K, &label[0], work, &e_c[0], &d_c[0], &others[0])
        for i in range(ROWS if along else 0):
            if i >= rows:
                e_c[i], d_c[i], others[i] = e_c[0], d_c[0], others[0]
                continue
            e = &gradient[row + i, 0] if write else work + i * K
            logits = &z[row + i, 0] if read else e
            if not read:
                for k in range(K):
                    e[k] = z[row + i, k]
            if t[i] == 0:
                for k in range(K):
                    e[k] = 0
                logits = e
            top = top_along(K, logits)
            d_c[i] = below(logits[c[i]], top)
            others[i] = exponentials_along(K, logits, top, c[i], e)
            e_c[i] = e[c[i]]
        margin_terms(
            &e_c[0], &d_c[0], &others[0], &p[0], &q[0], &L[0], &inverse[0]
        )
        phi(&request.loss, &p[0], &q[0], &L[0], &f[0], &f1[0], &f2[0])
        if weighted:
            weigh(&t[0], &f[0], &f1[0], &f2[0])
        if request.value:
            store(&f[0], row, rows, 1, value)
        if not request.gradient:
            continue
        if not along:
            scale_across(K, &label[0], &f1[0], &inverse[0], work)
            store(work, row, rows, K, gradient)
            continue
        for i in range(rows):
            e = &gradient[row + i, 0] if write else work + i * K
            factor = -f1[i] * inverse[i]
            for k in range(K):
                e[k] *= factor
            e[c[i]] = f1[i]
            if not write:
                for k in range(K):
                    gradient[row + i, k] = e[k]
