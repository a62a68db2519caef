"""Figure ``phase``: a measure over two parameters as colour, and where it crosses its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics.grid import is_grid, together, with_unit
from evosim.plot import colors, layouts, registry, style
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import Field, Floats, ParameterAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

HEIGHT = 1.9
BAR = 0.09
"""Inches of a colour bar's width."""
BAR_ROOM = 0.55
RIGHT = 0.1
MOST_PANELS = 6
LONGEST = 0.9
"""Inches that the names of levels may fill."""


def unsupported(summary: Summary) -> str | None:
    """Why there is no phase diagram; None where there is one."""
    parameters = summary["parameters"].values()
    if len(parameters) < 2:
        return "a phase diagram takes two parameters, and this study has one; draw curve"
    if not is_grid(summary) and sum(p["numeric"] for p in parameters) < 2:
        return "points that are no grid take two parameters with numbers"
    return None


@registry.figure("phase", "phase diagram", of="study", unsupported=unsupported)
def figure(summary: Summary) -> Figure:
    """Draw the phase diagrams of all measures."""
    with style.styled():
        return _of_grid(summary) if is_grid(summary) else _of_points(summary)


# A grid: cells


def _of_grid(summary: Summary) -> Figure:
    names = list(summary["parameters"])
    x, y = (_parts.parameter_axis(summary["parameters"][name]) for name in names[:2])
    panels, left_out = _parts.split(summary, MOST_PANELS)
    several = len(panels) > 1
    room = min(max(map(style.text_width, y.labels)), LONGEST)
    left = room + 0.3
    measures = list(summary["measures"])
    columns = min(3, len(panels)) if several else min(2, len(measures))
    width = style.SINGLE if columns == 1 else style.DOUBLE
    rows = _rows(summary, len(panels), columns)
    layout = layouts.create(
        rows,
        width=width,
        title=_title(summary, names[:2]),
        note=_note(summary, x, y, left_out),
        left=left,
        right=RIGHT,
        between=0.2 if several else BAR_ROOM + 0.12,
        xlabel=style.fit(x.label, 3.0),
    )
    free = iter(layout.panels)
    for name in measures:
        fields = [_parts.over(points, name, (0, 1)) for _, points in panels]
        norm = Normalize(*_parts.limits_of(np.concatenate([f.value.ravel() for f in fields])))
        measure = summary["measures"][name]
        drawn: list[Axes] = []
        for (title, _), each in zip(panels, fields, strict=True):
            panel = next(free)
            drawn.append(panel)
            _cells(panel, x, y, each, norm, measure)
            _frame(panel, x, y, room, first=not (len(drawn) - 1) % columns if several else
                   not measures.index(name) % columns)  # fmt: skip
            layouts.panel_title(panel, title if several else with_unit(measure))
        for _ in range(-len(panels) % columns if several else 0):
            next(free).set_visible(False)
        last = drawn[min(columns, len(drawn)) - 1]
        _bar(layout.figure, last, norm, measure)
    for panel in free:
        panel.set_visible(False)
    return layout.figure


