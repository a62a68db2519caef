"""Figure ``maps`` of an experiment: a level, and what a use there feels and pays, across a flip.

Where a flip changes no cell, the level is drawn once; else it stands there before and after, and
the cells that changed are framed. Beside it every effect is written out, once where it stays and
``before → after``, marked, where it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evosim import world
from evosim.metrics.comparison import differing
from evosim.plot import colors, layouts, level, registry, style
from evosim.plot.episode import worlds_of
from evosim.plot.level import LEGEND_LINE
from evosim.plot.picture import FIELDS, MOVERS, Picture, Symbol, of_level, symbols
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World
    from evosim.scenario.timeline import Flip

LARGEST_CELL = 0.36
TALLEST = 2.7
"""Inches of a map, at most."""
TABLE = 2.5
"""Inches for what is felt and paid, at least."""
GAP = 0.25
SEED = 0
MOST_LINES = 26
"""Of more lines only those of effects that change are written out."""
MOST_DIFFERENCES = 8
MOST_FLIPS = 3
"""Only so many flips are drawn, the first ones and the last; the note says so."""
CHANGED = colors.VERMILLION
AMOUNTS = {"feels": "feels", "yields": "pays"}
"""What an effect can do to a mind and to a payoff, and how it is called."""


class Written(NamedTuple):
    """A line of the table: a kind, or an effect with its amounts."""

    words: tuple[tuple[str, bool], ...]
    """Pieces of text, each with whether it changes at the flip."""
    symbol: Symbol | None = None
    """Of a kind; an effect has none."""


class Pair(NamedTuple):
    """The worlds on either side of a flip: one, where nothing flips."""

    headings: list[str]
    worlds: list[World]
    pictures: list[Picture]
    """One, where both are alike."""


@registry.figure("maps", "the worlds", of="experiment")
def figure(summary: Mapping[str, Any], scenario: Scenario) -> Figure:
    """Draw the worlds of an experiment.

    Args:
        summary: not used.
        scenario: of the first arm.
    """
    return of_scenario(scenario)


def of_scenario(scenario: Scenario) -> Figure:
    """Draw a level in the worlds on either side of each flip, and what is felt and paid there."""
    pairs, legend = _pairs(scenario)
    most = max(len(pair.pictures) for pair in pairs)
    rows, cols = (
        max(getattr(picture.layout, side) for pair in pairs for picture in pair.pictures)
        for side in ("rows", "cols")
    )
    room = style.DOUBLE - TABLE - 2 * layouts.PAD - GAP * most
    cell = min(LARGEST_CELL, room / most / cols, TALLEST / rows)
    across = max(cell * cols + 0.08, 1.5 if most == 1 else 1.3)
    beside = layouts.PAD + most * (across + GAP)
    width = style.DOUBLE - beside - layouts.PAD
    tables = [_broken(_table(pair, legend, whole=n == 0), width) for n, pair in enumerate(pairs)]
    titles = [[style.wrap(words, across, bold=True) for words in pair.headings] for pair in pairs]
    above = [style.line_height() * max(map(len, lines)) + 0.04 for lines in titles]
    heights = [
        max(room_above + cell * rows + 0.16, LEGEND_LINE * len(table))
        for room_above, table in zip(above, tables, strict=True)
    ]
    with style.styled():
        layout = layouts.create(
            [layouts.Row(height=sum(heights) + GAP * (len(pairs) - 1), titles=False)],
            width=style.DOUBLE,
            title=f"{scenario.title}: {_finding(scenario, pairs)}",
            note=_note(scenario, pairs),
            legend=[layouts.LegendEntry("changed at the flip", CHANGED, patch=True)]
            if scenario.flips
            else (),
            xlabel=None,
        )
        drawn = layout.figure
        (base,) = layout.panels
        y = (1 - base.get_position().y1) * drawn.get_figheight()
        base.remove()
        for n, (pair, lines) in enumerate(zip(pairs, titles, strict=True)):
            for k, picture in enumerate(pair.pictures):
                x = layouts.PAD + 0.02 + k * (across + GAP)
                for m, words in enumerate(lines[k]):
                    style.place_text(drawn, x, y + m * style.line_height(), words, bold=True)
                _map(drawn, pair, picture, x, y + above[n], cell)
            _write(drawn, tables[n], beside, y, width)
            y += heights[n] + GAP
    return drawn


def _pairs(scenario: Scenario) -> tuple[list[Pair], dict[str, Symbol]]:
    """What stands on either side of each flip that is shown, and the legend of all."""
    named = sides(scenario)
    every = {name: scenario.environment(name) for pair in named for name, _ in pair}
    legend = symbols(*every.values())
    seed = key(SEED, Purpose.LEVEL, 0, 0)
    pictures = {
        name: of_level(
            here, *world.draw_level(scenario, name, seed), legend, world.draw_passages(here, seed)
        )
        for name, here in every.items()
    }
    pairs = []
    for pair in named:
        names, headings = [name for name, _ in pair], [heading for _, heading in pair]
        shown = [pictures[name] for name in names]
        if len(shown) == 2 and not _differ(*shown) and scenario.flips:
            shown, headings = shown[:1], [" → ".join(_title(scenario, name) for name in names)]
        pairs.append(Pair(headings, [every[name] for name in names], shown))
    return pairs, legend


def _differ(first: Picture, second: Picture) -> bool:
    """Whether two levels look different."""
    what = ("layout", "torus", "sites", "movers", "ground", "agent")
    return any(getattr(first, name) != getattr(second, name) for name in what)


def sides(scenario: Scenario) -> list[list[tuple[str, str]]]:
    """For each flip shown the environments on either side, and what is written above them.

    Without a flip the environments that train.
    """
    flips = scenario.flips
    if not flips:
        trained = dict.fromkeys(name for phase in scenario.timeline for name in phase.mixture)
        return [[(name, _title(scenario, name)) for name in list(trained)[:2]]]
    return [_around(scenario, flips[n]) for n in first_and_last(len(flips), MOST_FLIPS)]


def first_and_last(n: int, most: int) -> list[int]:
    """Which of n things are shown, at most so many: the first ones, and the last.

    >>> first_and_last(3, 4), first_and_last(9, 4)
    ([0, 1, 2], [0, 1, 2, 8])
    """
    return list(range(n)) if n <= most else [*range(most - 1), n - 1]


def _around(scenario: Scenario, flip: Flip) -> list[tuple[str, str]]:
    before, after = worlds_of(flip)
    return [
        (before, f"before: {_title(scenario, before)}"),
        (after, f"after: {_title(scenario, after)}"),
    ]


def _title(scenario: Scenario, name: str) -> str:
    return scenario.environments[name].title or name


# What is felt and paid


def _table(pair: Pair, legend: Mapping[str, Symbol], *, whole: bool) -> list[Written]:
    """Every kind, and below it what each effect of it feels and pays.

    Args:
        whole: also what does not change.
    """
    effects: dict[str, list[Written]] = {}
    for path in dict.fromkeys(path for here in pair.worlds for path, _ in here.effects()):
        if words := tuple(_amounts(path, pair.worlds)):
            group = {"movers": MOVERS, "fields": FIELDS}.get(path[0], "") + path[1]
            group = group if path[0] != "always" else "always"
            effects.setdefault(group, []).append(Written(((_how(path), False), *words)))
    heads = {
        name: Written((_sites(name, symbol, pair.worlds),), symbol)
        for name, symbol in legend.items()
    }
    heads["always"] = Written((("everywhere", False),))
    lines = sum(len(each) for each in effects.values()) + len(heads)
    whole = whole and lines <= MOST_LINES
    found = []
    for name, head in heads.items():
        own = [one for one in effects.get(name, []) if whole or any(new for _, new in one.words)]
        if own or (name != "always" and (whole or head.words[0][1] or lines > MOST_LINES)):
            found += [head, *own]
    return found[: 2 * MOST_LINES]


def _amounts(path: Sequence[str], worlds: Sequence[World]) -> Iterator[tuple[str, bool]]:
    """What an effect feels and pays, on either side of the flip."""
    found = [dict(here.effects()).get(tuple(path)) for here in worlds]
    for key_, verb in AMOUNTS.items():
        tables = [dict(getattr(effect, key_, None) or {}) for effect in found]
        for n, name in enumerate(dict.fromkeys(name for table in tables for name in table)):
            values = [_shown(table[name]) if name in table else "0" for table in tables]
            changes = len(set(values)) > 1
            text = f"{name} {' → '.join(values if changes else values[:1])}"
            yield f"{verb} {text}" if n == 0 else text, changes


def _how(path: Sequence[str]) -> str:
    """What an effect is an effect of, in words."""
    if path[0] in ("always", "fields"):
        return f"{path[1]}:"
    how, *rule = path[2:]
    words = {"use": "", "enter": "arriving, ", "here": "being there", "meet": "meeting, "}[how]
    return f"{words}{' '.join(rule)}:"


def _sites(name: str, symbol: Symbol, worlds: Sequence[World]) -> tuple[str, bool]:
    """A kind and how many of it there are, and whether that changes."""
    if name.startswith(FIELDS):
        return symbol.words, False
    counts = [_count(here, name.removeprefix(MOVERS), name.startswith(MOVERS)) for here in worlds]
    changes = len(set(counts)) > 1
    return f"{symbol.words} ×{' → '.join(map(str, counts if changes else counts[:1]))}", changes  # noqa: RUF001


def _count(here: World, name: str, mover: bool) -> int:
    if mover:
        return here.movers_of(name) if name in here.movers else 0
    return here.sites_of(name) if name in here.kinds else 0


def _broken(table: Sequence[Written], width: float) -> list[Written]:
    """The lines of a table, broken between amounts into lines of so many inches."""
    found = []
    for line in table:
        rest, room = list(line.words), width - INDENT
        first = True
        while rest:
            taken = [rest.pop(0)]
            while rest and _width([*taken, rest[0]]) <= room - (not first) * INDENT:
                taken.append(rest.pop(0))
            found.append(Written(tuple(taken), line.symbol if first else None))
            if not first:
                found[-1] = Written((("   ", False), *taken))
            first = False
    return found


INDENT = 0.24
SPACE = 0.06


def _width(words: Sequence[tuple[str, bool]]) -> float:
    return sum(style.text_width(text, bold=new) + SPACE for text, new in words)


def _write(drawn: Figure, table: Sequence[Written], x: float, y: float, width: float) -> None:
    """Draw a table with its upper left corner at ``x``, ``y`` inches."""
    if not table:
        return
    box = drawn.add_axes((0, 0, 1, 1))
    level.place(box, drawn, x, y, width, LEGEND_LINE * len(table))
    box.set_axis_off()
    box.set_xlim(0, width / LEGEND_LINE)
    box.set_ylim(len(table) - 0.5, -0.5)
    for n, line in enumerate(table):
        if line.symbol is not None:
            level.draw_glyph(box, 0.5, n, line.symbol, LEGEND_LINE)
        at = INDENT
        for text, new in line.words:
            text = style.fit(text, max(width - at, 0.2), bold=new)
            size = style.text_width(text, bold=new)
            color = colors.readable(CHANGED) if new else colors.INK
            box.text(at / LEGEND_LINE, n, text, va="center_baseline", color=color,
                     fontweight="bold" if new or line.symbol else "normal")  # fmt: skip
            at += (size if not line.symbol else style.text_width(text, bold=True)) + SPACE


def _map(drawn: Figure, pair: Pair, picture: Picture, x: float, y: float, cell: float) -> None:
    """A level; of the second of two the cells that the first has not so are framed."""
    panel = drawn.add_axes((0, 0, 1, 1))
    size = (cell * picture.layout.cols + 0.08, cell * picture.layout.rows + 0.08)
    level.place(panel, drawn, x, y, *size)
    level.draw_picture(panel, picture, cell)
    if picture is pair.pictures[0]:
        return
    old = pair.pictures[0]
    for r in range(picture.layout.rows):
        for c in range(picture.layout.cols):
            if (
                r >= old.layout.rows
                or c >= old.layout.cols
                or any(
                    (one.top((r, c)), one.layout.wall[r][c])
                    != (two.top((r, c)), two.layout.wall[r][c])
                    for one, two in [(old, picture)]
                )
            ):
                panel.add_patch(
                    Rectangle((c - 0.46, r - 0.46), 0.92, 0.92, fill=False, edgecolor=CHANGED,
                              linewidth=1.2, zorder=5.5, label="changed")
                )  # fmt: skip


# Words


def _finding(scenario: Scenario, pairs: Sequence[Pair]) -> str:
    """What the first flip changes, in a sentence."""
    if not scenario.flips:
        return "the worlds" if len(pairs[0].worlds) > 1 else "the world"
    first = pairs[0].worlds
    found = [
        f"{path[1]} {_how(path).rstrip(':')} {text}".replace("  ", " ")
        for path in dict.fromkeys(path for here in first for path, _ in here.effects())
        if all(path in dict(here.effects()) for here in first)
        for text, changes in _amounts(path, first)
        if changes
    ]
    counted = [_sites(name, symbol, first) for name, symbol in symbols(*first).items()]
    found += [words for words, changes in counted if changes]
    found += [f"{words} changes" if words == "the map" else words for words in _others(first)]
    if not found:
        return "what trains changes, the worlds do not"
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"at generation {scenario.flips[0].generation}, {found[0]}{more}"


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


def _others(worlds: Sequence[World]) -> list[str]:
    """What differs beside what the table shows."""
    if len(worlds) < 2:
        return []
    first, second = worlds
    return [
        words for words in differences(first, second)
        if not any(f".{amount}." in words for amount in AMOUNTS)
        and ".count " not in words and ": only " not in words
    ]  # fmt: skip


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _note(scenario: Scenario, pairs: Sequence[Pair]) -> str:
    words = []
    flips = scenario.flips
    shown = first_and_last(len(flips), MOST_FLIPS)
    for n, pair in zip(shown, pairs, strict=False):
        when = f" at generation {flips[n].generation}" if len(pairs) > 1 else ""
        if found := _others(pair.worlds):
            more = len(found) - MOST_DIFFERENCES
            text = "; ".join(found[:MOST_DIFFERENCES])
            words.append(f"Also{when}: {text}{f'; and {more} more' if more > 0 else ''}.")
    if any(len(phase.mixture) > 1 for phase in scenario.timeline):
        for n in shown:
            when = f" generation {flips[n].generation}" * (len(shown) > 1)
            words.append(
                f"Trains before{when}: {flips[n].label_before}; after: {flips[n].label_after}."
            )
    if any(picture.torus for pair in pairs for picture in pair.pictures):
        words.append("Dashed: edges wrap.")
    if len(shown) < len(flips):
        words.append(f"Shown: the first {len(shown) - 1} and the last of {len(flips)} flips.")
    return " ".join(words)
