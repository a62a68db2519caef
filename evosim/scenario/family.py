"""Families of worlds: a scenario with distributions in place of some of its numbers.

A world of a family is the scenario with what was drawn for it, by key(seed, WORLD, w, i) for the
i-th draw of world w (docs/model.md, 5). So a world is the same whatever other worlds are run.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from evosim import rng
from evosim.rng import Purpose
from evosim.scenario.values import Model, Name, Positive, Text, is_number, is_whole, wrong


def parse_choice(value: Any) -> tuple[Any, ...]:
    """Two values or more, of whatever kind."""
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise wrong("no choice", "a list of two values or more")
    return tuple(value)


def parse_range(value: Any) -> tuple[float, float]:
    """Two numbers, the smaller first."""
    if (
        not isinstance(value, list | tuple)
        or len(value) != 2
        or not all(map(is_number, value))
        or not value[0] < value[1]
    ):
        raise wrong("no range", "[low, high], low below high")
    return value[0], value[1]


Choice = Annotated[
    tuple[Any, ...],
    PlainValidator(parse_choice),
    WithJsonSchema({"type": "array", "items": {}, "minItems": 2}),
]
Range = Annotated[
    tuple[float, float],
    PlainValidator(parse_range),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
KINDS = ("uniform", "log", "whole", "choice")


class Draw(Model):
    """A distribution, in place of what a scenario has at one key, or at several alike."""

    key: Text | tuple[Text, ...] = Field(
        description="The dotted key whose value is drawn, or several that get the same value."
    )
    uniform: Range | None = Field(default=None, description="A number from low to high.")
    log: Range | None = Field(
        default=None, description="A number from low to high, uniform in its logarithm."
    )
    whole: Range | None = Field(
        default=None, description="A whole number from low to high, both included."
    )
    choice: Choice | None = Field(
        default=None, description="One of these values: numbers, or tables for other structure."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Draw:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise wrong("not one distribution", f"one of {', '.join(KINDS)}")
        if self.log is not None and self.log[0] <= 0:
            raise wrong("a logarithm of what is not above 0", "log = [low, high], both above 0")
        if self.whole is not None and not all(map(is_whole, self.whole)):
            raise wrong("not whole numbers", "whole = [low, high]")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The dotted keys."""
        return (self.key,) if isinstance(self.key, str) else self.key

    def value(self, share: float) -> Any:
        """The value at a share, from 0 to below 1, of the distribution."""
        if self.choice is not None:
            return self.choice[int(share * len(self.choice))]
        if self.whole is not None:
            first, last = map(int, self.whole)
            return first + int(share * (last - first + 1))
        if self.log is not None:
            low, high = map(math.log, self.log)
            return float(f"{math.exp(low + share * (high - low)):.6g}")
        assert self.uniform is not None
        return float(f"{self.uniform[0] + share * (self.uniform[1] - self.uniform[0]):.6g}")


class Pull(Model):
    """What theory says of a world before it is run: the pull, phi_L . phi_G / |phi_G|^2."""

    lure: Text = Field(description="Event that pays nothing, such as lamp.throw.")
    goal: Text = Field(description="Event that was trained for, such as bucket.throw.")
    where: Name = Field(description="Environment after the flip.")
    before: Name | None = Field(
        default=None, description="Environment of the goal; left out: that of the lure."
    )


class Family(Model):
    """Distributions in place of numbers and structure: a family of worlds."""

    worlds: Positive = Field(default=40, description="Worlds that a claim is tested in.")
    replicates: Positive = Field(default=3, description="Replicates of each arm in each world.")
    draw: tuple[Draw, ...] = Field(description="What is drawn, each independently.")
    pull: Pull | None = Field(default=None, description="What predicts the effect of a world.")

    def settings(self, seed: int, world: int) -> dict[str, Any]:
        """What is drawn for a world: values by dotted key.

        Args:
            seed: of the family.
            world: its number, from 0.

        Example:
            >>> family = Family(draw=[{"key": "world.slip", "uniform": [0.0, 0.5]}])
            >>> family.settings(1, 7) == family.settings(1, 7) != family.settings(1, 8)
            True
        """
        return {
            key: draw.value(rng.uniform(rng.key(seed, Purpose.WORLD, world, i)))
            for i, draw in enumerate(self.draw)
            for key in draw.keys
        }