def _rows(summary: Summary, panels: int, columns: int) -> list[layouts.Row]:
    if panels == 1:
        n = -(-len(summary["measures"]) // columns)
        return [
            layouts.Row(height=HEIGHT, columns=columns, room=BAR_ROOM, ticks=True) for _ in range(n)
        ]
    each = -(-panels // columns)
    return [
        layouts.Row(
            height=HEIGHT * 0.85, columns=columns, room=BAR_ROOM, ticks=True,
            header=(with_unit(measure),) if n == 0 else (),
        )
        for measure in summary["measures"].values()
        for n in range(each)
    ]  # fmt: skip


def _title(summary: Summary, names: Sequence[str]) -> str:
    first, second = (summary["parameters"][name]["label"] for name in names)
    measures = [m["label"] for m in summary["measures"].values()]
    what = measures[0] if len(measures) == 1 else "measures"
    return f"{summary['title']}: {what} over {first} and {second}"


def _note(summary: Summary, x: ParameterAxis, y: ParameterAxis, left_out: str) -> str:
    n = summary["replicates"]
    words = [
        f"Colour: mean over {n} replicates." if n > 1 else "Colour: the only replicate.",
        _parts.replicates_note(summary)
        if summary["runs"]["lived"] < summary["runs"]["wanted"]
        else "",
        together(summary),
        left_out,
    ]
    points = summary["points"]
    if any(_is_crossed(summary, name) for name in summary["measures"]):
        how = "interpolated between points" if x.numeric and y.numeric else "between levels"
        words.append(f"Line: where the mean crosses the threshold, {how}.")
    every = [m for point in points for m in point["measures"].values()]
    if any(m.get("verdict") == "undecided" and m["value"] is not None for m in every) and (
        len(summary["parameters"]) <= 3
    ):
        words.append(
            f"Hatched: undecided, the BCa interval of {100 * summary['confidence']:g} % "
            "contains the threshold, or there is none."
        )
    if any(not point["lived"] for point in points):
        words.append("Crossed out: no run yet.")
    if any(p["lived"] and m["value"] is None for p in points for m in p["measures"].values()):
        words.append("Grey: undefined.")
    if x.even or y.even:
        words.append("Levels are evenly spaced, not to scale.")
    return " ".join(word for word in words if word)


def _is_crossed(summary: Summary, name: str) -> bool:
    """Whether a measure lies on both sides of its threshold."""
    threshold = _parts.threshold_of(summary["measures"][name])
    values = [point["measures"][name]["value"] for point in summary["points"]]
    known = [value for value in values if value is not None]
    return threshold is not None and bool(known) and min(known) <= threshold[1] < max(known)


def _frame(panel: Axes, x: ParameterAxis, y: ParameterAxis, room: float, *, first: bool) -> None:
    width, height = style.inches(panel)
    panel.set_xlim(*_parts.edges(x.at)[[0, -1]])
    panel.set_ylim(*_parts.edges(y.at)[[0, -1]])
    _parts.mark_x(panel, x, width)
    _parts.mark_y(panel, y, height, room)
    panel.tick_params(length=1.5)
    for spine in panel.spines.values():
        spine.set_visible(True)
    if first:
        panel.set_ylabel(style.fit(y.label, height + 0.2))
    else:
        panel.tick_params(labelleft=False)


def _cells(
    panel: Axes, x: ParameterAxis, y: ParameterAxis, each: Field, norm: Normalize, measure: Summary
) -> None:
    across, up = _parts.edges(x.at), _parts.edges(y.at)
    for i in range(len(x.at)):
        for j in range(len(y.at)):
            corner = (across[i], up[j])
            size = (across[i + 1] - across[i], up[j + 1] - up[j])
            value = each.value[i, j]
            color = to_hex(_parts.SHADES(norm(value))) if np.isfinite(value) else _parts.UNDEFINED
            if not each.has_runs[i, j] and not np.isfinite(value):
                _crossed(panel, corner, size)
                continue
            panel.add_patch(Rectangle(corner, *size, facecolor=color, linewidth=0, zorder=1))
            if each.undecided[i, j]:
                _hatched(panel, corner, size, colors.contrast(color))
    if (threshold := _parts.threshold_of(measure)) is not None:
        _crossing(panel, x, y, each.value, threshold[1])


def _hatched(
    panel: Axes, corner: tuple[float, float], size: tuple[float, float], color: str
) -> None:
    patch = Rectangle(corner, *size, fill=False, hatch="////", linewidth=0, zorder=2,
                      edgecolor=color, label="undecided")  # fmt: skip
    if hasattr(patch, "set_hatchcolor"):  # before matplotlib 3.11 it is the edge's
        patch.set_hatchcolor(color)
    panel.add_patch(patch)


def _crossed(panel: Axes, corner: tuple[float, float], size: tuple[float, float]) -> None:
    (left, low), (width, height) = corner, size
    panel.add_patch(
        Rectangle(corner, *size, facecolor="white", edgecolor=colors.LIGHT_GREY, linewidth=0.4,
                  zorder=1, label="missing")
    )  # fmt: skip
    for ends in ((low, low + height), (low + height, low)):
        panel.plot([left, left + width], ends, color=colors.LIGHT_GREY, linewidth=0.5, zorder=1.2)


def _crossing(
    panel: Axes, x: ParameterAxis, y: ParameterAxis, value: Floats, threshold: float
) -> None:
    """Where the mean crosses the threshold: a contour, or along the cells where no number lies
    between two levels."""
    halo: tuple[tuple[str, float, float], ...] = (("white", 2.6, 3.0), (colors.BLACK, 1.1, 3.1))
    if x.numeric and y.numeric and min(value.shape) > 1:
        known = value[np.isfinite(value)]
        if len(known) and known.min() < threshold < known.max():
            for color, width, order in halo:
                panel.contour(
                    x.at, y.at, np.ma.masked_invalid(value.T), levels=[threshold],
                    colors=[color], linewidths=width, zorder=order,
                )  # fmt: skip
        return
    across, up = _parts.edges(x.at), _parts.edges(y.at)
    beyond = np.where(np.isfinite(value), value > threshold, np.nan)
    for color, width, order in halo:
        for i, j in np.ndindex(value.shape):
            if i and beyond[i, j] + beyond[i - 1, j] == 1:
                panel.plot([across[i]] * 2, up[j : j + 2], color=color, linewidth=width,
                           zorder=order)  # fmt: skip
            if j and beyond[i, j] + beyond[i, j - 1] == 1:
                panel.plot(across[i : i + 2], [up[j]] * 2, color=color, linewidth=width,
                           zorder=order)  # fmt: skip


def _bar(figure: Figure, panel: Axes, norm: Normalize, measure: Summary) -> None:
    """The scale of the colours to the right of a panel, with the threshold."""
    box, whole = panel.get_position(), figure.get_figwidth()
    bar = figure.add_axes((box.x1 + 0.08 / whole, box.y0, BAR / whole, box.height))
    figure.colorbar(ScalarMappable(norm, _parts.SHADES), cax=bar)
    bar.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    bar.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
    bar.tick_params(length=1.5)
    if (threshold := _parts.threshold_of(measure)) is None:
        return
    low, high = bar.get_ylim()
    if low < threshold[1] < high:
        bar.axhline(threshold[1], color="white", linewidth=2.6)
        bar.axhline(threshold[1], color=colors.BLACK, linewidth=1.1)


# Points that are no grid


def _of_points(summary: Summary) -> Figure:
    names = [name for name, p in summary["parameters"].items() if p["numeric"]]
    pairs = _parts.pairs(min(len(names), 3))
    measures = list(summary["measures"])
    width = style.DOUBLE if len(pairs) > 1 or len(measures) > 1 else style.SINGLE
    columns = len(pairs) if len(pairs) > 1 else min(2, len(measures))
    n = len(measures) if len(pairs) > 1 else -(-len(measures) // columns)
    headers = [with_unit(m) for m in summary["measures"].values()] if len(pairs) > 1 else []
    layout = layouts.create(
        [
            layouts.Row(height=HEIGHT, columns=columns, room=BAR_ROOM, ticks=True,
                       **_parts.header(k, *headers[k : k + 1]))
            for k in range(n)
        ],
        width=width,
        title=_title(summary, names[:2]) if len(names) == 2 else
        f"{summary['title']}: measures over pairs of parameters",
        note=_note_of_points(summary, len(names)),
        left=0.5,
        right=RIGHT,
        between=0.6 if len(pairs) > 1 else BAR_ROOM + 0.5,
        xlabel=" ",
    )  # fmt: skip
    free = iter(layout.panels)
    for name in measures:
        measure = summary["measures"][name]
        values = [point["measures"][name]["value"] for point in summary["points"]]
        norm = Normalize(*_parts.limits_of(np.array([v for v in values if v is not None], float)))
        for first, second in pairs:
            panel = next(free)
            _scatter(panel, summary, (names[first], names[second]), name, norm)
            if len(pairs) == 1:
                layouts.panel_title(panel, with_unit(measure))
        _bar(layout.figure, panel, norm, measure)
    for panel in free:
        panel.set_visible(False)
    return layout.figure


def _note_of_points(summary: Summary, n: int) -> str:
    words = [
        "Each dot: one point; colour: its mean over replicates.",
        _parts.replicates_note(summary),
    ]
    words.append(together(summary))
    if n > 2:
        words.append("The other parameters vary as well from dot to dot.")
    if n > 3:
        words.append("The first three parameters.")
    if any(m["threshold"] for m in summary["measures"].values()):
        words.append("Triangles: beyond the threshold, with the whole interval; squares: short of "
                     "it; dots: undecided, or no threshold.")  # fmt: skip
    if any(m["value"] is None for p in summary["points"] for m in p["measures"].values()):
        words.append("Grey rings: no run yet, or undefined.")
    return " ".join(word for word in words if word)


_MARKERS = {"supported": "^", "refuted": "s"}


def _scatter(
    panel: Axes, summary: Summary, names: tuple[str, str], measure: str, norm: Normalize
) -> None:
    for which, name in zip("xy", names, strict=True):
        places = np.array([point["at"][name] for point in summary["points"]], np.float64)
        _parts.drawn_axis(panel, which, summary["parameters"][name], places)
    for point in summary["points"]:
        x, y = (point["at"][name] for name in names)
        numbers = point["measures"][measure]
        if numbers["value"] is None:
            panel.plot(x, y, "o", markersize=4, markerfacecolor="none", markeredgewidth=0.6,
                       markeredgecolor=colors.GREY)  # fmt: skip
            continue
        marker = _MARKERS.get(numbers.get("verdict", ""), "o")
        shade = to_hex(_parts.SHADES(norm(numbers["value"])))
        panel.plot(x, y, marker, markersize=4.6, color=shade,
                   markeredgecolor=colors.INK, markeredgewidth=0.4)  # fmt: skip
    width = style.inches(panel)[0]
    first, second = (with_unit(summary["parameters"][name]) for name in names)
    panel.set_xlabel(style.fit(first, width))
    panel.set_ylabel(style.fit(second, HEIGHT))
