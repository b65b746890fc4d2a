"""Strings to codes, in one pass."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp
from cpython.exc cimport PyErr_CheckSignals

cdef extern from "strict.h":
    pass

# After so many rows Ctrl-C is looked for: some milliseconds.
cdef Py_ssize_t ROWS_PER_CHECK = 1 << 16


def encode_bytes(const unsigned char[:, ::1] y, Py_ssize_t[::1] codes, int limit):
    """Number rows of bytes in order of appearance, and return where each first appears.

    Return None if more than `limit` rows differ: each is compared with all of them.
    """
    cdef Py_ssize_t n = y.shape[0], width = y.shape[1], i
    cdef int k, known = 0, last = 0
    cdef list first = []
    cdef const unsigned char **rows = <const unsigned char **> calloc(
        limit, sizeof(void *)
    )
    if rows == NULL:
        raise MemoryError()
    try:
        for i in range(n):
            if i % ROWS_PER_CHECK == 0:
                PyErr_CheckSignals()
            k = last
            if known == 0 or memcmp(rows[k], &y[i, 0], width) != 0:
                for k in range(known):
                    if memcmp(rows[k], &y[i, 0], width) == 0:
                        break
                else:
                    if known == limit:
                        return None
                    k = known
                    rows[k] = &y[i, 0]
                    first.append(i)
                    known += 1
            codes[i] = last = k
    finally:
        free(rows)
    return first


def encode_strings(list y, Py_ssize_t[::1] codes):
    """Do the same for a list of str; return None if another type is among them."""
    cdef Py_ssize_t i
    cdef dict known = {}
    cdef list first = []
    cdef object label, code
    for i in range(len(y)):
        if i % ROWS_PER_CHECK == 0:
            PyErr_CheckSignals()
        label = y[i]
        if type(label) is not str:
            return None
        code = known.get(label)
        if code is None:
            code = known[label] = len(first)
            first.append(i)
        codes[i] = code
    return first
