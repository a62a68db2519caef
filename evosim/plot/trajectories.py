"""Figure ``course`` of an experiment: the headline measure over generations, a panel an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from evosim.metrics import METRICS
from evosim.metrics.trajectories import TRAINS
from evosim.plot import colors, registry, style, timeseries
from evosim.plot._timeline import Timeline
from evosim.plot.experiment import colors_of, metric_label
from evosim.plot.facets import (
    EVERYTHING,
    NORMALIZED,
    Floats,
    Level,
    Line,
    Panel,
    Summary,
    Trajectory,
    facets,
    grid,
    scale_note,
)
from evosim.plot.layouts import Axes, Figure, LegendEntry

if TYPE_CHECKING:
    from evosim.scenario import Scenario

MOST_COLUMNS = 3
HEIGHT = 1.25
LIVED = LegendEntry("as realised in every generation", colors.GREY, "-", 1.0)
MOST_FALLS = 3
"""So many flips of an arm have their fall drawn."""
MOST_IN_TITLE = 2
FAR = 3.0
"""So many times the range of all later generations, and the first is not drawn whole."""
BAND = (0.25, 0.75)
MOST_POINTS = 3000
"""Points of thin lines in a figure, about."""
WORLDS = ("#F3F3F3", "#E8F0F7", "#FAF1E3", "#E9F4EE", "#F6ECF2", "#FAF7E0")


def unsupported(summary: Summary) -> str | None:
    """Why an experiment has no such figure; None where it has."""
    if summary.get("courses"):
        return None
    return "the measure of the first finding has no values over generations"


@registry.figure(
    "course", "the headline measure over generations", of="experiment", unsupported=unsupported
)
def figure(summary: Summary, scenario: Scenario | None = None) -> Figure:
    """Draw the headline measure over generations, a panel an arm.

    An arm that never trains in the environment that is measured is left out where others do.

    Args:
        summary: verdict.json, with its ``courses``
            (:func:`evosim.metrics.trajectories.trajectories`).
        scenario: knows the titles of environments; None: they are called by their names.
    """
    environments = scenario.environments if scenario else {}
    shown = _Shown(summary, {n: environment.title or n for n, environment in environments.items()})
    if scenario is not None:
        shown.scale = scale_note(scenario.verdict.zero, scenario.objective.intended)
    columns = 2 if len(shown.arms) == 4 else min(len(shown.arms), MOST_COLUMNS)
    return facets(
        grid([_panel(shown, arm) for arm in shown.arms], columns, height=HEIGHT, titles=2),
        title=f"{summary['title']}: {_finding(shown)}",
        note=_note(shown),
        legend=_legend(shown),
        left=0.5,
        right=0.12,
        between=0.22,
    )


class _Shown:
    """The trajectories of the arms, with what all panels need to know of them."""

    def __init__(self, summary: Summary, titles: Mapping[str, str]) -> None:
        self.summary, self.titles = summary, titles
        self.scale = scale_note()
        # What minds would do in the world that does not train, a record has too: it is not drawn.
        self.trajectories: Sequence[Summary] = [
            c for c in summary["courses"] if c["world"] in (None, TRAINS)
        ] or summary["courses"]
        known = (measure := self.trajectories[0]["measure"]) in METRICS
        metric = METRICS[measure] if known else None
        probed = [a["generations"] for c in self.trajectories for a in c["arms"].values()]
        self.few = max(map(len, probed)) < timeseries.FEW
        self.normalized = metric is not None and metric.normalized
        self.unit = "" if metric is None or metric.unit == "1" else metric.unit
        labels = {metric_label(c["measure"], c["of"], c["level"]) for c in self.trajectories}
        self.words = labels.pop() if len(labels) == 1 else "what is compared"
        drawn = [a for a in summary["arms"] if any(a in c["arms"] for c in self.trajectories)]
        self.arms = [arm for arm in drawn if self._trains_there(arm)] or drawn
        self.left_out = len(drawn) - len(self.arms)
        self.thin = max(1, MOST_POINTS // max(sum(map(len, probed)), 1))
        """How many replicates are drawn as thin lines: all, or the first of too many."""

    def _trains_there(self, arm: str) -> bool:
        """Whether an arm ever trains in an environment that is measured in it."""
        worlds = " ".join(phase["world"] for phase in self.summary["arms"][arm]["phases"])
        measured = [c["where"][arm] for c in self.trajectories if arm in c["where"]]
        return not measured or any(self.titles.get(name, name) in worlds for name in measured)

    @cached_property
    def worlds(self) -> dict[str, str]:
        """A ground for each world that trains in some arm."""
        arms = self.summary["arms"]
        named = dict.fromkeys(p["world"] for arm in self.arms for p in arms[arm]["phases"])
        return {world: WORLDS[n % len(WORLDS)] for n, world in enumerate(named)}

    @cached_property
    def values(self) -> list[Floats]:
        """The values of each trajectory in each arm that is drawn, [replicate, time]."""
        return [_values(c, arm) for c in self.trajectories for arm in self.arms if arm in c["arms"]]

    @cached_property
    def begins_far_off(self) -> bool:
        """Whether the first generation is so far from all others that they would be one line."""
        if self.normalized or min(values.shape[1] for values in self.values) < 2:
            return False
        whole = np.concatenate([[0.0], *(values.ravel() for values in self.values)])
        later = np.concatenate([[0.0], *(values[:, 1:].ravel() for values in self.values)])
        return bool(
            np.nanmax(whole) - np.nanmin(whole) > FAR * (np.nanmax(later) - np.nanmin(later))
        )

    @cached_property
    def within(self) -> tuple[float, float]:
        """What is drawn at most: not the depths of a measure, unless some arm's median lives
        there."""
        if not self.normalized:
            return EVERYTHING
        ends = [_values(c, arm)[:, -1] for c in self.trajectories for arm in c["arms"]]
        lowest = min((np.nanmedian(v) for v in ends if not np.isnan(v).all()), default=0.0)
        return NORMALIZED if lowest >= NORMALIZED[0] else (-np.inf, NORMALIZED[1])

    def name(self, trajectory: Summary) -> str:
        """What tells a trajectory from the others of its arm; empty where it is the only one."""
        if len(self.trajectories) == 1:
            return ""
        differ = {
            key for key in ("of", "mind", "where")
            if any(c[key] != self.trajectories[0][key] for c in self.trajectories)
        }  # fmt: skip
        words = [metric_label(trajectory["measure"], trajectory["of"])] if "of" in differ else []
        if "mind" in differ:
            words.append(trajectory["mind"])
        if "where" in differ and trajectory["where"]:
            words.append("in " + " or ".join(dict.fromkeys(trajectory["where"].values())))
        return ", ".join(words)


def _finding(shown: _Shown) -> str:
    """What the arms come to: at the flip, or else in the end; of many arms the lowest and the
    highest."""
    first = shown.trajectories[0]
    known = {}
    for arm in shown.arms:
        if arm in first["arms"]:
            ends = _falls(shown, first, arm)[:1] if first["world"] else []
            change = [after - before for _, before, after in ends]
            last = _middle(first, arm)
            known[arm] = change or [v for v in last[np.isfinite(last)][-1:].tolist() if not ends]
    numbers = {arm: values[0] for arm, values in known.items() if values}
    if not numbers:
        return f"{shown.words} over generations"
    falls = bool(first["world"]) and any(shown.summary["arms"][arm]["flips"] for arm in numbers)
    when = "at the flip" if falls else "in the end"
    ordered = sorted(numbers, key=lambda arm: numbers[arm], reverse=not falls)
    named = ordered if len(ordered) <= MOST_IN_TITLE else [ordered[0], ordered[-1]]
    digits = style.signed if falls else lambda v: style.number(float(f"{v:.2g}"))
    if len(ordered) > 1 and digits(numbers[ordered[0]]) == digits(numbers[ordered[-1]]):
        return f"{shown.words} {when}: {digits(numbers[ordered[0]])} in every arm"
    words = [f"{digits(numbers[arm])} in “{shown.summary['arms'][arm]['title']}”" for arm in named]
    joined = ", ".join(words) if len(ordered) == len(named) else " to ".join(words)
    return f"{shown.words} {when}: {joined}"


def _middle(trajectory: Summary, arm: str) -> Floats:
    """The median of an arm over its replicates, [time]."""
    return timeseries.quantiles(_values(trajectory, arm).T, (0.5,))[0]


def _falls(shown: _Shown, trajectory: Summary, arm: str) -> list[tuple[int, float, float]]:
    """At each flip of an arm its generation, and the medians before it, in the old world, and at
    it, in the new one."""
    times = list(trajectory["arms"][arm]["generations"])
    middle = _middle(trajectory, arm)
    found = []
    for flip in shown.summary["arms"][arm]["flips"] if trajectory["world"] else ():
        n = times.index(flip) if flip in times else 0
        if n and np.isfinite(middle[n - 1 : n + 1]).all():
            found.append((flip, float(middle[n - 1]), float(middle[n])))
    return found


def _values(trajectory: Summary, arm: str) -> Floats:
    """The values of an arm, [replicate, time]."""
    return np.array([timeseries.numbers(row) for row in trajectory["arms"][arm]["values"]])


def _legend(shown: _Shown) -> list[LegendEntry]:
    legend = []
    if len(shown.trajectories) > 1:
        legend = [
            LegendEntry(shown.name(trajectory), colors.INK, style.series(n)[1])
            for n, trajectory in enumerate(shown.trajectories)
        ]
    arms = [arm for c in shown.trajectories for arm in c["arms"].values()]
    if shown.few and any("lived" in arm for arm in arms):
        legend.append(LIVED)
    if any(shown.summary["arms"][arm]["flips"] for arm in shown.arms):
        legend.append(LegendEntry("flip", colors.INK, style.FLIP, 0.8))
    worlds = [LegendEntry(f"training in: {w}", c, patch=True) for w, c in shown.worlds.items()]
    return [*legend, *worlds]


def _note(shown: _Shown) -> str:
    replicates = shown.summary["replicates"]
    arms = [arm for c in shown.trajectories for arm in c["arms"].values()]
    words = []
    if max(len(arm["values"]) for arm in arms) > 1 and shown.few:
        words.append(
            f"Points: the medians of {replicates} replicates where they were probed; bars: their "
            "middle 50 %."
        )
    elif max(len(arm["values"]) for arm in arms) > 1:
        words.append(
            f"Thick line: the median of {replicates} replicates; band: their middle 50 %; "
            f"thin lines: {'all' if shown.thin >= replicates else shown.thin} of them."
        )
    elif replicates > 1:
        words.append(f"Of all {replicates} replicates together.")
    if shown.normalized:
        words.append(f"{shown.scale}.")
    worlds = {p["world"] for arm in shown.summary["arms"].values() for p in arm["phases"]}
    where = sorted(
        {shown.titles.get(n, n) for c in shown.trajectories for n in c["where"].values()}
    )
    if where and worlds != set(where):
        words.append(f"Measured in the world “{'” or “'.join(where)}”.")
    if shown.begins_far_off:
        words.append("The first generation lies beyond the axis.")
    if shown.left_out:
        words.append("Arms that never train there are left out.")
    return " ".join(words)


def _panel(shown: _Shown, arm: str) -> Panel:
    """Of an arm replicates as thin lines, their middle half as a band, their median as a line; of
    few times points and bars in place of lines and bands."""
    written = shown.summary["arms"][arm]
    color = colors.readable(colors_of(shown.summary)[arm])
    lines = []
    for n, trajectory in enumerate(shown.trajectories):
        if arm not in trajectory["arms"]:
            continue
        times = timeseries.numbers(trajectory["arms"][arm]["generations"])
        values, few = _values(trajectory, arm), len(times) < timeseries.FEW
        turns = [times.tolist().index(flip) for flip, _, _ in _falls(shown, trajectory, arm)]
        values = np.insert(values, turns, np.nan, axis=1)  # the way down is a line of its own
        middle, low, high = timeseries.quantiles(values.T, (0.5, *BAND))
        what = Trajectory(middle)
        if len(values) > 1:
            each = None if few else values[: shown.thin]
            what = Trajectory(middle, each, ((low, high),))
        if few and (lived := trajectory["arms"][arm].get("lived")):
            course = Trajectory(timeseries.numbers(lived["values"]))
            at = timeseries.numbers(lived["generations"])
            lines.append(Line(LIVED._replace(color=colors.mixed(color, 0.6)), course, at))
        dash = style.DASHES[2] if few and n == 0 else style.series(n)[1]
        look = LegendEntry(shown.name(trajectory) or "median", color, dash)
        lines.append(Line(look, what, np.insert(times, turns, times[turns]), points=few))

    def falls(panel: Axes) -> None:
        drawn = [(np.asarray(line.x), line.what.middle) for line in lines]
        taken: list[timeseries.Box] = []
        for trajectory in shown.trajectories:
            if arm in trajectory["arms"]:
                for flip, before, after in _falls(shown, trajectory, arm)[:MOST_FALLS]:
                    ends = np.clip([before, after], *shown.within)
                    timeseries.arrow(
                        panel, (flip, flip), (float(ends[0]), float(ends[1])),
                        [style.signed(after - before)], drawn, taken, color=color,
                    )  # fmt: skip

    levels = [c["level"] for c in shown.trajectories if c["level"] is not None]
    ends = [phase["generation"] for phase in written["phases"][1:]] + [written["generations"]]
    label = shown.words
    if style.text_width(label) > HEIGHT:  # no room: the payoff, the locus or the unit alone
        label = shown.trajectories[0]["of"] or shown.unit or label
    return Panel(
        lines=lines,
        timeline=Timeline((0, max(written["generations"] - 1, 1)), written["flips"]),
        more=falls,
        title=written["title"],
        color=color,
        bold=True,
        ylabel=label,
        scale="the same",
        holds=[values[:, shown.begins_far_off :] for values in shown.values],
        include=(0.0, 1.0) if shown.normalized else (0.0,),
        within=shown.within,
        levels=[
            *(Level(float(v)) for v in ((0.0, 1.0) if shown.normalized else ())),
            *(Level(level, LegendEntry("", colors.GREY, width=0.6)) for level in levels),
        ],
        ground=[
            (phase["generation"], end, shown.worlds[phase["world"]])
            for phase, end in zip(written["phases"], ends, strict=True)
        ],
    )
