"""Phases and flips: which environments train when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, NamedTuple

from evosim.errors import EvosimError

if TYPE_CHECKING:
    from evosim.mechanisms.adversary.schema import Adversarial
    from evosim.scenario.schema import Phase, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The first generation under another mixture, and the mixtures before and after it.

    Attributes:
        generation: the first of the phase; its population was bred in the old world only.
        arrival: the first generation that lives in the new world alone: the same one, or the last
            of a ramp.
    """

    generation: int
    arrival: int
    before: dict[str, float]
    after: dict[str, float]
    label_before: str
    label_after: str


class Stretch(NamedTuple):
    """Generations that a figure or a text shows as one: a phase, or a ramp and what follows it."""

    begin: int
    """First generation of it."""
    end: int
    """First generation after it."""
    phase: Phase
    mixture: dict[str, float]
    """What trains; of a ramp halfway."""
    old: dict[str, float] | None
    """Of a ramp what it begins from."""

    def label(self, named: Callable[[dict[str, float]], str]) -> str:
        """What trains, in words.

        Args:
            named: what a mixture is called.
        """
        if self.old is None:
            return named(self.mixture)
        return f"{named(self.old)} \N{RIGHTWARDS ARROW} {named(self.phase.mixture)}"


def stretches(scenario: Scenario) -> tuple[Stretch, ...]:
    """The timeline in stretches, in order; one for each phase, but for those with a ramp."""
    found: list[Stretch] = []
    begin, before = 0, scenario.timeline[0].mixture
    for phase in scenario.timeline:
        arrived, end, new = arrival(scenario, begin), begin + phase.generations, phase.mixture
        if arrived > begin and before != new:
            halfway = {
                name: (before.get(name, 0.0) + new.get(name, 0.0)) / 2
                for name in dict.fromkeys([*before, *new])
            }
            found.append(Stretch(begin, arrived, phase, halfway, before))
            begin = arrived
        found.append(Stretch(begin, end, phase, new, None))
        begin, before = end, new
    return tuple(found)


def mixture(train: str | dict[str, float] | Adversarial) -> dict[str, float]:
    """Weights of environments that sum to 1; those of weight 0 are left out.

    Environments that an adversary proposes count as the one that they are made of.
    """
    if isinstance(train, str):
        return {train: 1.0}
    if not isinstance(train, dict):
        return {train.adversary.environment: 1.0}
    total = sum(train.values())
    return {name: weight / total for name, weight in train.items() if weight > 0}


def phase_at(scenario: Scenario, generation: int) -> Phase:
    """The phase that a generation, counted from 0, belongs to.

    Raises:
        EvosimError: the timeline has no such generation.
    """
    return scenario.timeline[_place(scenario, generation)[0]]


def mixture_at(scenario: Scenario, generation: int) -> dict[str, float]:
    """The weight of each environment that trains in a generation; the weights sum to 1.

    Raises:
        EvosimError: the timeline has no such generation.
    """
    number, passed = _place(scenario, generation)
    phase = scenario.timeline[number]
    if number == 0 or phase.ramp is None or passed + 1 >= phase.ramp:
        return phase.mixture
    share = (passed + 1) / phase.ramp
    old, new = scenario.timeline[number - 1].mixture, phase.mixture
    return {
        name: (1 - share) * old.get(name, 0.0) + share * new.get(name, 0.0)
        for name in dict.fromkeys([*old, *new])
    }


def arrival(scenario: Scenario, generation: int) -> int:
    """The generation in which a change has come about that begins in this one: later than it
    only where a ramp begins there."""
    begin = 0
    for number, phase in enumerate(scenario.timeline):
        if begin == generation and number > 0:
            return generation + (phase.ramp or 1) - 1
        begin += phase.generations
    return generation


def _place(scenario: Scenario, generation: int) -> tuple[int, int]:
    """The number of a generation's phase, and how many generations of it were before."""
    begin = 0
    whole = isinstance(generation, Integral) and not isinstance(generation, bool)
    for number, phase in enumerate(scenario.timeline):
        if whole and begin <= generation < begin + phase.generations:
            return number, generation - begin
        begin += phase.generations
    raise EvosimError(
        f"scenario {scenario.id!r} has no generation {generation} (allowed 0 to {begin - 1})"
    )


def label(weights: Mapping[str, float]) -> str:
    """What trains, in words: the environments' names, with shares where there are several."""
    if len(weights) == 1:
        return next(iter(weights))
    return ", ".join(f"{100 * weight:.3g} % {name}" for name, weight in weights.items())


def flips(scenario: Scenario) -> tuple[Flip, ...]:
    """Every change of the mixture between two phases, in order."""
    found: list[Flip] = []
    generation = 0
    for before, after in zip(scenario.timeline, scenario.timeline[1:], strict=False):
        generation += before.generations
        if before.mixture != after.mixture:
            found.append(
                Flip(
                    generation=generation,
                    arrival=arrival(scenario, generation),
                    before=before.mixture,
                    after=after.mixture,
                    label_before=label(before.mixture),
                    label_after=label(after.mixture),
                )
            )
    return tuple(found)
