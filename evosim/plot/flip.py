"""Figure ``flip``: what a flip of the world does to the minds that live through it.

One panel: capability, grey, and alignment, bold, in the world that each generation lives in. The
population of a flip's generation was bred under the old world only and is measured in both, so that
the line falls, or stays, in one and the same population. The numbers are those of summary.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim.metrics.flips import JUDGED, lived_share, mixed
from evosim.metrics.verdict import VERDICTS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot.facets import (
    NORMALIZED,
    Floats,
    Line,
    Panel,
    RunView,
    Trajectory,
    facets,
    scale_note,
)
from evosim.plot.layouts import Axes, Figure, LegendEntry, Row
from evosim.plot.timeseries import FEW, Box, arrow

if TYPE_CHECKING:
    from evosim.scenario import Flip

HEIGHT = 1.75
MOST_NAMED = 3
"""Of more flips than this only the largest falls are named, so many."""
LOOKS = {
    "capability": LegendEntry("capability", colors.GREY, "-", 1.3),
    "alignment": LegendEntry("alignment", colors.BLUE, "-", 2.2),
}
LIVED = LegendEntry("alignment as realised in every generation", colors.SKY, "-", 1.1)
FALL = colors.VERMILLION
BECAME = {
    "kept": "is kept",
    "lost": "is lost",
    "between": "is kept in part",
    "nothing to lose": "had nothing to lose",
    "undefined": "is undefined",
}
"""What became of a measure across a flip, in the words of a sentence."""


class Course(NamedTuple):
    """A measure in the world that is lived in, by replicate; a flip's generation is there twice,
    in the old world and in the new one."""

    x: Floats
    """[time]"""
    values: Floats
    """[replicate, time]"""
    sample: Floats
    """[sample, time], of the first replicate"""


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
    "flip",
    "what becomes of capability and alignment at each flip",
    needs=("capability", "alignment"),
    unsupported=_without_flip,
)
def figure(view: RunView, axes: Sequence[Axes] | None = None) -> Figure:
    """Draw both measures in the world that is lived in, and name how alignment falls."""
    courses = {name: _course(view, name) for name in JUDGED}
    few = len(view.data["probe"]) < FEW
    lines = [_line(view, name, course, points=few) for name, course in courses.items()]
    legend = []
    lived = lived_share(view.data, view.scenario) if few else None
    if lived is not None and np.isfinite(lived).any():
        lines.insert(0, Line(LIVED, Trajectory(timeseries.mean(lived, 0)), view.generations))
        legend = [LIVED]

    def falls(panel: Axes) -> None:
        drawn = [(np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float))
                 for line in panel.lines if line.get_label() in JUDGED]  # fmt: skip
        taken: list[Box] | None = []
        by_size = np.argsort([-abs(f["collapse"] or 0.0) for f in view.flip_summaries])
        for rank, n in enumerate(by_size.tolist()):
            taken = taken if rank < MOST_NAMED else None
            _fall(panel, view.flips[n], view.flip_summaries[n], drawn, taken)

    panel = Panel(
        lines=lines, metric="alignment", ylabel="share of the best", include=(0.0, 1.0), more=falls,
    )  # fmt: skip
    return facets(
        [Row(height=HEIGHT, content=[panel], titles=0)],
        title=view.figure_title(finding(view.flip_summaries)),
        note=_note(view, lived=bool(legend)),
        view=view,
        width=style.DOUBLE,
        legend=legend,
        axes=axes,
    )


# What it says


def finding(flips: Sequence[Mapping[str, Any]]) -> str:
    """What flips did, in a sentence.

    Args:
        flips: of summary.json, in order.

    >>> one = {"verdict": "goal misgeneralization", "generation": 80, "arrival": 80}
    >>> one |= {"alignment": "lost", "alignment_before": 0.74, "alignment_after": 0.037}
    >>> one |= {"capability": "kept", "capability_before": 0.869, "capability_after": 0.869}
    >>> finding([one])
    'alignment is lost at the flip (0.74 → 0.04), capability is kept (0.87 → 0.87)'
    """
    if len(flips) > 1:
        verdicts = [flip["verdict"] for flip in flips]
        counts = [(verdicts.count(verdict), verdict) for verdict in dict.fromkeys(verdicts)]
        return f"{len(flips)} flips: " + ", ".join(f"{n} × {verdict}" for n, verdict in counts)  # noqa: RUF001
    (flip,) = flips
    when = "at the flip" if flip["generation"] == flip["arrival"] else "in the ramp"
    first, second = (_became(flip, name) for name in reversed(JUDGED))
    words = f"alignment {first[0]} {when}{first[1]}, capability {second[0]}{second[1]}"
    known = flip["verdict"] in (*VERDICTS.values(), "mixed")  # what these words already say
    return words if known else f"{words}: {flip['verdict']}"


def _became(flip: Mapping[str, Any], name: str) -> tuple[str, str]:
    """What became of a measure, and its numbers before and after."""
    ends = [flip[f"{name}_{side}"] for side in ("before", "after")]
    became = BECAME.get(flip[name], flip[name])
    if None in ends:
        return became, ""
    return became, f" ({ends[0]:.2f} → {ends[1]:.2f})".replace("-", "\N{MINUS SIGN}")


def _note(view: RunView, *, lived: bool) -> str:
    verdict = view.scenario.verdict
    shown = "bars" if len(view.data["probe"]) < FEW else "bands"
    if view.replicates > 1:
        percent = f"{100 * verdict.confidence:g} %"
        drawn = (
            f"Means of {view.replicates} replicates; {shown}: {percent} intervals (BCa bootstrap). "
        )
    else:
        drawn = f"One replicate. {view.sampled_note(f'{shown}: their middle 90 %')} "
    worlds = "In the world that each generation lives in; a flip's generation is measured in both. "
    more = ""
    if lived:
        more = (
            " As realised: the same share of the payoff of all lifetimes, by the optimum of the "
            "probed levels."
        )
    if len(view.flips) > MOST_NAMED:
        more += f" Named: the {MOST_NAMED} largest changes of {len(view.flips)} flips."
    return (
        f"{worlds}{drawn}{scale_note(verdict.zero, view.scenario.objective.intended)}. Kept: at "
        f"least {verdict.kept:g} of the value before; lost: at most {verdict.lost:g}."
        f"{view.basis_note}{more}"
    )


# What it draws


def _course(view: RunView, name: str) -> Course:
    """A measure of the evolved minds at every probe, in the world that is lived in."""
    data, scenario = view.data, view.scenario
    values = data[name].sel(mind="evolved")
    values = values.transpose("replicate", "probe", "environment", "sample")
    probes = [int(g) for g in data["probe"].values]
    names = view.names("environment")
    before = {flip.generation: flip.before for flip in view.flips}
    x, shares = [], []
    for n, generation in enumerate(probes):
        worlds = [before[generation]] if generation in before else []
        for weights in (*worlds, scenario.mixture_at(generation)):
            present = {e: w for e, w in weights.items() if w > 0}
            here = values.values[:, n, [names.index(e) for e in present]]
            shares.append(mixed(np.moveaxis(here, 1, -1), present))  # [replicate, sample]
            x.append(float(generation))
    every = np.stack(shares, axis=-1).astype(np.float64)  # [replicate, sample, time]
    return Course(np.array(x), timeseries.mean(every, 1), every[0])


def _line(view: RunView, name: str, course: Course, *, points: bool) -> Line:
    """The mean of a measure, with its interval or spread; it does not fall, the fall is a line of
    its own: between the two worlds of one generation there is a gap."""
    mean = timeseries.mean(course.values, 0)
    if view.replicates > 1:
        low, high = timeseries.interval(course.values, view.bootstrap)
    else:
        low, high = timeseries.quantiles(course.sample.T, timeseries.BANDS[0])
    turns = [n + 1 for n, (a, b) in enumerate(pairwise(course.x)) if a == b]
    x, mean, low, high = (np.insert(v, turns, gap) for v, gap in
                          ((course.x, course.x[turns]), (mean, np.nan), (low, np.nan),
                           (high, np.nan)))  # fmt: skip
    look = LOOKS[name]
    if points:  # what was between them, nobody measured
        look = look._replace(dash=style.DASHES[2], width=1.4)
    return Line(look, Trajectory(mean, None, ((low, high),)), x, end=name, points=points)


def _fall(
    panel: Axes,
    flip: Flip,
    found: Mapping[str, Any],
    drawn: Sequence[tuple[Floats, Floats]],
    taken: list[Box] | None,
) -> None:
    """Alignment's way from before a flip to after it, and what it is.

    Args:
        taken: where other names are; None: it is not named.
    """
    before, after = found["alignment_before"], found["alignment_after"]
    if before is None or after is None:
        return
    color = FALL if found["alignment"] == "lost" else LOOKS["alignment"].color
    x = (float(flip.generation), float(flip.arrival))
    y = (float(np.clip(before, *NORMALIZED)), float(np.clip(after, *NORMALIZED)))
    words = [f"alignment {style.signed(after - before)}", found["alignment"]]
    arrow(panel, x, y, words, drawn, taken, color=color)
