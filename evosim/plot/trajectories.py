"""Figure ``course`` of an experiment: the headline measure over generations, a panel an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics import METRICS
from evosim.plot import colors, layouts, registry, style, timeseries
from evosim.plot.alignment import WITHIN
from evosim.plot.experiment import colors_of, metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from evosim.scenario import Scenario

Summary = Mapping[str, Any]

MOST_COLUMNS = 3
HEIGHT = 1.25
LEFT, RIGHT, BETWEEN = 0.5, 0.12, 0.22
FAR = 3.0
"""So many times the range of all later generations, and the first is not drawn whole."""
BAND = (0.25, 0.75)
MOST_POINTS = 3000
"""Points of thin lines in a figure, about: more make a file of more than 150 kB."""
GROUND = ("#F3F3F3", "#E8F0F7", "#FAF1E3", "#E9F4EE", "#F6ECF2", "#FAF7E0")


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
    trajectories: Sequence[Summary] = summary["courses"]
    environments = scenario.environments if scenario else {}
    known = {name: environment.title or name for name, environment in environments.items()}
    drawn = [name for name in summary["arms"] if any(name in c["arms"] for c in trajectories)]
    arms = [a for a in drawn if _trains_there(a, summary, trajectories, known)] or drawn
    columns = 2 if len(arms) == 4 else min(len(arms), MOST_COLUMNS)
    n_rows = -(-len(arms) // columns)
    worlds = _worlds(summary, arms)
    width = style.SINGLE if columns == 1 else style.DOUBLE
    with style.styled():
        room = (width - LEFT - RIGHT - BETWEEN * (columns - 1)) / columns
        headings = {
            arm: style.wrap(summary["arms"][arm]["title"], room, bold=True)[:2] for arm in arms
        }
        tall = [
            any(len(headings[arm]) > 1 for arm in arms[n * columns : (n + 1) * columns])
            for n in range(n_rows)
        ]
        layout = layouts.create(
            [
                replace(row, header=("",) * more)
                for row, more in zip(
                    layouts.rows_of(len(arms), columns, height=HEIGHT), tall, strict=True
                )
            ],
            width=width,
            title=f"{summary['title']}: {_what(trajectories)} over generations",
            note=_note(
                summary,
                trajectories,
                known,
                left_out=len(drawn) - len(arms),
                far_off=_begins_far_off(trajectories, arms),
            ),
            legend=_legend_entries(summary, trajectories, worlds, arms),
            left=LEFT,
            right=RIGHT,
            between=BETWEEN,
        )
        limits = _limits(trajectories, arms)
        for n, panel in enumerate(layout.panels):
            _panel(panel, arms[n], summary, trajectories, worlds, limits, thin=_thin(trajectories))
            below = n + columns < len(arms)
            panel.tick_params(labelleft=n % columns == 0, labelbottom=not below)
            panel.set_xlabel("" if below else "generation")
            panel.set_title(
                "\n".join(headings[arms[n]]), loc="left", pad=2.5, fontweight="bold",
                color=colors.readable(colors_of(summary)[arms[n]]),
            )  # fmt: skip
            if n % columns == 0:
                panel.set_ylabel(_short(trajectories))
    return layout.figure


def _what(trajectories: Sequence[Summary]) -> str:
    """What is drawn, in words."""
    names = dict.fromkeys(metric_label(c["measure"], c["of"], c["level"]) for c in trajectories)
    return next(iter(names)) if len(names) == 1 else "what is compared"


def _short(trajectories: Sequence[Summary]) -> str:
    """The same for an axis: where there is no room, the payoff, the locus or the unit alone."""
    words = _what(trajectories)
    if style.text_width(words) > HEIGHT:
        words = trajectories[0]["of"] or _unit(trajectories) or words
    return style.fit(words, HEIGHT)


def _unit(trajectories: Sequence[Summary]) -> str:
    """What a metric is counted in, where that is more than a number."""
    measure = trajectories[0]["measure"]
    unit = METRICS[measure].unit if measure in METRICS else "1"
    return "" if unit == "1" else unit


def _normalized(trajectories: Sequence[Summary]) -> bool:
    """Whether 0 is random play and 1 the optimum."""
    measure = trajectories[0]["measure"]
    return measure in METRICS and METRICS[measure].normalized


def _name(trajectory: Summary, trajectories: Sequence[Summary]) -> str:
    """What tells a trajectory from the others of its arm; empty where it is the only one."""
    if len(trajectories) == 1:
        return ""
    if trajectory["world"]:
        return {"trains": "in the training world", "other": "in the other world"}[
            trajectory["world"]
        ]
    words = (
        [metric_label(trajectory["measure"], trajectory["of"])]
        if _differ(trajectories, "of")
        else []
    )
    if _differ(trajectories, "mind"):
        words.append(trajectory["mind"])
    if _differ(trajectories, "where") and trajectory["where"]:
        words.append("in " + " or ".join(dict.fromkeys(trajectory["where"].values())))
    return ", ".join(words)


def _differ(trajectories: Sequence[Summary], key: str) -> bool:
    return any(c[key] != trajectories[0][key] for c in trajectories)


def _worlds(summary: Summary, arms: Sequence[str]) -> dict[str, str]:
    """A ground for each world that trains in some arm."""
    named = dict.fromkeys(p["world"] for arm in arms for p in summary["arms"][arm]["phases"])
    return {world: GROUND[n % len(GROUND)] for n, world in enumerate(named)}


def _dash(n: int) -> style.Dash:
    return style.DASHES[n % len(style.DASHES)]


def _legend_entries(
    summary: Summary,
    trajectories: Sequence[Summary],
    worlds: Mapping[str, str],
    arms: Sequence[str],
) -> list[layouts.LegendEntry]:
    legend = []
    if len(trajectories) > 1:
        legend = [
            layouts.LegendEntry(_name(trajectory, trajectories), colors.INK, _dash(n))
            for n, trajectory in enumerate(trajectories)
        ]
    if any(summary["arms"][arm]["flips"] for arm in arms):
        legend.append(layouts.LegendEntry("flip", colors.INK, (0, (3, 2)), 0.8))
    return [
        *legend,
        *(layouts.LegendEntry(f"training in: {w}", c, patch=True) for w, c in worlds.items()),
    ]


def _trains_there(
    arm: str, summary: Summary, trajectories: Sequence[Summary], titles: Mapping[str, str]
) -> bool:
    """Whether an arm ever trains in an environment that is measured in it."""
    worlds = " ".join(phase["world"] for phase in summary["arms"][arm]["phases"])
    measured = [c["where"][arm] for c in trajectories if arm in c["where"]]
    return not measured or any(titles.get(name, name) in worlds for name in measured)


def _note(
    summary: Summary,
    trajectories: Sequence[Summary],
    titles: Mapping[str, str],
    *,
    left_out: int,
    far_off: bool,
) -> str:
    several = max(len(arm["values"]) for c in trajectories for arm in c["arms"].values()) > 1
    words = []
    if several:
        n = _thin(trajectories)
        words.append(
            f"Thick line: the median of {summary['replicates']} replicates; band: their middle "
            f"50 %; thin lines: {'all' if n >= summary['replicates'] else n} of them."
        )
    elif summary["replicates"] > 1:
        words.append(f"Of all {summary['replicates']} replicates together.")
    if _normalized(trajectories):
        words.append("0: random actions; 1: the best possible policy.")
    worlds = {phase["world"] for arm in summary["arms"].values() for phase in arm["phases"]}
    where = sorted({titles.get(n, n) for c in trajectories for n in c["where"].values()})
    if where and worlds != set(where):
        words.append(f"Measured in the world “{'” or “'.join(where)}”.")
    if far_off:
        words.append("The first generation lies beyond the axis.")
    if left_out:
        words.append("Arms that never train there are left out.")
    return " ".join(words)


def _thin(trajectories: Sequence[Summary]) -> int:
    """How many replicates are drawn as thin lines: all, or the first of too many."""
    times = sum(len(arm["generations"]) for c in trajectories for arm in c["arms"].values())
    return max(1, MOST_POINTS // max(times, 1))


def _values(trajectory: Summary, arm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Generations [time], and values [replicate, time]."""
    found = trajectory["arms"][arm]
    values = [[np.nan if v is None else v for v in row] for row in found["values"]]
    return np.array(found["generations"], np.float64), np.array(values, np.float64)


