"""Analyses: what can be asked of a complete run beyond its summary, each by its name."""

from __future__ import annotations

from evosim.measure.analyses.registry import ANALYSES, Analysis

__all__ = ["ANALYSES", "Analysis"]
