"""Counter-based random numbers: every number is a function of what it is for (model 5).

``draw(key, n)`` is the n-th output (from 0) of splitmix64 seeded with ``key`` (Steele, Lea &
Flood 2014, doi:10.1145/2660193.2660195). There is no state to share, save or restore. This is
the plain-Python form; :mod:`evosim.core.rng` compiles the same function.
"""

from __future__ import annotations

from enum import IntEnum

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


def mix(z: int) -> int:
    """The splitmix64 finaliser, a bijection of 64-bit integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def draw(key: int, n: int) -> int:
    """The n-th 64-bit output of splitmix64 seeded with ``key``."""
    return mix((key + (n + 1) * GOLDEN) & MASK)


def key(seed: int, purpose: Purpose, *numbers: int) -> int:
    """A 64-bit key for one purpose and its coordinates (generation, level, individual ...)."""
    k = draw(seed & MASK, purpose)
    for number in numbers:
        k = draw(k, number)
    return k


def uniform(bits: int) -> float:
    """A double in [0, 1) from the upper 53 of 64 random bits."""
    return (bits >> 11) * 2.0**-53
