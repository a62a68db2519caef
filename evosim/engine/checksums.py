"""Checksums of the files of a folder: what a disk, a network or a slip of the hand has changed is
not believed.

A table in JSON has its checksum as an entry, a text in TOML as a comment in its last line, run.nc
behind its end, where HDF5 does not look. Files without one are of an older evosim, and believed. A
single bit that is turned over can spoil either what is summed or the checksum or its name, so each
of them alone shows that there is a checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from evosim.engine.files import write_all

KEY = "checksum"
"""The entry of a table that has it."""
_KIND = "sha256:"
_LINE = f"# {KEY} {_KIND}"
_BEHIND = re.compile(rb"sha256:([0-9a-f]{64})\n")
_LENGTH = len(_KIND) + 64 + 1  # bytes behind a file
_BLOCK = 2**20
_UNFIT = "its checksum does not fit what it holds"


class DamagedError(ValueError):
    """A file whose checksum does not fit what it holds."""

    def __init__(self) -> None:
        super().__init__(_UNFIT)


# Tables in JSON


def sealed(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table with its checksum, for a file.

    Example:
        >>> sealed({"a": 1})["checksum"][:20]
        'sha256:015abd7f5cc57'
        >>> unsealed(sealed({"a": 1}))
        {'a': 1}
    """
    return {**table, KEY: _KIND + _sum_of(table)}


def unsealed(table: Any) -> dict[str, Any]:
    """A table as it was before it was sealed.

    Raises:
        DamagedError: its checksum does not fit.
        ValueError: it is no table.
    """
    if not isinstance(table, dict):
        raise ValueError("it holds no table")
    rest = {key: value for key, value in table.items() if key != KEY}
    if KEY in table:
        if table[KEY] != _KIND + _sum_of(rest):
            raise DamagedError
    elif any(isinstance(value, str) and value.startswith(_KIND) for value in rest.values()):
        raise DamagedError  # what is spoilt is the name
    return rest


def read_json(path: Path) -> dict[str, Any]:
    """The table in a JSON file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    return unsealed(json.loads(path.read_text(encoding="utf-8")))


def _sum_of(table: Mapping[str, Any]) -> str:
    # What it says, however it is laid out.
    text = json.dumps(table, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# Texts in TOML


def sealed_text(text: str) -> str:
    """A TOML text with its checksum in a comment."""
    return f"{text}{_LINE}{hashlib.sha256(text.encode()).hexdigest()}\n"


def read_toml(path: Path) -> str:
    """The TOML text in a file, without its checksum.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    text = path.read_bytes().decode()
    body, newline, last = text.removesuffix("\n").rpartition("\n")
    if _LINE not in text and KEY not in last and _KIND not in last:
        return text
    if text != sealed_text(body + newline):
        raise DamagedError
    return body + newline


# Whole files


def seal_file(file: BinaryIO) -> None:
    """Append the checksum of a whole file, which is open for reading and writing."""
    size = file.seek(0, os.SEEK_END)
    found = _sum_of_file(file, size)
    file.seek(size)
    write_all(file, f"{_KIND}{found}\n".encode())


def check_file(path: Path) -> None:
    """Refuse an HDF5 file that was changed since it was sealed; once for each that a process opens.

    Raises:
        OSError: it cannot be read.
        DamagedError: its checksum does not fit.
    """
    stat = path.stat()
    _check(str(path), (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=1024)
def _check(path: str, stamp: tuple[int, ...]) -> None:
    with open(path, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LENGTH))
        found = _BEHIND.fullmatch(file.read(_LENGTH))
        if found is not None:
            if _sum_of_file(file, size - _LENGTH) != found[1].decode():
                raise DamagedError
        elif 0 < size - _end_of(file) <= _LENGTH:
            raise DamagedError  # something is behind the end, but no checksum


def _sum_of_file(file: BinaryIO, size: int) -> str:
    found = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    file.seek(0)
    while size and (n := file.readinto(buffer[: min(size, _BLOCK)])):  # type: ignore[attr-defined]
        found.update(buffer[:n])
        size -= n
    return found.hexdigest()


def _end_of(file: BinaryIO) -> int:
    """Where HDF5 has the end of a file: in its superblock, of whatever version."""
    file.seek(0)
    head = file.read(64)
    at = {0: 40, 1: 44, 2: 28, 3: 28}.get(head[8] if len(head) == 64 else -1)
    return int.from_bytes(head[at : at + 8], "little") if at is not None else 0
