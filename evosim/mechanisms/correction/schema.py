"""The section ``[correction]``, what agents anticipate, and what both must agree with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from evosim.scenario.messages import Mistake, bad_value, unknown
from evosim.scenario.rules import Rule
from evosim.scenario.values import (
    Chance,
    Domain,
    Flag,
    Locus,
    Model,
    ShareLocus,
    is_number,
    parse_name,
    wrong,
)

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World
    from evosim.scenario._partial import PartialDocument
    from evosim.scenario.reach import Reach

NEEDED = "minds that can be corrected"
WAYS = ("realistic", "ignorant", "self_centred", "hedonistic")
"""The ways to count what comes after a correction, in the order of the genome."""


class Anticipation(Model):
    """How much a mind goes by each way to count what comes after a correction: shares."""

    realistic: ShareLocus | None = Field(
        default=None,
        description="What the changed mind will do, valued by the drives that the mind has now.",
    )
    ignorant: ShareLocus | None = Field(
        default=None, description="As if the drives stayed the same: the change is not foreseen."
    )
    self_centred: ShareLocus | None = Field(
        default=None, description="Nothing: the mind cares for as long as it is itself."
    )
    hedonistic: ShareLocus | None = Field(
        default=None, description="What the changed mind will feel, by the drives it will have."
    )

    @model_validator(mode="after")
    def _some(self) -> Anticipation:
        loci = [locus for _, locus in self.loci]
        if not any(locus.high > 0 for locus in loci):
            raise wrong("no share above 0", f"one or more of {', '.join(WAYS)}")
        return self

    @property
    def loci(self) -> list[tuple[str, Locus]]:
        """The loci that are written, by name."""
        found = ((name, getattr(self, name)) for name in WAYS)
        return [(name, locus) for name, locus in found if locus is not None]


def spell_out(value: Any) -> Any:
    """Turn the name of one way into a table in which it has the whole share."""
    if isinstance(value, str):
        if value not in WAYS:
            raise wrong("not a way to anticipate", ", ".join(WAYS))
        return {value: 1}
    return value


_SHARE = Domain(low=0, high=1).locus_schema()
WrittenAnticipation = Annotated[
    Anticipation,
    BeforeValidator(spell_out),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(WAYS)},
                {
                    "type": "object",
                    "properties": {
                        way: _SHARE | {"description": Anticipation.model_fields[way].description}
                        for way in WAYS
                    },
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }
    ),
]
"""One way by name, or a table of shares."""


def parse_toward(value: Any) -> str | dict[str, float]:
    """``intended``, or a table of drives."""
    if value == "intended":
        return "intended"
    if not isinstance(value, dict) or not value or not all(map(is_number, value.values())):
        raise wrong(
            "not what a correction leads to", '"intended", or a table of drives { sweetness = 1 }'
        )
    return {parse_name(name): float(weight) for name, weight in value.items()}


Toward = Annotated[
    str | dict[str, float],
    PlainValidator(parse_toward),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "intended"},
                {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 1},
            ]
        }
    ),
]


class Correction(Model):
    """What a correction makes of the drives of a mind, and whether its children have them."""

    form: Literal["step", "label"] = Field(
        default="step",
        description="step: a step towards other drives; label: a step away from what was felt "
        "at the act that was corrected.",
    )
    rate: Chance = Field(description="Size of the step: the share of the new in the drives.")
    toward: Toward | None = Field(
        default=None,
        description="Of the form step: the drives that the step leads to, or the intended payoff.",
    )
    inherits: Flag = Field(
        default=False, description="Whether children are born with the drives as corrected."
    )


def mistakes(partial: PartialDocument) -> Iterator[Mistake]:
    """Corrections need a rule that corrects, a variable that counts, and a plan that is one."""
    section = partial.table("correction")
    agent = partial.table("agent")
    written = "correction" in partial.raw
    worlds = partial.worlds or {}
    correcting = {name: _correcting(world) for name, world in worlds.items()}
    if not written:
        if "anticipation" in agent:
            yield Mistake(
                ("agent", "anticipation"),
                "nobody is corrected (needed: the section [correction], or leave anticipation out)",
            )
        for name, rules in correcting.items():
            if rules:
                yield Mistake(
                    ("environments", name) if not _correcting_base(partial) else ("world",),
                    f"{rules[0][0]} corrects minds, but nothing says what a correction does "
                    "(needed: the section [correction])",
                )
                return
        counter = partial.base.world and partial.base.world.counting("corrections")
        if counter:
            yield Mistake(
                ("world", "variables", counter, "counts"),
                "nobody is corrected (needed: the section [correction], or leave counts out)",
            )
        return
    correction = partial.section("correction", Correction)
    if correction is None:
        return
    if worlds and all(world.counting("corrections") is None for world in worlds.values()):
        yield Mistake(
            ("correction",),
            "no variable counts corrections (needed: a variable of the world with counts = "
            '"corrections")',
        )
    stimuli = partial.stimuli
    if correction.form == "label" and "toward" in section:
        yield Mistake(
            ("correction", "toward"),
            "a label leads away from what was felt, toward nothing: leave toward out, or form = "
            '"step"',
        )
    if correction.form == "step" and correction.toward is None:
        yield Mistake(
            ("correction", "toward"),
            'missing (got nothing, needed: "intended", or a table of drives)',
        )
    if isinstance(correction.toward, dict) and stimuli is not None:
        for name in correction.toward:
            if name not in stimuli:
                yield Mistake(("correction", "toward", name), unknown("drive", name, stimuli))
    for name in partial.built_in:
        yield Mistake(
            ("correction",),
            f"what comes after a correction is planned exactly, which minds that feel {name} "
            f"cannot: leave {name} out of agent.drives, or leave [correction] out",
        )
    if agent.get("tool") is not None:
        yield Mistake(
            ("agent", "tool"),
            "a tool is fitted to drives that stay the same: leave out [agent.tool] or [correction]",
        )
    for name, world in worlds.items():
        if world.local:
            yield Mistake(
                ("environments", name),
                "arrivals, fields, movers, happenings or several drifts of a variable: corrections "
                "are not planned in such worlds",
            )
    felt = {
        tuple(sorted((n, v) for n, v in rule.feels.items() if v))
        for rules in correcting.values()
        for _, rule in rules
    }
    if correction.form == "label" and len(felt) > 1:
        yield Mistake(
            ("correction", "form"),
            bad_value(
                "a label is one step away from one feeling, but the rules that correct feel "
                "different",
                "label",
                "step, or the same feels in all rules that correct",
            ),
        )
    optimizer = partial.evolution and partial.evolution.optimizer.name
    if correction.inherits and optimizer not in (None, "genetic"):
        yield Mistake(
            ("correction", "inherits"),
            bad_value(
                f"{optimizer} makes no children of the genes that a life ends with", True, "false"
            ),
        )
    drives = partial.scenario.agent.drives if partial.scenario else {}
    for name, locus in drives.items() if correction.inherits else ():
        if (locus.low, locus.high) != (-1, 1):
            yield Mistake(
                ("agent", "drives", name),
                "a drive that is pinned, or kept in narrower bounds, cannot take what a life ends "
                "with (needed with correction.inherits: [-1, 1])",
            )
    if correction.inherits and correction.toward == "intended":
        yield Mistake(
            ("correction", "inherits"),
            bad_value(
                "no gene is for the intended payoff itself, so no child can inherit it",
                True,
                "false, or true with a table of drives for toward",
            ),
        )


def notes(scenario: Scenario, reaches: Mapping[str, Reach]) -> Iterator[Mistake]:
    """Corrections that nobody comes to."""
    if scenario.correction is None:
        return
    correcting = [rule for reach in reaches.values() for _, rule in _correcting(reach.world)]
    if not correcting:
        yield Mistake(("correction",), "no rule corrects: minds stay as they are")
    elif all(rule.ends == 1 for rule in correcting):
        yield Mistake(
            ("correction",),
            "every rule that corrects ends the lifetime (ends = 1): minds stay as they are",
        )


def _correcting(world: World) -> list[tuple[str, Rule]]:
    """The rules of a world that correct, by a name to print."""
    return [
        (".".join(path), effect)
        for path, effect in world.effects()
        if isinstance(effect, Rule) and effect.corrects
    ]


def _correcting_base(partial: PartialDocument) -> bool:
    return partial.base.world is not None and bool(_correcting(partial.base.world))


def shown(scenario: Scenario) -> dict[str, str]:
    """What a correction does, as ``evosim show`` has it of a mind."""
    correction, world = scenario.correction, scenario.world
    assert correction is not None
    counter = world.counting("corrections")
    most = world.variables[counter].values - 1 if counter else 0
    if correction.form == "label":
        does = f"a step of {correction.rate:g} away from what was felt at the act"
    else:
        toward = correction.toward
        named = (
            "the intended payoff"
            if not isinstance(toward, dict)
            else ", ".join(f"{weight:g} {name}" for name, weight in toward.items())
        )
        does = f"a step of {correction.rate:g} toward {named}"
    children = "as corrected" if correction.inherits else "as they were"
    return {
        "mind.correction": f"{does}, at most {most} in a life; children get the drives {children}"
    }
