"""Figure ``interaction``: a measure against one parameter with a line a level of another, and the
other way round; lines that are not parallel are an interaction.

Of three parameters or more there is a panel a pair, and a row of three together: a panel a level of
the third.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.metrics.grid import cells, is_grid, with_unit
from evosim.plot import layouts, registry, style, timeseries
from evosim.plot.facets import Panel, facets
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import ParameterAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]
Points = NDArray[np.object_]

HEIGHT = 1.6
LEFT = 0.46
GAP = 0.45
WIDTH, NARROW = 2.4, 1.3
"""About the inches of a panel's width; of three or more parameters."""
LOWER = 1.25
"""Inches of a row's height of three or more parameters."""
MOST_ROWS = 6
"""Rows of three or more parameters: one for each measure, and others while there is room."""
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
    """Draw pairs of parameters, of all measures; and where there are three, all three together."""
    points, measures = cells(summary), summary["measures"]
    several = [n for n, p in enumerate(summary["parameters"].values()) if len(p["values"]) > 1]
    labels = [parameter["label"] for parameter in summary["parameters"].values()]
    two = len(several) == 2
    width = WIDTH if two else NARROW
    axes = [_parts.parameter_axis(p, width) for p in summary["parameters"].values()]
    room = max(timeseries.label_room([a.names[n] for n in _chosen(a)], 0.9) for a in axes)

    def panel(name: str, i: int, j: int, table: Points, title: str) -> Panel:
        x, other, chosen = axes[i], axes[j], _chosen(axes[j])

        def more(panel: Axes) -> None:
            _parts.mark_x(panel, x)
            panel.set_xlabel(style.fit(x.label, style.inches(panel)[0]))

        others = _parts.published(summary, name, x) if i == 0 else []
        return Panel(
            lines=others + _parts.lines(
                x, _parts.over(table, name, (i, j)), chosen, _parts.level_colors(other, chosen),
                ends=[other.names[n] for n in chosen],
            ),
            levels=_parts.threshold(measures[name]), title=title, xlim=x.limits, more=more,
        )  # fmt: skip

    def of_pair(name: str, i: int, j: int) -> Panel:
        label = axes[j].label if two else labels[j]
        return panel(name, i, j, points, f"lines: {label}")

    def of_three(name: str, i: int, j: int, k: int, level: int) -> Panel:
        table = np.take(points, [level], axis=k)
        title = f"{labels[k]}: {axes[k].labels[level]}"
        title = title if style.text_width(title) <= NARROW else axes[k].labels[level]
        return panel(name, i, j, table, title)

    rows: list[layouts.Row] = []

    def row(header: tuple[str, ...], bold: int, content: list[Panel]) -> None:
        # A blank line above: the row before has labels along x.
        blank = bool(rows)
        rows.append(
            layouts.Row(
                height=HEIGHT if two else LOWER,
                room=room,
                header=("",) * blank + header,
                bold=bold + blank,
                content=content,
                columns=2 if two else MOST_PAIRS,
                panels=len(content),
            )
        )

    together = [] if two else _of_three(summary)
    for name in measures:
        pairs = _pairs(summary, name)
        if two:
            (pair,) = pairs
            row(_header(summary, name, pair), 1, [of_pair(name, *pair), of_pair(name, *pair[::-1])])
            continue
        row(_header(summary, name, *pairs), 1, [of_pair(name, *pair) for pair in pairs])
        if name in together:
            i, j, k = several[:3]
            levels = _parts.evenly_chosen(len(axes[k].at), MOST_PAIRS)
            content = [of_three(name, i, j, k, level) for level in levels]
            row((_of_all(summary, name, (i, j, k)),), 0, content)

    return facets(
        rows,
        title=f"{summary['title']}: what parameters do together",
        note=_note(summary, axes, together),
        legend=[*_parts.published_legend(summary), *_parts.threshold_legend(*measures.values())],
        left=LEFT,
        right=0.06,
        between=room + (GAP if two else 0.32),
        xlabel=" ",
    )  # fmt: skip


