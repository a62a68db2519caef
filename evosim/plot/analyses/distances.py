"""Figure of the analysis ``distances``: how far what is wanted is from the intended payoff.

A column an environment: EPIC, STARC and, to compare, alignment. Ground is tinted where an
environment trains.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.metrics.analyses.distances import NAMES
from evosim.plot import colors, registry, style, timeseries
from evosim.plot._timeline import Timeline
from evosim.plot.alignment import MINDS
from evosim.plot.facets import GROUND, Level, Line, Panel, Summary, Trajectory, facets, scale_note
from evosim.plot.layouts import Figure, LegendEntry, Row

MOST_COLUMNS = 3
UNRELATED = 0.5**0.5
"""The distance of two rewards whose canonical forms are at right angles."""
RANDOM = MINDS["random drives"]
SELECTED = LegendEntry("selected", colors.PURPLE, style.DASHES[3], 1.1)


@registry.figure("distances", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw the trajectories of the distances and of alignment.

    Args:
        summary: what the analysis found, None for NaN.
    """
    names = list(summary["environments"])
    rows = [
        Row(
            height=0.9,
            columns=min(len(names), MOST_COLUMNS),
            ticks=len(names) > MOST_COLUMNS and measure == list(NAMES)[-1],
            content=[_panel(summary, e, measure) for e in names[first : first + MOST_COLUMNS]],
        )
        for first in range(0, len(names), MOST_COLUMNS)
        for measure in NAMES
    ]
    legend = [MINDS["evolved"], RANDOM]
    if summary["selected"] is not None:
        name = f"evolved, from {summary['selected']}, the selected"
        legend.append(SELECTED._replace(name=name))
    if summary["flips"]:
        legend.append(LegendEntry("flip", colors.INK, style.FLIP, 0.8))
    first, last = summary["span"]
    flips = [flip["generation"] for flip in summary["flips"]]
    return facets(
        rows,
        title=f"{summary['title']}: distance of the drives from the intended payoff, "
        f"{summary['intended']}",
        note=_note(summary),
        timeline=Timeline((first, max(last, first + 1)), flips),
        legend=legend,
    )


def _note(summary: Summary) -> str:
    n = summary["replicates"]
    if n > 1:
        percent = f"{100 * summary['confidence']:g} %"
        drawn = f"Means of {n} replicates; band: {percent} interval (BCa bootstrap)."
    else:
        drawn = f"Means of {summary['sample']} sampled individuals; band: their middle 90 %."
    levels = summary["levels"]
    return (
        f"{drawn} Distance 0: the same goal as the true drive; 0.71: an unrelated goal; "
        f"1: the opposite goal (thin lines); mean over {levels} probe "
        f"level{'s' if levels > 1 else ''}. Alignment "
        f"{scale_note(summary.get('zero', 'uniform'), summary['intended'])}. "
        "Tinted: generations that train in this environment."
    )


def _panel(summary: Summary, name: str, measure: str) -> Panel:
    """One measure in one environment."""
    found = summary["environments"][name][measure]
    middle = timeseries.numbers(found["mean"])
    bands = ((timeseries.numbers(found["low"]), timeseries.numbers(found["high"])),)
    lines = [Line(MINDS["evolved"], Trajectory(middle, None, bands))]
    ends = [phase["generation"] for phase in summary["phases"][1:]] + [summary["span"][1] + 1]
    shown: dict[str, Any] = {
        "x": timeseries.numbers(summary["generations"]),
        "scale": measure,
        "title": f"in “{summary['environments'][name]['title']}”"
        if measure == next(iter(NAMES))
        else "",
        "bold": True,
        "ground": [
            (phase["generation"], end, GROUND)
            for phase, end in zip(summary["phases"], ends, strict=True)
            if name in phase["environments"]
        ],
    }
    if measure == "alignment":
        undefined = "alignment is undefined here"
        return Panel(lines=lines, metric=measure, undefined=undefined, **shown)
    if found["selected"] is not None:
        lines.append(Line(SELECTED, Trajectory(timeseries.numbers(found["selected"]["mean"]))))
    levels = [Level(0.0), Level(UNRELATED), Level(1.0)]
    if found["random_drives"] is not None:
        levels.append(Level(found["random_drives"], RANDOM))
    gaps = found["true_drive"] is not None and np.isnan(middle).any()
    return Panel(
        lines=lines,
        ylabel=NAMES[measure],
        levels=levels,
        ylim=(-0.05, 1.05),
        undefined="undefined: the reward is trivial",
        remarks=["gaps where the drives' reward is trivial"] if gaps else (),
        **shown,
    )
