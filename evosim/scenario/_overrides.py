"""What an environment may override, and what it may add to the world.

An environment is a partial world. A key that the world has is overridden: tables merge, anything
else is replaced. Researchers need environments with other numbers, other maps and sizes, other
lifetimes, new kinds of site and new rules, and all of that is possible. Two things are not:

* a name that the world lacks is more often a misspelling than an addition. So a new kind needs a
  glyph; a new rule of a known kind, and a new ``always``, must say both when it holds
  (``when = {}``: always) and what happens, as must a new field and a new happening; a new mover
  needs a glyph, as a kind does; a new payoff or look must not be one slip of the pen
  away from a known one, unless the world names it too;
* agents of one environment must be able to live, and to plan, in every other. So variables,
  their number of values and whether they are hidden belong to the world. Their starts, drifts,
  fatal values and assumptions may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evosim.errors import did_you_mean, misspelt
from evosim.scenario.messages import Mistake, bad_value, show
from evosim.scenario.positions import KeyPath

_HAPPENS = ("set", "add", "feels", "yields", "ends")
NO_PAYOFF = "no such payoff in the world"
_FEELINGS = ("feels", "yields")
_NEW = (
    ("always", "always rule", _FEELINGS),
    ("fields", "field", _FEELINGS),
    ("happens", "happening", ("set", "add")),
)
_RULES = {"kinds": ("use", "enter"), "movers": ("meet", "use")}


def table(document: Any, *path: str) -> Mapping[str, Any]:
    """The table at a path of a raw document; an empty one where there is none."""
    for key in path:
        document = document.get(key) if isinstance(document, Mapping) else None
    return document if isinstance(document, Mapping) else {}


def replaces(overrides: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether the overrides give the value at a path of the world."""
    found: Any = overrides
    for key in path:
        if not isinstance(found, Mapping):
            return True
        if key not in found:
            return False
        found = found[key]
    return not isinstance(found, Mapping)


def mistakes(
    world: Mapping[str, Any], overrides: Mapping[str, Any], payoffs: tuple[str, ...]
) -> Iterator[Mistake]:
    """What is wrong with the overrides as overrides; paths begin at keys of the world.

    Args:
        world: the raw world of the scenario.
        overrides: the raw overrides of one environment, without its title.
        payoffs: names of the payoffs that the world and the objective name.
    """
    if "world" in overrides:
        yield Mistake(
            ("world",), "an environment overrides keys of the world directly: leave out 'world.'"
        )
    yield from _variables(table(world, "variables"), table(overrides, "variables"))
    yield from _kinds(table(world, "kinds"), table(overrides, "kinds"))
    yield from _movers(table(world, "movers"), table(overrides, "movers"))
    for key, what, effects in _NEW:
        known = table(world, key)
        for name, rule in table(overrides, key).items():
            if name not in known and not _complete(rule, effects):
                yield Mistake((key, name), _incomplete(what, name, known, effects))
    yield from _payoffs(overrides, payoffs)
    yield from _looks(world, overrides)


def _variables(known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, variable in given.items():
        if name not in known:
            yield Mistake(
                ("variables", name),
                f"no such variable in the world, and an environment cannot add one: "
                f"{did_you_mean(name, known)}",
            )
            continue
        for key, default in (("values", None), ("hidden", False), ("counts", None)):
            old = table(known, name).get(key, default)
            new = table(variable).get(key, old)
            if new != old:
                yield Mistake(
                    ("variables", name, key),
                    bad_value(
                        "cannot differ between environments",
                        new,
                        "nothing, as in the world"
                        if old is None
                        else f"{show(old)} as in the world",
                    ),
                )


def _kinds(known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, kind in given.items():
        if not isinstance(kind, Mapping):
            continue
        if name not in known:
            if "glyph" not in kind:
                yield Mistake(
                    ("kinds", name),
                    f"no such kind in the world, and a new one needs a glyph: "
                    f"{did_you_mean(name, known)}",
                )
            continue
        yield from _new_rules(("kinds", name), table(known, name), kind, _HAPPENS)


def _movers(known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, mover in given.items():
        if not isinstance(mover, Mapping):
            continue
        if name in known:
            happens = (*_HAPPENS, "vanishes")
            yield from _new_rules(("movers", name), table(known, name), mover, happens)
        elif "glyph" not in mover:
            yield Mistake(
                ("movers", name),
                f"no such mover in the world, and a new one needs a glyph: "
                f"{did_you_mean(name, known)}",
            )


def _new_rules(
    path: KeyPath, known: Mapping[str, Any], given: Mapping[str, Any], happens: tuple[str, ...]
) -> Iterator[Mistake]:
    for key in _RULES[str(path[0])]:
        rules = table(known, key)
        for name, rule in table(given, key).items():
            if name not in rules and not _complete(rule, happens):
                yield Mistake(
                    (*path, key, name), _incomplete(f"rule of {path[1]}", name, rules, happens)
                )


def _complete(rule: Any, effects: tuple[str, ...]) -> bool:
    if not isinstance(rule, Mapping):
        return True  # a mistake of another sort
    return "when" in rule and any(key in rule for key in effects)


def _incomplete(what: str, name: str, known: Mapping[str, Any], effects: tuple[str, ...]) -> str:
    return (
        f"no such {what} in the world, and a new one needs a when (when = {{}}: always) "
        f"and one of {', '.join(effects)}: {did_you_mean(name, known)}"
    )


def _payoffs(overrides: Mapping[str, Any], payoffs: tuple[str, ...]) -> Iterator[Mistake]:
    for path, yields in _yields(overrides):
        for name in yields:
            like = None if name in payoffs else misspelt(name, payoffs)
            if like:
                yield Mistake(
                    (*path, name),
                    f"{NO_PAYOFF}: did you mean {like!r}? "
                    f"a new payoff so like a known one must be named in the world, if only with "
                    f"yields = {{ {name} = 0 }}; "
                    f"known: {', '.join(sorted(payoffs))}",
                )


def _looks(world: Mapping[str, Any], overrides: Mapping[str, Any]) -> Iterator[Mistake]:
    known = dict.fromkeys(
        look for kind in table(world, "kinds") for look in table(world, "kinds", kind, "looks")
    )
    for kind in table(overrides, "kinds"):
        path = ("kinds", kind, "looks")
        for look in table(overrides, *path):
            like = None if look in known else misspelt(look, known)
            if like:
                yield Mistake(
                    (*path, look),
                    f"no such look in the world: did you mean {like!r}? "
                    f"a new look so like a known one must be named in the world, if only with "
                    f"looks = {{ {look} = 0 }}; "
                    f"known: {', '.join(sorted(known))}",
                )


def _yields(world: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    """Every raw ``yields`` table of a raw world, with its path."""
    for sort, keys in _RULES.items():
        for thing in table(world, sort):
            for key in keys:
                for rule in table(world, sort, thing, key):
                    path = (sort, thing, key, rule, "yields")
                    yield path, table(world, *path)
            if sort == "kinds":
                yield (sort, thing, "here", "yields"), table(world, sort, thing, "here", "yields")
    for sort in ("always", "fields"):
        for name in table(world, sort):
            yield (sort, name, "yields"), table(world, sort, name, "yields")


def payoffs_of(world: Mapping[str, Any]) -> tuple[str, ...]:
    """The payoffs that a raw world names, in order of first appearance."""
    return tuple(dict.fromkeys(name for _, yields in _yields(world) for name in yields))
