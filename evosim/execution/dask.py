"""Workers of a Dask scheduler, whoever started it.

Numbers must not depend on who started it: workers whose libraries are others than those here are
refused. distributed is imported only when it is asked for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evosim.engine import provenance
from evosim.engine.files import WriteError
from evosim.errors import Argument, EvosimError, WorkError
from evosim.execution.executor import Answer, Died, Function, Item, Note, Result, Tell, Workers
from evosim.registry import in_worker, plugins

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT = 10.0
"""Seconds after which a scheduler that does not answer is given up."""
PER_THREAD = 4
"""Items that are handed out at a time, for each thread of the workers: enough that none waits, and
so few that neither this process nor the scheduler grows with what there is to do."""
_WATCH_EVERY = 1.0  # seconds between looks at who works
_ALIKE = ("evosim", "numpy", "numba", "deap")  # whose versions numbers depend on


class OnScheduler(Workers):
    """The workers of a scheduler. Where one dies, Dask gives its items to others; one that several
    died of counts as dead.

    Args:
        client: connected to it.
        address: of the scheduler, for words.
        note: see :class:`evosim.execution.executor.Workers`.
    """

    def __init__(self, client: Client, address: str, note: Note) -> None:
        super().__init__(note)
        self._client = client
        self._address = address
        self._call = _Call(versions_here())
        self._futures: dict[str, Future[Any]] = {}  # of calls that are not given up
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._threads: dict[str, int] = {}
        self._watched_at = 0.0
        self._without_workers = False

    def map(self, *args: Any, **options: Any) -> Iterator[tuple[Item, Any]]:
        from concurrent.futures import CancelledError

        try:
            yield from super().map(*args, **options)
        except (OSError, CancelledError) as error:
            raise self._lost() from error

    def _capacity(self) -> int:
        self._watch()
        return PER_THREAD * max(1, sum(self._threads.values()))

    def _watch(self) -> None:
        """Look now and then who works, and tell where nobody does or somebody is gone."""
        now = time.monotonic()
        if now - self._watched_at < _WATCH_EVERY:
            return
        self._watched_at = now
        before, self._threads = self._threads, dict(self._client.nthreads())
        if n := len(set(before) - set(self._threads)):
            who = f"{n} workers are" if n > 1 else "1 worker is"
            self._note(f"{who} gone; other workers do what was interrupted")
        if not self._threads and not self._without_workers:
            self._note(
                f"waiting for workers: none is at {self._address}; add one with: "
                + worker_command(self._address)
            )
        self._without_workers = not self._threads

    def _begin(self, function: Function, item: Item) -> Hashable:
        future: Future[Any] = self._client.submit(self._call, function, item, pure=False)
        name = str(future.key)
        self._futures[name] = future
        future.add_done_callback(lambda _: self._done.put(name))
        return name

    def _answers(self, calls: Collection[Hashable]) -> Iterator[tuple[Hashable, Answer]]:
        self._watch()
        with contextlib.suppress(queue.Empty):
            call = self._done.get(timeout=0.1)
            while True:
                if call in calls:
                    yield call, self._answer(self._futures.pop(call, None))
                call = self._done.get_nowait()

    def _answer(self, future: Future[Any] | None) -> Answer:
        from distributed import KilledWorker

        if future is None:
            return Result(None)
        if future.status == "cancelled":
            return self._lost()
        error = future.exception() if future.status == "error" else None
        if isinstance(error, KilledWorker):
            return Died(error.allowed_failures + 1, "perhaps for lack of memory")
        if error is not None:
            return WorkError(
                f"a worker cannot do the work of evosim {self._call.versions['evosim']}: "
                f"{type(error).__name__}: {error}. Install the same evosim where it runs"
            )
        try:
            value, problem, is_unwritten = future.result(timeout=CONNECT)
        except TimeoutError:
            return Died(1, "with its answer")
        if problem:
            return (WriteError if is_unwritten else WorkError)(problem)
        return Result(value)

    def _end(self, calls: Collection[Hashable]) -> None:
        self._abandon(calls)
        for call in calls:  # they answer nothing any more
            self._done.put(str(call))

    def _abandon(self, calls: Collection[Hashable]) -> None:
        futures = [self._futures.pop(str(call), None) for call in calls]
        if self._client.status == "running":  # the scheduler may be gone
            with contextlib.suppress(Exception):
                self._client.cancel([future for future in futures if future], force=True)

    def _lost(self) -> WorkError:
        return WorkError(f"the Dask scheduler at {self._address} is gone, or has dropped our runs")


@dataclass(frozen=True, slots=True)
class _Call:
    """What a worker does. Words and not an exception come back, which may not travel whole."""

    versions: Mapping[str, str]

    def __call__(self, function: Function, item: Item) -> tuple[Any, str, bool]:
        from distributed import get_worker

        os.environ.setdefault("EVOSIM_THREADS", "1")  # workers share the cores, not their threads
        in_worker()
        who = f"worker {get_worker().address}"
        if problem := differing(self.versions):
            return None, f"{who} {problem}", False
        try:
            return function(*item, tell=_listener()), "", False
        except WorkError as error:
            return None, f"{who} {error}", False
        except EvosimError as error:
            return None, f"{who}: {error}", isinstance(error, WriteError)


def _listener() -> Tell:
    """Tells whether the scheduler wants the call of this thread no more: its client stopped, or
    died."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def tell(*message: object) -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    return tell


