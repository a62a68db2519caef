"""Figure ``objective_proxy``: what the designer intends and what the mind feels, on one time axis.

Two panels share the axis of generations instead of one panel having two scales: payoffs and felt
rewards have no common unit, and any choice of two scales would draw its own conclusion. Where
selection is paid on something else than what is intended, its score has a panel of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.errors import EvosimError
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

REFERENCES = (
    ("optimal_payoff", "optimum", style.DASHES[1]),
    ("uniform_payoff", "random", style.DASHES[2]),
)
"""Variable, name and dash: the best policy there is, and uniformly random actions."""
LABEL_ROOM = timeseries.label_room([name for _, name, _ in REFERENCES])


@registry.figure(
    "objective_proxy",
    "intended payoff and internal reward",
    needs=("payoff_total", "internal_reward"),
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the population's sampled lifetimes, generation by generation."""
    scored = _selection_differs(view) and "score" in view.data
    row = layouts.Row(height=1.1, room=LABEL_ROOM)
    rows = [layouts.Row(height=1.1, room=LABEL_ROOM, strip=True)] + [row] * (1 + scored)
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE,
            title=view.figure_title("objective and proxy"),
            note=_note(view),
            view=view,
            axes=axes,
        )
        panels = layout.panels
        _intended(view, panels[0])
        if scored:
            score = view.values("score", "replicate", "generation", "individual")
            _trajectory(view, panels[1], score, colors.GREEN, "score")
            layouts.panel_title(panels[1], "selected payoff: score", color=colors.GREEN)
            panels[1].set_ylabel("score")
        reward = view.values("internal_reward", "replicate", "generation", "individual")
        _trajectory(view, panels[-1], reward, colors.VERMILLION, "internal reward")
        layouts.panel_title(panels[-1], "internal reward", color=colors.VERMILLION)
        panels[-1].set_ylabel("reward / lifetime")
    return layout.figure


def _note(view: RunView) -> str:
    note = view.spread_note("Each individual's mean over its sampled lifetimes")
    if any(variable in view.data for variable, _, _ in REFERENCES):
        note += " Optimum and random: expected payoffs on the probe levels."
    return note


def _selection_differs(view: RunView) -> bool:
    """Whether selection was ever paid on another payoff than the intended one."""
    scenario = view.scenario
    selected = {p.objective.selected for p in scenario.timeline if p.objective is not None}
    selected.add(scenario.objective.selected)
    return bool(selected - {None, scenario.objective.intended})


def _intended(view: RunView, panel: Axes) -> None:
    name = view.scenario.objective.intended
    payoffs = view.names("payoff")
    if name not in payoffs:
        raise EvosimError(f"the data of this run has no payoff {name!r}, only {', '.join(payoffs)}")
    paid = view.values("payoff_total", "replicate", "generation", "individual", "payoff")
    layouts.panel_title(panel, f"intended payoff: {name}", color=colors.BLUE)
    panel.set_ylabel(style.fit(f"{name} / lifetime", 1.25))
    references = []
    for variable, text, dash in REFERENCES:
        if variable not in view.data:
            continue
        trajectory = view.by_environment(variable)
        if np.isfinite(trajectory).any():
            _steps(view, panel, trajectory, dash, text)
            references.append((trajectory, text))
    _trajectory(
        view,
        panel,
        paid[..., payoffs.index(name)],
        colors.BLUE,
        name,
        also=[trajectory for trajectory, _ in references],
    )
    last = [(float(trajectory[-1]), text, colors.INK) for trajectory, text in references]
    timeseries.end_labels(
        panel, [entry for entry in last if np.isfinite(entry[0])], room=LABEL_ROOM
    )


def _steps(
    view: RunView,
    panel: Axes,
    trajectory: np.ndarray,
    dash: style.Dash,
    label: str,
) -> None:
    """A reference that is constant between flips and jumps at them."""
    starts = [int(np.searchsorted(view.generations, s.start)) for s in view.phase_spans]
    panel.hlines(
        trajectory[starts],
        [s.start for s in view.phase_spans],
        [s.end for s in view.phase_spans],
        color=colors.INK,
        linestyle=dash,
        linewidth=0.8,
        label=label,
    )


def _trajectory(
    view: RunView,
    panel: Axes,
    values: np.ndarray,
    color: str,
    label: str,
    also: list[np.ndarray] | None = None,
) -> None:
    trajectory = timeseries.trajectory(values)
    timeseries.limits(
        panel, *trajectory.arrays, *(also or []), include=(0.0,),
    )  # fmt: skip
    if np.isfinite(trajectory.middle).any():
        timeseries.draw_trajectory(panel, view.generations, trajectory, color=color, label=label)
    else:
        layouts.no_data(panel, "no values")
