"""Figure ``genes``: the whole distribution of every evolving gene, generation by generation.

A heat map for each locus: generation to the right, the gene's value upwards between its bounds,
dark where many individuals are. Genes as selection and mutation see them, before expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap, ListedColormap, PowerNorm

from evosim.plot import colors, layouts, registry, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, Subject

BINS = 40
BAR_ROOM = 0.62
NICE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Shares to mark on the scale."""


def _shades() -> Colormap:
    """From light to dark, also in grey; nothing at all is white, unknown is grey."""
    shades = colormaps["magma_r"](np.linspace(0.03, 1, 256))
    shades[0] = 1.0
    return ListedColormap(shades).with_extremes(bad=colors.FAINT)


@registry.figure("genes", "distribution of every gene", needs=("genome",))
def figure(subject: Subject) -> Figure:
    """Draw the shares of the population in each bin of each gene, replicates pooled."""
    names = subject.loci
    with style.styled():
        if not names:
            sheet = layouts.sheet(
                [layouts.Row(height=0.5)],
                width=style.SINGLE,
                title=subject.head("distribution of every gene"),
                subject=subject,
            )
            sheet.panels[0].set_yticks([])
            layouts.empty(sheet.panels[0], "no locus evolves in this scenario")
            return sheet.figure
        columns = 1 if len(names) == 1 else 2 if len(names) <= 8 else 3
        rows = [
            layouts.Row(
                height=0.7, columns=columns, room=BAR_ROOM, strip=n == 0
            )
            for n in range(-(-len(names) // columns))
        ]  # fmt: skip
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE if columns < 3 else style.DOUBLE,
            title=subject.head("distribution of every gene"),
            note=_note(subject),
            subject=subject,
            left=0.36,
            between=0.36,
        )
        shares = histograms(subject)
        top = max(float(np.nanmax(s, initial=0.0)) for s in shares.values()) or 1.0
        for n, panel in enumerate(sheet.panels):
            if n >= len(names):
                panel.remove()
                continue
            _heat(subject, panel, names[n], shares[names[n]], top)
            below = n + columns < len(names)
            panel.tick_params(labelbottom=not below)
        _bar(sheet, top)
    return sheet.figure


def histograms(subject: Subject) -> dict[str, FloatArray]:
    """By locus, the share of individuals in each bin between its bounds, [generation, bin].

    NaN genes count for no bin; a generation without any value is NaN throughout.
    """
    from evosim.mind import loci

    bounds = {locus.name: (locus.low, locus.high) for locus in loci(subject.scenario)}
    genome = subject.values("genome", "generation", "replicate", "individual", "locus")
    n = genome.shape[0]
    result = {}
    for i, name in enumerate(subject.loci):
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


def _note(subject: Subject) -> str:
    pooled = f", {subject.replicates} replicates pooled" if subject.replicates > 1 else ""
    return f"Genes before expression{pooled}; {BINS} bins between the bounds of each locus."


def _heat(subject: Subject, panel: Axes, name: str, shares: FloatArray, top: float) -> None:
    from evosim.mind import loci

    low, high = next((x.low, x.high) for x in loci(subject.scenario) if x.name == name)
    generations = subject.generations
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
    panel.set_xlim(*subject.span)
    panel.set_ylim(low, high)
    middle = (low + high) / 2
    panel.set_yticks([low, middle, high] if len(style.number(middle)) <= 4 else [low, high])
    for spine in ("top", "right"):
        panel.spines[spine].set_visible(True)
    layouts.panel_title(panel, name.removeprefix("drive."))


def _bar(sheet: layouts.Sheet, top: float) -> None:
    """The scale of shares, to the right of the first row."""
    figure = sheet.figure
    width = figure.get_figwidth()
    first = sheet.axes[0][-1].get_position()
    bar = figure.add_axes((first.x1 + 0.08 / width, first.y0, 0.08 / width, first.height))
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
