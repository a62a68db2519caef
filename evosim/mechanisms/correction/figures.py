"""Figure ``correction``: who is corrected, what survives of its goals, and what foresight does.

Above, the chance that a lifetime is corrected, of the minds as they are and of the same minds if
they foresaw no correction, and the share of the unwatched steps that begin with the drives of
birth. Below, what they do while watched, foreseeing or not; without ``[deception]`` what the
intended payoff a step is before and after a correction. A column for each environment in which
somebody is corrected, or would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evosim.engine.variables import EVOLVED
from evosim.mechanisms.correction import metrics
from evosim.mechanisms.correction.state import IGNORANT
from evosim.mechanisms.deception.metrics import rates
from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row
from evosim.stats.intervals import mean_of_defined

Floats = NDArray[np.float64]
MOST_COLUMNS = 3
CONDUCT = "conduct while watched"
UNFORESEEN = "{}, if none were foreseen"
SHARES = {
    "corrected": LegendEntry(METRICS["corrected"].label, colors.VERMILLION),
    "corrected unforeseen": LegendEntry(
        UNFORESEEN.format(METRICS["corrected"].label), colors.ORANGE, style.DASHES[1]
    ),
    "survival": LegendEntry(METRICS["survival"].label, colors.BLUE, style.DASHES[2]),
}
WATCHED = {
    "watched": LegendEntry(CONDUCT, colors.BLACK),
    "watched unforeseen": LegendEntry(UNFORESEEN.format(CONDUCT), colors.GREEN, style.DASHES[1]),
}
PAID = {
    "paid_uncorrected": LegendEntry("before a correction", colors.BLACK),
    "paid_corrected": LegendEntry("after it", colors.GREEN, style.DASHES[1]),
}


@registry.figure("correction", "corrections and what survives", needs=("expected_corrected",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw shares and rates over the probes."""
    found = _by_environment(view)
    deception, objective = view.scenario.deception, view.scenario.objective
    below = PAID if deception is None else WATCHED
    unit = f"{objective.intended if deception is None else deception.conduct} / step"
    above = {name: SHARES[name] for name in SHARES if deception or name != "survival"}
    share = METRICS["corrected"].unit
    upper = [_panel(view, above, what, share, place) for place, what in found.items()]
    lower = [_panel(view, below, what, unit) for what in found.values()]
    if not found:
        upper = [Panel(ylabel=share, undefined="nobody is corrected, or would be")]
        lower = [Panel(ylabel=unit, undefined="undefined")]
    return facets(
        [Row(height=1.15, content=upper), Row(height=1.15, content=lower)],
        title=view.figure_title("corrections and what survives of goals"),
        note=_note(view),
        view=view,
        legend=[*above.values(), *below.values()],
        left=0.52,
        axes=axes,
    )


def _by_environment(view: RunView) -> dict[str, dict[str, Floats]]:
    """What is drawn, [replicate, probe] each, by environment: those with the most corrections."""
    every = {name: _courses(view, name) for name in view.names("environment")}
    peaks = {
        name: float(max(here["corrected"].max(), here["corrected unforeseen"].max()))
        for name, here in every.items()
    }
    most = sorted((n for n in peaks if peaks[n] > 0), key=lambda n: -peaks[n])[:MOST_COLUMNS]
    return {name: here for name, here in every.items() if name in most}


def _courses(view: RunView, environment: str) -> dict[str, Floats]:
    data = view.data
    found = {
        "corrected": metrics.corrected(data, environment),
        "corrected unforeseen": metrics.corrected(data, environment, IGNORANT),
    }
    if view.scenario.deception is not None:
        found["survival"] = metrics.survival(data, environment)
        found["watched"] = rates(data, environment).watched
        found["watched unforeseen"] = rates(data, environment, IGNORANT).watched
    else:
        for side in ("uncorrected", "corrected"):
            found[f"paid_{side}"] = metrics.paid(data, environment, EVOLVED, side)
    return {name: mean_of_defined(values) for name, values in found.items()}


def _note(view: RunView) -> str:
    drawn = "Exact expectations on the probe levels, means over sampled individuals"
    if view.replicates > 1:
        drawn += f"; thin lines: {view.replicates} replicates, thick: their median"
    return f"{drawn}. If none were foreseen: the same minds, planning as if drives never changed."


def _panel(
    view: RunView,
    looks: Mapping[str, LegendEntry],
    what: Mapping[str, Floats],
    ylabel: str,
    place: str = "",
) -> Panel:
    """Some of what is known of an environment, over the probes."""
    return Panel(
        lines=[Line(look, timeseries.medians(what[name])) for name, look in looks.items()],
        x=np.asarray(view.data["probe"].values, dtype=np.float64),
        title=f"in “{view.title(place)}”" if place else "",
        bold=True,
        ylabel=ylabel,
        scale=ylabel,
        include=(0.0, 1.0) if place else (0.0,),
    )
