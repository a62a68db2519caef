"""Figure ``curve``: measures against a parameter, with intervals and replicates.

A second parameter is a line a level, a third a panel a level. Of points that were drawn each
parameter has a panel, with its rank correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.grid import field, is_grid, keeps_numbers, replicates, together, with_unit
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import Floats, ParameterAxis
from evosim.stats import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Summary = Mapping[str, Any]

HEIGHT = 1.7
MOST_LINES = 6
MOST_PANELS = 6
RIGHT = 0.1
LEFT = 0.52


def unsupported(summary: Summary) -> str | None:
    """Why there is no curve; None where there is one."""
    if _is_table(summary) or any(p["numeric"] for p in summary["parameters"].values()):
        return None
    return "points that are no grid take a parameter with numbers"


@registry.figure("curve", "measures against a parameter", of="study", unsupported=unsupported)
def figure(summary: Summary) -> Figure:
    """Draw all measures against a parameter."""
    with style.styled():
        return _of_grid(summary) if _is_table(summary) else _of_points(summary)


def _is_table(summary: Summary) -> bool:
    """Whether points stand at levels with nothing between: a grid, or one parameter listed."""
    parameters = list(summary["parameters"].values())
    return is_grid(summary) or (len(parameters) == 1 and not parameters[0]["drawn"])


# Levels: lines


def _of_grid(summary: Summary) -> Figure:
    named = list(summary["parameters"].values())
    x = _parts.parameter_axis(named[0])
    panels, left_out = _parts.split(summary, MOST_PANELS)
    second = _parts.parameter_axis(named[1]) if len(named) > 1 else None
    chosen = _parts.evenly_chosen(len(second.at), MOST_LINES) if second else [0]
    palette = _parts.level_colors(second, chosen) if second else [colors.BLUE]
    measures = summary["measures"]
    columns = min(3, len(panels)) if len(panels) > 1 else min(2, len(measures))
    per_row = -(-len(panels) // columns) if len(panels) > 1 else 0
    width = style.SINGLE if columns == 1 else style.DOUBLE
    rows = [
        layouts.Row(height=HEIGHT, columns=columns, ticks=True,
                   header=(with_unit(measure),) if per_row and n == 0 else ())
        for measure in list(measures.values())[:: 1 if per_row else columns]
        for n in range(per_row or 1)
    ]  # fmt: skip
    layout = layouts.create(
        rows,
        width=width,
        title=f"{summary['title']}: {_what(summary)} against {named[0]['label']}",
        note=_note(summary, x, second, chosen, left_out),
        legend=_legend_entries(summary, second, chosen, palette),
        left=LEFT,
        right=RIGHT,
        between=0.55,
        xlabel=style.fit(x.label, 3.0),
    )
    free = iter(layout.panels)
    for name, measure in measures.items():
        for title, points in panels:
            panel = next(free)
            table = points.reshape(points.shape[0], -1, *points.shape[2:])
            _lines(panel, x, table, chosen, palette, name, summary)
            layouts.panel_title(panel, title if per_row else with_unit(measure))
        for _ in range(-len(panels) % columns if per_row else 0):
            next(free).set_visible(False)
    for panel in free:
        panel.set_visible(False)
    return layout.figure


def _what(summary: Summary) -> str:
    measures = [m["label"] for m in summary["measures"].values()]
    return measures[0] if len(measures) == 1 else "measures"


def _legend_entries(
    summary: Summary, second: ParameterAxis | None, chosen: list[int], palette: list[str]
) -> list[layouts.LegendEntry]:
    legend = []
    if second is not None:
        legend += [
            layouts.LegendEntry(
                f"{second.label}: {second.labels[n]}" if i == 0 else second.labels[n], color
            )
            for i, (n, color) in enumerate(zip(chosen, palette, strict=True))
        ]
    if any(m["threshold"] for m in summary["measures"].values()):
        legend.append(layouts.LegendEntry("threshold", colors.INK, _parts.THRESHOLD, 0.8))
    return legend


def _note(
    summary: Summary,
    x: ParameterAxis,
    second: ParameterAxis | None,
    chosen: list[int],
    left_out: str,
) -> str:
    averaged = len(summary["parameters"]) > 3
    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if kind and not averaged:
        words.append(f"{'Bands' if x.numeric else 'Bars'}: {kind}.")
    if kind and not averaged and not x.crowded and keeps_numbers(summary):
        words.append("Dots: replicates.")
    words += [_parts.replicates_note(summary), together(summary)]
    if second is not None and len(chosen) < len(second.at):
        words.append(f"{len(chosen)} of {len(second.at)} levels of {second.label}.")
    words.append(left_out)
    if any(m["value"] is None for p in summary["points"] for m in p["measures"].values()):
        words.append("A gap: no run yet, or undefined.")
    if x.even:
        words.append("The levels are evenly spaced, not to scale.")
    return " ".join(word for word in words if word)


def _lines(
    panel: Axes,
    x: ParameterAxis,
    points: NDArray[np.object_],
    chosen: list[int],
    palette: list[str],
    name: str,
    summary: Summary,
) -> None:
    whole = _parts.over(points, name, (0, 1))
    threshold = _parts.threshold_of(summary["measures"][name])
    width = style.inches(panel)[0]
    dots: list[Floats] = []
    for i, (k, color) in enumerate(zip(chosen, palette, strict=True)):
        beside = x.beside(i, len(chosen))
        if not whole.averaged and not x.crowded:
            dots += [
                _dots(panel, at, replicates(points[j, k], name), 0.005 * x.reach, color)
                for j, at in enumerate(beside)
            ]
        _interval(panel, x, beside, whole.low[:, k], whole.high[:, k], color)
        if x.numeric:
            timeseries.line(panel, x.at, whole.value[:, k], color=color, label="mean", zorder=4)
        if x.crowded:
            continue
        at = x.at if x.numeric else beside
        panel.plot(at, whole.value[:, k], "o", color=color, markersize=3.0, zorder=5,
                   markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip
    shown = whole.value[:, chosen], whole.low[:, chosen], whole.high[:, chosen], *dots
    timeseries.limits(panel, *shown, include=[threshold[1]] if threshold else [])
    if threshold is not None:
        panel.axhline(threshold[1], color=colors.INK, linewidth=0.8, linestyle=_parts.THRESHOLD,
                      zorder=1.5, label="threshold")  # fmt: skip
    panel.set_xlim(*x.limits)
    _parts.mark_x(panel, x, width)


def _dots(panel: Axes, x: float, each: Floats, spread: float, color: str) -> Floats:
    if len(each) > 1:
        places = x + spread * (2 * ((np.arange(len(each)) * 0.618034) % 1) - 1)
        panel.plot(places, each, ".", color=color, alpha=0.35, markersize=2.6, markeredgewidth=0,
                   zorder=2, label="replicates")  # fmt: skip
    return each


def _interval(
    panel: Axes, x: ParameterAxis, beside: Floats, low: Floats, high: Floats, color: str
) -> None:
    if not np.any(np.isfinite(low)):
        return
    if x.numeric and len(x.at) > 1:
        panel.fill_between(x.at, low, high, color=color, alpha=0.18, linewidth=0, label="interval")
        return
    panel.vlines(beside, low, high, color=color, linewidth=1.4, zorder=4, label="interval")


# Points that are no grid: dots


def _of_points(summary: Summary) -> Figure:
    names = [name for name, p in summary["parameters"].items() if p["numeric"]]
    measures = summary["measures"]
    columns = min(3, len(names))
    per = -(-len(names) // columns)
    layout = layouts.create(
        [
            layouts.Row(height=HEIGHT, columns=columns, ticks=True,
                       **_parts.header(m + n, *([with_unit(measure)] if n == 0 else [])))
            for m, measure in enumerate(measures.values())
            for n in range(per)
        ],
        width=style.SINGLE if columns == 1 else style.DOUBLE,
        title=f"{summary['title']}: {_what(summary)} against each parameter",
        note=_note_of_points(summary),
        legend=_legend_entries(summary, None, [], []),
        left=LEFT,
        right=RIGHT,
        between=0.45,
        xlabel=" ",
    )  # fmt: skip
    for n, panel in enumerate(layout.panels):
        m, k = divmod(n, per * columns)
        if k >= len(names):
            panel.set_visible(False)
            continue
        _against(panel, summary, names[k], list(measures)[m])
    return layout.figure


def _note_of_points(summary: Summary) -> str:
    kind = _parts.interval_kind(summary)
    words = ["Each dot: one point, its mean over replicates." if kind else "Each dot: one point."]
    if kind:
        words.append(f"Bars: {kind}.")
    words += [_parts.replicates_note(summary), together(summary)]
    if len(summary["parameters"]) > 1:
        words.append("The other parameters vary as well from dot to dot.")
    if any(m["ranks"] for m in summary["measures"].values()):
        words.append(
            "rho: Spearman's rank correlation over points, with a BCa interval of "
            f"{100 * summary['confidence']:g} % over points."
        )
    return " ".join(word for word in words if word)


def _against(panel: Axes, summary: Summary, name: str, measure: str) -> None:
    points = np.empty(len(summary["points"]), object)
    points[:] = summary["points"]
    x = np.array([point["at"][name] for point in points], np.float64)
    value = field(points, measure)
    low, high = (field(points, measure, "interval", end) for end in (0, 1))
    _parts.drawn_axis(panel, "x", summary["parameters"][name], x)
    if not np.any(np.isfinite(value)):
        text = "undefined" if any(point["lived"] for point in points) else "no run yet"
        panel.text(0.5, 0.5, text, transform=panel.transAxes, color=colors.GREY, ha="center")
        panel.set_yticks([])
        if x.min() < x.max():
            panel.set_xlim(x.min(), x.max())
    panel.vlines(x, low, high, color=colors.BLUE, alpha=0.35, linewidth=0.8, label="interval")
    panel.plot(x, value, "o", color=colors.BLUE, markersize=2.8, markeredgewidth=0, label="points")
    found = summary["measures"][measure]
    threshold = _parts.threshold_of(found)
    timeseries.limits(panel, value, low, high, include=[threshold[1]] if threshold else [])
    if threshold is not None:
        panel.axhline(threshold[1], color=colors.INK, linewidth=0.8, linestyle=_parts.THRESHOLD,
                      label="threshold")  # fmt: skip
    width = style.inches(panel)[0]
    panel.set_xlabel(style.fit(with_unit(summary["parameters"][name]), width + 0.3))
    if rank := (found["ranks"] or {}).get(name):
        layouts.panel_title(panel, f"rho {intervals.shown(rank)}".replace("-", "\N{MINUS SIGN}"))
