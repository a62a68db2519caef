"""The section ``[copies]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.values import Chance, Condition, Model, Name, bounds

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.reach import Reach

APART = "two weights above 0, as [0.5, 0.5]"


class Copies(Model):
    """What a life leaves to the next life of the same genome: a boon, or none."""

    variable: Name = Field(
        description="The boon: a variable of two values, 1 at birth where it was left."
    )
    when: dict[Name, Condition] = Field(
        description="What must hold of the variables with which a life ends to leave a boon; "
        "{}: it ends before its age."
    )
    relatedness: Chance = Field(
        default=1.0,
        description="Chance that it was a copy that left a boon, or none; else it is drawn by the "
        "start of the variable.",
    )


def shown(scenario: Scenario) -> dict[str, str]:
    """What lives leave, as ``evosim show`` has it."""
    copies = scenario.copies
    assert copies is not None
    how = ", ".join(f"{name} {show(condition)}" for name, condition in copies.when.items())
    kin = "" if copies.relatedness == 1 else f"; that is a copy with chance {copies.relatedness:g}"
    return {
        "mind.copies": f"where a life ends{f' with {how}' if how else ''} the next one of its "
        f"genome begins with {copies.variable} 1{kin}"
    }


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """A boon that can be there or not, conditions on variables that there are, a plain world."""
    agent = partial.table("agent")
    if partial.raw.get("copies") is None:
        if agent.get("rho") is not None:
            yield Mistake(
                ("agent", "rho"),
                bad_value(
                    "nothing is left to copies", agent["rho"], "none without a section [copies]"
                ),
            )
        return
    copies = partial.section("copies", Copies)
    if copies is None:
        return
    variables = partial.table("world", "variables")
    for path, name in [(("variable",), copies.variable), *((("when", n), n) for n in copies.when)]:
        if name not in variables:
            yield Mistake(("copies", *path), unknown("variable", name, variables))
    yield from _refused(partial)
    for environment, world in (partial.worlds or {}).items():
        yield from _in(environment, world, copies)


def _in(environment: str, world: World, copies: Copies) -> Iterator[Mistake]:
    """What is wrong with a boon, or with the world that it is left in, in one environment."""
    boon = world.variables.get(copies.variable)
    place = f"in environment {environment}"
    if boon is not None and boon.values != 2:
        yield Mistake(
            ("copies", "variable"),
            bad_value(f"{boon.values} values {place}", copies.variable, "a variable of 2 values"),
        )
    elif boon is not None and (not isinstance(boon.start, tuple) or not all(boon.start)):
        yield Mistake(
            ("copies", "variable"),
            bad_value(
                f"a life cannot begin with and without it {place}", boon.start,
                f"start = {APART}; a chain of copies begins by them",
            ),
        )  # fmt: skip
    for name, condition in copies.when.items():
        top = world.variables[name].values - 1 if name in world.variables else None
        if top is not None and bounds(condition)[1] > top:
            yield Mistake(
                ("copies", "when", name),
                bad_value(f"value out of range {place}", condition, f"0 to {top}"),
            )
    if world.local:
        yield Mistake(
            ("copies",),
            f"what a life leaves is not found {place}, where something walks, happens, is felt on "
            "the ground, or is done by arriving: use sites with use rules, plain drifts and no "
            "fields, movers, happens, enter or here.when; or leave [copies] out",
        )


def _refused(partial: PartialDocument) -> Iterator[Mistake]:
    """What minds that count their copies cannot have beside it."""
    agent, out = partial.table("agent"), "or leave [copies] out"
    for drive in partial.built_in:
        yield Mistake(
            ("copies",),
            f"what a life leaves is found by exact expectations, which minds that feel {drive} do "
            f"not have: leave {drive} out of agent.drives, {out}",
        )
    if agent.get("tool") is not None:
        yield Mistake(
            ("copies",),
            "a tool has criteria for looks and none for what a life leaves: leave agent.tool out, "
            f"{out}",
        )
    if partial.raw.get("monitor") is not None:
        yield Mistake(
            ("copies",),
            "a monitor looks at single lives, and of copies the mean over a chain of lives counts: "
            f"leave [monitor] out, {out}",
        )
    # They have plans of their own, which know of no end that is worth something.
    foreseen = {
        "correction": partial.raw.get("correction"),
        "agent.credence": agent.get("credence"),
    }
    for key, section in foreseen.items():
        if section is not None:
            yield Mistake(
                ("copies",),
                f"plans of minds with {key} hold the end of a life for worth nothing: leave {key} "
                f"out, {out}",
            )
    for name, world in (partial.worlds or {}).items():
        if any(variable.counts for variable in world.variables.values()):
            yield Mistake(
                ("copies",),
                f"plans of minds that can be corrected hold the end of a life for worth nothing: "
                f"leave counts out of the variables of environment {name}, {out}",
            )


def notes(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Lives that leave nothing, whatever is done."""
    copies = scenario.copies
    if copies is None:
        return
    if not any(_ends(reach) for reach in reaches.values()):
        yield Mistake(
            ("copies",),
            "no life ends before its age, so nobody leaves anything: let a use rule end lives "
            "(ends = 1.0), or a variable have a fatal value",
        )
        return
    for name, condition in copies.when.items():
        low, high = bounds(condition)
        if not any(low <= v <= high for reach in reaches.values() for v in _last(reach, name)):
            yield Mistake(("copies", "when", name), "no life ends so, and nobody leaves anything")


def _last(reach: Reach, name: str) -> set[int]:
    """The values of a variable with which some life may end."""
    found, top = {*reach.during[name], *reach.after[name]}, reach.world.variables[name].values - 1
    for _, effect in reach.effects:
        given, added = getattr(effect, "set", {}).get(name), getattr(effect, "add", {}).get(name, 0)
        found |= {min(max(v + added, 0), top) for v in reach.lived[name]}
        if isinstance(given, tuple):
            found |= {value for value, weight in enumerate(given) if weight}
        elif given is not None:
            found.add(given)
    return found


def _ends(reach: Reach) -> bool:
    """Whether some life may end by a rule or a fatal value."""
    by_rule = any(getattr(effect, "ends", 0.0) > 0 for _, effect in reach.effects)
    return by_rule or any(
        low <= value <= high
        for name, variable in reach.world.variables.items()
        if variable.fatal is not None
        for low, high in [bounds(variable.fatal)]
        for value in reach.after[name]
    )
