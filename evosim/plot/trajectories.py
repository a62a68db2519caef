"""Figure ``course`` of an experiment: the headline measure over generations, a panel an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evosim.metrics import METRICS
from evosim.plot import colors, layouts, style, timeseries
from evosim.plot.alignment import WITHIN
from evosim.plot.experiment import called, colors_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

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


def figure(
    summary: Summary, courses: Sequence[Summary], titles: Mapping[str, str] | None = None
) -> Figure | None:
    """Draw the courses; None where there are none.

    Args:
        titles: of environments, by name; an arm that never lives in the one that is measured is
            left out where others do.
    """
    if not courses:
        return None
    known = titles or {}
    drawn = [name for name in summary["arms"] if any(name in c["arms"] for c in courses)]
    arms = [a for a in drawn if _lives_there(a, summary, courses, known)] or drawn
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
        sheet = layouts.sheet(
            [layouts.Row(height=HEIGHT, columns=columns, header=("",) * more) for more in tall],
            width=width,
            title=f"{summary['title']}: {_what(courses)} over generations",
            note=_note(
                summary,
                courses,
                known,
                left_out=len(drawn) - len(arms),
                far_off=_begins_far_off(courses, arms),
            ),
            keys=_keys(summary, courses, worlds, arms),
            left=LEFT,
            right=RIGHT,
            between=BETWEEN,
        )
        limits = _limits(courses, arms)
        for n, panel in enumerate(sheet.panels):
            if n >= len(arms):
                panel.remove()
                continue
            _panel(panel, arms[n], summary, courses, worlds, limits, thin=_thin(courses))
            below = n + columns < len(arms)
            panel.tick_params(labelleft=n % columns == 0, labelbottom=not below)
            panel.set_xlabel("" if below else "generation")
            panel.set_title(
                "\n".join(headings[arms[n]]), loc="left", pad=2.5, fontweight="bold",
                color=colors.readable(colors_of(summary)[arms[n]]),
            )  # fmt: skip
            if n % columns == 0:
                panel.set_ylabel(_short(courses))
    return sheet.figure


def _what(courses: Sequence[Summary]) -> str:
    """What is drawn, in words."""
    names = dict.fromkeys(called(c["measure"], c["of"], c["level"]) for c in courses)
    return next(iter(names)) if len(names) == 1 else "what is compared"


def _short(courses: Sequence[Summary]) -> str:
    """The same for an axis: where there is no room, the payoff, the locus or the unit alone."""
    words = _what(courses)
    if style.text_width(words) > HEIGHT:
        words = courses[0]["of"] or _unit(courses) or words
    return style.fit(words, HEIGHT)


def _unit(courses: Sequence[Summary]) -> str:
    """What a metric is counted in, where that is more than a number."""
    measure = courses[0]["measure"]
    unit = METRICS[measure].unit if measure in METRICS else "1"
    return "" if unit == "1" else unit


def _normalized(courses: Sequence[Summary]) -> bool:
    """Whether 0 is random play and 1 the optimum."""
    measure = courses[0]["measure"]
    return measure in METRICS and METRICS[measure].normalized


def _name(course: Summary, courses: Sequence[Summary]) -> str:
    """What tells a course from the others of its arm; empty where it is the only one."""
    if len(courses) == 1:
        return ""
    if course["world"]:
        return {"trains": "in the world that trains", "other": "in the other world"}[
            course["world"]
        ]
    words = [called(course["measure"], course["of"])] if _differ(courses, "of") else []
    if _differ(courses, "mind"):
        words.append(course["mind"])
    if _differ(courses, "where") and course["where"]:
        words.append("in " + " or ".join(dict.fromkeys(course["where"].values())))
    return ", ".join(words)


def _differ(courses: Sequence[Summary], key: str) -> bool:
    return any(c[key] != courses[0][key] for c in courses)


def _worlds(summary: Summary, arms: Sequence[str]) -> dict[str, str]:
    """A ground for each world that trains in some arm."""
    named = dict.fromkeys(p["world"] for arm in arms for p in summary["arms"][arm]["phases"])
    return {world: GROUND[n % len(GROUND)] for n, world in enumerate(named)}


def _dash(n: int) -> style.Dash:
    return style.DASHES[n % len(style.DASHES)]


def _keys(
    summary: Summary, courses: Sequence[Summary], worlds: Mapping[str, str], arms: Sequence[str]
) -> list[layouts.Key]:
    keys = []
    if len(courses) > 1:
        keys = [
            layouts.Key(_name(course, courses), colors.INK, _dash(n))
            for n, course in enumerate(courses)
        ]
    if any(summary["arms"][arm]["flips"] for arm in arms):
        keys.append(layouts.Key("flip", colors.INK, (0, (3, 2)), 0.8))
    return [*keys, *(layouts.Key(f"trains: {w}", c, patch=True) for w, c in worlds.items())]


def _lives_there(
    arm: str, summary: Summary, courses: Sequence[Summary], titles: Mapping[str, str]
) -> bool:
    """Whether an arm ever trains in an environment that is measured in it."""
    worlds = " ".join(phase["world"] for phase in summary["arms"][arm]["phases"])
    measured = [c["where"][arm] for c in courses if arm in c["where"]]
    return not measured or any(titles.get(name, name) in worlds for name in measured)


def _note(
    summary: Summary,
    courses: Sequence[Summary],
    titles: Mapping[str, str],
    *,
    left_out: int,
    far_off: bool,
) -> str:
    several = max(len(arm["values"]) for c in courses for arm in c["arms"].values()) > 1
    words = []
    if several:
        n = _thin(courses)
        words.append(
            f"Thick: the median of {summary['replicates']} replicates; band: their middle 50 %; "
            f"thin: {'each' if n >= summary['replicates'] else n} of them."
        )
    elif summary["replicates"] > 1:
        words.append(f"Of all {summary['replicates']} replicates together.")
    if _normalized(courses):
        words.append("0: as random actions; 1: the best there is.")
    worlds = {phase["world"] for arm in summary["arms"].values() for phase in arm["phases"]}
    where = sorted({titles.get(n, n) for c in courses for n in c["where"].values()})
    if where and worlds != set(where):
        words.append(f"Measured in the world “{'” or “'.join(where)}”.")
    if far_off:
        words.append("Where it began lies off the axis.")
    if left_out:
        words.append("Arms that never train there are left out.")
    return " ".join(words)


def _thin(courses: Sequence[Summary]) -> int:
    """How many replicates are drawn as thin lines: all, or the first of too many."""
    times = sum(len(arm["generations"]) for c in courses for arm in c["arms"].values())
    return max(1, MOST_POINTS // max(times, 1))


def _values(course: Summary, arm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Generations [time], and values [replicate, time]."""
    found = course["arms"][arm]
    values = [[np.nan if v is None else v for v in row] for row in found["values"]]
    return np.array(found["generations"], np.float64), np.array(values, np.float64)


