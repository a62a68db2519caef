"""Figure ``interaction``: a measure against one parameter with a line a level of another, and the
other way round; lines that are not parallel are an interaction."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evosim.metrics.grid import cells, is_grid, with_unit
from evosim.plot import layouts, registry, style, timeseries
from evosim.plot.facets import Panel, facets
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import ParameterAxis

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
    points, measures = cells(summary), summary["measures"]
    drawn = [(name, pair) for name in measures for pair in _pairs(summary, name)]
    axes = [_parts.parameter_axis(parameter) for parameter in summary["parameters"].values()]
    room = max(timeseries.label_room([a.labels[n] for n in _chosen(a)], 0.9) for a in axes)

    def panel(name: str, i: int, j: int) -> Panel:
        x, other, chosen = axes[i], axes[j], _chosen(axes[j])

        def more(panel: Axes) -> None:
            _parts.mark_x(panel, x)
            panel.set_xlabel(style.fit(x.label, style.inches(panel)[0]))

        return Panel(
            lines=_parts.lines(
                x, _parts.over(points, name, (i, j)), chosen, _parts.level_colors(other, chosen),
                ends=[other.labels[n] for n in chosen],
            ),
            levels=_parts.threshold(measures[name]), title=f"lines: {other.label}", xlim=x.limits,
            more=more,
        )  # fmt: skip

    return facets(
        [
            # A blank line above: the row before has labels along x.
            layouts.Row(
                height=HEIGHT, room=room, header=("",) * (n > 0) + _header(summary, name, pair),
                bold=1 + (n > 0), content=[panel(name, *pair), panel(name, *pair[::-1])],
            )
            for n, (name, pair) in enumerate(drawn)
        ],
        title=f"{summary['title']}: what parameters do together",
        note=_note(summary, axes),
        legend=_parts.threshold_legend(*measures.values()),
        left=LEFT,
        right=0.06,
        between=room + GAP,
        xlabel=" ",
    )  # fmt: skip


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


def _note(summary: Summary, axes: Sequence[ParameterAxis]) -> str:
    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if len(axes) > 2:
        words.append("Means over all levels of the other parameters, without intervals.")
    elif kind:
        crowded = any(axis.crowded for axis in axes)
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
    few = [axis.label for axis in axes if len(_chosen(axis)) < len(axis.at)]
    if few:
        more.append(f"{MOST_LINES} levels are lines: {', '.join(few)}.")
    if math.comb(len(axes), 2) > MOST_PAIRS:
        more.append(f"The {MOST_PAIRS} pairs that interact most.")
    if any(axis.even for axis in axes):
        more.append("Levels that are close together are evenly spaced, not to scale.")
    return _parts.note(summary, " ".join(words), *more)
