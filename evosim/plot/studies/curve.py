"""Figure ``curve``: measures against a parameter, with intervals and replicates.

A second parameter is a line a level, a third a panel a level. Of points that were drawn each
parameter has a panel, with its rank correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.grid import field, is_grid, keeps_numbers, replicates, with_unit
from evosim.plot import colors, layouts, registry, style
from evosim.plot.facets import Panel
from evosim.plot.studies import _parts
from evosim.stats import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Summary = Mapping[str, Any]

HEIGHT = 1.7
MOST_LINES = 6
MOST_PANELS = 6
LEFT = 0.52
WIDTH, NARROW = 2.6, 1.6
"""About the inches of a panel's width; where there are several for each measure."""


def unsupported(summary: Summary) -> str | None:
    """Why there is no curve; None where there is one."""
    if _is_table(summary) or any(p["numeric"] for p in summary["parameters"].values()):
        return None
    return "points that are no grid take a parameter with numbers"


@registry.figure("curve", "measures against a parameter", of="study", unsupported=unsupported)
def figure(summary: Summary) -> Figure:
    """Draw all measures against a parameter."""
    return _of_grid(summary) if _is_table(summary) else _of_points(summary)


def _is_table(summary: Summary) -> bool:
    """Whether points stand at levels with nothing between: a grid, or one parameter listed."""
    parameters = list(summary["parameters"].values())
    return is_grid(summary) or (len(parameters) == 1 and not parameters[0]["drawn"])


def _of_grid(summary: Summary) -> Figure:
    """Lines between levels."""
    parameters = summary["parameters"].values()
    width = WIDTH if len(parameters) < 3 else NARROW
    axes = [_parts.parameter_axis(parameter, width) for parameter in parameters]
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
    marks = "Lines" if x.numeric else "Points"
    words = [f"{marks}: {'means over replicates' if kind else 'the only replicate'}."]
    if kind and len(axes) <= 3:
        words.append(f"{'Bands' if x.numeric else 'Bars'}: {kind}.")
        if not x.crowded and keeps_numbers(summary):
            words.append("Dots: replicates.")
    more = [left_out]
    if second is not None and len(chosen) < len(second.at):
        more.insert(0, f"{len(chosen)} of {len(second.at)} levels of {second.label}.")
    if any(m["value"] is None for p in summary["points"] for m in p["measures"].values()):
        more.append("A gap: no run yet, or undefined.")
    if x.key:
        more.append(x.key)
    if x.even:
        more.append("The levels are evenly spaced, not to scale.")

    def curve(title: str, points: NDArray[np.object_], measure: str) -> Panel:
        table = points.reshape(points.shape[0], -1, *points.shape[2:])
        values = _parts.over(table, measure, (0, 1))
        lines = _parts.lines(x, values, chosen, palette, bands=x.numeric, joined=x.numeric)
        each = [
            (at, replicates(table[j, k], measure), color)
            for i, (k, color) in enumerate(zip(chosen, palette, strict=True))
            for j, at in enumerate(x.beside(i, len(chosen)))
            if not values.averaged and not x.crowded
        ]

        def more(panel: Axes) -> None:
            _parts.mark_x(panel, x)
            for at, dots, color in each:
                wander = 0.005 * x.reach * (2 * ((np.arange(len(dots)) * 0.618034) % 1) - 1)
                if len(dots) > 1:
                    panel.plot(at + wander, dots, ".", color=color, alpha=0.35, markersize=2.6,
                               markeredgewidth=0, zorder=2, label="replicates")  # fmt: skip
            for line in lines if x.numeric and not x.crowded else ():
                panel.plot(x.at, line.what.middle, "o", color=line.look.color, markersize=3.0,
                           zorder=5, markeredgecolor="white", markeredgewidth=0.4)  # fmt: skip

        drawn = [*(dots for _, dots, _ in each), *(a for one in lines for a in one.what.arrays)]
        return Panel(
            lines=[*_parts.published(summary, measure, x), *lines], title=title, xlim=x.limits,
            levels=_parts.threshold(measures[measure]), holds=drawn, more=more,
        )  # fmt: skip

    measures = summary["measures"]
    return _parts.sheet(
        summary,
        {name: [curve(title, points, name) for title, points in tables] for name in measures},
        title=f"against {next(iter(summary['parameters'].values()))['label']}",
        height=HEIGHT,
        note=_parts.note(summary, " ".join(words), *more),
        legend=[
            *legend,
            *_parts.published_legend(summary),
            *_parts.threshold_legend(*measures.values()),
        ],
        left=LEFT,
        between=0.55,
        xlabel=style.fit(x.label, 3.0),
    )


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
    return _parts.sheet(
        summary,
        {measure: [_against(summary, name, measure) for name in names] for measure in measures},
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


def _against(summary: Summary, name: str, measure: str) -> Panel:
    """A dot a point, at its value of a parameter."""
    points = np.empty(len(summary["points"]), object)
    points[:] = summary["points"]
    x = np.array([point["at"][name] for point in points], np.float64)
    value = field(points, measure)
    low, high = (field(points, measure, "interval", end) for end in (0, 1))
    parameter, found = summary["parameters"][name], summary["measures"][measure]

    def more(panel: Axes) -> None:
        _parts.drawn_axis(panel, "x", parameter, x)
        if not np.any(np.isfinite(value)):
            text = "undefined" if any(point["lived"] for point in points) else "no run yet"
            layouts.no_data(panel, text)
            panel.set_yticks([])
            if x.min() < x.max():
                panel.set_xlim(x.min(), x.max())
        panel.vlines(x, low, high, color=colors.BLUE, alpha=0.35, linewidth=0.8, label="interval")
        panel.plot(x, value, "o", color=colors.BLUE, markersize=2.8, markeredgewidth=0,
                   label="points")  # fmt: skip
        panel.set_xlabel(style.fit(with_unit(parameter), style.inches(panel)[0] + 0.3))

    rank = (found["ranks"] or {}).get(name)
    return Panel(
        title=f"rho {intervals.shown(rank)}".replace("-", "\N{MINUS SIGN}") if rank else " ",
        holds=[value, low, high], levels=_parts.threshold(found), more=more,
    )  # fmt: skip