@lru_cache(maxsize=1)
def versions_here() -> Mapping[str, str]:
    """Versions of what numbers depend on, which those of a worker must equal."""
    own = provenance.versions()
    return {name: own[name] for name in (*_ALIKE, *plugins())}


def differing(versions: Mapping[str, str]) -> str:
    """Why this worker's numbers could be others than the driver's, as what follows its name;
    empty where they are not.

    Args:
        versions: :func:`versions_here` of the driver.
    """
    own = versions_here()
    if found := [
        f"{name} {own.get(name, 'not at all')} (here {version})"
        for name, version in versions.items()
        if own.get(name) != version
    ]:
        return f"has {', '.join(found)}: other versions give other numbers. Install the same there"
    return ""


def worker_command(address: str) -> str:
    """The command that adds a worker to a scheduler."""
    return f"dask worker {address} --nthreads 1"


def check_address(address: str) -> None:
    """Refuse what cannot be the address of a scheduler; whether one answers is another matter.

    A client that is given such an address leaves threads behind that end in a traceback.

    Raises:
        WorkError: no such protocol, or no port.
    """
    from distributed.comm import get_address_host

    try:
        get_address_host(address)
    except ValueError as error:
        raise WorkError(
            Argument("scheduler", address),
            f": not the address of a Dask scheduler ({error}); a scheduler prints its address when "
            "it starts, such as tcp://127.0.0.1:8786",
        ) from error


@contextlib.contextmanager
def on_scheduler(address: str, note: Note) -> Iterator[OnScheduler]:
    """The workers of a scheduler that runs somewhere, for the time of the block.

    Raises:
        WorkError: none answers.
    """
    from distributed import Client

    with _quiet():
        try:
            client = Client(address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise WorkError(
                Argument("scheduler", address),
                f": no Dask scheduler answers there ({str(error) or type(error).__name__}). "
                f"Start one with: dask scheduler; and workers with: {worker_command(address)}",
            ) from error
        with client:
            yield OnScheduler(client, address, note)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what distributed logs: what matters of it is told in words."""
    import distributed  # noqa: F401  (which sets the levels up when it is imported)

    # Some have levels of their own (distributed.client), which their families' do not reach.
    families = {"distributed", "tornado", "asyncio"}
    known = families | set(logging.root.manager.loggerDict)
    loggers = [logging.getLogger(name) for name in known if name.partition(".")[0] in families]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
