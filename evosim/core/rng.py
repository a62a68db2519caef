"""The random numbers of :mod:`evosim.rng`, compiled (model 5)."""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_ONE = np.uint64(1)
_TO_UNIT = 2.0**-53

SLOTS = 64  # draws set aside for each step of a lifetime
CHOICE, SLIP, DIRECTION, OUTCOME, ENDS, DRIFT = 0, 1, 2, 3, 4, 8  # what a draw of a step is for


@inlined
def draw(key, n):
    """The n-th 64-bit output of splitmix64 seeded with key (uint64, uint64)."""
    z = key + (n + _ONE) * _GOLDEN
    z = (z ^ (z >> _30)) * _M1
    z = (z ^ (z >> _27)) * _M2
    return z ^ (z >> _31)


@inlined
def uniform(key, step, slot):
    """A double in [0, 1) for one slot of one step of the lifetime of this key."""
    bits = draw(key, np.uint64((step + 1) * SLOTS + slot))
    return np.float64(bits >> _11) * _TO_UNIT


@inlined
def birth(key):
    """The double in [0, 1) that settles the state at birth."""
    return np.float64(draw(key, np.uint64(0)) >> _11) * _TO_UNIT
