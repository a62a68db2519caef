"""The section ``[agent.table]``: what a table tells apart, its rows and its genes.

A mind with ``mind = "table"`` is a softmax table of what it sees to what it does. Its rows are made
here from all environments of a scenario, so that there is a row for what never trains.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from evosim.scenario.check_placement import may_hold
from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.values import Bound, Cost, Locus, Model, Name, bounds

if TYPE_CHECKING:
    from evosim.scenario import Here, Kind, Rule, Scenario, World
    from evosim.scenario._partial import PartialDocument

LARGEST = 4096
"""Genes of a table, at most: a run records all genes of every individual of every generation."""
NOTHING, BLOCKED = "nothing", "blocked"
PLACES = ("here", "north", "south", "west", "east")
"""Where a table looks, in the order of its rows."""
OF_TABLES = "table."
"""What the names of the loci of tables begin with."""
_MOST_PATTERNS = 20_000


class Table(Model):
    """A softmax table of what is seen to actions, in place of a planner."""

    sees: Literal["kinds", "looks", "stimuli"] = Field(
        default="kinds",
        description="What it tells things apart by: their kind, or which looks or stimuli they "
        "have, however strong.",
    )
    only: tuple[Name, ...] | None = Field(
        default=None,
        description="The kinds, looks or stimuli that it sees; left out: all of them.",
    )
    reads: tuple[Name, ...] | None = Field(
        default=None, description="The variables that it sees; left out: all of them."
    )
    reach: Literal[0, 1] = Field(
        default=1,
        description="How far it sees: 0 what is on its own cell, 1 the four next to it too.",
    )
    bound: Bound = Field(default=10.0, description="Its genes evolve from minus this to this.")
    start: Cost = Field(
        default=0.0, description="Generation 0 is drawn from minus this to this; 0: all alike."
    )

    def thing(self, world: World, kind: str) -> str:
        """What a site of a kind looks like to it."""
        if self.sees == "kinds":
            has: Iterable[str] = [kind]
        elif self.sees == "looks":
            has = [name for name, amount in world.kinds[kind].looks.items() if amount]
        else:
            has = _stimuli(world.kinds[kind])
        seen = sorted(name for name in has if self.only is None or name in self.only)
        return "+".join(seen) or NOTHING


def _stimuli(kind: Kind) -> set[str]:
    """What a kind can make one feel."""
    effects: list[Rule | Here] = [*kind.use.values(), *kind.enter.values()]
    effects += [kind.here] if kind.here else []
    return {name for effect in effects for name, amount in effect.feels.items() if amount}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a table: every value of what it reads, times every pattern of what it sees.

    Row number: that of the variables, the first slowest, times the number of patterns, plus that of
    the pattern.
    """

    table: Table
    variables: dict[str, tuple[int, ...]]  # the values of each variable that it reads
    things: tuple[str, ...]  # what can be seen at a place: nothing, blocked, then things
    patterns: tuple[tuple[int, ...], ...]  # what is seen at each place, sorted
    actions: tuple[str, ...]

    @property
    def n(self) -> int:
        """How many there are."""
        return math.prod(map(len, self.variables.values())) * len(self.patterns)

    def names(self) -> Iterator[str]:
        """What is seen in each row, such as ``fertile=1,here=mate``; what is left out: nothing."""
        for values in itertools.product(*self.variables.values()):
            known = [f"{name}={value}" for name, value in zip(self.variables, values, strict=True)]
            for pattern in self.patterns:
                seen = zip(PLACES, pattern, strict=False)
                near = [f"{place}={self.things[thing]}" for place, thing in seen if thing]
                yield ",".join([*known, *near]) or NOTHING

    def genes(self) -> Iterator[str]:
        """The names of the genes, row by row."""
        for row in self.names():
            for action in self.actions:
                yield f"{OF_TABLES}{row}.{action}"


def rows(scenario: Scenario) -> Rows:
    """The rows of a scenario's tables, the same in all its environments."""
    table = scenario.agent.table
    worlds = [scenario.environment(name) for name in scenario.environments]
    kinds = [(world, kind) for world in worlds for kind in world.kinds]
    things = tuple(dict.fromkeys([NOTHING, BLOCKED, *(table.thing(w, kind) for w, kind in kinds)]))
    patterns: set[tuple[int, ...]] = set()
    for world in worlds:
        patterns |= _patterns(world, table, things)
    stay = ("stay",) if worlds[0].stay else ()
    return Rows(
        table=table,
        variables={name: _values(worlds, name) for name in _read(worlds, table)},
        things=things,
        patterns=tuple(sorted(patterns)),
        actions=(*PLACES[1:], *stay, "use"),
    )


