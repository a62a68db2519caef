"""Figure ``mind``: how deep the population plans, how long it lives, what it sees.

A panel for lifespan, for planning depth and every other locus of the mind that evolves, and one
for all senses together, as the share of the population that has each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

COLORS = {
    "depth": colors.BLUE,
    "lifespan": colors.GREEN,
    "patience": colors.PURPLE,
    "reliance": colors.SKY,
    "temperature": colors.ORANGE,
}
UNITS = {"depth": "steps planned", "lifespan": "steps lived"}


@registry.figure("mind", "minds and lifespan", needs=("genome", "lifespan"))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw every evolving parameter of the mind but the drives, and lifespan."""
    drives = {f"drive.{name}" for name in view.drives}
    evolving = [name for name in view.loci if name not in drives]
    senses = [name for name in evolving if name.startswith("sense.")]
    scalars = [name for name in evolving if name not in senses]
    room = (
        timeseries.label_room([name.removeprefix("sense.") for name in senses]) if senses else 0.0
    )
    rows = [
        layouts.Row(height=0.95, strip=n == 0, room=room)
        for n in range(len(scalars) + 1 + bool(senses))
    ]
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE,
            title=view.figure_title("minds and lifespan"),
            note=_note(view, senses, scalars),
            view=view,
            axes=axes,
        )
        panels = layout.panels
        for name in scalars:
            _trajectory(view, panels.pop(0), name, view.phenotype[name])
        lifespan = view.values("lifespan", "replicate", "generation", "individual")
        _trajectory(view, panels.pop(0), "lifespan", lifespan)
        if senses:
            _senses(view, panels.pop(0), senses)
    return layout.figure


def _note(view: RunView, senses: list[str], scalars: list[str]) -> str:
    parts = [view.spread_note("Phenotypes")]
    if "depth" in scalars:
        parts.append("Planning depth: the mean in place of the median.")
    if senses:
        parts.append("Senses: the share of the population that has each.")
    if "depth" not in scalars and "depth" in view.phenotype:
        depth = np.unique(view.phenotype["depth"])
        depth = depth[np.isfinite(depth)]
        if len(depth) == 1:
            parts.append(f"Planning depth is pinned at {depth[0]:g}.")
    return " ".join(parts)


def _trajectory(view: RunView, panel: Axes, name: str, values: np.ndarray) -> None:
    trajectory = timeseries.trajectory(values, use_mean=name == "depth")
    color = COLORS.get(name, colors.VERMILLION)
    layouts.panel_title(panel, "planning depth" if name == "depth" else name, color=color)
    panel.set_ylabel(style.fit(UNITS.get(name, name), 1.1))
    timeseries.limits(
        panel, *trajectory.arrays, include=(0.0,) if name in UNITS else (),
    )  # fmt: skip
    if np.isfinite(trajectory.middle).any():
        timeseries.draw_trajectory(panel, view.generations, trajectory, color=color, label=name)
    else:
        layouts.no_data(panel, "no values")


def _senses(view: RunView, panel: Axes, senses: list[str]) -> None:
    layouts.panel_title(panel, "senses")
    panel.set_ylabel("share")
    panel.set_ylim(-0.04, 1.04)
    labels = []
    for n, name in enumerate(senses):
        color, dash = colors.SERIES[n % len(colors.SERIES)], style.DASHES[n % len(style.DASHES)]
        trajectory = timeseries.trajectory(view.phenotype[name], use_mean=True, bands=False)
        timeseries.draw_trajectory(
            panel, view.generations, trajectory, color=color, dash=dash, label=name
        )
        finite = trajectory.middle[np.isfinite(trajectory.middle)]
        if len(finite):
            labels.append((float(finite[-1]), name.removeprefix("sense."), color))
    timeseries.end_labels(
        panel, labels, room=timeseries.label_room([name for _, name, _ in labels])
    )
