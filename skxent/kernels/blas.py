"""A limit on BLAS's threads that fits in several threads can share.

OpenBLAS and MKL have one number of threads for the whole process. Where two fits that
overlap each save and restore it, the second saves the limit of the first, and restores
that for good. So all limits are tracked: the first saves, the last restores.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import RLock, get_ident
from types import TracebackType
from typing import Any
from weakref import ref

from threadpoolctl import ThreadpoolController


class Library:
    """A BLAS library with one number of threads for the process."""

    def __init__(self, controller: Any) -> None:
        self.controller = controller
        self.before: int | None = None  # the count to restore, while there is a limit
        self.limited_to: int = 0  # the count in effect while there is a limit
        self.controls: bool = False

    def limit(self, count: int | None) -> None:
        """Allow so many threads, but no more than before; None: as before."""
        if count is not None:
            if self.before is None:
                self.before = self.controller.get_num_threads()
            self._set(min(count, self.before))
        elif self.before is not None:
            # If other code has set the number meanwhile, that code has to restore it.
            # `limited_to` is kept, so that an interrupted restoration can be repeated.
            if self.controller.get_num_threads() == self.limited_to:
                self._give_up_control()
                self.controls = True
                self.controller.set_num_threads(self.before)
            self._give_up_control()
            self.before = None

    def _set(self, count: int) -> None:
        self.limited_to = count
        if self.controller.get_num_threads() != count:
            self._give_up_control()
            self.controller.set_num_threads(count)
            self.limited_to = self.controller.get_num_threads()
            self.controls = self.limited_to == count

    def _give_up_control(self) -> None:
        # Since 3.8 threadpoolctl lets only one thread at a time set the number.
        release = getattr(self.controller, "clear_controlling_thread", None)
        if self.controls and release is not None:
            release(force=True)
        self.controls = False


@dataclass(eq=False)
class ThreadLimit:
    """The limit that one thread has set on the number of BLAS threads."""

    thread: int
    count: int


class SharedLimit:
    """The active limits of all threads, of which BLAS gets the smallest.

    Only the innermost limit of each thread counts.
    """

    def __init__(self) -> None:
        self.lock: Any = RLock()
        # Weak, so that one whose end was interrupted does not count for ever.
        self.active: list[ref[ThreadLimit]] = []
        self.libraries: list[Library] | None = None
        self.of_threads: list[Any] = []  # libraries with a number for each thread

    def enter(self, limit: ThreadLimit) -> None:
        """Activate a limit."""
        with self.lock:
            if self.libraries is None:
                self._find_libraries()
            self._apply([*self._limits(), limit])

    def leave(self, limit: ThreadLimit) -> None:
        """Deactivate a limit; one that is not active is ignored."""
        with self.lock:
            self._apply([other for other in self._limits() if other is not limit])

    def after_fork(self) -> None:
        """Drop the limits of other threads, which do not exist in the child."""
        self.lock = RLock()
        self._apply([limit for limit in self._limits() if limit.thread == get_ident()])

    def _limits(self) -> list[ThreadLimit]:
        return [limit for known in self.active if (limit := known()) is not None]

    def _apply(self, limits: list[ThreadLimit]) -> None:
        self.active = [ref(limit) for limit in limits]
        innermost = {limit.thread: limit.count for limit in limits}
        count = min(innermost.values(), default=None)
        for library in self.libraries or ():
            library.limit(count)

    def _find_libraries(self) -> None:
        """Look once, for it takes milliseconds; numpy and scipy have loaded theirs."""
        blas = ThreadpoolController().select(user_api="blas").lib_controllers
        known = [c for c in blas if c.get_num_threads() is not None]
        # OpenBLAS on OpenMP asks OpenMP, which has a number for each thread.
        self.of_threads = [
            c
            for c in known
            if c.internal_api == "openblas" and c.threading_layer == "openmp"
        ]
        self.libraries = [Library(c) for c in known if c not in self.of_threads]


SHARED = SharedLimit()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SHARED.after_fork)


class BlasThreads:
    """A context that limits the number of BLAS threads."""

    entered: bool = False

    def __init__(self, count: int) -> None:
        self.limit: ThreadLimit = ThreadLimit(get_ident(), count)
        self.before: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        try:
            self.entered = True
            SHARED.enter(self.limit)
            for library in SHARED.of_threads:
                before = library.get_num_threads()
                self.before.append((library, before))
                library.set_num_threads(min(self.limit.count, before))
        except BaseException:
            self.leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.leave()
        except BaseException:  # an interrupt in the middle of it
            self.leave()
            raise

    def __del__(self) -> None:
        # An interrupt between __enter__ and the first line of the body skips __exit__.
        if self.entered:
            self.leave()

    def leave(self) -> None:
        """Restore the number of threads; a second call continues an interrupted one."""
        SHARED.leave(self.limit)
        self.entered = False
        while self.before:
            library, before = self.before[-1]
            library.set_num_threads(before)
            self.before.pop()
