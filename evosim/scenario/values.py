"""The values that a scenario is written in: numbers, ranges, weights, names and loci.

Each type says what is wrong with a bad value in one message; nothing is coerced, so that a
boolean, a string or NaN never passes for a number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

# float32 holds sums over a lifetime of numbers up to this size without overflow.
LARGEST = 1e6
LARGEST_WHOLE = 10**9
# Each multiplies the states by the cells, and a step has draws for so many.
MOST_MOVERS = 18
# Steps, generations, resamples: what a program goes through one by one.
LONGEST = 10**6
# Of a variable: which of them happen together is gone through one by one.
MOST_DRIFTS = 12
MOST_POINTS = 20_000  # of a study
LARGEST_DEPTH = 1000
# Nothing larger can be planned in; keeps a slip of the pen from filling the memory.
LARGEST_SIDE = 1000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

WHOLE = {"type": "integer", "minimum": 0}


def wrong(what: str, allowed: str) -> PydanticCustomError:
    """An error that the reader turns into ``what (got ..., allowed ...)``."""
    return PydanticCustomError("scenario", "{what}", {"what": what, "allowed": allowed})


def is_whole(value: object) -> bool:
    """Whether the value is an integer and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether the value is a finite integer or float and no boolean."""
    if isinstance(value, float):
        return math.isfinite(value)
    return is_whole(value)


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _whole_pair(value: Any, allowed: str) -> tuple[int, int]:
    if not _is_pair(value) or not all(is_whole(v) and v >= 0 for v in value):
        raise wrong("not a range", allowed)
    if value[0] > value[1]:
        raise wrong("range upside down", f"[{value[1]}, {value[0]}], the lower end first")
    return (value[0], value[1])


def parse_span(value: Any) -> tuple[int, int]:
    """``[lo, hi]`` of whole numbers from 0, both ends included."""
    return _whole_pair(value, "[lo, hi] of whole numbers from 0, both ends included")


def parse_condition(value: Any) -> int | tuple[int, int]:
    """A value of a variable, or ``[lo, hi]`` with both ends included."""
    allowed = "a whole number from 0, or [lo, hi] with both ends included"
    if is_whole(value) and value >= 0:
        return int(value)
    if isinstance(value, list | tuple):
        return _whole_pair(value, allowed)
    raise wrong("not a value or range of a variable", allowed)


def parse_assignment(value: Any) -> int | tuple[float, ...]:
    """A value of a variable, or one weight for each of its values."""
    allowed = "a whole number from 0, or a list of weights, one for each value"
    if is_whole(value) and value >= 0:
        return int(value)
    if not isinstance(value, list | tuple):
        raise wrong("neither a value nor weights", allowed)
    _check_weights(value)
    return tuple(float(v) for v in value)


_SPAN_SCHEMA: dict[str, Any] = {
    "type": "array", "items": WHOLE, "minItems": 2, "maxItems": 2,
}  # fmt: skip
_WEIGHTS_SCHEMA: dict[str, Any] = {
    "type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2,
}  # fmt: skip

Span: TypeAlias = Annotated[
    tuple[int, int], PlainValidator(parse_span), WithJsonSchema(_SPAN_SCHEMA)
]


def parse_point(value: Any) -> tuple[int, int]:
    """Row and column of a cell."""
    if not _is_pair(value) or not all(is_whole(v) and v >= 0 for v in value):
        raise wrong("not a cell", "[row, column] from 0 at the top left")
    return (value[0], value[1])


Point: TypeAlias = Annotated[
    tuple[int, int], PlainValidator(parse_point), WithJsonSchema(_SPAN_SCHEMA)
]
Condition: TypeAlias = Annotated[
    int | tuple[int, int],
    PlainValidator(parse_condition),
    WithJsonSchema({"anyOf": [WHOLE, _SPAN_SCHEMA]}),
]
Assignment: TypeAlias = Annotated[
    int | tuple[float, ...],
    PlainValidator(parse_assignment),
    WithJsonSchema({"anyOf": [WHOLE, _WEIGHTS_SCHEMA]}),
]


def _check_weights(weights: Iterable[Any]) -> None:
    """Refuse anything but numbers from 0 of which one is above 0."""
    weights = list(weights)
    if not all(is_number(weight) and 0 <= weight <= LARGEST for weight in weights):
        raise wrong("not all weights are possible", f"numbers from 0 to {LARGEST:,.0f}")
    if not any(weights):
        raise wrong("weights that sum to 0", "at least one weight above 0")


def bounds(condition: int | tuple[int, int]) -> tuple[int, int]:
    """The lowest and the highest value that fulfil a condition."""
    return condition if isinstance(condition, tuple) else (condition, condition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locus:
    """A numeric parameter of the agent: pinned to a number, or evolving within bounds.

    The initial population is drawn uniformly from ``start_low`` to ``start_high``. All four
    are equal where the locus is pinned.
    """

    low: float
    high: float
    start_low: float
    start_high: float

    @property
    def pinned(self) -> bool:
        """Whether the locus is a number and not part of the genome."""
        return self.low == self.high

    def plain(self) -> Any:
        """As it would be written in a scenario file, with its start spelt out."""
        if self.pinned:
            return self.low
        same = self.start_low == self.start_high
        start = self.start_low if same else [self.start_low, self.start_high]
        return {"range": [self.low, self.high], "start": start}


def _figure(value: float) -> str:
    # As an int: a float has no room for the last digits of 2^64 - 1.
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """The numbers that are possible somewhere; for a locus, also where it starts by default."""

    low: float
    high: float
    high_excluded: bool = False
    whole: bool = False
    zero_excluded: bool = False
    starts_low: bool = False

    def __str__(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        end = "to below" if self.high_excluded else "to"
        but = " but 0" if self.zero_excluded else ""
        return f"{kind} from {_figure(self.low)} {end} {_figure(self.high)}{but}"

    def __contains__(self, value: object) -> bool:
        if not is_number(value) or (self.whole and not is_whole(value)):
            return False
        assert isinstance(value, int | float)
        if self.zero_excluded and value == 0:
            return False
        below = value < self.high if self.high_excluded else value <= self.high
        return self.low <= value and below

    def whole_number(self, value: Any) -> int:
        """The value, if it is one of the domain."""
        if value in self:
            return int(value)
        raise wrong("out of range" if is_whole(value) else "not a whole number", str(self))

    def number(self, value: Any) -> float:
        """The value as a float, if it is one of the domain."""
        if value in self:
            return float(value)
        if isinstance(value, float) and not math.isfinite(value):
            raise wrong("not a finite number", str(self))
        raise wrong("out of range" if is_number(value) else "not a number", str(self))

    def locus(self, value: Any) -> Locus:
        """Read ``number``, ``[lo, hi]`` or ``{ range = [lo, hi], start = ... }``."""
        allowed = f"{self}, [lo, hi] to let it evolve, or {{ range = [lo, hi], start = ... }}"
        if isinstance(value, Locus):
            value = value.plain()
        if isinstance(value, dict):
            return self._locus_of_table(value, allowed)
        if isinstance(value, list | tuple):
            low, high = self._pair(value, allowed)
            if low == high:
                raise wrong("a range of one value cannot evolve", f"the number {low} to pin it")
            return Locus(
                low=low, high=high, start_low=low, start_high=low if self.starts_low else high
            )
        if value not in self:
            raise wrong("out of range" if is_number(value) else "not a locus", allowed)
        return Locus(low=value, high=value, start_low=value, start_high=value)

    def _locus_of_table(self, value: dict[str, Any], allowed: str) -> Locus:
        if not {"range"} <= set(value) <= {"range", "start"}:
            raise wrong("not a locus", allowed)
        locus = self.locus(value["range"])
        if locus.pinned:
            raise wrong("range is not a range", "range = [lo, hi]")
        if "start" not in value:
            return locus
        start = value["start"]
        low, high = (
            self._pair(start, "start = number or [lo, hi]")
            if isinstance(start, list | tuple)
            else (start, start)
        )
        if low not in self or high not in self or low < locus.low or high > locus.high:
            raise wrong("start out of range", f"a start within [{locus.low}, {locus.high}]")
        return Locus(low=locus.low, high=locus.high, start_low=low, start_high=high)

    def _pair(self, value: Any, allowed: str) -> tuple[float, float]:
        if not _is_pair(value) or not all(is_number(v) for v in value):
            raise wrong("not a range", allowed)
        if value[0] > value[1]:
            raise wrong("range upside down", f"[{value[1]}, {value[0]}], the lower end first")
        if any(v not in self for v in value):
            raise wrong("range out of bounds", allowed)
        return (value[0], value[1])

    def json_schema(self) -> dict[str, Any]:
        """What an editor may accept for a number of this domain."""
        schema: dict[str, Any] = {"type": "integer" if self.whole else "number"}
        schema["minimum"] = self.low
        schema["exclusiveMaximum" if self.high_excluded else "maximum"] = self.high
        if self.zero_excluded:
            schema["not"] = {"const": 0}
        return schema

    def locus_schema(self) -> dict[str, Any]:
        """What an editor may accept for a locus of this domain."""
        number = self.json_schema()
        pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
        table = {
            "type": "object",
            "properties": {
                "range": pair | {"description": "Both bounds of the locus, included."},
                "start": {
                    "anyOf": [number, pair],
                    "description": "Where the initial population starts: a number, or a range.",
                },
            },
            "required": ["range"],
            "additionalProperties": False,
        }
        return {"anyOf": [number, pair, table]}


def _number(domain: Domain) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(domain.number), WithJsonSchema(domain.json_schema())


def _whole(domain: Domain) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(domain.whole_number), WithJsonSchema(domain.json_schema())


def _locus(domain: Domain) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(domain.locus), WithJsonSchema(domain.locus_schema())


def parse_text(value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise wrong("not a string", "text in quotes")
    return value


def parse_flag(value: Any) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise wrong("not a boolean", "true or false")
    return value


def parse_zero(value: Any) -> str | float:
    """``"uniform"``, ``"nothing"`` or a payoff a lifetime."""
    if value in ("uniform", "nothing"):
        return str(value)
    if value in ANY_PAYOFF:
        return float(value)
    raise wrong("no zero to count from", f'"uniform", "nothing" or {ANY_PAYOFF}')


ANY_PAYOFF = Domain(low=-LARGEST, high=LARGEST)


def parse_name(value: Any) -> str:
    """A name that a dotted key can hold without quotes, beginning with a letter."""
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise wrong("not a name", "a letter, then letters, digits, '_' or '-'")
    return value


_TEXT: dict[str, Any] = {"type": "string"}

Text: TypeAlias = Annotated[str, PlainValidator(parse_text), WithJsonSchema(_TEXT)]
Flag: TypeAlias = Annotated[bool, PlainValidator(parse_flag), WithJsonSchema({"type": "boolean"})]
Zero: TypeAlias = Annotated[
    str | float,
    PlainValidator(parse_zero),
    WithJsonSchema({"anyOf": [{"enum": ["uniform", "nothing"]}, ANY_PAYOFF.json_schema()]}),
]
Name: TypeAlias = Annotated[
    str,
    PlainValidator(parse_name),
    WithJsonSchema(_TEXT | {"pattern": f"^{NAME.pattern}$"}),
]

Real: TypeAlias = Annotated[float, *_number(Domain(low=-LARGEST, high=LARGEST))]
Cost: TypeAlias = Annotated[float, *_number(Domain(low=0, high=LARGEST))]
Margin: TypeAlias = Annotated[float, *_number(Domain(low=0, high=LARGEST, zero_excluded=True))]
Chance: TypeAlias = Annotated[float, *_number(Domain(low=0, high=1))]
Confidence: TypeAlias = Annotated[
    float, *_number(Domain(low=0, high=1, high_excluded=True, zero_excluded=True))
]
Natural: TypeAlias = Annotated[int, *_whole(Domain(low=0, high=LARGEST_WHOLE, whole=True))]
SEEDS = Domain(low=0, high=2**64 - 1, whole=True)
Movers: TypeAlias = Annotated[int, *_whole(Domain(low=0, high=MOST_MOVERS, whole=True))]
Seed: TypeAlias = Annotated[int, *_whole(SEEDS)]
Positive: TypeAlias = Annotated[int, *_whole(Domain(low=1, high=LARGEST_WHOLE, whole=True))]
Long: TypeAlias = Annotated[int, *_whole(Domain(low=1, high=LONGEST, whole=True))]
Few: TypeAlias = Annotated[int, *_whole(Domain(low=1, high=10_000, whole=True))]
Depth: TypeAlias = Annotated[int, *_whole(Domain(low=1, high=LARGEST_DEPTH, whole=True))]
Side: TypeAlias = Annotated[int, *_whole(Domain(low=1, high=LARGEST_SIDE, whole=True))]
Size: TypeAlias = Annotated[int, *_whole(Domain(low=2, high=LARGEST_WHOLE, whole=True))]
Amount: TypeAlias = Annotated[
    int, *_whole(Domain(low=-LARGEST_WHOLE, high=LARGEST_WHOLE, whole=True))
]
Step: TypeAlias = Annotated[
    int, *_whole(Domain(low=-LARGEST_WHOLE, high=LARGEST_WHOLE, whole=True, zero_excluded=True))
]

DriveLocus: TypeAlias = Annotated[Locus, *_locus(Domain(low=-1, high=1))]
DepthLocus: TypeAlias = Annotated[
    Locus, *_locus(Domain(low=0, high=LARGEST_DEPTH, whole=True, starts_low=True))
]
PatienceLocus: TypeAlias = Annotated[Locus, *_locus(Domain(low=0, high=1))]
TemperatureLocus: TypeAlias = Annotated[Locus, *_locus(Domain(low=0, high=LARGEST))]
ShareLocus: TypeAlias = Annotated[Locus, *_locus(Domain(low=0, high=1))]
SenseLocus: TypeAlias = Annotated[Locus, *_locus(Domain(low=0, high=1))]
Bound: TypeAlias = Annotated[float, *_number(Domain(low=0, high=100, zero_excluded=True))]


def spell_out_drives(value: Any) -> Any:
    """Turn a list of drives into a table in which each evolves in [-1, 1]."""
    if isinstance(value, dict):
        return value
    allowed = 'a list of names such as ["sweetness"], or a table { sweetness = [-1, 1], ... }'
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise wrong("neither a list of drives nor a table", allowed)
    for name in value:
        if value.count(name) > 1:
            raise wrong(f"the drive {name!r} is named twice", "each drive once")
    return {name: [-1, 1] for name in value}


def parse_mixture(value: Any) -> str | dict[str, float]:
    """The name of an environment, or a table of weights by environment."""
    if isinstance(value, str):
        return parse_name(value)
    allowed = "the name of an environment, or a table { environment = weight, ... }"
    if not isinstance(value, dict) or not value:
        raise wrong("neither an environment nor a mixture", allowed)
    _check_weights(value.values())
    return {parse_name(name): float(weight) for name, weight in value.items()}


_MIXTURE_SCHEMA: dict[str, Any] = {
    "type": "object", "additionalProperties": {"type": "number", "minimum": 0}, "minProperties": 1,
}  # fmt: skip

Mixture: TypeAlias = Annotated[
    str | dict[str, float],
    PlainValidator(parse_mixture),
    WithJsonSchema({"anyOf": [_TEXT, _MIXTURE_SCHEMA]}),
]

_DRIVE = Domain(low=-1, high=1).locus_schema()
Drives: TypeAlias = Annotated[
    dict[Name, DriveLocus],
    BeforeValidator(spell_out_drives),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": _TEXT, "uniqueItems": True},
                {"type": "object", "additionalProperties": _DRIVE},
            ]
        }
    ),
]


class Model(BaseModel):
    """What parts of a scenario are built on: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Operator(BaseModel):
    """A DEAP operator by name; further keys are its keyword arguments."""

    model_config = ConfigDict(frozen=True, extra="allow")

    operator: Text = Field(description="Name of the operator in deap.tools.")

    @property
    def options(self) -> dict[str, Any]:
        """The operator's keyword arguments, as written."""
        return dict(self.model_extra or {})