def _limits(trajectories: Sequence[Summary], arms: Sequence[str]) -> list[NDArray[np.float64]]:
    """What the axis has to hold; the first generation only where it leaves room for the rest."""
    every = [_values(c, arm)[1] for c in trajectories for arm in arms if arm in c["arms"]]
    if _begins_far_off(trajectories, arms):
        every = [values[:, 1:] for values in every]
    levels = [c["level"] for c in trajectories if c["level"] is not None]
    return [*(values.ravel() for values in every), np.array(levels, np.float64)]


def _within(trajectories: Sequence[Summary]) -> tuple[float, float]:
    """What is drawn at most: not the depths of a measure, unless some arm's median lives there."""
    bounds = WITHIN if _normalized(trajectories) else (-np.inf, np.inf)
    every = [_values(c, arm)[1][:, -1] for c in trajectories for arm in c["arms"]]
    lowest = min((np.nanmedian(v) for v in every if not np.isnan(v).all()), default=0.0)
    return bounds if lowest >= bounds[0] else (-np.inf, bounds[1])


def _begins_far_off(trajectories: Sequence[Summary], arms: Sequence[str]) -> bool:
    """Whether the first generation is so far from all others that they would be one line."""
    every = [_values(c, arm)[1] for c in trajectories for arm in arms if arm in c["arms"]]
    if _normalized(trajectories) or min(values.shape[1] for values in every) < 2:
        return False
    whole = np.concatenate([[0.0], *(values.ravel() for values in every)])
    later = np.concatenate([[0.0], *(values[:, 1:].ravel() for values in every)])
    return float(np.ptp(whole[~np.isnan(whole)])) > FAR * float(np.ptp(later[~np.isnan(later)]))


