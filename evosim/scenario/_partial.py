"""A raw document validated part by part, so that no mistake hides another."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evosim.errors import nearest
from evosim.scenario import _overrides, check_world
from evosim.scenario._overrides import NO_PAYOFF
from evosim.scenario.document import merged
from evosim.scenario.messages import Mistake, mistakes_of
from evosim.scenario.schema import BUILT_IN, Evolution, Phase, Scenario, World

M = TypeVar("M", bound=BaseModel)


def as_model(model: type[M], raw: Any) -> M | None:
    """The raw part as a model, or None where it is not a valid one."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


@dataclass(frozen=True)
class PartialWorld:
    """One world as written: what could be read of it and what is wrong with it.

    Attributes:
        raw: the plain tables.
        mistakes: everything wrong, paths from the world's own keys on.
        world: the world where nothing is wrong with its form (values may still be), else None.
    """

    raw: Mapping[str, Any]
    mistakes: tuple[Mistake, ...]
    world: World | None

    @classmethod
    def of(
        cls,
        raw: Mapping[str, Any],
        stimuli: tuple[str, ...] | None,
        first: Iterable[Mistake] = (),
    ) -> PartialWorld:
        """Read and check a raw world; mistakes below those of ``first`` are not repeated."""
        known = list(first)
        covered = {mistake.path for mistake in known}

        def uncovered(mistakes: Iterable[Mistake]) -> list[Mistake]:
            return [
                mistake
                for mistake in mistakes
                if not any(mistake.path[:i] in covered for i in range(len(mistake.path) + 1))
            ]

        form: list[Mistake] = []
        world = None
        try:
            world = World.model_validate(raw)
        except ValidationError as error:
            form = uncovered(mistakes_of(error, World))
        if known or form:
            world = None
        sketch = world or as_model(World, _pruned(raw, [*known, *form]))
        meaning: list[Mistake] = []
        if sketch is not None:
            meaning += check_world.check_entries(
                sketch, tuple(_overrides.table(raw, "variables")), stimuli
            )
        if world is not None:
            meaning += check_world.check_whole(world)
        return cls(raw, (*known, *form, *uncovered(meaning)), world)


_TABLES_OF_ENTRIES = ("kinds", "variables", "always", "fields", "movers", "happens")


