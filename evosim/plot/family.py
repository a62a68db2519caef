"""Figure ``family`` of an experiment over a family: the effect in every world, what predicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.plot import colors, registry, style
from evosim.plot.facets import Panel, Summary, facets
from evosim.plot.findings import capital
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row
from evosim.stats import hierarchy

if TYPE_CHECKING:
    from evosim.scenario import Scenario

HEIGHT = 1.7
LEFT = 0.55
"""Inches for numbers as long as -0.0025."""


def unsupported(summary: Summary) -> str | None:
    """Why an experiment has no such figure; None where it has."""
    return None if summary.get("worlds") else "it was run in one world; run it in several"


@registry.figure("family", "effects over worlds", of="experiment", unsupported=unsupported)
def figure(summary: Summary, scenario: Scenario | None = None) -> Figure:
    """Draw the effect of each finding in every world, sorted, with its mean over worlds; beside
    it, where a predictor is named, the effect against that.

    Args:
        summary: verdict.json (:func:`evosim.study.families.summarize`).
        scenario: not used.
    """
    pulls = np.array([np.nan if pull is None else pull for pull in summary["pull"]])
    rows = []
    for finding in summary["findings"]:
        panels = [_sorted(finding)]
        if np.isfinite(pulls).any():
            panels.append(_predicted(finding, pulls))
        says = f"{capital(finding['says'])}: {finding['verdict']}"
        rows.append(
            Row(
                height=HEIGHT, columns=len(panels), shares=(0.6, 0.4) if panels[1:] else (1.0,),
                ticks=True, header=tuple(style.wrap(says, style.DOUBLE - 1)), content=panels,
            )
        )  # fmt: skip
    first = summary["findings"][0]["worlds"]
    n = summary["worlds"]
    return facets(
        rows,
        title=f"{summary['title']}: holds in {first['holds']} of {n} worlds",
        note=f"Points: means of {summary['replicates']} replicates in each of {n} worlds; grey: "
        f"replicates. Band: {100 * summary['confidence']:g} % interval of the mean over worlds, by "
        "resampling worlds, then replicates.",
        legend=[
            LegendEntry("world", colors.BLUE),
            LegendEntry("threshold", colors.VERMILLION),
            LegendEntry("mean over worlds", colors.INK),
        ],
        xlabel="worlds, sorted by effect",
        left=LEFT,
        width=style.DOUBLE,
    )


def _numbers(finding: Summary) -> tuple[np.ndarray, np.ndarray]:
    """Replicates [W, R] and means [W] of worlds."""
    rows = [[np.nan if v is None else v for v in row] for row in finding["worlds"]["effects"]]
    effects = np.array(rows, np.float64)
    return effects, hierarchy.means(effects)


def _threshold(finding: Summary) -> list[float]:
    """Where it is drawn: one level, or both of an equivalence."""
    ((side, threshold),) = finding["threshold"].items()
    return [-threshold, threshold] if side == "within" else [threshold]


def _levels(finding: Summary, panel: Axes) -> None:
    for threshold in _threshold(finding):
        panel.axhline(threshold, color=colors.VERMILLION, linewidth=0.9)
    panel.axhline(finding["value"], color=colors.INK, linewidth=0.9)
    if finding["interval"] is not None:
        panel.axhspan(*finding["interval"], color=colors.GREY, alpha=0.3, linewidth=0)


def _sorted(finding: Summary) -> Panel:
    effects, means = _numbers(finding)
    order = np.argsort(means, kind="stable")

    def draw(panel: Axes) -> None:
        _levels(finding, panel)
        at = np.arange(len(order))
        for column in effects.T:
            panel.plot(at, column[order], ".", color=colors.GREY, markersize=2.5)
        panel.plot(at, means[order], ".", color=colors.BLUE, markersize=5)

    return Panel(
        xlim=(-1.0, len(order)), xticks={},
        title="effect in every world", holds=[effects.ravel()], include=_threshold(finding),
        scale=finding["says"], more=draw,
    )  # fmt: skip


def _predicted(finding: Summary, pulls: np.ndarray) -> Panel:
    effects, means = _numbers(finding)
    fit = finding["worlds"]["predictor"]

    def draw(panel: Axes) -> None:
        _levels(finding, panel)
        panel.plot(pulls, means, ".", color=colors.BLUE, markersize=5)
        if fit["slope"] is not None:
            ends = np.array([np.nanmin(pulls), np.nanmax(pulls)])
            panel.plot(ends, fit["intercept"] + fit["slope"] * ends, color=colors.ORANGE)

    told = "" if fit["spearman"] is None else f"rank correlation {fit['spearman']:.2f}"
    margin = 0.05 * (float(np.nanmax(pulls) - np.nanmin(pulls)) or 1.0)
    return Panel(
        xlim=(float(np.nanmin(pulls)) - margin, float(np.nanmax(pulls)) + margin),
        title=told, xlabel="pull of the lure", holds=[effects.ravel()],
        include=_threshold(finding), scale=finding["says"], more=draw,
    )  # fmt: skip
