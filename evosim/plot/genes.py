"""Figure ``genes``: the whole distribution of every evolving gene, generation by generation.

A heat map for each locus: generation to the right, the gene's value upwards between its bounds,
dark where many individuals are. Genes as selection and mutation see them, before expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, PowerNorm

from evosim.plot import colors, layouts, registry, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, RunView

BINS = 40
BAR_ROOM = 0.62
NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares to mark on the scale."""


def _shades() -> Colormap:
    """From light to dark, also in grey; nothing at all is white, unknown is grey."""
    shades = colormaps["magma_r"](np.linspace(0.03, 1, 256))
    shades[0] = 1.0
    return ListedColormap(shades).with_extremes(bad=colors.LIGHT_GREY)


@registry.figure("genes", "distribution of every gene", needs=("genome",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the shares of the population in each bin of each gene, replicates pooled."""
    names = view.loci
    with style.styled():
        if not names:
            layout = layouts.create(
                [layouts.Row(height=0.5)],
                width=style.SINGLE,
                title=view.figure_title("distribution of every gene"),
                view=view,
                axes=axes,
            )
            layout.panels[0].set_yticks([])
            layouts.no_data(layout.panels[0], "no locus evolves in this scenario")
            return layout.figure
        columns = 1 if len(names) == 1 else 2 if len(names) <= 8 else 3
        rows = layouts.rows_of(len(names), columns, height=0.7, room=BAR_ROOM)
        rows[0] = replace(rows[0], strip=True)
        layout = layouts.create(
            rows,
            width=style.SINGLE if columns < 3 else style.DOUBLE,
            title=view.figure_title("distribution of every gene"),
            note=_note(view),
            view=view,
            axes=axes,
            left=0.36,
            between=0.36,
        )
        shares = histograms(view)
        top = max(float(np.nanmax(s, initial=0.0)) for s in shares.values()) or 1.0
        for n, panel in enumerate(layout.panels):
            _heat(view, panel, names[n], shares[names[n]], top)
            below = n + columns < len(names)
            panel.tick_params(labelbottom=not below)
        _bar(layout, top)
    return layout.figure


def histograms(view: RunView) -> dict[str, FloatArray]:
    """By locus, the share of individuals in each bin between its bounds, [generation, bin].

    NaN genes count for no bin; a generation without any value is NaN throughout.
    """
    from evosim.mind import loci

    bounds = {locus.name: (locus.low, locus.high) for locus in loci(view.scenario)}
    genome = view.values("genome", "generation", "replicate", "individual", "locus")
    n = genome.shape[0]
    result = {}
    for i, name in enumerate(view.loci):
        low, high = bounds[name]
        values = genome[..., i].reshape(n, -1)
        known = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            bins = np.clip((values - low) / (high - low) * BINS, 0, BINS - 1)
        flat = np.nan_to_num(bins).astype(np.int64) + BINS * np.arange(n)[:, None]
        counts = np.bincount(flat[known], minlength=n * BINS).reshape(n, BINS)
        total = counts.sum(axis=1, keepdims=True)
        result[name] = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    return result


def _note(view: RunView) -> str:
    pooled = f", {view.replicates} replicates pooled" if view.replicates > 1 else ""
    return f"Genes before expression{pooled}; {BINS} bins between the bounds of each locus."


def _heat(view: RunView, panel: Axes, name: str, shares: FloatArray, top: float) -> None:
    from evosim.mind import loci

    low, high = next((x.low, x.high) for x in loci(view.scenario) if x.name == name)
    generations = view.generations
    half = (generations[-1] - generations[0]) / max(len(generations) - 1, 1) / 2 or 0.5
    panel.imshow(
        shares.T,
        extent=(generations[0] - half, generations[-1] + half, low, high),
        origin="lower",
        aspect="auto",
        interpolation="none",
        cmap=_shades(),
        norm=PowerNorm(0.5, vmin=0.0, vmax=top),
    )
    panel.set_xlim(*view.generation_limits)
    panel.set_ylim(low, high)
    middle = (low + high) / 2
    panel.set_yticks([low, middle, high] if len(style.number(middle)) <= 4 else [low, high])
    for spine in ("top", "right"):
        panel.spines[spine].set_visible(True)
    layouts.panel_title(panel, name.removeprefix("drive."))


def _bar(layout: layouts.Layout, top: float) -> None:
    """The scale of shares, to the right of the first row."""
    last = layout.axes[0][-1]
    if layout.own:
        width = layout.figure.get_figwidth()
        first = last.get_position()
        bar = layout.figure.add_axes(
            (first.x1 + 0.08 / width, first.y0, 0.08 / width, first.height)
        )
    else:  # follows its panel wherever the caller's own layout moves it
        bar = last.inset_axes((1.02, 0.0, 0.04, 1.0))
        layouts.dress(bar)
    bar.imshow(
        np.linspace(0.0, top, 256)[:, None],
        extent=(0.0, 1.0, 0.0, top),
        origin="lower",
        aspect="auto",
        interpolation="none",
        cmap=_shades(),
        norm=PowerNorm(0.5, vmin=0.0, vmax=top),
    )
    bar.set_xticks([])
    bar.yaxis.tick_right()
    high = max((t for t in NICE if t <= 0.9 * top), default=top)
    low = max((t for t in NICE if 0.2 * top < t <= high / 2), default=0.0)
    ticks = sorted({0.0, low, high})
    bar.set_yticks(ticks, labels=[f"{100 * t:.2g} %" for t in ticks])
    bar.set_title("share", loc="left", pad=2.5)
    for spine in bar.spines.values():
        spine.set_visible(True)
