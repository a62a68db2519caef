"""Who does the runs of a study: this process, or the workers of a Dask scheduler.

An executor takes runs and gives their records back, in whatever order they are done. It does not
know what was run before, and keeps nothing: :mod:`evosim.study.driver` does.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import queue
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from evosim.engine import provenance
from evosim.engine.files import WriteError
from evosim.errors import EvosimError, WorkError
from evosim.execution.dask_cluster import (
    CONNECT,
    connected,
    differing,
    explain_lost_scheduler,
    name_of_worker,
    one_thread,
    quiet,
    scheduler_lost,
    versions_here,
    worker_command,
)
from evosim.study.evaluation import complete_run
from evosim.study.folder import Record, StudyFolder, opened

if TYPE_CHECKING:
    from distributed import Client, Future

Run = tuple[str, int]
"""Key of a point, number of a replicate."""
Stop = Callable[[], bool]
Note = Callable[[str], None]

PER_WORKER = 4
"""Runs that are handed out at a time, for each thread of the workers: enough that none waits."""
_GUARD = 'In a script, call evosim under: if __name__ == "__main__": (workers import the script)'
_WATCH_EVERY = 1.0  # seconds between looks at who works


class Executor(Protocol):
    """Does runs."""

    def run_all(self, runs: Iterable[Run], stop: Stop) -> Iterator[Record]:
        """Do runs; ends early, without those under way, where it is to stop.

        Raises:
            WriteError: a file cannot be written.
            WorkError: nobody can go on.
        """


class InProcess:
    """One run after the other, here."""

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder

    def run_all(self, runs: Iterable[Run], stop: Stop) -> Iterator[Record]:
        path, identity = str(self._folder.path), self._folder.manifest["identity"]
        for key, replicate in runs:
            if stop():
                return
            record = complete_run(path, identity, key, replicate, stop)
            if record is None:
                return
            yield record


class OnDask:
    """The workers of a Dask scheduler, whoever started it.

    At most ``PER_WORKER`` runs for each thread are handed out at a time, so that neither this
    process nor the scheduler grows with the study. Where a worker dies, Dask gives its runs to
    others; a run that several died of is run once more when all others are done, by itself, and
    then given up.

    Args:
        client: connected to the scheduler.
        folder: the study, whose path must be the same to the workers.
        address: of the scheduler, for words; empty where the workers are our own.
        note: called with one line on what is worth knowing.
    """

    def __init__(self, client: Client, folder: StudyFolder, address: str, note: Note) -> None:
        self._client = client
        self._folder = folder
        self._address = address
        self._note = note
        self._task = Task(
            path=str(folder.path.absolute()),
            identity=folder.manifest["identity"],
            versions=versions_here(),
        )
        self._done: queue.SimpleQueue[tuple[Run, Future[Answer]]] = queue.SimpleQueue()
        self._threads: dict[str, int] = {}
        self._watched_at = 0.0
        self._without_workers = False

    def run_all(self, runs: Iterable[Run], stop: Stop) -> Iterator[Record]:
        with explain_lost_scheduler(self._address):
            self._wait_for_workers(stop)
            self._check_workers()
            suspects: deque[Run] = deque()
            yield from self._hand_out(runs, stop, suspects, None)
            for run in suspects:
                yield from self._hand_out([run], stop, None, 1)

    def _hand_out(
        self, runs: Iterable[Run], stop: Stop, suspects: deque[Run] | None, most: int | None
    ) -> Iterator[Record]:
        """Have runs done, a window of them at a time.

        Args:
            suspects: takes the runs that workers died of; given up at once if None.
            most: how many at a time; as many as the workers can do with if None.
        """
        waiting = iter(runs)
        at_work: dict[Run, Future[Answer]] = {}
        try:
            while not stop():
                self._watch_workers()
                most_now = most or PER_WORKER * max(1, sum(self._threads.values()))
                for run in islice(waiting, max(0, most_now - len(at_work))):
                    at_work[run] = self._submit(run, again=suspects is None)
                if not at_work:
                    return
                for run, future in self._finished():
                    del at_work[run]
                    record = self._record(run, future, suspects)
                    if record is not None:
                        yield record
        finally:
            if self._client.status == "running":  # the scheduler may be gone
                with contextlib.suppress(Exception):
                    self._client.cancel(list(at_work.values()), force=True)

    def _submit(self, run: Run, *, again: bool) -> Future[Answer]:
        key = f"evosim-{self._task.identity[:16]}-{run[0]}-{run[1]}{'-again' * again}"
        future = self._client.submit(self._task, *run, key=key, pure=False)
        future.add_done_callback(lambda done: self._done.put((run, done)))
        return future

    def _finished(self) -> Iterator[tuple[Run, Future[Answer]]]:
        """What is done by now; waits for a moment where nothing is."""
        with contextlib.suppress(queue.Empty):
            yield self._done.get(timeout=0.1)
            while True:
                yield self._done.get_nowait()

    def _record(
        self, run: Run, future: Future[Answer], suspects: deque[Run] | None
    ) -> Record | None:
        """What became of a run; None where it is to be run once more."""
        from distributed import KilledWorker

        if future.status == "cancelled":
            raise scheduler_lost(self._address)
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            if suspects is not None:
                suspects.append(run)
                return None
            return self._died(run, error.allowed_failures + 1)
        if error is not None:
            raise WorkError(
                f"a worker cannot do runs of evosim {self._task.versions['evosim']}: "
                f"{type(error).__name__}: {error}. Install the same evosim where it runs"
            )
        try:
            record, problem, is_unwritten = future.result(timeout=CONNECT)
        except TimeoutError:  # whoever held the answer is gone; the file of the run is there
            return self._folder.read(*run) or self._died(run, 1)
        if problem:
            raise (WriteError if is_unwritten else WorkError)(problem)
        return record

    def _died(self, run: Run, deaths: int) -> Record:
        """The record of a run that workers died of, written by this process."""
        key, replicate = run
        record = Record(
            point=key, replicate=replicate, columns={}, seconds=0.0,
            seed=self._folder.seed_of(key, replicate),
            error=f"{deaths} worker{'s' * (deaths > 1)} died of it, perhaps for lack of memory",
        )  # fmt: skip
        self._folder.write(record)
        return record

    # The scheduler and its workers

    def _watch_workers(self) -> None:
        """Look now and then who works, and tell where nobody does or somebody is gone."""
        now = time.monotonic()
        if now - self._watched_at < _WATCH_EVERY:
            return
        self._watched_at = now
        before, self._threads = self._threads, dict(self._client.nthreads())
        if n := len(set(before) - set(self._threads)):
            who = f"{n} workers are" if n > 1 else "1 worker is"
            self._note(f"{who} gone; other workers do the runs that were interrupted")
        if not self._threads and not self._without_workers:
            self._note(f"waiting for workers{self._how_to_add()}")
        self._without_workers = not self._threads

    def _wait_for_workers(self, stop: Stop) -> None:
        while not stop():
            self._watch_workers()
            if self._threads:
                return
            time.sleep(0.1)

    def _check_workers(self) -> None:
        """Have every worker report whether it can do our runs; later ones report it with a run."""
        for worker, answer in self._client.run(self._task.obstacle, on_error="return").items():
            if isinstance(answer, ImportError | AttributeError):
                raise WorkError(f"worker {worker} has no evosim, or another one: {answer}")
            if isinstance(answer, OSError):
                continue  # it died before it answered; its runs go to others
            if isinstance(answer, Exception):
                raise WorkError(f"worker {worker}: {type(answer).__name__}: {answer}")
            if answer:
                raise WorkError(f"worker {worker} {answer}")

    def _how_to_add(self) -> str:
        if not self._address:
            return ""
        return f": none is at {self._address}; add one with: " + worker_command(self._address)


class Answer(NamedTuple):
    """What a worker says of a run. Words and not an exception, which may not travel whole."""

    record: Record | None
    problem: str = ""
    unwritten: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a worker does: ``Task(...)(key, replicate)``.

    Attributes:
        path: the study's folder.
        identity: of the study.
        versions: of the driver's libraries, which the worker's must equal.
    """

    path: str
    identity: str
    versions: Mapping[str, str]

    def __call__(self, key: str, replicate: int) -> Answer:
        one_thread()
        if obstacle := self.obstacle():
            return Answer(None, f"worker {name_of_worker()} {obstacle}")
        try:
            return Answer(complete_run(self.path, self.identity, key, replicate, _abandoned()))
        except WriteError as error:
            return Answer(None, f"worker {name_of_worker()}: {error}", unwritten=True)
        except EvosimError as error:
            return Answer(None, f"worker {name_of_worker()}: {error}")

    def obstacle(self) -> str:
        """Why this worker cannot do runs of the study, as what follows its name; empty where it
        can."""
        if problem := differing(self.versions):
            return problem
        try:
            opened(self.path, self.identity)
        except EvosimError as error:
            return (
                f"does not see the study's folder: {error}. Workers read and "
                "write the same files under the same path: share the folder, or make the "
                "study in one that is shared"
            )
        return ""


