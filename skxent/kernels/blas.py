"""A limit on BLAS's threads that fits in several threads can share.

OpenBLAS and MKL have one number of threads for the whole process. Where two fits that
overlap each save and restore it, the second saves what the first has set, and restores
that for ever. So the limits are counted: the first saves, the last restores.
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
        self.before: int | None = None  # what to come back to, while there is a limit
        self.ours: int = 0  # what is there while there is a limit
        self.controls: bool = False

    def limit(self, count: int | None) -> None:
        """Allow so many threads, but no more than before; None: as before."""
        if count is not None:
            if self.before is None:
                self.before = self.controller.get_num_threads()
            self._set(min(count, self.before))
        elif self.before is not None:
            # Where another has set the number meanwhile, it is the other's to restore.
            # `ours` stays, so that a restoration that was interrupted can be repeated.
            if self.controller.get_num_threads() == self.ours:
                self._give_up_control()
                self.controls = True
                self.controller.set_num_threads(self.before)
            self._give_up_control()
            self.before = None

    def _set(self, count: int) -> None:
        self.ours = count
        if self.controller.get_num_threads() != count:
            self._give_up_control()
            self.controller.set_num_threads(count)
            self.ours = self.controller.get_num_threads()
            self.controls = self.ours == count

    def _give_up_control(self) -> None:
        # Since 3.8 threadpoolctl lets only one thread at a time set the number.
        release = getattr(self.controller, "clear_controlling_thread", None)
        if self.controls and release is not None:
            release(force=True)
        self.controls = False


@dataclass(eq=False)
class Wish:
    """At most so many threads, wished for in one thread."""

    thread: int
    count: int


class SharedLimit:
    """The limits that are active in all threads, and what BLAS is set to for them.

    Of each thread the innermost counts, and the least of these is set.
    """

    def __init__(self) -> None:
        self.lock: Any = RLock()
        # Weak, so that one whose end was interrupted does not count for ever.
        self.active: list[ref[Wish]] = []
        self.libraries: list[Library] | None = None
        self.of_threads: list[Any] = []  # libraries with a number for each thread

    def enter(self, wish: Wish) -> None:
        """Add a wish to those that hold."""
        with self.lock:
            if self.libraries is None:
                self._find_libraries()
            self._apply([*self._wishes(), wish])

    def leave(self, wish: Wish) -> None:
        """Take a wish from those that hold; one that is gone may be taken again."""
        with self.lock:
            self._apply([other for other in self._wishes() if other is not wish])

    def after_fork(self) -> None:
        """Drop the wishes of other threads, which do not live on in the child."""
        self.lock = RLock()
        self._apply([wish for wish in self._wishes() if wish.thread == get_ident()])

    def _wishes(self) -> list[Wish]:
        return [wish for known in self.active if (wish := known()) is not None]

    def _apply(self, wishes: list[Wish]) -> None:
        self.active = [ref(wish) for wish in wishes]
        innermost = {wish.thread: wish.count for wish in wishes}
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
    """A context in which BLAS has at most so many threads."""

    entered: bool = False

    def __init__(self, count: int) -> None:
        self.wish: Wish = Wish(get_ident(), count)
        self.before: list[tuple[Any, int]] = []

    def __enter__(self) -> None:
        try:
            self.entered = True
            SHARED.enter(self.wish)
            for library in SHARED.of_threads:
                before = library.get_num_threads()
                self.before.append((library, before))
                library.set_num_threads(min(self.wish.count, before))
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
        """Give the threads back; what is done already is not done again."""
        SHARED.leave(self.wish)
        self.entered = False
        while self.before:
            library, before = self.before[-1]
            library.set_num_threads(before)
            self.before.pop()