def _of_three(summary: Summary) -> list[str]:
    """The measures of which three parameters are drawn together: those whose interactions of three
    are the largest, as many as there is room for."""

    def share(name: str) -> float:
        variance = summary["measures"][name]["variance"]
        effects = variance["effects"] if variance else ()
        return max((effect["share"] for effect in effects if not effect["of"]), default=-1.0)

    free = max(1, MOST_ROWS - len(summary["measures"]))
    return sorted(summary["measures"], key=lambda name: -share(name))[:free]


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


def _header(summary: Summary, name: str, *pairs: tuple[int, int]) -> tuple[str, ...]:
    """The measure, and how much of its variance parameters and their interactions are."""
    measure = summary["measures"][name]
    room = style.DOUBLE - 2 * layouts.PAD
    title = style.wrap(with_unit(measure), room, bold=True)[:1]
    if measure["variance"] is None:
        return (
            *title,
            "Shares of variance: undefined, as a point has no number or nothing varies.",
        )
    known = list(summary["parameters"])
    labels = {n: p["label"] for n, p in summary["parameters"].items()}
    shares = {tuple(e["of"]): e for e in measure["variance"]["effects"]}
    words = [
        f"{labels[known[n]]} {_percent(shares[(known[n],)])}"
        for n in dict.fromkeys(itertools.chain(*pairs))
    ]
    for first, second in pairs:
        of = known[first], known[second]
        called = "their interaction" if len(pairs) == 1 else " x ".join(labels[n] for n in of)
        words.append(f"{called} {_percent(shares[of])}{_p(shares[of])}")
    if (noise := measure["variance"]["noise"]) is not None:
        words.append(f"noise {100 * noise:.0f} %")
    return (*title, *style.wrap(f"Shares of variance: {', '.join(words)}.", room))


def _of_all(summary: Summary, name: str, three: tuple[int, int, int]) -> str:
    """What is drawn of three parameters together, and how much of the variance it is."""
    parameters = list(summary["parameters"].values())
    labels = [parameters[n]["label"] for n in three]
    n = len(parameters[three[2]]["values"])
    some = f"{MOST_PAIRS} of {n} levels of " if n > MOST_PAIRS else ""
    words = f"Together: {labels[0]} along x, lines: {labels[1]}, panels: {some}{labels[2]}."
    variance = summary["measures"][name]["variance"]
    for effect in variance["effects"] if variance else ():
        if not effect["of"]:
            more = " or more" if len(parameters) > len(three) else ""
            words += f" Interactions of three{more}: {_percent(effect)}{_p(effect)}."
    return style.fit(words, style.DOUBLE - 2 * layouts.PAD)


def _percent(effect: Summary) -> str:
    return f"{100 * effect['share']:.0f} %"


def _p(effect: Summary) -> str:
    p = effect["p"]
    return "" if p is None else " (p < 0.001)" if p < 0.001 else f" (p = {p:.2g})"


def _note(summary: Summary, axes: Sequence[ParameterAxis], together: Sequence[str] = ()) -> str:
    kind = _parts.interval_kind(summary)
    words = ["Lines: means over replicates." if kind else "Lines: the only replicate."]
    if len(axes) > 2:
        words.append("Means over all levels of the other parameters, without intervals.")
        if kind and together and len(axes) == 3:
            words.append(f"All three together: bars, {kind}.")
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
    more += [axis.key for axis in axes if axis.key]
    if together and len(together) < len(summary["measures"]):
        labels = [summary["measures"][name]["label"] for name in together]
        more.append(f"All three together where their interaction is largest: {', '.join(labels)}.")
    if any(axis.even for axis in axes):
        more.append("Levels that are close together are evenly spaced, not to scale.")
    return _parts.note(summary, " ".join(words), *more)
