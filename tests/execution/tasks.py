"""Functions that workers call, who import them by name; and who these workers are."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from evosim.errors import Argument, RunError, WorkError


def square(number: int, *, tell: Any) -> int:
    return number**2


def count(number: int, steps: int, *, tell: Any) -> int | None:
    """Tells every step; stops where it is told to."""
    for step in range(steps):
        if tell(step):
            return None
        time.sleep(0.001)
    return number


def waited(number: int, folder: str, *, tell: Any) -> int | None:
    """Goes on until a file is there, and leaves one when it stops."""
    Path(folder, f"begun-{number}").touch()
    while not Path(folder, "enough").exists():
        time.sleep(0.01)
        if tell():
            Path(folder, f"stopped-{number}").touch()
            return None
    return number


def deadly(number: int, deadly_ones: list[int], *, tell: Any) -> int:
    if number in deadly_ones:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def deadly_once(number: int, folder: str, *, tell: Any) -> tuple[int, list[str]]:
    """Kills its first worker; returns who else is at work when it is tried again."""
    mark = Path(folder, str(number))
    mark.touch()
    if number == 0 and not Path(folder, "died").exists():
        Path(folder, "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    others = [path.name for path in Path(folder).iterdir() if path.name.isdigit()]
    mark.unlink()
    return number, sorted(set(others) - {str(number)})


def mistaken(number: int, *, tell: Any) -> int:
    if number == 3:
        raise RunError("no such number: ", Argument("number", 3))
    if number == 4:
        raise ZeroDivisionError("a defect")
    return number


def process(number: int, *, tell: Any) -> int:
    print("something that a library prints")
    time.sleep(0.1)
    return os.getpid()


def either(*item: Any, tell: Any) -> str:
    """With a number waits until it is to stop; without one fails once two others wait."""
    *number, folder = item
    if not number:
        while len(list(Path(folder).glob("begun-*"))) < 2:
            time.sleep(0.01)
        raise WorkError("it is of no use")
    waited(*number, folder, tell=tell)
    return "stopped"


def workers_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    found: list[int] = []
    with suppress(OSError):
        for one in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in one.read_text().split()]
    return found
