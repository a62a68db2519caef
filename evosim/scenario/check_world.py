"""Semantic checks inside one world: names, values and ranges that belong to another place of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evosim.scenario import check_placement
from evosim.scenario.map import RESERVED, MapError
from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.positions import KeyPath
from evosim.scenario.schema import BUILT_IN, Always, Here, Kind, Rule, Variable, World
from evosim.scenario.state_space import mebibytes
from evosim.scenario.values import bounds


def check_entries(
    world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    """Mistakes of single entries of a world; the world may lack entries that are broken.

    Args:
        world: what could be read of the world.
        variables: the names of all variables written, broken ones too.
        stimuli: the names of what can be felt, or None where that is not known.
    """
    for name, variable in world.variables.items():
        for mistake in _variable(variable, world, variables):
            yield mistake.below("variables", name)
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


def _variable(variable: Variable, world: World, variables: Collection[str]) -> Iterator[Mistake]:
    top = variable.values - 1
    yield from _value(("start",), variable.start, variable, "start")
    if variable.fatal is not None:
        low, high = bounds(variable.fatal)
        if high > top:
            yield Mistake(
                ("fatal",), bad_value("fatal value out of range", variable.fatal, f"0 to {top}")
            )
        elif any(low <= value <= high for value in possible(variable.start)):
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
    if variable.drift is not None:
        for mistake in _when(variable.drift.when, world, variables):
            yield mistake.below("drift")
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


def _when(
    when: Mapping[str, int | tuple[int, int]], world: World, variables: Collection[str]
) -> Iterator[Mistake]:
    for name, condition in when.items():
        path = ("when", name)
        if name not in variables:
            yield Mistake(path, unknown("variable", name, variables))
        elif name in world.variables:
            top = world.variables[name].values - 1
            if bounds(condition)[1] > top:
                yield Mistake(path, bad_value("value out of range", condition, f"0 to {top}"))


def _feels(effect: Rule | Here | Always, stimuli: Collection[str] | None) -> Iterator[Mistake]:
    for name in effect.feels:
        if name in BUILT_IN:
            yield Mistake(("feels", name), f"{name} is built in: {BUILT_IN[name]}")
        elif stimuli is not None and name not in stimuli:
            yield Mistake(("feels", name), f"no drive feels it: {unknown('drive', name, stimuli)}")


def _glyphs(world: World) -> Iterator[Mistake]:
    owners: dict[str, str] = {}
    for name, kind in world.kinds.items():
        path, glyph = ("kinds", name, "glyph"), kind.glyph
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
                bad_value(f"glyph of the kind {owners[glyph]} too", glyph, "one that is not taken"),
            )
        owners.setdefault(glyph, name)


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
    if kind.here is not None:
        for mistake in _feels(kind.here, stimuli):
            yield mistake.below("here")


def _rule(
    rule: Rule, world: World, variables: Collection[str], stimuli: Collection[str] | None
) -> Iterator[Mistake]:
    yield from _when(rule.when, world, variables)
    changes: dict[str, Mapping[str, Any]] = {"set": rule.set, "add": rule.add}
    for key, change in changes.items():
        for name in change:
            if name not in variables:
                yield Mistake((key, name), unknown("variable", name, variables))
    for name, given in rule.set.items():
        if name in world.variables:
            yield from _value(("set", name), given, world.variables[name], "value")
        if name in rule.add:
            yield Mistake(("add", name), f"the rule sets {name} too (allowed set or add, not both)")
    yield from _feels(rule, stimuli)


_COUNTED = 10**18
_MOST_FACTORS = 20


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
    crowded = list(check_placement.mistakes(world))
    yield from crowded
    if crowded:
        return
    if not any(world.sites_of(name) for name in world.kinds):
        yield Mistake(("kinds",), "no sites: a level needs at least one, by count or on the map")
    if world.n_states > world.max_states:
        factors = [
            f"{len(world.layout.free)} cells",
            *(f"{variable.values} {variable.name}" for variable in world.state_variables),
        ]
        factors[_MOST_FACTORS:] = ["..."] * (len(factors) > _MOST_FACTORS)
        # Python prints no number of thousands of digits, and nobody reads one of a hundred.
        more, states = (
            ("more than ", _COUNTED) if world.n_states > _COUNTED else ("", world.n_states)
        )
        message = (
            f"too many states (got {more}{states:,} states, {mebibytes(states):,.1f} MiB "
            f"in a plan of 64 agents: {' x '.join(factors)}; allowed max_states = "
            f"{world.max_states:,}, "
            f"{mebibytes(world.max_states):,.1f} MiB)"
        )
        yield Mistake(("max_states",), message)
