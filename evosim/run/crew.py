"""Worker processes that share the replicates of one run, or of several.

Each is a fresh interpreter (:mod:`evosim.run.worker`) with its share of the cores. A worker stops
after its generation when its standard input ends: when it is told to, and when this process
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
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from evosim import core
from evosim.errors import RunError
from evosim.run.folder import RunFolder
from evosim.run.storage import WriteError

Report = Callable[[str, int, float], None]
"""Told of each generation lived: whose it is, its number, its mean score."""


class Task(NamedTuple):
    """A replicate of a run, and what to call it."""

    folder: RunFolder
    replicate: int
    label: str


class Crew:
    """Workers at the tasks of :meth:`live`.

    Args:
        workers: how many.
        locks: descriptors of the locks that they inherit.
        checkpoint: seconds between writes of what was lived.
        resume: what goes on with the work after a failure, for errors.
    """

    def __init__(
        self, *, workers: int, locks: Sequence[int], checkpoint: float, resume: str
    ) -> None:
        self._told: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()
        self._resume = resume
        threads = max(1, core.threads() // workers)
        self._workers = [
            _Worker(self._told, locks=locks, threads=threads, checkpoint=checkpoint)
            for _ in range(workers)
        ]

    def live(
        self,
        tasks: Sequence[Task],
        *,
        stop: Callable[[], bool],
        report: Report,
        then: Callable[[Task], bool] = lambda task: False,
    ) -> bool:
        """Have replicates lived; False where they were stopped before the end.

        Args:
            then: called with each task that is complete; whether its run is to be finished
                (:func:`evosim.run.conduct.finish`), which a worker then does.

        Raises:
            RunError: a worker failed; the others were stopped.
        """
        waiting: deque[tuple[str, Task]] = deque(("live", task) for task in tasks)
        n_complete = 0
        failure: RunError | None = None
        at_work = set(self._workers)
        try:
            while at_work:
                if stop() or failure:
                    waiting.clear()
                    for worker in at_work:
                        worker.dismiss()
                try:
                    worker, message = self._told.get(timeout=0.1)
                except queue.Empty:
                    continue
                match message:
                    case {"lived": [generation, score]}:
                        report(worker.label, generation, score)
                    case {"ready": done}:
                        if done == "live" and worker.task is not None:
                            n_complete += 1
                            if then(worker.task):
                                waiting.appendleft(("finish", worker.task))
                        if waiting:
                            worker.assign(*waiting.popleft())
                        else:
                            worker.dismiss()
                    case {"error": text, "unwritten": unwritten}:
                        failure = failure or (WriteError if unwritten else RunError)(text)
                    case None:
                        at_work.discard(worker)
                        failure = failure or worker.failure(self._resume)
        finally:
            for worker in self._workers:
                worker.end()
        if failure:
            raise failure
        return n_complete == len(tasks)


class _Worker:
    """One worker process, as its crew sees it."""

    def __init__(
        self,
        told: queue.Queue[tuple[_Worker, dict[str, Any] | None]],
        *,
        locks: Sequence[int],
        threads: int,
        checkpoint: float,
    ) -> None:
        self._told = told
        self.task: Task | None = None
        code = (
            "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
            "from evosim.run.worker import main; main()"
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

    @property
    def label(self) -> str:
        """What it is at, in words."""
        return self.task.label if self.task else ""

    def assign(self, what: str, task: Task) -> None:
        """Have it live a replicate, or finish its run."""
        self.task = task
        order = [what, str(task.folder.path), task.replicate]
        self._send(json.dumps(order) + "\n")

    def dismiss(self) -> None:
        """Have it stop after the generation it is at."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.close()

    def failure(self, resume: str) -> RunError | None:
        """What became of a worker that ended otherwise than well."""
        code = self._process.wait()
        if code == 0:
            return None
        where = f" at {self.label}" if self.label else ""
        how = f"exit code {code}"
        if code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += ", perhaps for want of memory: fewer --workers need less"
        return RunError(f"a worker process died{where} ({how}). {resume}")

    def end(self) -> None:
        """Make sure that it is gone."""
        self.dismiss()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def _send(self, text: str) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):  # it died: its exit code tells the rest
                stdin.write(text.encode())
                stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._told.put((self, json.loads(line)))
        self._told.put((self, None))
