"""What figures of studies share: sheets of panels by measure, axes of parameters, fields over two
of them, lines by level, thresholds, notes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from evosim.metrics.grid import cells, field, together, value_labels, with_unit
from evosim.plot import colors, layouts, style
from evosim.plot.experiment import CLOSEST
from evosim.plot.facets import Level, Line, Panel, facets, grid
from evosim.plot.findings import capital
from evosim.plot.timeseries import Trajectory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]
Floats = NDArray[np.float64]

SHADES = ListedColormap(colormaps["viridis"](np.linspace(0.0, 1.0, 256)))
"""Perceptually uniform, and told apart with any form of colour blindness."""
DARK = 0.86
"""The part of the shades that is dark enough for a line on white."""
UNDEFINED = "#BDBDBD"
THRESHOLD = (0, (3, 2))
PUBLISHED = layouts.LegendEntry("published elsewhere", colors.GREY, (0, (4, 1.5)), 1.0)
MOST_MARKED = 24
LONGEST = 0.9
"""Inches that the names of levels may fill beside lines and along a vertical axis."""
SHORTEST = 0.5
"""Inches of a name from which on it is still one where it is cut."""
LOG_LABEL = 0.42
"""Inches for a label of an axis of logarithms."""


def sheet(
    summary: Summary,
    panels: Mapping[str, Sequence[Panel]],
    *,
    title: str,
    height: float,
    room: float = 0.0,
    own_x: bool = False,
    headed: bool = False,
    **options: Any,
) -> Figure:
    """A figure with panels for every measure.

    One panel a measure: side by side, each under the name of its measure. Several: a block of rows
    under the name, each panel under its own title.

    Args:
        panels: of each measure, as many of one as of another.
        title: what the measures are drawn against: "over x and y".
        height, room: of a row, inches; see :class:`evosim.plot.layouts.Row`.
        own_x: whether panels have labels of their own along x, which take a line of room.
        headed: make a block of one panel too.
        options: of :func:`evosim.plot.facets.facets`.
    """
    measures = summary["measures"]
    row = {"height": height, "room": room, "ticks": True}
    columns = max(map(len, panels.values()))
    rows: list[layouts.Row] = []
    if headed or columns > 1:
        for name, each in panels.items():
            block = grid(each, min(3, columns), **row)
            rows += [replace(block[0], header=(with_unit(measures[name]),)), *block[1:]]
    else:
        named = [replace(each, title=with_unit(measures[n])) for n, (each,) in panels.items()]
        rows = grid(named, min(2, len(named)), **row)
    if own_x:  # labels along x of the row above need a line
        below = [replace(row, header=("", *row.header), bold=2) for row in rows[1:]]
        rows = [rows[0], *below]
    labels = [measure["label"] for measure in measures.values()]
    what = labels[0] if len(labels) == 1 else "measures"
    return facets(rows, title=f"{summary['title']}: {what} {title}", right=0.1, **options)


def lines(
    x: ParameterAxis,
    values: Field,
    chosen: Sequence[int],
    palette: Sequence[str],
    *,
    bands: bool = False,
    joined: bool = True,
    ends: Sequence[str] = (),
) -> list[Line]:
    """A line for each chosen level of the second parameter, with its intervals.

    Args:
        bands: draw intervals as bands along the line; else as bars, beside each other.
        joined: whether the means are joined.
        ends: names of the levels, for the ends of lines.
    """
    found = []
    for n, (k, color) in enumerate(zip(chosen, palette, strict=True)):
        at = x.at if bands else x.beside(n, len(chosen))
        low, mean, high = values.low[:, k], values.value[:, k], values.high[:, k]
        shown = np.any(np.isfinite(low)) and (bands or not x.crowded)
        for part in [slice(None)] if joined else [slice(j, j + 1) for j in range(len(at))]:
            found.append(
                Line(
                    layouts.LegendEntry("mean", color),
                    Trajectory(mean[part], bands=((low[part], high[part]),) if shown else ()),
                    at[part],
                    end=ends[n] if ends else "",
                    points=not bands and not x.crowded,
                )
            )
    return found


def published(summary: Summary, name: str, x: ParameterAxis) -> list[Line]:
    """What others found of a measure, where the first parameter, along x, is a number."""
    points = np.array(summary["measures"][name].get("published") or (), np.float64).reshape(-1, 2)
    if not (len(points) and x.numeric):
        return []
    at = placed(points[:, 0], next(iter(summary["parameters"].values())), x)
    return [Line(PUBLISHED, Trajectory(points[:, 1]), at)]


def published_legend(summary: Summary) -> list[layouts.LegendEntry]:
    """The entry of a legend for what others found; nothing where it is not told."""
    return [PUBLISHED] * any(one.get("published") for one in summary["measures"].values())


def threshold(measure: Summary) -> list[Level]:
    """The line of a measure's threshold; nothing where it has none."""
    look = layouts.LegendEntry("threshold", colors.INK, THRESHOLD, 0.8)
    return [Level(at, look) for at in threshold_of(measure)]


def threshold_legend(*measures: Summary) -> list[layouts.LegendEntry]:
    """The entry of a legend for thresholds; nothing where there are none."""
    return [level.look for measure in measures for level in threshold(measure)][:1]


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
    ticks: list[str]
    """What stands along a horizontal axis: the labels, or what is short enough to be there."""
    names: list[str]
    """What stands beside lines and along a vertical axis."""
    key: str
    """What ticks and names stand for, in a sentence, where they are numbers of levels."""

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


