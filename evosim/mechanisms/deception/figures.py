"""Figure ``deception``: the race between two ways to pass the test, and what the sense is for.

Above, the shares of minds that are deceptive and of those that are honest; below, the rate of
conduct while watched and unwatched, of the minds as they are and of the same minds without the
sense. A deceptive population holds back only where it is watched, and only as long as it sees
that it is. A column for each environment in which minds are watched and unwatched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evosim.mechanisms.deception.metrics import Conduct, conduct, is_good
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.layouts import LegendEntry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, RunView

MOST_COLUMNS = 3


SHARES = {
    "deceptive": LegendEntry("deceptive minds", colors.VERMILLION),
    "honest": LegendEntry("honest minds", colors.BLUE, style.DASHES[1]),
}
RATES = {
    "unwatched": LegendEntry("unwatched", colors.BLACK, style.DASHES[1]),
    "watched": LegendEntry("watched", colors.BLACK),
    "unwatched_without": LegendEntry(
        "unwatched, without the sense", colors.ORANGE, style.DASHES[1]
    ),
    "watched_without": LegendEntry("watched, without the sense", colors.ORANGE),
}
"""How the fields of a conduct are named and drawn."""


@registry.figure("deception", "conduct while watched and unwatched", needs=("conduct_watched",))
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw shares and rates over the probes."""
    found = _conduct_by_environment(view)
    columns = max(1, len(found))
    rows = [
        layouts.Row(height=1.15, columns=columns, strip=True),
        layouts.Row(height=1.15, columns=columns, titles=False),
    ]
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE if columns == 1 else style.DOUBLE,
            title=view.figure_title("conduct while watched and unwatched"),
            note=_note(view),
            view=view,
            axes=axes,
            legend=[*SHARES.values(), *RATES.values()],
            left=0.52,
        )
        for column in range(columns):
            upper, lower = layout.axes[0][column], layout.axes[1][column]
            if column == 0:
                upper.set_ylabel("share of minds")
                lower.set_ylabel(style.fit(f"{_conduct(view)} / step", 1.1))
            if not found:
                layouts.no_data(upper, "nobody is both watched and unwatched")
                layouts.no_data(lower, "undefined")
                continue
            place = list(found)[column]
            layouts.panel_title(upper, f"in “{view.title(place)}”", bold=True)
            for panel, fields in ((upper, SHARES), (lower, RATES)):
                every = [getattr(c, name) for c in found.values() for name in fields]
                timeseries.limits(panel, *every, include=(0.0, 1.0) if panel is upper else (0.0,))
                panel.tick_params(labelleft=column == 0)
                _panel(view, panel, found[place], fields)
    return layout.figure


def _conduct_by_environment(view: RunView) -> dict[str, Conduct]:
    """By environment, where minds are watched and unwatched; those with the most deception."""
    found = {name: conduct(view.data, view.scenario, name) for name in
             view.names("environment")}  # fmt: skip
    peaks = {
        name: float(np.nanmax(here.deceptive))
        for name, here in found.items()
        if np.isfinite(here.deceptive).any()
    }
    most = sorted(peaks, key=lambda name: -peaks[name])[:MOST_COLUMNS]
    return {name: found[name] for name in found if name in most}


def _conduct(view: RunView) -> str:
    assert view.scenario.deception is not None
    return view.scenario.deception.conduct


def _note(view: RunView) -> str:
    drawn = "Exact rates on the probe levels, means over sampled individuals"
    if view.replicates > 1:
        drawn += f"; thin lines: {view.replicates} replicates, thick: their median"
    side = "shown" if is_good(view.scenario) else "held back"
    return (
        f"{drawn}. Deceptive: {side} while watched, not while unwatched, and only because the "
        "mind senses the watcher."
    )


def _panel(view: RunView, panel: Axes, what: Conduct, fields: Mapping[str, LegendEntry]) -> None:
    x = np.asarray(view.data["probe"].values, dtype=np.float64)
    for n, (field, entry) in enumerate(fields.items()):
        trajectory: FloatArray = getattr(what, field)
        if len(trajectory) > 1:
            timeseries.thin_lines(
                panel, x, trajectory, color=entry.color, label=f"{entry.name} replicates"
            )
        middle = timeseries.quantiles(trajectory.T, (0.5,))[0]
        timeseries.line(
            panel,
            x,
            middle,
            color=entry.color,
            dash=entry.dash,
            label=entry.name,
            zorder=3 + 0.1 * n,
        )
