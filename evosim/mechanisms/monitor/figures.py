"""Figure ``monitor``: what is detected, what it costs in labels, and what it prevents.

Above, the ROC of detection: the share of lifetimes of the first monitored generation with a score
above a threshold, against the share of training lifetimes above it. Below, the lifetimes flagged
and labelled in each generation, and the realised intended payoff.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evosim.mechanisms.monitor import metrics as detection
from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Line, Panel, RunView, Trajectory, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row
from evosim.stats import intervals

ALARMS = np.concatenate([[0.0, 0.005], np.linspace(0.01, 0.1, 10), np.linspace(0.15, 1.0, 18)])
"""Shares of false alarms at which the ROC is drawn: finer where thresholds are set."""
FLAGGED = LegendEntry("flagged", colors.GREY, style.DASHES[1])
LABELLED = LegendEntry("labelled", colors.VERMILLION)


@registry.figure("monitor", "out-of-distribution detection", needs=("monitor_score",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the ROC, the labels and the intended payoff."""
    name = view.scenario.objective.intended
    paid = view.individuals_of("payoff_total", "payoff")[..., view.names("payoff").index(name)]
    counts = [
        Line(look, timeseries.medians(view.values(variable, "replicate", "generation")))
        for look, variable in ((FLAGGED, "flagged"), (LABELLED, "labels"))
    ]
    lived = Line(LegendEntry(name, colors.BLUE), timeseries.trajectory(paid, use_mean=True))
    on = any(phase.monitored for phase in view.scenario.timeline)
    panels = [
        _roc(view, on),
        Panel(
            lines=counts,
            title="lifetimes flagged (dashed) and labelled",
            ylabel=METRICS["labels"].unit,
            include=(0.0,),
        ),
        Panel(
            lines=[lived],
            title=f"intended payoff: {name}",
            color=colors.BLUE,
            ylabel=f"{name} / lifetime",
            include=(0.0,),
        ),
    ]
    return facets(
        [Row(height=1.3 if n == 0 else 0.8, content=[panel]) for n, panel in enumerate(panels)],
        title=view.figure_title("out-of-distribution detection"),
        note=_note(view, on),
        view=view,
        axes=axes,
    )


def _note(view: RunView, on: bool) -> str:
    note = "Flagged: lifetimes above the threshold; labelled: those that selection uses."
    if on:
        generation = detection.first_monitored(view.scenario)
        note = (
            f"Above: lifetimes of generation {generation}, the first monitored one, against those "
            f"of generation {generation - 1}; dotted: chance; cross: the threshold in use. {note}"
        )
        if view.replicates > 1:
            percent = f"{100 * view.scenario.verdict.confidence:g} %"
            note += (
                f" Mean of {view.replicates} replicates and {percent} interval (BCa bootstrap); "
                "below, thin lines: replicates, thick: their median."
            )
    return note


def _roc(view: RunView, on: bool) -> Panel:
    """Lifetimes detected against false alarms."""
    shown: dict[str, Any] = {
        "title": "detected, against false alarms (shares of lifetimes)",
        "ylabel": "detected",
        "xlim": (0.0, 1.0),
        "ylim": (-0.02, 1.02),
    }
    if not on:
        return Panel(undefined="no phase is monitored", **shown)
    data, scenario = view.data, view.scenario
    assert scenario.monitor is not None
    used = 1.0 - scenario.monitor.quantile
    curves = detection.roc(data, scenario, ALARMS)
    bands = (tuple(timeseries.interval(curves, view.bootstrap)),) if view.replicates > 1 else ()
    area = intervals.mean(detection.roc_area(data, scenario), view.bootstrap)

    def more(panel: Axes) -> None:
        detected = float(timeseries.mean(detection.flagged(data, scenario), 0))
        panel.plot([used], [detected], "x", color=colors.BLACK, markersize=5, label="threshold")
        words = f"area {area:.2f}"
        panel.text(0.97, 0.06, words, transform=panel.transAxes, ha="right", va="bottom")

    return Panel(
        lines=[
            Line(LegendEntry("chance", colors.GREY, style.DASHES[2]), Trajectory(ALARMS)),
            Line(
                LegendEntry("roc", colors.BLUE),
                Trajectory(timeseries.mean(curves, 0), None, bands),
            ),
        ],
        x=ALARMS,
        more=more,
        **shown,
    )
