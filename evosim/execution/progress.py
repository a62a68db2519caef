"""Telling how far a run is: a bar on a terminal, a line now and then elsewhere, or nothing."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from evosim.errors import from_here, printable
from evosim.execution.output import console, is_plain, lenient

SECONDS_BETWEEN_LINES = 10.0

_log = logging.getLogger(__name__)


class Progress:
    """Prints nothing but warnings, and logs the rest; the base of those that print more.

    ``begin`` comes first, then a ``generation`` for each that is done, or a ``run`` for each where
    runs are counted; ``note`` at any time.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def begin(self, title: str, *, size: str, total: int, done: int, counted: str = "runs") -> None:
        """``total`` generations or runs are to be done, ``size`` in words; ``done`` of them are.

        Args:
            counted: what is counted by ``run``.
        """
        _log.info("%s: %s, %d of %d done", title, size, done, total)

    def generation(self, label: str, generation: int, score: float) -> None:
        """A generation is done, with that mean score; ``label`` says where."""
        _log.debug("%s generation %d: mean score %.3g", label, generation, score)

    def run(self, failed: int) -> None:
        """A run is done, or failed; ``failed`` is how many did so far."""
        _log.debug("one is done; %d failed so far", failed)

    def note(self, text: str) -> None:
        """Something worth knowing."""
        _log.info("%s", text)

    def warn(self, text: str) -> None:
        """Something that may be wrong with the numbers: it is said even where nothing else is."""
        print(printable(from_here(f"warning: {text}")), file=lenient(sys.stderr), flush=True)

    def end(self) -> None:
        """Nothing more will come."""


class Lines(Progress):
    """A line now and then: for logs."""

    def __init__(self, file: TextIO, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._file = file
        self._seconds = seconds
        self._total = self._done = 0
        self._printed = self._began = time.monotonic()
        self._at_begin = 0
        self._counted = "runs"

    def begin(self, title: str, *, size: str, total: int, done: int, counted: str = "runs") -> None:
        self._total, self._counted = total, counted
        self._done = self._at_begin = done
        self._printed = self._began = time.monotonic()
        self._print(f"{title}: {size}")

    def generation(self, label: str, generation: int, score: float) -> None:
        where = f"{label}, " if label else ""
        self._step(f"{where}generation {generation}, mean score {score:.3g}")

    def run(self, failed: int) -> None:
        without = f", {failed} failed" if failed else ""
        self._step(f"{self._done + 1} of {self._total} {self._counted}{without}")

    def _step(self, text: str) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._printed < self._seconds:
            return
        self._printed = now
        done = self._done - self._at_begin
        left = (now - self._began) / done * (self._total - self._done)
        percent = 100 * self._done // self._total
        self._print(f"{text}; {percent} % done, about {_duration(left)} left")

    def note(self, text: str) -> None:
        self._print(text)

    def warn(self, text: str) -> None:
        self._print(f"warning: {text}")

    def _print(self, text: str) -> None:
        print(printable(from_here(text)), file=self._file, flush=True)


class Bar(Progress):
    """A progress bar on a terminal."""

    def __init__(self, file: TextIO) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console(file),
        )
        self._task = self._bar.add_task("", total=None, score="", visible=False)
        self._scores: dict[str, float] = {}

    def begin(self, title: str, *, size: str, total: int, done: int, counted: str = "runs") -> None:
        self._bar.update(
            self._task,
            description=printable(f"{title}: {size}"),
            total=total,
            completed=done,
            visible=True,
        )
        self._bar.start()

    def generation(self, label: str, generation: int, score: float) -> None:
        self._scores[label] = score
        mean = sum(self._scores.values()) / len(self._scores)
        self._bar.update(self._task, advance=1, score=f"score {mean:.3g}")

    def run(self, failed: int) -> None:
        self._bar.update(self._task, advance=1, score=f"{failed} failed" if failed else "")

    def note(self, text: str) -> None:
        self._bar.console.print(printable(from_here(text)), soft_wrap=True)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    def end(self) -> None:
        self._bar.stop()


def progress(*, show: bool | None = None, file: TextIO | None = None) -> Progress:
    """The progress that fits where it goes.

    Args:
        show: True for a bar or lines, False for nothing, None for a bar on a terminal only.
        file: where to; stderr if None.
    """
    file = lenient(file or sys.stderr)
    if show is False or (show is None and not file.isatty()):
        return Progress()
    return Lines(file) if is_plain(file) else Bar(file)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
