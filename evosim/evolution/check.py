"""Whether the operators of a scenario exist and are given the keywords that they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evosim.errors import Problem, Registry, did_you_mean
from evosim.evolution.operators import OPERATORS, SUPPLIED, Operator

if TYPE_CHECKING:
    from evosim.scenario import Scenario


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": (lambda v: _is_number(v) and v >= 0, "a number from 0"),
    "eta": (lambda v: _is_number(v) and v >= 0, "a number from 0"),
    "indpb": (lambda v: _is_number(v) and 0 <= v <= 1, "a probability from 0 to 1"),
    "mu": (_is_number, "a number, in units of each locus"),
    "share": (lambda v: _is_number(v) and 0 < v <= 1, "a share above 0 and up to 1"),
    "sigma": (lambda v: _is_number(v) and v >= 0, "a number from 0, in units of each locus"),
    "tournsize": (lambda v: _is_whole(v) and v >= 1, "a whole number from 1"),
}


def check(scenario: Scenario) -> list[Problem]:
    """Everything wrong with the operators of a scenario, by key.

    The keywords of an operator are those of its function's signature, all of them required; the
    problems name no line, which only the reader of the file knows, and have the scenario's id
    for a file.
    """
    problems: list[Problem] = []
    for part, registry in OPERATORS.items():
        written = getattr(scenario.evolution, part)
        found = _check_one(registry, written.operator, written.options)
        problems += [
            Problem(
                file=scenario.id,
                line=None,
                key=".".join(["evolution", part, *([key] if key else [])]),
                message=message,
            )
            for key, message in found
        ]
    return problems


def _check_one(
    registry: Registry[Any], name: str, options: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """(key within the operator, what is wrong) of one operator."""
    if name not in registry:
        return [("operator", f"unknown {registry.kind} {name!r}: {did_you_mean(name, registry)}")]
    operator: Operator = registry[name]
    keywords = operator.keywords()
    found = []
    for key, value in options.items():
        if key in operator.supplied():
            found.append(
                (key, f"evosim gives {key} = {SUPPLIED[key]:g}: genes are varied in units of "
                "their locus; remove it")
            )  # fmt: skip
        elif key not in keywords:
            found.append((key, f"{name} has no keyword {key!r}: {did_you_mean(key, keywords)}"))
        elif key in _ALLOWED and not _ALLOWED[key][0](value):
            found.append((key, f"not a possible value (got {value!r}, allowed {_ALLOWED[key][1]})"))
    missing = [key for key in keywords if key not in options]
    return found + [("", f"{name} needs {key} ({_meaning(key)})") for key in missing]


def _meaning(key: str) -> str:
    return _ALLOWED[key][1] if key in _ALLOWED else "required"
