"""Figure ``maps`` of an experiment: a level in the worlds on either side of each flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from evosim import world
from evosim.metrics.comparison import differing
from evosim.plot import layouts, level, registry, style
from evosim.plot.flip import first_and_last
from evosim.plot.level import LEGEND_LINE
from evosim.plot.picture import FIELDS, MOVERS, of_level, shortened, symbols
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World
    from evosim.scenario.timeline import Flip

LARGEST_CELL = 0.36
LEGEND = (1.35, 2.0)
"""Inches for the names of kinds: at least, at most."""
GLYPH_ROOM = 0.28
"""Inches of the legend that its glyphs and margins take."""
GAP = 0.3
SEED = 0
MOST_DIFFERENCES = 12
MOST_FLIPS = 3
"""Only so many flips are drawn, the first ones and the last; the note says so."""


@registry.figure("maps", "the worlds", of="experiment")
def figure(summary: Mapping[str, Any], scenario: Scenario) -> Figure:
    """Draw the worlds of an experiment.

    Args:
        summary: not used.
        scenario: of the first arm.
    """
    return of_scenario(scenario)


def of_scenario(scenario: Scenario) -> Figure:
    """Draw a level in the worlds on either side of each flip, the kinds, what differs."""
    pairs = sides(scenario)
    several = len(pairs) > 1
    headings = [[heading for _, heading in pair] for pair in pairs]
    worlds = [[scenario.environment(name) for name, _ in pair] for pair in pairs]
    called = ("before", "after") if scenario.flips else ("left", "right")
    every = [here for pair in worlds for here in pair]
    legend = {
        name: symbol._replace(words=_sites(name, every, called))
        for name, symbol in symbols(*every).items()
    }
    entries = shortened(list(legend.values()))
    seed = key(SEED, Purpose.LEVEL, 0, 0)
    pictures = [
        [
            of_level(
                here,
                *world.draw_level(scenario, name, seed),
                legend,
                world.draw_passages(here, seed),
            )
            for (name, _), here in zip(pair, here_and_there, strict=True)
        ]
        for pair, here_and_there in zip(pairs, worlds, strict=True)
    ]
    drawn = [picture for pair in pictures for picture in pair]
    torus, n = any(picture.torus for picture in drawn), len(pictures[0])
    rows = max(picture.layout.rows for picture in drawn)
    cols = max(picture.layout.cols for picture in drawn)
    width = style.SINGLE if n == 1 and cols <= 12 else style.DOUBLE
    longest = max(
        (style.text_width(words) for words in (symbol.words for symbol in entries)), default=0.0
    )
    room = width - min(max(LEGEND[0], longest + GLYPH_ROOM), LEGEND[1]) - 2 * layouts.PAD - GAP * n
    cell = min(LARGEST_CELL, room / n / cols, 2.7 / rows)
    across = max(cell * cols, 1.6)
    titles = [[style.wrap(words, across, bold=True) for words in pair] for pair in headings]
    above = [style.line_height() * max(map(len, pair)) + 0.04 for pair in titles]
    row = [room_above + cell * rows + 0.08 for room_above in above]
    between = [*[GAP / 2] * (len(row) - 1), 0.0]
    height = max(
        sum(row) + sum(between), above[0] + LEGEND_LINE * (len(entries) + torus), LEGEND_LINE
    )
    if not several:  # a line more, as the legend always had
        height = max(row[0], LEGEND_LINE * (len(entries) + 1 + torus))
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=height, titles=False)],
            width=width,
            title=f"{scenario.title}: the worlds",
            note=_note(scenario, worlds, called),
            xlabel=None,
        )
        figure = layout.figure
        (base,) = layout.panels
        top = (1 - base.get_position().y1) * figure.get_figheight()
        base.remove()
        y = top
        for m, pair in enumerate(pictures):
            x = layouts.PAD + 0.02
            for picture, lines in zip(pair, titles[m], strict=True):
                for k, words in enumerate(lines):
                    style.place_text(figure, x, y + k * style.line_height(), words, bold=True)
                panel = figure.add_axes((0, 0, 1, 1))
                size = (cell * picture.layout.cols + 0.08, cell * picture.layout.rows + 0.08)
                level.place(panel, figure, x, y + above[m], *size)
                level.draw_picture(panel, picture, cell)
                x += across + GAP
            y += row[m] + between[m]
        level.legend(figure, entries, x, top + above[0], torus=torus)
    return figure


def sides(scenario: Scenario) -> list[list[tuple[str, str]]]:
    """For each flip shown the environments on either side, and what is written above them.

    Without a flip the environments that train.
    """
    flips = scenario.flips
    if not flips:
        trained = dict.fromkeys(name for phase in scenario.timeline for name in phase.mixture)
        return [[(name, _title(scenario, name)) for name in list(trained)[:2]]]
    return [_around(scenario, flips[n]) for n in first_and_last(len(flips), MOST_FLIPS)]


def _around(scenario: Scenario, flip: Flip) -> list[tuple[str, str]]:
    before = max(flip.before, key=lambda name: flip.before[name])
    rise = {n: flip.after[n] - flip.before.get(n, 0.0) for n in flip.after}
    after = max(rise, key=lambda name: rise[name])
    if after == before:  # what rises is what was there most already: show what goes
        before = min(flip.before, key=lambda n: flip.after.get(n, 0.0) - flip.before[n])
    return [
        (before, f"{_title(scenario, before)} (before generation {flip.generation})"),
        (after, f"{_title(scenario, after)} (from generation {flip.arrival} on)"),
    ]


def _title(scenario: Scenario, name: str) -> str:
    return scenario.environments[name].title or name


def differences(
    first: World, second: World, called: tuple[str, str] = ("before", "after")
) -> list[str]:
    """What differs between two worlds, one thing each: the key and both values.

    Kinds that only one of the worlds has are told by their name alone.
    """
    result: list[str] = []
    for found in differing([first.model_dump(), second.model_dump()]):
        name, values = found["key"], " → ".join(map(_shown, found["values"]))
        kind = name.split(".")[1] if name.startswith("kinds.") else None
        words = "the map" if name == "map" else f"{name.removeprefix('kinds.')} {values}"
        for side, other in zip(called, (second, first), strict=True):
            if kind is not None and kind not in other.kinds:
                words = f"{kind}: only {side}"
        result += [words] * (words not in result)
    return result


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _note(scenario: Scenario, worlds: Sequence[Sequence[World]], called: tuple[str, str]) -> str:
    words = []
    flips = scenario.flips
    shown = first_and_last(len(flips), MOST_FLIPS)
    for m, pair in enumerate(worlds):
        if len(pair) == 2:
            found = differences(pair[0], pair[1], called)
            more = len(found) - MOST_DIFFERENCES
            text = "; ".join(found[:MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
            when = f" at generation {flips[shown[m]].generation}" if len(worlds) > 1 else ""
            words.append(f"What differs{when}: {text or 'nothing'}.")
    mixed = {len(phase.mixture) > 1 for phase in scenario.timeline}
    if True in mixed:
        for n in shown:
            when = f" generation {flips[n].generation}" * (len(shown) > 1)
            words.append(
                f"Trains before{when}: {flips[n].label_before}; after: {flips[n].label_after}."
            )
    if len(shown) < len(flips):
        words.append(f"Shown: the first {len(shown) - 1} and the last of {len(flips)} flips.")
    return " ".join(words)


def _sites(name: str, worlds: Sequence[World], called: tuple[str, str]) -> str:
    """What the legend names and how many of it there are, in both worlds where that differs; of
    more worlds the range."""
    if name.startswith(FIELDS):
        return name.removeprefix(FIELDS)
    mover, name = name.startswith(MOVERS), name.removeprefix(MOVERS)
    counts = [_count(here, name, mover) for here in worlds]
    if len(set(counts)) == 1:
        return f"{name} ×{counts[0]}"  # noqa: RUF001
    if len(counts) > 2:
        return f"{name} ×{min(counts)} to {max(counts)}"  # noqa: RUF001
    before, after = counts
    if not after:
        return f"{name} ×{before}, only {called[0]}"  # noqa: RUF001
    if not before:
        return f"{name} ×{after}, only {called[1]}"  # noqa: RUF001
    return f"{name} ×{before} {called[0]}, ×{after} {called[1]}"  # noqa: RUF001


def _count(here: World, name: str, mover: bool) -> int:
    if mover:
        return here.movers_of(name) if name in here.movers else 0
    return here.sites_of(name) if name in here.kinds else 0
