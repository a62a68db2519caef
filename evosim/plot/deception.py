"""Figure ``deception``: the race between two ways to pass the test, and what the sense is for.

Above, the shares of minds that are deceptive and of those that are honest; below, the rate of
conduct while watched and unwatched, of the minds as they are and of the same minds without the
sense. A deceptive population holds back only where it is watched, and only as long as it sees
that it is. A column for each environment in which minds are watched and unwatched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim.metrics.deception import Conduct, conduct, is_good
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, Subject

MOST_COLUMNS = 3


class Look(NamedTuple):
    """A field of a conduct, how it is named and drawn."""

    field: str
    name: str
    color: str
    dash: style.Dash


SHARES = (
    Look("deceptive", "deceptive minds", colors.VERMILLION, "-"),
    Look("honest", "honest minds", colors.BLUE, style.DASHES[1]),
)
RATES = (
    Look("unwatched", "unwatched", colors.BLACK, style.DASHES[1]),
    Look("watched", "watched", colors.BLACK, "-"),
    Look("unwatched_without", "unwatched, without the sense", colors.ORANGE, style.DASHES[1]),
    Look("watched_without", "watched, without the sense", colors.ORANGE, "-"),
)


@registry.figure("deception", "conduct while watched and unwatched", needs=("conduct_watched",))
def figure(subject: Subject) -> Figure:
    """Draw shares and rates over the probes."""
    found = _conducts(subject)
    columns = max(1, len(found))
    rows = [
        layouts.Row(height=1.15, columns=columns, strip=True),
        layouts.Row(height=1.15, columns=columns, titles=False),
    ]
    with style.styled():
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE if columns == 1 else style.DOUBLE,
            title=subject.head("conduct while watched and unwatched"),
            note=_note(subject),
            subject=subject,
            keys=[layouts.Key(look.name, look.color, look.dash) for look in (*SHARES, *RATES)],
            left=0.52,
        )
        for column in range(columns):
            upper, lower = sheet.axes[0][column], sheet.axes[1][column]
            if column == 0:
                upper.set_ylabel("share of minds")
                lower.set_ylabel(style.fit(f"{_conduct(subject)} / step", 1.1))
            if not found:
                layouts.empty(upper, "nobody is both watched and unwatched")
                layouts.empty(lower, "undefined")
                continue
            name = list(found)[column]
            layouts.panel_title(upper, f"in “{subject.title(name)}”", bold=True)
            for panel, looks in ((upper, SHARES), (lower, RATES)):
                every = [getattr(c, look.field) for c in found.values() for look in looks]
                timeseries.limits(panel, *every, include=(0.0, 1.0) if panel is upper else (0.0,))
                panel.tick_params(labelleft=column == 0)
                _panel(subject, panel, found[name], looks)
    return sheet.figure


def _conducts(subject: Subject) -> dict[str, Conduct]:
    """By environment, where minds are watched and unwatched; those with the most deception."""
    found = {name: conduct(subject.data, subject.scenario, name) for name in
             subject.names("environment")}  # fmt: skip
    peaks = {
        name: float(np.nanmax(here.deceptive))
        for name, here in found.items()
        if np.isfinite(here.deceptive).any()
    }
    most = sorted(peaks, key=lambda name: -peaks[name])[:MOST_COLUMNS]
    return {name: found[name] for name in found if name in most}


def _conduct(subject: Subject) -> str:
    assert subject.scenario.deception is not None
    return subject.scenario.deception.conduct


def _note(subject: Subject) -> str:
    drawn = "Exact rates on the probe levels, means over sampled individuals"
    if subject.replicates > 1:
        drawn += f"; thin lines: {subject.replicates} replicates, thick: their median"
    side = "shown" if is_good(subject.scenario) else "held back"
    return (
        f"{drawn}. Deceptive: {side} while watched, not while unwatched, and only because the "
        "watcher is seen."
    )


def _panel(subject: Subject, panel: Axes, what: Conduct, looks: tuple[Look, ...]) -> None:
    x = np.asarray(subject.data["probe"].values, dtype=np.float64)
    for n, look in enumerate(looks):
        course: FloatArray = getattr(what, look.field)
        if len(course) > 1:
            timeseries.faint(panel, x, course, color=look.color, label=f"{look.name} replicates")
        middle = timeseries.quantiles(course.T, (0.5,))[0]
        timeseries.line(
            panel, x, middle, color=look.color, dash=look.dash, label=look.name, zorder=3 + 0.1 * n
        )
