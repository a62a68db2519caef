"""Semantic checks inside one world: names, values and ranges that belong to another place of it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evosim.scenario import check_placement
from evosim.scenario.map import RESERVED, MapError, parse_map
from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.positions import KeyPath
from evosim.scenario.rules import Always, Drift, Ground, Happening, Here, Mover, Rule
from evosim.scenario.schema import BUILT_IN, Kind, Variable, World
from evosim.scenario.state_space import factors, mebibytes
from evosim.scenario.values import MOST_DRIFTS, bounds


def check_entries(
    world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    """Mistakes of single entries of a world; the world may lack entries that are broken.

    Args:
        world: what could be read of the world.
        variables: the names of all variables written, broken ones too.
        stimuli: the names of what can be felt, or None where that is not known.
    """
    counted: dict[str, str] = {}
    for name, variable in world.variables.items():
        for mistake in _variable(variable, world, variables):
            yield mistake.below("variables", name)
        if variable.counts is not None and counted.setdefault(variable.counts, name) != name:
            allowed = f"one variable, such as {counted[variable.counts]}"
            yield Mistake(
                ("variables", name, "counts"),
                bad_value("counted already", variable.counts, allowed),
            )
    yield from _glyphs(world)
    for name, kind in world.kinds.items():
        if name == "always":
            yield Mistake(
                ("kinds", name), bad_value("reserved name", name, "any other name of a kind")
            )
        for mistake in _kind(kind, world, variables, stimuli):
            yield mistake.below("kinds", name)
    for name, always in world.always.items():
        for mistake in (*_when(always.when, world, variables), *_feels(always, stimuli)):
            yield mistake.below("always", name)
    for name, field in world.fields.items():
        for mistake in _field(field, world, variables, stimuli):
            yield mistake.below("fields", name)
    for name, mover in world.movers.items():
        for mistake in _mover(name, mover, world, variables, stimuli):
            yield mistake.below("movers", name)
    for name, happening in world.happens.items():
        for mistake in _changes(happening, world, variables):
            yield mistake.below("happens", name)


def _field(
    field: Ground, world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    """A field's place, how it falls, and what it makes feel."""
    places = {"point": field.point, "region": field.region, "map": field.map}
    given = [key for key, value in places.items() if value is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none of them"
        yield Mistake(
            tuple(given[1:2]),
            f"where is it strongest? (got {got}, needed: one of point, region and map)",
        )
    if field.map is not None and (field.falls != "none" or field.reach):
        key = "falls" if field.falls != "none" else "reach"
        yield Mistake((key,), "a map says the strength of every cell: leave falls and reach out")
    elif field.falls != "none" and not field.reach:
        yield Mistake(
            ("reach",),
            bad_value(f"a field that falls {field.falls} needs a reach", field.reach, "above 0"),
        )
    yield from _when(field.when, world, variables)
    yield from _feels(field, stimuli)


def _mover(
    name: str,
    mover: Mover,
    world: World,
    variables: Collection[str],
    stimuli: Collection[str] | None,
) -> Iterator[Mistake]:
    if name in world.kinds:
        yield Mistake((), bad_value("a kind of site has the same name", name, "another name"))
    for key, rules in (("meet", mover.meet), ("use", mover.use)):
        for rule_name, rule in rules.items():
            for mistake in _rule(rule, world, variables, stimuli):
                yield mistake.below(key, rule_name)


def _drifts(variable: Variable, world: World, variables: Collection[str]) -> Iterator[Mistake]:
    """Each drift's condition; and of several, that at most one can happen in a step."""
    several = isinstance(variable.drift, tuple)
    for i, drift in enumerate(variable.drifts):
        for mistake in _when(drift.when, world, variables):
            yield mistake.below("drift", *((i,) if several else ()))
    if len(variable.drifts) > MOST_DRIFTS:
        yield Mistake(
            ("drift",), f"too many drifts (got {len(variable.drifts)}, allowed {MOST_DRIFTS})"
        )
        return
    # One draw decides among the drifts of a variable. Conditions are boxes: several hold together
    # where every two of them do, so that cliques of compatible drifts are all there is to check.
    for together in _compatible(variable.drifts):
        total = sum(drift.chance for drift in together)
        if total > 1 + 1e-9:
            chances = " + ".join(f"{drift.chance:g}" for drift in together)
            yield Mistake(
                ("drift",),
                f"at most one drift of a variable happens in a step, but chances of drifts that "
                f"hold together sum to more than 1 (got {chances} = {total:g}, allowed 1)",
            )
            return


def _compatible(drifts: tuple[Drift, ...]) -> Iterator[list[Drift]]:
    """The sets of drifts, two or more, that hold together somewhere; largest chances first."""
    found: list[list[Drift]] = [[]]
    for drift in sorted(drifts, key=lambda one: -one.chance):
        found += [
            [*others, drift]
            for others in found
            if all(_meet(drift.when, other.when) for other in others)
        ]
    return (one for one in found if len(one) > 1)


def _meet(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two conditions can hold at once."""
    return all(
        bounds(one[name])[0] <= bounds(other[name])[1]
        and bounds(other[name])[0] <= bounds(one[name])[1]
        for name in one.keys() & other.keys()
    )


def _variable(variable: Variable, world: World, variables: Collection[str]) -> Iterator[Mistake]:
    top = variable.values - 1
    yield from _value(("start",), variable.start, variable, "start")
    if variable.fatal is not None:
        low, high = bounds(variable.fatal)
        if high > top:
            yield Mistake(
                ("fatal",), bad_value("fatal value out of range", variable.fatal, f"0 to {top}")
            )
        elif any(low <= value <= high for value in possible(variable.start)) and (
            isinstance(variable.start, int) or len(variable.start) == variable.values
        ):
            yield Mistake(
                ("start",),
                bad_value(
                    "starts in a fatal value",
                    variable.start,
                    f"none of fatal = {show(variable.fatal)}",
                ),
            )
        elif variable.hidden and variable.assume is not None and low <= variable.assume <= high:
            yield Mistake(
                ("assume",),
                bad_value(
                    "assumes a fatal value",
                    variable.assume,
                    f"none of fatal = {show(variable.fatal)}",
                ),
            )
    yield from _drifts(variable, world, variables)
    if variable.counts is not None:
        yield from _counter(variable)
    if variable.hidden and variable.assume is None:
        yield Mistake(
            ("assume",),
            f"missing (got nothing, needed: the value, 0 to {top}, that agents without the sense "
            "take a hidden variable for)",
        )
    if not variable.hidden and variable.assume is not None:
        yield Mistake(
            ("assume",),
            bad_value("only a hidden variable is assumed", variable.assume, "hidden = true"),
        )
    if variable.assume is not None and variable.assume > top:
        yield Mistake(
            ("assume",), bad_value("assumed value out of range", variable.assume, f"0 to {top}")
        )


def _counter(variable: Variable) -> Iterator[Mistake]:
    """What a variable that counts cannot be: only what it counts moves it."""
    what = variable.counts
    if variable.start != 0:
        yield Mistake(
            ("start",), bad_value(f"{what} are counted from birth on", variable.start, "0")
        )
    for key in ("drift", "fatal"):
        if getattr(variable, key) is not None:
            yield Mistake((key,), f"it counts {what} and does nothing else: leave {key} out")
    if variable.hidden:
        yield Mistake(
            ("hidden",), bad_value(f"minds know of their own {what}", variable.hidden, "false")
        )


def possible(start: int | tuple[float, ...]) -> list[int]:
    """The values that a start, or a ``set``, can lead to."""
    if isinstance(start, int):
        return [start]
    return [value for value, weight in enumerate(start) if weight > 0]


def _value(
    path: KeyPath, given: int | tuple[float, ...], variable: Variable, what: str
) -> Iterator[Mistake]:
    if isinstance(given, int):
        if given >= variable.values:
            yield Mistake(
                path, bad_value(f"{what} out of range", given, f"0 to {variable.values - 1}")
            )
    elif len(given) != variable.values:
        allowed = f"{variable.values} weights, one for each value of the variable"
        yield Mistake(path, bad_value(f"{len(given)} weights", given, allowed))


def condition(
    when: Mapping[str, int | tuple[int, int]], world: World, variables: Collection[str]
) -> Iterator[Mistake]:
    """Variables that a condition names, and their values; paths from its own keys on."""
    for name, value in when.items():
        if name not in variables:
            yield Mistake((name,), unknown("variable", name, variables))
        elif name in world.variables:
            top = world.variables[name].values - 1
            if bounds(value)[1] > top:
                yield Mistake((name,), bad_value("value out of range", value, f"0 to {top}"))


def _when(
    when: Mapping[str, int | tuple[int, int]], world: World, variables: Collection[str]
) -> Iterator[Mistake]:
    return (mistake.below("when") for mistake in condition(when, world, variables))


def _feels(
    effect: Rule | Here | Always | Ground, stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    for name in effect.feels:
        if name in BUILT_IN:
            yield Mistake(("feels", name), f"{name} is built in: {BUILT_IN[name]}")
        elif stimuli is not None and name not in stimuli:
            yield Mistake(("feels", name), f"no drive feels it: {unknown('drive', name, stimuli)}")


def _glyphs(world: World) -> Iterator[Mistake]:
    owners: dict[str, str] = {}
    things = [("kinds", name, kind.glyph) for name, kind in world.kinds.items()]
    things += [("movers", name, mover.glyph) for name, mover in world.movers.items()]
    for sort, name, glyph in things:
        path = (sort, name, "glyph")
        # Printed, and as wide as any letter. The blank is reserved: it has another message.
        visible = len(glyph) == 1 and (
            glyph == " "
            or (
                glyph.isprintable()
                and not glyph.isspace()
                and not unicodedata.combining(glyph)
                and unicodedata.east_asian_width(glyph) not in "WF"
            )
        )
        if not visible:
            yield Mistake(path, bad_value("not one character", glyph, "one visible character"))
        elif glyph in RESERVED:
            yield Mistake(
                path, bad_value("reserved character", glyph, "any but # . @ - | and the blank")
            )
        elif glyph in owners:
            yield Mistake(
                path,
                bad_value(f"glyph of {owners[glyph]} too", glyph, "one that is not taken"),
            )
        owners.setdefault(glyph, f"the {sort[:-1]} {name}")


def _kind(
    kind: Kind, world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    for name, rule in kind.use.items():
        if name == "here":
            yield Mistake(
                ("use", name), bad_value("reserved name", name, "any other name of a rule")
            )
        for mistake in _rule(rule, world, variables, stimuli):
            yield mistake.below("use", name)
    for name, rule in kind.enter.items():
        for mistake in _rule(rule, world, variables, stimuli):
            yield mistake.below("enter", name)
    if kind.here is not None:
        for mistake in (*_when(kind.here.when, world, variables), *_feels(kind.here, stimuli)):
            yield mistake.below("here")


def _rule(
    rule: Rule, world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    yield from _changes(rule, world, variables)
    yield from _feels(rule, stimuli)
    if rule.corrects and world.counting("corrections") is None:
        yield Mistake(
            ("corrects",),
            "no variable counts corrections (needed: a variable of the world with counts = "
            '"corrections", one value more than the most corrections of a life, and start = 0)',
        )


def _changes(rule: Rule | Happening, world: World, variables: Collection[str]) -> Iterator[Mistake]:
    """When something happens, and what it sets and adds to."""
    yield from _when(rule.when, world, variables)
    changes: dict[str, Mapping[str, Any]] = {"set": rule.set, "add": rule.add}
    for key, change in changes.items():
        for name in change:
            if name not in variables:
                yield Mistake((key, name), unknown("variable", name, variables))
            elif name in world.variables and world.variables[name].counts is not None:
                what = world.variables[name].counts
                yield Mistake((key, name), f"{name} counts {what}, and nothing else changes it")
    for name, given in rule.set.items():
        if name in world.variables:
            yield from _value(("set", name), given, world.variables[name], "value")
        if name in rule.add:
            yield Mistake(("add", name), f"the rule sets {name} too (allowed set or add, not both)")


DRAWS = 56
"""Draws of a step that are left for what moves by itself (docs/model.md, 5)."""


WAYS = 20_000_000
"""Ways in which all that moves by itself can combine, over all values of the variables."""


def _ways_of_chance(world: World) -> int:
    ways = world.n_states // len(world.layout.free)
    for happening in world.happens.values():
        drawn = [possible(given) for given in happening.set.values()]
        ways *= 1 + math.prod(len(values) for values in drawn)
    for variable in world.variables.values():
        ways *= 1 + len(variable.drifts)
    return ways * 2 ** sum(slot.ordinal >= 0 for slot in world.slots)


def _on_the_grid(world: World) -> Iterator[Mistake]:
    """Fields and movers off the grid, maps of another size, movers without a free cell."""
    layout = world.layout
    size = {"rows": layout.rows, "cols": layout.cols}
    for name, field in world.fields.items():
        path: KeyPath = ("fields", name)
        if field.point is not None:
            row, col = field.point
            if row >= layout.rows or col >= layout.cols:
                allowed = f"row 0 to {layout.rows - 1}, column 0 to {layout.cols - 1}"
                yield Mistake(
                    (*path, "point"), bad_value("cell off the grid", field.point, allowed)
                )
        if field.map is not None:
            yield from (found.below(*path, "map") for found in _digits(field.map, size))
    things = [(("fields", n), f.region) for n, f in world.fields.items()]
    things += [(("movers", n), m.region) for n, m in world.movers.items()]
    for path, region in things:
        for side, length in size.items():
            if region is not None and (span := getattr(region, side))[1] >= length:
                allowed = f"{side} 0 to {length - 1}"
                yield Mistake(
                    (*path, "region", side), bad_value("region off the grid", span, allowed)
                )
    for name, mover in world.movers.items():
        if mover.count and not check_placement.begins(world, name):
            yield Mistake(
                ("movers", name, "region"), "no free cell in the region on which it can begin"
            )


def _digits(text: str, size: Mapping[str, int]) -> Iterator[Mistake]:
    """What is wrong with a map of strengths."""
    try:
        grid = parse_map(text)
    except MapError as error:
        yield Mistake((), str(error))
        return
    for side, drawn in (("rows", grid.rows), ("cols", grid.cols)):
        if drawn != size[side]:
            yield Mistake(
                (), f"a map of another size (got {drawn} {side}, allowed {size[side]}, as the grid)"
            )
    for r, line in enumerate(grid.cells):
        for c, char in enumerate(line):
            if char not in "0123456789.#":
                allowed = "digits, and . or # for 0"
                at = f"row {r}, column {c} is no strength"
                yield Mistake((), bad_value(at, char, allowed))
                return


_COUNTED = 10**18


def check_whole(world: World) -> Iterator[Mistake]:
    """Mistakes of a world as a whole: its map, its sites, its number of states."""
    try:
        layout = world.layout
    except MapError as error:
        key = "map" if world.map is not None else "rows" if world.rows is None else "cols"
        yield Mistake((key,), str(error))
        return
    if not layout.free:
        yield Mistake(("map",), "no free cell: every cell is a wall")
        return
    crowded = [*check_placement.mistakes(world), *_on_the_grid(world)]
    yield from crowded
    if crowded:
        return
    things = any(world.sites_of(name) for name in world.kinds)
    if not (things or world.fields or any(world.movers_of(name) for name in world.movers)):
        yield Mistake(("kinds",), "no sites: a level needs at least one, by count or on the map")
    movers = sum(world.movers_of(name) for name in world.movers)
    draws = len(world.state_variables) + len(world.happens) + 2 * movers
    if draws > DRAWS:
        yield Mistake(
            ("movers" if movers else "happens",),
            f"too many draws in a step (got {draws}: {len(world.state_variables)} of variables, "
            f"sites and movers, {len(world.happens)} of happenings, 2 of each of {movers} movers; "
            f"allowed {DRAWS})",
        )
        return
    ways = _ways_of_chance(world) if world.local else 0
    if ways > WAYS and world.n_states <= world.max_states:
        yield Mistake(
            ("happens",) if world.happens else ("variables",),
            f"too much happens by chance (got {ways:,} ways in which happenings, drifts and sites "
            f"that refill can combine, over all values of the variables; allowed {WAYS:,})",
        )
        return
    if world.n_states > world.max_states:
        # Python prints no number of thousands of digits, and nobody reads one of a hundred.
        more, states = (
            ("more than ", _COUNTED) if world.n_states > _COUNTED else ("", world.n_states)
        )
        message = (
            f"too many states (got {more}{states:,} states, {mebibytes(states):,.1f} MiB "
            f"in a plan of 64 agents: {factors(world)}; allowed max_states = "
            f"{world.max_states:,}, "
            f"{mebibytes(world.max_states):,.1f} MiB)"
        )
        yield Mistake(("max_states",), message)
