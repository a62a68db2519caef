"""Figure ``flips``: what a flip of the world does to capability and alignment, and the verdict.

For each flip two panels: capability and alignment right before and right after, in the same
individuals (the population of the flip's generation was bred under the old world only). A line
that stays up in the left panel and falls in the right one is goal misgeneralization. The numbers
are those of summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.alignment import DIMS, LOOKS, MEASURES, WITHIN, cut_off, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evosim.plot.run_view import FloatArray, Subject

LABEL_ROOM = 1.14
MOST_FLIPS = 4
"""Only so many flips are drawn, the first ones; the note says so."""
SIDES = ("before", "after")
X = np.array([0.0, 1.0])


@registry.figure(
    "flips",
    "capability and alignment before and after each flip",
    needs=("capability", "alignment"),
    flips=True,
)
def figure(subject: Subject) -> Figure:
    """Draw every flip as a row of two panels."""
    flips = subject.judged[:MOST_FLIPS]
    rows = [
        layouts.Row(
            height=1.25, columns=2, room=LABEL_ROOM, ticks=True, header=_header(subject, n, flip)
        )
        for n, flip in enumerate(flips)
    ]
    with style.styled():
        sheet = layouts.sheet(
            rows,
            width=style.SINGLE,
            title=subject.head("across the flip" if len(flips) == 1 else "across the flips"),
            note=_note(subject),
            xlabel=None,
            left=0.36,
            between=0.14,
        )
        for n, (flip, panels) in enumerate(zip(flips, sheet.axes, strict=True)):
            spans = {m: _span(subject, flip, n, m) for m in MEASURES}
            courses = [_course(fate, m) for fate in _fates(flip).values() for m in MEASURES]
            for column, (panel, measure) in enumerate(zip(panels, MEASURES, strict=True)):
                timeseries.limits(
                    panel, *courses, *spans.values(), include=(0.0, 1.0), within=WITHIN
                )
                layouts.panel_title(panel, measure, bold=True)
                panel.tick_params(labelleft=column == 0)
                _panel(panel, flip, measure, spans[measure], named=column == 1)
    return sheet.figure


def _header(subject: Subject, n: int, flip: Mapping[str, Any]) -> tuple[str, str]:
    before, after = (subject.label(getattr(subject.flips[n], side)) for side in SIDES)
    return (
        f"Generation {flip['generation']}: {flip['verdict']}",
        f"from “{before}” to “{after}”",
    )


def _fates(flip: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The numbers of every mind, the lowest line first."""
    fates = {"evolved": flip, **flip["controls"]}
    order = [*(m for m in LOOKS if m in fates), *(m for m in fates if m not in LOOKS)]
    return {mind: fates[mind] for mind in order}


def _course(fate: Mapping[str, Any], measure: str) -> FloatArray:
    """The measure before and after; NaN where undefined."""
    return np.array([fate[f"{measure}_{side}"] for side in SIDES], dtype=np.float64)


def _span(subject: Subject, flip: Mapping[str, Any], n: int, measure: str) -> FloatArray:
    """The evolved mind's interval over replicates, or of one replicate the middle 90 % of the
    sample: [low and high, before and after]."""
    if subject.replicates > 1:
        ends = [flip["intervals"][f"{measure}_{side}"] or (None, None) for side in SIDES]
        return np.array(ends, dtype=np.float64).T
    values = subject.data[measure].sel(probe=flip["generation"], mind="evolved")
    sample = values.transpose(DIMS[0], DIMS[2], DIMS[4]).values[0]
    names = subject.names("environment")
    spans = []
    for side in SIDES:
        mixture = getattr(subject.flips[n], side)
        mixed = sum(w * sample[names.index(e)] for e, w in mixture.items() if w > 0)
        spans.append(timeseries.quantiles(np.asarray(mixed, dtype=np.float64), timeseries.BANDS[0]))
    return np.array(spans).T


def _note(subject: Subject) -> str:
    verdict = subject.scenario.verdict
    thresholds = (
        f"Kept: at least {verdict.kept:g} of what was there before; lost: at most {verdict.lost:g}."
    )
    several = len(subject.flips)
    more = f" The first {MOST_FLIPS} of {several} flips." if several > MOST_FLIPS else ""
    if subject.replicates > 1:
        percent = f"{100 * verdict.confidence:g} %"
        bars = f"{percent} intervals (BCa bootstrap) over {subject.replicates} replicates"
    else:
        sample = subject.data.sizes["sample"]
        bars = f"the middle 90 % of {sample} sampled individuals of one replicate"
    return (
        f"Bars: {bars}. {thresholds} 0: as random actions; 1: the best there is."
        f"{subject.basis_note}{more}"
    )


def _panel(
    panel: Axes, flip: Mapping[str, Any], measure: str, span: FloatArray, *, named: bool
) -> None:
    panel.set_xlim(-0.18, 1.18)
    panel.set_xticks([0, 1], labels=list(SIDES))
    for reference in (0.0, 1.0):
        panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    labels = []
    courses = {mind: _course(fate, measure) for mind, fate in _fates(flip).items()}
    for n, (mind, course) in enumerate(courses.items()):
        color, dash, width = look(mind)
        top = mind == "evolved"
        timeseries.line(
            panel, X, course, color=color, dash=dash, width=width, label=mind, zorder=3 + 0.1 * n
        )
        panel.plot(
            X, course, "o", color=color, markersize=4 if top else 2.4, zorder=4 + 0.1 * n,
            label=f"{mind} ends",
        )  # fmt: skip
        if top:
            panel.vlines(X, *span, color=color, linewidth=1.0, zorder=4, label="interval")
        if np.isfinite(course[-1]):
            labels.append((float(course[-1]), mind, color))
    if remarks := cut_off(courses):
        layouts.remark(panel, remarks)
    if named:
        timeseries.end_labels(
            panel, labels, room=LABEL_ROOM, bold=[mind == "evolved" for _, mind, _ in labels]
        )
