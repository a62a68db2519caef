"""The section ``[evolution.open]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from evosim.scenario.messages import Mistake, bad_value
from evosim.scenario.values import Cost, Model, Positive

if TYPE_CHECKING:
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.schema import Scenario


class Open(Model):
    """An open population: offspring counts are real, and it grows, shrinks and can die out."""

    offspring: Cost = Field(
        description="Offspring that survive for each unit of score, on average (Poisson)."
    )
    capacity: Positive = Field(
        description="Most individuals of a generation; of more newborns a random subset survives."
    )


NEEDED = "an open population"
POPULATION = "a population of fixed size; an open one needs"
"""What other base optimizers than the genetic one ask for."""


def shown(scenario: Scenario) -> dict[str, str]:
    """Who leaves how many children, as ``evosim show`` has it."""
    written = scenario.evolution.open
    assert written is not None
    return {
        "selection": f"open population, {written.offspring:g} offspring per unit of score, "
        f"at most {written.capacity}; "
    }


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Generation 0 finds room."""
    evolution = partial.evolution
    if evolution and evolution.open and evolution.open.capacity < evolution.population:
        allowed = f"evolution.population = {evolution.population} or more"
        yield Mistake(
            ("evolution", "open", "capacity"),
            bad_value("capacity below the population", evolution.open.capacity, allowed),
        )
