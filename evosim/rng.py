"""Counter-based random numbers: every number is a function of what it is for (model 5).

``draw(key, n)`` is the n-th output (from 0) of splitmix64 seeded with ``key`` (Steele, Lea &
Flood 2014, doi:10.1145/2660193.2660195). There is no state to share, save or restore. It is
written down once, in :func:`splitmix64`, for plain numbers, arrays and kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

MASK = 0xFFFFFFFFFFFFFFFF
GOLDEN = 0x9E3779B97F4A7C15


class Purpose(IntEnum):
    """What a random number is for; part of every key."""

    INITIAL = 1
    LEVEL = 2
    LIFE = 3
    BREED = 4
    PROBE = 5
    SAMPLE = 6
    CONTROL = 7
    ENVIRONMENT = 8
    NEUTRAL = 9
    REPLAY = 10
    BOOTSTRAP = 11
    REPLICATE = 12
    TOOL = 16
    STUDY = 17
    MIGRATE = 18
    PRESSURE = 19
    BEHAVIOUR = 20
    PERMUTATION = 21
    WORLD = 22
    EPISODE = 23
    ADVERSARY = 24


def splitmix64(uint64: Callable[[int], Any]) -> Callable[[Any, Any], Any]:
    """The function (key, n) -> n-th output of splitmix64, over a type of unsigned numbers.

    The one definition behind :func:`draw` (``int``), :func:`draws` (``numpy.uint64``) and
    :func:`evosim.core.rng.draw` (``numpy.uint64``, compiled by Numba). For types that wrap around
    at 64 bits the mask changes nothing, and the compiler drops it.

    Args:
        uint64: the type; makes a constant of an int.

    >>> splitmix64(int)(1234567, 0)
    6457827717110365317
    """
    # Constants of the type itself: Numba makes a float of uint64 + int64.
    golden, first, second = uint64(GOLDEN), uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB)
    one, by_27, by_30, by_31, mask = (uint64(n) for n in (1, 27, 30, 31, MASK))

    def draw(key: Any, n: Any) -> Any:
        z = (key + (n + one) * golden) & mask
        z = ((z ^ (z >> by_30)) * first) & mask
        z = ((z ^ (z >> by_27)) * second) & mask
        return z ^ (z >> by_31)

    return draw


_draw = splitmix64(int)


def draw(key: int, n: int) -> int:
    """The n-th 64-bit output, from 0, of splitmix64 seeded with ``key``.

    >>> draw(1234567, 1)
    3203168211198807973
    """
    return int(_draw(key, n))


def draws(keys: ArrayLike, n: ArrayLike) -> NDArray[np.uint64]:
    """:func:`draw` over arrays of keys and counters of any shapes, broadcast, as uint64.

    >>> draws(1234567, [0, 1])
    array([6457827717110365317, 3203168211198807973], dtype=uint64)
    """
    import numpy as np  # not at the top: `import evosim` and `evosim --help` do without

    with np.errstate(over="ignore"):  # numpy warns where a number by itself wraps around
        drawn: NDArray[np.uint64] = splitmix64(np.uint64)(
            np.asarray(keys, np.uint64), np.asarray(n, np.uint64)
        )
    return drawn


def key(seed: int, purpose: Purpose, *numbers: int) -> int:
    """A 64-bit key for one purpose and its coordinates (generation, level, individual ...).

    >>> key(1, Purpose.LEVEL, 0) == draw(draw(1, Purpose.LEVEL), 0)
    True
    """
    k = draw(seed & MASK, purpose)
    for number in numbers:
        k = draw(k, number)
    return k


def uniform(bits: int) -> float:
    """A double in [0, 1) from the upper 53 of 64 random bits.

    >>> uniform(1 << 63)
    0.5
    """
    return (bits >> 11) * 2.0**-53
