"""What figures of studies share: sheets of panels by measure, axes of parameters, fields over two
of them, lines by level, thresholds, notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from evosim.metrics.grid import cells, field, shown, together, with_unit
from evosim.plot import colors, layouts, style, timeseries
from evosim.plot.experiment import CLOSEST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Summary = Mapping[str, Any]
Floats = NDArray[np.float64]

SHADES = ListedColormap(colormaps["viridis"](np.linspace(0.0, 1.0, 256)))
"""Perceptually uniform, and told apart with any form of colour blindness."""
DARK = 0.86
"""The part of the shades that is dark enough for a line on white."""
UNDEFINED = "#BDBDBD"
THRESHOLD = (0, (3, 2))
MOST_MARKED = 24
LOG_LABEL = 0.42
"""Inches for a label of an axis of logarithms."""


def sheet(
    summary: Summary,
    titles: Sequence[str],
    *,
    title: str,
    height: float,
    room: float = 0.0,
    own_x: bool = False,
    headed: bool = False,
    **options: Any,
) -> tuple[layouts.Layout, dict[str, list[Axes]]]:
    """A figure with the same panels for every measure.

    One panel a measure: side by side, each under the name of its measure. Several: a block of rows
    under the name, each panel under its own title.

    Args:
        titles: of the panels of a measure.
        title: what the measures are drawn against: "over x and y".
        height, room: of a row, inches; see :class:`evosim.plot.layouts.Row`.
        own_x: whether panels have labels of their own along x, which take a line of room.
        headed: make a block of one panel too.
        options: of :func:`evosim.plot.layouts.create`.

    Returns:
        The layout, and the panels of each measure.
    """
    measures = summary["measures"]
    several = headed or len(titles) > 1
    columns = min(3, len(titles)) if several else min(2, len(measures))
    blocks: list[tuple[str, int]] = [("", len(measures))]
    """The name and the number of panels of each block of rows."""
    if several:
        blocks = [(with_unit(measure), len(titles)) for measure in measures.values()]
    rows: list[layouts.Row] = []
    for name, n in blocks:
        for first in range(0, n, columns):
            # Labels along x of the row above need a line.
            blank = ("",) * bool(own_x and rows)
            header = (name,) * bool(name and first == 0)
            rows.append(
                layouts.Row(
                    height=height, room=room, ticks=True, columns=columns,
                    panels=min(columns, n - first), header=blank + header, bold=1 + len(blank),
                )
            )  # fmt: skip
    named = [measure["label"] for measure in measures.values()]
    layout = layouts.create(
        rows,
        width=style.SINGLE if columns == 1 else style.DOUBLE,
        title=f"{summary['title']}: {named[0] if len(named) == 1 else 'measures'} {title}",
        right=0.1,
        **options,
    )
    free = iter(layout.panels)
    panels = {name: [next(free) for _ in titles] for name in measures}
    for name, each in panels.items():
        for panel, words in zip(each, titles, strict=True):
            layouts.panel_title(panel, words if several else with_unit(measures[name]))
    return layout, panels


class ParameterAxis(NamedTuple):
    """Where the levels of a parameter stand along an axis, and how they are marked."""

    at: Floats
    labels: list[str]
    label: str
    numeric: bool
    even: bool
    """Whether they stand evenly, not to scale."""
    words: bool
    """Whether the labels are names, of which none can be left out."""

    @property
    def reach(self) -> float:
        """From the first level to the last; 1 where there is one."""
        return float(np.ptp(self.at)) or 1.0

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the axis: names have half a level at either side."""
        room = 0.5 * self.reach / max(1, len(self.at) - 1) if self.words else 0.06 * self.reach
        return float(self.at[0]) - room, float(self.at[-1]) + room

    @property
    def crowded(self) -> bool:
        """Whether there are too many levels for marks, bars and dots at each."""
        return len(self.at) > MOST_MARKED

    def beside(self, n: int, of: int) -> Floats:
        """Where the n-th of so many lines has its marks, so that they do not hide each other."""
        gap = self.reach / max(1, len(self.at) - 1)
        step = 0.12 * gap if not self.numeric else min(0.01 * self.reach, 0.5 * gap / of)
        return self.at + min(step, 0.6 * gap / of) * (n - (of - 1) / 2)


