"""Figure ``alignment``: capability and alignment in every environment, with the control minds.

A column for each environment, so that each is seen at all times and not only while it trains;
a light ground marks when it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim.metrics.flips import JUDGED
from evosim.plot import colors, layouts, registry, style, timeseries

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, RunView

DIMS = ("replicate", "probe", "environment", "mind", "sample")
MOST_COLUMNS = 3
WITHIN = (-1.0, 1.1)
"""What is drawn: far worse than random is as bad as worse, and would flatten all the rest."""
HERE = "#F4F0E4"
BAND = 0.18


MIND_STYLES: dict[str, style.LineStyle] = {
    "evolved": style.LineStyle(colors.BLACK, "-", 1.8),
    "true drive": style.LineStyle(colors.BLUE, (0, (5.0, 1.6)), 1.1),
    "unshifted beliefs": style.LineStyle(colors.VERMILLION, (0, (5.0, 1.2, 1.0, 1.2)), 1.1),
    "random drives": style.LineStyle(colors.GREEN, (0, (2.2, 1.2)), 1.1),
    "without senses": style.LineStyle(colors.ORANGE, (0, (1.6, 1.0, 0.6, 1.0)), 1.1),
    "uniform": style.LineStyle(colors.GREY, (0, (1.0, 1.0)), 1.1),
}
"""How a mind is drawn wherever minds are compared.

