"""What pages draw, as plain JSON: levels, lives on them, curves.

The heads of static/level.js and static/curves.js say what each key means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.metrics.flips import JUDGED, mixed
from evosim.plot import colors, picture, timeseries
from evosim.world import geometry

if TYPE_CHECKING:
    from evosim.plot.episode import Episode
    from evosim.plot.picture import Picture, Place
    from evosim.plot.run_view import RunView

DIGITS = 5
"""Significant digits of numbers that are only looked at."""


def level(shown: Picture) -> dict[str, Any]:
    """A level, for ``evosim.level`` of level.js.

    Args:
        shown: its picture (:func:`evosim.plot.picture.of_level`).
    """
    layout = shown.layout
    numbers = {name: n for n, name in enumerate(shown.legend)}
    return {
        "rows": layout.rows,
        "cols": layout.cols,
        "torus": shown.torus,
        "walls": _marked(layout.wall),
        "south": _marked(layout.barrier_south),
        "east": _marked(layout.barrier_east),
        "legend": [
            {
                "glyph": symbol.glyph,
                "color": symbol.color,
                "ink": colors.contrast(symbol.color),
                "words": symbol.words,
                "walks": symbol.walks,
                "tint": not symbol.glyph,
                "there": name not in shown.absent,
            }
            for name, symbol in shown.legend.items()
        ],
        "sites": [[*place, numbers[kind]] for place, kind in shown.sites.items()],
        "movers": [[*place, numbers[name]] for place, name in shown.movers.items()],
        "ground": [
            [*place, numbers[name], round(strength, 3)]
            for place, (name, strength) in shown.ground.items()
        ],
        "start": shown.agent,
    }


def life(episode: Episode, intended: str, title: str = "") -> dict[str, Any]:
    """A recorded life, for ``evosim.player`` of level.js.

    Args:
        intended: the payoff that the designer wants; events are marked by what they pay of it.
        title: what it is called; the episode's own heading if empty.
    """
    environment, steps = episode.environment, range(episode.lifespan + 1)
    cells = geometry(episode.world).cells
    levels = episode.levels
    shown = picture.of_level(
        episode.world, levels.slot[0], episode.path[0], passages=levels.neighbour[0]
    )
    numbers = {name: n for n, name in enumerate(shown.legend)}
    values = [episode.values(step) for step in steps]
    did = [picture.action_words(episode, step) for step in steps[:-1]]
    actions = list(dict.fromkeys(did))
    events = [[step + 1, event] for step in steps[:-1] for event in episode.events(step)]
    happened = sorted({event for _, event in events})
    paid = environment.phi[:, environment.paid][:, environment.payoffs.index(intended)]
    return {
        "title": title or episode.heading,
        "level": level(shown),
        "path": [cells[n] for n in episode.path],
        "empty": _changes([cells[n] for n in sorted(episode.empty(step))] for step in steps),
        "movers": _changes(
            [
                [*cells[n], numbers[f"{picture.MOVERS}{name}"]]
                for n, name in sorted(episode.movers(step))
            ]
            for step in steps
        )
        if episode.world.movers
        else [],
        "variables": [
            {
                "name": name,
                "top": variable.values - 1,
                "unseen": name in episode.blind,
                "values": [value[name] for value in values],
            }
            for name, variable in episode.world.variables.items()
        ],
        "sums": [
            *(
                {"name": name, "tone": "payoff", "values": rounded(sums)}
                for name, sums in zip(environment.payoffs, episode.payoffs.T, strict=True)
            ),
            {"name": "felt reward", "tone": "reward", "values": rounded(episode.reward)},
        ],
        "did": [actions.index(words) for words in did],
        "actions": actions,
        "events": [[step, happened.index(event)] for step, event in events],
        "happenings": [
            {"words": picture.event_words(episode, event), "paid": rounded(paid)[event]}
            for event in happened
        ],
        "ending": episode.ending,
    }


def _marked(rows: Sequence[Sequence[bool]]) -> list[Place]:
    return [(r, c) for r, row in enumerate(rows) for c, marked in enumerate(row) if marked]


def _changes(values: Iterable[Any]) -> list[tuple[int, Any]]:
    """The steps from which on another value holds, with it; what holds from birth is the first."""
    found: list[tuple[int, Any]] = []
    for step, value in enumerate(values):
        if not found or found[-1][1] != value:
            found.append((step, value))
    return found


def rounded(values: Iterable[float] | np.ndarray) -> list[float | None]:
    """Numbers short enough for a page; None where one is undefined."""
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in map(float, values)]


MOST_POINTS = 400
"""Points of a curve over generations, about: more cannot be told apart."""
HUES = ("blue", "vermillion", "green", "purple", "orange", "sky", "black", "grey")
"""Custom properties of page.css for curves, in the order of evosim.plot.colors.SERIES."""


def lived(view: RunView) -> list[dict[str, Any]]:
    """What individuals want and get in every generation: a chart of the drives, one of the felt
    reward, one of each payoff.

    Medians of the population (of replicates: the median of theirs); bands are its middle 90 %.

    Args:
        view: the run.
    """
    generations = [int(g) for g in view.generations]
    step = -(-len(generations) // MOST_POINTS)
    flips = {flip.generation for flip in view.flips}
    sides = {g for flip in flips for g in (flip - 1, flip)}
    kept = [
        n for n, g in enumerate(generations)
        if n % step == 0 or g in sides or n == len(generations) - 1
    ]  # fmt: skip

    def chart(label: str, series: list[dict[str, Any]], holds: list[float]) -> dict[str, Any]:
        shown = [f"generation {generations[n]}" for n in kept]
        return _over_generations(view, label, holds, [generations[n] for n in kept], shown, series)

    def one(name: str, hue: str, values: np.ndarray, *, band: bool = True) -> dict[str, Any]:
        found = timeseries.trajectory(values[:, kept], bands=band)
        ends = {}
        if band:
            ends = dict(zip(("low", "high"), map(rounded, found.bands[0]), strict=True))
        return {"name": name, "color": hue, "values": rounded(found.middle), **ends}

    wanted = []
    if "genome" in view.data and view.scenario.agent.mind == "planner":
        wanted = [
            one(name, HUES[n % len(HUES)], view.drive(name), band=False)
            | ({"dash": [6, 4]} if n >= len(HUES) else {})
            for n, name in enumerate(view.drives)
        ]
    charts = [chart("drives", wanted, [-1.0, 1.0])] if wanted else []
    paid = view.individuals_of("payoff_total", "payoff")
    for n, name in enumerate(view.names("payoff")):
        charts.append(chart(f"{name}, a life", [one(name, "alignment", paid[..., n])], [0.0, 0.0]))
    felt = view.individuals_of("internal_reward")
    charts.append(
        chart("felt reward, a life", [one("felt reward", "capability", felt)], [0.0, 0.0])
    )
    return charts


def _over_generations(
    view: RunView,
    label: str,
    holds: list[float] | None,
    x: list[int],
    moments: list[str],
    series: list[dict[str, Any]],
) -> dict[str, Any]:
    """A chart with the flips and the worlds of a run."""
    tints = {name: n for n, name in enumerate(view.phase_colors)}
    return {
        "label": label,
        "x_label": "generation",
        "range": holds,
        "x": x,
        "moments": moments,
        "series": series,
        "flips": [
            {
                "at": flip.generation,
                "words": f"flip: {view.label(view.scenario.mixture_at(flip.arrival))}",
            }
            for flip in view.flips
        ],
        "worlds": [
            {"from": span.start, "to": span.end, "name": span.label, "tint": tints[span.label]}
            for span in view.phase_spans
        ],
    }


def curves(view: RunView, environment: str | None = None, mind: str = "evolved") -> dict[str, Any]:
    """Capability and alignment over the generations, for ``evosim.curves`` of curves.js.

    Means over the sample and the replicates; bands are the intervals of those means, and of one
    replicate the middle 90 % of its sample. At a flip, the same population is measured in the world
    before and in the world after it: two points at one generation.

    Args:
        view: the run.
        environment: where it is measured; None: in what trains, which changes at a flip.
        mind: whose, of the data's minds.
    """
    probes = [int(g) for g in view.data["probe"].values]
    names, minds = view.names("environment"), view.names("mind")
    flips = {flip.generation: flip for flip in view.flips}
    points: list[tuple[int, dict[str, float], str]] = []
    for n, g in enumerate(probes):
        if environment is not None:
            points.append((n, {environment: 1.0}, f"generation {g}"))
        elif g in flips:
            before = view.scenario.mixture_at(g - 1)
            points.append((n, before, f"generation {g}, before the flip"))
            points.append((n, view.scenario.mixture_at(g), f"generation {g}, after the flip"))
        else:
            points.append((n, view.scenario.mixture_at(g), f"generation {g}"))
    series = []
    for measure in JUDGED:
        values = view.values(measure, "replicate", "probe", "environment", "mind", "sample")
        values = values[:, :, :, minds.index(mind)]
        lived = np.stack(
            [
                mixed(
                    np.moveaxis(values[:, n][:, [names.index(e) for e in weights]], 1, -1), weights
                )
                for n, weights, _ in points
            ],
            axis=1,
        )  # [replicate, point, sample]
        means = timeseries.mean(lived)
        if view.replicates > 1:
            low, high = timeseries.interval(means, view.bootstrap)
        else:
            low, high = timeseries.quantiles(lived[0], timeseries.BANDS[0])
        series.append(
            {
                "name": measure,
                "color": measure,
                "width": 3 if measure == "alignment" else 2,
                "values": rounded(timeseries.mean(means, 0)),
                "low": rounded(low),
                "high": rounded(high),
            }
        )
    where = "the world that trains" if environment is None else f"“{view.title(environment)}”"
    return _over_generations(
        view,
        f"capability and alignment in {where}, over the generations",
        [0.0, 1.0],
        [probes[n] for n, _, _ in points],
        [called for _, _, called in points],
        series,
    )
