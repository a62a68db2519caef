"""What a user writes: scenario files, read, checked and resolved.

Importing this package is cheap; pydantic is imported when a name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evosim.scenario.editor import json_schema as json_schema
    from evosim.scenario.experiment import Arm as Arm
    from evosim.scenario.experiment import Experiment as Experiment
    from evosim.scenario.experiment import Finding as Finding
    from evosim.scenario.experiment import Tuned as Tuned
    from evosim.scenario.map import Layout as Layout
    from evosim.scenario.reading import load as load
    from evosim.scenario.reading import loads as loads
    from evosim.scenario.schema import Agent as Agent
    from evosim.scenario.schema import Always as Always
    from evosim.scenario.schema import Drift as Drift
    from evosim.scenario.schema import Environment as Environment
    from evosim.scenario.schema import Evolution as Evolution
    from evosim.scenario.schema import Here as Here
    from evosim.scenario.schema import Islands as Islands
    from evosim.scenario.schema import Kind as Kind
    from evosim.scenario.schema import Measure as Measure
    from evosim.scenario.schema import Objective as Objective
    from evosim.scenario.schema import Operator as Operator
    from evosim.scenario.schema import Phase as Phase
    from evosim.scenario.schema import Region as Region
    from evosim.scenario.schema import Rule as Rule
    from evosim.scenario.schema import Scenario as Scenario
    from evosim.scenario.schema import Tool as Tool
    from evosim.scenario.schema import Variable as Variable
    from evosim.scenario.schema import Variation as Variation
    from evosim.scenario.schema import Verdict as Verdict
    from evosim.scenario.schema import World as World
    from evosim.scenario.shipped import catalogue as catalogue
    from evosim.scenario.state_space import Slot as Slot
    from evosim.scenario.state_space import StateVariable as StateVariable
    from evosim.scenario.timeline import Flip as Flip
    from evosim.scenario.values import Locus as Locus
    from evosim.scenario.values import bounds as bounds

_HOMES = {
    "shipped": ("catalogue",),
    "editor": ("json_schema",),
    "experiment": ("Arm", "Experiment", "Finding", "Tuned"),
    "map": ("Layout",),
    "reading": ("load", "loads"),
    "schema": (
        "Agent", "Always", "Drift", "Environment", "Evolution", "Here", "Islands", "Kind",
        "Measure", "Objective", "Operator", "Phase", "Region", "Rule", "Scenario", "Tool",
        "Variable", "Variation", "Verdict", "World",
    ),
    "state_space": ("Slot", "StateVariable"),
    "timeline": ("Flip",),
    "values": ("Locus", "bounds"),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
