"""Worker processes that share the replicates of one run, or of several."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from evosim.engine.files import WriteError
from evosim.errors import Part, RunError
from evosim.execution._child_process import Inbox, WorkerProcess, start

if TYPE_CHECKING:
    from evosim.execution.runner import Task


Report: TypeAlias = "Callable[[Task, int, float], None]"
"""Called for each generation: whose it is, its number, its mean score."""


class ReplicateWorkers:
    """Workers at the tasks of :meth:`run`.

    Args:
        workers: how many.
        locks: descriptors of the locks that they inherit.
        checkpoint: seconds between writes of what was simulated.
        resume: what goes on with the work after a failure, for errors.
    """

    def __init__(
        self, *, workers: int, locks: Sequence[int], checkpoint: float, resume: Sequence[Part]
    ) -> None:
        self._inbox: Inbox = queue.Queue()
        self._resume = resume
        self._workers = start(workers, self._inbox, locks=locks, checkpoint=checkpoint)
        self._tasks: dict[WorkerProcess, Task] = {}

    def run(
        self,
        tasks: Sequence[Task],
        *,
        stop: Callable[[], bool],
        report: Report,
        then: Callable[[Task], bool] = lambda task: False,
    ) -> bool:
        """Have replicates simulated; False where they were stopped before the end.

        Args:
            then: called with each task that is complete; whether its run is to be finished
                (:func:`evosim.execution.runner.finish`), which a worker then does.

        Raises:
            RunError: a worker failed; the others were stopped.
        """
        waiting: deque[tuple[str, Task]] = deque(("run", task) for task in tasks)
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
                    worker, message = self._inbox.get(timeout=0.1)
                except queue.Empty:
                    continue
                match message:
                    case {"generation": [generation, score]}:
                        report(self._tasks[worker], generation, score)
                    case {"ready": done}:
                        if done == "run":
                            n_complete += 1
                            if then(task := self._tasks[worker]):
                                waiting.appendleft(("finish", task))
                        if waiting:
                            self._assign(worker, *waiting.popleft())
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

    def _assign(self, worker: WorkerProcess, what: str, task: Task) -> None:
        """Have a worker simulate a replicate, or finish its run."""
        self._tasks[worker] = task
        worker.send([what, str(task.folder.path), task.replicate], label=task.label)
