"""The experiment that settles a scenario's claim: its arms, its findings, what was tuned.

An arm is the scenario with some settings changed, the first one usually as it is written. A
finding compares a measure of one arm with a number, of two arms with each other, or of several
with weights. What measures there are is known to :mod:`evosim.metrics.hypotheses`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from evosim.scenario.values import (
    WHOLE,
    Few,
    Flag,
    Margin,
    Model,
    Name,
    Real,
    Span,
    Text,
    is_whole,
    wrong,
)

At = Literal["start", "before", "flip", "end", "peak", "trough", "mean", "sum", "area", "deficit"]

AT = (
    "When: start, before or flip (on either side of the flip), end, peak (the largest of all "
    "probes), or trough, mean, sum, area or deficit (of the span)."
)
FLIP = (
    "Number of the phase boundary that is looked at, from 0; all: from before the first to after "
    "the last."
)
SPAN = (
    "First and last generation that trough, mean, sum, area, deficit and peak look at; left out: "
    "from the flip until the next phase, of a peak all."
)


def parse_flip(value: Any) -> Any:
    """The number of a flip, or ``all``."""
    if value == "all" or (is_whole(value) and value >= 0):
        return value
    raise wrong("not a flip", 'a whole number from 0, or "all"')


WhichFlip: TypeAlias = Annotated[
    int | Literal["all"],
    PlainValidator(parse_flip),
    WithJsonSchema({"anyOf": [WHOLE, {"const": "all"}]}),
]
_SETTINGS = "Changes of the scenario, each of the form key=value."
MOST_TUNED = 64
"""Values of what is tuned: each is a run of every arm of the first finding."""
PART = re.compile(r"\{value((?:\.[\w-]+)*)\}")
"""What stands in settings for a value, or by a dotted path for a part of it."""


class Arm(Model):
    """One condition of the experiment: the scenario with some settings changed."""

    title: Text = Field(description="What the arm is, in a few words.")
    set: tuple[Text, ...] = Field(default=(), description=_SETTINGS)
    at: Real | None = Field(default=None, description="Position of the arm on the axis.")


class Against(Model):
    """A second term of a finding, subtracted from the first: the keys in which it differs."""

    arm: Name | None = Field(default=None, description="The arm.")
    of: Text | None = Field(default=None, description="Payoff or locus that is measured.")
    where: Name | None = Field(default=None, description="Environment of the measurement.")
    at: At | None = Field(default=None, description=AT)
    span: Span | None = Field(default=None, description=SPAN)
    mind: Text | None = Field(default=None, description="Evolved, or a control mind.")
    flip: WhichFlip | None = Field(default=None, description=FLIP)
    level: Real | None = Field(default=None, description="Level of a locus that is to be reached.")


class Finding(Model):
    """A statement about a measure that the replicates bear out, contradict or leave open."""

    says: Text = Field(description="The finding in one clause.")
    measure: Text = Field(description="Name of the measure, one number a replicate.")
    arm: Name | None = Field(default=None, description="The arm; left out: the first.")
    of: Text | None = Field(default=None, description="Payoff or locus that is measured.")
    where: Name | None = Field(
        default=None,
        description="Environment of the measurement; left out: the main one of the generation that "
        "is looked at, of several of the last.",
    )
    at: At = Field(default="end", description=AT)
    span: Span | None = Field(default=None, description=SPAN)
    mind: Text = Field(default="evolved", description="Evolved, or a control mind.")
    flip: WhichFlip = Field(default=0, description=FLIP)
    level: Real | None = Field(default=None, description="Level of a locus that is to be reached.")
    against: Against | None = Field(
        default=None, description="A second term, subtracted: the keys in which it differs."
    )
    contrast: dict[Name, Real] | None = Field(
        default=None, description="Instead of arm: weights by arm of the measure, summed."
    )
    above: Real | None = Field(
        default=None, description="Supported if the whole interval lies above this."
    )
    below: Real | None = Field(
        default=None, description="Supported if the whole interval lies below this."
    )
    within: Margin | None = Field(
        default=None,
        description="Supported if the number is 0 give or take this, by two one-sided tests.",
    )
    secondary: Flag = Field(
        default=False, description="Shown, and not counted in the verdict of the claim."
    )

    @property
    def threshold(self) -> tuple[str, float]:
        """Above, below or within, and the number."""
        sides = {"above": self.above, "below": self.below, "within": self.within}
        return next((side, number) for side, number in sides.items() if number is not None)

    @model_validator(mode="after")
    def _one_threshold(self) -> Finding:
        if sum(side is not None for side in (self.above, self.below, self.within)) != 1:
            raise wrong("not one threshold", "one of above, below and within = number")
        if self.contrast is not None and (self.arm is not None or self.against is not None):
            raise wrong("contrast and arm or against", "contrast alone, or arm and against")
        return self


class Moved(Model):
    """What is moved through values: the one place in the scenario where it stands, or several."""

    key: Text | None = Field(
        default=None, description="Its key in the scenario, dotted, such as agent.patience."
    )
    keys: tuple[Text, ...] | None = Field(
        default=None, description="Instead of key: several keys that get the same value."
    )
    set: tuple[Text, ...] | None = Field(
        default=None,
        description="Instead of key: settings in which {value} stands for the value, {value.NAME} "
        "for a part of a table and {value.0} for one of a list, so that several keys vary "
        "together.",
    )

    @property
    def places(self) -> tuple[str, ...]:
        """The keys, or the settings, that take the value."""
        return (self.key,) if self.key is not None else self.keys or self.set or ()

    def _check_place(self) -> None:
        """Refuse what is not moved in one way.

        Raises:
            PydanticCustomError: with what is allowed.
        """
        if sum((self.key is not None, bool(self.keys), bool(self.set))) != 1:
            raise wrong("not one place to set", 'one of key = "...", keys = [...], set = [...]')
        if self.set and not any(map(PART.search, self.set)):
            raise wrong("settings without the value", "{value} in one of them")


class Tuned(Moved):
    """A number that was chosen because the effect needs it, and the values it is moved through."""

    label: Text = Field(description="What the number is.")
    values: tuple[Any, ...] = Field(description="Values at which the headline finding is measured.")
    replicates: Few = Field(default=8, description="Replicates at each value.")
    says: Text = Field(default="", description="What the figure shows, and why the number is so.")

    @model_validator(mode="after")
    def _one_place(self) -> Tuned:
        self._check_place()
        if len(self.values) > MOST_TUNED:
            raise wrong("too many values", f"{MOST_TUNED}")
        return self


class Experiment(Model):
    """Arms with replicates, and the findings by which the claim stands or falls."""

    axis: Text = Field(default="", description="What `at` of the arms is, if they are a sweep.")
    replicates: Few = Field(default=30, description="Replicates of each arm.")
    set: tuple[Text, ...] = Field(default=(), description=f"{_SETTINGS} For all arms.")
    arms: dict[Name, Arm] = Field(description="Arms by name; the first is the effect.")
    findings: tuple[Finding, ...] = Field(
        description="What is claimed; the claim is supported if all are that are not secondary."
    )
    tuned: Tuned | None = Field(
        default=None, description="The number that the effect needs, and how far it can move."
    )
