"""Workers of a Dask scheduler: reached, found to be of use, and given the demes of a population.

Whoever started scheduler and workers, numbers must not depend on it: workers whose libraries are
others than those here are refused. distributed is imported only when it is asked for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from evosim.engine import provenance
from evosim.errors import Argument, EvosimError, WorkError
from evosim.registry import in_worker, plugins

if TYPE_CHECKING:
    from distributed import Client

CONNECT = 10.0
"""Seconds after which a scheduler that does not answer is given up."""
_LOOK = 0.02  # seconds between looks at what is done
_ALIKE = ("evosim", "numpy", "numba", "deap")  # whose versions numbers depend on


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
def connected(address: str) -> Iterator[Client]:
    """A client of a scheduler that runs somewhere, for the time of the block.

    Raises:
        WorkError: none answers, or it is gone.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkError(
            Argument("scheduler", address),
            f": no Dask scheduler answers there ({str(error) or type(error).__name__}). "
            f"Start one with: dask scheduler; and workers with: {worker_command(address)}",
        ) from error
    with client:
        yield client


@contextlib.contextmanager
def explain_lost_scheduler(address: str) -> Iterator[None]:
    """What a scheduler that is gone gives rise to, as words.

    Args:
        address: of the scheduler; empty where it is our own.
    """
    from concurrent.futures import CancelledError

    try:
        yield
    except (OSError, CancelledError) as error:
        raise scheduler_lost(address) from error


def scheduler_lost(address: str) -> WorkError:
    """What to say where a scheduler is gone."""
    where = f" at {address}" if address else ""
    return WorkError(f"the Dask scheduler{where} is gone, or has dropped our runs")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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


def versions_here() -> dict[str, str]:
    """Versions of what numbers depend on, which those of a worker must equal."""
    own = _versions()
    return {name: own[name] for name in (*_ALIKE, *plugins())}


def differing(versions: Mapping[str, str]) -> str:
    """Why this worker's numbers could be others than the driver's, as what follows its name;
    empty where they are not.

    Args:
        versions: :func:`versions_here` of the driver.
    """
    own = _versions()
    if found := [
        f"{name} {own.get(name, 'not at all')} (here {version})"
        for name, version in versions.items()
        if own.get(name) != version
    ]:
        return f"has {', '.join(found)}: other versions give other numbers. Install the same there"
    return ""


@lru_cache(maxsize=1)
def _versions() -> Mapping[str, str]:
    return provenance.versions()


def name_of_worker() -> str:
    """What the worker that this process is calls itself."""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return f"process {os.getpid()}"


def one_thread() -> None:
    """Make this process a worker, of one thread: workers share the cores, not their threads."""
    os.environ.setdefault("EVOSIM_THREADS", "1")
    in_worker()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What a worker does for :class:`Demes`: words in the place of a result where it cannot."""

    versions: Mapping[str, str]

    def __call__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        one_thread()
        if problem := differing(self.versions):
            return f"worker {name_of_worker()} {problem}"
        try:
            return function(*arguments)
        except EvosimError as error:
            return f"worker {name_of_worker()}: {error}"


class Demes:
    """Shares the demes of a population out to the workers of a scheduler.

    Args:
        client: connected to it.
        address: of the scheduler, for words.
        note: told in words what is worth knowing.
        stop: whether to give up what is under way, where nobody gets on with it.
    """

    def __init__(
        self,
        client: Client,
        address: str,
        note: Callable[[str], None],
        stop: Callable[[], bool],
    ) -> None:
        self._client = client
        self._address = address
        self._stop = stop
        self._call = _Call(versions=versions_here())
        self._note = note

    def map(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
    ) -> list[dict[str, Any]]:
        """The results of a function for each of some arguments, in their order.

        Where a worker dies, Dask gives what it was at to others.

        Raises:
            WorkError: the scheduler is gone, or a worker cannot do it.
            KeyboardInterrupt: it is to stop, and nobody got on with it for a while.
        """
        from distributed import KilledWorker

        with explain_lost_scheduler(self._address):
            if not self._client.nthreads():
                command = worker_command(self._address)
                self._note(f"waiting for workers: none is at {self._address}; add one: {command}")
            futures = [
                self._client.submit(self._call, function, arguments, pure=False)
                for arguments in calls
            ]
            try:
                self._wait(futures)
                results = self._client.gather(futures)
            except KilledWorker as error:
                raise WorkError(
                    f"{error.allowed_failures + 1} workers died while they simulated a deme; "
                    "perhaps for lack of memory"
                ) from error
            except (ImportError, AttributeError) as error:
                raise WorkError(
                    f"a worker has no evosim, or another one: {error}. Install the same there"
                ) from error
            finally:
                self._client.cancel(futures, force=True)
        for result in results:
            if isinstance(result, str):
                raise WorkError(result)
        return list(results)

    def _wait(self, futures: Sequence[Any]) -> None:
        """Until all are done. An epoch takes a second, so who is to stop waits a little only."""
        patience = CONNECT
        while not all(future.done() for future in futures):
            time.sleep(_LOOK)
            if self._stop():
                patience -= _LOOK
                if patience <= 0 or not self._client.nthreads():
                    raise KeyboardInterrupt


@contextlib.contextmanager
def demes(address: str, note: Callable[[str], None], stop: Callable[[], bool]) -> Iterator[Demes]:
    """The workers of a scheduler, to simulate demes for the time of the block.

    Args:
        note: told in words what is worth knowing.
        stop: whether to give up what is under way, where nobody gets on with it.

    Raises:
        WorkError: no scheduler answers.
    """
    with quiet(), connected(address) as client:
        yield Demes(client, address, note, stop)
