"""Figure ``best_of_n``: payoffs of the best of n, over how hard is selected.

A column for each place: first what trains, then where the population was not selected. What rises
in the first and falls in another is Goodhart's law at work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evosim.metrics.analyses.best_of_n import differ, shown_at
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.facets import Line, Panel, Summary, Trajectory, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

MOST_PLACES = 3
HEADROOM = 0.14
"""Share of a panel above its lines, for the axis of n."""
APART = 0.1
"""Share of the axis that numbers on it are apart, at least."""
PROXIES = {
    "score": LegendEntry("selected by the score of sampled lifetimes", colors.BLUE),
    "exact": LegendEntry(
        "selected by the exact selected payoff", colors.VERMILLION, style.DASHES[1]
    ),
}
"""How selection by a proxy is drawn."""
FIT = LegendEntry("fit", colors.BLACK, style.DASHES[2], 0.8)
SCORE = LegendEntry("the score itself", colors.GREY, style.DASHES[3], 1.0)


@registry.figure("best_of_n", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw the curves of an analysis."""
    places = summary["places"][:MOST_PLACES]
    payoffs = ["intended", "selected"] if differ(summary) else ["intended"]
    rows = [
        Row(
            height=1.35,
            ticks=True,
            content=[_panel(summary, payoff, n, payoff == payoffs[-1]) for n in range(len(places))],
        )
        for payoff in payoffs
    ]
    return facets(
        rows,
        title=f"{summary['title']}: best of n, generation {summary['generation']}",
        note=_note(summary),
        legend=[*PROXIES.values(), FIT, SCORE],
        left=0.5,
        xlabel="d (√nat)",
    )


def _panel(summary: Summary, payoff: str, column: int, last: bool) -> Panel:
    """One payoff in one place; the score itself in the last row of the first."""
    score = summary["proxies"]["score"]
    lines = []
    if column == 0 and last:
        itself = Trajectory(timeseries.numbers(score["proxy"]["values"]))
        lines.append(Line(SCORE, itself, timeseries.numbers(score["d"])))
    for proxy, look in PROXIES.items():
        found = summary["proxies"][proxy]
        values, low, high = (
            timeseries.numbers(found[payoff][column][key]) for key in ("values", "low", "high")
        )
        lines.append(
            Line(look, Trajectory(values, None, ((low, high),)), timeseries.numbers(found["d"]))
        )
    words = f"{payoff}: {summary[payoff]}" if differ(summary) else summary[payoff]
    furthest = max(found["d"][-1] for found in summary["proxies"].values()) or 1.0
    where = "where they train" if column == 0 else "elsewhere"

    def more(panel: Axes) -> None:
        low, high = panel.get_ylim()
        panel.set_ylim(low, high + HEADROOM * (high - low))
        for found in summary["proxies"].values():
            _fit(panel, timeseries.numbers(found["d"]), found[payoff][column])
        _numbers(panel, summary, furthest)
        if len(_tied(summary)) == len(PROXIES):
            layouts.no_data(panel, "all have the same proxy:\nnothing is selected")

    return Panel(
        lines=lines,
        title=f"{summary['places'][column]} ({where})",
        bold=True,
        ylabel=f"{words} / lifetime" if column == 0 else "",
        xlim=(-0.04 * furthest, 1.04 * furthest),
        more=more,
    )


def _fit(panel: Axes, d: np.ndarray[Any, Any], trajectory: Summary) -> None:
    """The parabola, and its peak where it is within what was reached."""
    alpha, beta, top = (trajectory[name]["value"] for name in ("alpha", "beta", "peak"))
    if alpha is None or beta is None:
        return
    along = np.linspace(0, d.max(), 60)
    start = trajectory["values"][0]
    panel.plot(
        along, start + along * (alpha - beta * along), color=FIT.color, linestyle=FIT.dash,
        linewidth=FIT.width, zorder=4, label="fit",
    )  # fmt: skip
    if top is not None and top <= d.max():
        panel.plot(
            top, start + top * (alpha - beta * top), "v", color=FIT.color, markersize=4,
            zorder=5, label="peak",
        )  # fmt: skip


def _numbers(panel: Axes, summary: Summary, furthest: float) -> None:
    """The axis of n, inside the upper edge."""
    d = summary["proxies"]["score"]["d"]
    at = shown_at(summary["n"])
    at = [i for i in at[:-1] if d[i] < (1 - APART) * furthest] + at[-1:]
    at = [i for n, i in enumerate(at) if n == 0 or d[i] > APART * furthest]
    upper = panel.secondary_xaxis("top")
    labels = [f"{'n = ' if n == 0 else ''}{summary['n'][i]:g}" for n, i in enumerate(at)]
    upper.set_xticks([d[i] for i in at], labels=labels)
    upper.tick_params(direction="in", pad=-10, labelcolor=colors.DARK_GREY, color=colors.DARK_GREY)
    upper.get_xticklabels()[0].set_horizontalalignment("left")
    upper.spines["top"].set_visible(False)


def _tied(summary: Summary) -> list[str]:
    """The proxies, by what is drawn of them, that all individuals have alike."""
    return [look.name for proxy, look in PROXIES.items() if not any(summary["proxies"][proxy]["d"])]


def _note(summary: Summary) -> str:
    n, replicates = summary["individuals"], summary["replicates"]
    over = f"over {replicates} replicates" if replicates > 1 else "over the individuals of one"
    over += "" if replicates > 1 else " replicate"
    words = [
        f"Expected payoffs of the best of n of {n} individuals, exact over the draws and on the "
        "probe levels, against d, the root of the KL divergence from a random individual. Above: "
        f"n, selected by the score. Bands: {100 * summary['confidence']:g} % BCa intervals {over}. "
        "Fit: R(0) + d (alpha - beta d), its peak marked where it was reached."
    ]
    words += [f"Nothing is {name}: it is the same of all." for name in _tied(summary)]
    if not summary["exact"]:
        words.append(
            "A drive looks back on the life: payoffs are means of sampled lives, not exact."
        )
    left_out = len(summary["places"]) - MOST_PLACES
    if left_out > 0:
        words.append(f"{left_out} more environments are in the JSON.")
    return " ".join(words)
