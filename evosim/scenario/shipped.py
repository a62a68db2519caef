"""The catalogue of shipped scenarios, and finding the file that a user means."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from evosim.errors import Problem, ScenarioError, did_you_mean, nearest
from evosim.process import expanded

FOLDER = Path(__file__).parents[1] / "_scenarios"
MOST_BYTES = 2**20
"""Bytes of a file: a hundred times those of the longest one that ships."""
TOO_LARGE = f"too large (allowed {MOST_BYTES / 2**20:.0f} MiB of text)"


class Text(NamedTuple):
    """A text that was read, and what errors call it: its file, or ``<stdin>``."""

    text: str
    name: str

    def __str__(self) -> str:
        return self.name


def catalogue() -> dict[str, Path]:
    """The shipped scenarios: the file of each id, ids in alphabetical order.

    Example:
        >>> catalogue()["strawberry"].name
        'strawberry.toml'
    """
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def find(
    source: str | Path, known: Mapping[str, Path] | None = None, what: str = "scenario"
) -> Path:
    """The file meant by an id of what ships or a path.

    A bare word is an id first and a file second; with a folder or an extension it is a path.

    Args:
        known: the file of each id; the catalogue of scenarios if None.
        what: what the file is of, in a word.

    Raises:
        ScenarioError: neither an id nor a file; lists the known ids and the nearest.
        EvosimError: no path.
    """
    shipped = catalogue() if known is None else known
    if isinstance(source, str) and source in shipped:
        return shipped[source]
    path = expanded(source)
    try:
        if path.exists():
            return path
    except OSError as error:  # a name too long, a folder that may not be searched
        message = f"cannot be read: {error.strerror or error}"
        raise ScenarioError([_about(path, message)]) from None
    bare = isinstance(source, str) and os.path.basename(source) == source and not path.suffix
    if bare:
        message = f"no such {what}, and no such file: {did_you_mean(str(source), shipped)}"
    else:
        message = "no such file"
        if path.stem in shipped:
            message += f"; the catalogue has it as {path.stem!r}"
        elif like := nearest(path.name, (beside.name for beside in path.parent.glob("*.toml"))):
            message += f"; did you mean {str(path.with_name(like))!r}?"
    raise ScenarioError([Problem(file=str(source), line=None, key="", message=message)])


def text_of(source: str | Path | Text) -> Text:
    """The text of a scenario of the catalogue, by id, or of a file, by path.

    Raises:
        ScenarioError: see :func:`find` and :func:`read`.
    """
    if isinstance(source, Text):
        return source
    path = find(source)
    return Text(read(path), str(path))


def read(path: Path) -> str:
    """The text of a scenario or study file.

    Raises:
        ScenarioError: no file but a folder or a device, too large, unreadable, or not UTF-8.
    """
    try:
        return decoded(_read_bytes(path), path)
    except IsADirectoryError:
        if (path / "study.json").is_file():
            inside = f": a study; continue it with: evosim study resume {path}"
        elif (path / "scenario.toml").is_file():
            inside = " (it holds a scenario.toml)"
        else:
            inside = ""
        message = f"is a folder, not a file{inside}"
        raise ScenarioError([_about(path, message)]) from None
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ScenarioError([_about(path, message)]) from None


def decoded(data: bytes, name: str | Path) -> str:
    """The text of a file of which at most ``MOST_BYTES + 1`` bytes were read.

    Args:
        name: what errors call it.

    Raises:
        ScenarioError: too large, or not UTF-8.
    """
    if len(data) > MOST_BYTES:
        raise ScenarioError([_about(name, TOO_LARGE)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"not UTF-8 text (byte {data[error.start]:#04x}); save the file as UTF-8"
        raise ScenarioError([_about(name, message, line)]) from None


def _read_bytes(path: Path) -> bytes:
    """The content of a file, up to one byte more than is allowed.

    Raises:
        ScenarioError: it is no regular file.
        OSError: it cannot be read.
    """
    # Not waiting: a pipe that nobody writes to would never end.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):
            kinds = {stat.S_ISCHR: "a device", stat.S_ISBLK: "a device", stat.S_ISFIFO: "a pipe"}
            what = next((name for test, name in kinds.items() if test(mode)), "no regular file")
            raise ScenarioError(
                [_about(path, f"is {what}, not a file; save its content in a file first")]
            )
        return file.read(MOST_BYTES + 1)


def _about(path: str | Path, message: str, line: int | None = None) -> Problem:
    return Problem(file=str(path), line=line, key="", message=message)
