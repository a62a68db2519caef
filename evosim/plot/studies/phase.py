"""Figure ``phase``: a measure over two parameters as colour, and where it crosses its threshold."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics import METRICS
from evosim.metrics.grid import is_grid, with_unit
from evosim.plot import colors, registry, style
from evosim.plot.facets import Panel
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
MOST_PANELS = 6
WIDTH, NARROW = 2.2, 1.5
"""About the inches of a panel's width; where there are several for each measure."""
HALO = (("white", 2.6, 3.0), (colors.BLACK, 1.1, 3.1))
"""Colour, width and order of the two lines that make one that is seen on every colour."""
MARKERS = {"supported": "^", "refuted": "s"}


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
    return _of_grid(summary) if is_grid(summary) else _of_points(summary)


def _title(summary: Summary, names: Sequence[str]) -> str:
    """What the first measure goes from and to, over which parameters."""
    first, second = (summary["parameters"][name]["label"] for name in names)
    measure = next(iter(summary["measures"]))
    values = [point["measures"][measure]["value"] for point in summary["points"]]
    known = [value for value in values if value is not None]
    if not known or len(summary["measures"]) > 1:
        return f"over {first} and {second}"
    low, high = (style.number(float(f"{end:.2g}")) for end in (min(known), max(known)))
    return f"from {low} to {high}, over {first} and {second}"


def _of_grid(summary: Summary) -> Figure:
    """Cells between levels."""
    names = list(summary["parameters"])
    width = WIDTH if len(names) < 3 else NARROW
    x, y = (_parts.parameter_axis(summary["parameters"][name], width) for name in names[:2])
    tables, left_out = _parts.split(summary, MOST_PANELS)
    several = len(tables) > 1
    room = min(max(map(style.text_width, y.names)), _parts.LONGEST)
    across, up = (_parts.edges(axis.at)[[0, -1]] for axis in (x, y))
    # As many labels as there is room for; of names none can be left out.
    step = 1 if y.words else math.ceil(len(y.at) * style.line_height() / (0.85 * HEIGHT))
    marks = {y.at[n]: style.fit(y.names[n], room) for n in range(0, len(y.at), step)}

    def diagram(panel: Axes, each: Field, norm: Normalize, name: str, bar: bool) -> None:
        measure = summary["measures"][name]
        _parts.mark_x(panel, x)
        panel.tick_params(length=1.5)
        for spine in panel.spines.values():
            spine.set_visible(True)
        _cells(panel, x, y, each, norm)
        for threshold in _parts.threshold_of(measure):
            _crossing(panel, x, y, each.value, threshold)
        _theory(panel, summary, (x, y), name)
        if bar:
            _bar(panel, norm, measure)

    panels = {}
    for name in summary["measures"]:
        fields = [_parts.over(points, name, (0, 1)) for _, points in tables]
        norm = _scale(summary, name, np.concatenate([each.value.ravel() for each in fields]))
        panels[name] = [
            Panel(
                title=title, xlim=tuple(across), ylim=tuple(up), yticks=marks, ylabel=y.label,
                scale="y", more=partial(diagram, each=each, norm=norm, name=name,
                                        bar=n == min(len(tables), 3) - 1),
            )
            for n, ((title, _), each) in enumerate(zip(tables, fields, strict=True))
        ]  # fmt: skip
    return _parts.sheet(
        summary,
        panels,
        title=_title(summary, names[:2]),
        height=HEIGHT * 0.85 if several else HEIGHT,
        room=BAR_ROOM,
        note=_note(summary, x, y, left_out),
        left=room + 0.3,
        between=0.2 if several else BAR_ROOM + 0.12,
        xlabel=style.fit(x.label, 3.0),
    )


def _note(summary: Summary, x: ParameterAxis, y: ParameterAxis, left_out: str) -> str:
    several, points = summary["replicates"] > 1, summary["points"]
    words = [f"Colour: {'mean over replicates' if several else 'the only replicate'}.", left_out]
    if any(_is_crossed(summary, name) for name in summary["measures"]):
        how = "interpolated between points" if x.numeric and y.numeric else "between levels"
        words.append(f"Line: where the mean crosses the threshold, {how}.")
    if any(measure.get("theory") for measure in summary["measures"].values()):
        words.append("Dashed: where theory puts it.")
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
    words += [axis.key for axis in (x, y) if axis.key]
    return _parts.note(summary, *words)


