"""The key ``agent.credence`` of a scenario, and what it must agree with.

Planning with a credence is exact where all that a mind without the sense can learn of the hidden
variable is what it has survived. What would tell it more is refused here, each with its reason.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from evosim.scenario import _overrides
from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.positions import KeyPath
from evosim.scenario.rules import Rule
from evosim.scenario.values import bounds

if TYPE_CHECKING:
    from evosim.scenario import Kind, World
    from evosim.scenario._partial import PartialDocument

_AT = ("agent", "credence")
_VALUES = "at least 3: none survived, one or more, one was punished"


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """One hidden variable of two values, of which nothing is learnt but by what is survived."""
    given = partial.table("agent").get("credence")
    counters = {
        name: partial.table("world", "variables", name).get("values")
        for name in partial.table("world", "variables")
        if partial.table("world", "variables", name).get("counts") == "unpunished"
    }
    if given is None:
        for name in counters:
            yield Mistake(
                ("world", "variables", name, "counts"),
                bad_value("nobody is uncertain", "unpunished", "it beside [agent.credence] only"),
            )
        return
    names, hidden = list(_overrides.table(given)), partial.hidden
    for name in names:
        if name not in hidden:
            yield Mistake((*_AT, name), unknown("hidden variable", name, hidden))
    if len(names) != 1 or len(hidden) > 1:
        got = names if len(names) != 1 else hidden
        allowed = "the one hidden variable of the world"
        yield Mistake(_AT, bad_value("not one hidden variable", got, allowed))
    if not counters:
        yield Mistake(
            _AT,
            "nothing counts what one survives (needed: a variable of the world with counts = "
            f'"unpunished", start = 0 and values = {_VALUES})',
        )
    for name, values in counters.items():
        if isinstance(values, int) and values < 3:
            yield Mistake(
                ("world", "variables", name, "values"),
                bad_value("too few values to count what one survives", values, _VALUES),
            )
    if partial.table("agent").get("tool") is not None:
        yield Mistake(("agent", "tool"), "minds with a credence have one plan: leave the tool out")
    for drive in partial.built_in:
        yield Mistake(
            ("agent", "drives", drive),
            f"minds with a credence plan once a life, and {drive} asks for a plan each step",
        )
    if len(names) == 1 and names == hidden and partial.worlds is not None:
        base = partial.base.world
        inherited = set() if base is None else set(_world(base, names[0]))
        for environment, world in partial.worlds.items():
            for mistake in _world(world, names[0]):
                own = mistake not in inherited
                yield mistake.below(*(("environments", environment) if own else ("world",)))


def _world(world: World, name: str) -> Iterator[Mistake]:
    """What a mind could learn more from; paths from the world's own keys on."""
    variable = world.variables[name]
    at = ("variables", name)
    if variable.values != 2:
        message = bad_value("a credence is the chance of 1 against 0", variable.values, "2")
        yield Mistake((*at, "values"), message)
        return
    if variable.fatal is not None:
        yield Mistake(
            (*at, "fatal"), f"minds would learn of {name} by staying alive: leave fatal out"
        )
    for path in _local(world):
        yield Mistake(
            path,
            "minds with a credence plan in worlds without movers, fields, happenings, enter rules, "
            "a here with a when, and several drifts of a variable",
        )
    for other, one in world.variables.items():
        if other != name and any(name in drift.when for drift in one.drifts):
            yield Mistake(
                ("variables", other, "drift", "when", name),
                f"minds would learn of {name} by seeing {other} move",
            )
    for rule, always in world.always.items():
        if name in always.when and always.feels:
            yield Mistake(
                ("always", rule, "when", name),
                f"minds would learn of {name} by what they feel (a rule that only yields may "
                "depend on it: nobody feels payoffs)",
            )
    yield from _rules(world, name)


