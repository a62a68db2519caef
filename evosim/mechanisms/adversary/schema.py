"""``train = { adversary = { ... } }`` of a phase, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from evosim.scenario import document
from evosim.scenario.document import Path
from evosim.scenario.family import parse_range
from evosim.scenario.messages import Mistake, bad_value, did_you_mean, unknown
from evosim.scenario.values import (
    Chance,
    Few,
    Margin,
    Model,
    Name,
    Natural,
    is_number,
    is_whole,
    wrong,
)

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario._partial import PartialDocument, PartialWorld


def parse_ranges(value: Any) -> dict[str, Any]:
    """Nested keys of an environment, with ``[low, high]`` in place of numbers."""
    allowed = "keys of the environment with [low, high] for a number, low below high"
    if not isinstance(value, Mapping) or not value:
        raise wrong("no ranges", allowed)
    leaves = dict(document.leaves(value))
    for path, leaf in leaves.items():
        try:
            parse_range(leaf)
        except PydanticCustomError as error:
            raise wrong(f"{'.'.join(path)} has no range", allowed) from error
    if not leaves:
        raise wrong("no ranges", allowed)
    return document.nested({path: tuple(leaf) for path, leaf in leaves.items()})


Ranges = Annotated[dict[str, Any], PlainValidator(parse_ranges), WithJsonSchema({"type": "object"})]


class Adversary(Model):
    """Environments that train are proposed: numbers of one, within ranges."""

    environment: Name = Field(description="The environment whose numbers are proposed.")
    ranges: Ranges = Field(
        description="Keys as that environment could override them, with [low, high] for a number."
    )
    proposer: Literal["replay", "population", "uniform"] = Field(
        default="replay",
        description="Where candidates come from: replay (drawn at random), population (children of "
        "those kept, changed a little); uniform: levels are drawn at random and no regret counts.",
    )
    budget: Natural = Field(
        default=4,
        description="Candidates whose regret is measured, a generation; 0: as uniform.",
    )
    buffer: Few = Field(default=32, description="Environments that are kept, by regret.")
    fresh: Chance = Field(
        default=0.0,
        description="Chance that a level is drawn at random all the same, and not of those kept.",
    )
    temperature: Margin = Field(
        default=0.3,
        description="Of those kept, one of rank r is drawn by (1/r)^(1/temperature).",
    )
    staleness: Chance = Field(
        default=0.3,
        description="Share of draws that go by how long ago the regret was measured.",
    )
    step: Chance = Field(
        default=0.1,
        description="With population: how far a child may be from its parent, in ranges.",
    )
    against: Literal["optimum", "best"] = Field(
        default="optimum",
        description="What regret is counted from: optimum, or the best of the minds measured, so "
        "that what nobody can do does not count.",
    )
    minds: Few = Field(default=16, description="Individuals by which regret is measured.")
    levels: Few = Field(default=2, description="Layouts on which regret is measured.")

    @property
    def numbers(self) -> dict[Path, tuple[float, float]]:
        """From where to where each number may be proposed."""
        return {path: tuple(leaf) for path, leaf in document.leaves(self.ranges)}

    @property
    def searches(self) -> bool:
        """Whether regret counts."""
        return self.proposer != "uniform" and self.budget > 0


class Adversarial(Model):
    """What trains where an adversary proposes it."""

    adversary: Adversary = Field(description="Environments are proposed by regret.")


NEEDED = "environments that are proposed"


def shown(scenario: Scenario) -> dict[str, str]:
    """What is proposed, as ``evosim show`` has it."""
    asked = scenario.adversary
    assert asked is not None
    ranges = ", ".join(f"{'.'.join(p)} {lo:g} to {hi:g}" for p, (lo, hi) in asked.numbers.items())
    how = (
        f"{asked.proposer}, {asked.budget} candidates a generation" if asked.searches else "uniform"
    )
    return {"adversary": f"{how}: {ranges}"}


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Numbers that the environment has, ends that it may have, and nothing that is not exact."""
    there = {
        i: p.train.adversary for i, p in partial.phases.items() if hasattr(p.train, "adversary")
    }
    if not there:
        return
    first = next(iter(there.values()))
    for i, asked in there.items():
        place = ("timeline", i, "train", "adversary")
        if asked != first:
            yield Mistake(place, "not the same as that of an earlier phase: there is one adversary")
        elif asked is first:
            yield from _numbers(partial, asked, place)
        if partial.phases[i].ramp:
            yield Mistake(("timeline", i, "ramp"), "not with an adversary: leave ramp out")
    yield from _refused(partial, there)