def _limits(courses: Sequence[Summary], arms: Sequence[str]) -> list[NDArray[np.float64]]:
    """What the axis has to hold; the first generation only where it leaves room for the rest."""
    every = [_values(c, arm)[1] for c in courses for arm in arms if arm in c["arms"]]
    if _begins_far_off(courses, arms):
        every = [values[:, 1:] for values in every]
    levels = [c["level"] for c in courses if c["level"] is not None]
    return [*(values.ravel() for values in every), np.array(levels, np.float64)]


def _within(courses: Sequence[Summary]) -> tuple[float, float]:
    """What is drawn at most: not the depths of a measure, unless some arm's median lives there."""
    bounds = WITHIN if _normalized(courses) else (-np.inf, np.inf)
    every = [_values(c, arm)[1][:, -1] for c in courses for arm in c["arms"]]
    lowest = min((np.nanmedian(v) for v in every if not np.isnan(v).all()), default=0.0)
    return bounds if lowest >= bounds[0] else (-np.inf, bounds[1])


def _begins_far_off(courses: Sequence[Summary], arms: Sequence[str]) -> bool:
    """Whether the first generation is so far from all others that they would be one line."""
    every = [_values(c, arm)[1] for c in courses for arm in arms if arm in c["arms"]]
    if _normalized(courses) or min(values.shape[1] for values in every) < 2:
        return False
    whole = np.concatenate([[0.0], *(values.ravel() for values in every)])
    later = np.concatenate([[0.0], *(values[:, 1:].ravel() for values in every)])
    return float(np.ptp(whole[~np.isnan(whole)])) > FAR * float(np.ptp(later[~np.isnan(later)]))


def _panel(
    panel: Axes,
    arm: str,
    summary: Summary,
    courses: Sequence[Summary],
    worlds: Mapping[str, str],
    limits: Sequence[NDArray[np.float64]],
    *,
    thin: int,
) -> None:
    bounded = _normalized(courses)
    timeseries.limits(
        panel, *limits, include=(0.0, 1.0) if bounded else (0.0,), within=_within(courses)
    )
    if bounded:
        for reference in (0.0, 1.0):
            panel.axhline(reference, color=colors.GREY, linewidth=0.4, zorder=1)
    _time(panel, summary["arms"][arm], worlds)
    color = colors_of(summary)[arm]
    for n, course in enumerate(courses):
        if arm not in course["arms"]:
            continue
        generations, values = _values(course, arm)
        if course["level"] is not None:
            panel.axhline(course["level"], color=colors.GREY, linewidth=0.6, zorder=1)
        label = _name(course, courses)
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
        timeseries.faint(panel, x, values[:thin], color=color, label="replicates")
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
