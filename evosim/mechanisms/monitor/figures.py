"""Figure ``monitor``: what is detected, what it costs in labels, and what it prevents.

Above, the ROC of detection: the share of lifetimes of the first monitored generation with a score
above a threshold, against the share of training lifetimes above it. Below, the lifetimes flagged
and labelled in each generation, and the intended payoff as lived.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.mechanisms.monitor import metrics as detection
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot._timeline import along_generations
from evosim.stats import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

ALARMS = np.concatenate([[0.0, 0.005], np.linspace(0.01, 0.1, 10), np.linspace(0.15, 1.0, 18)])
"""Shares of false alarms at which the ROC is drawn: finer where thresholds are set."""
BAND = 0.18
LEFT, RIGHT = 0.46, 0.1


@registry.figure("monitor", "out-of-distribution detection", needs=("monitor_score",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the ROC, the labels and the intended payoff."""
    on = any(phase.monitored for phase in view.scenario.timeline)
    rows = [
        layouts.Row(height=1.3, ticks=True),
        layouts.Row(height=0.8),
        layouts.Row(height=0.8),
    ]
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE,
            title=view.figure_title("out-of-distribution detection"),
            note=_note(view, on),
            left=LEFT,
            right=RIGHT,
            axes=axes,
        )
        roc, labels, intended = layout.panels
        layouts.panel_title(roc, "detected, against false alarms (shares of lifetimes)")
        roc.set_ylabel("detected")
        roc.set_xlim(0, 1)
        roc.set_ylim(-0.02, 1.02)
        _roc(view, roc) if on else layouts.no_data(roc, "no phase is monitored")
        for panel in (labels, intended):
            along_generations(panel, view.timeline, width=style.inches(panel)[0])
        labels.tick_params(labelbottom=False)
        _counts(view, labels)
        _intended(view, intended)
    return layout.figure


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


def _roc(view: RunView, panel: Axes) -> None:
    scenario = view.scenario
    assert scenario.monitor is not None
    curves = detection.roc(view.data, scenario, ALARMS)
    middle = timeseries.mean(curves, 0)
    panel.plot(ALARMS, ALARMS, color=colors.GREY, linestyle=style.DASHES[2], label="chance")
    if view.replicates > 1:
        low, high = timeseries.interval(curves, view.bootstrap)
        panel.fill_between(
            ALARMS, low, high, color=colors.BLUE, alpha=BAND, linewidth=0, label="roc band"
        )
    timeseries.line(panel, ALARMS, middle, color=colors.BLUE, label="roc")
    used = 1.0 - scenario.monitor.quantile
    detected = float(timeseries.mean(detection.flagged(view.data, scenario), 0))
    panel.plot([used], [detected], "x", color=colors.BLACK, markersize=5, label="threshold")
    area = intervals.mean(detection.roc_area(view.data, scenario), view.bootstrap)
    panel.text(0.97, 0.06, f"area {area:.2f}", transform=panel.transAxes, ha="right", va="bottom")


def _counts(view: RunView, panel: Axes) -> None:
    layouts.panel_title(panel, "lifetimes flagged (dashed) and labelled")
    panel.set_ylabel("lifetimes")
    flagged = view.values("flagged", "replicate", "generation")
    labels = view.values("labels", "replicate", "generation")
    timeseries.limits(panel, flagged, labels, include=(0.0,))
    for values, name, color, dash in (
        (flagged, "flagged", colors.GREY, style.DASHES[1]),
        (labels, "labelled", colors.VERMILLION, "-"),
    ):
        timeseries.draw_trajectory(
            panel, view.generations, timeseries.trajectory(values[..., None], bands=False),
            color=color, label=name, dash=dash,
        )  # fmt: skip


def _intended(view: RunView, panel: Axes) -> None:
    name = view.scenario.objective.intended
    layouts.panel_title(panel, f"intended payoff: {name}", color=colors.BLUE)
    panel.set_ylabel(style.fit(f"{name} / lifetime", 1.0))
    paid = view.values("payoff_total", "replicate", "generation", "individual", "payoff")
    trajectory = timeseries.trajectory(paid[..., view.names("payoff").index(name)], use_mean=True)
    timeseries.limits(
        panel, trajectory.middle, trajectory.replicates, *trajectory.bands[1], include=(0.0,)
    )
    timeseries.draw_trajectory(panel, view.generations, trajectory, color=colors.BLUE, label=name)
