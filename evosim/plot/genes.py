"""Figure ``genes``: how the drives and every other gene of the population move.

Above, every drive's median on one pair of axes. Below, a heat map for each drive and each other
locus that evolves: generation to the right, the value upwards, dark where many individuals are. On
a drive the median is a line, between two others where it would stay by chance alone (gene dropping
down the recorded pedigree, :mod:`evosim.metrics.popgen.price`). Drives are scaled to a vector of
unit length, as minds feel them; other genes are drawn as selection and mutation see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, PowerNorm

from evosim.evolution import OPTIMIZERS
from evosim.mind import MANY
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.facets import Floats, Level, Line, Panel, RunView, Trajectory, facets, grid
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

BINS = 40
MOST_COLUMNS = 200
"""More generations than this are drawn as means of neighbours: no finer picture can be seen."""
BAR_ROOM = 0.62
CLEAR = 0.9
"""The part of all generations in which no share is beyond the darkest shade."""
NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares to mark on the scale."""
MEDIAN = LegendEntry("median", colors.BLUE, "-", 1.3)
NULL = LegendEntry("where chance alone would keep it (95 %)", colors.GREEN, style.DASHES[1], 0.9)
LABEL_HEIGHT = 0.118
"""Inches for each name at the right end of the upper panel."""
MOST_COLOURED = 7
"""Above, of more drives than this the others, which moved less, are thinner."""
WEAK = 0.2
"""Less of a unit drive than this is no drive to speak of."""


class Spread(NamedTuple):
    """How the individuals of a generation differ in a drive or another gene."""

    shares: Floats
    """[generation, bin], of all individuals, between the ends; NaN in a generation without any."""
    ends: tuple[float, float]
    median: Trajectory | None
    """Of a drive; None of other genes."""


def _no_genes(view: RunView) -> str | None:
    of_tables = [name.startswith(MANY) for name in view.loci]
    if of_tables and all(of_tables):
        return "figure 'table' has the genes of tables"
    return None if view.loci or view.drives else "no gene evolves in this scenario"


