"""Figures of analyses, a module each: ``figure(summary)`` (see evosim/metrics/analyses)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure(name: str, summary: dict[str, Any]) -> Figure:
    """Draw an analysis from its summary."""
    drawn: Figure = import_module(f"evosim.plot.analyses.{name}").figure(summary)
    return drawn
