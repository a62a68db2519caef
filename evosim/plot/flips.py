"""Figure ``flips``: what a flip of the world does to capability and alignment, and the verdict.

For each flip two panels: capability and alignment right before and right after, in the same
individuals (the population of the flip's generation was bred under the old world only). A line
that stays up in the left panel and falls in the right one is goal misgeneralization. The numbers
are those of summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.flips import JUDGED
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.alignment import DIMS, MIND_STYLES, WITHIN, cut_off, line_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, RunView

LABEL_ROOM = 1.14
MOST_FLIPS = 4
"""Only so many flips are drawn, the first ones; the note says so."""
SIDES = ("before", "after")
X = np.array([0.0, 1.0])


def _without_flip(view: RunView) -> str | None:
    """Why there is no flip to draw: none in the timeline, or none in the data yet."""
    if view.flips:
        return None
    if not view.scenario.flips:
        return "needs a flip, and this run's timeline has none"
    return (
        f"the flip at generation {view.scenario.flips[0].generation} is not reached yet; the last "
        f"generation so far is {view.generations[-1]:g}"
    )


@registry.figure(
    "flips",
    "capability and alignment before and after each flip",
    needs=("capability", "alignment"),
    unsupported=_without_flip,
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw every flip as a row of two panels: capability, alignment."""
    flips = view.flip_summaries[:MOST_FLIPS]
    rows = [
        layouts.Row(
            height=1.25, columns=2, room=LABEL_ROOM, ticks=True, header=_header(view, n, flip)
        )
        for n, flip in enumerate(flips)
    ]
    with style.styled():
        layout = layouts.create(
            rows,
            width=style.SINGLE,
            title=view.figure_title("across the flip" if len(flips) == 1 else "across the flips"),
            note=_note(view),
            axes=axes,
            xlabel=None,
            left=0.36,
            between=0.14,
        )
        for n, (flip, panels) in enumerate(zip(flips, layout.axes, strict=True)):
            spans = {m: _span(view, flip, n, m) for m in JUDGED}
            trajectories = [
                _trajectory(numbers, m) for numbers in _minds(flip).values() for m in JUDGED
            ]
            for column, (panel, measure) in enumerate(zip(panels, JUDGED, strict=True)):
                timeseries.limits(
                    panel, *trajectories, *spans.values(), include=(0.0, 1.0), within=WITHIN
                )
                layouts.panel_title(panel, measure, bold=True)
                if not layout.own and column == 0:  # where there is no header over the row
                    verdict = style.wrap(rows[n].header[0], style.inches(panel)[0], bold=True)
                    panel.set_title("\n".join([*verdict, measure]), loc="left")
                panel.tick_params(labelleft=column == 0)
                _panel(panel, flip, measure, spans[measure], named=column == 1)
    return layout.figure


def _header(view: RunView, n: int, flip: Mapping[str, Any]) -> tuple[str, str]:
    before, after = (view.label(getattr(view.flips[n], side)) for side in SIDES)
    return (
        f"Generation {flip['generation']}: {flip['verdict']}",
        f"from “{before}” to “{after}”",
    )


def _minds(flip: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The numbers of every mind, the lowest line first."""
    minds = {"evolved": flip, **flip["controls"]}
    order = [*(m for m in MIND_STYLES if m in minds), *(m for m in minds if m not in MIND_STYLES)]
    return {mind: minds[mind] for mind in order}


def _trajectory(numbers: Mapping[str, Any], measure: str) -> FloatArray:
    """The measure before and after; NaN where undefined."""
    return np.array([numbers[f"{measure}_{side}"] for side in SIDES], dtype=np.float64)


def _span(view: RunView, flip: Mapping[str, Any], n: int, measure: str) -> FloatArray:
    """The evolved mind's interval over replicates, or of one replicate the middle 90 % of the
    sample: [low and high, before and after]."""
    if view.replicates > 1:
        ends = [flip["intervals"][f"{measure}_{side}"] or (None, None) for side in SIDES]
        return np.array(ends, dtype=np.float64).T
    values = view.data[measure].sel(probe=flip["generation"], mind="evolved")
    sample = values.transpose(DIMS[0], DIMS[2], DIMS[4]).values[0]
    names = view.names("environment")
    spans = []
    for side in SIDES:
        mixture = getattr(view.flips[n], side)
        mixed = sum(w * sample[names.index(e)] for e, w in mixture.items() if w > 0)
        spans.append(timeseries.quantiles(np.asarray(mixed, dtype=np.float64), timeseries.BANDS[0]))
    return np.array(spans).T


def _note(view: RunView) -> str:
    verdict = view.scenario.verdict
    thresholds = (
        f"Kept: at least {verdict.kept:g} of the value before; lost: at most {verdict.lost:g}."
    )
    several = len(view.flips)
    more = f" Shown: the first {MOST_FLIPS} of {several} flips." if several > MOST_FLIPS else ""
    if view.replicates > 1:
        percent = f"{100 * verdict.confidence:g} %"
        bars = f"{percent} intervals (BCa bootstrap) over {view.replicates} replicates"
    else:
        sample = view.data.sizes["sample"]
        bars = f"the middle 90 % of {sample} sampled individuals of one replicate"
    return (
        f"Bars: {bars}. {thresholds} 0: random actions; 1: the best possible policy."
        f"{view.basis_note}{more}"
    )


def _panel(
    panel: Axes, flip: Mapping[str, Any], measure: str, span: FloatArray, *, named: bool
) -> None:
    panel.set_xlim(-0.18, 1.18)
    panel.set_xticks([0, 1], labels=list(SIDES))
    for reference in (0.0, 1.0):
        panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    labels = []
    trajectories = {mind: _trajectory(numbers, measure) for mind, numbers in _minds(flip).items()}
    for n, (mind, trajectory) in enumerate(trajectories.items()):
        color, dash, width = line_style(mind)
        top = mind == "evolved"
        timeseries.line(
            panel,
            X,
            trajectory,
            color=color,
            dash=dash,
            width=width,
            label=mind,
            zorder=3 + 0.1 * n,
        )
        panel.plot(
            X, trajectory, "o", color=color, markersize=4 if top else 2.4, zorder=4 + 0.1 * n,
            label=f"{mind} ends",
        )  # fmt: skip
        if top:
            panel.vlines(X, *span, color=color, linewidth=1.0, zorder=4, label="interval")
        if np.isfinite(trajectory[-1]):
            labels.append((float(trajectory[-1]), mind, color))
    if remarks := cut_off(trajectories):
        layouts.footnote(panel, remarks)
    if named:
        timeseries.end_labels(
            panel, labels, room=LABEL_ROOM, bold=[mind == "evolved" for _, mind, _ in labels]
        )
