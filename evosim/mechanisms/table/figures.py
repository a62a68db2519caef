"""Figure ``table``: what tables do in the end, in the rows that training has moved most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps

from evosim.plot import colors, registry, style
from evosim.plot.facets import Floats, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, Row

MOST_ROWS = 24
"""More rows than this are not drawn: those that moved least are left out."""
ROW_HEIGHT = 0.155
"""Inches for each row."""


def _planning(view: RunView) -> str | None:
    return None if view.scenario.rows is not None else "minds plan, and are no tables"


@registry.figure("table", "what tables do", needs=("genome",), unsupported=_planning)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the chance of each action in each row, the mean over individuals and replicates."""
    made = view.scenario.rows
    assert made is not None
    chance = chances(view)
    moved = np.abs(chance - 1.0 / len(made.actions)).max(axis=1)
    chosen = np.sort(np.argsort(-moved, kind="stable")[:MOST_ROWS])
    names = list(made.names())
    told = {float(y): names[row] for y, row in enumerate(chosen)}

    def draw(panel: Axes) -> None:
        panel.imshow(chance[chosen], aspect="auto", vmin=0.0, vmax=1.0, cmap=colormaps["magma_r"])
        for y, row in enumerate(chosen):
            for x, p in enumerate(chance[row]):
                if p >= 0.095:
                    ink = "white" if p > 0.5 else colors.INK
                    panel.text(x, y, f"{100 * p:.0f}", ha="center", va="center", size=6, color=ink)
        panel.spines[:].set_visible(True)

    panel = Panel(
        xlim=(-0.5, len(made.actions) - 0.5),
        xticks={float(x): name for x, name in enumerate(made.actions)},
        ylim=(len(chosen) - 0.5, -0.5),
        yticks=told,
        more=draw,
    )
    left_out = f"; {made.n - len(chosen):,} rows that moved less are left out" * (
        made.n > len(chosen)
    )
    generation = int(view.generations[-1])
    return facets(
        [Row(height=ROW_HEIGHT * len(chosen), content=[panel])],
        title=view.figure_title("what tables do"),
        note=f"Chance of each action in per cent by what is seen, in generation {generation}: "
        f"means over individuals and replicates{left_out}. What a row does not name is nothing.",
        width=style.DOUBLE,
        left=0.2 + max(map(style.text_width, told.values())),
        xlabel="action",
        axes=axes,
    )


def chances(view: RunView) -> Floats:
    """The chance of each action in each row in the last generation, [rows, A]."""
    made = view.scenario.rows
    assert made is not None
    genome = view.values("genome", "generation", "replicate", "individual", "locus")[-1]
    theta = genome[..., -made.n * len(made.actions) :].reshape(-1, made.n, len(made.actions))
    weights = np.exp(theta - theta.max(axis=2, keepdims=True))
    return np.asarray(np.nanmean(weights / weights.sum(axis=2, keepdims=True), axis=0))
