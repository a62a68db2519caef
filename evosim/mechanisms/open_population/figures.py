"""Figure ``population``: how many individuals an open population has, generation by generation."""

from __future__ import annotations

from collections.abc import Sequence

from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Level, Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

CAPACITY = LegendEntry("capacity", colors.INK, style.DASHES[1], 0.8)


@registry.figure("population", "size of an open population", needs=("population_size",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the size of every replicate's population, its capacity, and who died out."""
    sizes = view.values("population_size", "replicate", "generation")
    died = int((sizes[:, -1] == 0).sum())
    if view.replicates == 1:
        note = f"The population {'died out' if died else 'survived'}."
    else:
        note = (
            f"Thin lines: each of {view.replicates} replicates, thick: their median. "
            f"Died out: {died}."
        )
    panel = Panel(
        lines=[Line(LegendEntry("population size", colors.BLUE), timeseries.medians(sizes))],
        ylabel=METRICS["size"].label,
        levels=[Level(float(view.individuals), CAPACITY, "capacity")],
        include=(0.0,),
    )
    return facets(
        [Row(height=1.5, content=[panel])],
        title=view.figure_title("size of the population"),
        note=note,
        view=view,
        axes=axes,
    )
