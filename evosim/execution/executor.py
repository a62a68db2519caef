"""One way to spread work: ``map(function, items)`` in this process, in worker processes, on Dask.

A function is one of a module's own; items are tuples of its arguments, plain values or arrays, and
results are small. What it is given besides is ``tell``, its line to who maps: it tells how far it
is, and hears whether to stop. What becomes of a worker that dies is the same for all kinds of
workers (:class:`Workers`), and so is what becomes of an item that kills its workers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeAlias

from evosim.errors import EvosimError

Function: TypeAlias = "Callable[..., Any]"
Item: TypeAlias = "tuple[Any, ...]"
"""The arguments of a call."""
Tell: TypeAlias = "Callable[..., bool]"
"""``tell(*message)`` hands a message, if there is one, to who maps; True: return None soon."""
Note: TypeAlias = "Callable[[str], None]"


class Died(NamedTuple):
    """In the place of a result: workers died of the item."""

    deaths: int
    how: str  # the last of them

    def __str__(self) -> str:
        return f"{self.deaths} worker{'s' * (self.deaths > 1)} died of it ({self.how})"


class Executor(ABC):
    """Calls a function with each of many items."""

    @abstractmethod
    def map(
        self,
        function: Function,
        items: Iterable[Item],
        *,
        stop: Callable[[], bool] = lambda: False,
        report: Callable[..., None] = lambda *_: None,
    ) -> Iterator[tuple[Item, Any]]:
        """Items with their results, in the order in which they are done.

        Args:
            function: one of a module's own, called ``function(*item, tell=tell)``. Where ``tell()``
                is True it keeps what it has, and returns None.
            items: taken one by one as somebody is free. To a deque more may be added while
                results come.
            stop: whether to begin no more, and to end what is under way.
            report: called ``report(item, *message)`` with what a function tells. Workers of a
                scheduler tell nothing.

        Returns:
            Pairs of item and result, :class:`Died` for an item that workers died of twice. Items
            that were stopped or never begun are left out.

        Raises:
            EvosimError: of a function; no item is begun after it, and those under way are ended
                and their results given first.
            WorkError: nobody can go on.
        """


class InProcess(Executor):
    """One item after the other, here."""

    def map(
        self,
        function: Function,
        items: Iterable[Item],
        *,
        stop: Callable[[], bool] = lambda: False,
        report: Callable[..., None] = lambda *_: None,
    ) -> Iterator[tuple[Item, Any]]:
        take = _taking(items)
        while (item := take()) is not None and not stop():

            def tell(*message: Any, item: Item = item) -> bool:
                if message:
                    report(item, *message)
                return stop()

            if (result := function(*item, tell=tell)) is not None:
                yield item, result


class Message(NamedTuple):
    """What a function tells while it is at work."""

    values: tuple[Any, ...]


class Result(NamedTuple):
    """What a function returned."""

    value: Any


Answer: TypeAlias = "Message | Result | Died | EvosimError"
"""What comes from a worker: all but a message is the end of its item."""


class Workers(Executor):
    """Workers elsewhere: who gets which item, and what becomes of those whose worker dies.

    An item whose worker died waits until all others are done, and is then given to a worker by
    itself: where memory is short, it has all of it. If that worker dies too, it is given up.

    Args:
        note: called with one line on what is worth knowing.
    """

    def __init__(self, note: Note) -> None:
        self._note = note

    def map(
        self,
        function: Function,
        items: Iterable[Item],
        *,
        stop: Callable[[], bool] = lambda: False,
        report: Callable[..., None] = lambda *_: None,
    ) -> Iterator[tuple[Item, Any]]:
        take = _taking(items)
        suspects: deque[tuple[Item, Died]] = deque()
        at_work: dict[Hashable, Item] = {}
        earlier: dict[Hashable, Died] = {}  # deaths of those that are at work again
        failure: EvosimError | None = None
        ending = False
        results: list[tuple[Item, Any]] = []
        try:
            while True:
                if not ending and (failure is not None or stop()):
                    ending = True
                    self._end(at_work)
                while not ending and len(at_work) < self._capacity():
                    if (item := take()) is None:
                        break
                    at_work[self._begin(function, item)] = item
                if suspects and not at_work and not ending:
                    item, died = suspects.popleft()
                    call = self._begin(function, item)
                    at_work[call], earlier[call] = item, died
                # Results are given when workers have something to do again; whoever takes them
                # may add items.
                if results:
                    yield from results
                    results.clear()
                    continue
                if not at_work:
                    break
                for call, answer in self._answers(at_work):
                    if isinstance(answer, Message):
                        report(at_work[call], *answer.values)
                        continue
                    item, before = at_work.pop(call), earlier.pop(call, None)
                    match answer:
                        case Result(None):
                            pass
                        case Result(value):
                            results.append((item, value))
                        case Died(deaths, how) if before is not None:
                            results.append((item, Died(before.deaths + deaths, how)))
                        case Died(_, how) as died:
                            self._note(f"a worker died ({how}); what it was at is done again")
                            suspects.append((item, died))
                        case error:
                            failure = failure or error
        finally:
            if at_work:
                self._abandon(at_work)
        if failure is not None:
            raise failure

    @abstractmethod
    def _capacity(self) -> int:
        """How many items may be at work at a time."""

    @abstractmethod
    def _begin(self, function: Function, item: Item) -> Hashable:
        """Give an item to a worker; returns what names the call."""

    @abstractmethod
    def _answers(self, calls: Collection[Hashable]) -> Iterator[tuple[Hashable, Answer]]:
        """What calls have answered; waits for a moment where nothing has."""

    @abstractmethod
    def _end(self, calls: Collection[Hashable]) -> None:
        """Have calls stop soon: what they answer is still asked for."""

    @abstractmethod
    def _abandon(self, calls: Collection[Hashable]) -> None:
        """Give up calls at once: what they answer is asked for no more."""


def _taking(items: Iterable[Item]) -> Callable[[], Item | None]:
    """Takes the next item; None where there is none, for now or at all."""
    if isinstance(items, deque):
        return lambda: items.popleft() if items else None
    source = iter(items)
    return lambda: next(source, None)


def executor(
    *, workers: int, scheduler: str | None = None, locks: Sequence[int] = (), note: Note
) -> AbstractContextManager[Executor]:
    """Whoever is to do some work, for the time of a block.

    Args:
        workers: processes on this machine; one is this process itself.
        scheduler: address of a Dask scheduler, whose workers do it instead.
        locks: descriptors of locks of folders: worker processes hold these folders too, until
            they end.
        note: called with one line on what is worth knowing.

    Raises:
        WorkError: the scheduler does not answer.
    """
    # Each is imported where it is taken: work in this process needs none.
    if scheduler is not None:
        from evosim.execution.dask import on_scheduler

        return on_scheduler(scheduler, note)
    if workers > 1:
        from evosim.execution.processes import Processes

        return Processes(workers, locks, note)
    return nullcontext(InProcess())
