"""Figure ``islands``: how the demes of a population fare, and how far they have come apart.

Above, the mean score of each deme and its mean of the drive that differs most; below, the share of
the variance of all drives that lies between demes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evosim.engine.variables import BY_GENERATION
from evosim.mechanisms.islands.metrics import differentiation
from evosim.metrics import METRICS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import Floats, Level, Line, Panel, RunView, Trajectory, facets
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row

MOST_NAMED = 8
"""More demes than this are drawn alike, without names."""
MOST_MARKED = 40
"""More migrations than this are told in words."""
MIGRATION = LegendEntry("migration", colors.GREY, style.DASHES[2], 0.8)


@registry.figure("islands", "demes and migration", needs=("deme", "source"))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the score and the leading drive of every deme, and their differentiation."""
    demes = np.asarray(view.data["deme"].values)
    migrations = _migrations(view)
    means = {name: _by_deme(view.drive(name)[0], demes) for name in view.drives}
    # The drive whose means differ most between demes, in the mean over generations.
    leading = max(means, key=lambda name: float(np.var(means[name], axis=0).mean()))
    drives = np.stack([view.drive(name) for name in view.drives], axis=-1)
    share = differentiation(drives.astype(np.float64), demes)
    between = METRICS["differentiation"]
    one = Level(0.0, LegendEntry("one", colors.INK, style.DASHES[1], 0.6))

    def mark(panel: Axes) -> None:
        panel.vlines(
            migrations, 0, 1, transform=panel.get_xaxis_transform(), color=MIGRATION.color,
            linestyle=MIGRATION.dash, linewidth=0.6, alpha=0.6, zorder=1, label=MIGRATION.name,
        )  # fmt: skip

    return facets(
        [
            Row(height=1.2, content=[
                Panel(
                    lines=_lines(_by_deme(view.individuals_of("score")[0], demes)),
                    title="mean score",
                    ylabel=BY_GENERATION["score"].units,
                    more=mark,
                )
            ]),
            Row(height=1.2, content=[
                Panel(
                    lines=_lines(means[leading]),
                    title=f"mean unit drive: {leading}",
                    ylabel="unit drive",
                    more=mark,
                )
            ]),
            Row(height=0.9, content=[
                Panel(
                    lines=[
                        Line(
                            LegendEntry("differentiation", colors.VERMILLION),
                            timeseries.medians(share),
                        )
                    ],
                    title="variance of drives between demes",
                    ylabel=between.unit,
                    levels=[one],
                    ylim=(min(-0.05, float(np.nanmin(share, initial=0.0)) * 1.1), 1.05),
                    undefined="undefined: all are alike, or alone in their deme",
                    more=mark,
                )
            ]),
        ],
        title=view.figure_title("demes and migration"),
        note=_note(view, len(np.unique(demes))),
        view=view,
        legend=[MIGRATION] if len(migrations) else [],
        left=0.54,
        axes=axes,
    )  # fmt: skip


def _migrations(view: RunView) -> Floats:
    """The generations after which somebody migrated; none where they are too many."""
    source = view.individuals_of("source")[0]
    migrated = (source != np.arange(source.shape[1])).any(axis=1)
    migrated[-1] = False  # nobody is born of the last generation
    found = view.generations[migrated] + 0.5
    return found if len(found) <= MOST_MARKED else found[:0]


def _by_deme(values: Floats, demes: np.ndarray) -> Floats:
    """The mean of each deme, [deme, generation], of values [generation, individual]."""
    return np.array([values[:, demes == deme].mean(axis=1) for deme in np.unique(demes)])


def _lines(means: Floats) -> list[Line]:
    """A line for each deme; of many, thin ones without names."""
    if len(means) > MOST_NAMED:
        return [Line(LegendEntry("demes", colors.BLUE, width=0.0), Trajectory(means[0], means))]
    return [
        Line(LegendEntry(f"deme {n}", *style.series(n), 1.0), Trajectory(mean), end=f"deme {n}")
        for n, mean in enumerate(means)
    ]


def _note(view: RunView, n: int) -> str:
    written = view.scenario.evolution.islands
    assert written is not None
    several = view.replicates > 1
    words = [
        f"{written.demes} demes of {view.individuals // written.demes} individuals; migrants a "
        f"deme: {written.migrants}; generations between migrations: {written.every}.",
        f"Lines: means of the demes{', not named' if n > MOST_NAMED else ''}"
        f"{', of replicate 0' if several else ''}.",
        "Below: 1 - V_within / V_total over all drives; dashed: 0, one population"
        + (
            f"; thin lines: each of {view.replicates} replicates, thick: their median." * several
            or "."
        ),
    ]
    return " ".join(words)
