"""Figure ``world`` of an experiment: a level and what stands on it; its page begins with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from evosim import world
from evosim.plot import level, registry, style
from evosim.plot.picture import of_level
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario

SIDE = 2.2
"""Inches of the longer side."""
LARGEST_CELL = 0.36
GAP, GLYPH, MOST = 0.1, 0.3, 1.3
"""Inches between map and names, of a glyph before its name, of the names at most."""
SEED = 0


@registry.figure("world", "a level of its world", of="experiment")
def figure(summary: Mapping[str, Any], scenario: Scenario) -> Figure:
    """Draw a level of the world in which an experiment begins.

    Args:
        summary: not used.
        scenario: of the first arm.
    """
    weights = scenario.mixture_at(0)
    name = max(weights, key=lambda one: weights[one])
    here, seed = scenario.environment(name), key(SEED, Purpose.LEVEL, 0, 0)
    picture = of_level(
        here,
        *world.draw_level(scenario, name, seed),
        passages=world.draw_passages(here, seed),
    )
    rows, cols = picture.layout.rows, picture.layout.cols
    cell = min(LARGEST_CELL, SIDE / max(rows, cols))
    size = (cell * cols + 0.08, cell * rows + 0.08)
    entries = [symbol._replace(words=symbol.words.split(",")[0]) for symbol in picture.present]
    lines = len(entries) + picture.torus
    with style.styled():
        words = [*(symbol.words for symbol in entries), *["edges wrap"] * picture.torus]
        beside = min(MOST, GLYPH + max(map(style.text_width, words), default=0.0))
        height = max(size[1], level.LEGEND_LINE * lines)
        drawn = Figure(figsize=(size[0] + GAP + beside, height))
        panel = drawn.add_axes((0, 0, 1, 1))
        level.place(panel, drawn, 0, 0, *size)
        level.draw_picture(panel, picture, cell)
        level.legend(drawn, entries, size[0] + GAP, 0, torus=picture.torus)
    return drawn
