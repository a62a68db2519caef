"""Analyses: what can be asked of a complete run beyond its summary, each by its name."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from evosim.metrics.analyses.registry import ANALYSES, Analysis

__all__ = ["ANALYSES", "Analysis"]


@ANALYSES.built_in
def _analyses() -> Sequence[ModuleType]:
    """The modules that register an analysis, in the order in which all are made."""
    from evosim.metrics.analyses import best_of_n, distances, goals, heredity, leakage

    return distances, goals, heredity, leakage, best_of_n
