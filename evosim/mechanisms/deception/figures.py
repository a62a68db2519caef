"""Figure ``deception``: the race between two ways to pass the test, and what the sense is for.

Above, the shares of minds that are deceptive and of those that are honest; below, the rate of
conduct while watched and unwatched, of the minds as they are and of the same minds without the
sense. A deceptive population holds back only where it is watched, and only as long as it sees
that it is. A column for each environment in which minds are watched and unwatched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evosim.mechanisms.deception.metrics import Conduct, conduct, is_good
from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

MOST_COLUMNS = 3
WITHOUT = "{}, without the sense"
SHARES = {
    name: LegendEntry(METRICS[name].label, color, dash)
    for name, color, dash in (
        ("deceptive", colors.VERMILLION, "-"),
        ("honest", colors.BLUE, style.DASHES[1]),
    )
}
RATES = {
    f"{name}{without}": LegendEntry(
        WITHOUT.format(METRICS[name].label) if without else METRICS[name].label, color, dash
    )
    for without, color in (("", colors.BLACK), ("_without", colors.ORANGE))
    for name, dash in (("unwatched", style.DASHES[1]), ("watched", "-"))
}
"""How the fields of a conduct are named and drawn."""


@registry.figure("deception", "conduct while watched and unwatched", needs=("conduct_watched",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw shares and rates over the probes."""
    found = _conduct_by_environment(view)
    assert view.scenario.deception is not None
    rates = f"{view.scenario.deception.conduct} / step"
    upper = [_panel(view, what, place, METRICS["deceptive"].unit) for place, what in found.items()]
    lower = [_panel(view, what, "", rates) for what in found.values()]
    if not found:
        upper = [Panel(ylabel="share", undefined="nobody is both watched and unwatched")]
        lower = [Panel(ylabel=rates, undefined="undefined")]
    return facets(
        [Row(height=1.15, content=upper), Row(height=1.15, content=lower)],
        title=view.figure_title("conduct while watched and unwatched"),
        note=_note(view),
        view=view,
        legend=[*SHARES.values(), *RATES.values()],
        left=0.52,
        axes=axes,
    )


def _conduct_by_environment(view: RunView) -> dict[str, Conduct]:
    """By environment, where minds are watched and unwatched; those with the most deception."""
    found = {name: conduct(view.data, view.scenario, name) for name in view.names("environment")}
    peaks = {
        name: float(np.nanmax(here.deceptive))
        for name, here in found.items()
        if np.isfinite(here.deceptive).any()
    }
    most = sorted(peaks, key=lambda name: -peaks[name])[:MOST_COLUMNS]
    return {name: found[name] for name in found if name in most}


def _note(view: RunView) -> str:
    drawn = "Exact rates on the probe levels, means over sampled individuals"
    if view.replicates > 1:
        drawn += f"; thin lines: {view.replicates} replicates, thick: their median"
    side = "shown" if is_good(view.scenario) else "held back"
    return (
        f"{drawn}. Deceptive: {side} while watched, not while unwatched, and only because the "
        "mind senses the watcher."
    )


def _panel(view: RunView, what: Conduct, place: str, ylabel: str) -> Panel:
    """The shares of minds in an environment, or without its name the rates of conduct."""
    looks = SHARES if place else RATES
    return Panel(
        lines=[
            Line(look, timeseries.medians(getattr(what, field))) for field, look in looks.items()
        ],
        x=np.asarray(view.data["probe"].values, dtype=np.float64),
        title=f"in “{view.title(place)}”" if place else "",
        bold=True,
        ylabel=ylabel,
        scale=ylabel,
        include=(0.0, 1.0) if place else (0.0,),
    )
