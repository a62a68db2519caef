"""Figure ``drift``: how the drives of the population move, against drift by chance alone.

Above, every drive's median on one pair of axes; below, a panel for each drive with the spread of
the population and, where given, the band in which the median would move if nothing were selected
(gene dropping down the recorded pedigree, :mod:`evosim.metrics.popgen.price`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from evosim.evolution import OPTIMIZERS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Level, Line, Panel, RunView, Trajectory, facets, grid
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

NULL = LegendEntry("median under chance alone (95 %)", colors.GREY, patch=True, alpha=0.35)
LABEL_HEIGHT = 0.118
"""Inches for each name at the right end of the upper panel."""
MOST_COLOURED = 7
"""Above, of more drives than this the others, which moved less, are thinner."""


def _wanting_nothing(view: RunView) -> str | None:
    return "tables have no drives" if view.scenario.rows is not None else None


@registry.figure(
    "drift", "population drift of the drives", needs=("genome",), unsupported=_wanting_nothing
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the drives' trajectories; unit drives, so that 1 is a mind that wants nothing else.

    Args:
        axes: one for the medians of all drives, or one more than there are drives, for these and
            then each drive by itself.
    """
    names = view.drives
    trajectories = {name: timeseries.trajectory(view.drive(name)) for name in names}
    looks = _looks(trajectories)
    several = len(names) > 1
    narrow = len(names) > 6 and max(map(style.text_width, names)) <= 0.85
    unit: dict[str, Any] = {
        "scale": "unit", "ylim": (-1.06, 1.06), "yticks": [-1, 0, 1],
        "levels": [Level(0.0, LegendEntry("", colors.LIGHT_GREY, width=0.6))],
    }  # fmt: skip
    medians = [
        Line(looks[name], Trajectory(trajectories[name].middle), end=name)
        for name in sorted(names, key=lambda name: looks[name].width)
    ]
    overview = Row(
        height=max(1.35, LABEL_HEIGHT * len(names)),
        content=[Panel(lines=medians, ylabel="unit drive, median", **unit)],
    )
    each = [
        Panel(
            lines=[Line(looks[name]._replace(width=1.3), trajectories[name])],
            title=name,
            color=looks[name].color,
            ylabel="" if several else "unit drive",
            more=partial(_null, view, name),
            **unit,
        )
        for name in names
    ]
    rows = [overview] if several else []
    if not (several and axes is not None and len(axes) == 1):  # given one, all drives share it
        columns = 3 if narrow else 2 if several else 1
        rows += grid(each, columns, height=0.6 if several else 1.5)
    note = view.spread_note("Drives, scaled to a vector of unit length")
    if not OPTIMIZERS[name := view.scenario.evolution.optimizer.name].pedigree:
        note += f" No band for chance alone: {name} samples genomes, which then have no parents."
    return facets(
        rows,
        title=view.figure_title("population drift of the drives"),
        note=note,
        view=view,
        width=style.SINGLE,
        legend=[NULL] if view.neutral else [],
        left=0.42,
        between=0.16,
        axes=axes,
    )


def _looks(trajectories: Mapping[str, Trajectory]) -> dict[str, LegendEntry]:
    """A style for each drive: colour and dash together tell up to 28 apart; where there are many,
    those that moved least are thin and come after the others have their pick."""

    def size(name: str) -> float:
        finite = trajectories[name].middle[np.isfinite(trajectories[name].middle)]
        return float(np.abs(finite).max()) if len(finite) else 0.0

    ranked = sorted(trajectories, key=size, reverse=True)
    most = set(ranked[:MOST_COLOURED])
    order = [*(name for name in trajectories if name in most), *ranked[MOST_COLOURED:]]
    looks = {
        name: LegendEntry(name, *style.series(n), 1.3 if name in most else 0.8)
        for n, name in enumerate(order)
    }
    return {name: looks[name] for name in trajectories}


def _null(view: RunView, name: str, panel: Axes) -> None:
    """The band in which the median would move by chance alone."""
    if view.neutral and name in view.neutral:
        panel.fill_between(
            view.generations, *view.neutral[name], facecolor=NULL.color, edgecolor=NULL.color,
            alpha=NULL.alpha, linewidth=0.5, label=f"{name} null",
        )  # fmt: skip
