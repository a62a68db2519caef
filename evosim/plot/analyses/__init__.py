"""Figures of analyses, a module each: ``figure(summary)`` (see evosim/metrics/analyses)."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from evosim.plot.registry import OF

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = OF["analysis"]


@FIGURES.built_in
def _figures() -> Sequence[ModuleType]:
    """The modules that register a figure of an analysis."""
    from evosim.plot.analyses import best_of_n, distances, goals, heredity, leakage

    return best_of_n, distances, goals, heredity, leakage


def figure(name: str, summary: dict[str, Any]) -> Figure:
    """Draw an analysis from its summary.

    Raises:
        EvosimError: the analysis has no figure, or lacks what it needs.
    """
    return FIGURES[name].figure(summary)