def parameter_axis(parameter: Summary) -> ParameterAxis:
    """The axis of a parameter that was not drawn; of a log scale in decimal logarithms."""
    label = with_unit(parameter)
    values, numbers = parameter["values"], parameter["numbers"]
    if numbers is None:
        places = np.arange(len(values), dtype=np.float64)
        return ParameterAxis(places, [shown(v) for v in values], label, False, False, True)
    words = any(isinstance(value, str) for value in values)
    labels = [
        value if words else style.number(float(f"{n:.3g}"))
        for value, n in zip(values, numbers, strict=True)
    ]
    at = np.array(numbers, np.float64)
    if parameter["scale"] == "log" and np.all(at > 0):
        at = np.log10(at)
    gaps = np.diff(at)
    even = bool(
        len(gaps) and gaps.min() < CLOSEST * (at[-1] - at[0]) and gaps.max() > 1.5 * gaps.min()
    )
    if even:
        at = np.arange(len(at), dtype=np.float64)
    return ParameterAxis(at, labels, label, True, even, words)


def edges(at: Floats) -> Floats:
    """The edges of cells about places, halfway between them."""
    if len(at) < 2:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def mark_x(panel: Axes, axis: ParameterAxis) -> None:
    """Ticks at the levels along x, as many as there is room for."""
    width = style.inches(panel)[0]
    size = max(map(style.text_width, axis.labels)) + 0.07
    room = width / max(1, len(axis.at))
    if size > room and axis.words:
        labels = [style.fit(label, room - 0.05) for label in axis.labels]
        panel.set_xticks(axis.at, labels=labels)
        return
    step = max(1, math.ceil(size / room))
    panel.set_xticks(axis.at[::step], labels=axis.labels[::step])


def drawn_axis(panel: Axes, which: str, parameter: Summary, values: Floats) -> None:
    """The axis of a parameter that was drawn from a range."""
    axis = panel.xaxis if which == "x" else panel.yaxis
    axis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
    width, height = style.inches(panel)
    inches = width if which == "x" else 2 * height
    if parameter["scale"] != "log" or values.min() <= 0:
        if which == "x":
            whole = bool(np.all(values == np.round(values)))
            axis.set_major_locator(MaxNLocator(nbins=max(2, int(inches / 0.4)), integer=whole))
        return
    (panel.set_xscale if which == "x" else panel.set_yscale)("log")
    decades = math.log10(values.max() / values.min())
    many = 3 * decades * LOG_LABEL > inches
    axis.set_major_locator(LogLocator(subs=(1.0,) if many else (1.0, 2.0, 5.0), numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))


class Field(NamedTuple):
    """A measure over two parameters, [level of the first, level of the second]."""

    value: Floats
    low: Floats
    """Ends of the intervals; NaN where values are averaged over other parameters."""
    high: Floats
    undecided: NDArray[np.bool_]
    has_runs: NDArray[np.bool_]
    averaged: bool


def over(points: NDArray[np.object_], measure: str, axes: tuple[int, int]) -> Field:
    """A measure over two axes of a table of points, averaged over all others.

    A point is averaged where all others on its line have a number as well.
    """
    moved = np.moveaxis(points, axes, (0, 1))
    flat = moved.reshape(*moved.shape[:2], -1)
    averaged = flat.shape[2] > 1
    value = np.mean(field(flat, measure), axis=2)
    low, high = (field(flat, measure, "interval", end)[..., 0] for end in (0, 1))
    if averaged:
        low = high = np.full(value.shape, np.nan)
    undecided = [
        not averaged and at is not None and at["measures"][measure].get("verdict") == "undecided"
        for at in flat[..., 0].ravel()
    ]
    has_runs = [at is not None and at["lived"] > 0 for at in flat.ravel()]
    return Field(
        value, low, high, np.array(undecided).reshape(value.shape) & np.isfinite(value),
        np.all(np.array(has_runs).reshape(flat.shape), axis=2), averaged,
    )  # fmt: skip


