"""Figure of the analysis ``heredity``: what moved each gene, effective size and founders left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.layouts import LegendEntry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Summary = Mapping[str, Any]

COLUMNS = 3
HEIGHT = 0.95
BELOW = 1.1
MOST = 1.5
"""Times the largest population: larger effective sizes are cut off."""
LEFT, BETWEEN = 0.56, 0.42


PRICE_PARTS = (
    LegendEntry("selection", colors.BLUE, "-", 1.3),
    LegendEntry("drift", colors.VERMILLION, style.DASHES[1], 1.3),
    LegendEntry("transmission", colors.GREEN, style.DASHES[2], 1.5),
    LegendEntry("change", colors.BLACK, "-", 0.8),
)
SIZES = (
    LegendEntry("effective size", colors.GREY, "-", 0.7),
    LegendEntry("its harmonic mean of the phase", colors.PURPLE, "-", 1.8),
    LegendEntry("individuals", colors.BLACK, style.DASHES[1], 0.8),
)
FOUNDERS = (
    LegendEntry("founders with descendants", colors.SKY, "-", 1.3),
    LegendEntry("effective number of founders", colors.ORANGE, style.DASHES[1], 1.5),
)


@registry.figure("heredity", of="analysis")
def figure(summary: Summary) -> Figure:
    """Draw the analysis.

    Args:
        summary: of :func:`evosim.metrics.analyses.heredity.analyse`.
    """
    genes = summary["genes"]
    columns = 2 if len(genes) in (1, 2, 4) else COLUMNS
    rows = layouts.rows_of(len(genes), columns, height=HEIGHT)
    rows[-1] = replace(rows[-1], ticks=True)
    rows.append(layouts.Row(height=BELOW, columns=2))
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.DOUBLE,
            title=f"{summary['title']}: why genes changed, and which founders have descendants",
            note=_note(summary),
            legend=PRICE_PARTS,
            left=LEFT,
            between=BETWEEN,
        )
        panels = [panel for row in layout.axes[:-1] for panel in row]
        for n, (panel, gene) in enumerate(zip(panels, genes, strict=True)):
            _gene(panel, summary, gene)
            layouts.panel_title(panel, gene)
            panel.tick_params(labelbottom=n + columns >= len(genes))
            if n % columns == 0:
                panel.set_ylabel("sum of changes")
        _sizes(layout.axes[-1][0], summary)
        _founders(layout.axes[-1][1], summary)
    return layout.figure


def _note(summary: Summary) -> str:
    words = [
        f"Replicate {summary['replicate']} of {summary['replicates']}, by itself: lines are "
        "recorded, not estimated, and have no intervals.",
        "Above: the parts of the Price equation, summed from the first generation on, in units of "
        "the gene; the change is their sum.",
        "Effective size: from the pedigree, a generation to the next; gaps where no two children "
        "had a parent in common.",
    ]
    if (_numbers(summary["effective_size"]["coalescence"]) > _most(summary)).any():
        words.append(f"Sizes above {MOST:g} times the largest population are cut off.")
    if summary["flips"]:
        words.append("Dashed upright lines: flips.")
    if any(not phase["selects"] for phase in summary["phases"]):
        words.append("Grey: no selection.")
    return " ".join(words)


def _numbers(values: Any) -> Floats:
    return np.array([np.nan if v is None else v for v in values], np.float64)


def _gene(panel: Axes, summary: Summary, gene: str) -> None:
    x = _numbers(summary["generations"])
    sums = {
        entry.name: np.concatenate([[0.0], np.cumsum(_numbers(summary["price"][entry.name][gene]))])
        for entry in PRICE_PARTS
    }
    timeseries.limits(panel, *sums.values(), include=(0.0,))
    panel.axhline(0, color=colors.GREY, linewidth=0.5, zorder=1, label="zero")
    for entry in PRICE_PARTS:
        _line(panel, x, sums[entry.name], entry)
    _along(panel, summary)


def _sizes(panel: Axes, summary: Summary) -> None:
    x = _numbers(summary["generations"])
    every, harmonic, individuals = SIZES
    _line(panel, x[:-1], _numbers(summary["effective_size"]["coalescence"]), every)
    means = _numbers(summary["effective_size"]["phases"])
    last = summary["generations"][np.flatnonzero(summary["sizes"])[-1]]
    for phase, mean in zip(summary["phases"], means, strict=True):
        panel.plot(
            [phase["from"], min(phase["to"], last)], [mean, mean], color=harmonic.color,
            linewidth=harmonic.width, label=harmonic.name, zorder=4,
        )  # fmt: skip
    _line(panel, x, _numbers(summary["sizes"]), individuals)
    sizes = _numbers(summary["effective_size"]["coalescence"])
    timeseries.limits(panel, sizes, _numbers(summary["sizes"]), within=(0.0, _most(summary)))
    panel.set_ylim(bottom=0.0)
    _along(panel, summary)
    _legend(panel, SIZES)
    panel.set_ylabel("individuals")


def _most(summary: Summary) -> float:
    """Individuals that the panel of sizes reaches to; effective sizes above are cut off."""
    return MOST * float(max(summary["sizes"]))


def _founders(panel: Axes, summary: Summary) -> None:
    x = _numbers(summary["generations"])
    for entry, name in zip(FOUNDERS, ("left", "effective"), strict=True):
        _line(panel, x, _numbers(summary["founders"][name]), entry)
    _logarithmic(panel)
    _along(panel, summary)
    _legend(panel, FOUNDERS)
    width = style.inches(panel)[0]
    panel.yaxis.set_label_coords(-0.28 / width, 0.5)  # clear of the panel to the left
    panel.set_ylabel("founders")


def _line(panel: Axes, x: Floats, y: Floats, entry: LegendEntry) -> None:
    timeseries.line(
        panel, x, y, color=entry.color, label=entry.name, dash=entry.dash, width=entry.width
    )


def _logarithmic(panel: Axes) -> None:
    """A logarithmic axis from 1, marked in 1, 2, 5 and their like."""
    panel.set_yscale("log")
    low, high = panel.get_ylim()
    panel.set_ylim(max(min(low, 1.0), 0.8), 1.25 * high)
    marks = [m * 10.0**p for p in range(7) for m in (1, 2, 5) if 0.8 <= m * 10.0**p <= 1.25 * high]
    panel.set_yticks(marks[:: max(1, len(marks) // 5)])
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))


def _along(panel: Axes, summary: Summary) -> None:
    """The axis of generations, phases without selection, the flips."""
    first, last = summary["generations"][0], summary["generations"][-1]
    panel.set_xlim(first, max(last, first + 1))
    panel.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2, 4, 5, 10]))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
    for phase in summary["phases"]:
        if not phase["selects"]:
            panel.axvspan(phase["from"], phase["to"], color="#F2F2F2", linewidth=0, zorder=0,
                          label="frozen")  # fmt: skip
    for flip in summary["flips"]:
        panel.axvline(flip, color=colors.INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.5,
                      label="flip")  # fmt: skip


def _legend(panel: Axes, entries: tuple[LegendEntry, ...]) -> None:
    """Names of the lines above the panel, in their colours."""
    width = style.inches(panel)[0]
    x = 0.0
    for entry in entries:
        panel.text(
            x / width, 1.03, entry.name, transform=panel.transAxes, ha="left", va="bottom",
            color=colors.readable(entry.color),
        )  # fmt: skip
        x += style.text_width(entry.name) + 0.14
