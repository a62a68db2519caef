"""The section ``[evolution.islands]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema

from evosim.scenario.messages import Mistake, bad_value
from evosim.scenario.values import WHOLE, Few, Model, Operator, Positive, is_whole, wrong

if TYPE_CHECKING:
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.schema import Scenario


RING = "ring"


def parse_topology(value: Any) -> str | tuple[int, ...]:
    """``"ring"``, or for each deme the one that its emigrants go to."""
    if value == RING:
        return RING
    if not isinstance(value, list | tuple) or not all(is_whole(v) and v >= 0 for v in value):
        raise wrong("not a topology", '"ring", or for each deme the number of the one it sends to')
    return tuple(value)


Topology: TypeAlias = Annotated[
    str | tuple[int, ...],
    PlainValidator(parse_topology),
    WithJsonSchema({"anyOf": [{"const": RING}, {"type": "array", "items": WHOLE}]}),
]


class Islands(Model):
    """A population of demes of equal size that breed apart and exchange migrants."""

    demes: Few = Field(description="Number of demes, which share the population equally.")
    every: Positive = Field(description="Generations from one migration to the next.")
    migrants: Positive = Field(description="Individuals that leave each deme.")
    select: Operator = Field(description="How emigrants are chosen.")
    replace: Operator | None = Field(
        default=None,
        description="How immigrants choose whom they replace; left out: the emigrants.",
    )
    topology: Topology = Field(
        default=RING,
        description="ring, or for each deme the one that its emigrants go to, each deme once.",
    )

    @property
    def target(self) -> tuple[int, ...]:
        """For each deme the one that its emigrants go to."""
        if isinstance(self.topology, tuple):
            return self.topology
        return tuple((deme + 1) % self.demes for deme in range(self.demes))


NEEDED = "a population with demes"
POPULATION = "one population; demes need"
"""What other base optimizers than the genetic one ask for."""


def operators(scenario: Scenario) -> dict[str, tuple[str, Operator]]:
    """The operators of migration: the kind of each, by its key below ``evolution``."""
    islands = scenario.evolution.islands
    assert islands is not None
    written = {"islands.select": islands.select, "islands.replace": islands.replace}
    return {key: ("migrate", one) for key, one in written.items() if one is not None}


def shown(scenario: Scenario) -> dict[str, str]:
    """How the population is divided, and who migrates, as ``evosim show`` has it."""
    islands = scenario.evolution.islands
    assert islands is not None
    ring = islands.topology == RING
    where = "" if ring else f" by topology {list(islands.target)}"
    places = f" in the place of {islands.replace.operator}" if islands.replace else ""
    return {
        "individuals": f"in {islands.demes} demes with {islands.migrants} migrants "
        f"({islands.select.operator}{places}) every {islands.every} generations{where}"
    }


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Demes of equal size, a topology of them all, and nothing that spans them."""
    if partial.evolution and partial.evolution.islands:
        for mistake in _of_demes(partial, partial.evolution.population, partial.evolution.islands):
            yield mistake.below("evolution", "islands")


def _of_demes(partial: PartialDocument, population: int, islands: Islands) -> Iterator[Mistake]:
    for section, written, why in (
        (
            "[evolution.open]",
            partial.raw["evolution"].get("open"),
            "the population has no fixed size to divide",
        ),
        ("[monitor]", partial.raw.get("monitor"), "its labels are for the whole population"),
    ):
        if written is not None:
            yield Mistake((), f"no demes with {section}: {why}; leave one of the two out")
    if population % islands.demes:
        allowed = f"a divisor of evolution.population = {population}"
        yield Mistake(("demes",), bad_value("demes of unequal size", islands.demes, allowed))
        return
    if islands.migrants > population // islands.demes:
        allowed = f"1 to {population // islands.demes}, the individuals of a deme"
        yield Mistake(
            ("migrants",), bad_value("more migrants than individuals", islands.migrants, allowed)
        )
    if sorted(islands.target) != list(range(islands.demes)):
        allowed = f"each deme from 0 to {islands.demes - 1} once"
        yield Mistake(
            ("topology",), bad_value("not every deme once", list(islands.target), allowed)
        )
