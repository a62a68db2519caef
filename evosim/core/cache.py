"""The folder of compiled code. What lies there is unpickled, which runs it: so only folders count
that nobody else can write to."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import platformdirs

VARIABLE = "EVOSIM_CACHE_DIR"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Cache(NamedTuple):
    """Where compiled code is kept."""

    folder: Path
    remark: str = ""
    """Why it is kept for this process alone; empty where it is kept."""


def cache_folder(name: str) -> Cache:
    """A folder of that name for compiled code, of one's own and closed to others.

    It is in $EVOSIM_CACHE_DIR, else in the user's cache. Where that is not possible it is a new
    one, which is removed when this process ends; its worker processes use it too.
    """
    base, found = os.environ.get(VARIABLE), None
    if not base:
        with suppress(RuntimeError):  # no HOME, and a user without an entry in /etc/passwd
            found = Path(platformdirs.user_cache_dir("evosim"))
        if found is None:
            return _private(name, "there is no home folder")
    try:
        home = Path(base).expanduser() if base else found
    except RuntimeError:  # ~ of a user whom nobody knows
        return _private(name, f"{VARIABLE}={base}: there is no such home folder")
    assert home is not None
    folder = Path(os.path.realpath(home)) / "numba" / name
    why = _make(folder) or untrusted(folder)
    if why:
        return _private(name, f"{VARIABLE}={base}: {why}" if base else why)
    return Cache(folder)


def _make(folder: Path) -> str:
    """Make a folder that can be written to; why that fails, or nothing."""
    try:
        # Parents too: mkdir(parents=True) would make these as the umask has it, open to a group.
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir(mode=0o700, exist_ok=True)
        # To ask the file system is not enough: it can be read-only, full, or on a share that lies.
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"cannot write to {folder} ({error.strerror or error})"


def untrusted(folder: Path) -> str:
    """Whether others can put files into a folder, or another folder in its place; nothing if not.

    Args:
        folder: absolute, without links.
    """
    if not hasattr(os, "getuid"):  # Windows: the user's folders are closed to others by default
        return ""
    try:
        for path in (folder, *folder.parents):
            if why := _open_to_others(path, itself=path == folder):
                return f"{path} {why}; code in {folder} could be that of others"
    except OSError as error:
        return f"cannot look at {error.filename} ({error.strerror})"
    return ""


def _open_to_others(path: Path, *, itself: bool) -> str:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    owners = {os.getuid()} if itself else {0, os.getuid(), _nobody()}
    if status.st_uid not in owners:
        return f"belongs to another user (number {status.st_uid})"
    mode = status.st_mode
    # In a folder with the sticky bit (/tmp) others can make files but not rename ours.
    if not itself and mode & stat.S_ISVTX:
        return ""
    # Where each user has a group of one's own, folders are made open to that group.
    if not itself and mode & stat.S_IWGRP and _of_one_user(status.st_gid):
        mode &= ~stat.S_IWGRP
    return "can be written to by others" if mode & _OTHERS_WRITE else ""


def _of_one_user(gid: int) -> bool:
    """Whether a group is that of this user and of nobody else: it has the user's name, as where
    each user has a group, and no other member. The name counts too, as not every system lists
    all of its users."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.getuid())
    except KeyError:  # a number without a name: nobody says whose it is
        return False
    members = {*group.gr_mem, *(one.pw_name for one in pwd.getpwall() if one.pw_gid == gid)}
    return group.gr_name == user.pw_name and members <= {user.pw_name}


def _nobody() -> int:
    """Whom files belong to, in a container, whose owner it does not know."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/kernel/overflowuid").read_text())
    return 65534


def _private(name: str, why: str) -> Cache:
    folder = Path(tempfile.mkdtemp(prefix="evosim-"))
    mine = os.getpid()

    def remove() -> None:
        if os.getpid() == mine:  # and not in a fork of it
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    os.environ[VARIABLE] = str(folder)  # for worker processes, which would each compile anew
    compiled = folder / "numba" / name
    compiled.mkdir(parents=True, mode=0o700)
    return Cache(compiled, f"{why}; compiled code is kept for this process only")


def clear(folder: Path) -> None:
    """Remove compiled code, file by file: other processes may be reading, and keep what they read;
    and may be writing, for which the folders stay."""
    for pattern in ("*.nbi", "*.nbc"):
        for file in folder.rglob(pattern):
            with suppress(OSError):
                file.unlink()
