"""Where text is printed: to streams that may be closed, full, no terminal, or of no width."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST, USUAL, WIDEST = 40, 80, 1000
"""Columns: of less, tables would leave words out."""


class Lenient:
    """A stream that nothing depends on, stderr for one: what it cannot take is lost, no more.

    Args:
        file: the stream; None where the process has none.
    """

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def write(self, text: str) -> int:
        if self._file is not None:
            with suppress(OSError, ValueError):  # full, broken, or closed
                return self._file.write(text)
        return len(text)

    def flush(self) -> None:
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.flush()

    def isatty(self) -> bool:
        try:
            return self._file is not None and self._file.isatty()
        except ValueError:
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def lenient(file: Any) -> TextIO:
    """A stream, or None, as one that nothing depends on."""
    return cast(TextIO, file if isinstance(file, Lenient) else Lenient(file))


def open_streams() -> None:
    """Make the standard streams of this process fit to print to, for a command.

    A closed one is opened on nothing, or the next file that is opened would get its number, and
    what libraries print would go into it. What is printed to such a standard output is refused, as
    it is a result; of such a stderr it is lost. Characters that a stream has no code for are
    printed as their escapes.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, mode)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)
    if getattr(sys, "stdout", None) is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stderr = lenient(sys.stderr)


def is_plain(file: TextIO) -> bool:
    """Whether a stream is no terminal, or one that cannot move its cursor."""
    return not file.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown")


def console(file: TextIO | None = None, *, stderr: bool = False) -> Console:
    """A console that prints texts as they stand, without markup, also where the width of the
    terminal is not known or absurd.

    Args:
        file: where to; standard output if None, or stderr.
    """
    from rich.console import Console

    made = Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    width = made.width
    if not NARROWEST <= width <= WIDEST:
        made.width = min(max(width, NARROWEST), WIDEST) if width > 0 else USUAL
    return made
