"""The Numba core: planner, lifetimes, exact expectations, batches; the twin beside them.

:mod:`evosim.core.reference` is the slow readable twin of every kernel.
"""

from evosim.core.batch import (
    Expectation,
    Lifetimes,
    Trace,
    expectation,
    lifetimes,
    optimum,
    policies,
    threads,
    trace,
    uniform,
)
from evosim.core.jit import CACHE

__all__ = [
    "CACHE",
    "Expectation",
    "Lifetimes",
    "Trace",
    "expectation",
    "lifetimes",
    "optimum",
    "policies",
    "threads",
    "trace",
    "uniform",
]
