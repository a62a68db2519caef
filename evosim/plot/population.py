"""Figure ``population``: how many individuals an open population has, generation by generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.plot import colors, lines, sheets, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evosim.plot.subject import Subject

LABEL_ROOM = lines.label_room(["capacity"])


def figure(subject: Subject) -> Figure:
    """Draw the size of every replicate's population, its capacity, and who died out."""
    sizes = subject.values("population_size", "replicate", "generation")
    capacity = float(subject.individuals)
    with style.styled():
        sheet = sheets.sheet(
            [sheets.Row(height=1.5, strip=True, room=LABEL_ROOM)],
            width=style.SINGLE,
            title=subject.head("size of the population"),
            note=_note(subject, sizes),
            subject=subject,
        )
        panel = sheet.panels[0]
        panel.set_ylabel("individuals")
        course = lines.course(sizes[..., None], bands=False)
        lines.limits(panel, np.array([capacity]), include=(0.0,))
        panel.axhline(
            capacity, color=colors.INK, linestyle=style.DASHES[1], linewidth=0.8, label="capacity"
        )
        lines.draw_course(
            panel, subject.generations, course, color=colors.BLUE, label="population size"
        )
        lines.end_labels(panel, [(capacity, "capacity", colors.INK)], room=LABEL_ROOM)
    return sheet.figure


def _note(subject: Subject, sizes: np.ndarray) -> str:
    died = int((sizes[:, -1] == 0).sum())
    if subject.replicates == 1:
        return f"The population {'died out' if died else 'survived'}."
    thin = f"Thin lines: each of {subject.replicates} replicates"
    return f"{thin}, thick: their median. Died out: {died}."
