"""Figure ``monitor``: what is detected, what it costs in labels, and what it prevents.

Above, the ROC of detection: the share of lifetimes of the first monitored generation with a score
above a threshold, against the share of training lifetimes above it. Below, the lifetimes flagged
and labelled in each generation, and the intended payoff as lived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.metrics import detection
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.timeline import along_generations
from evosim.stats import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import Subject

ALARMS = np.concatenate([[0.0, 0.005], np.linspace(0.01, 0.1, 10), np.linspace(0.15, 1.0, 18)])
"""Shares of false alarms at which the ROC is drawn: finer where thresholds are set."""
BAND = 0.18
LEFT, RIGHT = 0.46, 0.1


@registry.figure("monitor", "detection of the unfamiliar", needs=("monitor_score",))
def figure(subject: Subject) -> Figure:
    """Draw the ROC, the labels and the intended payoff."""
    on = any(phase.monitored for phase in subject.scenario.timeline)
    rows = [
        layouts.Row(height=1.3, ticks=True),
        layouts.Row(height=0.8),
        layouts.Row(height=0.8),
    ]
    with style.styled():
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE,
            title=subject.head("detection of the unfamiliar"),
            note=_note(subject, on),
            left=LEFT,
            right=RIGHT,
        )
        roc, labels, intended = sheet.panels
        layouts.panel_title(roc, "detected, against false alarms (shares of lifetimes)")
        roc.set_ylabel("detected")
        roc.set_xlim(0, 1)
        roc.set_ylim(-0.02, 1.02)
        _roc(subject, roc) if on else layouts.empty(roc, "no phase is monitored")
        for panel in (labels, intended):
            along_generations(panel, subject, width=style.SINGLE - LEFT - RIGHT)
        labels.tick_params(labelbottom=False)
        _counts(subject, labels)
        _intended(subject, intended)
    return sheet.figure


def _note(subject: Subject, on: bool) -> str:
    note = "Flagged: lifetimes above the threshold; labelled: those that selection acts on."
    if on:
        generation = detection.first_monitored(subject.scenario)
        note = (
            f"Above: lifetimes of generation {generation}, the first monitored one, against those "
            f"of generation {generation - 1}; dotted: chance; cross: the threshold in use. {note}"
        )
        if subject.replicates > 1:
            percent = f"{100 * subject.scenario.verdict.confidence:g} %"
            note += (
                f" Mean of {subject.replicates} replicates and {percent} interval (BCa bootstrap); "
                "below, thin lines: replicates, thick: their median."
            )
    return note


def _roc(subject: Subject, panel: Axes) -> None:
    scenario = subject.scenario
    assert scenario.monitor is not None
    curves = detection.roc(subject.data, scenario, ALARMS)
    middle = timeseries.mean(curves, 0)
    panel.plot(ALARMS, ALARMS, color=colors.GREY, linestyle=style.DASHES[2], label="chance")
    if subject.replicates > 1:
        low, high = timeseries.interval(curves, subject.bootstrap)
        panel.fill_between(
            ALARMS, low, high, color=colors.BLUE, alpha=BAND, linewidth=0, label="roc band"
        )
    timeseries.line(panel, ALARMS, middle, color=colors.BLUE, label="roc")
    used = 1.0 - scenario.monitor.quantile
    detected = float(timeseries.mean(detection.flagged(subject.data, scenario), 0))
    panel.plot([used], [detected], "x", color=colors.BLACK, markersize=5, label="threshold")
    area = intervals.mean(detection.roc_area(subject.data, scenario), subject.bootstrap)
    panel.text(0.97, 0.06, f"area {area:.2f}", transform=panel.transAxes, ha="right", va="bottom")


def _counts(subject: Subject, panel: Axes) -> None:
    layouts.panel_title(panel, "lifetimes flagged (dashed) and labelled")
    panel.set_ylabel("lifetimes")
    flagged = subject.values("flagged", "replicate", "generation")
    labels = subject.values("labels", "replicate", "generation")
    timeseries.limits(panel, flagged, labels, include=(0.0,))
    for values, name, color, dash in (
        (flagged, "flagged", colors.GREY, style.DASHES[1]),
        (labels, "labelled", colors.VERMILLION, "-"),
    ):
        timeseries.draw_course(
            panel, subject.generations, timeseries.course(values[..., None], bands=False),
            color=color, label=name, dash=dash,
        )  # fmt: skip


def _intended(subject: Subject, panel: Axes) -> None:
    name = subject.scenario.objective.intended
    layouts.panel_title(panel, f"what is intended: {name}", color=colors.BLUE)
    panel.set_ylabel(style.fit(f"{name} / lifetime", 1.0))
    paid = subject.values("payoff_total", "replicate", "generation", "individual", "payoff")
    course = timeseries.course(paid[..., subject.names("payoff").index(name)], use_mean=True)
    timeseries.limits(panel, course.middle, course.replicates, *course.bands[1], include=(0.0,))
    timeseries.draw_course(panel, subject.generations, course, color=colors.BLUE, label=name)