def _refused(partial: PartialDocument, there: Mapping[int, Adversary]) -> Iterator[Mistake]:
    """What cannot be together with an adversary."""
    evolution, agent = partial.table("evolution"), partial.table("agent")
    exact = "regret is exact"
    refused: dict[tuple[str | int, ...], tuple[object, str]] = {
        ("evolution", "islands"): (evolution.get("islands"), "regret is of the whole population"),
        ("evolution", "open"): (evolution.get("open"), "regret is of a population that lasts"),
        ("evolution", "pool"): (evolution.get("pool"), "the levels are those proposed"),
        ("evolution", "optimizer"): (
            partial.table("evolution", "optimizer").get("name") == "policy_gradient",
            "its slopes are those of environments that are written",
        ),
        ("monitor",): (partial.raw.get("monitor"), "what is familiar would be proposed anew"),
        ("measure", "disjoint"): (
            partial.table("measure").get("disjoint"), "what trains is known only when it is run",
        ),
        ("agent", "learner"): (agent.get("learner"), "it trains in environments that are written"),
        ("agent", "tool"): (agent.get("tool"), f"{exact}, and nothing of minds with a tool is"),
        ("agent", "drives", "novelty"): (
            "novelty" in partial.built_in, f"{exact}, and nothing of minds with novelty is",
        ),
        ("copies",): (partial.raw.get("copies"), "what a life leaves behind is no payoff of it"),
        ("objective", "observed"): (
            partial.table("objective").get("observed"), "a regret is of all steps",
        ),
    }  # fmt: skip
    for i in there:
        phase = partial.phases[i]
        refused["timeline", i, "window"] = (phase.window, "a regret is of whole lives")
        seen = phase.objective and phase.objective.observed
        refused["timeline", i, "objective"] = (seen, "a regret is of all steps")
    for path, (given, why) in refused.items():
        if given:
            yield Mistake(path, f"not with train = {{ adversary }}: {why} (remove one of them)")


def _numbers(
    partial: PartialDocument, asked: Adversary, place: tuple[str | int, ...]
) -> Iterator[Mistake]:
    known = partial.environments
    if asked.environment not in known:
        yield Mistake((*place, "environment"), unknown("environment", asked.environment, known))
        return
    here = known[asked.environment]
    if here.world is None or here.mistakes:
        return
    numbers = {
        path: value
        for path, value in document.leaves(document.plain(here.world))
        if is_number(value)
    }
    alone = True  # whether each number is right by itself
    for path, ends in asked.numbers.items():
        where = (*place, "ranges", *path)
        if path not in numbers:
            alone = False
            near = did_you_mean(".".join(path), [".".join(one) for one in numbers])
            yield Mistake(where, f"no such number in environment {asked.environment!r}: {near}")
        elif is_whole(numbers[path]) and not all(float(end).is_integer() for end in ends):
            alone = False
            yield Mistake(where, bad_value("not whole", list(ends), "whole numbers"))
        else:
            for end in ends:
                if wrong_there := _at(partial, asked, {path: end}).mistakes:
                    alone = False
                    yield Mistake(where, f"at {end:g}: {wrong_there[0].message}")
                    break
    fullest = {
        path: ends[path[-1] == "count"]
        for path, ends in asked.numbers.items()
        if path[-1] in ("count", "rows", "cols")
    }
    if alone and (together := _at(partial, asked, fullest).mistakes):
        told = ", ".join(f"{'.'.join(path)} = {value:g}" for path, value in fullest.items())
        yield Mistake((*place, "ranges"), f"at {told} together: {together[0].message}")


def _at(partial: PartialDocument, asked: Adversary, numbers: Mapping[Path, float]) -> PartialWorld:
    """The environment with some numbers at other values."""
    from evosim.scenario import _overrides
    from evosim.scenario._partial import PartialWorld  # which builds on these models

    written = document.changed(partial.overrides[asked.environment], numbers)
    wrong_ones = _overrides.mistakes(partial.base.raw, written, partial.payoffs)
    return PartialWorld.of(document.merged(partial.base.raw, written), partial.stimuli, wrong_ones)
