"""Figure of a measured policy: alignment, capability and goals, a row for each environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evosim.plot import colors, style
from evosim.plot.estimates import Mark, rows
from evosim.plot.facets import Figure, facets
from evosim.plot.layouts import LegendEntry, Row

ROW = 0.2
"""Inches of a row, and of what is above and below all of them."""
MEG = (
    " Right: MEG (maximum entropy goal-directedness), a share of an optimal policy's; below 0: "
    "directed against it."
)


def figure(summary: Mapping[str, Any]) -> Figure:
    """Draw it from the summary of :func:`evosim.policy.measure.measure`."""
    environments = summary["environments"]
    tones = {name: colors.SERIES[i % len(colors.SERIES)] for i, name in enumerate(environments)}

    def mark(of: Mapping[str, Any], name: str, where: str) -> Mark:
        return Mark(of[name], of["intervals"][name], np.zeros(0), tones[where])

    goals = list(dict.fromkeys(g for here in environments.values() for g in here["directed"]))
    shown = [
        name for name in ("alignment", "capability")
        if any(here[name] is not None for here in environments.values())
    ] or ["alignment"]  # fmt: skip
    panels = [
        rows(
            [mark(here, name, where) for where, here in environments.items()],
            names=["" if i else where for where in environments],
            zero=True, include=[1.0], title=name,
        )
        for i, name in enumerate(shown)
    ]  # fmt: skip
    height = len(environments)
    if goals:
        panels.append(
            rows(
                [
                    mark(here["directed"][goal], "share", where)
                    if goal in here["directed"] else None
                    for goal in goals for where, here in environments.items()
                ],
                names=[
                    goal if i == (height - 1) // 2 else ""
                    for goal in goals for i in range(height)
                ],
                zero=True, include=[1.0], title="how directed it is at",
            )
        )  # fmt: skip
        height *= len(goals)
    exact = "exact" if summary["exact"] else f"{summary['lives']} sampled lives on each level"
    by = "MEG for what it is most directed at" if summary["reward"] is None else "the reward given"
    return facets(
        [Row(height=max(1.0, ROW * (height + 1)), content=panels)],
        title=f"{summary['title']}: a policy",
        note=f"Levels: {summary['levels']}; {exact}. 0: random play; 1: the optimum. Capability "
        f"{f'by {by}' if 'capability' in shown else 'is undefined'}.{MEG * bool(goals)}",
        width=style.DOUBLE,
        legend=[LegendEntry(name, tone, width=4.0) for name, tone in tones.items()],
        left=0.9,
        between=0.9,
        xlabel=" ",
    )
