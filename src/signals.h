/* How a signal, above all Ctrl-C, ends a long pass.
 *
 * Python handles signals in its main thread, between two of its own instructions, of
 * which a kernel is one. So the thread that called a long kernel asks now and then. A
 * handler that raises leaves its exception pending, and all threads stop.
 */
#ifndef SKXENT_SIGNALS_H
#define SKXENT_SIGNALS_H

#include <Python.h>
#include <math.h>
#include <time.h>

typedef struct {
    double due;        /* when to ask next, in seconds; infinite: never */
    volatile int stop; /* a handler has raised */
} watch;

static double seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void start_watch(watch *w, int asks) {
    w->stop = 0;
    w->due = asks ? seconds() + 0.05 : HUGE_VAL;
}

static void ask(watch *w) {
    PyGILState_STATE state = PyGILState_Ensure();
    w->stop |= PyErr_CheckSignals() < 0;
    PyGILState_Release(state);
    w->due = seconds() + 0.05;
}

/* Each thread asks before each part of its work whether to give up the pass. */
static inline int stopped(watch *w, int is_caller) {
    if (is_caller && w->due != HUGE_VAL && !w->stop && seconds() >= w->due)
        ask(w);
    return w->stop;
}

#endif
