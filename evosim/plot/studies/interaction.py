"""Figure ``interaction``: a measure against one parameter with a line a level of another, and the
other way round; lines that are not parallel are an interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.grid import cells, is_grid, together, with_unit
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import Field, ParameterAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

HEIGHT = 1.6
LEFT = 0.46
GAP = 0.45
MOST_LINES = 9
MOST_PAIRS = 3


def unsupported(summary: Summary) -> str | None:
    """Why there is no interaction to draw; None where there is one."""
    if not is_grid(summary):
        return "it takes a grid: all combinations of levels"
    if sum(len(p["values"]) > 1 for p in summary["parameters"].values()) < 2:
        return "it takes two parameters with several levels; draw curve"
    return None


@registry.figure("interaction", "what parameters do together", of="study", unsupported=unsupported)
def figure(summary: Summary) -> Figure:
    """Draw all pairs of parameters, or those that interact most, of all measures."""
    with style.styled():
        points = cells(summary)
        drawn = [(name, pair) for name in summary["measures"] for pair in _pairs(summary, name)]
        axes = {name: _parts.parameter_axis(p) for name, p in summary["parameters"].items()}
        room = max(
            timeseries.label_room([axes[name].labels[n] for n in _chosen(axes[name])], 0.9)
            for name in axes
        )
        layout = layouts.create(
            [
                layouts.Row(height=HEIGHT, columns=2, ticks=True, room=room,
                           **_parts.header(n, *_header(summary, name, pair)))
                for n, (name, pair) in enumerate(drawn)
            ],
            width=style.DOUBLE,
            title=f"{summary['title']}: what parameters do together",
            note=_note(summary, axes),
            legend=_legend_entries(summary),
            left=LEFT,
            right=0.06,
            between=room + GAP,
            xlabel=" ",
        )  # fmt: skip
        for (name, pair), row in zip(drawn, layout.axes, strict=True):
            for panel, (i, j) in zip(row, (pair, pair[::-1]), strict=True):
                each = _parts.over(points, name, (i, j))
                both = list(axes)[i], list(axes)[j]
                _lines(panel, axes[both[0]], axes[both[1]], each, summary["measures"][name], room)
                layouts.panel_title(panel, f"lines: {axes[both[1]].label}")
    return layout.figure


def _pairs(summary: Summary, measure: str) -> list[tuple[int, int]]:
    """The pairs to draw, in the order of parameters: those that interact most, where many."""
    names = list(summary["parameters"])
    several = [n for n, p in enumerate(summary["parameters"].values()) if len(p["values"]) > 1]
    pairs = [(several[a], several[b]) for a, b in _parts.pairs(len(several))]
    variance = summary["measures"][measure]["variance"]
    shares = {tuple(e["of"]): e["share"] for e in variance["effects"]} if variance else {}
    strongest = sorted(pairs, key=lambda p: -shares.get((names[p[0]], names[p[1]]), 0.0))
    return sorted(strongest[:MOST_PAIRS])


def _chosen(axis: ParameterAxis) -> list[int]:
    return _parts.evenly_chosen(len(axis.at), MOST_LINES)


def _header(summary: Summary, name: str, pair: tuple[int, int]) -> tuple[str, ...]:
    """The measure, and how much of its variance the two parameters and their interaction are."""
    measure = summary["measures"][name]
    room = style.DOUBLE - 2 * layouts.PAD
    title = style.wrap(with_unit(measure), room, bold=True)[:1]
    if measure["variance"] is None:
        return (
            *title,
            "Shares of variance: undefined, as a point has no number or nothing varies.",
        )
    first, second = (list(summary["parameters"])[n] for n in pair)
    labels = {n: p["label"] for n, p in summary["parameters"].items()}
    shares = {tuple(e["of"]): e for e in measure["variance"]["effects"]}
    words = [
        f"{labels[first]} {_percent(shares[(first,)])}",
        f"{labels[second]} {_percent(shares[(second,)])}",
        f"their interaction {_percent(shares[(first, second)])}{_p(shares[(first, second)])}",
    ]
    noise = measure["variance"]["noise"]
    if noise is not None:
        words.append(f"noise {100 * noise:.0f} %")
    return (*title, *style.wrap(f"Shares of variance: {', '.join(words)}.", room))


def _percent(effect: Summary) -> str:
    return f"{100 * effect['share']:.0f} %"


def _p(effect: Summary) -> str:
    if effect["p"] is None:
        return ""
    return " (p < 0.001)" if effect["p"] < 0.001 else f" (p = {effect['p']:.2g})"


def _legend_entries(summary: Summary) -> list[layouts.LegendEntry]:
    if not any(m["threshold"] for m in summary["measures"].values()):
        return []
    return [layouts.LegendEntry("threshold", colors.INK, _parts.THRESHOLD, 0.8)]


def _note(summary: Summary, axes: Mapping[str, ParameterAxis]) -> str:
    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if len(axes) > 2:
        words.append("Means over all levels of the other parameters, without intervals.")
    elif kind:
        crowded = any(axis.crowded for axis in axes.values())
        words.append(f"Bars: {kind}{', where there is room' if crowded else ''}.")
    words += [_parts.replicates_note(summary), together(summary)]
    split = [m["variance"] for m in summary["measures"].values() if m["variance"] is not None]
    if split:
        words.append(
            "Shares of variance: eta squared of an analysis of variance, all points with equal "
            "weight."
        )
    if any(effect["p"] is not None for each in split for effect in each["effects"]):
        words.append("p: F test that there is no interaction.")
    few = [axis.label for axis in axes.values() if len(_chosen(axis)) < len(axis.at)]
    if few:
        words.append(f"{MOST_LINES} levels are lines: {', '.join(few)}.")
    if len(_parts.pairs(len(axes))) > MOST_PAIRS:
        words.append(f"The {MOST_PAIRS} pairs that interact most.")
    if any(axis.even for axis in axes.values()):
        words.append("Levels that are close together are evenly spaced, not to scale.")
    return " ".join(word for word in words if word)


def _lines(
    panel: Axes, x: ParameterAxis, other: ParameterAxis, each: Field, measure: Summary, room: float
) -> None:
    chosen = _chosen(other)
    palette = _parts.level_colors(other, chosen)
    ends = []
    for i, (k, color) in enumerate(zip(chosen, palette, strict=True)):
        at = x.beside(i, len(chosen))
        timeseries.line(panel, at, each.value[:, k], color=color, label="mean", width=1.1)
        if not x.crowded:
            panel.vlines(at, each.low[:, k], each.high[:, k], color=color, alpha=0.6,
                         linewidth=0.9, zorder=2, label="interval")  # fmt: skip
            panel.plot(at, each.value[:, k], "o", color=color, markersize=2.6, markeredgewidth=0,
                       zorder=4)  # fmt: skip
        known = each.value[:, k][np.isfinite(each.value[:, k])]
        if len(known):
            ends.append((float(known[-1]), other.labels[k], color))
    threshold = _parts.threshold_of(measure)
    shown = each.value[:, chosen], each.low[:, chosen], each.high[:, chosen]
    timeseries.limits(panel, *shown, include=[threshold[1]] if threshold else [])
    if threshold is not None:
        panel.axhline(threshold[1], color=colors.INK, linewidth=0.8, linestyle=_parts.THRESHOLD,
                      zorder=1.5, label="threshold")  # fmt: skip
    width = style.inches(panel)[0]
    panel.set_xlim(*x.limits)
    _parts.mark_x(panel, x, width)
    panel.set_xlabel(style.fit(x.label, width))
    timeseries.end_labels(panel, ends, room=room)
