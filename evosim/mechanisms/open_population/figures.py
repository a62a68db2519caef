"""Figure ``population``: how many individuals an open population has, generation by generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

LABEL_ROOM = timeseries.label_room(["capacity"])


@registry.figure("population", "size of an open population", needs=("population_size",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the size of every replicate's population, its capacity, and who died out."""
    sizes = view.values("population_size", "replicate", "generation")
    capacity = float(view.individuals)
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=1.5, strip=True, room=LABEL_ROOM)],
            width=style.SINGLE,
            title=view.figure_title("size of the population"),
            note=_note(view, sizes),
            view=view,
            axes=axes,
        )
        panel = layout.panels[0]
        panel.set_ylabel("individuals")
        trajectory = timeseries.trajectory(sizes[..., None], bands=False)
        timeseries.limits(panel, np.array([capacity]), include=(0.0,))
        panel.axhline(
            capacity, color=colors.INK, linestyle=style.DASHES[1], linewidth=0.8, label="capacity"
        )
        timeseries.draw_trajectory(
            panel, view.generations, trajectory, color=colors.BLUE, label="population size"
        )
        timeseries.end_labels(panel, [(capacity, "capacity", colors.INK)], room=LABEL_ROOM)
    return layout.figure


def _note(view: RunView, sizes: np.ndarray) -> str:
    died = int((sizes[:, -1] == 0).sum())
    if view.replicates == 1:
        return f"The population {'died out' if died else 'survived'}."
    thin = f"Thin lines: each of {view.replicates} replicates"
    return f"{thin}, thick: their median. Died out: {died}."
