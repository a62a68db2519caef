"""Whether operators and base optimizer of a scenario exist and are given what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evosim import mechanisms
from evosim.errors import Problem, did_you_mean
from evosim.evolution.generation import optimizer_name
from evosim.evolution.optimizer import OPTIMIZERS
from evosim.evolution.registry import MIGRATE, OPERATORS, RNG, SUPPLIED, Operator
from evosim.mind import loci
from evosim.registry import Registry
from evosim.scenario.values import is_number, is_whole

if TYPE_CHECKING:
    from evosim.scenario import Scenario


# Mutations as wide as this leave nothing of a gene; of much larger ones only the last digits would
# count, until they overflow.
_WIDEST, _STEEPEST = 100, 1_000_000
_ALLOWED: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "alpha": (lambda v: is_number(v) and 0 <= v <= _WIDEST, f"a number from 0 to {_WIDEST}"),
    "eta": (lambda v: is_number(v) and 0 <= v <= _STEEPEST, f"a number from 0 to {_STEEPEST:,}"),
    "indpb": (lambda v: is_number(v) and 0 <= v <= 1, "a probability from 0 to 1"),
    "mu": (
        lambda v: is_number(v) and abs(v) <= _WIDEST,
        f"a number from -{_WIDEST} to {_WIDEST}, in units of each locus",
    ),
    "share": (lambda v: is_number(v) and 0 < v <= 1, "a share above 0 and up to 1"),
    "sigma": (
        lambda v: is_number(v) and 0 <= v <= _WIDEST,
        f"a number from 0 to {_WIDEST}, in units of each locus",
    ),
    "tournsize": (lambda v: is_whole(v) and 1 <= v <= 10_000, "a whole number from 1 to 10,000"),
}


def check(scenario: Scenario) -> list[Problem]:
    """Everything wrong with the operators and the base optimizer of a scenario, by key.

    The keywords of an operator are those of its function's signature, all of them required; the
    options of an optimizer have defaults. The problems name no line, which only the reader of the
    file knows, and have the scenario's id for a file.
    """
    found: list[tuple[str, str]] = []
    written = {part: (part, getattr(scenario.evolution, part)) for part in OPERATORS}
    used = mechanisms.used(scenario)
    for operators in mechanisms.defined("schema", "operators", used).values():
        written |= operators(scenario)
    for part, (kind, operator) in written.items():
        registry = MIGRATE if kind == "migrate" else OPERATORS[kind]
        for key, message in _check_one(registry, operator.operator, operator.options):
            found.append((f"{part}.{key}" if key else part, message))
    found += _check_optimizer(scenario)
    return [
        Problem(file=scenario.id, line=None, key=f"evolution.{key}", message=message)
        for key, message in found
    ]


def _check_optimizer(scenario: Scenario) -> list[tuple[str, str]]:
    """(key within ``evolution``, what is wrong) of the base optimizer."""
    evolution = scenario.evolution
    name = optimizer_name(scenario)
    if name not in OPTIMIZERS:
        return [("optimizer.name", OPTIMIZERS.unknown(name))]
    optimizer = OPTIMIZERS[name]
    found = []
    given = evolution.optimizer.options if name == evolution.optimizer.name else {}
    for key, value in given.items():
        if key not in optimizer.options:
            message = f"{name} has no option {key!r}: {did_you_mean(key, optimizer.options)}"
            found.append((f"optimizer.{key}", message))
        elif not optimizer.options[key].allows(value):
            allowed = optimizer.options[key].allowed
            message = f"not a possible value (got {value!r}, allowed {allowed})"
            found.append((f"optimizer.{key}", message))
    individuals, n_loci = optimizer.least
    if evolution.population < individuals:
        message = f"{name} needs more (got {evolution.population}, allowed {individuals} or more)"
        found.append(("population", message))
    # An agent is made where a run begins, not where a file is read.
    if scenario.agent.learner is None and len(loci(scenario)) < n_loci:
        found.append(("optimizer.name", f"{name} needs a locus that evolves, and all are pinned"))
    found += [("optimizer.name", f"{name}: {why}") for why in optimizer.refuses(scenario)]
    if name != "genetic":
        used = mechanisms.used(scenario)
        for one, population in mechanisms.defined("schema", "POPULATION", used).items():
            section = mechanisms.SECTIONS[one].removeprefix("evolution.")
            found.append((section, f"{name} asks for {population} genetic"))
    return found


def _check_one(
    registry: Registry[Any], name: str, options: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """(key within the operator, what is wrong) of one operator."""
    if name not in registry:
        return [("operator", registry.unknown(name))]
    operator: Operator = registry[name]
    keywords = operator.keywords()
    rules = {**_ALLOWED, **operator.allowed}
    found = []
    for key, value in options.items():
        if key == RNG and key in operator.supplied():
            found.append((key, "evosim gives the generator to draw from; remove it"))
        elif key in operator.supplied():
            found.append(
                (key, f"evosim gives {key} = {SUPPLIED[key]:g}: genes are varied in units of "
                "their locus; remove it")
            )  # fmt: skip
        elif key not in keywords:
            found.append((key, f"{name} has no keyword {key!r}: {did_you_mean(key, keywords)}"))
        elif key in rules and not rules[key][0](value):
            found.append((key, f"not a possible value (got {value!r}, allowed {rules[key][1]})"))
    meaning = {key: rules[key][1] if key in rules else "required" for key in keywords}
    missing = [key for key in keywords if key not in options]
    return found + [("", f"{name} needs {key} ({meaning[key]})") for key in missing]
