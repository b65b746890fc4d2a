"""Ctrl-C ends a long pass: see signals.h."""

cdef extern from "signals.h" nogil:
    ctypedef struct Watch "watch":
        pass
    void start_watch(Watch *, bint)
    bint stopped(Watch *, bint)

cdef enum:
    INTERRUPTIBLE = 1 << 22  # numbers, which take some ten milliseconds


cdef inline Watch watch_of(double numbers) except *:
    """Watch a pass over so many numbers; short ones are not interrupted."""
    cdef Watch watch
    cdef bint asks = False
    if numbers > INTERRUPTIBLE:
        from threading import get_ident, main_thread

        asks = get_ident() == main_thread().ident
    start_watch(&watch, asks)
    return watch


cdef inline int check_stopped(Watch *watch) except -1:
    """Raise what a signal handler raised during the pass."""
    return -1 if stopped(watch, False) else 0
