"""The Numba core: planner, lifetimes, exact expectations, batches.

:mod:`evosim.testing.reference` is the slow readable twin of every kernel.
"""

from evosim.core._tasks import threads
from evosim.core.expectations import (
    Expectation,
    distinct,
    expectation,
    expectation_of,
    followed,
    nothing,
    optimum,
    policies,
    uniform,
)
from evosim.core.jit import CACHE
from evosim.core.rollout import Lifetimes, Trace, lifetimes, lifetimes_of, retrace, trace
from evosim.core.structs import Level

__all__ = [
    "CACHE",
    "Expectation",
    "Level",
    "Lifetimes",
    "Trace",
    "distinct",
    "expectation",
    "expectation_of",
    "followed",
    "lifetimes",
    "lifetimes_of",
    "nothing",
    "optimum",
    "policies",
    "retrace",
    "threads",
    "trace",
    "uniform",
]
