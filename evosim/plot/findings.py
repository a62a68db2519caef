"""Figure ``findings`` of an experiment: what each arm measured, and what is made of it.

A block a finding: to the left its arms, a row each, to the right their difference (or weighted
sum) with the threshold that it must lie beyond. Arms along an axis are a curve above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.experiment import (
    colors_of,
    finding_label,
    replicate_numbers,
    scale,
    term_label,
    verdict_color,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from evosim.scenario import Scenario

Summary = Mapping[str, Any]

ROW = 0.2
"""Inches of a row of an arm."""
LINE = 0.12
"""More inches for each further line of its name."""
GAP = 0.3
"""Inches between the arms and their difference."""
RIGHT = 0.16
CURVE = 1.3
MOST_LABEL = 1.9
MOST_NAME = 2.4
"""Inches that the names of arms without a place on the axis may fill."""
WANTED = "#E3F1E8"
JITTER = 0.26
"""How far replicates wander from the middle of their row, at most."""
RATIOS = (-0.5, 1.5)
"""Of ratios a replicate: what is drawn; one whose denominator is close to zero can be anything."""


class Block(NamedTuple):
    """A finding, or a curve above the first finding that it belongs to."""

    finding: Summary
    curve: Sequence[Summary] | None
    labels: list[list[str]]
    """The names of the rows, broken into lines."""
    row: layouts.Row


@registry.figure("findings", "findings", of="experiment")
def figure(summary: Summary, scenario: Scenario | None = None) -> Figure:
    """Draw every finding: its arms with replicates, means and intervals, their difference, the
    threshold and the verdict.

    Args:
        summary: verdict.json (:func:`evosim.study.verdict.summarize`).
        scenario: not used.
    """
    with style.styled():
        blocks = _blocks(summary)
        left = _left(blocks)
        layout = layouts.create(
            [block.row for block in blocks],
            width=style.DOUBLE,
            title=f"{summary['title']}: the claim is {summary['verdict']}",
            note=_note(summary, blocks),
            legend=[
                layouts.LegendEntry("mean with its interval", colors.INK, width=1.6),
                layouts.LegendEntry("threshold", colors.INK, (0, (3, 2)), 0.8),
                layouts.LegendEntry("where the whole interval must lie", WANTED, patch=True),
            ],
            left=left,
            right=RIGHT,
            xlabel=None,
        )
        for block, (panel,) in zip(blocks, layout.axes, strict=True):
            if block.curve is not None:
                _curve(panel, block, summary)
            else:
                _finding(layout, panel, block, summary, left)
    return layout.figure


def _blocks(summary: Summary) -> list[Block]:
    blocks = []
    drawn: list[Any] = []
    several = len(summary["findings"]) > 1
    for n, finding in enumerate(summary["findings"]):
        curve = finding.get("curve")
        if curve and curve not in drawn:
            drawn.append(curve)
            what = _capital(finding_label({**finding, "terms": finding["terms"][:1]}))
            words = style.wrap(f"{what} against {summary['axis'] or 'arms'}", _ROOM, bold=True)
            row = layouts.Row(
                height=CURVE, titles=False, ticks=True, header=tuple(words), bold=len(words)
            )
            blocks.append(Block(finding, curve, [], row))
        labels = [
            style.wrap(term_label(term, finding, summary), MOST_LABEL) for term in finding["terms"]
        ]
        height = sum(ROW + LINE * (len(label) - 1) for label in labels) + 0.06
        number = f"{n + 1}. " if several else ""
        says = style.wrap(f"{number}{_capital(finding['says'])}", _ROOM, bold=True)
        header = (*says, *style.wrap(_outcome(finding), _ROOM))
        row = layouts.Row(height=max(height, 0.3), ticks=True, header=header, bold=len(says))
        blocks.append(Block(finding, None, labels, row))
    return blocks


_ROOM = style.DOUBLE - 2 * layouts.PAD


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _outcome(finding: Summary) -> str:
    """The verdict of a finding in words, with the numbers it rests on."""
    ((side, threshold),) = finding["threshold"].items()
    words = f"{_capital(finding['verdict'])}: {_number_with_interval(finding)}; "
    wanted = f"{side} {style.number(threshold)} was claimed"
    left_out = finding["undefined"]
    more = f" ({left_out} replicates left out as undefined)" if left_out else ""
    return f"{words}{wanted}{more}."


def _number_with_interval(numbers: Summary) -> str:
    value, interval = numbers["value"], numbers["interval"]
    if value is None:
        return "undefined"
    if interval is None:
        return f"{_digits(value)} without an interval"
    if None in interval:
        return f"{_digits(value)}, unbounded"
    return f"{_digits(value)} [{_digits(interval[0])}, {_digits(interval[1])}]"


def _digits(value: float) -> str:
    return style.number(float(f"{value:.3g}"))


def _left(blocks: Sequence[Block]) -> float:
    names = [line for block in blocks for label in block.labels for line in label]
    return min(max([style.text_width(name) for name in names] + [0.6]) + 0.16, MOST_LABEL + 0.16)


def _note(summary: Summary, blocks: Sequence[Block]) -> str:
    n = summary["replicates"]
    words = [
        f"Points: {n} replicates of each arm, paired by their seeds; intervals: "
        f"{100 * summary['confidence']:g} %, BCa bootstrap."
        if n > 1
        else "One replicate: no intervals, and the verdict rests on the numbers alone."
    ]
    if any(block.curve and scale([p["x"] for p in block.curve]).even for block in blocks):
        words.append("The values on the axis are evenly spaced, not to scale.")
    return " ".join(words)


# The arms, and what is made of them


def _finding(
    layout: layouts.Layout, panel: Axes, block: Block, summary: Summary, left: float
) -> None:
    finding = block.finding
    terms = finding["terms"]
    alone = len(terms) == 1 and terms[0]["weight"] == 1
    if not alone:
        shorten(panel, left)
    arms = colors_of(summary)
    numbers = [_of_replicates(term["columns"], finding["measure"]) for term in terms]
    for n, (term, each) in enumerate(zip(terms, numbers, strict=True)):
        draw_row(panel, n, term, each, arms[term["arm"]])
    fit_limits(panel, terms, numbers, [_threshold(finding)] if alone else [])
    panel.set_ylim(len(terms) - 0.4, -0.6)
    panel.set_yticks(range(len(terms)), labels=["\n".join(label) for label in block.labels])
    panel.tick_params(left=False)
    panel.spines["left"].set_visible(False)
    layouts.panel_title(panel, finding_label(finding))
    if alone:
        _beyond(panel, finding)
        return
    other = beside(layout, panel)
    _difference(other, finding, numbers)


def shorten(panel: Axes, left: float) -> None:
    """Make room for a second panel to the right."""
    box = panel.get_position()
    whole = panel.figure.get_figwidth()  # type: ignore[union-attr]
    width = (style.DOUBLE - left - RIGHT - GAP) * 0.58
    panel.set_position((box.x0, box.y0, width / whole, box.height))


def beside(layout: layouts.Layout, panel: Axes) -> Axes:
    box = panel.get_position()
    whole = layout.figure.get_figwidth()
    x = box.x1 + GAP / whole
    return layout.figure.add_axes((x, box.y0, 1 - RIGHT / whole - x, box.height))


def _of_replicates(columns: Sequence[Any], measure: str) -> NDArray[np.float64]:
    values = np.array(replicate_numbers(columns, measure), np.float64)
    if len(columns) > 1 and len(values):
        values[(values < RATIOS[0]) | (values > RATIOS[1])] = np.nan
    return values


def draw_row(
    panel: Axes, y: float, numbers: Summary, each: NDArray[np.float64], color: str
) -> None:
    """Replicates as points, the mean with its interval."""
    if len(each) > 1:
        panel.plot(
            each, y + _jitter(len(each)), ".", color=color, alpha=0.4, markersize=3.2,
            markeredgewidth=0, zorder=2, label="replicates",
        )  # fmt: skip
    if numbers["value"] is None:
        return
    _interval(panel, y, numbers, color)


def _interval(panel: Axes, y: float, numbers: Summary, color: str) -> None:
    dark = colors.readable(color)
    interval = numbers["interval"]
    if interval is not None and None not in interval:
        panel.plot(
            interval, [y, y], color=dark, linewidth=1.6, solid_capstyle="butt", zorder=4,
            label="interval",
        )  # fmt: skip
    panel.plot(
        numbers["value"], y, "o", color=dark, markersize=4.2, markeredgecolor="white",
        markeredgewidth=0.6, zorder=5, label="mean",
    )  # fmt: skip


def _jitter(n: int) -> NDArray[np.float64]:
    """Heights that tell replicates of like value apart, the same in every row."""
    return np.asarray(JITTER * (2 * ((np.arange(n) * 0.618034) % 1) - 1))


def _difference(panel: Axes, finding: Summary, numbers: Sequence[NDArray[np.float64]]) -> None:
    terms = finding["terms"]
    weights = [term["weight"] for term in terms]
    each = np.zeros(0)
    if all(len(values) for values in numbers) and len(terms[0]["columns"]) == 1:
        each = sum(w * v for w, v in zip(weights, numbers, strict=True))
    draw_row(panel, 0, finding, each, verdict_color(finding["verdict"]))
    fit_limits(panel, [finding], [each], [0.0, _threshold(finding)])
    panel.set_ylim(0.9, -0.9)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.axvline(0, color=colors.GREY, linewidth=0.5, zorder=1, label="zero")
    layouts.panel_title(panel, "difference" if weights == [1.0, -1.0] else "weighted sum")
    _beyond(panel, finding)


def _threshold(finding: Summary) -> float:
    ((_, threshold),) = finding["threshold"].items()
    return float(threshold)


def _beyond(panel: Axes, finding: Summary) -> None:
    """The threshold, and the ground on which the whole interval must lie."""
    low, high = panel.get_xlim()
    threshold = _threshold(finding)
    wanted = (threshold, high) if "above" in finding["threshold"] else (low, threshold)
    panel.axvspan(*wanted, color=WANTED, linewidth=0, zorder=0, label="wanted")
    panel.axvline(
        threshold, color=colors.INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=3,
        label="threshold",
    )  # fmt: skip
    panel.set_xlim(low, high)


def fit_limits(
    panel: Axes,
    numbers: Sequence[Summary],
    each: Sequence[NDArray[np.float64]],
    include: Sequence[float],
) -> None:
    values = [np.asarray(include, np.float64), *each]
    for one in numbers:
        ends = one["interval"] or ()
        values.append(np.array([v for v in (one["value"], *ends) if v is not None], np.float64))
    every = np.concatenate(values)
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    if high - low < 1e-6 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    room = 0.06 * (high - low)
    panel.set_xlim(low - room, high + room)
    width = style.inches(panel)[0]
    panel.xaxis.set_major_locator(
        MaxNLocator(nbins=max(2, int(width / 0.45)), steps=[1, 2, 2.5, 5, 10])
    )
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))


# Arms along an axis


def _curve(panel: Axes, block: Block, summary: Summary) -> None:
    """A measure in the arms along the axis; arms that have no place on it, as level lines."""
    assert block.curve is not None
    points = block.curve
    along = scale([point["x"] for point in points])
    measure = block.finding["measure"]
    spread = 0.008 * (max(along.at) - min(along.at) or 1.0)
    drawn = []
    for point, x in zip(points, along.at, strict=True):
        each = _of_replicates(point["columns"], measure)
        drawn.append(each)
        if len(each) > 1:
            panel.plot(
                x + spread * _jitter(len(each)) / JITTER, each, ".", color=colors.BLUE, alpha=0.35,
                markersize=3.2, markeredgewidth=0, zorder=2, label="replicates",
            )  # fmt: skip
        _upright(panel, x, point)
    means = [np.nan if point["value"] is None else point["value"] for point in points]
    panel.plot(along.at, means, color=colors.BLUE, linewidth=1.3, zorder=3, label="curve")
    labels = _off_axis(panel, block, summary)
    every = [*drawn, np.array(means), np.array([y for y, _, _ in labels])]
    timeseries.limits(panel, *every)
    room = 0.05 * (max(along.at) - min(along.at) or 1.0)
    panel.set_xlim(min(along.at) - room, max(along.at) + room)
    panel.set_xticks(along.at, labels=along.labels)
    if labels:
        widest = timeseries.label_room([text for _, text, _ in labels], MOST_NAME)
        box = panel.get_position()
        whole = panel.figure.get_figwidth()  # type: ignore[union-attr]
        panel.set_position((box.x0, box.y0, box.width - widest / whole, box.height))
        timeseries.end_labels(panel, labels, room=widest)


def _upright(panel: Axes, x: float, point: Summary) -> None:
    dark = colors.readable(colors.BLUE)
    interval = point["interval"]
    if interval is not None and None not in interval:
        panel.plot([x, x], interval, color=dark, linewidth=1.6, solid_capstyle="butt", zorder=4,
                   label="interval")  # fmt: skip
    if point["value"] is not None:
        panel.plot(x, point["value"], "o", color=dark, markersize=4.2, markeredgecolor="white",
                   markeredgewidth=0.6, zorder=5, label="mean")  # fmt: skip


def _off_axis(panel: Axes, block: Block, summary: Summary) -> list[tuple[float, str, str]]:
    """Level lines of arms without a place on the axis, and their names."""
    arms = colors_of(summary)
    labels = []
    seen = set()
    keys = ("of", "where", "at", "mind")
    for finding in summary["findings"]:
        if finding["measure"] != block.finding["measure"]:
            continue
        for term in finding["terms"]:
            same = all(term[key] == block.finding["terms"][0][key] for key in keys)
            off = summary["arms"][term["arm"]]["at"] is None
            if not (same and off) or term["arm"] in seen or term["value"] is None:
                continue
            seen.add(term["arm"])
            color = arms[term["arm"]]
            panel.axhline(
                term["value"], color=color, linewidth=1.0, linestyle=style.DASHES[1], zorder=1.5,
                label="off the axis",
            )  # fmt: skip
            labels.append((term["value"], summary["arms"][term["arm"]]["title"], color))
    return labels
