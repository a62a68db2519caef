"""Figure ``drift``: how the drives of the population move, against drift by chance alone.

Above, every drive's median on one pair of axes; below, a panel for each drive with the spread of
the population and, where given, the band in which the median would move if nothing were selected
(gene dropping down the recorded pedigree, :mod:`evosim.metrics.popgen.price`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.evolution import OPTIMIZERS
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

NULL = "median under chance alone (95 %)"
NULL_ALPHA = 0.35
LABEL_HEIGHT = 0.118
"""Inches for each name at the right end of the upper panel."""
MOST_COLOURED = 7
"""Above, of more drives than this the others, which moved less, are thinner."""


@registry.figure("drift", "population drift of the drives", needs=("genome",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the drives' trajectories; unit drives, so that 1 is a mind that wants nothing else.

    Args:
        axes: one for the medians of all drives, or one more than there are drives, for these and
            then each drive by itself.
    """
    names = view.drives
    trajectories = {name: timeseries.trajectory(view.drive(name)) for name in names}
    line_styles = _line_styles(trajectories)
    several = len(names) > 1
    narrow = len(names) > 6 and max(map(style.text_width, names)) <= 0.85
    columns = 3 if narrow else 2 if several else 1
    overview = layouts.Row(
        height=max(1.35, LABEL_HEIGHT * len(names)),
        strip=True,
        titles=False,
        room=timeseries.label_room(names),
    )
    rows = [overview] if several else []
    alone = axes is not None and len(axes) == 1  # given one Axes, all drives share it
    if not (several and alone):
        height = 0.6 if several else 1.5
        rows += layouts.rows_of(len(names), columns, height=height, strip=not several)
    legend = []
    if view.neutral:
        legend.append(layouts.LegendEntry(NULL, colors.GREY, patch=True, alpha=NULL_ALPHA))
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE,
            title=view.figure_title("population drift of the drives"),
            note=_note(view),
            view=view,
            axes=axes,
            legend=legend,
            left=0.42,
            between=0.16,
        )
        if several:
            _overview(view, layout.axes[0][0], trajectories, line_styles)
        panels = [panel for row in layout.axes[several:] for panel in row]
        for n, (panel, name) in enumerate(zip(panels, names, strict=False)):
            _one(
                view, panel, name, trajectories[name], line_styles[name], labelled=n % columns == 0
            )
            below = n + columns < len(names)
            panel.tick_params(labelbottom=not below)
            if several and below:
                panel.set_xlabel("")
        if not several:
            panels[0].set_ylabel("unit drive")
    return layout.figure


def _note(view: RunView) -> str:
    note = view.spread_note("Drives, scaled to a vector of unit length")
    if OPTIMIZERS[name := view.scenario.evolution.optimizer.name].pedigree:
        return note
    return f"{note} No band for chance alone: {name} samples genomes, which then have no parents."


def _line_styles(trajectories: Mapping[str, timeseries.Trajectory]) -> dict[str, style.LineStyle]:
    """A style for each drive: colour and dash together tell up to 28 apart; where there are many,
    those that moved least are thin and come after the others have their pick."""

    def size(name: str) -> float:
        finite = trajectories[name].middle[np.isfinite(trajectories[name].middle)]
        return float(np.abs(finite).max()) if len(finite) else 0.0

    ranked = sorted(trajectories, key=size, reverse=True)
    most = set(ranked[:MOST_COLOURED])
    order = [*(name for name in trajectories if name in most), *ranked[MOST_COLOURED:]]
    return {
        name: style.LineStyle(
            colors.SERIES[n % len(colors.SERIES)],
            style.DASHES[n % len(style.DASHES)],
            1.3 if name in most else 0.8,
        )
        for n, name in enumerate(order)
    }


def _overview(
    view: RunView,
    panel: Axes,
    trajectories: Mapping[str, timeseries.Trajectory],
    line_styles: Mapping[str, style.LineStyle],
) -> None:
    _bounds(panel, labelled=True)
    panel.set_ylabel("unit drive, median")
    labels = []
    for name, trajectory in trajectories.items():
        color, dash, width = line_styles[name]
        timeseries.line(
            panel,
            view.generations,
            trajectory.middle,
            color=color,
            dash=dash,
            width=width,
            label=name,
            zorder=2 + (width > 1),
        )
        finite = trajectory.middle[np.isfinite(trajectory.middle)]
        if len(finite):
            labels.append((float(finite[-1]), name, color))
    timeseries.end_labels(
        panel, labels, room=timeseries.label_room([name for _, name, _ in labels])
    )


def _one(
    view: RunView,
    panel: Axes,
    name: str,
    trajectory: timeseries.Trajectory,
    line_style: style.LineStyle,
    *,
    labelled: bool,
) -> None:
    color, dash, _ = line_style
    layouts.panel_title(panel, name, color=color)
    _bounds(panel, labelled=labelled)
    if view.neutral and name in view.neutral:
        band = view.neutral[name]
        panel.fill_between(
            view.generations,
            band.low,
            band.high,
            facecolor=colors.GREY,
            edgecolor=colors.GREY,
            alpha=NULL_ALPHA,
            linewidth=0.5,
            label=f"{name} null",
        )
    if np.isfinite(trajectory.middle).any():
        timeseries.draw_trajectory(
            panel, view.generations, trajectory, color=color, dash=dash, label=name
        )
    else:
        layouts.no_data(panel, "no values")


def _bounds(panel: Axes, *, labelled: bool) -> None:
    panel.set_ylim(-1.06, 1.06)
    panel.set_yticks([-1, 0, 1])
    panel.tick_params(labelleft=labelled)
    panel.axhline(0, color=colors.LIGHT_GREY, linewidth=0.6, zorder=1)