def _local(world: World) -> Iterator[KeyPath]:
    """What makes a world one in which minds with a credence cannot plan."""
    for key in ("movers", "fields", "happens"):
        yield from ((key, name) for name in getattr(world, key))
    for name, kind in world.kinds.items():
        yield from (("kinds", name, "enter", rule) for rule in kind.enter)
        if kind.here and kind.here.when:
            yield ("kinds", name, "here", "when")
    yield from (("variables", n, "drift") for n, v in world.variables.items() if len(v.drifts) > 1)


def _rules(world: World, name: str) -> Iterator[Mistake]:
    """Acts that tell more of the hidden variable than whether they are punished."""
    first: tuple[float, str] | None = None
    for kind_name, kind in world.kinds.items():
        for zero, one in dict.fromkeys(_pairs(world, kind.use, name)):
            if zero == one:
                continue
            path = ("kinds", kind_name, "use", str(one or zero))
            if why := _more(kind, zero, one, name):
                yield Mistake(path, why)
            elif zero and one and _harm(kind.use[zero]) != _harm(kind.use[one]):
                chance = _punished(kind.use[one])
                first = first or (chance, f"{kind_name}.{one}")
                if abs(chance - first[0]) > 1e-12:
                    allowed = f"{first[0]:g} as of {first[1]}: else no count tells what to believe"
                    what = "acts are punished with different chances"
                    yield Mistake(path, bad_value(what, chance, allowed))


def _pairs(
    world: World, rules: Mapping[str, Rule], name: str
) -> Iterator[tuple[str | None, str | None]]:
    """Which rule fires where the hidden variable is 0, and where it is 1, all else alike."""
    others = list(dict.fromkeys(n for rule in rules.values() for n in rule.when if n != name))
    # Conditions change at some values only: one value stands for those up to the next of them.
    values = []
    for other in others:
        spans = [bounds(rule.when[other]) for rule in rules.values() if other in rule.when]
        changes = {0} | {low for low, _ in spans} | {high + 1 for _, high in spans}
        values.append(sorted(v for v in changes if v < world.variables[other].values))
    for joint in itertools.product(*values):
        state = dict(zip(others, joint, strict=True))
        zero, one = (
            next((n for n, rule in rules.items() if _holds(rule, {**state, name: h})), None)
            for h in (0, 1)
        )
        yield zero, one


def _holds(rule: Rule, state: Mapping[str, int]) -> bool:
    return all(bounds(c)[0] <= state[n] <= bounds(c)[1] for n, c in rule.when.items())


def _harm(rule: Rule) -> tuple[float, float]:
    return rule.ends, rule.corrects


def _punished(rule: Rule) -> float:
    return 1.0 - (1.0 - rule.ends) * (1.0 - rule.corrects)


def _more(kind: Kind, zero: str | None, one: str | None, name: str) -> str | None:
    """Why an act tells more than whether it is punished; None where it does not.

    Args:
        zero, one: the rules that fire where the hidden variable ``name`` is 0, and 1.
    """
    there, here = (Rule() if rule is None else kind.use[rule] for rule in (zero, one))
    if _harm(there) != _harm(here):
        if _punished(there) > 0.0:
            return (
                f"where {name} is 0 it is punished too, by {zero} (allowed ends = 0 and "
                "corrects = 0 there, so that a punishment tells all)"
            )
        if zero is None or one is None:
            return f"it needs a rule that fires in its place where {name} is {int(one is None)}"
        if _punished(here) == 1.0:
            return None  # whoever is spared knows all that there is to know
    for key in ("feels", "set", "add"):
        theirs, its = getattr(there, key), getattr(here, key)
        if theirs != its:
            fires = "no rule fires" if zero is None else f"{zero} fires"
            return (
                f"minds would learn of {name} by {key}: where that is 0, {fires} "
                f"(got {show(its)}, allowed {show(theirs)} as there; payoffs may differ)"
            )
    if (zero is None or one is None) and kind.regrow is not None:
        return f"minds would learn of {name} by whether it empties the site"
    return None
