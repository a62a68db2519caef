"""Figure ``alignment_all``: capability and alignment in every environment, with the control minds.

A column for each environment, so that each is seen at all times and not only while it trains;
a light ground marks when it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evosim.metrics.flips import JUDGED
from evosim.plot import colors, registry, timeseries
from evosim.plot.facets import GROUND, Floats, Line, Panel, RunView, Trajectory, facets, scale_note
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

DIMS = ("replicate", "probe", "environment", "mind", "sample")
MOST_COLUMNS = 3

MINDS: dict[str, LegendEntry] = {
    look.name: look
    for look in (
        LegendEntry("evolved", colors.BLACK, "-", 1.8),
        LegendEntry("true drive", colors.BLUE, (0, (5.0, 1.6)), 1.1),
        LegendEntry("unshifted beliefs", colors.VERMILLION, (0, (5.0, 1.2, 1.0, 1.2)), 1.1),
        LegendEntry("random drives", colors.GREEN, (0, (2.2, 1.2)), 1.1),
        LegendEntry("without senses", colors.ORANGE, (0, (1.6, 1.0, 0.6, 1.0)), 1.1),
        LegendEntry("uniform", colors.GREY, (0, (1.0, 1.0)), 1.1),
    )
}
"""How a mind is drawn wherever minds are compared.

The evolved mind first, a broad line under all others, and those of the longest dashes next: what
coincides with a line beneath it is seen on it, and is seen through.
"""


def looks_of(minds: Sequence[str]) -> dict[str, LegendEntry]:
    """How minds are drawn, the lowest line first; one that evosim does not know has a look too."""
    order = [*(m for m in MINDS if m in minds), *(m for m in minds if m not in MINDS)]
    return {m: MINDS.get(m, LegendEntry(m, colors.PURPLE, "-", 1.1)) for m in order}


@registry.figure(
    "alignment_all",
    "capability and alignment in every environment, with control minds",
    needs=("capability", "alignment"),
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the measures of the probes."""
    environments, names = view.names("environment"), view.names("mind")
    measured = {name: _summarised(view, name) for name in JUDGED}
    known = {m for m in names if any(np.isfinite(measured[j][m].middle).any() for j in JUDGED)}
    if not view.scenario.agent.has_drives:  # what does not plan uses no beliefs
        known.discard("unshifted beliefs")
    looks = {mind: look for mind, look in looks_of(names).items() if mind in known}
    rows = []
    for first in range(0, len(environments), MOST_COLUMNS):
        several = len(environments) > MOST_COLUMNS
        for measure in JUDGED:
            content = [
                _panel(view, measured[measure], looks, measure, e)
                for e in range(first, min(first + MOST_COLUMNS, len(environments)))
            ]
            rows.append(
                Row(
                    height=1.05,
                    columns=min(len(environments), MOST_COLUMNS),
                    ticks=several and measure == JUDGED[-1],
                    content=content,
                )
            )
    return facets(
        rows,
        title=view.figure_title(_finding(view, measured[JUDGED[-1]]["evolved"].middle)),
        note=_note(view),
        view=view,
        legend=list(looks.values()),
        axes=axes,
    )


def _summarised(view: RunView, name: str) -> dict[str, Trajectory]:
    """By mind, means over the sample and replicates, [probe, environment]; of the evolved also the
    spread over the sample, or the interval of their mean over replicates."""
    values = view.values(name, *DIMS)
    by_replicate = timeseries.mean(values)
    found = {}
    for m, mind in enumerate(view.names("mind")):
        bands: tuple[Any, ...] = ()
        if mind == "evolved":
            if view.replicates > 1:
                ends = timeseries.interval(by_replicate[..., m], view.bootstrap)
            else:
                ends = timeseries.quantiles(values[0, :, :, m], timeseries.BANDS[0])
            bands = (tuple(ends),)
        found[mind] = Trajectory(timeseries.mean(by_replicate[..., m], 0), None, bands)
    return found


def _finding(view: RunView, alignment: Floats) -> str:
    """How well the last generation is aligned in the environments that ever train, in a sentence.

    Args:
        alignment: of the evolved minds [probe, environment].
    """
    trains = {name for phase in view.phase_spans for name, w in phase.mixture.items() if w > 0}
    ends = zip(view.names("environment"), alignment[-1], strict=True)
    known = {name: v for name, v in ends if np.isfinite(v) and name in trains}
    if not known:
        return "alignment is undefined in the end"
    low, high = (choose(known, key=lambda name: known[name]) for choose in (min, max))
    said = dict.fromkeys((high, low))
    words = [f"{known[name]:.2f} in “{view.title(name)}”" for name in said]
    between = " down to " if len(known) > 2 else " and "
    return "alignment is in the end " + between.join(words).replace("-", "\N{MINUS SIGN}")


def _note(view: RunView) -> str:
    if view.replicates > 1:
        percent = f"{100 * view.scenario.verdict.confidence:g} %"
        drawn = (
            f"Means of {view.replicates} replicates; band: {percent} interval (BCa bootstrap) "
            "of the evolved minds."
        )
    else:
        drawn = view.sampled_note("band: the middle 90 % of the evolved minds")
    return (
        f"{drawn} {scale_note(view.scenario.verdict.zero, view.scenario.objective.intended)} "
        "(thin lines). "
        "Where lines coincide, that of the evolved minds is below the others. "
        f"Tinted: generations that train in this environment.{view.basis_note}"
    )


def _panel(
    view: RunView,
    measured: dict[str, Trajectory],
    looks: dict[str, LegendEntry],
    measure: str,
    environment: int,
) -> Panel:
    """One measure in one environment."""
    here = {mind: what.at(environment) for mind, what in measured.items()}
    name = view.names("environment")[environment]
    missing = np.isnan(here["evolved"].middle) if "evolved" in here else np.zeros(1, bool)
    remarks = []
    if missing.any():
        remarks.append(f"evolved: {'undefined' if missing.all() else 'gaps where undefined'}")
    trains = [phase for phase in view.phase_spans if phase.mixture.get(name, 0) > 0]
    return Panel(
        lines=[Line(look, here[mind]) for mind, look in looks.items()],
        x=np.asarray(view.data["probe"].values, dtype=np.float64),
        metric=measure,
        scale=measure,
        title=f"in “{view.title(name)}”" if measure == JUDGED[0] else "",
        bold=True,
        ground=[(phase.start, phase.end, GROUND) for phase in trains],
        undefined=f"{measure} is undefined here",
        remarks=remarks,
    )
