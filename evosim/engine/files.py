"""Writing files so that a kill, a full disk or a power cut leaves the old file or the new one;
what the operating system refuses, in words."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from evosim.errors import Argument, RunError, printable

# What the operating system means, in words that a user can act on.
_REMEDIES = {
    **dict.fromkeys(
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "the disk is full, or a quota or file size limit is reached",
    ),
    errno.EROFS: "this file system is read-only",
    errno.ENAMETOOLONG: "a name may have 255 bytes, a path 4095: choose a shorter one",
    errno.ELOOP: "links that lead round in a circle",
    errno.ENOTDIR: "a part of the path is a file and no folder",
    errno.EEXIST: "a file is in the way of a folder",
    errno.EISDIR: "there is a folder of that name",
    errno.EILSEQ: "this file system allows no such name: choose another one",
}
_LONGEST_NAME = 200  # bytes, with room for what names of unfinished files have beside


class WriteError(RunError):
    """A file that could not be written; what was there before is still there."""


@contextlib.contextmanager
def or_elsewhere(argument: str) -> Iterator[None]:
    """While files are written that could be written elsewhere: say so where that is refused.

    Args:
        argument: the name of the argument that says where.

    Raises:
        WriteError: the operating system refused.
    """
    try:
        yield
    except WriteError as error:
        raise WriteError(
            *error.parts, "; choose another place with ", Argument(argument)
        ) from error


def explain(error: OSError, path: Path, doing: str = "write") -> str:
    """One line on what the operating system refused, and the likely remedy."""
    what = printable(f"cannot {doing} {path}: {error.strerror or error}", keep="")
    remedy = _REMEDIES.get(error.errno or 0)
    if error.errno in (errno.EACCES, errno.EPERM):
        remedy = _forbidden(path)
    return f"{what} ({remedy})" if remedy else what


def _forbidden(path: Path) -> str:
    """What of a path the user may not do, in words."""
    for folder in [*reversed(path.parents), path]:
        try:
            mode = folder.stat().st_mode
        except OSError:  # the folder that it is in cannot be searched, or holds no such thing
            break
        if stat.S_ISDIR(mode) and not os.access(folder, os.X_OK):
            return printable(f"you may not search the folder {folder}", keep="")
    if os.path.isfile(path) and not os.access(path, os.R_OK):
        return "you may not read this file"
    if os.path.isdir(path) and not os.access(path, os.R_OK):
        return "you may not read this folder"
    return "this folder is read-only for you"


def exists(path: Path) -> bool:
    """Whether there is something at a path; links are followed.

    Raises:
        RunError: nobody can tell: a folder that may not be searched, a name that is too long.
    """
    return _mode(path) is not None


def is_folder(path: Path) -> bool:
    """As :func:`exists`, and a folder."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def is_file(path: Path) -> bool:
    """As :func:`exists`, and a file."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # nobody can come to anything there
            return None
        raise RunError(explain(error, path, "look at")) from error
    except ValueError as error:  # a NUL
        raise RunError(printable(f"{path}: not a path: {error}", keep="")) from None


def beside(path: Path, ending: str) -> Path:
    """A hidden name of the caller's own beside a path, which may be as long as names can be."""
    # Not by the number of the process: two containers have the same, and so have two threads.
    name = path.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return path.with_name(f".{name}.{secrets.token_hex(6)}.{ending}")


def sweep(folder: Path) -> None:
    """Remove the unfinished files a killed process left in a folder."""
    for stray in folder.glob(".*.tmp"):
        if is_file(stray):
            stray.unlink()


@contextlib.contextmanager
def replacing(path: Path, *, buffering: int = -1) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when the block ends well, and vanishes otherwise.

    Args:
        buffering: as of ``open``; with 0 a write may take less than it was given.

    Raises:
        WriteError: the operating system refused.
    """
    # Where it is until it is complete; ``sweep`` removes what a kill left there.
    temporary = beside(path, "tmp")
    try:
        with open(temporary, "w+b", buffering=buffering) as file:
            yield file
            # The content has to be on disk before the name is, or a power cut leaves an empty file
            # under the name of a good one.
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        # A rename is a change of the folder, which has a buffer of its own.
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        _discard(temporary)
        raise WriteError(explain(error, path)) from error
    except BaseException:  # Ctrl-C as well: nothing half written stays behind
        _discard(temporary)
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file at once, atomically.

    Raises:
        WriteError: the operating system refused.
    """
    with replacing(path) as file:
        write_all(file, data)


def put(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step, its folder made where it is missing.

    Raises:
        WriteError: the operating system refused.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(explain(error, path.parent, "make")) from error
    write_bytes(path, content)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file at once, atomically."""
    write_bytes(path, text.encode())


def as_json(value: object, indent: int | None = None) -> str:
    """Plain numbers and texts as JSON.

    Bytes of a path that are no UTF-8 are written as escapes, and read back as the same path.

    Raises:
        ValueError, TypeError: a number that is not finite, or what JSON cannot hold.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode()


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of ``data`` to an unbuffered file, which may take it in pieces."""
    # An unbuffered write may take a part only, and says how much.
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


class Unfailing(io.RawIOBase):
    """A file for HDF5 that accepts every write and keeps the first error for ``check``.

    HDF5 ends the process with a segmentation fault where a write or a close fails (h5py 3.16 on
    a full disk). So no write fails here: after the first error the bytes stay in memory, HDF5
    can close in peace, and ``check`` raises the error afterwards.

    Args:
        file: an unbuffered file opened for reading and writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._at = 0
        self._size = 0
        self._late: list[tuple[int, bytes]] = []
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the first error of any write so far."""
        if self._error is not None:
            raise self._error

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        view = memoryview(buffer).cast("B")
        n = max(0, min(len(view), self._size - self._at))
        stored = os.pread(self._file.fileno(), n, self._at)
        view[: len(stored)] = stored
        view[len(stored) : n] = bytes(n - len(stored))
        # HDF5 reads back what it wrote; bytes that never reached the disk lie over the others.
        for start, data in self._late:
            lo, hi = max(start, self._at), min(start + len(data), self._at + n)
            if lo < hi:
                view[lo - self._at : hi - self._at] = data[lo - start : hi - start]
        self._at += n
        return n

    def write(self, data: memoryview, /) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        if self._error is None:
            try:
                self._file.seek(self._at)
                write_all(self._file, view)
            except OSError as error:
                self._error = error
        # After the first error nothing more goes to disk: the file is lost anyway.
        if self._error is not None:
            self._late.append((self._at, bytes(view)))
        self._at += len(view)
        self._size = max(self._size, self._at)
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        size = self._at if size is None else size
        if self._error is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self._error = error
        self._size = size
        return size
