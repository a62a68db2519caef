"""Figure ``raincloud``: every replicate, with its density and a box or an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics.grid import (
    comes_apart,
    is_grid,
    keeps_numbers,
    point_labels,
    replicates,
    value_labels,
    with_unit,
)
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.studies import _parts
from evosim.plot.studies._parts import Floats
from evosim.scenario.document import canonical

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

ROW = 0.34
"""Inches of a row."""
MOST_POINTS = 16
"""Points that have a row of their own; of more, levels have one."""
MOST_LEVELS = 12
FOR_DENSITY = 8
"""Replicates from which on a density is drawn."""
MOST_DOTS = 400
MOST_NAME = 1.9
CLOUD, RAIN = 0.42, 0.3
"""Parts of a row that the density and the dots may fill."""


class Group(NamedTuple):
    """A row: its name, the points whose replicates are in it."""

    name: str
    points: list[Summary]


def unsupported(summary: Summary) -> str | None:
    """Why there is no raincloud; None where there is one."""
    if not keeps_numbers(summary):
        return "the study is too large for its summary to hold every replicate; export it"
    if not _measures(summary):
        return "its measures have no number a replicate; draw curve"
    if summary["replicates"] == 1 and len(summary["points"]) <= MOST_POINTS:
        return "it takes replicates, and each point has one; draw curve"
    if not is_grid(summary) and len(summary["points"]) > MOST_POINTS:
        return f"points that are no grid have a row each, and {MOST_POINTS} at most; draw curve"
    return None


def _measures(summary: Summary) -> list[str]:
    """Those that have a number a replicate."""
    return [name for name in summary["measures"] if comes_apart(summary, name)]


@registry.figure("raincloud", "replicates", of="study", unsupported=unsupported)
def figure(summary: Summary) -> Figure:
    """Draw the replicates of all measures, by point or by level of each parameter."""
    with style.styled():
        blocks = _blocks(summary)
        measures = _measures(summary)
        columns = min(2, len(measures))
        names = [group.name for _, groups in blocks for group in groups]
        room = max(style.text_width(line) for name in names for line in _two_lines(name))
        layout = layouts.create(
            [
                layouts.Row(height=ROW * len(groups), columns=columns, ticks=True,
                           panels=min(columns, len(measures) - n),
                           header=tuple(style.wrap(title, style.SINGLE)) if n == 0 else ())
                for title, groups in blocks
                for n in range(0, len(measures), columns)
            ],
            width=style.SINGLE if columns == 1 else style.DOUBLE,
            title=f"{summary['title']}: replicates",
            note=_note(summary, by_point=len(blocks) == 1 and not blocks[0][0]),
            legend=_parts.threshold_legend(*(summary["measures"][name] for name in measures)),
            left=room + 0.14,
            right=0.12,
            between=0.2,
            xlabel=None,
        )  # fmt: skip
        free = iter(layout.panels)
        for title, groups in blocks:
            for n, measure in enumerate(measures):
                _panel(next(free), groups, measure, summary, first=n % columns == 0,
                       by_point=not title)  # fmt: skip
    return layout.figure


def _blocks(summary: Summary) -> list[tuple[str, list[Group]]]:
    """Rows by point, or a block for each parameter with a row a level."""
    points = summary["points"]
    if len(points) <= MOST_POINTS:
        each = zip(point_labels(points), points, strict=True)
        return [("", [Group(_named(values, summary), [point]) for values, point in each])]
    found = []
    for name, parameter in summary["parameters"].items():
        values = parameter["values"]
        if len(values) < 2:
            continue
        called = value_labels(values)
        by_level = [canonical(value) for value in values]
        groups = [
            Group(called[n], [p for p in points if canonical(p["values"][name]) == by_level[n]])
            for n in _parts.evenly_chosen(len(values), MOST_LEVELS)
        ]
        found.append((f"By {with_unit(parameter)}", groups))
    return found


def _named(values: Mapping[str, str], summary: Summary) -> str:
    if len(values) > 1:
        return ", ".join(f"{name} {value}" for name, value in values.items())
    ((name, value),) = values.items()
    return f"{value} {summary['parameters'][name]['unit']}".strip()


def _two_lines(name: str) -> list[str]:
    """A name broken into two lines at most."""
    first, *rest = style.wrap(name, MOST_NAME)
    return [first, *([style.fit(" ".join(rest), MOST_NAME)] if rest else [])]


def _note(summary: Summary, *, by_point: bool) -> str:
    words = ["Dots: replicates; their height within a row has no meaning."]
    most = max(_size(group) for _, groups in _blocks(summary) for group in groups)
    if most >= FOR_DENSITY:
        words.append(
            f"Above them their density (Gaussian kernel), from {FOR_DENSITY} replicates on."
        )
    if most > MOST_DOTS:
        words.append(f"At most {MOST_DOTS} dots a row, spread over all.")
    if by_point:
        if kind := _parts.interval_kind(summary):
            words.append(f"Line and ring: mean and {kind.replace('intervals', 'interval', 1)}.")
    else:
        words.append(
            "Box: quartiles and median of all replicates in a row, whatever the other parameters."
        )
        few = [
            f"{MOST_LEVELS} of {len(p['values'])} levels of {p['label']}"
            for p in summary["parameters"].values()
            if len(p["values"]) > MOST_LEVELS
        ]
        if few:
            words.append(f"Shown are {' and '.join(few)}.")
    words.append(_parts.replicates_note(summary))
    drawn = _measures(summary)
    if others := [m["label"] for n, m in summary["measures"].items() if n not in drawn]:
        words.append(f"Only all replicates together have {', '.join(others)}.")
    return " ".join(words)


def _size(group: Group) -> int:
    return sum(point["lived"] for point in group.points)


def _panel(
    panel: Axes,
    groups: Sequence[Group],
    measure: str,
    summary: Summary,
    *,
    first: bool,
    by_point: bool,
) -> None:
    found = summary["measures"][measure]
    every = [
        np.concatenate([replicates(p, measure) for p in group.points] or [np.zeros(0)])
        for group in groups
    ]
    timeseries.limits(panel, *every, include=_parts.threshold_of(found))
    panel.set_xlim(panel.get_ylim())
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
    for at in _parts.threshold_of(found):
        panel.axvline(at, color=colors.INK, linewidth=0.8, linestyle=_parts.THRESHOLD, zorder=1.5,
                      label="threshold")  # fmt: skip
    for y, (group, each) in enumerate(zip(groups, every, strict=True)):
        _cloud(panel, y, each)
        if by_point:
            _mean(panel, y, group.points[0]["measures"][measure])
        elif len(each):
            _box(panel, y, each)
        if not len(each):
            text = "undefined" if _size(group) else "no run yet"
            panel.text(0.02, y, text, transform=panel.get_yaxis_transform(), color=colors.GREY,
                       va="center")  # fmt: skip
    panel.set_ylim(len(groups) - 0.5, -0.5)
    panel.spines["left"].set_visible(False)
    panel.tick_params(left=False, labelleft=first)
    labels = ["\n".join(_two_lines(group.name)) for group in groups]
    panel.set_yticks(range(len(groups)), labels=labels)
    layouts.panel_title(panel, with_unit(found))


def _cloud(panel: Axes, y: float, each: Floats) -> None:
    """Density above, dots below."""
    color = colors.BLUE
    if len(each) >= FOR_DENSITY and np.ptp(each) > 0:
        from scipy import stats

        low, high = float(each.min()), float(each.max())
        places = np.linspace(low, high, 120)
        density = stats.gaussian_kde(each)(places)
        panel.fill_between(places, y - CLOUD * density / density.max(), y, color=color, alpha=0.28,
                           linewidth=0, zorder=2, label="density")  # fmt: skip
    shown = each[_parts.evenly_chosen(len(each), MOST_DOTS)]
    wander = (np.arange(len(shown)) * 0.618034) % 1
    panel.plot(shown, y + 0.14 + RAIN * wander, ".", color=color, alpha=0.45, markersize=2.8,
               markeredgewidth=0, zorder=2, label="replicates",
               rasterized=len(each) > 100)  # fmt: skip


def _mean(panel: Axes, y: float, numbers: Summary) -> None:
    if numbers["value"] is None:
        return
    dark = colors.readable(colors.BLUE)
    interval = numbers["interval"]
    if interval is not None and None not in interval:
        panel.plot(interval, [y + 0.06] * 2, color=dark, linewidth=1.5, solid_capstyle="butt",
                   zorder=4, label="interval")  # fmt: skip
    panel.plot(numbers["value"], y + 0.06, "o", color=dark, markersize=3.8, zorder=5,
               markeredgecolor="white", markeredgewidth=0.5, label="mean")  # fmt: skip


def _box(panel: Axes, y: float, each: Floats) -> None:
    first, median, third = np.quantile(each, (0.25, 0.5, 0.75))
    panel.add_patch(
        Rectangle((first, y + 0.01), third - first, 0.1, facecolor="white", linewidth=0.7,
                  edgecolor=colors.INK, zorder=4, label="quartiles")
    )  # fmt: skip
    panel.plot([median] * 2, [y + 0.01, y + 0.11], color=colors.INK, linewidth=1.4, zorder=5,
               solid_capstyle="butt", label="median")  # fmt: skip
