"""Figure ``drift``: how the drives of the population move, against drift by chance alone.

Above, every drive's median on one pair of axes; below, a panel for each drive with the spread of
the population and, where given, the band in which the median would move if nothing were selected
(gene dropping down the recorded pedigree, :mod:`evosim.metrics.popgen.price`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim.evolution import OPTIMIZERS
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import Subject

NULL = "median under chance alone (95 %)"
NULL_ALPHA = 0.35
LABEL_HEIGHT = 0.118
"""Inches for each name at the right end of the upper panel."""
MOST_COLOURED = 7
"""Above, of more drives than this the others, which moved less, are thinner."""


@registry.figure("drift", "population drift of the drives", needs=("genome",))
def figure(subject: Subject) -> Figure:
    """Draw the drives' courses; unit drives, so that 1 is a mind that wants nothing else."""
    names = subject.drives
    courses = {name: timeseries.course(subject.drive(name)) for name in names}
    looks = _looks(courses)
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
    rows += [
        layouts.Row(
            height=0.6 if several else 1.5,
            columns=columns,
            strip=not several,
        )
        for _ in range(-(-len(names) // columns))
    ]
    keys = []
    if subject.neutral:
        keys.append(layouts.Key(NULL, colors.GREY, patch=True, alpha=NULL_ALPHA))
    with style.styled():
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE,
            title=subject.head("population drift of the drives"),
            note=_note(subject),
            subject=subject,
            keys=keys,
            left=0.42,
            between=0.16,
        )
        if several:
            _overview(subject, sheet.axes[0][0], courses, looks)
        panels = [panel for row in sheet.axes[several:] for panel in row]
        for panel in panels[len(names) :]:
            panel.remove()
        for n, (panel, name) in enumerate(zip(panels, names, strict=False)):
            _one(subject, panel, name, courses[name], looks[name], labelled=n % columns == 0)
            below = n + columns < len(names)
            panel.tick_params(labelbottom=not below)
            if several and below:
                panel.set_xlabel("")
        if not several:
            panels[0].set_ylabel("unit drive")
    return sheet.figure


def _note(subject: Subject) -> str:
    note = subject.spread_note("Drives as parts of a vector of unit length")
    if OPTIMIZERS[name := subject.scenario.evolution.optimizer.name].pedigree:
        return note
    return f"{note} No band of chance alone: genomes that {name} samples have no parents."


class Look(NamedTuple):
    """How a drive is drawn."""

    color: str
    dash: style.Dash
    width: float


def _looks(courses: Mapping[str, timeseries.Course]) -> dict[str, Look]:
    """A look for each drive: colour and dash together tell up to 28 apart; where there are many,
    those that moved least are thin and come after the others have their pick."""

    def size(name: str) -> float:
        finite = courses[name].middle[np.isfinite(courses[name].middle)]
        return float(np.abs(finite).max()) if len(finite) else 0.0

    ranked = sorted(courses, key=size, reverse=True)
    most = set(ranked[:MOST_COLOURED])
    order = [*(name for name in courses if name in most), *ranked[MOST_COLOURED:]]
    return {
        name: Look(
            colors.SERIES[n % len(colors.SERIES)],
            style.DASHES[n % len(style.DASHES)],
            1.3 if name in most else 0.8,
        )
        for n, name in enumerate(order)
    }


def _overview(
    subject: Subject,
    panel: Axes,
    courses: Mapping[str, timeseries.Course],
    looks: Mapping[str, Look],
) -> None:
    _bounds(panel, labelled=True)
    panel.set_ylabel("unit drive, median")
    labels = []
    for name, course in courses.items():
        color, dash, width = looks[name]
        timeseries.line(
            panel,
            subject.generations,
            course.middle,
            color=color,
            dash=dash,
            width=width,
            label=name,
            zorder=2 + (width > 1),
        )
        finite = course.middle[np.isfinite(course.middle)]
        if len(finite):
            labels.append((float(finite[-1]), name, color))
    timeseries.end_labels(
        panel, labels, room=timeseries.label_room([name for _, name, _ in labels])
    )


def _one(
    subject: Subject,
    panel: Axes,
    name: str,
    course: timeseries.Course,
    look: Look,
    *,
    labelled: bool,
) -> None:
    color, dash, _ = look
    layouts.panel_title(panel, name, color=color)
    _bounds(panel, labelled=labelled)
    if subject.neutral and name in subject.neutral:
        band = subject.neutral[name]
        panel.fill_between(
            subject.generations,
            band.low,
            band.high,
            facecolor=colors.GREY,
            edgecolor=colors.GREY,
            alpha=NULL_ALPHA,
            linewidth=0.5,
            label=f"{name} null",
        )
    if np.isfinite(course.middle).any():
        timeseries.draw_course(
            panel, subject.generations, course, color=color, dash=dash, label=name
        )
    else:
        layouts.empty(panel, "no values")


def _bounds(panel: Axes, *, labelled: bool) -> None:
    panel.set_ylim(-1.06, 1.06)
    panel.set_yticks([-1, 0, 1])
    panel.tick_params(labelleft=labelled)
    panel.axhline(0, color=colors.FAINT, linewidth=0.6, zorder=1)
