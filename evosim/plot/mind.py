"""Figure ``mind``: how deep the population plans, how long it lives, what it sees.

A panel for lifespan, for planning depth and every other locus of the mind that evolves, and one
for all senses together, as the share of the population that has each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evosim.metrics import METRICS
from evosim.mind import MANY
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Line, Panel, RunView, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

COLORS = {
    "depth": colors.BLUE,
    "lifespan": colors.GREEN,
    "patience": colors.PURPLE,
    "reliance": colors.SKY,
    "temperature": colors.ORANGE,
}


@registry.figure("mind", "minds and lifespan", needs=("genome", "lifespan"))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw every evolving parameter of the mind but the drives, and lifespan."""
    evolving = [name for name in view.loci if not name.startswith(("drive.", *MANY))]
    senses = [name for name in evolving if name.startswith("sense.")]
    scalars = {name: view.phenotype[name] for name in evolving if name not in senses}
    panels = [
        _scalar(name, values)
        for name, values in (scalars | {"lifespan": view.individuals_of("lifespan")}).items()
    ]
    if senses:
        panels.append(_senses(view, senses))
    return facets(
        [Row(height=0.95, content=[panel]) for panel in panels],
        title=view.figure_title(_finding(scalars, view)),
        note=_note(view, senses, "depth" in scalars),
        view=view,
        axes=axes,
    )


def _finding(scalars: Mapping[str, np.ndarray], view: RunView) -> str:
    """How depth and lifespan moved from the first generation to the last, in a sentence."""
    lifespan = view.individuals_of("lifespan")
    named = {"planning depth": scalars.get("depth"), "lifespan": lifespan}
    said = []
    for name, values in named.items():
        if values is None:
            continue
        means = timeseries.mean(timeseries.mean(values), 0)
        means = means[np.isfinite(means)]
        if len(means):
            first, last = (style.number(float(f"{v:.2g}")) for v in (means[0], means[-1]))
            way = "falls" if means[-1] < means[0] else "rises"
            said.append(f"{name} stays at {last}" if first == last else
                        f"{name} {way} from {first} to {last}")  # fmt: skip
    return ", ".join([*said]) + " steps" if said else "minds and lifespan"


def _scalar(name: str, values: np.ndarray) -> Panel:
    """A panel of one parameter, [replicate, generation, individual]."""
    color = COLORS.get(name, colors.VERMILLION)
    counted = name in ("depth", "lifespan")
    look = LegendEntry(name, color)
    return Panel(
        lines=[Line(look, timeseries.trajectory(values, use_mean=name == "depth"))],
        title="planning depth" if name == "depth" else name,
        color=color,
        ylabel=METRICS["lifespan"].unit if counted else name,
        include=(0.0,) if counted else (),
    )


def _senses(view: RunView, senses: Sequence[str]) -> Panel:
    lines = []
    for n, name in enumerate(senses):
        shares = timeseries.trajectory(view.phenotype[name], use_mean=True, bands=False)
        look = LegendEntry(name, *style.series(n))
        lines.append(Line(look, shares, end=name.removeprefix("sense.")))
    return Panel(lines=lines, title="senses", ylabel=METRICS["share"].unit, ylim=(-0.04, 1.04))


def _note(view: RunView, senses: Sequence[str], has_depth: bool) -> str:
    parts = [view.spread_note("Phenotypes")]
    if has_depth:
        parts.append("Planning depth: the mean in place of the median.")
    if senses:
        parts.append("Senses: the share of the population that has each.")
    if view.scenario.rows is not None:
        parts.append("Minds are tables, which plan nothing.")
    elif not view.scenario.agent.has_drives:
        parts.append("Of an agent's mind nothing is known but what it does.")
    elif not has_depth and "depth" in view.phenotype:
        depth = np.unique(view.phenotype["depth"])
        depth = depth[np.isfinite(depth)]
        if len(depth) == 1:
            parts.append(f"Planning depth is pinned at {depth[0]:g}.")
    return " ".join(parts)
