"""Figure ``maps`` of an experiment: a level in the worlds on either side of the flip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure

from evosim import world
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


class Side(NamedTuple):
    """The world of one side of the flip."""

    name: str
    heading: str
    here: World


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
    with style.styled():
        return _draw(scenario)


def sides(scenario: Scenario) -> tuple[Side, ...]:
    """The environments on either side of the first flip; without a flip those that train."""
    if not scenario.flips:
        trained = dict.fromkeys(name for phase in scenario.timeline for name in phase.mixture)
        return tuple(_side(scenario, name, "") for name in list(trained)[:2])
    flip = scenario.flips[0]
    before = max(flip.before, key=lambda name: flip.before[name])
    rise = {n: flip.after.get(n, 0.0) - flip.before.get(n, 0.0) for n in {**flip.after}}
    after = max(rise, key=lambda name: rise[name])
    if after == before:  # what rises is what was there most already: show what goes
        before = min(flip.before, key=lambda n: flip.after.get(n, 0.0) - flip.before[n])
    return (
        _side(scenario, before, f"before generation {flip.generation}"),
        _side(scenario, after, f"from generation {flip.generation} on"),
    )


def _side(scenario: Scenario, name: str, heading: str) -> Side:
    title = scenario.environments[name].title or name
    return Side(name, f"{title}" + (f" ({heading})" if heading else ""), scenario.environment(name))


def differences(
    first: World, second: World, called: tuple[str, str] = ("before", "after")
) -> list[str]:
    """What differs between two worlds, one thing each: the key and both values."""
    one, other = dict(_flat(first.model_dump())), dict(_flat(second.model_dump()))
    found = []
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) == other.get(name):
            continue
        if name == "map":
            found.append("the map")
            continue
        found.append(f"{name} {_shown(one.get(name))} → {_shown(other.get(name))}")
    return _kinds_as_one(found, (first, second), called)


def _kinds_as_one(
    found: list[str], worlds: tuple[World, World], called: tuple[str, str]
) -> list[str]:
    """Kinds that only one of the worlds has are told by their name alone."""
    result: list[str] = []
    for words in found:
        parts = words.split(" ")[0].split(".")
        kind = parts[1] if parts[0] == "kinds" and len(parts) > 1 else None
        for here, other in ((0, 1), (1, 0)):
            if kind is not None and kind not in worlds[other].kinds:
                words = f"{kind}: only {called[here]}"
        words = words.removeprefix("kinds.")
        if words not in result:
            result.append(words)
    return result


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_shown(v) for v in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _draw(scenario: Scenario) -> Figure:
    shown = sides(scenario)
    called = ("before", "after") if scenario.flips else ("left", "right")
    legend = {
        name: symbol._replace(words=_sites(name, shown, called))
        for name, symbol in symbols(*(side.here for side in shown)).items()
    }
    seed = key(SEED, Purpose.LEVEL, 0, 0)
    pictures = [
        of_level(side.here, *world.draw_level(scenario, side.name, seed), legend) for side in shown
    ]
    torus = any(picture.torus for picture in pictures)
    rows = max(picture.layout.rows for picture in pictures)
    cols = max(picture.layout.cols for picture in pictures)
    width = style.SINGLE if len(shown) == 1 and cols <= 12 else style.DOUBLE
    longest = max((style.text_width(words) for *_, words in legend.values()), default=0.0)
    room = min(max(LEGEND[0], longest + GLYPH_ROOM), LEGEND[1])
    cell = min(
        LARGEST_CELL, (width - room - 2 * layouts.PAD - GAP * len(shown)) / len(shown) / cols,
        2.7 / rows,
    )  # fmt: skip
    across = max(cell * cols, 1.6)
    headings = [style.wrap(side.heading, across, bold=True) for side in shown]
    above = style.line_height() * max(map(len, headings)) + 0.04
    height = max(cell * rows + 0.08 + above, LEGEND_LINE * (len(legend) + 1 + torus))
    layout = layouts.create(
        [layouts.Row(height=height, titles=False)],
        width=width,
        title=f"{scenario.title}: the worlds",
        note=_note(scenario, shown, called),
        xlabel=None,
    )
    figure = layout.figure
    (base,) = layout.panels
    y = (1 - base.get_position().y1) * figure.get_figheight()
    base.remove()
    x = layouts.PAD + 0.02
    for picture, heading in zip(pictures, headings, strict=True):
        for n, words in enumerate(heading):
            style.place_text(figure, x, y + n * style.line_height(), words, bold=True)
        panel = figure.add_axes((0, 0, 1, 1))
        size = (cell * picture.layout.cols + 0.08, cell * picture.layout.rows + 0.08)
        level.place(panel, figure, x, y + above, *size)
        level.draw_picture(panel, picture, cell)
        x += across + GAP
    level.legend(figure, legend.values(), x, y + above, torus=torus)
    return figure


def _note(scenario: Scenario, shown: tuple[Side, ...], called: tuple[str, str]) -> str:
    words = []
    if len(shown) == 2:
        found = differences(shown[0].here, shown[1].here, called)
        more = len(found) - MOST_DIFFERENCES
        text = "; ".join(found[:MOST_DIFFERENCES]) + (f"; and {more} more" if more > 0 else "")
        words.append(f"What differs: {text or 'nothing'}.")
    mixed = {len(phase.mixture) > 1 for phase in scenario.timeline}
    if True in mixed and scenario.flips:
        flip = scenario.flips[0]
        words.append(f"Trains before: {flip.label_before}; after: {flip.label_after}.")
    return " ".join(words)


def _sites(name: str, shown: tuple[Side, ...], called: tuple[str, str]) -> str:
    """A kind and its number of sites, in both worlds where that differs."""
    counts = [side.here.sites_of(name) if name in side.here.kinds else 0 for side in shown]
    if len(set(counts)) == 1:
        return f"{name} ×{counts[0]}"  # noqa: RUF001
    before, after = counts
    if not after:
        return f"{name} ×{before}, only {called[0]}"  # noqa: RUF001
    if not before:
        return f"{name} ×{after}, only {called[1]}"  # noqa: RUF001
    return f"{name} ×{before} {called[0]}, ×{after} {called[1]}"  # noqa: RUF001
