"""The number of threads that a call may use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from numbers import Integral
from typing import Any, TypeVar

from joblib import cpu_count

from skxent.kernels.blas import BlasThreads
from skxent.kernels.dispatch import kernels

Item = TypeVar("Item")
Result = TypeVar("Result")

# Below this many logits a second thread costs more than it brings.
SERIAL_BELOW = 1 << 15

# Multiply-adds of products for which BLAS takes one thread in any case.
FEW_OPERATIONS = 1 << 18

_forked = False


def _after_fork() -> None:
    # GNU's OpenMP runtime hangs in the child of a process that has used threads.
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@cache
def processors() -> int:
    """Return how many processors this process may use.

    joblib reads files to know, so it is asked once.
    """
    count: int = cpu_count()
    return count


def blas_threads(
    count: int, operations: int | None = None
) -> AbstractContextManager[None]:
    """Return a context in which BLAS has so many threads.

    With `operations` it is for products of so many multiply-adds, and does nothing if
    these are few. A nested context replaces the outer one, but BLAS never has more
    threads than outside of all.
    """
    if operations is not None and operations < FEW_OPERATIONS:
        return nullcontext()
    return BlasThreads(count)


def one_blas_thread(operations: int | None = None) -> AbstractContextManager[None]:
    """Return a context in which BLAS has one thread.

    More threads would wait for cores that the threads of the kernels still hold: small
    products between two passes over X took longer than the passes. The last bits would
    also depend on their number.
    """
    return blas_threads(1, operations)


def mapped(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int
) -> Iterator[Result]:
    """Return function(item) in order, each in one of so many threads.

    BLAS has one thread in each, so sums in this order always have the same bits. A
    result that is an iterator is read in its thread. With one thread it is returned
    unread, because all of its arrays at once would be new memory for each item.
    """
    return (
        map(function, items) if n_threads == 1 else _ahead(function, items, n_threads)
    )


def _ahead(
    function: Callable[[Item], Result], items: Iterable[Item], n_threads: int
) -> Iterator[Result]:
    def with_one_thread(item: Item) -> Any:
        with one_blas_thread():
            result = function(item)
            return list(result) if isinstance(result, Iterator) else result

    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(n_threads) as pool:
        for item in items:
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
            waiting.append(pool.submit(with_one_thread, item))
        while waiting:
            yield waiting.popleft().result()


def effective_n_threads(
    n_threads: int | None = None, work: int | None = None, name: str = "n_threads"
) -> int:
    """Return how many threads a call on `work` logits may use.

    None means all that OpenMP may use (OMP_NUM_THREADS, threadpoolctl and joblib's
    limits are respected); -1 all processors, -2 all but one, as in joblib. A forked
    child always gets one.
    """
    if n_threads is not None and (
        not isinstance(n_threads, Integral)
        or isinstance(n_threads, bool)
        or n_threads == 0
    ):
        raise ValueError(
            f"{name} must be None or an integer other than 0, got {n_threads!r}."
        )
    if _forked or (work is not None and work < SERIAL_BELOW):
        return 1
    if n_threads is None:
        return max(1, min(kernels.max_threads(), processors()))
    if n_threads < 0:
        return max(1, processors() + 1 + int(n_threads))
    # More than a few threads per processor are not faster, and thousands may fail.
    return min(int(n_threads), 4 * processors())
