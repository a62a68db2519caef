"""Figure of the analysis ``heredity``: what moved each gene in each phase, effective size and
founders left."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot._timeline import Timeline
from evosim.plot.facets import Level, Line, Panel, Summary, Trajectory, facets, grid
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

BAR = 0.26
"""Width of a bar, of the distance of two phases."""
MOST_NAMES = 3
"""Phases that are named below a panel."""
MOST = 1.5
"""Times the largest population: larger effective sizes are cut off."""

PRICE_PARTS = (
    LegendEntry("selection", colors.BLUE, patch=True),
    LegendEntry("drift", colors.VERMILLION, patch=True, alpha=0.6),
    LegendEntry("transmission", colors.GREEN, patch=True, alpha=0.6),
)
CHANGE = LegendEntry("change: their sum", colors.BLACK, "-", 2.0)
SIZES = (
    LegendEntry("effective size", colors.GREY, "-", 0.7),
    LegendEntry("individuals", colors.BLACK, style.DASHES[1], 0.8),
    LegendEntry("its harmonic mean of the phase", colors.PURPLE, "-", 1.8),
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
    columns = 2 if len(genes) in (1, 2, 4) else 3
    rows = grid([_gene(summary, n, columns) for n in range(len(genes))], columns, height=0.95)
    rows.append(Row(height=1.1, content=[_sizes(summary), _founders(summary)]))
    first, last = summary["generations"][0], summary["generations"][-1]
    frozen = [(phase["from"], phase["to"]) for phase in summary["phases"] if not phase["selects"]]
    return facets(
        rows,
        title=f"{summary['title']}: {_finding(summary)}",
        note=_note(summary),
        timeline=Timeline((first, max(last, first + 1)), summary["flips"], frozen),
        legend=[*PRICE_PARTS, CHANGE],
        left=0.56,
        between=0.42,
    )


def _finding(summary: Summary) -> str:
    """Which drive selection moved most, and when, in a sentence; of no drives which other gene."""
    drives = [gene for gene in summary["genes"] if gene.startswith("drive.")]
    moved = [
        (phase["price"][gene]["selection"]["value"], gene, phase)
        for phase in summary["phases"]
        for gene in drives or summary["genes"]
        if phase["price"][gene]["selection"]["value"] is not None
    ]
    if not moved:
        return "why genes changed, and which founders have descendants"
    value, gene, phase = max(moved, key=lambda each: abs(each[0]))
    return f"selection moved {gene} most, by {style.signed(value)} in generations {_when(phase)}"


def _when(phase: Summary) -> str:
    return f"{phase['from']}–{phase['to']}"  # noqa: RUF001


def _note(summary: Summary) -> str:
    n = summary["replicates"]
    words = [
        "Bars: the parts of the Price equation, summed over each phase, in units of the gene"
        + (
            f"; means of {n} replicates with {100 * summary['confidence']:g} % BCa intervals."
            if n > 1
            else "."
        ),
        f"Below: replicate {summary['replicate']} of {n}, by itself, as recorded.",
        "Effective size: from the pedigree, a generation to the next; gaps where no two children "
        "had a parent in common.",
    ]
    if (timeseries.numbers(summary["effective_size"]["coalescence"]) > _most(summary)).any():
        words.append(f"Sizes above {MOST:g} times the largest population are cut off.")
    if summary["flips"]:
        words.append("Dashed upright lines: flips.")
    if any(not phase["selects"] for phase in summary["phases"]):
        words.append("Grey, and in brackets: no selection.")
    return " ".join(words)


def _gene(summary: Summary, n: int, columns: int) -> Panel:
    """What changed the n-th gene in each phase."""
    gene, phases = summary["genes"][n], summary["phases"]
    found = [phase["price"][gene] for phase in phases]
    ends = [
        end for phase in found for part in phase.values()
        for end in (part["value"], *(part["interval"] or ()))
    ]  # fmt: skip
    changes = timeseries.numbers(phase["change"]["value"] for phase in found)

    def draw(panel: Axes) -> None:
        for k, look in enumerate(PRICE_PARTS):
            for at, phase in enumerate(found):
                part, x = phase[look.name], at + BAR * (k - 1)
                if part["value"] is None:
                    continue
                panel.bar(x, part["value"], BAR, color=look.color, alpha=look.alpha,
                          label=look.name)  # fmt: skip
                if part["interval"] and None not in part["interval"]:
                    panel.plot([x, x], part["interval"], color=colors.INK, linewidth=0.8,
                               label="interval", solid_capstyle="butt")  # fmt: skip
        for at, change in enumerate(changes):
            panel.plot([at - 1.5 * BAR, at + 1.5 * BAR], [change, change], color=CHANGE.color,
                       linewidth=CHANGE.width, label="change", solid_capstyle="butt")  # fmt: skip

    names = [_when(p) if p["selects"] else f"({_when(p)})" for p in phases]
    step = -(-len(names) // MOST_NAMES)
    return Panel(
        title=gene,
        ylabel="change" if n % columns == 0 else "",
        levels=[Level(0.0)],
        holds=[timeseries.numbers(ends)],
        xlim=(-0.6, len(phases) - 0.4),
        xticks=dict(list(enumerate(names))[::step]),
        more=draw,
    )


def _most(summary: Summary) -> float:
    """Individuals that the panel of sizes reaches to; effective sizes above are cut off."""
    return MOST * float(max(summary["sizes"]))


def _sizes(summary: Summary) -> Panel:
    x = timeseries.numbers(summary["generations"])
    effective, individuals, harmonic = SIZES
    found = summary["effective_size"]
    last = summary["generations"][np.flatnonzero(summary["sizes"])[-1]]
    lines = [
        Line(effective, Trajectory(timeseries.numbers(found["coalescence"])), x[:-1]),
        Line(individuals, Trajectory(timeseries.numbers(summary["sizes"]))),
        *(
            Line(
                harmonic,
                Trajectory(np.repeat(mean, 2)),
                np.array([phase["from"], min(phase["to"], last)]),
            )
            for phase, mean in zip(
                summary["phases"], timeseries.numbers(found["phases"]), strict=True
            )
        ),
    ]

    return Panel(
        lines=lines,
        x=x,
        named=SIZES,
        ylabel=METRICS["size"].label,
        within=(0.0, _most(summary)),
        more=lambda panel: panel.set_ylim(bottom=0.0),
    )


def _founders(summary: Summary) -> Panel:
    lines = [
        Line(look, Trajectory(timeseries.numbers(summary["founders"][name])))
        for look, name in zip(FOUNDERS, ("left", "effective"), strict=True)
    ]
    every = np.concatenate([line.what.middle for line in lines])
    most = 1.25 * float(np.nanmax(every))

    def more(panel: Axes) -> None:
        """A logarithmic axis, marked in 1, 2, 5 and their like."""
        panel.set_yscale("log")
        panel.set_ylim(0.8, most)
        marks = [m * 10.0**p for p in range(7) for m in (1, 2, 5) if m * 10.0**p <= most]
        panel.yaxis.set_major_locator(FixedLocator(marks[:: max(1, len(marks) // 5)]))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
        panel.yaxis.set_label_coords(-0.28 / style.inches(panel)[0], 0.5)  # clear of the left one

    x = timeseries.numbers(summary["generations"])
    return Panel(lines=lines, x=x, named=FOUNDERS, ylabel="founders", more=more)
