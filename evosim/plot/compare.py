"""Figure of a comparison: a block a measure, to the left the runs, to the right the differences.

Beside each difference stand its effect size and its p-value, where there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from evosim.plot import colors, layouts, style
from evosim.plot.findings import RIGHT, beside, draw_row, fit_limits, shorten
from evosim.stats.tests import CORRECTIONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

ROW = 0.17
MOST_LABEL = 1.9
G_ROOM, P_ROOM = 0.44, 0.5
"""Inches of the columns of effect sizes and of corrected p-values."""


def figure(comparison: Summary) -> Figure:
    """Draw a comparison.

    Args:
        comparison: what :func:`evosim.metrics.comparison.compare` returned.
    """
    names = [run["name"] for run in comparison["runs"]]
    rows = comparison["measures"]
    with style.styled():
        left = min(max(map(style.text_width, names)) + 0.16, MOST_LABEL)
        names = [style.fit(name, left - 0.1) for name in names]
        layout = layouts.create(
            [layouts.Row(height=ROW * len(names) + 0.06, ticks=True, titles=True) for _ in rows],
            width=style.DOUBLE,
            title=f"{len(names)} runs compared",
            note=_note(comparison),
            legend=[layouts.LegendEntry("mean with its interval", colors.INK, width=1.6)],
            left=left,
            right=RIGHT,
            xlabel=None,
        )
        for row, (panel,) in zip(rows, layout.axes, strict=True):
            _measure(layout, panel, row, names, left)
    return layout.figure


def _note(comparison: Summary) -> str:
    first = comparison["runs"][0]
    counts = sorted({run["replicates"] for run in comparison["runs"]})
    words = [f"Differences are to “{first['name']}”."]
    if counts[-1] > 1:
        n = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        words.append(
            f"Points: {n} replicates of a run; intervals: {100 * comparison['confidence']:g} %, "
            "BCa bootstrap. g: difference in standard deviations (Hedges). p: permutation test, "
            f"corrected for {comparison['comparisons']} comparisons "
            f"({CORRECTIONS[comparison['correction']]})."
        )
    return " ".join(words)


def _measure(
    layout: layouts.Layout, panel: Axes, row: Summary, names: list[str], left: float
) -> None:
    tones = [colors.SERIES[n % len(colors.SERIES)] for n in range(len(names))]
    shorten(panel, left)
    other = beside(layout, panel)
    known = [v for v in row["values"] if v is not None]
    each = [
        np.array([np.nan if x is None else x for x in v["columns"][0]], np.float64)
        if v
        else np.zeros(0)
        for v in row["values"]
    ]
    for n, (value, numbers) in enumerate(zip(row["values"], each, strict=True)):
        if value is not None:
            draw_row(panel, n, value, numbers, tones[n])
        else:
            panel.text(
                0.0, n, "undefined", color=colors.DARK_GREY, va="center_baseline",
                transform=panel.get_yaxis_transform(),
            )  # fmt: skip
    fit_limits(panel, known, each, [])
    changes = [c for c in row["differences"] if c is not None]
    for n, change in enumerate(row["differences"]):
        if change is not None:
            draw_row(other, n, change, np.zeros(0), tones[n])
    fit_limits(other, changes, [], [0.0])
    other.axvline(0, color=colors.GREY, linewidth=0.5, zorder=1, label="zero")
    for one in (panel, other):
        one.set_ylim(len(names) - 0.4, -0.6)
        one.spines["left"].set_visible(False)
        one.tick_params(left=False)
    panel.set_yticks(range(len(names)), labels=names)
    other.set_yticks([])
    layouts.panel_title(panel, row["name"], bold=True)
    layouts.panel_title(other, "difference to the first")
    if any(change["p"] is not None for change in changes):
        _sizes(other, row)


def _sizes(panel: Axes, row: Summary) -> None:
    """Effect sizes and corrected p-values, a column each to the right of the differences."""
    whole = panel.figure.get_figwidth()  # type: ignore[union-attr]
    box = panel.get_position()
    width = box.width * whole - G_ROOM - P_ROOM
    panel.set_position((box.x0, box.y0, width / whole, box.height))
    panel.xaxis.set_major_locator(
        MaxNLocator(nbins=max(2, int(width / 0.45)), steps=[1, 2, 2.5, 5, 10])
    )
    for name, right in (("effect_size", width + G_ROOM), ("p_corrected", width + G_ROOM + P_ROOM)):
        x = right / width
        head = "g" if name == "effect_size" else "p"
        panel.annotate(
            head, (x, 1.0), xytext=(0, 2.5), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="baseline",
        )  # fmt: skip
        for n, change in enumerate(row["differences"]):
            if change is not None and change[name] is not None:
                panel.text(
                    x, n, style.number(float(f"{change[name]:.2g}")), ha="right",
                    va="center_baseline", transform=panel.get_yaxis_transform(),
                )  # fmt: skip
