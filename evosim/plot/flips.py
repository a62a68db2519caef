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
from evosim.plot import registry, style, timeseries
from evosim.plot.alignment import DIMS, looks_of
from evosim.plot.facets import Floats, Line, Panel, RunView, Trajectory, facets, scale_note
from evosim.plot.layouts import Axes, Figure, Row

if TYPE_CHECKING:
    from evosim.scenario import Flip

LABEL_ROOM = 1.14
MOST_FLIPS = 4
"""Only so many flips are drawn, the first ones and the last; the note says so."""
SIDES = ("before", "after")


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
    shown = first_and_last(len(view.flip_summaries), MOST_FLIPS)
    rows = []
    for n in shown:
        flip = view.flip_summaries[n]
        before, after = (view.label(getattr(view.flips[n], side)) for side in SIDES)
        header = (
            f"{_when(view.flips[n])}: {flip['verdict']}",
            f"from “{before}” to “{after}”",
        )
        content = [_panel(view, n, flip, measure) for measure in JUDGED]
        rows.append(Row(height=1.25, room=LABEL_ROOM, header=header, content=content))
    return facets(
        rows,
        title=view.figure_title("across the flip" if len(shown) == 1 else "across the flips"),
        note=_note(view),
        width=style.SINGLE,
        left=0.36,
        between=0.14,
        xlabel=None,
        axes=axes,
    )


def _when(flip: Flip) -> str:
    if flip.generation == flip.arrival:
        return f"Generation {flip.generation}"
    return f"Generations {flip.generation} to {flip.arrival}"


def first_and_last(n: int, most: int) -> list[int]:
    """Which of n things are shown, at most so many: the first ones, and the last.

    >>> first_and_last(3, 4), first_and_last(9, 4)
    ([0, 1, 2], [0, 1, 2, 8])
    """
    return list(range(n)) if n <= most else [*range(most - 1), n - 1]


def _panel(view: RunView, n: int, flip: Mapping[str, Any], measure: str) -> Panel:
    """One measure of every mind on both sides of the n-th flip."""
    minds = {"evolved": flip, **flip["controls"]}
    lines = []
    for mind, look in looks_of(list(minds)).items():
        ends = np.array([minds[mind][f"{measure}_{side}"] for side in SIDES], dtype=np.float64)
        bands: tuple[Any, ...] = ()
        if mind == "evolved":
            bands = (tuple(_span(view, flip, n, measure)),)
        end = mind if measure == JUDGED[-1] and np.isfinite(ends[-1]) else ""
        lines.append(Line(look, Trajectory(ends, None, bands), end=end, points=True))
    return Panel(
        lines=lines,
        x=np.array([0.0, 1.0]),
        metric=measure,
        ylabel="",
        scale=f"flip {n}",
        title=measure,
        bold=True,
        xlim=(-0.18, 1.18),
        xticks=dict(enumerate(SIDES)),
    )


def _span(view: RunView, flip: Mapping[str, Any], n: int, measure: str) -> Floats:
    """The evolved mind's interval over replicates, or of one replicate the middle 90 % of the
    sample: [low and high, before and after]."""
    if view.replicates > 1:
        ends = [flip["intervals"][f"{measure}_{side}"] or (None, None) for side in SIDES]
        return np.array(ends, dtype=np.float64).T
    own = view.flips[n]
    names = view.names("environment")
    spans = []
    for mixture, generation in ((own.before, own.generation), (own.after, own.arrival)):
        values = view.data[measure].sel(probe=generation, mind="evolved")
        sample = values.transpose(DIMS[0], DIMS[2], DIMS[4]).values[0]
        both = sum(w * sample[names.index(e)] for e, w in mixture.items() if w > 0)
        spans.append(timeseries.quantiles(np.asarray(both, dtype=np.float64), timeseries.BANDS[0]))
    return np.array(spans).T


def _note(view: RunView) -> str:
    verdict = view.scenario.verdict
    several = len(view.flips)
    more = ""
    if several > MOST_FLIPS:
        more = f" Shown: the first {MOST_FLIPS - 1} and the last of {several} flips."
    if view.replicates > 1:
        percent = f"{100 * verdict.confidence:g} %"
        bars = f"{percent} intervals (BCa bootstrap) over {view.replicates} replicates"
    else:
        sample = view.data.sizes["sample"]
        bars = f"the middle 90 % of {sample} sampled individuals of one replicate"
    return (
        f"Bars: {bars}. Kept: at least {verdict.kept:g} of the value before; lost: at most "
        f"{verdict.lost:g}. {scale_note(verdict.zero, view.scenario.objective.intended)}."
        f"{view.basis_note}{more}"
    )
