"""Figure ``objective_proxy``: what the designer intends and what the mind feels, on one time axis.

Two panels share the axis of generations instead of one panel having two scales: payoffs and felt
rewards have no common unit, and any choice of two scales would draw its own conclusion. Where
selection is paid on something else than what is intended, its score has a panel of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evosim.errors import EvosimError
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Level, Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

REFERENCES = {
    "optimal_payoff": LegendEntry("optimum", colors.INK, style.DASHES[1], 0.8),
    "uniform_payoff": LegendEntry("random", colors.INK, style.DASHES[2], 0.8),
}
"""By variable: the best policy there is, and uniformly random actions."""


@registry.figure(
    "objective_proxy",
    "intended payoff and internal reward",
    needs=("payoff_total", "internal_reward"),
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the population's sampled lifetimes, generation by generation."""
    name = view.scenario.objective.intended
    payoffs = view.names("payoff")
    if name not in payoffs:
        raise EvosimError(f"the data of this run has no payoff {name!r}, only {', '.join(payoffs)}")
    paid = view.individuals_of("payoff_total", "payoff")[..., payoffs.index(name)]
    shown = [("intended payoff: ", name, f"{name} / lifetime", colors.BLUE, paid)]
    if view.selection_differs and "score" in view.data:
        score = view.individuals_of("score")
        shown.append(("selected payoff: ", "score", "score", colors.GREEN, score))
    reward = view.individuals_of("internal_reward")
    shown.append(("", "internal reward", "reward / lifetime", colors.VERMILLION, reward))
    levels = _references(view)
    note = view.spread_note("Each individual's mean over its sampled lifetimes")
    if any(variable in view.data for variable in REFERENCES):
        note += " Optimum and random: expected payoffs on the probe levels."
    return facets(
        [
            Row(
                height=1.1,
                content=[
                    Panel(
                        lines=[Line(LegendEntry(name, color), timeseries.trajectory(values))],
                        title=kind + name,
                        color=color,
                        ylabel=ylabel,
                        levels=levels if n == 0 else (),
                        include=(0.0,),
                    )
                ],
            )
            for n, (kind, name, ylabel, color, values) in enumerate(shown)
        ],
        title=view.figure_title("objective and proxy"),
        note=note,
        view=view,
        axes=axes,
    )


def _references(view: RunView) -> list[Level]:
    """The references that are known; constant between flips, they jump at them, and in a ramp from
    one generation to the next."""
    spans = [
        (start, min(start + step, s.end))
        for s in view.phase_spans
        for step in [1.0 if s.gradual else s.end - s.start]
        for start in np.arange(s.start, s.end, step)
    ]
    starts = [int(np.searchsorted(view.generations, start)) for start, _ in spans]
    known = {
        variable: view.by_environment(variable) for variable in REFERENCES if variable in view.data
    }
    return [
        Level(values[starts], REFERENCES[variable], REFERENCES[variable].name, spans)
        for variable, values in known.items()
        if np.isfinite(values).any()
    ]
