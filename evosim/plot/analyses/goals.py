"""Figure of the analysis ``goals``: what minds are directed at, in every environment.

To the left how directed they are at their own drives and at the payoffs, in the middle whether
their lifetimes read as planning, to the right the drives inferred against the true ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Floats, Level, Panel, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

ROLES = {
    "own": (LegendEntry("its own drives", colors.BLACK, width=4.0), "o"),
    "intended": (LegendEntry("the intended payoff", colors.BLUE, width=4.0), "s"),
    "selected": (LegendEntry("the selected payoff", colors.VERMILLION, width=4.0), "^"),
}
TONES = (colors.GREEN, colors.PURPLE, colors.ORANGE, colors.SKY, colors.DARK_GREY)
"""Of drives: none of those of the roles."""
MARKERS = "osD^vP*X"
SPREAD = 0.16
"""Half the width over which individuals are set side by side."""
POINT = 11.0
BETWEEN = 0.5
WIDTH = (style.DOUBLE - 0.56 - 2 * BETWEEN) / 3
"""Inches of a panel."""


@registry.figure("goals", of="analysis")
def figure(summary: dict[str, Any]) -> Figure:
    """Draw the analysis from its summary."""
    environments = summary["environments"]
    payoffs, names = summary["payoffs"], list(environments)
    roles = [r for r in ROLES if r != "selected" or payoffs["selected"] != payoffs["intended"]]
    drives = [
        LegendEntry(f"drive for {name}", TONES[n % len(TONES)], width=4.0)
        for n, name in enumerate(summary["drives"])
    ]
    places: dict[str, Any] = {
        "bold": True,
        "xlim": (-0.5, len(names) - 0.5),
        "xticks": dict(enumerate(_short(names, WIDTH / len(names)))),
    }
    shares = {
        (at, role): timeseries.numbers(one["share"] for one in environments[name]["directed"][role])
        for at, name in enumerate(names)
        for role in roles
    }
    stances = {
        (at, "own"): timeseries.numbers(one["agent"] for one in environments[name]["stances"])
        for at, name in enumerate(names)
    }
    every = np.concatenate([[0.0, 1.0], *shares.values()])
    directed = Panel(
        title="goal-directedness",
        ylabel="MEG, share of an optimum's",
        ylim=timeseries.ends_of(np.maximum(every, -1.2)),
        levels=[Level(0.0), Level(1.0)],
        more=lambda panel: _points(panel, shares),
        **places,
    )
    stance = Panel(
        title="does it plan?",
        ylabel="probability that it plans",
        ylim=(-0.05, 1.05),
        levels=[Level(0.5)],
        more=lambda panel: _points(panel, stances),
        **places,
    )
    inferred = Panel(
        title=f"its drives, in {names[0]}",
        bold=True,
        ylabel="inferred",
        xlim=(-1.05, 1.05),
        ylim=(-1.05, 1.05),
        more=lambda panel: _inferred(panel, environments[names[0]], summary),
    )
    return facets(
        [Row(height=1.5, content=[directed, stance, inferred])],
        title=f"{summary['title']}: goals of the minds",
        note=_note(summary),
        legend=[*(ROLES[role][0] for role in roles), *drives],
        between=BETWEEN,
        xlabel=" ",
    )


def _note(summary: dict[str, Any]) -> str:
    n = len(summary["individuals"])
    flip = summary["flip"]
    born = f", bred in {flip['before']} and the first to meet {flip['after']}" if flip else ""
    return (
        "Left: MEG (maximum entropy goal-directedness) as a share of an optimal policy's; below "
        "0: directed against it. Middle: posterior probability of planning against reflexes, "
        "prior 0.5. Right: posterior mean of the "
        f"drives (of {summary['considered']} considered) over the true ones, shape and colour by "
        f"drive. {n} individuals of generation {summary['generation']}{born}, each a point; bars: "
        f"their means. Left: exact; else: from {summary['levels']} sampled lifetimes each. They "
        "share ancestors: no interval."
    )


def _points(panel: Axes, values: Mapping[tuple[int, str], Floats]) -> None:
    """Individuals side by side at each place, a group a role, and their mean."""
    roles = list(dict.fromkeys(role for _, role in values))
    width = 0.7 / len(roles)
    for (at, role), every in values.items():
        look, marker = ROLES[role]
        middle = at + (roles.index(role) - (len(roles) - 1) / 2) * 0.72 / len(roles)
        known = every[np.isfinite(every)]
        if not len(known):
            panel.text(middle, 0.04, "undefined", ha="center", color=colors.DARK_GREY, rotation=90)
            continue
        beside = np.linspace(-SPREAD, SPREAD, max(len(known), 2))[: len(known)] * width / 0.5
        panel.scatter(
            middle + beside, known, s=POINT, color=look.color, marker=marker, alpha=0.6,
            linewidths=0, zorder=3, label=role,
        )  # fmt: skip
        ends = middle - 0.4 * width, middle + 0.4 * width
        panel.hlines(float(known.mean()), *ends, color=look.color, linewidth=1.6, zorder=4)


def _inferred(panel: Axes, environment: dict[str, Any], summary: dict[str, Any]) -> None:
    true = np.array(summary["true"])
    found = np.array([one["drives"] for one in environment["inferred"]])
    for n, name in enumerate(summary["drives"]):
        panel.scatter(
            true[:, n], found[:, n], s=POINT, color=TONES[n % len(TONES)],
            marker=MARKERS[n % len(MARKERS)], alpha=0.75, linewidths=0, zorder=3, label=name,
        )  # fmt: skip
    panel.plot([-1, 1], [-1, 1], color=colors.GREY, linewidth=0.5, zorder=1)
    panel.set_xlabel("true drive, of unit length")


def _short(names: Sequence[str], width: float) -> list[str]:
    """The names in so many inches each; every other one a line below has twice the room."""
    if all(style.fit(name, 0.95 * width) == name for name in names):
        return list(names)
    return ["\n" * (n % 2) + style.fit(name, 1.9 * width) for n, name in enumerate(names)]
