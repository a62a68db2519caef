"""A study file: one scenario under many conditions, and what is measured of each run.

A parameter moves one number of the scenario, or several places at once; the design says at which
combinations of them it is run. Every combination is a point.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from evosim.scenario.document import canonical
from evosim.scenario.editor import as_json_schema
from evosim.scenario.experiment import AT, FLIP, SPAN, At, Moved, WhichFlip
from evosim.scenario.values import Few, Model, Name, Real, Seed, Span, Text, wrong

_SETTINGS = "Changes of the scenario, each of the form key=value."
RESERVED = frozenset({"point", "replicate", "seed", "lived"})
"""What the columns of an export are called beside parameters and measures."""


class Level(Model):
    """One value of a parameter that has no number of its own to move: a name and settings."""

    title: Text = Field(description="What it is, in a few words.")
    set: tuple[Text, ...] = Field(default=(), description=_SETTINGS)
    at: Real | None = Field(default=None, description="Its position on an axis of numbers.")


class Parameter(Moved):
    """What is moved: where it stands in the scenario, and which values it takes."""

    label: Text = Field(description="Its name in figures and tables.")
    unit: str = Field(default="", description="Its unit, for axes.")
    values: tuple[Any, ...] = Field(default=(), description="The values, each as in TOML.")
    range: tuple[Real, Real] | None = Field(
        default=None, description="Instead of values: the lower and the upper end."
    )
    steps: Few | None = Field(
        default=None, description="How many values of the range a grid takes, both ends included."
    )
    scale: Literal["linear", "log"] = Field(
        default="linear", description="How the range is divided or drawn from, and its axis."
    )
    whole: bool = Field(default=False, description="Whether values of the range are rounded.")
    levels: tuple[Level, ...] = Field(
        default=(), description="Instead of values: names, each with its own settings."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Parameter:
        if sum((bool(self.values), self.range is not None, bool(self.levels))) != 1:
            raise wrong("not one way to give values", "values = [...], range = [lo, hi] or levels")
        if not self.levels:
            self._check_place()
        elif self.places:
            raise wrong("levels and a key", "only levels: each has its own settings")
        if self.range is not None:
            low, high = self.range
            if low >= high:
                raise wrong("range upside down", "range = [lower, upper]")
            if self.scale == "log" and low <= 0:
                raise wrong("a log scale from 0 or below", "a range above 0")
        elif self.steps is not None:
            raise wrong("steps without a range", "steps where there is range = [lo, hi]")
        each = [canonical(v) for v in self.values or [level.title for level in self.levels]]
        if len({*each}) < len(each):
            raise wrong("a value is there twice", "each value once")
        return self


class Difference(Model):
    """A second term of what is measured, subtracted from the first: keys in which it differs."""

    of: Text | None = Field(default=None, description="Payoff or locus that is measured.")
    where: Name | None = Field(default=None, description="Environment of the measurement.")
    at: At | None = Field(default=None, description="When.")
    span: Span | None = Field(default=None, description=SPAN)
    mind: Text | None = Field(default=None, description="Evolved, or a control mind.")
    flip: WhichFlip | None = Field(default=None, description=FLIP)


class Measured(Model):
    """What is measured of every run, as in a finding, and where a threshold lies."""

    label: Text = Field(description="Its name in figures and tables.")
    unit: str = Field(default="", description="Its unit, for axes.")
    measure: Text = Field(description="Name of the measure, one number a replicate.")
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
    against: Difference | None = Field(
        default=None, description="A second term, subtracted: the keys in which it differs."
    )
    above: Real | None = Field(
        default=None, description="A point is counted if the whole interval lies above this."
    )
    below: Real | None = Field(
        default=None, description="A point is counted if the whole interval lies below this."
    )
    theory: tuple[tuple[Real, Real], ...] = Field(
        default=(),
        description="Points [first parameter, second parameter] of the line on which theory puts "
        "the threshold; the phase diagram draws it.",
    )

    published: tuple[tuple[Real, Real], ...] = Field(
        default=(),
        description="Points [first parameter, value] that others found; lines are drawn before "
        "them.",
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> Measured:
        if self.above is not None and self.below is not None:
            raise wrong("two thresholds", "above = number, below = number, or neither")
        return self


class Study(Model):
    """A study as it is written."""

    id: Name = Field(description="Short name: letters, digits, - and _.")
    title: Text = Field(description="What it is about, in a few words.")
    question: Text = Field(default="", description="What it asks.")
    expected: str = Field(
        default="",
        description="What is expected, written before it is run, not changed after that.",
    )
    finding: str = Field(default="", description="What was found, for readers.")
    pilots: str = Field(
        default="", description="What was changed after pilots or first runs had been seen."
    )
    frozen: str = Field(
        default="",
        description="For a confirmatory study: the hash of all but its words, before it is run.",
    )
    source: str = Field(default="", description="Where the question comes from.")
    scenario: Text = Field(
        description="Id of the catalogue, or path of a scenario file, from the study's folder."
    )
    set: tuple[Text, ...] = Field(default=(), description=f"{_SETTINGS} At all points.")
    design: Literal["grid", "points", "latin", "random"] = Field(
        default="grid",
        description="Which points: all combinations, those listed, or draws from the ranges, "
        "spread out (Latin hypercube) or independent.",
    )
    samples: Few | None = Field(
        default=None, description="How many points are drawn, for latin and random."
    )
    replicates: Few = Field(default=10, description="Independent runs at each point.")
    seed: Seed = Field(default=1, description="Of all runs and draws, from 0 to 2^64 - 1.")
    keep: Literal["measures", "runs"] = Field(
        default="measures",
        description="What is kept of each run: its measures, or also its whole folder.",
    )
    confidence: Real = Field(default=0.95, description="Of intervals.")
    parameters: dict[Name, Parameter] = Field(description="What is varied, by name.")
    points: tuple[dict[str, Any], ...] = Field(
        default=(), description="With design points: a value of each parameter, by its name."
    )
    measures: dict[Name, Measured] = Field(description="What is measured, by name.")

    @model_validator(mode="after")
    def _design(self) -> Study:
        if not self.parameters:
            raise wrong("no parameters", "[parameters.NAME] with what is moved")
        if not self.measures:
            raise wrong("no measures", "[measures.NAME] with what is measured")
        drawn = self.design in ("latin", "random")
        if drawn != (self.samples is not None):
            raise wrong("samples and design do not fit", "samples = number with latin and random")
        if bool(self.points) != (self.design == "points"):
            raise wrong("points and design do not fit", '[[points]] with design = "points"')
        if not 0 < self.confidence < 1:
            raise wrong("not a confidence", "a number between 0 and 1, such as 0.95")
        if taken := set(self.parameters) & set(self.measures):
            raise wrong(f"{min(taken)!r} is a parameter and a measure", "different names")
        if taken := {*self.parameters, *self.measures} & RESERVED:
            raise wrong(
                f"{min(taken)!r} is a name of evosim's own", f"others than {sorted(RESERVED)}"
            )
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of study files, for editors."""
    return as_json_schema(Study, "evosim study")