def placed(values: Floats, parameter: Summary, axis: ParameterAxis) -> Floats:
    """Where values of a parameter stand along its axis, also such as are between its levels."""
    scale = np.log10 if parameter["scale"] == "log" else np.asarray
    return np.interp(scale(values), scale(np.array(parameter["numbers"], np.float64)), axis.at)


def parameter_axis(parameter: Summary, inches: float) -> ParameterAxis:
    """The axis of a parameter that was not drawn; of a log scale in decimal logarithms.

    Args:
        inches: about the width of a panel along which it stands.
    """
    label = with_unit(parameter)
    values, numbers = parameter["values"], parameter["numbers"]
    if numbers is None:
        places = np.arange(len(values), dtype=np.float64)
        texts = value_labels(values)
        ticks = _shortened(texts, inches / max(1, len(texts)) - 0.05)
        names, key = _shortened(texts, LONGEST), ""
        if ticks is None or names is None:
            ticks = names = [str(n + 1) for n in range(len(texts))]
            each = "; ".join(f"{n} = {text}" for n, text in zip(ticks, texts, strict=True))
            key = f"{capital(parameter['label'])}: {each}."
        return ParameterAxis(places, texts, label, False, False, True, ticks, names, key)
    words = any(isinstance(value, str) for value in values)
    texts = [
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
    axis = ParameterAxis(at, texts, label, True, even, words, texts, texts, "")
    if words and len(at) > 1:
        low, high = axis.limits
        room = inches * float(np.diff(at).min()) / (high - low)
        if max(map(style.text_width, texts)) > room - 0.05:  # what they are called has no room
            ticks = [style.number(float(f"{n:.3g}")) for n in numbers]
            axis = axis._replace(
                ticks=ticks, names=_shortened(texts, LONGEST) or ticks, words=False
            )
    return axis


def _shortened(texts: Sequence[str], room: float) -> list[str] | None:
    """Names that fit into so many inches and can be told apart: without what is the same in all of
    them, or cut; None where that leaves too little of them."""
    bare = _without_common(texts)
    for each in (list(texts), bare):
        if max(map(style.text_width, each), default=0.0) <= room:
            return each
    cut = [style.fit(text, room) for text in bare]
    return cut if room >= SHORTEST and len({*cut}) == len(cut) else None


def _without_common(texts: Sequence[str]) -> list[str]:
    """Names without the words, or the letters before a number, with which all begin or end."""
    words = [text.split() for text in texts]
    for end in (0, -1):
        while all(len(each) > 1 for each in words) and len({each[end] for each in words}) == 1:
            words = [each[1:] if end == 0 else each[:-1] for each in words]
    bare = [" ".join(each) for each in words]
    numbers = [re.fullmatch(r"(\D*?)([-+]?\d.*)", text) for text in bare]
    if len({found and found[1] for found in numbers}) == 1:
        bare = [found[2] for found in numbers if found] or bare
    return bare


def edges(at: Floats) -> Floats:
    """The edges of cells about places, halfway between them."""
    if len(at) < 2:
        return np.array([at[0] - 0.5, at[0] + 0.5])
    middle = (at[1:] + at[:-1]) / 2
    return np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])


def mark_x(panel: Axes, axis: ParameterAxis) -> None:
    """Ticks at the levels along x, as many as there is room for."""
    width = style.inches(panel)[0]
    sizes = [style.text_width(label) for label in axis.ticks]
    room = width / max(1, len(axis.at))
    if axis.words:
        panel.set_xticks(axis.at, labels=[style.fit(text, room - 0.05) for text in axis.ticks])
        return
    step = max(1, math.ceil((max(sizes) + 0.07) / room))
    low, high = panel.get_xlim()
    kept: list[int] = []
    end = -math.inf
    for n, at in enumerate(axis.at[::step]):
        middle, half = (at - low) / (high - low) * width, sizes[n * step] / 2
        if middle - half > end:
            kept.append(n * step)
            end = middle + half + 0.03
    panel.set_xticks(axis.at[kept], labels=[axis.ticks[n] for n in kept])


def drawn_axis(panel: Axes, which: str, parameter: Summary, values: Floats) -> None:
    """The axis of a parameter that was drawn from a range."""
    axis = panel.xaxis if which == "x" else panel.yaxis
    width, height = style.inches(panel)
    inches = width if which == "x" else 2 * height
    if parameter["scale"] == "log" and values.min() > 0:
        (panel.set_xscale if which == "x" else panel.set_yscale)("log")
        many = 3 * math.log10(values.max() / values.min()) * LOG_LABEL > inches
        axis.set_major_locator(LogLocator(subs=(1.0,) if many else (1.0, 2.0, 5.0), numticks=12))
        axis.set_minor_locator(NullLocator())
    elif which == "x":
        whole = bool(np.all(values == np.round(values)))
        axis.set_major_locator(MaxNLocator(nbins=max(2, int(inches / 0.4)), integer=whole))
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
    names_of = value_labels(third["values"])
    panels = [(f"{third['label']}: {names_of[n]}", np.take(points, n, axis=2)) for n in chosen]
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


def threshold_of(measure: Summary) -> tuple[float, ...]:
    """The number of a measure's threshold; nothing where it has none."""
    return tuple((measure["threshold"] or {}).values())


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
