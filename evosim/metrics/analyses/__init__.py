"""Analyses: what can be asked of a complete run beyond its summary, each by its name."""

from __future__ import annotations

from evosim.metrics.analyses.registry import ANALYSES, Analysis

__all__ = ["ANALYSES", "Analysis"]
