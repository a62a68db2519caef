"""Figure of the analysis ``distances``: how far what is wanted is from the intended payoff.

A column an environment: EPIC, STARC and, to compare, alignment. Ground is tinted where an
environment trains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics.analyses.distances import NAMES
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.alignment import BAND, HERE, WITHIN, line_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Summary = Mapping[str, Any]

MOST_COLUMNS = 3
HEIGHT = 0.9
UNRELATED = 0.5**0.5
"""The distance of two rewards whose canonical forms are at right angles."""
SELECTED = (colors.PURPLE, style.DASHES[3], 1.1)


@registry.figure("distances", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw the trajectories of the distances and of alignment.

    Args:
        summary: what the analysis found, None for NaN.
    """
    names = list(summary["environments"])
    columns = min(len(names), MOST_COLUMNS)
    blocks = -(-len(names) // columns)
    rows = [
        layouts.Row(
            height=HEIGHT, columns=columns, panels=min(columns, len(names) - n // 3 * columns),
            titles=n % 3 == 0, ticks=n % 3 == 2 and blocks > 1,
        )
        for n in range(3 * blocks)
    ]  # fmt: skip
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE if columns == 1 else style.DOUBLE,
            title=f"{summary['title']}: distance of the drives from the intended payoff, "
            f"{summary['intended']}",
            note=_note(summary),
            legend=_legend_entries(summary),
        )
        for n, row in enumerate(layout.axes):
            measure = list(NAMES)[n % 3]
            for column, panel in enumerate(row):
                e = n // 3 * columns + column
                _panel(panel, summary, names[e], measure)
                if n % 3 == 0:
                    title = f"in “{summary['environments'][names[e]]['title']}”"
                    layouts.panel_title(panel, title, bold=True)
                panel.tick_params(labelleft=column == 0)
                if column == 0:
                    panel.set_ylabel(NAMES[measure])
    return layout.figure


def _legend_entries(summary: Summary) -> list[layouts.LegendEntry]:
    legend = [
        layouts.LegendEntry("evolved", *line_style("evolved")),
        layouts.LegendEntry("random drives", *line_style("random drives")),
    ]
    if summary["selected"] is not None:
        legend.append(
            layouts.LegendEntry(f"evolved, from {summary['selected']}, the selected", *SELECTED)
        )
    if summary["flips"]:
        legend.append(layouts.LegendEntry("flip", colors.INK, (0, (3, 2)), 0.8))
    return legend


def _note(summary: Summary) -> str:
    n = summary["replicates"]
    if n > 1:
        percent = f"{100 * summary['confidence']:g} %"
        drawn = f"Means of {n} replicates; band: {percent} interval (BCa bootstrap)."
    else:
        drawn = f"Means of {summary['sample']} sampled individuals; band: their middle 90 %."
    levels = summary["levels"]
    return (
        f"{drawn} Distance 0: the same goal as the true drive; 0.71: an unrelated goal; "
        f"1: the opposite goal (thin lines); mean over {levels} probe "
        f"level{'s' if levels > 1 else ''}. Alignment 0: random actions; 1: the best possible "
        "policy. Tinted: generations that train in this environment."
    )


def _array(values: Any) -> NDArray[np.float64]:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _panel(panel: Axes, summary: Summary, name: str, measure: str) -> None:
    found = summary["environments"][name][measure]
    x = _array(summary["generations"])
    middle, low, high = (_array(found[key]) for key in ("mean", "low", "high"))
    distance = measure != "alignment"
    _time(panel, summary, name)
    for reference in (0.0, UNRELATED, 1.0) if distance else (0.0, 1.0):
        panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    if distance:
        panel.set_ylim(-0.05, 1.05)
    else:  # the same for all environments: only the first column has tick labels
        places = [place[measure] for place in summary["environments"].values()]
        every = [_array(place[key]) for place in places for key in ("mean", "low", "high")]
        timeseries.limits(panel, *every, include=(0.0, 1.0), within=WITHIN)
    color, dash, width = line_style("evolved")
    panel.fill_between(x, low, high, color=color, alpha=BAND, linewidth=0, label="evolved band")
    if len(x) == 1:
        panel.vlines(x, low, high, color=color, alpha=0.5, linewidth=1.0)
    timeseries.line(
        panel, x, middle, color=color, dash=dash, width=width, label="evolved", zorder=3
    )
    if not distance:
        if not np.isfinite(middle).any():
            layouts.no_data(panel, "alignment is undefined here")
        return
    if found["random_drives"] is not None:
        color, dash, width = line_style("random drives")
        panel.axhline(
            found["random_drives"], color=color, linestyle=dash, linewidth=width, zorder=2.5,
            label="random drives",
        )  # fmt: skip
    if found["selected"] is not None:
        color, dash, width = SELECTED
        timeseries.line(
            panel, x, _array(found["selected"]["mean"]), color=color, dash=dash, width=width,
            label="selected", zorder=3.1,
        )  # fmt: skip
    if found["true_drive"] is None:
        layouts.no_data(panel, "undefined: the reward is trivial")
    elif np.isnan(middle).any():
        layouts.footnote(panel, ["gaps where the drives' reward is trivial"])


def _time(panel: Axes, summary: Summary, name: str) -> None:
    """The axis of generations, the generations that train in the environment, the flips."""
    first, last = summary["span"]
    panel.set_xlim(first, max(last, first + 1))
    ends = [phase["generation"] for phase in summary["phases"][1:]] + [last + 1]
    for phase, end in zip(summary["phases"], ends, strict=True):
        if name in phase["environments"]:
            panel.axvspan(
                phase["generation"], end, color=HERE, linewidth=0, zorder=0.5, label="here"
            )
    for flip in summary["flips"]:
        panel.axvline(
            flip["generation"], color=colors.INK, linewidth=0.8, linestyle=(0, (3, 2)),
            zorder=1.5, label="flip",
        )  # fmt: skip
    width = style.inches(panel)[0]
    panel.xaxis.set_major_locator(
        MaxNLocator(nbins=max(1, int(width / 0.35)), integer=True, steps=[1, 2, 4, 5, 10])
    )
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
