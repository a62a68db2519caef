"""Figure ``curve``: measures against a parameter, with intervals and replicates.

A second parameter is a line a level, a third a panel a level. Of points that were drawn each
parameter has a panel, with its rank correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.grid import field, is_grid, keeps_numbers, replicates, with_unit
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.studies import _parts
from evosim.stats import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

HEIGHT = 1.7
MOST_LINES = 6
MOST_PANELS = 6
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


def _of_grid(summary: Summary) -> Figure:
    """Lines between levels."""
    axes = [_parts.parameter_axis(parameter) for parameter in summary["parameters"].values()]
    x, second = axes[0], axes[1] if len(axes) > 1 else None
    tables, left_out = _parts.split(summary, MOST_PANELS)
    chosen, palette, legend = [0], [colors.BLUE], []
    if second is not None:
        chosen = _parts.evenly_chosen(len(second.at), MOST_LINES)
        palette = _parts.level_colors(second, chosen)
        names = [second.labels[n] for n in chosen]
        names[0] = f"{second.label}: {names[0]}"
        legend = [layouts.LegendEntry(*each) for each in zip(names, palette, strict=True)]

    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if kind and len(axes) <= 3:
        words.append(f"{'Bands' if x.numeric else 'Bars'}: {kind}.")
        if not x.crowded and keeps_numbers(summary):
            words.append("Dots: replicates.")
    more = [left_out]
    if second is not None and len(chosen) < len(second.at):
        more.insert(0, f"{len(chosen)} of {len(second.at)} levels of {second.label}.")
    if any(m["value"] is None for p in summary["points"] for m in p["measures"].values()):
        more.append("A gap: no run yet, or undefined.")
    if x.even:
        more.append("The levels are evenly spaced, not to scale.")
    measures = summary["measures"]
    layout, panels = _parts.sheet(
        summary,
        [title for title, _ in tables],
        title=f"against {summary['parameters'][next(iter(summary['parameters']))]['label']}",
        height=HEIGHT,
        note=_parts.note(summary, " ".join(words), *more),
        legend=[*legend, *_parts.threshold_legend(*measures.values())],
        left=LEFT,
        between=0.55,
        xlabel=style.fit(x.label, 3.0),
    )
    for name, measure in measures.items():
        for panel, (_, points) in zip(panels[name], tables, strict=True):
            table = points.reshape(points.shape[0], -1, *points.shape[2:])
            whole = _parts.over(table, name, (0, 1))
            shown = [whole.value[:, chosen], whole.low[:, chosen], whole.high[:, chosen]]
            for i, (k, color) in enumerate(zip(chosen, palette, strict=True)):
                if whole.averaged or x.crowded:
                    continue
                for j, at in enumerate(x.beside(i, len(chosen))):
                    each = replicates(table[j, k], name)
                    shown.append(each)
                    if len(each) > 1:
                        wander = 2 * ((np.arange(len(each)) * 0.618034) % 1) - 1
                        panel.plot(at + 0.005 * x.reach * wander, each, ".", color=color,
                                   alpha=0.35, markersize=2.6, markeredgewidth=0, zorder=2,
                                   label="replicates")  # fmt: skip
            _parts.lines(panel, x, whole, chosen, palette, bands=x.numeric, joined=x.numeric)
            timeseries.limits(panel, *shown, include=_parts.threshold_of(measure))
            _parts.mark_threshold(panel, measure)
    return layout.figure


def _of_points(summary: Summary) -> Figure:
    """Dots: points that are no grid."""
    names = [name for name, p in summary["parameters"].items() if p["numeric"]]
    measures = summary["measures"]
    kind = _parts.interval_kind(summary)
    words = ["Each dot: one point, its mean over replicates." if kind else "Each dot: one point."]
    if kind:
        words.append(f"Bars: {kind}.")
    more = []
    if len(summary["parameters"]) > 1:
        more.append("The other parameters vary as well from dot to dot.")
    if any(m["ranks"] for m in measures.values()):
        more.append(
            "rho: Spearman's rank correlation over points, with a BCa interval of "
            f"{100 * summary['confidence']:g} % over points."
        )
    layout, panels = _parts.sheet(
        summary,
        [""] * len(names),
        title="against each parameter",
        height=HEIGHT,
        own_x=True,
        headed=True,
        note=_parts.note(summary, " ".join(words), *more),
        legend=_parts.threshold_legend(*measures.values()),
        left=LEFT,
        between=0.45,
        xlabel=" ",
    )
    for measure, each in panels.items():
        for panel, name in zip(each, names, strict=True):
            _against(panel, summary, name, measure)
    return layout.figure


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
    timeseries.limits(panel, value, low, high, include=_parts.threshold_of(found))
    _parts.mark_threshold(panel, found)
    width = style.inches(panel)[0]
    panel.set_xlabel(style.fit(with_unit(summary["parameters"][name]), width + 0.3))
    if rank := (found["ranks"] or {}).get(name):
        layouts.panel_title(panel, f"rho {intervals.shown(rank)}".replace("-", "\N{MINUS SIGN}"))
