"""Holding a folder, so that two processes do not work on it at once."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evosim.engine.files import explain
from evosim.errors import RunError

_NAME = ".lock"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


class HeldError(RunError):
    """Another process is at work on the folder."""


@contextlib.contextmanager
def hold(
    folder: Path,
    what: str,
    *,
    wait: float = 0.0,
    announce: Callable[[str], None] = lambda text: None,
    warn: Callable[[str], None] = lambda text: None,
) -> Iterator[int]:
    """Hold a folder; the kernel lets go of it when the process ends, however it ends.

    Yields the descriptor: a process that inherits it holds the folder too.

    Args:
        what: what the folder is of, in a word.
        wait: seconds for which another process may still hold it.
        announce: told in words where that takes a while.
        warn: told in words where the file system has no locks, so that the folder is not held.

    Raises:
        HeldError: another process is at work on it.
        RunError: the folder is read-only.
    """
    # A lock of the kernel, not a file that exists or not: a killed process leaves none behind.
    path = folder / _NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise RunError(explain(error, path)) from error
    # Closing lets go of it, unless a worker process has inherited the descriptor and still works.
    try:
        _flock(descriptor, folder, what, wait, announce, warn)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool | None:
    """Whether a process is at work on a folder; None where that cannot be known from here.

    It is not known of a folder whose lock one may not read, and on file systems without locks.
    """
    # For reading only and without making it: who looks may be another user.
    try:
        descriptor = os.open(folder / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _flock(
    descriptor: int,
    folder: Path,
    what: str,
    wait: float,
    announce: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    began = time.monotonic()
    announced = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # Asked again and again rather than waiting in the kernel, which has no time limit.
            waited = time.monotonic() - began
            if waited >= wait:
                raise HeldError(
                    f"{folder}: another process is at work on this {what}; wait for it or stop it"
                ) from None
            if waited >= 1.0 and not announced:
                announced = True
                announce(
                    f"{folder}: another process is at work on this {what}; waiting up to "
                    f"{wait:.0f} s in case it is about to end"
                )
            time.sleep(0.05)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise RunError(explain(error, folder, "lock")) from error
            # To refuse would leave such machines without evosim. A file as a lock would stay behind
            # where a process is killed.
            warn(
                f"{folder}: this file system has no locks ({error.strerror}). Nothing keeps "
                f"another process from working on this {what} at the same time, which would "
                "damage it: start only one"
            )
            return
