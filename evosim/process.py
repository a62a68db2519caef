"""What all threads of this process share: system, cores, working folder, filters of warnings."""

from __future__ import annotations

import math
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evosim.errors import EvosimError

# A mounted hierarchy of cgroups: which of its folders is seen, where, and of what kind it is.
_MOUNT = re.compile(r"\S+ \S+ \S+ (\S+) (\S+) .*? - (cgroup2?) \S+ (\S+)")


def supported() -> None:
    """Refuse a system on which runs would not be safe.

    Raises:
        EvosimError: it is Windows.
    """
    # Folders are held by locks of the kernel that worker processes inherit, and runs are stopped by
    # signals. Windows has neither, and nobody has tested what would take their place.
    if sys.platform == "win32":
        raise EvosimError(
            "evosim runs on Linux and macOS. On Windows, run it in the Windows Subsystem for Linux "
            "(WSL)"
        )


def cores() -> int:
    """How many processor cores this process may use.

    Fewer than the machine has under taskset, with PYTHON_CPU_COUNT (Python 3.13), and in a
    container whose time on them is limited: 1.5 cores count as 2.

    >>> cores() >= 1
    True
    """
    # Of Python 3.13, which also hears PYTHON_CPU_COUNT.
    counted = getattr(os, "process_cpu_count", lambda: None)()
    if counted is None and hasattr(os, "sched_getaffinity"):
        counted = len(os.sched_getaffinity(0))
    allowed = counted or os.cpu_count() or 1
    quota = quota_of_cgroups()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def quota_of_cgroups(root: Path = Path("/")) -> float | None:
    """The processor time in a second that cgroups allow this process, in cores; None: no limit.

    Args:
        root: of the file system, for tests.
    """
    found = []
    for folder, second in cgroups("cpu", root):
        with suppress(OSError, ValueError):
            found.append((_quota_2 if second else _quota_1)(folder))
    return min((limit for limit in found if limit > 0), default=None)


def cgroups(controller: str, root: Path = Path("/")) -> Iterator[tuple[Path, bool]]:
    """The folders of the cgroups that this process is in, and whether they are of version 2.

    Args:
        controller: what they limit: ``cpu`` or ``memory``.
        root: of the file system, for tests.
    """
    try:
        mounts = (root / "proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return
    places: dict[str, str] = {}  # by controllers, none of version 2: the group of this process
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, where = rest.partition(":")
        places[controllers] = where
    for line in mounts.splitlines():
        if (mount := _MOUNT.match(line)) is None:
            continue
        top, at, kind, options = mount.groups()
        place: str | None
        if kind == "cgroup2":
            place = places.get("")
        elif controller in options.split(","):
            named = (group for names, group in places.items() if controller in names.split(","))
            place = next(named, None)
        else:
            continue
        if place is None:
            continue
        # In a container the place may be told as the machine sees it, but its group is mounted as
        # the root of all. A limit of a group holds for those below it.
        folder = root / at.replace("\\040", " ").lstrip("/")
        below = Path(os.path.relpath(place, top))
        if ".." in below.parts:
            below = Path()
        own = folder / below
        for each in (own, *list(own.parents)[: len(below.parts)]):
            yield each, kind == "cgroup2"


def _quota_2(group: Path) -> float:
    quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
    return float(quota) / float(period)  # "max" is no number: no limit


def _quota_1(group: Path) -> float:
    quota, period = (
        float((group / f"cpu.cfs_{what}_us").read_text(encoding="utf-8"))
        for what in ("quota", "period")
    )
    return quota / period if period else 0.0  # -1: no limit


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path that was given, with ``~`` for a home folder.

    Raises:
        EvosimError: it is no path, or of the home folder of nobody.

    >>> expanded("~/runs") == Path.home() / "runs"
    True
    """
    given: object = path  # whatever that is
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(text, str) or not text:
        raise EvosimError(f"{path!r}: not a path (allowed a text or a Path)")
    if "\0" in text:
        raise EvosimError(f"{text!r}: not a path: no name holds the character 0")
    found = os.path.expanduser(text)
    if found == text and text.startswith("~"):
        raise EvosimError(f"{text}: there is no such home folder; ./{text} is a name here")
    # What a folder of that name here is called would mean the home folder when it is read again.
    return Path(os.path.join(os.getcwd(), found)) if str(Path(found))[:1] == "~" else Path(found)


def place(path: str | os.PathLike[str]) -> Path:
    """A path that was given, with ``~`` for a home folder, from the root of the file system: it
    stays the same wherever the process goes.

    Raises:
        EvosimError: it is no path, of the home folder of nobody, or below a folder that is gone.

    >>> place("runs") == Path.cwd() / "runs"
    True
    """
    found = expanded(path)
    try:
        return found.absolute()
    except OSError as error:
        raise EvosimError(
            f"{path}: the working folder cannot be used ({error.strerror})"
        ) from error


# Filters belong to the whole process: of two threads that each put back what they found, the
# second would put back what the first had set.
_filters = threading.RLock()


@contextmanager
def ignoring(category: type[Warning], message: str = "") -> Iterator[None]:
    """Ignore warnings of a kind in the block; the user's own filters are there again afterwards.

    One thread at a time is in such a block.

    Args:
        message: a pattern of how they begin; all if empty.

    >>> with ignoring(UserWarning):
    ...     warnings.warn("nobody sees this")
    """
    with _filters, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=message, category=category)
        yield


def renewed_after_fork(lock: threading.Lock | threading.RLock) -> None:
    """Have a lock free in a forked child, where the thread that held it does not exist."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lock._at_fork_reinit)  # type: ignore[union-attr]


renewed_after_fork(_filters)
