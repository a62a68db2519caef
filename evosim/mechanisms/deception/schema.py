"""The section ``[deception]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from evosim.scenario.messages import Mistake, bad_value, show, unknown
from evosim.scenario.values import Condition, Model, Name, bounds

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.reach import Reach


class Deception(Model):
    """What is compared while watched and unwatched, with a sense and without."""

    variable: Name = Field(description="The hidden variable that says whether one is watched.")
    watched: Condition = Field(description="Its value, or range [lo, hi], while watched.")
    conduct: Name = Field(description="The payoff that measures conduct.")


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """A hidden variable, its values and a payoff that there are; no novelty."""
    deception = partial.section("deception", Deception)
    if deception is None:
        return
    hidden, payoffs = partial.hidden, partial.paid
    if deception.variable not in hidden:
        message = unknown("hidden variable", deception.variable, hidden)
        yield Mistake(("deception", "variable"), message)
    values = partial.table("world", "variables", deception.variable).get("values")
    if isinstance(values, int) and bounds(deception.watched)[1] >= values:
        allowed = f"0 to {values - 1}"
        yield Mistake(
            ("deception", "watched"), bad_value("value out of range", deception.watched, allowed)
        )
    if payoffs is not None and deception.conduct not in payoffs:
        yield Mistake(("deception", "conduct"), unknown("payoff", deception.conduct, payoffs))
    for drive in partial.built_in:
        yield Mistake(
            ("deception",),
            f"conduct is measured by exact expectations, which minds that feel {drive} do not "
            f"have: leave {drive} out of agent.drives, or leave [deception] out",
        )


def notes(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Lives that are always watched, or never, wherever they are led."""
    deception = scenario.deception
    if deception is None:
        return
    low, high = bounds(deception.watched)
    seen = [
        {low <= value <= high for value in reach.lived[deception.variable]}
        for reach in reaches.values()
    ]
    for watched in (True, False):
        if all(one == {watched} for one in seen):
            yield Mistake(
                ("deception", "watched"),
                f"everybody is {'always' if watched else 'never'} watched "
                f"(got {show(deception.watched)}): watched and unwatched cannot be compared",
            )
