"""How kernels are compiled, and where the compiled code is kept.

Numba's cache sees edits of a kernel's own file only, not of the files it calls into, and raises
where a cached file is cut short. So the cache folder carries a hash of every source that goes
into a kernel; a stale folder is never read, and a broken one is emptied and filled anew.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from evosim.core.cache import cache_folder, clear

_PACKAGE = Path(__file__).parents[1]
_SOURCES = (
    "core/arithmetic.py", "core/exact.py", "core/foresight.py", "core/jit.py", "core/live.py",
    "core/local_live.py",
    "core/local_plan.py", "core/many_levels.py", "core/plan.py", "core/rng.py", "core/stepping.py",
    "core/structs.py",
    "rng.py", "world/identity_cache.py",
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


CACHE, _REMARK = cache_folder(_source_hash())
_config: Any = numba.config


def _njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """numba.njit with our cache folder, which is not that of the user's own functions."""

    def compiled(function: Callable[..., Any]) -> Any:
        theirs = _config.CACHE_DIR
        # Numba looks the folder up when a function is decorated, and only then.
        _config.CACHE_DIR = str(CACHE)
        try:
            return numba.njit(**options)(function)
        finally:
            _config.CACHE_DIR = theirs

    return compiled


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

    A first compilation is announced. A cache that cannot be read is emptied and filled anew.
    """
    began = time.perf_counter()
    if not any(CACHE.rglob("*.nbc")):
        announce(_REMARK or "compiling the core (once; about 15 seconds)")
    try:
        call()
    # What a damaged cache file raises depends on where it is cut.
    except _BROKEN_CACHE:
        clear(CACHE)
        announce("the compiled core was damaged; compiling it anew (about 15 seconds)")
        call()
    return time.perf_counter() - began
