"""Stopping a run cleanly when it is asked to."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from evosim.errors import Part, from_here

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A run was stopped and can be resumed; ``path`` is its folder.

    It is a ``KeyboardInterrupt``: a program that does not catch it ends.

    Example:
        >>> import evosim
        >>> try:
        ...     run = evosim.open_run("runs/contraception-1").resume()
        ... except evosim.Interrupted as stop:
        ...     print(f"{stop}; later: evosim.resume({str(stop.path)!r})")
    """

    def __init__(self, path: Path, *parts: Part) -> None:
        super().__init__(*parts)
        self.path = path

    def __reduce__(self) -> tuple[type[Interrupted], tuple[Any, ...]]:
        return type(self), (self.path, *self.args)

    def __str__(self) -> str:
        return from_here("".join(map(str, self.args)))


class Stop:
    """Inside the block, Ctrl-C, SIGTERM and SIGHUP ask for a stop; calling it tells whether.

    A second Ctrl-C interrupts at once, as it does without the block. Signals that are ignored
    (nohup) stay so. Away from the main thread, where signals cannot be caught, nothing happens.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> bool:
        return self._asked

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
