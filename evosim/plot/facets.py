"""Rows and columns of panels with lines, bands and replicates: what most figures are.

A figure says what each panel shows (:class:`Panel`), and :func:`facets` draws it: limits shared by
panels of one scale, tick labels only where they are needed, names at the ends of lines, flips and
phases along the generations, remarks where something is undefined or cut off. The values of a line
are [x], its replicates [replicate, x], its bands two of [x]; a panel has [line], a row [column].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics import METRICS
from evosim.metrics.verdict import zero_words
from evosim.plot import colors, layouts, style, timeseries
from evosim.plot._timeline import Timeline, along_generations
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row
from evosim.plot.run_view import RunView as RunView
from evosim.plot.timeseries import Floats as Floats
from evosim.plot.timeseries import Trajectory as Trajectory

Summary: TypeAlias = Mapping[str, Any]
"""What an experiment, a study or an analysis found, as its JSON has it."""
NORMALIZED = (-1.0, 1.1)
"""What is drawn of a metric that is 0 for random actions and 1 for the best policy: far worse than
random is as bad as worse, and would flatten all the rest."""
EVERYTHING = (-np.inf, np.inf)
GROUND = "#F4F0E4"
BANDS: Mapping[int, tuple[float, ...]] = {0: (), 1: (0.18,), 2: (0.16, 0.28)}
"""How dark bands are, the outermost first, by how many there are."""


def scale_note(zero: str | float = "uniform", payoff: str = "") -> str:
    """What 0 and 1 are of a normalized metric, by the zero of the scenario's verdict.

    >>> scale_note("nothing")
    '0: doing nothing; 1: the best possible policy'
    """
    least = "random actions" if zero == "uniform" else zero_words(zero, payoff)
    return f"0: {least}; 1: the best possible policy"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a panel, with its bands and its replicates as thin lines."""

    look: LegendEntry
    what: Trajectory
    x: Floats | None = None
    """Where it stands, if not where the panel's lines do."""
    end: str = ""
    """What is written at its right end."""
    points: bool = False
    """Whether its values are of their own, not along a course: points, and bars for the band."""


class Level(NamedTuple):
    """A horizontal line of reference, through the whole panel or over spans of it."""

    y: float | Floats
    """The same everywhere, or [span]."""
    look: LegendEntry = LegendEntry("", colors.GREY, width=0.4)
    end: str = ""
    spans: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What a panel shows.

    Attributes:
        lines: from the lowest to the uppermost.
        x: where their values stand, [x]; None for the generations of the run.
        metric: whose name, bounds and references the vertical axis has
            (:mod:`evosim.metrics.registry`).
        title, color, bold: over the panel, and how it is set.
        named: written over the panel in their colours.
        ylabel: along the vertical axis; None: the metric's name.
        levels: horizontal lines of reference.
        ground: (start, end, colour) of stretches with a ground of their own.
        include: values that the vertical axis has to hold, beside those that are drawn.
        within: what lies beyond is cut off, and said.
        holds: what the vertical axis has to hold in place of what is drawn.
        ylim, yticks: the vertical axis, where it is always the same.
        xlim: the horizontal axis, where it is not that of the generations.
        timeline: the axis of generations, where it is not that of the figure.
        xticks: its marks and their names.
        xlabel: under it in the last row, where that is not the figure's.
        scale: panels of the same one share a vertical axis, labelled in the first column.
        undefined: what is said where no line has a value.
        remarks: said at the foot of the panel.
        more: draws what only this figure has.
    """

    lines: Sequence[Line] = ()
    x: Floats | None = None
    metric: str = ""
    title: str = ""
    color: str = colors.INK
    bold: bool = False
    named: Sequence[LegendEntry] = ()
    ylabel: str | None = None
    levels: Sequence[Level] = ()
    ground: Sequence[tuple[float, float, str]] = ()
    include: Sequence[float] = ()
    within: tuple[float, float] = EVERYTHING
    holds: Sequence[Floats] | None = None
    ylim: tuple[float, float] | None = None
    yticks: Sequence[float] | Mapping[float, str] | None = None
    xlim: tuple[float, float] | None = None
    xticks: Mapping[float, str] | None = None
    xlabel: str = ""
    timeline: Timeline | None = None
    scale: str = ""
    undefined: str = "no values"
    remarks: Sequence[str] = ()
    more: Callable[[Axes], Any] | None = None

    def of_its_metric(self) -> Panel:
        """The panel with what the registry knows of its metric: name, references, bounds."""
        if not self.metric or self.metric not in METRICS:
            return self
        metric = METRICS[self.metric]
        named = replace(self, ylabel=metric.called() if self.ylabel is None else self.ylabel)
        if metric.normalized:
            levels = [*self.levels, Level(0.0), Level(1.0)]
            return replace(named, levels=levels, within=NORMALIZED)
        ends = metric.bounds or ()
        return replace(named, include=[*self.include, *(end for end in ends if np.isfinite(end))])

    @property
    def arrays(self) -> list[Floats]:
        """All that its vertical axis has to hold."""
        if self.holds is not None:
            drawn = list(self.holds)
        else:
            drawn = [array for line in self.lines for array in line.what.arrays]
        return [
            *map(np.ravel, drawn),
            np.array(self.include),
            *(np.atleast_1d(level.y) for level in self.levels),
        ]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be seen in it."""
        if not self.lines:
            return self.more is None
        return not any(np.isfinite(line.what.middle).any() for line in self.lines)


