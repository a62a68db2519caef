"""How kernels are compiled, and where the compiled code is kept.

Numba's cache sees edits of a kernel's own file only, not of the files it calls into, and raises
where a cached file is cut short. So the cache folder carries a hash of every source that goes
into a kernel; a stale folder is never read, and a broken one is emptied and made anew.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

_PACKAGE = Path(__file__).parents[1]
_SOURCES = (
    "core/exact.py", "core/jit.py", "core/live.py", "core/plan.py", "core/rng.py",
    "core/structs.py", "rng.py",
)  # fmt: skip


def sources() -> list[Path]:
    """Every file that goes into a kernel: kernels, and what they use of other files."""
    of_mechanisms = sorted(_PACKAGE.glob("mechanisms/*/kernels.py"))
    return [*(_PACKAGE / name for name in _SOURCES), *of_mechanisms]


def _source_hash() -> str:
    digest = hashlib.blake2b(digest_size=8)
    for file in sources():
        digest.update(file.read_bytes())
    # Bytecode, and with it what Numba makes of it, changes with the version of Python.
    digest.update(sys.version.encode())
    return digest.hexdigest()


# To ask the file system is not enough: a folder can be read-only, full, or on a share that lies.
def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    """A writable folder for compiled code: the user's cache, else a temporary one."""
    base = os.environ.get("EVOSIM_CACHE_DIR")
    homes = [Path(base)] if base else []
    if not base:
        with suppress(RuntimeError):  # no HOME, and a user without an entry in /etc/passwd
            homes.append(Path(platformdirs.user_cache_dir("evosim")))
    homes.append(Path(tempfile.gettempdir()) / f"evosim-{os.getuid()}")
    for home in homes:
        folder = home / "numba" / _source_hash()
        if _writable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="evosim-"))


CACHE = _cache_folder()
os.environ["NUMBA_CACHE_DIR"] = str(CACHE)

import numba  # noqa: E402  (its cache folder is read from the environment at import)

numba.config.__dict__["CACHE_DIR"] = str(CACHE)  # also where numba was imported before us
_njit: Any = numba.njit


# Reference counts of arrays are atomic additions; in a loop that calls a function of twenty
# arrays they cost more than the work. Kernels that make no arrays are compiled without them.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a kernel: plain arrays in and out, no fast-math, cached, GIL released."""
    return _njit(**_OPTIONS, _nrt=False)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel into its callers: passing dozens of arrays costs 100 ns a call."""
    return _njit(**_OPTIONS, _nrt=False, forceinline=True)(function)


def allocating(function: Callable[..., Any]) -> Any:
    """Compile a kernel that makes arrays of its own."""
    return _njit(**_OPTIONS)(function)


_BROKEN_CACHE = (EOFError, pickle.UnpicklingError, ValueError, IndexError, KeyError, AttributeError)


def warm_up(call: Callable[[], object], announce: Callable[[str], object]) -> float:
    """Load or compile the kernels that ``call`` uses; returns the seconds it took.

    A first compilation is announced. A cache that cannot be read is removed and made anew.
    """
    began = time.perf_counter()
    if not any(CACHE.rglob("*.nbc")):
        announce("compiling the core (once; about 15 seconds)")
    try:
        call()
    # What a damaged cache file raises depends on where it is cut.
    except _BROKEN_CACHE:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        announce("the compiled core was damaged; compiling it anew (about 15 seconds)")
        call()
    return time.perf_counter() - began
