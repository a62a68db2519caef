"""The random numbers of :mod:`evosim.rng`, compiled (model 5)."""

from __future__ import annotations

import numpy as np

from evosim.core.jit import inlined
from evosim.rng import splitmix64

_11 = np.uint64(11)
_TO_UNIT = 2.0**-53

# A step has more slots than it ever draws: a rule that is added later takes a free one, and lives
# that do not use it stay as they were (model 5).
SLOTS = 64  # draws set aside for each step of a lifetime
CHOICE, SLIP, DIRECTION, OUTCOME, ENDS, DRIFT = 0, 1, 2, 3, 4, 8  # what a draw of a step is for


draw = inlined(splitmix64(np.uint64))
"""The n-th 64-bit output of splitmix64 seeded with key: (uint64, uint64) -> uint64."""


@inlined
def to_unit(bits):
    """A double in [0, 1) from the upper 53 of 64 random bits."""
    # 53 bits are what a double holds: the product is exact, and 1 is never reached.
    return np.float64(bits >> _11) * _TO_UNIT


@inlined
def uniform(key, step, slot):
    """A double in [0, 1) for one slot of one step of the lifetime of this key."""
    return to_unit(draw(key, np.uint64((step + 1) * SLOTS + slot)))


@inlined
def birth(key):
    """The double in [0, 1) that settles the state at birth."""
    return to_unit(draw(key, np.uint64(0)))
