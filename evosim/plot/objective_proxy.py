"""Figure ``objective_proxy``: what the designer intends and what the mind feels, on one time axis.

Two panels share the axis of generations instead of one panel having two scales: payoffs and felt
rewards have no common unit, and any choice of two scales would draw its own conclusion. Where
selection is paid on something else than what is intended, its score has a panel of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.errors import EvosimError
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import Subject

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
def figure(subject: Subject) -> Figure:
    """Draw the population's sampled lifetimes, generation by generation."""
    scored = _selection_differs(subject) and "score" in subject.data
    row = layouts.Row(height=1.1, room=LABEL_ROOM)
    rows = [layouts.Row(height=1.1, room=LABEL_ROOM, strip=True)] + [row] * (1 + scored)
    with style.styled():
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE,
            title=subject.head("objective and proxy"),
            note=_note(subject),
            subject=subject,
        )
        panels = sheet.panels
        _intended(subject, panels[0])
        if scored:
            score = subject.values("score", "replicate", "generation", "individual")
            _course(subject, panels[1], score, colors.GREEN, "score")
            layouts.panel_title(panels[1], "what selection acts on: score", color=colors.GREEN)
            panels[1].set_ylabel("score")
        reward = subject.values("internal_reward", "replicate", "generation", "individual")
        _course(subject, panels[-1], reward, colors.VERMILLION, "internal reward")
        layouts.panel_title(
            panels[-1], "what the mind feels: internal reward", color=colors.VERMILLION
        )
        panels[-1].set_ylabel("reward / lifetime")
    return sheet.figure


def _note(subject: Subject) -> str:
    note = subject.spread_note("Each individual's mean over its sampled lifetimes")
    if any(variable in subject.data for variable, _, _ in REFERENCES):
        note += " Optimum and random: what is expected on the levels of the probes."
    return note


def _selection_differs(subject: Subject) -> bool:
    """Whether selection was ever paid on another payoff than the intended one."""
    scenario = subject.scenario
    selected = {p.objective.selected for p in scenario.timeline if p.objective is not None}
    selected.add(scenario.objective.selected)
    return bool(selected - {None, scenario.objective.intended})


def _intended(subject: Subject, panel: Axes) -> None:
    name = subject.scenario.objective.intended
    payoffs = subject.names("payoff")
    if name not in payoffs:
        raise EvosimError(f"the data of this run has no payoff {name!r}, only {', '.join(payoffs)}")
    paid = subject.values("payoff_total", "replicate", "generation", "individual", "payoff")
    layouts.panel_title(panel, f"what is intended: {name}", color=colors.BLUE)
    panel.set_ylabel(style.fit(f"{name} / lifetime", 1.25))
    references = []
    for variable, text, dash in REFERENCES:
        if variable not in subject.data:
            continue
        course = subject.by_environment(variable)
        if np.isfinite(course).any():
            _steps(subject, panel, course, dash, text)
            references.append((course, text))
    _course(
        subject,
        panel,
        paid[..., payoffs.index(name)],
        colors.BLUE,
        name,
        also=[course for course, _ in references],
    )
    last = [(float(course[-1]), text, colors.INK) for course, text in references]
    timeseries.end_labels(
        panel, [entry for entry in last if np.isfinite(entry[0])], room=LABEL_ROOM
    )


def _steps(
    subject: Subject,
    panel: Axes,
    course: np.ndarray,
    dash: style.Dash,
    label: str,
) -> None:
    """A reference that is constant between flips and jumps at them."""
    starts = [int(np.searchsorted(subject.generations, s.start)) for s in subject.segments]
    panel.hlines(
        course[starts],
        [s.start for s in subject.segments],
        [s.end for s in subject.segments],
        color=colors.INK,
        linestyle=dash,
        linewidth=0.8,
        label=label,
    )


def _course(
    subject: Subject,
    panel: Axes,
    values: np.ndarray,
    color: str,
    label: str,
    also: list[np.ndarray] | None = None,
) -> None:
    course = timeseries.course(values)
    timeseries.limits(
        panel, course.middle, course.replicates, *(a for band in course.bands for a in band),
        *(also or []), include=(0.0,),
    )  # fmt: skip
    if np.isfinite(course.middle).any():
        timeseries.draw_course(panel, subject.generations, course, color=color, label=label)
    else:
        layouts.empty(panel, "no values")
