"""Figure ``tuned`` of an experiment: how far a number can move before the effect goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.errors import Argument, EvosimError
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.experiment import (
    finding_label,
    metric_label,
    place,
    replicate_numbers,
    scale,
    verdict_color,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from evosim.scenario import Scenario

Summary = Mapping[str, Any]

HEIGHT = 1.6
LEFT, RIGHT = 0.5, 0.14
WANTED = "#E3F1E8"


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
    tuned = summary["tuned"]
    with style.styled():
        room = style.SINGLE - 2 * layouts.PAD
        fits = style.text_width(tuned["label"]) <= style.SINGLE - LEFT - RIGHT
        heading = style.wrap(_capital(summary["findings"][0]["says"]), room)
        along = [] if fits else style.wrap(f"Along the axis: {tuned['label']}", room)
        layout = layouts.create(
            [layouts.Row(height=HEIGHT, header=(*heading, *along), bold=0)],
            width=style.SINGLE,
            title=f"{summary['title']}: sensitivity to one value",
            note=_note(summary),
            left=LEFT,
            right=RIGHT,
            xlabel=tuned["label"] if fits else None,
        )
        _draw(layout.panels[0], summary)
    return layout.figure


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _note(summary: Summary) -> str:
    tuned = summary["tuned"]
    n = tuned["replicates"]
    words = [tuned["says"]] if tuned["says"] else []
    shown = any(len(_numbers(point)) for point in tuned["values"])
    words.append(
        f"{'Points: ' if shown else 'Of '}{n} replicates at each value; bars: their means with "
        f"BCa intervals of {100 * summary['confidence']:g} %; green: where the whole interval "
        "must lie."
        if n > 1
        else "One replicate at each value."
    )
    if scale([v["value"] for v in tuned["values"]]).even:
        words.append("The values are evenly spaced, not to scale.")
    return " ".join(words)


def _draw(panel: Axes, summary: Summary) -> None:
    tuned = summary["tuned"]
    points = tuned["values"]
    values = [point["value"] for point in points]
    along = scale(values)
    ((side, threshold),) = summary["findings"][0]["threshold"].items()
    every = [_numbers(point) for point in points]
    timeseries.limits(panel, *every, *map(_ends, points), include=(0.0, threshold))
    width = max(along.at) - min(along.at) or 1.0
    panel.set_xlim(min(along.at) - 0.06 * width, max(along.at) + 0.06 * width)
    low, high = panel.get_ylim()
    wanted = (threshold, high) if side == "above" else (low, threshold)
    panel.axhspan(*wanted, color=WANTED, linewidth=0, zorder=0, label="wanted")
    panel.axhline(
        threshold, color=colors.INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.5,
        label="threshold",
    )  # fmt: skip
    panel.axhline(0, color=colors.GREY, linewidth=0.5, zorder=1, label="zero")
    panel.set_ylim(low, high)
    for point, x, each in zip(points, along.at, every, strict=True):
        _point(panel, x, point, each, 0.012 * width)
    means = [np.nan if point["measured"] is None else point["measured"] for point in points]
    timeseries.line(panel, np.array(along.at), np.array(means), color=colors.GREY, label="means",
               width=0.8, zorder=2)  # fmt: skip
    panel.set_xticks(along.at, labels=along.labels)
    panel.set_ylabel(_label(summary))
    _own(panel, place(tuned["written"], values, along))


def _label(summary: Summary) -> str:
    """What stands along the vertical axis, as much of it as there is room for."""
    finding = summary["findings"][0]
    first = finding["terms"][0]
    weights = [term["weight"] for term in finding["terms"]]
    alone = weights == [1.0]
    for what in (
        finding_label(finding),
        metric_label(finding["measure"], first["of"], first["level"]),
    ):
        words = what if alone else f"difference in {what}"
        if style.text_width(words) <= HEIGHT:
            return words
    return style.fit(words, HEIGHT) if alone else "difference"


def _numbers(point: Summary) -> NDArray[np.float64]:
    """The finding a replicate, [replicate]; empty where only all of them make a number."""
    terms = point["terms"]
    if len(terms) > 1 and len(terms[0]["columns"]) > 1:
        return np.zeros(0)
    total = np.zeros(0)
    for n, term in enumerate(terms):
        each = np.array(replicate_numbers(term["columns"], point["measure"]), np.float64)
        total = term["weight"] * each if n == 0 else total + term["weight"] * each
    return total


def _ends(point: Summary) -> NDArray[np.float64]:
    known = [point["measured"], *(point["interval"] or ())]
    return np.array([v for v in known if v is not None], np.float64)


def _point(panel: Axes, x: float, point: Summary, each: NDArray[np.float64], spread: float) -> None:
    color = verdict_color(point["verdict"])
    dark = colors.readable(color)
    if len(each) > 1:
        places = x + spread * (2 * ((np.arange(len(each)) * 0.618034) % 1) - 1)
        panel.plot(places, each, ".", color=color, alpha=0.4, markersize=3.2, markeredgewidth=0,
                   zorder=2, label="replicates")  # fmt: skip
    interval = point["interval"]
    if interval is not None and None not in interval:
        panel.plot([x, x], interval, color=dark, linewidth=1.6, solid_capstyle="butt", zorder=4,
                   label="interval")  # fmt: skip
    if point["measured"] is not None:
        panel.plot(x, point["measured"], "o", color=dark, markersize=4.2, markeredgecolor="white",
                   markeredgewidth=0.6, zorder=5, label="mean")  # fmt: skip


def _own(panel: Axes, x: float | None) -> None:
    """The scenario's own value: a mark over the panel."""
    if x is None:
        return
    panel.axvline(x, color=colors.GREY, linewidth=0.6, linestyle=style.DASHES[2], zorder=1,
                  label="as written")  # fmt: skip
    low, high = panel.get_xlim()
    part = (x - low) / (high - low)
    align = "left" if part < 0.2 else "right" if part > 0.8 else "center"
    panel.text(
        x, 1.02, "as written", transform=panel.get_xaxis_transform(), ha=align, va="bottom",
        color=colors.DARK_GREY,
    )  # fmt: skip