@registry.figure(
    "genes", "what drives and genes evolve to", needs=("genome",), unsupported=_no_genes
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the medians of all drives, and the shares of the population in each bin of each gene.

    Args:
        axes: one for the medians of all drives; or one more than there are genes, for these and
            then each gene by itself (of a single drive without the one for all).
    """
    genes = spreads(view)
    drives = {name: gene.median for name, gene in genes.items() if gene.median is not None}
    looks = _looks(drives)
    rows = []
    if len(drives) > 1:
        lines = [
            Line(looks[name], Trajectory(drives[name].middle), end=name)
            for name in sorted(drives, key=lambda name: looks[name].width)
        ]
        overview = Panel(
            lines=lines, ylabel="unit drive, median", ylim=(-1.06, 1.06), yticks=[-1, 0, 1],
            levels=[Level(0.0, LegendEntry("", colors.LIGHT_GREY, width=0.6))],
        )  # fmt: skip
        rows = [Row(height=max(1.35, LABEL_HEIGHT * len(drives)), content=[overview])]
    if not (rows and axes is not None and len(axes) == 1):  # given one, all drives share it
        top = _darkest(genes)
        columns = 1 if len(genes) == 1 else 2 if len(genes) <= 8 else 3
        panels = [
            _heat(view, name, gene, top, looks.get(name), bar=n == min(columns, len(genes)) - 1)
            for n, (name, gene) in enumerate(genes.items())
        ]
        rows += grid(panels, columns, height=0.7, room=BAR_ROOM)
    return facets(
        rows,
        title=view.figure_title(_finding(view, drives)),
        note=_note(view, drives),
        view=view,
        width=style.SINGLE if len(genes) <= 8 else style.DOUBLE,
        legend=[MEDIAN, *([NULL] if view.neutral else [])] if drives else (),
        left=0.42,
        axes=axes,
    )


def spreads(view: RunView) -> dict[str, Spread]:
    """By name, every drive, and every other locus that evolves."""
    found = {}
    for name in view.drives:
        values = np.asarray(view.drive(name), np.float64)
        shares = histogram(values, (-1.0, 1.0))
        found[name] = Spread(shares, (-1.0, 1.0), timeseries.trajectory(values, bands=False))
    genome = view.values("genome", "replicate", "generation", "individual", "locus")
    for i, name in enumerate(view.loci):
        if name.startswith((*MANY, "drive.")):
            continue  # of tables there are hundreds: figure ``table`` shows what comes of them
        ends = view.locus_bounds[name]
        found[name] = Spread(histogram(genome[..., i], ends), ends, None)
    return found


def histogram(values: Floats, ends: tuple[float, float]) -> Floats:
    """The share of individuals in each bin between two ends, [generation, bin], replicates pooled.

    NaN values count for no bin; a generation without any value is NaN throughout.

    Args:
        values: [replicate, generation, individual]
    """
    n = values.shape[1]
    low, high = ends
    flat = np.moveaxis(values, 1, 0).reshape(n, -1)
    known = np.isfinite(flat)
    with np.errstate(invalid="ignore"):
        bins = np.clip((flat - low) / (high - low) * BINS, 0, BINS - 1)
    places = np.nan_to_num(bins).astype(np.int64) + BINS * np.arange(n)[:, None]
    counts = np.bincount(places[known], minlength=n * BINS).reshape(n, BINS)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.nan)


# What it says


def _finding(view: RunView, drives: Mapping[str, Trajectory]) -> str:
    """What became of the drives, in a sentence: which is the strongest, before and in the end."""
    if not drives:
        return "what every gene evolves to"
    ends = {name: each.middle for name, each in drives.items()}
    first = view.flips[0].generation if view.flips else view.generations[0]
    then = max(int(np.searchsorted(view.generations, first)) - bool(view.flips), 0)
    lived = np.flatnonzero(np.isfinite(np.stack(list(ends.values()))).all(axis=0))
    if not len(lived):
        return "no drive is felt"
    at = [int(lived[np.abs(lived - when).argmin()]) for when in (then, len(view.generations) - 1)]
    before, after = (max(ends, key=lambda name: float(ends[name][when])) for when in at)

    def value(name: str, when: int) -> str:
        return f"{ends[name][when]:.2f}".replace("-", "\N{MINUS SIGN}")

    moved = f"({value(after, at[0])} → {value(after, at[1])})"
    if ends[after][at[1]] < WEAK:
        return "no drive is strong in the end"
    if not view.flips:
        return f"{after} is the strongest drive in the end {moved}"
    if before == after:
        return f"{after} is the strongest drive before the flip and in the end {moved}"
    if ends[before][at[0]] < WEAK:
        return f"after the flip {after} is the strongest drive {moved}"
    return f"{before} gives way to {after} after the flip"


def _note(view: RunView, drives: Mapping[str, Trajectory]) -> str:
    words = []
    if drives:
        words.append("Drives: scaled to a vector of unit length.")
    pooled = f"{view.replicates} replicates pooled, " if view.replicates > 1 else ""
    words.append(f"Shades: share of the population, {pooled}in {BINS} bins.")
    if view.replicates > 1 and drives:
        words.append("Medians: of the replicates' medians.")
    together = -(-len(view.generations) // MOST_COLUMNS)
    if together > 1:
        words.append(f"Means of {together} generations each.")
    if drives and not OPTIMIZERS[name := view.scenario.evolution.optimizer.name].pedigree:
        words.append(f"Nothing on chance alone: {name} samples genomes, which have no parents.")
    return " ".join(words)


# What it draws


def _looks(drives: Mapping[str, Trajectory]) -> dict[str, LegendEntry]:
    """A style for each drive: colour and dash together tell up to 28 apart; where there are many,
    those that moved least are thin and come after the others have their pick."""

    def size(name: str) -> float:
        finite = drives[name].middle[np.isfinite(drives[name].middle)]
        return float(np.abs(finite).max()) if len(finite) else 0.0

    ranked = sorted(drives, key=size, reverse=True)
    most = set(ranked[:MOST_COLOURED])
    order = [*(name for name in drives if name in most), *ranked[MOST_COLOURED:]]
    looks = {
        name: LegendEntry(name, *style.series(n), 1.3 if name in most else 0.8)
        for n, name in enumerate(order)
    }
    return {name: looks[name] for name in drives}


def _darkest(genes: Mapping[str, Spread]) -> float:
    """The share of the darkest shade: not that of a few generations in which all are alike."""
    most = [np.nanmax(np.nan_to_num(gene.shares), axis=1) for gene in genes.values()]
    return float(np.quantile(np.concatenate(most), CLEAR)) or 1.0


def _heat(
    view: RunView, name: str, gene: Spread, top: float, look: LegendEntry | None, *, bar: bool
) -> Panel:
    """The panel of a gene; ``bar``: with the scale of shares to its right."""
    (low, high), generations = gene.ends, view.generations
    half = (generations[-1] - generations[0]) / max(len(generations) - 1, 1) / 2 or 0.5
    together = -(-len(gene.shares) // MOST_COLUMNS)
    starts = np.arange(0, len(gene.shares), together)
    means = np.add.reduceat(gene.shares, starts) / np.diff([*starts, len(gene.shares)])[:, None]
    last = generations[0] + 2 * half * len(starts) * together
    middle = (low + high) / 2

    def draw(panel: Axes) -> None:
        _image(panel, means.T, (generations[0] - half, last - half, low, high), top)
        panel.set_xlim(*view.generation_limits)
        panel.set_ylim(low, high)
        if view.neutral and name in view.neutral:
            for end in view.neutral[name]:
                panel.plot(generations, end, color=NULL.color, linestyle=NULL.dash,
                           linewidth=NULL.width, label=f"{name} null", zorder=4)  # fmt: skip
        if bar:
            _bar(panel, top)

    lines = [] if gene.median is None else [Line(MEDIAN._replace(name=name), gene.median)]
    return Panel(
        lines=lines,
        title=name,
        color=look.color if look else colors.INK,
        ylabel="",
        ylim=(low, high),
        yticks=[low, middle, high] if len(style.number(middle)) <= 4 else [low, high],
        more=draw,
    )


def _image(
    panel: Axes, values: Floats, extent: tuple[float, float, float, float], top: float
) -> None:
    """Values [up, right] in shades from light to dark, also in grey; none at all is white, unknown
    grey."""
    shades = colormaps["Greys"](np.linspace(0.05, 0.75, 256))
    shades[0] = 1.0
    cmap: Colormap = ListedColormap(shades).with_extremes(bad=colors.LIGHT_GREY)
    panel.imshow(
        values, extent=extent, origin="lower", aspect="auto", interpolation="none", cmap=cmap,
        norm=PowerNorm(0.5, vmin=0.0, vmax=top),
    )  # fmt: skip
    panel.spines[:].set_visible(True)


def _bar(beside: Axes, top: float) -> None:
    """The scale of shares, to the right of a panel wherever its layout moves it."""
    width = style.inches(beside)[0]
    bar = beside.inset_axes((1 + 0.08 / width, 0.0, 0.08 / width, 1.0))
    layouts.dress(bar)
    _image(bar, np.linspace(0.0, top, 256)[:, None], (0.0, 1.0, 0.0, top), top)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    high = max((t for t in NICE if t <= 0.9 * top), default=top)
    low = max((t for t in NICE if 0.2 * top < t <= high / 2), default=0.0)
    ticks = sorted({0.0, low, high})
    bar.set_yticks(ticks, labels=[f"{100 * t:.2g} %" for t in ticks])
    bar.set_title("share", loc="left", pad=2.5)