def _is_crossed(summary: Summary, name: str) -> bool:
    """Whether a measure lies on both sides of its threshold."""
    values = [point["measures"][name]["value"] for point in summary["points"]]
    known = [value for value in values if value is not None]
    thresholds = _parts.threshold_of(summary["measures"][name])
    return any(known and min(known) <= threshold < max(known) for threshold in thresholds)


def _scale(summary: Summary, name: str, values: Floats) -> Normalize:
    """The scale of colours of a measure: of all shares, which have 0 and 1, the same.

    Args:
        values: NaN where there are none.
    """
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if _is_share(summary["measures"][name]["measure"]):
        return Normalize(min(low, 0.0), max(high, 1.0))
    return Normalize(low, high) if high > low else Normalize(low - 0.5, high + 0.5)


def _is_share(measure: str) -> bool:
    """Whether a metric is a share, or what becomes of one across a flip."""
    if measure not in METRICS:
        return False
    metrics = [METRICS[measure], METRICS[METRICS[measure].trajectory or measure]]
    return any(metric.normalized or metric.bounds == (0.0, 1.0) for metric in metrics)


def _cells(panel: Axes, x: ParameterAxis, y: ParameterAxis, each: Field, norm: Normalize) -> None:
    """A cell for each point: its colour, hatched where undecided, crossed out without runs."""
    across, up = _parts.edges(x.at), _parts.edges(y.at)
    for i, j in np.ndindex(each.value.shape):
        value = each.value[i, j]
        left, right, low, high = across[i], across[i + 1], up[j], up[j + 1]
        box: tuple[Any, ...] = ((left, low), right - left, high - low)
        if not each.has_runs[i, j] and not np.isfinite(value):
            panel.add_patch(
                Rectangle(*box, facecolor="white", edgecolor=colors.LIGHT_GREY, linewidth=0.4,
                          zorder=1, label="missing")
            )  # fmt: skip
            for ends in ((low, high), (high, low)):
                panel.plot([left, right], ends, color=colors.LIGHT_GREY, linewidth=0.5,
                           zorder=1.2)  # fmt: skip
            continue
        color = to_hex(_parts.SHADES(norm(value))) if np.isfinite(value) else _parts.UNDEFINED
        panel.add_patch(Rectangle(*box, facecolor=color, linewidth=0, zorder=1))
        if each.undecided[i, j]:
            ink = colors.contrast(color)
            hatched = Rectangle(*box, fill=False, hatch="////", linewidth=0, zorder=2,
                                edgecolor=ink, label="undecided")  # fmt: skip
            if hasattr(hatched, "set_hatchcolor"):  # before matplotlib 3.11 it is the edge's
                hatched.set_hatchcolor(ink)
            panel.add_patch(hatched)


def _crossing(
    panel: Axes, x: ParameterAxis, y: ParameterAxis, value: Floats, threshold: float
) -> None:
    """Where the mean crosses the threshold: a contour, or along the cells where no number lies
    between two levels."""
    if x.numeric and y.numeric and min(value.shape) > 1:
        known = value[np.isfinite(value)]
        if len(known) and known.min() < threshold < known.max():
            # As far as the cells reach, beyond the outermost points as there.
            places = [
                np.array([e[0], *axis.at, e[-1]])
                for axis in (x, y)
                for e in [_parts.edges(axis.at)]
            ]
            whole = np.ma.masked_invalid(np.pad(value, 1, mode="edge").T)
            for color, width, order in HALO:
                panel.contour(*places, whole, levels=[threshold], colors=[color], linewidths=width,
                              zorder=order)  # fmt: skip
        return
    across, up = _parts.edges(x.at), _parts.edges(y.at)
    beyond = np.where(np.isfinite(value), value > threshold, np.nan)
    # NaN at either side is no crossing: it does not add up to 1.
    walls = [
        [(across[i + 1], up[j]), (across[i + 1], up[j + 1])]
        for i, j in np.argwhere(beyond[1:] + beyond[:-1] == 1)
    ]
    walls += [
        [(across[i], up[j + 1]), (across[i + 1], up[j + 1])]
        for i, j in np.argwhere(beyond[:, 1:] + beyond[:, :-1] == 1)
    ]
    for color, width, order in HALO:
        panel.add_collection(
            LineCollection(walls, colors=[color], linewidths=width, zorder=order,
                           capstyle="projecting")
        )  # fmt: skip


