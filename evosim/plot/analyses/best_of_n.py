"""Figure ``best_of_n``: payoffs of the best of n, over how hard is selected.

A column for each place: first what trains, then where the population was not selected. What rises
in the first and falls in another is Goodhart's law at work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from evosim.metrics.analyses.best_of_n import differ, shown_at
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

MOST_PLACES = 3
HEIGHT = 1.35
HEADROOM = 0.14
"""Share of a panel above its lines, for the axis of n."""

APART = 0.1
"""Share of the axis that numbers on it are apart, at least."""


PROXIES = {
    "score": layouts.LegendEntry("selected by the score, as lived", colors.BLUE),
    "exact": layouts.LegendEntry(
        "selected by the exact selected payoff", colors.VERMILLION, style.DASHES[1]
    ),
}
"""How selection by a proxy is drawn."""
FIT = layouts.LegendEntry("fit", colors.BLACK, style.DASHES[2], 0.8)
SCORE = layouts.LegendEntry("the score itself", colors.GREY, style.DASHES[3], 1.0)


@registry.figure("best_of_n", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw the curves of an analysis."""
    places = summary["places"][:MOST_PLACES]
    payoffs = ["intended", "selected"] if differ(summary) else ["intended"]
    wide = len(places) > 1
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=HEIGHT, columns=len(places), ticks=True) for _ in payoffs],
            width=style.DOUBLE if wide else style.SINGLE,
            title=f"{summary['title']}: best of n, generation {summary['generation']}",
            note=_note(summary),
            legend=[*PROXIES.values(), FIT, SCORE],
            left=0.5,
            xlabel="d (√nat)",
        )
        for row, payoff in enumerate(payoffs):
            for column, place in enumerate(places):
                panel = layout.axes[row][column]
                where = "where they train" if column == 0 else "elsewhere"
                layouts.panel_title(panel, f"{place} ({where})", bold=True)
                itself = column == 0 and payoff == payoffs[-1]
                _panel(panel, summary, payoff, column, itself)
            words = f"{payoff}: {summary[payoff]}" if differ(summary) else summary[payoff]
            layout.axes[row][0].set_ylabel(style.fit(f"{words} / lifetime", HEIGHT + 0.25))
    return layout.figure


def _panel(panel: Axes, summary: Summary, payoff: str, column: int, itself: bool) -> None:
    drawn = []
    for n, (proxy, entry) in enumerate(PROXIES.items()):
        found = summary["proxies"][proxy]
        d = np.asarray(found["d"], np.float64)
        trajectory = found[payoff][column]
        values, low, high = (_array(trajectory[name]) for name in ("values", "low", "high"))
        panel.fill_between(
            d, low, high, color=entry.color, alpha=0.16, linewidth=0, label=f"{entry.name} interval"
        )
        timeseries.line(
            panel,
            d,
            values,
            color=entry.color,
            dash=entry.dash,
            label=entry.name,
            zorder=3 + n / 10,
        )
        drawn += [values, low, high]
        _fit(panel, d, trajectory)
    score = summary["proxies"]["score"]
    if itself:
        values = _array(score["proxy"]["values"])
        timeseries.line(
            panel, np.asarray(score["d"]), values, color=SCORE.color, dash=SCORE.dash,
            label=SCORE.name, width=SCORE.width, zorder=2,
        )  # fmt: skip
        drawn.append(values)
    timeseries.limits(panel, *drawn)
    low_end, high_end = panel.get_ylim()
    panel.set_ylim(low_end, high_end + HEADROOM * (high_end - low_end))
    _numbers(panel, summary)
    if len(_tied(summary)) == len(PROXIES):
        layouts.no_data(panel, "all have the same proxy:\nnothing is selected")
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))


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


def _numbers(panel: Axes, summary: Summary) -> None:
    """The axis of n, inside the upper edge."""
    score = summary["proxies"]["score"]
    at = shown_at(summary["n"])
    furthest = max(found["d"][-1] for found in summary["proxies"].values()) or 1.0
    at = [i for i in at[:-1] if score["d"][i] < (1 - APART) * furthest] + at[-1:]
    at = [i for n, i in enumerate(at) if n == 0 or score["d"][i] > APART * furthest]
    panel.set_xlim(-0.04 * furthest, 1.04 * furthest)
    upper = panel.secondary_xaxis("top")
    labels = [f"{'n = ' if n == 0 else ''}{summary['n'][i]:g}" for n, i in enumerate(at)]
    upper.set_xticks([score["d"][i] for i in at], labels=labels)
    upper.tick_params(direction="in", pad=-10, labelcolor=colors.DARK_GREY, color=colors.DARK_GREY)
    upper.get_xticklabels()[0].set_horizontalalignment("left")
    upper.spines["top"].set_visible(False)


def _tied(summary: Summary) -> list[str]:
    """The proxies, by what is drawn of them, that all individuals have alike."""
    return [
        entry.name for proxy, entry in PROXIES.items() if not any(summary["proxies"][proxy]["d"])
    ]


def _array(values: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if v is None else v for v in values], np.float64)


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
        words.append("A drive is novelty: payoffs are means of sampled lives, not exact.")
    left_out = len(summary["places"]) - MOST_PLACES
    if left_out > 0:
        words.append(f"{left_out} more environments are in the JSON.")
    return " ".join(words)
