"""Figure ``genes``: the whole distribution of every evolving gene, generation by generation.

A heat map for each locus: generation to the right, the gene's value upwards between its bounds,
dark where many individuals are. Genes as selection and mutation see them, before expression.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, PowerNorm

from evosim.mind import OF_TABLES
from evosim.plot import colors, layouts, registry, style
from evosim.plot.facets import Floats, Panel, RunView, facets, grid
from evosim.plot.layouts import Axes, Figure

BINS = 40
MOST_COLUMNS = 200
"""More generations than this are drawn as means of neighbours: no finer picture can be seen."""
BAR_ROOM = 0.62
NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares to mark on the scale."""


def _of_tables(view: RunView) -> str | None:
    of_tables = [name.startswith(OF_TABLES) for name in view.loci]
    return "figure 'table' has the genes of tables" if of_tables and all(of_tables) else None


@registry.figure("genes", "distribution of every gene", needs=("genome",), unsupported=_of_tables)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the shares of the population in each bin of each gene, replicates pooled."""
    shares = histograms(view)
    pooled = f", {view.replicates} replicates pooled" if view.replicates > 1 else ""
    together = -(-len(view.generations) // MOST_COLUMNS)
    note = f"Genes before expression{pooled}; {BINS} bins between the bounds of each locus."
    if together > 1:
        note += f" Means of {together} generations each."
    if not shares:
        rows = grid(
            [Panel(yticks=[], undefined="no locus evolves in this scenario")], 1, height=0.5
        )
        columns, note = 1, ""
    else:
        top = max(float(np.nanmax(s, initial=0.0)) for s in shares.values()) or 1.0
        columns = 1 if len(shares) == 1 else 2 if len(shares) <= 8 else 3
        panels = [
            _heat(view, name, values, top, bar=n == min(columns, len(shares)) - 1)
            for n, (name, values) in enumerate(shares.items())
        ]
        rows = grid(panels, columns, height=0.7, room=BAR_ROOM)
    return facets(
        rows,
        title=view.figure_title("distribution of every gene"),
        note=note,
        view=view,
        width=style.SINGLE if columns < 3 else style.DOUBLE,
        left=0.36 if shares else 0.46,
        axes=axes,
    )


def histograms(view: RunView) -> dict[str, Floats]:
    """By locus, the share of individuals in each bin between its bounds, [generation, bin].

    NaN genes count for no bin; a generation without any value is NaN throughout.
    """
    genome = view.values("genome", "generation", "replicate", "individual", "locus")
    n = genome.shape[0]
    result = {}
    for i, name in enumerate(view.loci):
        if name.startswith(OF_TABLES):
            continue  # there are hundreds: figure ``table`` shows what comes of them
        low, high = view.locus_bounds[name]
        values = genome[..., i].reshape(n, -1)
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            bins = np.clip((values - low) / (high - low) * BINS, 0, BINS - 1)
        flat = np.nan_to_num(bins).astype(np.int64) + BINS * np.arange(n)[:, None]
        counts = np.bincount(flat[known], minlength=n * BINS).reshape(n, BINS)
        total = counts.sum(axis=1, keepdims=True)
        result[name] = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    return result


def _heat(view: RunView, name: str, shares: Floats, top: float, *, bar: bool) -> Panel:
    """The panel of a locus; ``bar``: with the scale of shares to its right."""
    low, high = view.locus_bounds[name]
    generations = view.generations
    half = (generations[-1] - generations[0]) / max(len(generations) - 1, 1) / 2 or 0.5
    middle = (low + high) / 2
    starts = np.arange(0, len(shares), -(-len(shares) // MOST_COLUMNS))
    means = np.add.reduceat(shares, starts) / np.diff([*starts, len(shares)])[:, None]
    last = generations[0] + 2 * half * len(starts) * -(-len(shares) // MOST_COLUMNS)

    def draw(panel: Axes) -> None:
        _image(panel, means.T, (generations[0] - half, last - half, low, high), top)
        panel.set_xlim(*view.generation_limits)
        panel.set_ylim(low, high)
        if bar:
            _bar(panel, top)

    return Panel(
        title=name.removeprefix("drive."),
        ylim=(low, high),
        yticks=[low, middle, high] if len(style.number(middle)) <= 4 else [low, high],
        more=draw,
    )


def _image(
    panel: Axes, values: Floats, extent: tuple[float, float, float, float], top: float
) -> None:
    """Values [up, right] in shades from light to dark, also in grey; none at all is white, unknown
    grey."""
    shades = colormaps["magma_r"](np.linspace(0.03, 1, 256))
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
