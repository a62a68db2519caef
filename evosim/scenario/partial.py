"""A raw document validated part by part, so that a fault in one part does not hide the others'."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evosim.scenario import check_world, overrides
from evosim.scenario.document import merged
from evosim.scenario.messages import Fault, faults_of
from evosim.scenario.positions import KeyPath
from evosim.scenario.schema import Phase, Scenario, World

M = TypeVar("M", bound=BaseModel)


def part(model: type[M], raw: Any) -> M | None:
    """The raw part as a model, or None where it is not a valid one."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


@dataclass(frozen=True)
class WorldDraft:
    """One world as written: what could be read of it and what is wrong with it.

    Attributes:
        raw: the plain tables.
        faults: everything wrong, paths from the world's own keys on.
        world: the world where nothing is wrong with its form (values may still be), else None.
    """

    raw: Mapping[str, Any]
    faults: tuple[Fault, ...]
    world: World | None

    @classmethod
    def of(
        cls,
        raw: Mapping[str, Any],
        stimuli: tuple[str, ...] | None,
        first: Iterable[Fault] = (),
    ) -> WorldDraft:
        """Read and check a raw world; faults below those of ``first`` are not repeated."""
        known = list(first)
        covered = {fault.path for fault in known}

        def news(faults: Iterable[Fault]) -> list[Fault]:
            return [
                f for f in faults if not any(f.path[:i] in covered for i in range(len(f.path) + 1))
            ]

        form: list[Fault] = []
        world = None
        try:
            world = World.model_validate(raw)
        except ValidationError as error:
            form = news(faults_of(error, World))
        if known or form:
            world = None
        sketch = world or part(World, _pruned(raw, [*known, *form]))
        meaning: list[Fault] = []
        if sketch is not None:
            meaning += check_world.references(
                sketch, tuple(overrides.table(raw, "variables")), stimuli
            )
        if world is not None:
            meaning += check_world.wholes(world)
        return cls(raw, (*known, *form, *news(meaning)), world)


def _pruned(raw: Mapping[str, Any], faults: Iterable[Fault]) -> dict[str, Any]:
    """The raw world without its broken entries, for checks of the entries that are left."""
    rest: dict[str, Any] = copy.deepcopy(dict(raw))
    for fault in faults:
        keys = [str(key) for key in fault.path[: _entry(fault.path)]]
        holder: Any = rest
        for key in keys[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and keys:
            holder.pop(keys[-1], None)
    return {"lifetime": 1} | rest


def _entry(path: KeyPath) -> int:
    """The length of the path of the smallest whole entry around a fault: rule, kind, key."""
    if path[:1] == ("kinds",) and path[2:3] == ("use",) and len(path) > 3:
        return 4
    return 2 if path[:1] in (("kinds",), ("variables",), ("always",)) else 1


@dataclass(frozen=True)
class Draft:
    """A whole raw document, and what could be read of its parts."""

    raw: Mapping[str, Any]

    @cached_property
    def scenario(self) -> Scenario | None:
        """The scenario, where its form is right."""
        return part(Scenario, self.raw)

    @cached_property
    def form_faults(self) -> list[Fault]:
        """What is wrong with the form of anything but environments."""
        try:
            Scenario.model_validate(self.raw)
        except ValidationError as error:
            return faults_of(error, Scenario)
        return []

    @cached_property
    def stimuli(self) -> tuple[str, ...] | None:
        """The names of the drives as written, or None where they cannot be told."""
        drives = overrides.table(self.raw, "agent").get("drives")
        if isinstance(drives, list | dict) and all(isinstance(name, str) for name in drives):
            return tuple(drives)
        return None

    @cached_property
    def base(self) -> WorldDraft:
        """The world before overrides."""
        return WorldDraft.of(overrides.table(self.raw, "world"), self.stimuli)

    @cached_property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """The raw overrides of each environment that is a table."""
        environments = overrides.table(self.raw, "environments")
        return {
            name: {key: value for key, value in environment.items() if key != "title"}
            for name, environment in environments.items()
            if isinstance(environment, Mapping)
        }

    @cached_property
    def payoffs(self) -> tuple[str, ...]:
        """The payoffs that the world and the objective name."""
        named = overrides.table(self.raw, "objective").values()
        return tuple(
            dict.fromkeys(
                [*overrides.payoffs_of(self.base.raw), *(n for n in named if isinstance(n, str))]
            )
        )

    @cached_property
    def environments(self) -> dict[str, WorldDraft]:
        """The world of each environment."""
        drafts = {}
        for name, changes in self.overrides.items():
            as_overrides = overrides.faults(self.base.raw, changes, self.payoffs)
            drafts[name] = WorldDraft.of(merged(self.base.raw, changes), self.stimuli, as_overrides)
        return drafts

    @cached_property
    def worlds(self) -> dict[str, World] | None:
        """The world of each environment, where the form of every one is right."""
        found = {name: draft.world for name, draft in self.environments.items()}
        whole = {name: world for name, world in found.items() if world is not None}
        return whole if whole and len(whole) == len(found) else None

    @cached_property
    def phases(self) -> dict[int, Phase]:
        """The phases whose form is right, by their place in the timeline."""
        raw = self.raw.get("timeline")
        read = {i: part(Phase, p) for i, p in enumerate(raw if isinstance(raw, list) else ())}
        return {i: phase for i, phase in read.items() if phase is not None}

    def world_faults(self) -> list[Fault]:
        """The faults of all worlds, each told once and where it was written.

        What is wrong with the world already, and is not overridden, belongs to the world;
        what comes about in an environment belongs to its overrides. Faults of meaning of the
        world itself count only where they live on in an environment.
        """
        if not isinstance(self.raw.get("world"), Mapping):
            return []  # told as a fault of form
        if not self.environments:
            return [fault.below("world") for fault in self.base.faults]
        inherited = set(self.base.faults)
        return [
            fault.below("world")
            if fault in inherited and not overrides.replaces(self.overrides[name], fault.path)
            else fault.below("environments", name)
            for name, draft in self.environments.items()
            for fault in draft.faults
        ]