def loci(scenario: Scenario) -> dict[str, Locus]:
    """What a table is made of: no drive, no plan, and a gene for each row and action."""

    def fixed(value: float) -> Locus:
        return Locus(low=value, high=value, start_low=value, start_high=value)

    bound, start = scenario.agent.table.bound, scenario.agent.table.start
    gene = Locus(low=-bound, high=bound, start_low=-start, start_high=start)
    assert scenario.rows is not None
    return {
        # Who wants nothing has drives of 0: then all that asks for drives has its answer.
        **{f"drive.{name}": fixed(0.0) for name in scenario.agent.drives},
        "depth": fixed(0),
        "patience": fixed(0.0),
        "temperature": fixed(1.0),
        **{f"sense.{name}": locus for name, locus in scenario.senses.items()},
        **dict.fromkeys(scenario.rows.genes(), gene),
    }


def _read(worlds: Iterable[World], table: Table) -> tuple[str, ...]:
    names = dict.fromkeys(name for world in worlds for name in world.variables)
    return tuple(name for name in names if table.reads is None or name in table.reads)


def _values(worlds: Iterable[World], name: str) -> tuple[int, ...]:
    """The values with which somebody can live in some environment, or that are assumed."""
    found: set[int] = set()
    for variable in (world.variables[name] for world in worlds if name in world.variables):
        low, high = (1, 0) if variable.fatal is None else bounds(variable.fatal)
        found |= {value for value in range(variable.values) if not low <= value <= high}
        found |= set() if variable.assume is None else {variable.assume}
    return tuple(sorted(found))


def _patterns(world: World, table: Table, things: tuple[str, ...]) -> set[tuple[int, ...]]:
    """What can be seen around a cell, on whatever level of a world.

    A superset: where kinds that look alike have different regions, their numbers are put together.
    """
    number = {name: i for i, name in enumerate(things)}
    looks = {kind: number[table.thing(world, kind)] for kind in world.kinds}
    layout, drawn = world.layout, {n: k for n, k in world.kinds.items() if k.count}
    most = [0] * len(things)
    for name, kind in drawn.items():
        most[looks[name]] += kind.count
    # What can be on each cell, and whether it was drawn there: (thing, drawn).
    on: dict[tuple[int, int], set[tuple[int, bool]]] = {cell: {(0, False)} for cell in layout.free}
    for row, col, name in layout.sites:
        empty = {(0, False)} if world.kinds[name].regrow is not None else set()
        on[row, col] = {(looks[name], False), *empty}
    for cell in layout.open:
        on[cell] |= {(looks[n], looks[n] > 0) for n, k in drawn.items() if may_hold(k, cell)}
    found: set[tuple[int, ...]] = set()
    alike: set[Any] = set()
    for cell in layout.free:
        around = [cell, *(_next(world, cell, way) for way in PLACES[1:])] if table.reach else [cell]
        # Cells by their first place in the pattern: on a narrow torus two places are one cell.
        where = [None if to is None else around.index(to) for to in around]
        options = [None if to is None else frozenset(on[to]) for to in around]
        closed = [i > 0 and world.maze > 0 for i in range(len(around))]
        if (key := (tuple(where), tuple(options))) not in alike:
            alike.add(key)
            _see(where, options, closed, most, found)
        if len(found) > _MOST_PATTERNS:
            break
    return found


def _next(world: World, cell: tuple[int, int], way: str) -> tuple[int, int] | None:
    """The cell that a move leads to; None where it is blocked."""
    layout, (row, col) = world.layout, cell
    down, right = {"north": (-1, 0), "south": (1, 0), "west": (0, -1), "east": (0, 1)}[way]
    to = (row + down, col + right)
    if world.edges == "torus":
        to = (to[0] % layout.rows, to[1] % layout.cols)
    # A barrier belongs to the cell north or west of it, and never lies beyond an edge.
    upper, left = (row + min(down, 0), col + min(right, 0))
    barriers = layout.barrier_south if down else layout.barrier_east
    barred = upper >= 0 and left >= 0 and barriers[upper][left]
    return to if to != cell and to in layout.free and not barred else None


def _see(
    where: list[int | None],
    options: list[frozenset[tuple[int, bool]] | None],
    closed: list[bool],
    most: list[int],
    found: set[tuple[int, ...]],
) -> None:
    """Add every pattern of some places, with no more drawn things than there are."""
    left, pattern = list(most), [0] * len(where)
    on: dict[int, int] = {}  # what is on the cells seen so far, by their first place

    def go_on(i: int) -> None:
        if len(found) > _MOST_PATTERNS:
            return
        if i == len(where):
            found.add(tuple(pattern))
            return
        cell, here = where[i], options[i]
        if cell is None or here is None or closed[i]:
            pattern[i] = 1
            go_on(i + 1)
        if cell is None or here is None:
            return
        if cell in on:
            pattern[i] = on[cell]
            go_on(i + 1)
            return
        for thing, drawn in here:
            if drawn and not left[thing]:
                continue
            left[thing] -= drawn
            pattern[i] = on[cell] = thing
            go_on(i + 1)
            left[thing] += drawn
            del on[cell]

    go_on(0)


