"""What findings are about: measures of a run by name, one number (or a few) a replicate.

A measure is a function of a run's data, its scenario and a :class:`Term`, which says where and
when to look. It returns columns, [replicate] each; a statistic turns columns into one number, for
most measures the mean of the only one. A new measure is a function in one of the files here, filed
by the decorator above it; a new file is a line below.
"""

from __future__ import annotations

from evosim.measure.quantities import (
    conduct,
    detection,
    distances,
    flips,
    genes,
    heredity,
    islands,
    numbers,
    pressed,
    probed,
)
from evosim.measure.quantities.flips import across
from evosim.measure.quantities.registry import (
    LINKS,
    MEASURES,
    RECENT,
    Floats,
    Measure,
    Term,
    environment_of,
    main_environment,
    no_flip,
    turns,
)

__all__ = [
    "LINKS",
    "MEASURES",
    "RECENT",
    "Floats",
    "Measure",
    "Term",
    "across",
    "conduct",
    "detection",
    "distances",
    "environment_of",
    "flips",
    "genes",
    "heredity",
    "islands",
    "main_environment",
    "no_flip",
    "numbers",
    "pressed",
    "probed",
    "turns",
]
