"""Figure ``interaction``: a measure against one parameter with a line a level of another, and the
other way round; lines that are not parallel are an interaction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.grid import cells, is_grid, with_unit
from evosim.plot import layouts, registry, style, timeseries
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
        rows = [_header(summary, name, pair) for name, pair in drawn]
        layout = layouts.create(
            [
                # A blank line above: the row before has labels along x.
                layouts.Row(height=HEIGHT, columns=2, ticks=True, room=room,
                           header=("",) * (n > 0) + header, bold=1 + (n > 0))
                for n, header in enumerate(rows)
            ],
            width=style.DOUBLE,
            title=f"{summary['title']}: what parameters do together",
            note=_note(summary, axes),
            legend=_parts.threshold_legend(*summary["measures"].values()),
            left=LEFT,
            right=0.06,
            between=room + GAP,
            xlabel=" ",
        )  # fmt: skip
        for (name, pair), row in zip(drawn, layout.axes, strict=True):
            for panel, (i, j) in zip(row, (pair, pair[::-1]), strict=True):
                x, other = list(axes.values())[i], list(axes.values())[j]
                each = _parts.over(points, name, (i, j))
                _lines(panel, x, other, each, summary["measures"][name], room)
                layouts.panel_title(panel, f"lines: {other.label}")
    return layout.figure


def _pairs(summary: Summary, measure: str) -> list[tuple[int, int]]:
    """The pairs to draw, in the order of parameters: those that interact most, where many."""
    names = list(summary["parameters"])
    several = [n for n, p in enumerate(summary["parameters"].values()) if len(p["values"]) > 1]
    pairs = list(itertools.combinations(several, 2))
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
    named = [*((labels[n], (n,)) for n in (first, second)), ("their interaction", (first, second))]
    words = [f"{name} {100 * shares[of]['share']:.0f} %" for name, of in named]
    if (p := shares[first, second]["p"]) is not None:
        words[-1] += " (p < 0.001)" if p < 0.001 else f" (p = {p:.2g})"
    if (noise := measure["variance"]["noise"]) is not None:
        words.append(f"noise {100 * noise:.0f} %")
    return (*title, *style.wrap(f"Shares of variance: {', '.join(words)}.", room))


def _note(summary: Summary, axes: Mapping[str, ParameterAxis]) -> str:
    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if len(axes) > 2:
        words.append("Means over all levels of the other parameters, without intervals.")
    elif kind:
        crowded = any(axis.crowded for axis in axes.values())
        words.append(f"Bars: {kind}{', where there is room' if crowded else ''}.")
    more = []
    split = [m["variance"] for m in summary["measures"].values() if m["variance"] is not None]
    if split:
        more.append(
            "Shares of variance: eta squared of an analysis of variance, all points with equal "
            "weight."
        )
    if any(effect["p"] is not None for each in split for effect in each["effects"]):
        more.append("p: F test that there is no interaction.")
    few = [axis.label for axis in axes.values() if len(_chosen(axis)) < len(axis.at)]
    if few:
        more.append(f"{MOST_LINES} levels are lines: {', '.join(few)}.")
    if math.comb(len(axes), 2) > MOST_PAIRS:
        more.append(f"The {MOST_PAIRS} pairs that interact most.")
    if any(axis.even for axis in axes.values()):
        more.append("Levels that are close together are evenly spaced, not to scale.")
    return _parts.note(summary, " ".join(words), *more)


def _lines(
    panel: Axes, x: ParameterAxis, other: ParameterAxis, each: Field, measure: Summary, room: float
) -> None:
    chosen = _chosen(other)
    palette = _parts.level_colors(other, chosen)
    _parts.lines(panel, x, each, chosen, palette, bands=False)
    shown = each.value[:, chosen], each.low[:, chosen], each.high[:, chosen]
    timeseries.limits(panel, *shown, include=_parts.threshold_of(measure))
    _parts.mark_threshold(panel, measure)
    panel.set_xlabel(style.fit(x.label, style.inches(panel)[0]))
    ends = [
        (float(known[-1]), other.labels[k], color)
        for k, color in zip(chosen, palette, strict=True)
        if len(known := each.value[:, k][np.isfinite(each.value[:, k])])
    ]
    timeseries.end_labels(panel, ends, room=room)
