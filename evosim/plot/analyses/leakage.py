"""Figure ``leakage``: the share of levels that measure, or deploy, and have trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evosim.metrics.analyses.leakage import DEPLOYMENT, LABELS, PROBE
from evosim.plot import colors, registry, style
from evosim.plot.facets import Panel, Summary, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

BAR = 0.22
"""Inches of a bar with its gap."""
MOST_LABEL = 1.5
RIGHT = 0.75
"""Inches to the right of the bars for their numbers."""
COLORS = {PROBE: colors.BLUE, DEPLOYMENT: colors.ORANGE}


def _none(summary: Summary) -> str | None:
    """Why there is nothing to draw; None where a level has trained."""
    if any(any(row["same"]) for row in summary["rows"]):
        return None
    return "none of the levels that measure, or deploy, has trained: nothing to draw"


@registry.figure("leakage", of="analysis", unsupported=_none)
def figure(summary: Summary) -> Figure:
    """Draw a bar for each environment and use of its levels."""
    rows = summary["rows"]
    used = [what for what in LABELS if any(row["what"] == what for row in rows)]
    names = [f"{row['environment']}, {row['what']}" for row in rows]
    left = min(max(map(style.text_width, names)) + 0.2, MOST_LABEL)

    def draw(panel: Axes) -> None:
        panel.tick_params(left=False)
        for n, row in enumerate(rows):
            _bar(panel, n, row)

    panel = Panel(
        xlim=(0.0, 1.0),
        xticks={share: f"{100 * share:g} %" for share in (0.0, 0.25, 0.5, 0.75, 1.0)},
        ylim=(len(rows) - 0.4, -0.6),
        yticks={n: style.fit(name, left - 0.1) for n, name in enumerate(names)},
        more=draw,
    )
    return facets(
        [Row(height=BAR * len(rows) + 0.1, content=[panel])],
        title=f"{summary['title']}: {_finding(rows)}",
        note=_note(summary),
        legend=[LegendEntry(LABELS[what], COLORS[what], patch=True, alpha=0.6) for what in used],
        left=left,
        right=RIGHT,
        xlabel="share seen in training",
    )


def _finding(rows: Sequence[Summary]) -> str:
    """Where most levels have trained, in a sentence."""
    most = max(rows, key=lambda row: float(row["value"]))
    return (
        f"{100 * most['value']:.3g} % of the levels of {most['environment']} ({most['what']}) "
        "have trained"
    )


def _bar(panel: Axes, n: int, row: Summary) -> None:
    """The mean share, replicates as points, the interval, and the numbers behind it."""
    panel.barh(n, row["value"], 0.62, color=COLORS[row["what"]], alpha=0.6, label=row["what"])
    each = np.array(row["same"]) / np.array(row["levels"])
    if len(each) > 1:
        panel.plot(
            each, np.full(len(each), n + 0.2), ".", color=colors.INK, markersize=3.6,
            markeredgewidth=0, label="replicates", clip_on=False,
        )  # fmt: skip
    if row["interval"] is not None and None not in row["interval"]:
        panel.plot(row["interval"], [n, n], color=colors.INK, linewidth=1.2, label="interval")
    same, levels = float(np.mean(row["same"])), float(np.mean(row["levels"]))
    panel.text(
        1.03, n, f"{style.number(same)} of {style.number(levels)}", va="center_baseline",
        transform=panel.get_yaxis_transform(),
    )  # fmt: skip


def _note(summary: Summary) -> str:
    words = ["Levels are the same if walls, start and the sites that both have are."]
    if summary["replicates"] > 1:
        words.append(
            f"Bars: means of {summary['replicates']} replicates; lines: "
            f"{100 * summary['confidence']:g} % BCa intervals; points: replicates."
        )
    if summary["deployment"] is not None:
        words.append(f"Deployment: from generation {summary['deployment']} on.")
    return " ".join(words)