def _panel(
    panel: Axes,
    arm: str,
    summary: Summary,
    trajectories: Sequence[Summary],
    worlds: Mapping[str, str],
    limits: Sequence[NDArray[np.float64]],
    *,
    thin: int,
) -> None:
    bounded = _normalized(trajectories)
    timeseries.limits(
        panel, *limits, include=(0.0, 1.0) if bounded else (0.0,), within=_within(trajectories)
    )
    if bounded:
        for reference in (0.0, 1.0):
            panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    _time(panel, summary["arms"][arm], worlds)
    color = colors_of(summary)[arm]
    for n, trajectory in enumerate(trajectories):
        if arm not in trajectory["arms"]:
            continue
        generations, values = _values(trajectory, arm)
        if trajectory["level"] is not None:
            panel.axhline(trajectory["level"], color=colors.GREY, linewidth=0.6, zorder=1)
        label = _name(trajectory, trajectories)
        _draw(panel, generations, values, thin=thin, color=color, dash=_dash(n), label=label)


def _draw(
    panel: Axes,
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    thin: int,
    color: str,
    dash: style.Dash,
    label: str,
) -> None:
    """Replicates as thin lines, their middle half as a band, their median as a line."""
    middle, low, high = timeseries.quantiles(values.T, (0.5, *BAND))
    if len(values) > 1:
        panel.fill_between(x, low, high, color=color, alpha=0.22, linewidth=0, label="band")
        timeseries.thin_lines(panel, x, values[:thin], color=color, label="replicates")
    timeseries.line(
        panel, x, middle, color=colors.readable(color), dash=dash, label=label or "median"
    )


def _time(panel: Axes, arm: Summary, worlds: Mapping[str, str]) -> None:
    """The axis of generations, the worlds that train, the flips."""
    last = max(arm["generations"] - 1, 1)
    panel.set_xlim(0, last)
    ends = [phase["generation"] for phase in arm["phases"][1:]] + [arm["generations"]]
    for phase, end in zip(arm["phases"], ends, strict=True):
        panel.axvspan(
            phase["generation"], end, color=worlds[phase["world"]], linewidth=0, zorder=0,
            label="world",
        )  # fmt: skip
    for flip in arm["flips"]:
        panel.axvline(
            flip, color=colors.INK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.5, label="flip"
        )
    width = style.inches(panel)[0]
    panel.xaxis.set_major_locator(
        MaxNLocator(nbins=max(1, int(width / 0.35)), integer=True, steps=[1, 2, 4, 5, 10])
    )
    panel.xaxis.set_major_formatter(FuncFormatter(lambda v, _: style.number(v)))
