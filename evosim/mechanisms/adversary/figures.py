"""Figure ``adversary``: what was proposed, generation by generation, and the regret there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

MOST = 6
"""More keys than this are not drawn."""
MEAN = LegendEntry("mean over levels", colors.BLUE)
RANGE = LegendEntry("smallest and largest", colors.BLUE, style.DASHES[1])
REGRET = LegendEntry("regret", colors.BLACK)


@registry.figure("adversary", "what an adversary proposed", needs=("proposed",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the numbers that were proposed, a panel each, and the regret in training."""
    asked = view.scenario.adversary
    assert asked is not None
    panels = []
    for i, (path, ends) in enumerate(list(asked.numbers.items())[:MOST]):
        values = view.values("proposed", "replicate", "generation", "level", "proposed_key")[..., i]
        lines = [
            Line(entry, timeseries.medians(function(values, axis=2)))
            for entry, function in ((MEAN, np.mean), (RANGE, np.min), (RANGE, np.max))
        ]
        panels.append(Panel(lines=lines, ylabel=path[-1], title=".".join(path), include=ends))
    regret = view.values("proposed_regret", "replicate", "generation")
    below = Panel(
        lines=[Line(REGRET, timeseries.medians(regret))],
        ylabel=METRICS["proposed_regret"].unit,
        include=(0.0,),
        undefined="" if np.isfinite(regret).any() else "no regret was measured",
    )
    return facets(
        [Row(height=1.3, content=panels), Row(height=1.0, content=[below])],
        title=view.figure_title("what was proposed"),
        note="Numbers of the environments that trained, within their ranges; below, the exact "
        "regret there of a sample of the population.",
        view=view,
        legend=[MEAN, RANGE, REGRET],
        axes=axes,
    )
