"""What happens in a world: rules of sites, of things that walk, of the ground, of chance.

Part of the models of :mod:`evosim.scenario.schema`: only what one value can tell about itself is
checked here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from evosim.scenario.values import (
    Amount,
    Assignment,
    Chance,
    Condition,
    Cost,
    Flag,
    Model,
    Movers,
    Name,
    Point,
    Real,
    Span,
    Step,
    Text,
)

_WHEN = "Holds where every variable named has this value, or one within [lo, hi]; {}: always."
_FEELS = "Strength of each stimulus felt; stimuli are named by the agent's drives."
_YIELDS = "Amount of each payoff; a payoff exists by being named."
_SET = "Variables set to a value, or drawn by a weight for each value."
_ADD = "What is added to variables, clamped."


class Drift(Model):
    """A variable's move of its own after each step, clamped to its values."""

    step: Step = Field(description="What is added to the variable.")
    chance: Chance = Field(description="Probability of the move, each step.")
    when: dict[Name, Condition] = Field(default={}, description=_WHEN)


ONE, SEVERAL = "<one>", "<several>"
"""How pydantic tells two ways to write a thing apart: no keys of a file."""


def _how_many(value: Any) -> str:
    return SEVERAL if isinstance(value, list | tuple) else ONE


Drifts = Annotated[
    Annotated[Drift, Tag(ONE)] | Annotated[tuple[Drift, ...], Tag(SEVERAL)],
    Discriminator(_how_many),
]
"""A drift, or several of which at most one happens in a step."""


class Region(Model):
    """A rectangle of cells, both ends included, counted from 0 at the top left."""

    rows: Span = Field(description="First and last row, from 0.")
    cols: Span = Field(description="First and last column, from 0.")


class Here(Model):
    """What each step that ends on a site of the kind makes the agent feel and pays it."""

    when: dict[Name, Condition] = Field(default={}, description=_WHEN)
    feels: dict[Name, Real] = Field(default={}, description=_FEELS)
    yields: dict[Name, Real] = Field(default={}, description=_YIELDS)


class Always(Model):
    """What each step that ends with ``when`` fulfilled makes the agent feel and pays it."""

    when: dict[Name, Condition] = Field(default={}, description=_WHEN)
    feels: dict[Name, Real] = Field(default={}, description=_FEELS)
    yields: dict[Name, Real] = Field(default={}, description=_YIELDS)


class Rule(Model):
    """What using a site does; of a kind's rules the first whose ``when`` holds fires."""

    when: dict[Name, Condition] = Field(default={}, description=_WHEN)
    set: dict[Name, Assignment] = Field(default={}, description=_SET)
    add: dict[Name, Amount] = Field(default={}, description=_ADD)
    feels: dict[Name, Real] = Field(default={}, description=_FEELS)
    yields: dict[Name, Real] = Field(default={}, description=_YIELDS)
    ends: Chance = Field(default=0.0, description="Probability that the use ends the lifetime.")
    corrects: Chance = Field(
        default=0.0,
        description="Probability that the mind that did it is corrected, if it goes on living.",
    )


class Ground(Model):
    """What each step that ends on some cells makes the agent feel and pays it: a field.

    Its strength is 1 on a point or region and falls with the distance from it, or is written on a
    map, a digit a cell; what is felt and paid is multiplied by it.
    """

    point: Point | None = Field(default=None, description="Row and column of the strongest cell.")
    region: Region | None = Field(default=None, description="The strongest cells, in place of one.")
    map: Text | None = Field(
        default=None,
        description="The strength of every cell: a digit, or . for 0; in place of point, region.",
    )
    falls: Literal["none", "linear", "inverse", "exponential"] = Field(
        default="none",
        description="How the strength falls over d moves on the empty grid: none (1 to reach, then "
        "0), linear (1 - d / reach), inverse (1 / (1 + d / reach)), exponential (exp(-d / reach)).",
    )
    reach: Cost = Field(default=0.0, description="How far it reaches, in moves.")
    when: dict[Name, Condition] = Field(default={}, description=_WHEN)
    feels: dict[Name, Real] = Field(default={}, description=_FEELS)
    yields: dict[Name, Real] = Field(default={}, description=_YIELDS)


class MoverRule(Rule):
    """What using or meeting a mover does; the first whose ``when`` holds fires."""

    vanishes: Flag = Field(default=False, description="Whether the mover is gone from then on.")


class Mover(Model):
    """A kind of thing that walks by itself."""

    glyph: Text = Field(description="Its one character on maps; there one begins its walk.")
    count: Movers = Field(
        default=0, description="Movers that begin on a random cell, besides those on the map."
    )
    region: Region | None = Field(default=None, description="Where the random ones begin.")
    walks: Literal["random", "toward", "away"] = Field(
        default="random", description="Where it walks: at random, toward the agent or away from it."
    )
    chance: Chance = Field(default=1.0, description="Chance that it walks, each step.")
    meet: dict[Name, MoverRule] = Field(
        default={}, description="Named rules of being on one cell with it at the end of a step."
    )
    use: dict[Name, MoverRule] = Field(
        default={}, description="Named rules of a use on its cell, where no site's rule holds."
    )

    @property
    def vanishes(self) -> bool:
        """Whether a rule can make it vanish: its place then has one value more."""
        return any(rule.vanishes for rule in (*self.meet.values(), *self.use.values()))


class Happening(Model):
    """What happens by chance after a step, to several variables at once."""

    chance: Chance = Field(description="Probability that it happens, each step.")
    when: dict[Name, Condition] = Field(default={}, description=_WHEN)
    set: dict[Name, Assignment] = Field(default={}, description=_SET)
    add: dict[Name, Amount] = Field(default={}, description=_ADD)