def grid(panels: Sequence[Panel], columns: int, **options: Any) -> list[Row]:
    """Rows of panels, ``columns`` in each but the last, which may have fewer."""
    return [
        Row(content=panels[n : n + columns], columns=columns, **options)
        for n in range(0, len(panels), columns)
    ]


def facets(
    rows: Sequence[Row],
    *,
    title: str,
    note: str = "",
    view: RunView | None = None,
    timeline: Timeline | None = None,
    width: float | None = None,
    legend: Sequence[LegendEntry] = (),
    left: float = 0.46,
    right: float = 0.1,
    between: float = 0.36,
    xlabel: str | None = "generation",
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draw a figure of rows of panels.

    Args:
        rows: from top to bottom, each with its panels as ``content``.
        title, note, legend, left, right, between, xlabel, axes: see
            :func:`evosim.plot.layouts.create`.
        view: the run, where the panels are along its generations.
        timeline: the axis of generations; None for that of the run.
        width: inches; None: one column of a page for one column of panels, else two.

    Returns:
        The figure; the one that the axes are in where they are given.

    Raises:
        EvosimError: ``axes`` are not as many as the rows have panels.

    Example:
        >>> scores = np.array([[1.0, 2.0, 4.0], [2.0, 2.0, 3.0]])  # [replicate, x]
        >>> line = Line(LegendEntry("score", colors.BLUE), timeseries.medians(scores))
        >>> panel = Panel(lines=[line], x=np.arange(3.0), ylabel="payoff per lifetime")
        >>> facets([Row(height=1.2, content=[panel])], title="Scores of two replicates")
        <Drawing size ... with 1 Axes>
    """
    rows = _completed(rows, view)
    timeline = timeline or (view.timeline if view else None)
    if width is None:
        width = style.SINGLE if max(row.columns for row in rows) == 1 else style.DOUBLE
    panels = [panel for row in rows for panel in row.content]
    scales: dict[str | int, list[Floats]] = defaultdict(list)
    for n, panel in enumerate(panels):
        scales[panel.scale or n] += panel.arrays
    with style.styled():
        layout = layouts.create(
            rows, width=width, title=title, note=note, view=view, legend=legend, left=left,
            right=right, between=between, xlabel=xlabel, axes=axes,
        )  # fmt: skip
        places = [(n, column) for n, row in enumerate(rows) for column in range(row.count)]
        for n, ((r, column), panel) in enumerate(zip(places, panels, strict=True)):
            drawn = layout.axes[r][column]
            first = rows[r].content[0]
            labelled = column == 0 or not panel.scale or panel.scale != first.scale
            drawn.tick_params(labelleft=labelled)
            _dress(
                drawn, panel, scales[panel.scale or n], timeline,
                labelled=labelled, titles=rows[r].titles,
            )  # fmt: skip
            if column == 0 and rows[r].header and not layout.own:  # no header over the row
                words = style.wrap(rows[r].header[0], style.inches(drawn)[0], bold=True)
                drawn.set_title("\n".join([*words, panel.title]), loc="left", pad=2.5,
                                fontweight="bold")  # fmt: skip
            _fill(drawn, panel, view, room=rows[r].room)
    return layout.figure


def _completed(rows: Sequence[Row], view: RunView | None) -> list[Row]:
    """The rows with what follows from their panels: how many, whether they have titles, room for
    names at the ends of lines, the strip of the timeline."""
    columns = [max(row.columns, len(row.content)) for row in rows]
    room: dict[int, float] = defaultdict(float)
    for n, row in zip(columns, rows, strict=True):
        lines = [line.end for panel in row.content for line in panel.lines if line.end]
        ends = lines + [level.end for panel in row.content for level in panel.levels if level.end]
        if ends and not row.room:
            room[n] = max(room[n], timeseries.label_room(ends))
    along = [n for n, row in enumerate(rows) if row.content[0].xlim is None]
    return [
        replace(
            row,
            columns=columns[n],
            content=[panel.of_its_metric() for panel in row.content],
            panels=len(row.content),
            titles=row.titles if any(panel.title or panel.named for panel in row.content) else 0,
            room=row.room or room[columns[n]],
            ticks=row.ticks or row.content[0].xlim is not None,
            strip=view is not None and n in along[:1],
        )
        for n, row in enumerate(rows)
    ]


def _dress(
    drawn: Axes,
    panel: Panel,
    arrays: Sequence[Floats],
    timeline: Timeline | None,
    *,
    labelled: bool,
    titles: int,
) -> None:
    """Axes, titles and what lies under the lines."""
    width, height = style.inches(drawn)
    if panel.xlim is not None:
        drawn.set_xlim(*panel.xlim)
        drawn.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
        bins = max(2, int(width / 0.45))
        drawn.xaxis.set_major_locator(MaxNLocator(nbins=bins, steps=[1, 2, 2.5, 5, 10]))
    elif timeline := panel.timeline or timeline:
        along_generations(drawn, timeline, width=width)
    if panel.xticks is not None:
        drawn.set_xticks(list(panel.xticks), labels=list(panel.xticks.values()))
    if panel.xlabel and drawn.get_xlabel():
        drawn.set_xlabel(panel.xlabel)
    if panel.ylim is not None:
        drawn.set_ylim(*panel.ylim)
    else:
        timeseries.limits(drawn, *arrays, within=panel.within)
    if panel.yticks is not None:
        names = list(panel.yticks.values()) if isinstance(panel.yticks, Mapping) else None
        drawn.set_yticks(list(panel.yticks), labels=names)
    if panel.title:
        layouts.panel_title(drawn, panel.title, color=panel.color, bold=panel.bold, lines=titles)
    at = 0.0
    for look in panel.named:
        color = colors.readable(look.color)
        drawn.text(at / width, 1.03, look.name, transform=drawn.transAxes, va="bottom", color=color)
        at += style.text_width(look.name) + 0.14
    if labelled and panel.ylabel:
        drawn.set_ylabel(style.fit(panel.ylabel, height + 0.15))
    for start, end, color in panel.ground:
        drawn.axvspan(start, end, color=color, linewidth=0, zorder=0.5, label="here")
    for y, look, _, spans in panel.levels:
        how: dict[str, Any] = {
            "color": look.color, "linestyle": look.dash, "linewidth": look.width,
            "label": look.name, "zorder": 1.7 if look.name else 1.0,
        }  # fmt: skip
        if spans:
            drawn.hlines(y, *np.transpose(spans), **how)
        else:
            drawn.axhline(float(y), **how)


def _fill(drawn: Axes, panel: Panel, view: RunView | None, *, room: float) -> None:
    """The lines, their names, and what is said of them."""
    usual = view.generations if panel.x is None and view is not None else panel.x
    ends = []
    for n, line in enumerate(panel.lines):
        x = usual if line.x is None else line.x
        assert x is not None
        draw_line(drawn, x, line, zorder=3 + 0.1 * n)
        ends.append((line.what.middle, line.end, line.look))
    if panel.more is not None:
        panel.more(drawn)
    ends += [(np.atleast_1d(level.y), level.end, level.look) for level in panel.levels]
    last = [(y[np.isfinite(y)], end, look) for y, end, look in ends if end]
    timeseries.end_labels(
        drawn,
        [(float(y[-1]), end, look.color) for y, end, look in last if len(y)],
        room=room,
        bold=[look.width > style.HEAVY for y, _, look in last if len(y)],
    )
    if panel.empty:
        layouts.no_data(drawn, panel.undefined)
    elif remarks := [*panel.remarks, *cut_off(panel.lines, panel.within[0])]:
        layouts.footnote(drawn, remarks)


def draw_line(drawn: Axes, x: Floats, line: Line, *, zorder: float = 3.0) -> None:
    """A line with its bands and replicates: bands outermost first, named "NAME band"; thin lines
    "NAME replicates"; of points "NAME ends" and "interval"."""
    (name, color, dash, width, *_), what = line.look, line.what
    for (low, high), alpha in zip(what.bands, BANDS[len(what.bands)], strict=True):
        if line.points:
            drawn.vlines(x, low, high, color=color, linewidth=1.0, zorder=4, label="interval")
            continue
        drawn.fill_between(
            x, low, high, color=color, alpha=alpha, linewidth=0, label=f"{name} band"
        )
        if len(x) == 1:
            drawn.vlines(x, low, high, color=color, alpha=0.45, linewidth=15 * alpha - 1.5)
    if what.replicates is not None:
        timeseries.thin_lines(drawn, x, what.replicates, color=color, label=f"{name} replicates")
    timeseries.line(
        drawn, x, what.middle, color=color, dash=dash, width=width, label=name, zorder=zorder
    )
    if line.points:
        drawn.plot(
            x, what.middle, "o", color=color, markersize=2.2 * width, zorder=1 + zorder,
            label=f"{name} ends",
        )  # fmt: skip


def cut_off(lines: Sequence[Line], least: float) -> list[str]:
    """Says which lines fall below the least that is drawn, and how far."""
    lowest = {
        line.look.name: float(np.nanmin(line.what.middle))
        for line in lines
        if np.isfinite(line.what.middle).any() and np.nanmin(line.what.middle) < least
    }
    if not lowest:
        return []
    end = style.number(float(f"{min(lowest.values()):.3g}"))
    return [f"cut off, down to {end}: {', '.join(lowest)}"]
