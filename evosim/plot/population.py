"""Figure ``population``: how many individuals an open population has, generation by generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.plot.run_view import Subject

LABEL_ROOM = timeseries.label_room(["capacity"])


@registry.figure("population", "size of an open population", needs=("population_size",))
def figure(subject: Subject) -> Figure:
    """Draw the size of every replicate's population, its capacity, and who died out."""
    sizes = subject.values("population_size", "replicate", "generation")
    capacity = float(subject.individuals)
    with style.styled():
        sheet = layouts.sheet(
            [layouts.Row(height=1.5, strip=True, room=LABEL_ROOM)],
            width=style.SINGLE,
            title=subject.head("size of the population"),
            note=_note(subject, sizes),
            subject=subject,
        )
        panel = sheet.panels[0]
        panel.set_ylabel("individuals")
        course = timeseries.course(sizes[..., None], bands=False)
        timeseries.limits(panel, np.array([capacity]), include=(0.0,))
        panel.axhline(
            capacity, color=colors.INK, linestyle=style.DASHES[1], linewidth=0.8, label="capacity"
        )
        timeseries.draw_course(
            panel, subject.generations, course, color=colors.BLUE, label="population size"
        )
        timeseries.end_labels(panel, [(capacity, "capacity", colors.INK)], room=LABEL_ROOM)
    return sheet.figure


def _note(subject: Subject, sizes: np.ndarray) -> str:
    died = int((sizes[:, -1] == 0).sum())
    if subject.replicates == 1:
        return f"The population {'died out' if died else 'survived'}."
    thin = f"Thin lines: each of {subject.replicates} replicates"
    return f"{thin}, thick: their median. Died out: {died}."