def shown(scenario: Scenario) -> dict[str, str]:
    """What a table tells apart, as ``evosim show`` has it of a mind."""
    made = scenario.rows
    assert made is not None
    table = made.table
    reads = ", ".join(f"{name} ({len(values)} values)" for name, values in made.variables.items())
    told = ", ".join(made.things[2:]) or NOTHING
    near = "on its cell and the four next to it" if table.reach else "on its own cell"
    return {
        "mind.table": f"{made.n:,} rows of {len(made.actions)} actions, "
        f"{made.n * len(made.actions):,} genes that evolve in "
        f"[{-table.bound:g}, {table.bound:g}], start "
        + (f"within [{-table.start:g}, {table.start:g}]" if table.start else "at 0"),
        "mind.sees": f"{told} {near}, told apart by {table.sees}",
        "mind.reads": reads or "no variable",
    }


_NOT_WITH = {
    ("agent", "tool"): "a table has no values of actions with which those of a tool could be mixed",
    ("agent", "drives", "novelty"): "a table feels nothing, and novelty is no part of what it sees",
    ("agent", "believes"): "a table plans by no beliefs: it goes by what it sees",
    ("agent", "anticipation"): "a table foresees nothing",
    ("agent", "credence"): "a table has no model of the world in which something is uncertain",
    ("agent", "rho"): "a table counts on nothing, so on no copy either",
    ("correction",): "a correction gives a mind other drives, and a table has none: let the base "
    "optimizer change its genes",
    ("measure", "without"): "a table has no drive that could be taken away",
    ("copies",): "a table counts on nothing, so on no copy either",
}


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Names that there are, nothing that only a planner can have, and not too many genes."""
    agent = partial.table("agent")
    if agent.get("mind") != "table":
        return
    for path, why in _NOT_WITH.items():
        *above, key = path
        if key in (partial.built_in if above == ["agent", "drives"] else partial.table(*above)):
            yield Mistake(path, f'not with mind = "table": {why} (remove one of the two)')
    table = partial.section("agent.table", Table) if "table" in agent else Table()
    if table is None or partial.worlds is None:
        return
    worlds = list(partial.worlds.values())
    yield from _unknown_names(worlds, table, partial.stimuli or ())
    for name, world in partial.worlds.items():
        place = ("environments", name)
        if world.movers:
            yield Mistake(
                ("agent", "mind"),
                f"a table does not see things that walk, which environment {show(name)} has "
                f"(got movers {', '.join(world.movers)}, needed: none)",
            )
        if world.stay != worlds[0].stay:
            yield Mistake(
                (*place, "stay"),
                bad_value(
                    "a table has the same actions everywhere", world.stay, show(worlds[0].stay)
                ),
            )
    if table.start > table.bound:
        yield Mistake(
            ("agent", "table", "start"),
            bad_value("genes start out of bounds", table.start, f"0 to bound = {table.bound:g}"),
        )
    if partial.scenario is None or any(e.mistakes for e in partial.environments.values()):
        return
    made = rows(partial.scenario)
    genes = made.n * len(made.actions)
    if genes > LARGEST:
        more = "more than " if len(made.patterns) > _MOST_PATTERNS else ""
        values = math.prod(map(len, made.variables.values()))
        yield Mistake(
            ("agent", "table") if "table" in agent else ("agent", "mind"),
            f"too many genes (got {more}{genes:,}: {values:,} values of the variables that it "
            f"reads x {more}{len(made.patterns):,} patterns of what it sees x "
            f"{len(made.actions)} actions, allowed at most {LARGEST:,}): let it read fewer "
            "variables (reads), tell fewer things "
            'apart (only, or sees = "looks" or "stimuli"), or see less far (reach = 0)',
        )


def _unknown_names(
    worlds: list[World], table: Table, stimuli: tuple[str, ...]
) -> Iterator[Mistake]:
    variables = dict.fromkeys(name for world in worlds for name in world.variables)
    for name in table.reads or ():
        if name not in variables:
            yield Mistake(("agent", "table", "reads"), unknown("variable", name, variables))
    known: Iterable[str] = stimuli
    if table.sees != "stimuli":
        kinds = [(name, kind) for world in worlds for name, kind in world.kinds.items()]
        known = [name for name, _ in kinds]
        if table.sees == "looks":
            known = [look for _, kind in kinds for look in kind.looks]
    what = {"kinds": "kind", "looks": "look", "stimuli": "stimulus"}[table.sees]
    for name in table.only or ():
        if name not in known:
            message = unknown(what, name, dict.fromkeys(known))
            yield Mistake(("agent", "table", "only"), message)
    for name in (NOTHING, BLOCKED):
        if name in known:
            yield Mistake(
                ("agent", "table"),
                bad_value(f"a table calls no {what} so", name, f"another name of the {what}"),
            )


def notes(scenario: Scenario, reaches: Any) -> Iterator[Mistake]:
    """What a table has no use for."""
    agent = scenario.agent
    if agent.mind != "table":
        # An arm of an experiment may set the kind of mind.
        if agent.table != Table() and scenario.experiment is None:
            yield Mistake(("agent", "table"), 'not used: it is for mind = "table"')
        return
    if agent.thinking_cost:
        yield Mistake(("agent", "thinking_cost"), "costs nothing: a table does not think")
