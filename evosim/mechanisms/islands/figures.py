"""Figure ``islands``: how the demes of a population fare, and how far they have come apart.

Above, the mean score of each deme and its mean of the drive that differs most; below, the share of
the variance of all drives that lies between demes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.mechanisms.islands.metrics import differentiation
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import RunView

MOST_NAMED = 8
"""More demes than this are drawn alike, without names."""
MOST_MARKED = 40
"""More migrations than this are told in words."""


@registry.figure("islands", "demes and migration", needs=("deme", "source"))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the score and the leading drive of every deme, and their differentiation."""
    demes = np.asarray(view.data["deme"].values)
    names = [f"deme {deme}" for deme in np.unique(demes)]
    named = len(names) <= MOST_NAMED
    room = timeseries.label_room(names) if named else 0.0
    migrations = _migrations(view)
    legend = (
        [layouts.LegendEntry("migration", colors.GREY, style.DASHES[2], 0.8)]
        if len(migrations)
        else []
    )
    with style.styled():
        layout = layouts.create(
            [
                layouts.Row(height=1.2, strip=True, room=room),
                layouts.Row(height=1.2, room=room),
                layouts.Row(height=0.9, room=room),
            ],
            width=style.SINGLE,
            title=view.figure_title("demes and migration"),
            note=_note(view, named),
            view=view,
            axes=axes,
            legend=legend,
            left=0.54,
        )
        scores, drives, variances = layout.panels
        score = view.values("score", "replicate", "generation", "individual")[0]
        layouts.panel_title(scores, "mean score")
        scores.set_ylabel(style.fit("payoff / lifetime", 1.2))
        _by_deme(view, scores, score, demes, room=room)
        name = _leading(view, demes)
        layouts.panel_title(drives, f"mean unit drive: {name}")
        drives.set_ylabel("unit drive")
        _by_deme(view, drives, view.drive(name)[0], demes, room=room)
        layouts.panel_title(variances, "variance of drives between demes")
        variances.set_ylabel("share")
        _variances(view, variances, demes)
        for panel in layout.panels:
            panel.vlines(
                migrations, 0, 1, transform=panel.get_xaxis_transform(), color=colors.GREY,
                linestyle=style.DASHES[2], linewidth=0.6, alpha=0.6, zorder=1, label="migration",
            )  # fmt: skip
    return layout.figure


def _migrations(view: RunView) -> NDArray[np.float64]:
    """The generations after which somebody migrated; none where they are too many."""
    source = view.values("source", "replicate", "generation", "individual")[0]
    migrated = (source != np.arange(source.shape[1])).any(axis=1)
    migrated[-1] = False  # nobody is born of the last generation
    found = view.generations[migrated] + 0.5
    return found if len(found) <= MOST_MARKED else found[:0]


def _note(view: RunView, named: bool) -> str:
    written = view.scenario.evolution.islands
    assert written is not None
    size = view.individuals // written.demes
    note = (
        f"{written.demes} demes of {size} individuals; migrants a deme: {written.migrants}; "
        f"generations between migrations: {written.every}. Lines: means of the demes"
    )
    if not named:
        note += ", not named"
    if view.replicates > 1:
        note += ", of replicate 0"
    note += ". Below: 1 - V_within / V_total over all drives; dashed: 0, one population"
    if view.replicates > 1:
        note += f"; thin lines: each of {view.replicates} replicates, thick: their median"
    return note + "."


def _by_deme(
    view: RunView, panel: Axes, values: NDArray[np.floating], demes: NDArray[np.integer],
    *, room: float,
) -> None:  # fmt: skip
    """A line for each deme: the mean of values [generation, individual]."""
    known = np.unique(demes)
    means = np.array([values[:, demes == deme].mean(axis=1) for deme in known])
    timeseries.limits(panel, means)
    if not room:
        timeseries.thin_lines(panel, view.generations, means, color=colors.BLUE, label="demes")
        return
    ends = []
    for n, (deme, mean) in enumerate(zip(known, means, strict=True)):
        color = colors.SERIES[n % len(colors.SERIES)]
        dash = style.DASHES[n % len(style.DASHES)]
        name = f"deme {deme}"
        timeseries.line(
            panel, view.generations, mean, color=color, label=name, dash=dash, width=1.0
        )
        ends.append((float(mean[-1]), name, color))
    timeseries.end_labels(panel, ends, room=room)


def _leading(view: RunView, demes: NDArray[np.integer]) -> str:
    """The drive whose means differ most between demes, in the mean over generations."""

    def spread(name: str) -> float:
        drive = view.drive(name)[0]
        means = [drive[:, demes == deme].mean(axis=1) for deme in np.unique(demes)]
        return float(np.var(means, axis=0).mean())

    return max(view.drives, key=spread)


def _variances(view: RunView, panel: Axes, demes: NDArray[np.integer]) -> None:
    drives = np.stack([view.drive(name) for name in view.drives], axis=-1)
    share = differentiation(drives.astype(np.float64), demes)
    trajectory = timeseries.trajectory(share[..., None], bands=False)
    panel.set_ylim(min(-0.05, float(np.nanmin(share, initial=0.0)) * 1.1), 1.05)
    panel.axhline(0, color=colors.INK, linestyle=style.DASHES[1], linewidth=0.6, label="one")
    if np.isfinite(trajectory.middle).any():
        timeseries.draw_trajectory(
            panel, view.generations, trajectory, color=colors.VERMILLION, label="differentiation"
        )
    else:
        layouts.no_data(panel, "undefined: all are alike, or alone in their deme")