def _pruned(raw: Mapping[str, Any], mistakes: Iterable[Mistake]) -> dict[str, Any]:
    """The raw world without its broken entries, for checks of the entries that are left."""
    rest: dict[str, Any] = copy.deepcopy(dict(raw))
    for mistake in mistakes:
        path = mistake.path
        # The smallest whole entry around a mistake: rule, kind, key.
        whole = 2 if path and path[0] in _TABLES_OF_ENTRIES else 1
        if path[2:3] in (("use",), ("enter",), ("meet",)) and len(path) > 3:
            whole = 4
        keys = [str(key) for key in path[:whole]]
        holder: Any = rest
        for key in keys[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and keys:
            holder.pop(keys[-1], None)
    return {"lifetime": 1} | rest


@dataclass(frozen=True)
class PartialDocument:
    """A whole raw document, and what could be read of its parts."""

    raw: Mapping[str, Any]

    @cached_property
    def scenario(self) -> Scenario | None:
        """The scenario, where its form is right."""
        return as_model(Scenario, self.raw)

    def section(self, key: str, model: type[M]) -> M | None:
        """The table at a dotted key as a model; None where there is none, or its form is wrong."""
        *above, name = key.split(".")
        return as_model(model, self.table(*above).get(name))

    def table(self, *path: str) -> Mapping[str, Any]:
        """The table at a path of the document; an empty one where there is none."""
        return _overrides.table(self.raw, *path)

    @cached_property
    def evolution(self) -> Evolution | None:
        """How populations evolve, where its form is right."""
        return as_model(Evolution, self.raw.get("evolution"))

    @cached_property
    def form_mistakes(self) -> list[Mistake]:
        """What is wrong with the form of anything but environments."""
        try:
            Scenario.model_validate(self.raw)
        except ValidationError as error:
            return mistakes_of(error, Scenario)
        return []

    @cached_property
    def stimuli(self) -> tuple[str, ...] | None:
        """The names of the drives as written, or None where they cannot be read."""
        drives = _overrides.table(self.raw, "agent").get("drives")
        if isinstance(drives, list | dict) and all(isinstance(name, str) for name in drives):
            return tuple(drives)
        return None

    @property
    def built_in(self) -> list[str]:
        """The drives, as far as they can be read, that are for no stimulus."""
        return [name for name in self.stimuli or () if name in BUILT_IN]

    @cached_property
    def base(self) -> PartialWorld:
        """The world before overrides."""
        return PartialWorld.of(_overrides.table(self.raw, "world"), self.stimuli)

    @cached_property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """The raw overrides of each environment that is a table."""
        environments = _overrides.table(self.raw, "environments")
        return {
            name: {key: value for key, value in environment.items() if key != "title"}
            for name, environment in environments.items()
            if isinstance(environment, Mapping)
        }

    @cached_property
    def payoffs(self) -> tuple[str, ...]:
        """The payoffs that the world and the objective name."""
        named = _overrides.table(self.raw, "objective").values()
        return tuple(
            dict.fromkeys(
                [*_overrides.payoffs_of(self.base.raw), *(n for n in named if isinstance(n, str))]
            )
        )

    @cached_property
    def paid(self) -> list[str] | None:
        """The payoffs that some environment pays; None where a misspelt yields hides some."""
        worlds = [self.base, *self.environments.values()]
        if any(nearest(str(f.path[-1]), ["yields"]) for w in worlds for f in w.mistakes if f.path):
            return None
        misspelt = {
            f.path[-1] for w in worlds for f in w.mistakes if f.message.startswith(NO_PAYOFF)
        }
        paid = [name for world in worlds for name in _overrides.payoffs_of(world.raw)]
        return [name for name in dict.fromkeys(paid) if name not in misspelt]

    @cached_property
    def hidden(self) -> list[str]:
        """The names of the hidden variables."""
        variables = self.table("world", "variables")
        return [n for n in variables if _overrides.table(variables, n).get("hidden") is True]

    @cached_property
    def environments(self) -> dict[str, PartialWorld]:
        """The world of each environment."""
        found = {}
        for name, changes in self.overrides.items():
            as_overrides = _overrides.mistakes(self.base.raw, changes, self.payoffs)
            found[name] = PartialWorld.of(
                merged(self.base.raw, changes), self.stimuli, as_overrides
            )
        return found

    @cached_property
    def worlds(self) -> dict[str, World] | None:
        """The world of each environment, where the form of every one is right."""
        found = {name: partial.world for name, partial in self.environments.items()}
        whole = {name: world for name, world in found.items() if world is not None}
        return whole if whole and len(whole) == len(found) else None

    @cached_property
    def phases(self) -> dict[int, Phase]:
        """The phases whose form is right, by their place in the timeline."""
        raw = self.raw.get("timeline")
        read = {i: as_model(Phase, p) for i, p in enumerate(raw if isinstance(raw, list) else ())}
        return {i: phase for i, phase in read.items() if phase is not None}

    def world_mistakes(self) -> list[Mistake]:
        """The mistakes of all worlds, each once and where it was written.

        What is wrong with the world already, and is not overridden, belongs to the world;
        what comes about in an environment belongs to its overrides. Mistakes of meaning of the
        world itself count only where they live on in an environment.
        """
        if not isinstance(self.raw.get("world"), Mapping):
            return []  # a mistake of form, which form_mistakes has
        if not self.environments:
            return [mistake.below("world") for mistake in self.base.mistakes]
        inherited = set(self.base.mistakes)
        return [
            mistake.below("world")
            if mistake in inherited and not _overrides.replaces(self.overrides[name], mistake.path)
            else mistake.below("environments", name)
            for name, partial in self.environments.items()
            for mistake in partial.mistakes
        ]
