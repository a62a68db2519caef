"""Figure ``tuned`` of an experiment: how far a number can move before the effect goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.errors import Argument, EvosimError
from evosim.plot import colors, estimates, layouts, registry, style, timeseries
from evosim.plot.estimates import Mark
from evosim.plot.experiment import (
    finding_label,
    metric_label,
    place,
    replicate_numbers,
    scale,
    verdict_color,
)
from evosim.plot.facets import Floats, Level, Line, Panel, Summary, Trajectory, facets
from evosim.plot.findings import capital
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

if TYPE_CHECKING:
    from evosim.scenario import Scenario

HEIGHT = 1.6
LEFT, RIGHT = 0.5, 0.14


def unsupported(summary: Summary) -> EvosimError | None:
    """Why an experiment has no such figure; None where it has."""
    if summary.get("tuned"):
        return None
    return EvosimError(
        "nothing was moved in this experiment; run it with ",
        Argument("tuned", True),
        ", of a scenario that has [experiment.tuned]",
    )


@registry.figure(
    "tuned", "sensitivity to the tuned value", of="experiment", unsupported=unsupported
)
def figure(summary: Summary, scenario: Scenario | None = None) -> Figure:
    """Draw the headline finding against the tuned value.

    Args:
        summary: verdict.json, with ``tuned``.
        scenario: not used.
    """
    tuned, finding = summary["tuned"], summary["findings"][0]
    points = tuned["values"]
    along = scale([point["value"] for point in points])
    marks = [
        Mark(p["measured"], p["interval"], _numbers(p), verdict_color(p["verdict"])) for p in points
    ]
    means = timeseries.numbers(point["measured"] for point in points)
    reach = max(along.at) - min(along.at) or 1.0
    own = place(tuned["written"], [point["value"] for point in points], along)

    def more(panel: Axes) -> None:
        estimates.upright(marks, along.at, panel, 0.012)
        estimates.beyond(panel, finding["threshold"], upright=True)
        if own is not None:
            _mark(panel, own)

    panel = Panel(
        lines=[
            Line(
                LegendEntry("means", colors.GREY, width=0.8), Trajectory(means), np.array(along.at)
            )
        ],
        holds=[mark.numbers for mark in marks],
        include=estimates.ends_of(finding["threshold"]),
        levels=[Level(0.0, LegendEntry("", colors.GREY, width=0.5))],
        title=" ",  # room for what _mark writes
        ylabel=_label(finding),
        xlim=(min(along.at) - 0.06 * reach, max(along.at) + 0.06 * reach),
        xticks=dict(zip(along.at, along.labels, strict=True)),
        more=more,
    )
    room = style.SINGLE - 2 * layouts.PAD
    fits = style.text_width(tuned["label"]) <= style.SINGLE - LEFT - RIGHT
    heading = style.wrap(capital(finding["says"]), room)
    below = [] if fits else style.wrap(f"Along the axis: {tuned['label']}", room)
    return facets(
        [Row(height=HEIGHT, header=(*heading, *below), bold=0, content=[panel])],
        title=f"{summary['title']}: sensitivity to one value",
        note=_note(summary, several=any(len(mark.each) for mark in marks), even=along.even),
        left=LEFT,
        right=RIGHT,
        xlabel=tuned["label"] if fits else None,
    )


def _note(summary: Summary, *, several: bool, even: bool) -> str:
    tuned = summary["tuned"]
    n = tuned["replicates"]
    words = [tuned["says"]] if tuned["says"] else []
    words.append(
        f"{'Points: ' if several else 'Of '}{n} replicates at each value; bars: their means with "
        f"BCa intervals of {100 * summary['confidence']:g} %; green: where the whole interval "
        "must lie."
        if n > 1
        else "One replicate at each value."
    )
    if even:
        words.append("The values are evenly spaced, not to scale.")
    return " ".join(words)


def _label(finding: Summary) -> str:
    """What stands along the vertical axis, as much of it as there is room for."""
    first = finding["terms"][0]
    alone = [term["weight"] for term in finding["terms"]] == [1.0]
    whole = finding_label(finding)
    short = metric_label(finding["measure"], first["of"], first["level"])
    for what in (whole, short):
        words = what if alone else f"difference in {what}"
        if style.text_width(words) <= HEIGHT:
            return words
    return style.fit(short, HEIGHT) if alone else "difference"


def _numbers(point: Summary) -> Floats:
    """The finding a replicate, [replicate]; empty where only all of them make a number."""
    terms = point["terms"]
    if len(terms) > 1 and len(terms[0]["columns"]) > 1:
        return np.zeros(0)
    each = [
        term["weight"] * np.array(replicate_numbers(term["columns"], point["measure"]), np.float64)
        for term in terms
    ]
    return np.asarray(sum(each[1:], each[0]))


def _mark(panel: Axes, x: float) -> None:
    """The scenario's own value: a mark over the panel."""
    panel.axvline(x, color=colors.GREY, linewidth=0.6, linestyle=style.DASHES[2], zorder=1,
                  label="as written")  # fmt: skip
    low, high = panel.get_xlim()
    part = (x - low) / (high - low)
    align = "left" if part < 0.2 else "right" if part > 0.8 else "center"
    panel.text(
        x, 1.02, "as written", transform=panel.get_xaxis_transform(), ha=align, va="bottom",
        color=colors.DARK_GREY,
    )  # fmt: skip