def _theory(panel: Axes, summary: Summary, axes: Sequence[ParameterAxis], name: str) -> None:
    """The line on which theory puts the threshold, where both parameters are numbers."""
    points = np.array(summary["measures"][name].get("theory") or (), np.float64).reshape(-1, 2)
    if len(points) and all(axis.numeric for axis in axes):
        parameters = list(summary["parameters"].values())[:2]
        places = [_parts.placed(*each) for each in zip(points.T, parameters, axes, strict=True)]
        for color, width, order in HALO:
            panel.plot(*places, color=color, linewidth=width, linestyle="--", zorder=order + 0.2)


def _bar(panel: Axes, norm: Normalize, measure: Summary) -> None:
    """The scale of the colours to the right of a panel, with the threshold."""
    figure = panel.get_figure(root=True)
    assert figure is not None
    box, whole = panel.get_position(), figure.get_figwidth()
    bar = figure.add_axes((box.x1 + 0.08 / whole, box.y0, BAR / whole, box.height))
    figure.colorbar(ScalarMappable(norm, _parts.SHADES), cax=bar)
    bar.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    bar.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
    bar.tick_params(length=1.5)
    low, high = bar.get_ylim()
    for threshold in _parts.threshold_of(measure):
        for color, width, _ in HALO:
            if low < threshold < high:
                bar.axhline(threshold, color=color, linewidth=width)


def _of_points(summary: Summary) -> Figure:
    """Dots: points that are no grid."""
    parameters = summary["parameters"]
    names = [name for name, p in parameters.items() if p["numeric"]]
    pairs = list(itertools.combinations(names[:3], 2))
    several = len(pairs) > 1
    words = ["Each dot: one point; colour: its mean over replicates."]
    if len(names) > 2:
        words.append("The other parameters vary as well from dot to dot.")
    if len(names) > 3:
        words.append("The first three parameters.")
    if any(map(_parts.threshold_of, summary["measures"].values())):
        words.append("Triangles: beyond the threshold, with the whole interval; squares: short of "
                     "it; dots: undecided, or no threshold.")  # fmt: skip
    if any(m["value"] is None for p in summary["points"] for m in p["measures"].values()):
        words.append("Grey rings: no run yet, or undefined.")
    drawn = {
        name: [
            Panel(title=" ", more=partial(_scatter, summary=summary, pair=pair, measure=name,
                                          bar=pair == pairs[-1]))
            for pair in pairs
        ]
        for name in summary["measures"]
    }  # fmt: skip
    return _parts.sheet(
        summary,
        drawn,
        title="over pairs of parameters" if several else _title(summary, names),
        height=HEIGHT,
        room=BAR_ROOM,
        own_x=True,
        note=_parts.note(summary, *words),
        left=0.5,
        between=0.6 if several else BAR_ROOM + 0.5,
        xlabel=" ",
    )


def _scatter(
    panel: Axes, summary: Summary, pair: tuple[str, str], measure: str, *, bar: bool
) -> None:
    panel.autoscale()  # to the dots
    points, parameters = summary["points"], [summary["parameters"][name] for name in pair]
    places = np.array([[point["at"][name] for name in pair] for point in points], np.float64)
    for which, parameter, along in zip("xy", parameters, places.T, strict=True):
        _parts.drawn_axis(panel, which, parameter, along)
    values = [point["measures"][measure]["value"] for point in points]
    norm = _scale(
        summary, measure, np.array([np.nan if value is None else value for value in values])
    )
    for point, value, (x, y) in zip(points, values, places, strict=True):
        if value is None:
            panel.plot(x, y, "o", markersize=4, markerfacecolor="none", markeredgewidth=0.6,
                       markeredgecolor=colors.GREY)  # fmt: skip
            continue
        marker = MARKERS.get(point["measures"][measure].get("verdict", ""), "o")
        panel.plot(x, y, marker, markersize=4.6, color=to_hex(_parts.SHADES(norm(value))),
                   markeredgecolor=colors.INK, markeredgewidth=0.4)  # fmt: skip
    first, second = map(with_unit, parameters)
    panel.set_xlabel(style.fit(first, style.inches(panel)[0]))
    panel.set_ylabel(style.fit(second, HEIGHT))
    if bar:
        _bar(panel, norm, summary["measures"][measure])
