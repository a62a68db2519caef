"""Figure ``maps`` of an experiment: a level in the worlds on either side of the flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from evosim import world
from evosim.metrics.comparison import differing
from evosim.plot import layouts, level, registry, style
from evosim.plot.level import LEGEND_LINE
from evosim.plot.picture import of_level, symbols
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

LARGEST_CELL = 0.36
LEGEND = (1.35, 2.0)
"""Inches for the names of kinds: at least, at most."""
GLYPH_ROOM = 0.28
"""Inches of the legend that its glyphs and margins take."""
GAP = 0.3
SEED = 0
MOST_DIFFERENCES = 12


@registry.figure("maps", "the worlds", of="experiment")
def figure(summary: Mapping[str, Any], scenario: Scenario) -> Figure:
    """Draw the worlds of an experiment.

    Args:
        summary: not used.
        scenario: of the first arm.
    """
    return of_scenario(scenario)


def of_scenario(scenario: Scenario) -> Figure:
    """Draw a level in the worlds on either side of the first flip, the kinds, what differs."""
    names, headings = zip(*sides(scenario), strict=True)
    worlds = [scenario.environment(name) for name in names]
    called = ("before", "after") if scenario.flips else ("left", "right")
    legend = {
        name: symbol._replace(words=_sites(name, worlds, called))
        for name, symbol in symbols(*worlds).items()
    }
    seed = key(SEED, Purpose.LEVEL, 0, 0)
    pictures = [
        of_level(
            here, *world.draw_level(scenario, name, seed), legend, world.draw_passages(here, seed)
        )
        for name, here in zip(names, worlds, strict=True)
    ]
    torus, n = any(picture.torus for picture in pictures), len(pictures)
    rows = max(picture.layout.rows for picture in pictures)
    cols = max(picture.layout.cols for picture in pictures)
    width = style.SINGLE if n == 1 and cols <= 12 else style.DOUBLE
    longest = max((style.text_width(words) for *_, words in legend.values()), default=0.0)
    room = width - min(max(LEGEND[0], longest + GLYPH_ROOM), LEGEND[1]) - 2 * layouts.PAD - GAP * n
    cell = min(LARGEST_CELL, room / n / cols, 2.7 / rows)
    across = max(cell * cols, 1.6)
    titles = [style.wrap(heading, across, bold=True) for heading in headings]
    above = style.line_height() * max(map(len, titles)) + 0.04
    height = max(cell * rows + 0.08 + above, LEGEND_LINE * (len(legend) + 1 + torus))
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
        y = (1 - base.get_position().y1) * figure.get_figheight()
        base.remove()
        x = layouts.PAD + 0.02
        for picture, lines in zip(pictures, titles, strict=True):
            for k, words in enumerate(lines):
                style.place_text(figure, x, y + k * style.line_height(), words, bold=True)
            panel = figure.add_axes((0, 0, 1, 1))
            size = (cell * picture.layout.cols + 0.08, cell * picture.layout.rows + 0.08)
            level.place(panel, figure, x, y + above, *size)
            level.draw_picture(panel, picture, cell)
            x += across + GAP
        level.legend(figure, legend.values(), x, y + above, torus=torus)
    return figure


def sides(scenario: Scenario) -> list[tuple[str, str]]:
    """The environments on either side of the first flip, without a flip those that train; and what
    is written above them."""
    if not scenario.flips:
        trained = dict.fromkeys(name for phase in scenario.timeline for name in phase.mixture)
        when = [(name, "") for name in list(trained)[:2]]
    else:
        flip = scenario.flips[0]
        before = max(flip.before, key=lambda name: flip.before[name])
        rise = {n: flip.after[n] - flip.before.get(n, 0.0) for n in flip.after}
        after = max(rise, key=lambda name: rise[name])
        if after == before:  # what rises is what was there most already: show what goes
            before = min(flip.before, key=lambda n: flip.after.get(n, 0.0) - flip.before[n])
        when = [
            (before, f" (before generation {flip.generation})"),
            (after, f" (from generation {flip.generation} on)"),
        ]
    return [(n, f"{scenario.environments[n].title or n}{words}") for n, words in when]


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


def _note(scenario: Scenario, worlds: Sequence[World], called: tuple[str, str]) -> str:
    words = []
    if len(worlds) == 2:
        found = differences(worlds[0], worlds[1], called)
        more = len(found) - MOST_DIFFERENCES
        text = "; ".join(found[:MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
        words.append(f"What differs: {text or 'nothing'}.")
    mixed = {len(phase.mixture) > 1 for phase in scenario.timeline}
    if True in mixed and scenario.flips:
        flip = scenario.flips[0]
        words.append(f"Trains before: {flip.label_before}; after: {flip.label_after}.")
    return " ".join(words)


def _sites(name: str, worlds: Sequence[World], called: tuple[str, str]) -> str:
    """A kind and its number of sites, in both worlds where that differs."""
    counts = [here.sites_of(name) if name in here.kinds else 0 for here in worlds]
    if len(set(counts)) == 1:
        return f"{name} ×{counts[0]}"  # noqa: RUF001
    before, after = counts
    if not after:
        return f"{name} ×{before}, only {called[0]}"  # noqa: RUF001
    if not before:
        return f"{name} ×{after}, only {called[1]}"  # noqa: RUF001
    return f"{name} ×{before} {called[0]}, ×{after} {called[1]}"  # noqa: RUF001
