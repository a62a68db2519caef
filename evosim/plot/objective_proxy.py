"""Figure ``objective_proxy``: what the designer intends and what the mind feels, on one time axis.

Two panels share the axis of generations instead of one panel having two scales: payoffs and felt
rewards have no common unit, and any choice of two scales would draw its own conclusion. Minds
without drives, tables and agents, feel nothing and have the first alone. Where selection is paid
on something else than what is intended, its score has a panel of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evosim.errors import EvosimError
from evosim.metrics.query import RECENT
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Floats, Level, Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

REFERENCES = {
    "optimal_payoff": LegendEntry("optimum", colors.INK, style.DASHES[1], 0.8),
    "uniform_payoff": LegendEntry("random", colors.INK, style.DASHES[2], 0.8),
}
"""By variable: the best policy there is, and uniformly random actions."""

SAME = 0.2
"""What moves by less than this part of itself is said to be about as much."""


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
    told = {f"{name} ": ("is paid", paid)}
    if view.scenario.agent.has_drives:
        reward = view.individuals_of("internal_reward")
        shown.append(("", "internal reward", "reward / lifetime", colors.VERMILLION, reward))
        told[""] = ("is felt", reward)
    levels = _references(view)
    who = "Each individual's mean" if view.individuals > 1 else "The mean"
    note = view.spread_note(f"{who} over its sampled lifetimes")
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
        title=view.figure_title(_finding(view, told)),
        note=note,
        view=view,
        axes=axes,
    )


def _finding(view: RunView, told: Mapping[str, tuple[str, Floats]]) -> str:
    """What became of what is paid and of what is felt, at the first flip or over the run.

    Args:
        told: by name, the verb and the values [replicate, generation, individual].
    """
    if view.flips:
        turn = int(np.searchsorted(view.generations, view.flips[0].generation))
        arrived = int(np.searchsorted(view.generations, view.flips[0].arrival))
        spans = (slice(max(turn - RECENT, 0), turn), slice(arrived, arrived + 1))
        when = "at the flip " if turn == arrived else "in the ramp "
        when = when if len(view.flips) == 1 else "at the first flip "
    else:
        spans, when = (slice(0, 1), slice(-RECENT, None)), ""
    said = []
    for what, (verb, values) in told.items():
        means = timeseries.mean(timeseries.mean(values), 0)
        before, after = (float(timeseries.mean(means[span])) for span in spans)
        said.append(f"{_moved(before, after)} {verb} ({what}{_digits(before)} → {_digits(after)})")
    return when + ", ".join(said)


def _moved(before: float, after: float) -> str:
    """How a number moved, in words.

    >>> _moved(27.13, 0.6), _moved(17.0, 16.4), _moved(17.0, 17.0)
    ('less', 'about as much', 'as much')
    """
    if not abs(after - before) > SAME * max(abs(before), abs(after)):
        return "as much" if _digits(before) == _digits(after) else "about as much"
    return "less" if after < before else "more"


def _digits(value: float) -> str:
    return style.number(float(f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}")) or "undefined"


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