def split(summary: Summary, most: int) -> tuple[list[tuple[str, Any]], str]:
    """The points by level of the third parameter, for small multiples.

    Returns:
        Of each panel its title and its table of points, without the third axis; a sentence on what
        is left out, or averaged.
    """
    points = cells(summary)
    if points.ndim < 3:
        return [("", points)], ""
    names = list(summary["parameters"])
    third = summary["parameters"][names[2]]
    chosen = evenly_chosen(len(third["values"]), most)
    words = []
    if len(chosen) < len(third["values"]):
        words.append(f"{len(chosen)} of {len(third['values'])} levels of {third['label']}.")
    if points.ndim > 3:
        others = ", ".join(summary["parameters"][name]["label"] for name in names[3:])
        words.append(f"Means over all levels of {others}, without intervals.")
    panels = [
        (f"{third['label']}: {shown(third['values'][n])}", np.take(points, n, axis=2))
        for n in chosen
    ]
    return panels, " ".join(words)


def evenly_chosen(n: int, most: int) -> list[int]:
    """At most so many of n numbers, from the first to the last."""
    if n <= most:
        return list(range(n))
    return [round(i * (n - 1) / (most - 1)) for i in range(most)]


def level_colors(axis: ParameterAxis, chosen: Sequence[int]) -> list[str]:
    """A colour for each level: in order along a scale, or of the palette."""
    if not axis.numeric and len(chosen) <= len(colors.SERIES):
        return list(colors.SERIES[: len(chosen)])
    parts = np.linspace(0.0, DARK, len(chosen)) if len(chosen) > 1 else np.array([0.3])
    return [to_hex(SHADES(part)) for part in parts]


def lines(
    panel: Axes,
    x: ParameterAxis,
    values: Field,
    chosen: Sequence[int],
    palette: Sequence[str],
    *,
    bands: bool,
    joined: bool = True,
) -> None:
    """Means for each chosen level of the second parameter, with intervals.

    Args:
        bands: draw intervals as bands along a line; else as bars, beside each other.
        joined: whether means are joined by a line.
    """
    for i, (k, color) in enumerate(zip(chosen, palette, strict=True)):
        low, value, high = values.low[:, k], values.value[:, k], values.high[:, k]
        at = x.at if bands else x.beside(i, len(chosen))
        known = bool(np.any(np.isfinite(low)))
        if known and bands and len(at) > 1:
            panel.fill_between(at, low, high, color=color, alpha=0.18, linewidth=0,
                               label="interval")  # fmt: skip
        elif known and not x.crowded:
            panel.vlines(at, low, high, color=color, alpha=0.6, linewidth=1.2, zorder=2,
                         label="interval")  # fmt: skip
        if joined:
            timeseries.line(panel, at, value, color=color, label="mean", zorder=4)
        if not x.crowded:
            panel.plot(at, value, "o", color=color, markersize=3.0, zorder=5,
                       markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
    panel.set_xlim(*x.limits)
    mark_x(panel, x)


def threshold_of(measure: Summary) -> tuple[float, ...]:
    """The number of a measure's threshold; nothing where it has none."""
    return tuple((measure["threshold"] or {}).values())


def mark_threshold(panel: Axes, measure: Summary, *, across: bool = False) -> None:
    """The threshold of a measure that stands along y; along x if ``across``."""
    for at in threshold_of(measure):
        (panel.axvline if across else panel.axhline)(
            at, color=colors.INK, linewidth=0.8, linestyle=THRESHOLD, zorder=1.5, label="threshold"
        )


def threshold_legend(*measures: Summary) -> list[layouts.LegendEntry]:
    """The entry of a legend for thresholds; nothing where there are none."""
    if not any(map(threshold_of, measures)):
        return []
    return [layouts.LegendEntry("threshold", colors.INK, THRESHOLD, 0.8)]


def note(summary: Summary, *words: str) -> str:
    """The sentences of a note; after the first those that every figure of a study has below it:
    how many replicates there are, and which measures are no means of a number a replicate."""
    first, *rest = words
    every = (first, replicates_note(summary), together(summary), *rest)
    return " ".join(word for word in every if word)


def replicates_note(summary: Summary) -> str:
    """How many replicates there are, and whether runs are lacking; a sentence."""
    n, runs = summary["replicates"], summary["runs"]
    words = f"{n} replicates at each point" if n > 1 else "One replicate at each point"
    if runs["lived"] < runs["wanted"]:
        words += f" when all are complete; so far {runs['lived']} of {runs['wanted']} runs"
    return f"{words}."


def interval_kind(summary: Summary) -> str:
    """What intervals are; empty where there are none."""
    if summary["replicates"] == 1:
        return ""
    return f"BCa intervals of {100 * summary['confidence']:g} % over replicates"
