"""Tasks: one lasting pool of threads that runs them.

Kernels release the GIL, so plain threads run tasks side by side.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from evosim.errors import EvosimError
from evosim.process import cores

MOST = 1024
"""Threads at most."""


def threads() -> int:
    """How many threads run tasks: EVOSIM_THREADS, else the cores given to this process.

    Raises:
        EvosimError: EVOSIM_THREADS is not a whole number from 1 to 1024.

    >>> threads() >= 1
    True
    """
    wanted = os.environ.get("EVOSIM_THREADS", "")
    if not wanted:
        return cores()
    # No other digits (²), which int() may not read.
    if not re.fullmatch("[0-9]{1,4}", wanted) or not 1 <= int(wanted) <= MOST:
        raise EvosimError(
            f"EVOSIM_THREADS={wanted!r}: not a number of threads (allowed 1 to {MOST})"
        )
    return int(wanted)


def run_tasks(tasks: Iterable[Callable[[], None]]) -> None:
    """Run the tasks on the threads, the first ones first; returns when all are done.

    Where a task fails, or Ctrl-C is pressed, no further task is begun: those that run are waited
    for, and then the first error is raised.
    """
    tasks = list(tasks)
    n = min(threads(), len(tasks))
    # One task needs no other thread, and hears Ctrl-C at once.
    if n <= 1:
        for task in tasks:
            task()
        return
    # Threads take the next task when they are free, and not a share of all at the start: tasks
    # differ in length, and the longest stand first.
    left = iter(tasks)
    lock = threading.Lock()
    stop = threading.Event()
    errors: list[BaseException] = []

    def work() -> None:
        while not stop.is_set():
            with lock:
                task = next(left, None)
            if task is None:
                return
            try:
                task()
            # Whatever it is: it is raised in the thread that waits, in this one nobody sees it.
            except BaseException as error:
                errors.append(error)
                stop.set()

    workers = _pool.submit(work, n)
    try:
        wait(workers)
    finally:  # Ctrl-C is raised in the wait
        stop.set()
        wait(workers)
    if errors:
        raise errors[0]


class _Pool:
    """The threads of this process, made when first needed and as many as were last asked for.

    A thread keeps the arrays that it plans in, so threads that nobody uses cost memory: where
    EVOSIM_THREADS changes, the old ones end before new ones begin.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._size = 0
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, work: Callable[[], None], times: int) -> list[Future[None]]:
        """Call ``work`` on that many threads at once; at most ``threads()`` of them."""
        with self._lock:  # so that nobody submits to threads that are being ended
            size = threads()
            if self._executor is None or self._size != size:
                if self._executor is not None:
                    self._executor.shutdown()
                self._executor = ThreadPoolExecutor(size, thread_name_prefix="evosim")
                self._size = size
            submitted: list[Future[None]] = []
            for _ in range(times):
                try:
                    submitted.append(self._executor.submit(work))
                except RuntimeError as error:  # the system has no more: those there are do it all
                    if not submitted:
                        raise EvosimError(
                            f"no thread can be started ({error}); the number of processes or the "
                            "memory of this user is limited. EVOSIM_THREADS=1 needs none"
                        ) from error
                    break
            return submitted

    def forget(self) -> None:
        """In a forked child: none of the threads exist there, and nobody holds the lock."""
        self.__init__()  # type: ignore[misc]


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)
