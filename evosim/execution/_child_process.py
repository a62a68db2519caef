"""Worker processes, as their parent sees them.

Each is a fresh interpreter (:mod:`evosim.execution.worker`) with its share of the cores. A worker
stops after its generation when its standard input ends: when it is told to, and when this process
dies. It inherits the locks of the folders, so that nobody else touches them until then.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from evosim import core
from evosim.errors import Part, RunError

Inbox: TypeAlias = "queue.Queue[tuple[WorkerProcess, dict[str, Any] | None]]"
"""What workers have answered: who, and the message, or None where it has ended."""


def start(
    workers: int, inbox: Inbox, *, locks: Sequence[int], checkpoint: float
) -> list[WorkerProcess]:
    """Start workers that share the cores.

    Args:
        inbox: where their answers go.
        locks: descriptors of the locks that they inherit.
        checkpoint: seconds between writes of what was simulated.
    """
    threads = max(1, core.threads() // workers)
    return [
        WorkerProcess(inbox, locks=locks, threads=threads, checkpoint=checkpoint)
        for _ in range(workers)
    ]


class WorkerProcess:
    """One worker process, as its parent sees it.

    Attributes:
        label: what it is at, in words; empty where that needs none.
    """

    def __init__(
        self,
        inbox: Inbox,
        *,
        locks: Sequence[int],
        threads: int,
        checkpoint: float,
    ) -> None:
        self._inbox = inbox
        self.label = ""
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
            "from evosim.execution.worker import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, json.dumps(sys.path), str(checkpoint)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=tuple(locks),
            process_group=0,  # a Ctrl-C in the terminal is for the parent, which tells the workers
            env=os.environ
            | {"EVOSIM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)},
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, order: Sequence[Any], data: bytes = b"", *, label: str) -> None:
        """Give it an order, and the bytes that belong to it."""
        self.label = label
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):  # it died: its exit code tells the rest
                stdin.write(json.dumps(order).encode() + b"\n" + data)
                stdin.flush()

    def dismiss(self) -> None:
        """Have it stop after the generation it is at."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.close()

    def failure(self, resume: Sequence[Part]) -> RunError | None:
        """What became of a worker that ended otherwise than well."""
        code = self._process.wait()
        if code == 0:
            return None
        where = f" at {self.label}" if self.label else ""
        how = f"exit code {code}"
        if code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += ", perhaps for lack of memory: fewer workers need less"
        return RunError(f"a worker process died{where} ({how}). ", *resume)

    def end(self) -> None:
        """Make sure that it is gone."""
        self.dismiss()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            while (line := out.readline()).endswith(b"\n"):  # a killed one may leave half a line
                message = json.loads(line)
                if size := message.get("bytes"):
                    message["data"] = out.read(size)
                    if len(message["data"]) < size:
                        break
                self._inbox.put((self, message))
        self._inbox.put((self, None))
