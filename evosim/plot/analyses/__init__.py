"""Figures of analyses, a module each: ``figure(summary)`` (see evosim/metrics/analyses)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evosim.plot.registry import OF

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = OF["analysis"]


def figure(name: str, summary: dict[str, Any]) -> Figure:
    """Draw an analysis from its summary.

    Raises:
        EvosimError: the analysis has no figure, or lacks what it needs.
    """
    return FIGURES[name].figure(summary)