def _abandoned() -> Stop:
    """Whether the scheduler wants the run of this thread no more: its driver stopped, or died."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def stop() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return stop


@contextlib.contextmanager
def executor(
    folder: StudyFolder, *, workers: int | None, scheduler: str | None, note: Note
) -> Iterator[Executor]:
    """Whoever is to do the runs of a study, for the time of the block.

    Args:
        workers: processes on this machine; one is this process itself. As many as it has cores
            if None.
        scheduler: address of a Dask scheduler, whose workers do it instead.
        note: called with one line on what is worth knowing.

    Raises:
        WorkError: the scheduler does not answer, or workers cannot be started.
    """
    workers = min(workers or provenance.cores(), folder.size)
    if scheduler is None and workers == 1:
        yield InProcess(folder)
        return
    with contextlib.ExitStack() as held:
        held.enter_context(quiet())
        if scheduler is None:
            client = held.enter_context(_local(workers))
        else:
            client = held.enter_context(connected(scheduler))
        yield OnDask(client, folder, scheduler or "", note)


def refuse_in_worker() -> None:
    """Refuse to begin a study where a script is imported by a worker process that starts.

    Raises:
        WorkError: it is.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WorkError(f"a worker process is being started. {_GUARD}")


@contextlib.contextmanager
def _local(workers: int) -> Iterator[Client]:
    """A client of a scheduler in this process, with worker processes of its own."""
    import dask
    from distributed import Client, LocalCluster

    environ = "distributed.nanny.pre-spawn-environ"
    settings = {
        f"{environ}.NUMBA_NUM_THREADS": "1",
        f"{environ}.EVOSIM_THREADS": "1",
        "distributed.worker.multiprocessing-method": "spawn",
    }
    before = dict(os.environ)
    try:
        with dask.config.set(settings):
            with _signals_blocked():
                cluster = LocalCluster(
                    n_workers=workers, threads_per_worker=1, processes=True, memory_limit=0,
                    dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )  # fmt: skip
            with cluster, Client(cluster, set_as_default=False) as client:
                yield client
    except RuntimeError as error:
        raise WorkError(f"worker processes cannot be started ({error}). {_GUARD}") from error
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Threads and processes begun in the block do not hear Ctrl-C, which is for the driver."""
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # or it lets them hear again when it is first needed
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
