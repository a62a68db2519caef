"""What is measured of a run: metrics by name, one number (or a few) a replicate.

A metric is a function of a run's data, its scenario and a :class:`Query`, which says where and
when to look. It returns columns, [replicate] each; a statistic turns columns into one number, for
most metrics the mean of the only one. A new metric is a function beside what it computes, under
the decorator :func:`metric`; a new file is also a line in ``registry.py``.
"""

from __future__ import annotations

from evosim.metrics.query import (
    RECENT,
    Floats,
    Query,
    environment_of,
    main_environment,
    no_flip,
    turns,
)
from evosim.metrics.registry import METRICS, Columns, Metric, metric, why_undefined

__all__ = [
    "METRICS",
    "RECENT",
    "Columns",
    "Floats",
    "Metric",
    "Query",
    "environment_of",
    "main_environment",
    "metric",
    "no_flip",
    "turns",
    "why_undefined",
]
