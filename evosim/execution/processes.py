"""Worker processes of our own, fresh interpreters that share the cores.

A worker stops after the generation it is at when it is told to, and when this process dies. It
inherits the locks of the folders, so that nobody else touches them until then. It does not hear a
Ctrl-C in the terminal, which is for this process. Between the two goes what this program pickles
itself, through a socket that nobody else can open; nothing is unpickled from a file.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Self, cast

from evosim.errors import OUT_OF_MEMORY, Argument, EvosimError, RunError, WorkError
from evosim.execution.executor import Answer, Died, Function, Item, Message, Note, Result, Workers
from evosim.registry import in_worker

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_MESSAGES = 0.05
_SPARE_FILES = 12  # left for starting a worker, and for what is read and written meanwhile


class Processes(Workers):
    """Worker processes, started as they are needed; they end with the block.

    Args:
        size: how many at most.
        locks: descriptors of the locks that they inherit.
        note: see :class:`evosim.execution.executor.Workers`.
    """

    def __init__(self, size: int, locks: Sequence[int], note: Note) -> None:
        super().__init__(note)
        self._size, why = affordable(size)
        if why:
            note(why)
        self._locks = tuple(locks)
        self._idle: list[_Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._idle:
            process.kill()

    def _capacity(self) -> int:
        return self._size

    def _begin(self, function: Function, item: Item) -> Hashable:
        while self._idle:
            process = self._idle.pop()
            if process.send((function, item)):
                return process
            process.kill()  # it was killed while it had nothing to do
        from evosim import core  # not in a worker, which may need none of it

        threads = max(1, core.threads() // self._size)
        try:
            process = _Process(self._locks, threads)
        except OSError as error:  # of files, processes or memory
            raise WorkError(
                f"a worker process cannot be started here: {error.strerror or error}. Fewer need "
                "less: ",
                Argument("workers", 1),
            ) from error
        process.send((function, item))
        return process

    def _answers(self, calls: Collection[Hashable]) -> Iterator[tuple[Hashable, Answer]]:
        by_connection = {p.connection: p for p in cast("Collection[_Process]", calls)}
        for connection in wait(list(by_connection), timeout=0.1):
            process = by_connection[cast(Connection, connection)]
            try:
                answers = process.connection.recv()
            except (EOFError, OSError):  # the end, maybe in the middle of an answer
                yield process, process.death()
                continue
            process.has_answered = True
            for answer in answers:
                if not isinstance(answer, Message):
                    self._idle.append(process)
                yield process, answer

    def _end(self, calls: Collection[Hashable]) -> None:
        for process in cast("Collection[_Process]", calls):
            process.send(None)

    def _abandon(self, calls: Collection[Hashable]) -> None:
        for process in cast("Collection[_Process]", calls):
            process.kill()


def affordable(size: int) -> tuple[int, str]:
    """How many worker processes there can be, of those wanted, and why not more; or nothing."""
    if size == 1:
        return size, ""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        opened = len(os.listdir("/dev/fd"))
    except (ImportError, OSError):
        return size, ""
    if limit == resource.RLIM_INFINITY:
        return size, ""
    # Each has a socket here.
    room = max(1, limit - opened - _SPARE_FILES)
    if room >= size:
        return size, ""
    return room, (
        f"{room} worker{'s' * (room > 1)} in place of {size}: only {limit} files can be open at a "
        "time here (ulimit -n)"
    )


class _Process:
    """One worker process, as its parent sees it."""

    def __init__(self, locks: tuple[int, ...], threads: int) -> None:
        self.connection, theirs = Pipe()
        self.has_answered = False
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
            "from evosim.execution.processes import serve; serve(int(sys.argv[2]))"
        )
        descriptor = theirs.fileno()
        # Not by multiprocessing, which would import the script that is running: one without
        # `if __name__ == "__main__"` would start itself again.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, json.dumps(sys.path), str(descriptor)],
            stdin=subprocess.DEVNULL,
            stdout=2,  # whatever is printed there is no result
            pass_fds=(descriptor, *locks),
            process_group=0,  # a Ctrl-C in the terminal is for the parent, which tells the workers
            env=os.environ
            | {"EVOSIM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)},
        )  # fmt: skip
        _log.info("worker process %d begins, threads %d", self._process.pid, threads)
        theirs.close()  # or its end would never be seen

    def send(self, order: object) -> bool:
        """Give it an order; False where it is dead."""
        try:
            self.connection.send(order)
        except OSError:
            return False
        return True

    def death(self) -> Answer:
        """What became of it, where it ended before its work."""
        code = self._process.wait()
        self.connection.close()
        if code > 0 and not self.has_answered:
            return WorkError(f"worker processes cannot be started here (exit code {code})")
        if code >= 0:
            return Died(1, f"exit code {code}")
        how = f"killed by {signal.Signals(-code).name}"
        if -code == signal.SIGKILL:
            how += ", perhaps for lack of memory: fewer workers need less"
        return Died(1, how)

    def kill(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.wait()
        self.connection.close()


def serve(descriptor: int) -> None:
    """What a worker process does: calls, one after the other, until its parent has no more.

    Args:
        descriptor: of its end of the socket.
    """
    in_worker()
    parent = Connection(descriptor)
    messages: list[Answer] = []
    sent = 0.0

    def tell(*message: Any) -> bool:
        nonlocal sent
        if message:
            messages.append(Message(message))
        # Not each for itself: generations may take less time than their messages.
        if messages and time.monotonic() - sent >= _SECONDS_BETWEEN_MESSAGES:
            with suppress(OSError):  # the parent died, which is heard below
                parent.send(messages)
            messages.clear()
            sent = time.monotonic()
        # Nothing is sent to a worker at work but the order to end; a parent that died ends it too.
        return parent.poll()

    with suppress(EOFError, OSError):
        while (call := parent.recv()) is not None:
            function, item = call
            answer: Answer
            try:
                answer = Result(function(*item, tell=tell))
            except EvosimError as error:
                answer = error
            except MemoryError:
                answer = RunError(OUT_OF_MEMORY)
            except Exception:
                answer = RunError(f"a worker process failed:\n{traceback.format_exc()}")
            parent.send([*messages, answer])
            messages.clear()
