"""The names of the minds that are measured, along the dimension ``mind`` of a run's data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.engine.mechanism import mechanisms_of

if TYPE_CHECKING:
    from evosim.scenario import Scenario

EVOLVED, UNIFORM = "evolved", "uniform"

# The order is that of the dimension in every run.nc there is: new ones go to the end.
MINDS = (EVOLVED, UNIFORM, "random drives", "true drive", "unshifted beliefs")
"""The evolved minds and the four controls of every run."""


def minds(scenario: Scenario) -> tuple[str, ...]:
    """The minds of a run of the scenario, in their order."""
    more = [name for mechanism in mechanisms_of(scenario) for name in mechanism.controls]
    return (*MINDS, *more)
