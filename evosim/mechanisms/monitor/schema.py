"""The section ``[monitor]`` of a scenario, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from evosim.scenario import _overrides
from evosim.scenario.messages import Mistake, bad_value
from evosim.scenario.values import Chance, Model, Natural

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.reach import Reach


class Monitor(Model):
    """Flags lifetimes that are unlike those of training; flagged ones are labelled (paid)."""

    quantile: Chance = Field(
        default=0.95, description="Quantile of training scores above which a lifetime is flagged."
    )
    budget: Natural = Field(description="Labels a generation, at most.")
    unlabelled: Literal["average", "trained"] = Field(
        default="average",
        description="Score of who has no label: the mean of those that have one, or the mean "
        "lifetime of training, so that a bad label is worse than none.",
    )
    features: Literal["all", "situation", "conduct"] = Field(
        default="all",
        description="What it looks at: all that is felt and happens; only what happens whatever "
        "is done (always rules); only what agents bring about (all other events).",
    )
    steps: Literal["all", "paid"] = Field(
        default="all",
        description="Which steps it sees: all, or those that are paid to selection (window, "
        "observed).",
    )


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Phases are monitored by a monitor that has learnt before, and give everybody a score."""
    monitored = [i for i, phase in partial.phases.items() if phase.monitored]
    if "monitor" not in partial.raw:
        for i in monitored:
            yield Mistake(
                ("timeline", i, "monitored"),
                "no monitor (got true, needed: [monitor] with its budget of labels)",
            )
    section, worlds = partial.section("monitor", Monitor), partial.worlds
    asked = section and worlds and section.features == "situation"
    if asked and not any(world.always for world in (worlds or {}).values()):
        yield Mistake(
            ("monitor", "features"),
            bad_value(
                "nothing to look at: no world has an always rule",
                "situation",
                "all or conduct; or a rule below world.always",
            ),
        )
    if monitored[:1] == [0]:
        yield Mistake(
            ("timeline", 0, "monitored"),
            "the first phase cannot be monitored (got true): the monitor learns what is familiar "
            "in the last generation of a phase that is not; put one before it",
        )
    if monitored and "open" in _overrides.table(partial.raw, "evolution"):
        yield Mistake(
            ("timeline", monitored[0], "monitored"),
            "an open population cannot be monitored (got true): individuals without a label have "
            "no number of offspring; leave out evolution.open or monitored",
        )


def notes(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """A monitor that no phase asks."""
    if scenario.monitor is not None and not any(phase.monitored for phase in scenario.timeline):
        yield Mistake(
            ("monitor",),
            "decides nothing: no phase is monitored (needed: monitored = true)",
        )
