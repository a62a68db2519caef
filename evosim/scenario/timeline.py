"""Phases and flips: which environments train when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evosim.errors import EvosimError

if TYPE_CHECKING:
    from evosim.scenario.schema import Phase, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The first generation under another mixture, and the mixtures before and after it."""

    generation: int
    before: dict[str, float]
    after: dict[str, float]
    label_before: str
    label_after: str


def mixture(train: str | dict[str, float]) -> dict[str, float]:
    """Weights of environments that sum to 1; those of weight 0 are left out."""
    if isinstance(train, str):
        return {train: 1.0}
    total = sum(train.values())
    return {name: weight / total for name, weight in train.items() if weight > 0}


def phase_at(scenario: Scenario, generation: int) -> Phase:
    """The phase that a generation, counted from 0, belongs to.

    Raises:
        EvosimError: the timeline has no such generation.
    """
    last = -1
    for phase in scenario.timeline:
        last += phase.generations
        if 0 <= generation <= last:
            return phase
    raise EvosimError(
        f"scenario {scenario.id!r} has no generation {generation} (allowed 0 to {last})"
    )


def label(weights: dict[str, float]) -> str:
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
                    before=before.mixture,
                    after=after.mixture,
                    label_before=label(before.mixture),
                    label_after=label(after.mixture),
                )
            )
    return tuple(found)
