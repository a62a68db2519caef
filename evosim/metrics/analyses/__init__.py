"""Analyses: what can be asked of a complete run beyond its summary, each by its name."""

from __future__ import annotations

from collections.abc import Sequence

from evosim.metrics.analyses.registry import ANALYSES, Analysis

__all__ = ["ANALYSES", "Analysis"]


@ANALYSES.built_in
def _analyses() -> Sequence[str]:
    """The modules that register an analysis, in the order in which all are made."""
    names = ("distances", "goals", "heredity", "leakage", "best_of_n", "stress")
    return [f"{__name__}.{name}" for name in names]
