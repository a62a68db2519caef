"""Worker processes that share the calls of one function: what simulates the demes of a replicate.

Arguments and results go through pipes as plain JSON and as arrays in numpy's own format, never
pickled. Nothing of a call is kept on disk, so that a killed one leaves nothing behind.
"""

from __future__ import annotations

import io
import json
import queue
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Part, RunError
from evosim.execution._child_process import Inbox, WorkerProcess, start

_VALUES = "values"
Arrays = Mapping[str, NDArray[Any]]


class Pool:
    """Workers at the calls of :meth:`map`; they end with the block.

    Args:
        workers: how many.
        locks: descriptors of the locks that they inherit.
        resume: what goes on with the work after a failure, for errors.
        each: what a call is about, for errors, which add its number.
    """

    def __init__(
        self,
        *,
        workers: int,
        locks: Sequence[int],
        resume: Callable[[], Sequence[Part]],
        each: str = "call",
    ) -> None:
        self._inbox: Inbox = queue.Queue()
        self._each = each
        self._resume = resume
        self._workers = start(workers, self._inbox, locks=locks, checkpoint=0.0)
        self._idle: list[WorkerProcess] = []

    def map(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]
    ) -> list[dict[str, NDArray[Any]]]:
        """The results of a function for each of some arguments, in their order.

        Args:
            function: one of a module's own, which returns arrays by name.
            calls: arguments, each an array or a value that JSON can hold.

        Raises:
            RunError: a worker failed.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        waiting = deque(range(len(calls)))
        at: dict[WorkerProcess, int] = {}
        results: dict[int, dict[str, NDArray[Any]]] = {}
        while len(results) < len(calls):
            while waiting and self._idle:
                worker, call = self._idle.pop(), waiting.popleft()
                at[worker] = call
                data = packed_call(calls[call])
                worker.send(["call", name, len(data)], data, label=f"{self._each} {call}")
            worker, message = self._inbox.get()
            match message:
                case {"ready": None}:
                    self._idle.append(worker)
                case {"bytes": _, "data": data}:
                    results[at.pop(worker)] = unpacked(data)
                    self._idle.append(worker)
                case {"error": text}:
                    raise RunError(text)
                case _:
                    failure = worker.failure(self._resume())
                    raise failure or RunError("a worker process ended. ", *self._resume())
        return [results[call] for call in range(len(calls))]

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.end()


def packed(arrays: Arrays) -> bytes:
    """Arrays by name as bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays again."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def packed_call(arguments: Sequence[Any]) -> bytes:
    """Arguments, arrays and values that JSON can hold, as bytes."""
    arrays = {str(i): a for i, a in enumerate(arguments) if isinstance(a, np.ndarray)}
    values = [None if isinstance(a, np.ndarray) else a for a in arguments]
    text = np.frombuffer(json.dumps(values).encode(), np.uint8)
    return packed({_VALUES: text, **arrays})


def unpacked_call(data: bytes) -> list[Any]:
    """The arguments again."""
    arrays = unpacked(data)
    values = json.loads(arrays[_VALUES].tobytes())
    return [arrays.get(str(i), value) for i, value in enumerate(values)]