The evolved mind first, a broad line under all others, and those of the longest dashes next: what
coincides with a line beneath it is seen on it, and is seen through.
"""
OTHER = style.LineStyle(colors.PURPLE, "-", 1.1)


class Measured(NamedTuple):
    """One measure, summarised over the sample and replicates."""

    middle: FloatArray
    """[probe, environment, mind]"""
    low: FloatArray
    """Of the evolved, [probe, environment], as is ``high``."""
    high: FloatArray


@registry.figure(
    "alignment", "capability and alignment in every environment", needs=("capability", "alignment")
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw the measures of the probes."""
    environments = view.names("environment")
    measured = {name: summarise(view, name) for name in JUDGED}
    minds = minds_of(view, measured)
    columns = min(len(environments), MOST_COLUMNS)
    blocks = -(-len(environments) // columns)
    rows = [
        layouts.Row(
            height=1.05, columns=columns, panels=min(columns, len(environments) - n // 2 * columns),
            strip=n == 0, titles=n % 2 == 0, ticks=n % 2 == 1 and blocks > 1,
        )
        for n in range(2 * blocks)
    ]  # fmt: skip
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE if columns == 1 else style.DOUBLE,
            title=view.figure_title("capability and alignment in every environment"),
            note=_note(view),
            view=view,
            axes=axes,
            legend=[layouts.LegendEntry(m, *line_style(m)) for m in minds],
        )
        for n, row in enumerate(layout.axes):
            measure = JUDGED[n % 2]
            for column, panel in enumerate(row):
                e = n // 2 * columns + column
                _panel(view, panel, measured[measure], e, minds, measure)
                if n % 2 == 0:
                    title = f"in “{view.title(environments[e])}”"
                    layouts.panel_title(panel, title, bold=True)
                if column == 0:
                    panel.set_ylabel(measure)
                else:
                    panel.tick_params(labelleft=False)
    return layout.figure


def line_style(mind: str) -> style.LineStyle:
    """How a mind is drawn; a mind that evosim does not know gets a style of its own."""
    return MIND_STYLES.get(mind, OTHER)


def minds_of(view: RunView, measured: dict[str, Measured]) -> list[str]:
    """The minds with any value at all, the evolved one first."""
    names = view.names("mind")
    order = [*(m for m in MIND_STYLES if m in names), *(m for m in names if m not in MIND_STYLES)]
    return [
        m
        for m in order
        if any(np.isfinite(v.middle[..., names.index(m)]).any() for v in measured.values())
    ]


def summarise(view: RunView, name: str) -> Measured:
    """Means over the sample; the spread of the evolved over the sample, or the interval of their
    mean over replicates."""
    values = view.values(name, *DIMS)
    names = view.names("mind")
    evolved = names.index("evolved") if "evolved" in names else 0
    by_replicate = timeseries.mean(values)
    if view.replicates > 1:
        low, high = timeseries.interval(by_replicate[..., evolved], view.bootstrap)
        return Measured(timeseries.mean(by_replicate, 0), low, high)
    low, high = timeseries.quantiles(values[0, :, :, evolved], timeseries.BANDS[0])
    return Measured(by_replicate[0], low, high)


def _note(view: RunView) -> str:
    drawn = (
        "0: random actions; 1: the best possible policy (thin lines). "
        "Where lines coincide, that of the evolved minds is below the others. "
        f"Tinted: generations that train in this environment.{view.basis_note}"
    )
    if view.replicates > 1:
        percent = f"{100 * view.scenario.verdict.confidence:g} %"
        return (
            f"Means of {view.replicates} replicates; band: {percent} interval (BCa bootstrap) "
            f"of the evolved minds. {drawn}"
        )
    sample = view.data.sizes["sample"]
    band = "the middle 90 % of the evolved minds"
    return f"Means of {sample} sampled individuals; band: {band}. {drawn}"


def _panel(
    view: RunView,
    panel: Axes,
    measured: Measured,
    environment: int,
    minds: list[str],
    measure: str,
) -> None:
    x = np.asarray(view.data["probe"].values, dtype=np.float64)
    names = view.names("mind")
    name = view.names("environment")[environment]
    for phase in view.phase_spans:
        if phase.mixture.get(name, 0) > 0:
            panel.axvspan(phase.start, phase.end, color=HERE, linewidth=0, zorder=0.5, label="here")
    for reference in (0.0, 1.0):
        panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    timeseries.limits(
        panel, measured.middle, measured.low, measured.high, include=(0.0, 1.0), within=WITHIN
    )
    for n, mind in enumerate(minds):
        m = names.index(mind)
        color, dash, width = line_style(mind)
        if mind == "evolved":
            low, high = measured.low[:, environment], measured.high[:, environment]
            panel.fill_between(
                x, low, high, color=color, alpha=BAND, linewidth=0, label="evolved band"
            )
            if len(x) == 1:
                panel.vlines(x, low, high, color=color, alpha=0.5, linewidth=1.0)
        timeseries.line(
            panel,
            x,
            measured.middle[:, environment, m],
            color=color,
            dash=dash,
            width=width,
            label=mind,
            zorder=3 + 0.1 * n,
        )
    trajectories = {mind: measured.middle[:, environment, names.index(mind)] for mind in names}
    if not np.isfinite(measured.middle[:, environment]).any():
        layouts.no_data(panel, f"{measure} is undefined here")
    elif remarks := [*_undefined(trajectories), *cut_off(trajectories)]:
        layouts.footnote(panel, remarks)


def _undefined(trajectories: Mapping[str, FloatArray]) -> list[str]:
    """Says so where the measure of the evolved mind is undefined."""
    missing = np.isnan(trajectories.get("evolved", np.zeros(0)))
    if not missing.any():
        return []
    return ["evolved: undefined" if missing.all() else "evolved: gaps where undefined"]


def cut_off(trajectories: Mapping[str, FloatArray]) -> list[str]:
    """Says which minds fall below what is drawn, and how far."""
    lowest = {
        mind: float(np.nanmin(trajectory))
        for mind, trajectory in trajectories.items()
        if np.isfinite(trajectory).any() and np.nanmin(trajectory) < WITHIN[0]
    }
    if not lowest:
        return []
    lowest_of_all = style.number(float(f"{min(lowest.values()):.3g}"))
    return [f"cut off, down to {lowest_of_all}: {', '.join(lowest)}"]
