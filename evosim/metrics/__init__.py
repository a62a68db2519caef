"""What findings are about: measures of a run by name, one number (or a few) a replicate.

A measure is a function of a run's data, its scenario and a :class:`Term`, which says where and
when to look. It returns columns, [replicate] each; a statistic turns columns into one number, for
most measures the mean of the only one. A new measure is a function in one of the files here, filed
by the decorator above it; a new file is a line below.
"""

from __future__ import annotations

from evosim.metrics import conduct, detection, distances, flips, genes, numbers, pressed, probed
from evosim.metrics.flips import across
from evosim.metrics.popgen import demes, metrics
from evosim.metrics.registry import (
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
    "demes",
    "detection",
    "distances",
    "environment_of",
    "flips",
    "genes",
    "main_environment",
    "metrics",
    "no_flip",
    "numbers",
    "pressed",
    "probed",
    "turns",
]
