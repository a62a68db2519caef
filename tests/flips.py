"""Files with single bits turned over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from evosim.errors import EvosimError

ENDS = 80  # bytes at either end of a file of which every bit is turned over


def flips(data: bytes, n: int = 200) -> Iterator[bytes]:
    """A file with one bit turned over: each near its ends, and as many as are asked for between."""
    bits = 8 * len(data)
    near = [*range(min(bits, 8 * ENDS)), *range(max(0, bits - 8 * ENDS), bits)]
    between = random.Random(1).sample(range(bits), min(n, bits))
    for bit in dict.fromkeys([*near, *between]):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        yield bytes(turned)


def never_believed(path: Path, read: Callable[[], Any], n: int = 200) -> int:
    """Hold that whatever bit of a file is turned over, it reads as before, as None, or is refused.

    Args:
        read: what is read of it. None stands for what is missing.

    Returns:
        How often it was not read as before.
    """
    good, wanted = path.read_bytes(), read()
    assert wanted is not None
    noticed = 0
    try:
        for turned in flips(good, n):
            path.write_bytes(turned)
            try:
                found = read()
            except EvosimError:
                found = None
            assert found is None or found == wanted, f"{path.name} is believed"
            noticed += found is None
    finally:
        path.write_bytes(good)
    assert read() == wanted
    return noticed
