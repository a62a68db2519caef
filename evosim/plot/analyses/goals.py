"""Figure of the analysis ``goals``: what minds are directed at, in every environment.

To the left how directed they are at their own drives and at the payoffs, in the middle whether
their lifetimes read as planning, to the right the drives inferred against the true ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.plot import colors, layouts, registry, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROLES = {
    "own": ("its own drives", colors.BLACK, "o"),
    "intended": ("the intended payoff", colors.BLUE, "s"),
    "selected": ("the selected payoff", colors.VERMILLION, "^"),
}
TONES = (colors.GREEN, colors.PURPLE, colors.ORANGE, colors.SKY, colors.DARK_GREY)
"""Of drives: none of those of the roles."""
MARKERS = "osD^vP*X"
SPREAD = 0.16
"""Half the width over which individuals are set side by side."""
POINT = 11.0


@registry.figure("goals", of="analysis")
def figure(summary: dict[str, Any]) -> Figure:
    """Draw the analysis from its summary."""
    environments = summary["environments"]
    payoffs = summary["payoffs"]
    roles = [r for r in ROLES if r != "selected" or payoffs["selected"] != payoffs["intended"]]
    drives = summary["drives"]
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=1.5, columns=3)],
            width=style.DOUBLE,
            title=f"{summary['title']}: goals of the minds",
            note=_note(summary),
            legend=[
                *(layouts.LegendEntry(ROLES[r][0], ROLES[r][1], width=4.0) for r in roles),
                *(
                    layouts.LegendEntry(f"drive for {name}", TONES[n % len(TONES)], width=4.0)
                    for n, name in enumerate(drives)
                ),
            ],
            between=0.5,
            xlabel=" ",
        )
        directed, stance, inferred = layout.panels
        names = list(environments)
        _directed(directed, [environments[n] for n in names], roles)
        _stances(stance, [environments[n] for n in names])
        _inferred(inferred, environments[names[0]], summary)
        for panel in (directed, stance):
            _name(panel, names)
        layouts.panel_title(directed, "goal-directedness", bold=True)
        layouts.panel_title(stance, "does it plan?", bold=True)
        layouts.panel_title(inferred, f"its drives, in {names[0]}", bold=True)
    return layout.figure


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


def _directed(panel: Axes, environments: list[dict[str, Any]], roles: list[str]) -> None:
    every = [0.0, 1.0]
    for at, environment in enumerate(environments):
        for n, role in enumerate(roles):
            middle = at + (n - (len(roles) - 1) / 2) * 0.36 * 2 / len(roles)
            values = [_number(one["share"]) for one in environment["directed"][role]]
            _points(panel, middle, values, role, width=0.7 / len(roles))
            every += [v for v in values if np.isfinite(v)]
    room = 0.05 * (max(every) - min(every))
    panel.set_ylim(max(min(every), -1.2) - room, max(every) + room)
    for reference in (0.0, 1.0):
        panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    panel.set_ylabel("MEG, share of an optimum's")


def _points(panel: Axes, middle: float, values: list[float], role: str, *, width: float) -> None:
    _, color, marker = ROLES[role]
    known = [v for v in values if np.isfinite(v)]
    offsets = np.linspace(-SPREAD, SPREAD, max(len(known), 2))[: len(known)] * width / 0.5
    panel.scatter(
        middle + offsets, known, s=POINT, color=color, marker=marker, alpha=0.6, linewidths=0,
        zorder=3, label=role,
    )  # fmt: skip
    if known:
        half = 0.4 * width
        mean = float(np.mean(known))
        panel.hlines(mean, middle - half, middle + half, color=color, linewidth=1.6, zorder=4)
    else:
        panel.text(middle, 0.04, "undefined", ha="center", color=colors.DARK_GREY, rotation=90)


def _stances(panel: Axes, environments: list[dict[str, Any]]) -> None:
    for at, environment in enumerate(environments):
        _points(panel, at, [one["agent"] for one in environment["stances"]], "own", width=0.7)
    panel.axhline(0.5, color=colors.GREY, linewidth=0.4, zorder=1)
    panel.set_ylim(-0.05, 1.05)
    panel.set_ylabel("probability that it plans")


def _inferred(panel: Axes, environment: dict[str, Any], summary: dict[str, Any]) -> None:
    true = np.array(summary["true"])
    found = np.array([one["drives"] for one in environment["inferred"]])
    for n, name in enumerate(summary["drives"]):
        panel.scatter(
            true[:, n], found[:, n], s=POINT, color=TONES[n % len(TONES)],
            marker=MARKERS[n % len(MARKERS)], alpha=0.75, linewidths=0, zorder=3, label=name,
        )  # fmt: skip
    panel.plot([-1, 1], [-1, 1], color=colors.GREY, linewidth=0.5, zorder=1)
    panel.set_xlim(-1.05, 1.05)
    panel.set_ylim(-1.05, 1.05)
    panel.set_ylabel("inferred")
    panel.set_xlabel("true drive, of unit length")


def _name(panel: Axes, names: list[str]) -> None:
    width = style.inches(panel)[0] / len(names)
    panel.set_xlim(-0.5, len(names) - 0.5)
    labels = [style.fit(name, 0.95 * width) for name in names]
    if labels != names:  # every other one a line below has twice the room
        labels = ["\n" * (i % 2) + style.fit(name, 1.9 * width) for i, name in enumerate(names)]
    panel.set_xticks(range(len(names)), labels=labels)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
