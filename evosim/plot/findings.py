"""Figure ``findings`` of an experiment: what each arm measured, and what is made of it.

A block a finding: to the left its arms, a row each, to the right their difference (or weighted
sum) with the threshold that it must lie beyond. Arms along an axis are a curve above. Many findings
are a forest plot: a row each, by how far it lies beyond its threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics import hypotheses, why_undefined
from evosim.plot import colors, estimates, layouts, registry, style, timeseries
from evosim.plot.estimates import WANTED, Mark
from evosim.plot.experiment import (
    colors_of,
    finding_label,
    replicate_numbers,
    scale,
    term_label,
    verdict_color,
)
from evosim.plot.facets import Floats, Level, Line, Panel, Summary, Trajectory, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

if TYPE_CHECKING:
    from evosim.scenario import Scenario

ROW = 0.2
"""Inches of a row of an arm."""
LINE = 0.12
"""More inches for each further line of its name."""
GAP = 0.3
"""Inches between the arms and their difference."""
SHARES = (0.58, 0.42)
"""Of the width, for the arms and for their difference."""
RIGHT = 0.16
MOST_LABEL = 1.9
MOST_BLOCKS = 5
"""More findings than this are a forest plot, a row each."""
NAMES, VERDICT, FOREST_RIGHT = 3.3, 0.72, 1.75
"""Of a forest plot: inches for what is claimed, for the verdict before it, for the numbers."""
LEAST_ROW = 0.34
"""Inches of a row of a forest plot, with two lines of numbers."""
FARTHEST = 2.5
"""Thresholds beyond the threshold; what lies farther is an arrowhead."""
MOST_NAME = 2.4
"""Inches that the names of arms without a place on the axis may fill."""
RATIOS = (-0.5, 1.5)
"""Of ratios a replicate: what is drawn; one whose denominator is close to zero can be anything."""
MEAN = LegendEntry("mean with its interval", colors.INK, width=1.6)
_ROOM = style.DOUBLE - 2 * layouts.PAD


def unsupported(summary: Summary) -> str | None:
    """Why an experiment has no such figure; None where it has."""
    if summary.get("worlds"):
        return "it was run over worlds: the figure family shows their effects"
    return None


@registry.figure("findings", "findings", of="experiment", unsupported=unsupported)
def figure(summary: Summary, scenario: Scenario | None = None) -> Figure:
    """Draw every finding: its arms with replicates, means and intervals, their difference, the
    threshold and the verdict.

    Args:
        summary: verdict.json (:func:`evosim.study.verdict.summarize`).
        scenario: not used.
    """
    rows: list[Row] = []
    curves: list[Any] = []
    names = []
    several, many = len(summary["findings"]) > 1, len(summary["findings"]) > MOST_BLOCKS
    for n, finding in enumerate(summary["findings"]):
        curve = finding.get("curve")
        if curve and curve not in curves:
            curves.append(curve)
            rows.append(_curve(curve, finding, summary))
        labels = [
            style.wrap(term_label(term, finding, summary), MOST_LABEL) for term in finding["terms"]
        ]
        names += [line for label in labels for line in label]
        says = f"{n + 1}. {capital(finding['says'])}" if several else capital(finding["says"])
        if not many:
            rows.append(_finding(finding, says, labels, summary))
    n = summary["replicates"]
    note = (
        f"Points: {n} replicates of each arm, paired by their seeds; intervals: "
        f"{100 * summary['confidence']:g} %, BCa bootstrap."
        if n > 1
        else "One replicate: no intervals, and the verdict rests on the numbers alone."
    )
    if many:
        rows.append(_forest(summary["findings"], style.DOUBLE - NAMES - FOREST_RIGHT))
        note = (
            f"{note.replace('Points: ', 'Means of ')} Along the axis: how far a finding lies "
            "beyond its threshold, on the side that was claimed, in thresholds (of a threshold of "
            f"0 in its own size). *: not counted (constant or secondary)."
        )
    if any(scale([p["x"] for p in curve]).even for curve in curves):
        note += " The values on the axis are evenly spaced, not to scale."
    return facets(
        rows,
        title=f"{summary['title']}: the claim is {summary['verdict']}",
        note=note,
        width=style.DOUBLE,
        legend=[
            MEAN,
            LegendEntry("threshold", colors.INK, style.FLIP, 0.8),
            LegendEntry("where the whole interval must lie", WANTED, patch=True),
        ],
        left=NAMES
        if many
        else min(max([style.text_width(name) for name in names] + [0.6]), MOST_LABEL) + 0.16,
        right=FOREST_RIGHT if many else RIGHT,
        between=GAP,
        xlabel=None,
    )


def _forest(findings: Sequence[Summary], width: float) -> Row:
    """All findings below each other: the verdict and what is claimed, how far it lies beyond the
    threshold, and the numbers."""
    says = [
        style.wrap(f"{n}. {capital(f['says'])}", NAMES - VERDICT - 0.1)[:3]
        for n, f in enumerate(findings, 1)
    ]
    steps = [max(LEAST_ROW, LINE * len(lines) + 0.1) for lines in says]
    ends = np.cumsum([0.0, *steps])
    at = (ends[:-1] + ends[1:]) / 2

    def draw(panel: Axes) -> None:
        panel.spines["left"].set_visible(False)
        panel.tick_params(left=False)
        panel.axvspan(0, FARTHEST, color=WANTED, linewidth=0, zorder=0, label="wanted")
        panel.axvline(0, color=colors.INK, linewidth=0.8, linestyle=style.FLIP, label="threshold")
        for finding, lines, y in zip(findings, says, at, strict=True):
            color = verdict_color(finding["verdict"])
            counts = not hypotheses.standing(finding)
            _write(panel, -NAMES + 0.06, y, finding["verdict"], color if counts else colors.GREY,
                   bold=counts)  # fmt: skip
            _write(panel, -NAMES + VERDICT, y, "\n".join(lines), colors.INK)
            _write(panel, width + 0.08, y, _numbers(finding) + ("" if counts else " *"),
                   colors.INK)  # fmt: skip
            value, low, high = beyond(finding)
            if value is None:
                continue
            places = [float(np.clip(v, -FARTHEST, FARTHEST)) for v in (low, value, high)]
            dark = colors.readable(color) if counts else colors.GREY
            panel.plot([places[0], places[2]], [y, y], color=dark, linewidth=1.6, label="interval",
                       solid_capstyle="butt", zorder=4)  # fmt: skip
            marker = "o" if abs(value) < FARTHEST else ">" if value > 0 else "<"
            panel.plot(places[1], y, marker, color=dark, markersize=5, markeredgecolor="white",
                       markeredgewidth=0.6, zorder=5, label="mean", clip_on=False)  # fmt: skip

    panel = Panel(
        xlim=(-FARTHEST, FARTHEST),
        xticks={v: style.number(v) for v in (-2, -1, 0, 1, 2)},
        ylim=(float(ends[-1]), 0.0),
        yticks={},
        more=draw,
    )
    return Row(height=float(ends[-1]), titles=0, content=[panel])


def _write(panel: Axes, x: float, y: float, text: str, color: str, *, bold: bool = False) -> None:
    """Text beside a panel, ``x`` inches from its left edge."""
    panel.text(
        x / style.inches(panel)[0], y, text, transform=panel.get_yaxis_transform(), va="center",
        color=colors.readable(color), fontweight="bold" if bold else "normal", linespacing=1.1,
    )  # fmt: skip


def beyond(finding: Summary) -> tuple[float | None, float, float]:
    """How far a finding lies beyond its threshold, on the side that was claimed: the mean and the
    ends of its interval, in thresholds; of a threshold of 0 in the largest of the three.

    >>> one = {"threshold": {"above": 0.3}, "value": 0.6, "interval": [0.45, 0.75]}
    >>> beyond(one)
    (1.0, 0.5, 1.5)
    """
    ((side, threshold),) = finding["threshold"].items()
    value, interval = finding["value"], finding["interval"] or (finding["value"],) * 2
    if value is None:
        return None, np.nan, np.nan
    ends = [float(v) if v is not None else np.inf * (2 * n - 1) for n, v in enumerate(interval)]
    unit = abs(threshold) or max(abs(v) for v in (value, *ends) if np.isfinite(v)) or 1.0
    if side == "within":
        far = [(threshold - abs(v)) / unit for v in (value, *ends)]
        low, high = min(far), 1.0 if ends[0] < 0 < ends[1] else max(far)
        return far[0], low, high
    sign = 1.0 if side == "above" else -1.0
    mean, *both = (round(sign * (v - threshold) / unit, 12) for v in (value, *ends))
    return mean, min(both), max(both)


def capital(text: str) -> str:
    """A sentence with a large first letter."""
    return text[:1].upper() + text[1:]


def _numbers(finding: Summary) -> str:
    """A finding and its interval, and below what was claimed."""
    ((side, threshold),) = finding["threshold"].items()
    claimed = f"claimed: {side} {style.number(threshold)}"
    if finding["value"] is None:
        return f"undefined\n{claimed}"
    value, *ends = (
        "?" if v is None else style.number(float(f"{v:.2g}"))
        for v in (finding["value"], *(finding["interval"] or ()))
    )
    interval = f" [{', '.join(ends)}]" if ends else ""
    return style.fit(f"{value}{interval}", FOREST_RIGHT - 0.2) + f"\n{claimed}"


def _digits(value: float) -> str:
    return style.number(float(f"{value:.3g}"))


def _outcome(finding: Summary) -> str:
    """The verdict of a finding in words, with the numbers it rests on."""
    digits = _digits
    ((side, threshold),) = finding["threshold"].items()
    value, interval = finding["value"], finding["interval"]
    if value is None:
        found = "undefined"
    elif interval is None:
        found = f"{digits(value)} without an interval"
    elif None in interval:
        found = f"{digits(value)}, unbounded"
    else:
        found = f"{digits(value)} [{digits(interval[0])}, {digits(interval[1])}]"
    left_out = finding["undefined"]
    why = why_undefined(finding["measure"])
    more = f" ({left_out} replicates left out as undefined: {why})" if left_out else ""
    claimed = f"{side} {style.number(threshold)} was claimed"
    why = hypotheses.standing(finding)
    counted = f" ({why}, not counted)" if why else ""
    return f"{capital(finding['verdict'])}{counted}: {found}; {claimed}{more}."


def _finding(finding: Summary, says: str, labels: Sequence[Sequence[str]], summary: Summary) -> Row:
    """The arms of a finding, and what is made of them."""
    terms, threshold = finding["terms"], finding["threshold"]
    weights = [term["weight"] for term in terms]
    arms = colors_of(summary)
    numbers = [of_replicates(term["columns"], finding["measure"]) for term in terms]
    marks = [
        Mark(term["value"], term["interval"], each, arms[term["arm"]])
        for term, each in zip(terms, numbers, strict=True)
    ]
    content = [
        estimates.rows(
            marks,
            names=["\n".join(label) for label in labels],
            threshold=threshold if weights == [1.0] else None,
            title=finding_label(finding),
        )
    ]
    if weights != [1.0]:
        each = np.zeros(0)
        if all(len(values) for values in numbers) and len(terms[0]["columns"]) == 1:
            each = sum((w * v for w, v in zip(weights, numbers, strict=True)), np.zeros(1))
        made = Mark(finding["value"], finding["interval"], each, verdict_color(finding["verdict"]))
        title = "difference" if weights == [1.0, -1.0] else "weighted sum"
        content.append(
            estimates.rows([made], threshold=threshold, zero=True, room=0.9, title=title)
        )
    height = sum(ROW + LINE * (len(label) - 1) for label in labels) + 0.06
    heading = style.wrap(says, _ROOM, bold=True)
    return Row(
        height=max(height, 0.3),
        header=(*heading, *style.wrap(_outcome(finding), _ROOM)),
        bold=len(heading),
        shares=SHARES if len(content) > 1 else (),
        content=content,
    )


def of_replicates(columns: Sequence[Any], measure: str) -> Floats:
    """The number of each replicate; ratios that are far off are left out."""
    values = np.array(replicate_numbers(columns, measure), np.float64)
    if len(columns) > 1 and len(values):
        values[(values < RATIOS[0]) | (values > RATIOS[1])] = np.nan
    return values


def _curve(points: Sequence[Summary], finding: Summary, summary: Summary) -> Row:
    """A measure in the arms along the axis; arms that have no place on it, as level lines."""
    along = scale([point["x"] for point in points])
    marks = [
        Mark(
            p["value"], p["interval"], of_replicates(p["columns"], finding["measure"]), colors.BLUE
        )
        for p in points
    ]
    means = timeseries.numbers(point["value"] for point in points)
    reach = max(along.at) - min(along.at) or 1.0
    panel = Panel(
        lines=[Line(LegendEntry("curve", colors.BLUE), Trajectory(means), np.array(along.at))],
        holds=[means, *(mark.each for mark in marks)],
        levels=_off_axis(finding, summary),
        xlim=(min(along.at) - 0.05 * reach, max(along.at) + 0.05 * reach),
        xticks=dict(zip(along.at, along.labels, strict=True)),
        more=lambda panel: estimates.upright(marks, along.at, panel, 0.008),
    )
    what = capital(finding_label({**finding, "terms": finding["terms"][:1]}))
    words = style.wrap(f"{what} against {summary['axis'] or 'arms'}", _ROOM, bold=True)
    room = timeseries.label_room([level.end for level in panel.levels], MOST_NAME)
    return Row(
        height=1.3,
        header=tuple(words),
        bold=len(words),
        room=room if panel.levels else 0.0,
        content=[panel],
    )


def _off_axis(finding: Summary, summary: Summary) -> list[Level]:
    """Level lines of arms without a place on the axis, and their names."""
    arms = colors_of(summary)
    keys = ("of", "where", "at", "span", "mind")
    levels: dict[str, Level] = {}
    for other in summary["findings"]:
        if other["measure"] != finding["measure"]:
            continue
        for term in other["terms"]:
            arm = summary["arms"][term["arm"]]
            same = all(term.get(key) == finding["terms"][0].get(key) for key in keys)
            if same and arm["at"] is None and term["value"] is not None:
                look = LegendEntry("off the axis", arms[term["arm"]], style.DASHES[1], 1.0)
                levels.setdefault(term["arm"], Level(term["value"], look, arm["title"]))
    return list(levels.values())
