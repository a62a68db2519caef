"""A lifetime to look at: who lived it where, and everything that happened in it, step by step.

:func:`evosim.core.trace` records states, actions and the use rules that fired. The rest of a step
(`here`, `always`, novelty, the state that a step leads to) follows from the same random numbers,
because every draw is a function of its key (model 5): :func:`reconstruct` goes through the recorded
actions once more and writes all of it down.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, did_you_mean
from evosim.rng import Purpose, draw, key, uniform

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario, World
    from evosim.world import Environment, Levels

AGE = "age"
ACTIONS = ("north", "south", "west", "east")
SLIP, DIRECTION, OUTCOME, ENDS, DRIFT = 1, 2, 3, 4, 8
"""Draws of a step (model 5)."""


class StepRecord(NamedTuple):
    """One step of a lifetime."""

    x: int
    """Joint value of the variables before the step."""
    cell: int
    """Cell before the step."""
    action: int
    events: tuple[int, ...]
    """Everything felt or paid in it, in order."""
    novelty: float
    """Novelty felt on arriving, before its drive weighs it."""
    x_after: int
    cell_after: int


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One lifetime.

    Attributes:
        environment: where it was lived.
        levels: the one level (L = 1).
        steps: its steps.
        ending: what ended it: ``age``, a use rule (``judge.report``) or a fatal value
            (``energy 0``).
        drives: [F] what the mind feels of each feature (stimuli, then payoffs: 0).
        novelty: the drive for novelty.
        heading: who and where, in a few words.
    """

    environment: Environment
    levels: Levels
    steps: tuple[StepRecord, ...]
    ending: str
    drives: NDArray[np.float64]
    novelty: float
    heading: str

    @property
    def world(self) -> World:
        """The world that it happened in."""
        return self.environment.world

    @property
    def lifespan(self) -> int:
        """Steps lived."""
        return len(self.steps)

    @cached_property
    def payoffs(self) -> NDArray[np.float64]:
        """Each payoff paid up to and with each step, [step, payoff]."""
        gained = self._gained[:, self.environment.paid]
        return np.cumsum(gained, axis=0)

    @cached_property
    def reward(self) -> NDArray[np.float64]:
        """Internal reward felt up to and with each step, [step]."""
        novelty = self.novelty * np.array([m.novelty for m in self.steps])
        return np.cumsum(self._gained @ self.drives + novelty)

    @cached_property
    def _gained(self) -> NDArray[np.float64]:
        phi = self.environment.phi
        rows = [phi[list(m.events)].sum(axis=0) for m in self.steps]
        return np.array(rows).reshape(self.lifespan, phi.shape[1])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each event happened, [event]."""
        happened = [event for m in self.steps for event in m.events]
        return np.bincount(np.array(happened, np.int64), minlength=len(self.environment.events))

    def values(self, x: int) -> dict[str, int]:
        """The value of every state variable at a joint value x."""
        result = {}
        for variable in reversed(self.world.state_variables):
            x, result[variable.name] = divmod(x, variable.values)
        return dict(reversed(result.items()))

    @cached_property
    def cells(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each free cell."""
        return self.world.layout.free

    @cached_property
    def sites(self) -> dict[int, tuple[str, int | None]]:
        """By cell, the kind of its site and the state variable of a site that empties.

        The variable is its place among ``World.state_variables``.
        """
        world = self.world
        found: dict[int, tuple[str, int | None]] = {}
        first = len(world.variables)
        emptying = [i for i, slot in enumerate(world.slots) if slot.ordinal >= 0]
        for cell, slot in enumerate(self.levels.slot[0]):
            if slot >= 0:
                variable = first + emptying.index(int(slot)) if int(slot) in emptying else None
                found[cell] = (world.slots[slot].kind, variable)
        return found

    def is_empty(self, cell: int, x: int) -> bool:
        """Whether the site on a cell is one that was used up and has not regrown."""
        variable = self.sites[cell][1]
        return variable is not None and list(self.values(x).values())[variable] == 0


def episode_of(
    data: xr.Dataset,
    scenario: Scenario,
    *,
    generation: int | None = None,
    environment: str | None = None,
    individual: int | None = None,
    level: int = 0,
    replicate: int = 0,
) -> Episode:
    """Simulate the lifetime of an individual of a run again, on a level of its generation.

    In the environment that trained on that level it is the very lifetime that it was scored by;
    in another one, the life that it would have had there.

    Args:
        generation: None: the last one that anybody lived.
        environment: by name; None: the one that trained on the level.
        individual: None: the one with the median score.
        level: which of the generation's levels, from 0.
        replicate: which replicate, from 0.

    Raises:
        EvosimError: one of them is not in the data; says what is.
    """
    from evosim import core, world
    from evosim.engine.mechanism import minds_of

    generation, individual = find_individual(
        data, generation=generation, individual=individual, replicate=replicate
    )
    _check("level", level, scenario.evolution.levels)
    then = data.isel(replicate=replicate).sel(generation=generation)
    names = list(scenario.environments)
    if environment is None:
        environment = names[int(then["train"].values[level])]
    if environment not in names:
        raise EvosimError(
            f"no environment {environment!r} in scenario {scenario.id!r}: "
            f"{did_you_mean(environment, names)}"
        )

    seed = key(
        _seed_at(data, generation), Purpose.REPLICATE, int(data["replicate"].values[replicate])
    )
    env = world.environment(scenario, environment)
    levels = world.draw_levels(scenario, environment, [key(seed, Purpose.LEVEL, generation, level)])
    minds = minds_of(
        scenario,
        np.asarray(then["genome"].values, np.float64)[[individual]],
        seed=seed,
        generation=generation,
        individuals=np.array([individual]),
    )
    believes = scenario.agent.believes
    trace = core.trace(
        env,
        levels,
        minds,
        seed=seed,
        generation=generation,
        level_id=level,
        individual_id=individual,
        believes=world.environment(scenario, believes) if believes else None,
        instinct=scenario.agent.instinct,
    )
    steps, ending = reconstruct(
        env,
        levels,
        [int(action) for action in trace.action],
        key(seed, Purpose.LIFE, generation, level, individual),
    )
    title = scenario.environments[environment].title or environment
    several = f"replicate {replicate}, " if data.sizes["replicate"] > 1 else ""
    return Episode(
        environment=env,
        levels=levels,
        steps=steps,
        ending=ending,
        drives=minds.weights[0].astype(np.float64),
        novelty=float(minds.arrival[0]),
        heading=f"{several}generation {generation}, individual {individual}, in “{title}”",
    )


def find_individual(
    data: xr.Dataset, *, generation: int | None, individual: int | None, replicate: int
) -> tuple[int, int]:
    """The generation and the number of an individual of a run.

    Args:
        generation: None: the last one that anybody lived.
        individual: None: the one with the median score.
        replicate: which replicate, from 0.

    Raises:
        EvosimError: one of them is not in the data; says what is.
    """
    generations = [int(g) for g in data["generation"].values]
    if generation is None:
        generation = last_inhabited_generation(data, replicate)
    if generation not in generations:
        raise EvosimError(
            f"no generation {generation} in this run (it has {generations[0]} to {generations[-1]})"
        )
    _check("replicate", replicate, int(data.sizes["replicate"]))
    then = data.isel(replicate=replicate).sel(generation=generation)
    scores = np.asarray(then["score"].values)
    alive = int(then["population_size"]) if "population_size" in then else len(scores)
    if not alive:
        raise EvosimError(
            f"generation {generation} has no individuals: the population died out after generation "
            f"{last_inhabited_generation(data, replicate)}"
        )
    if individual is None:
        individual = int(np.argsort(scores[:alive], kind="stable")[(alive - 1) // 2])
    _check("individual", individual, alive)
    return generation, individual


def last_inhabited_generation(data: xr.Dataset, replicate: int) -> int:
    """The last generation of a replicate that has individuals."""
    generations = data["generation"].values
    if "population_size" not in data or not 0 <= replicate < data.sizes["replicate"]:
        return int(generations[-1])
    sizes = data["population_size"].isel(replicate=replicate).values
    return int(generations[np.flatnonzero(sizes)[-1]])


def _seed_at(data: xr.Dataset, generation: int) -> int:
    """The seed of a generation's lifetimes; in a fork some have other seeds."""
    seed = int(data.attrs["seed"])
    for entry in json.loads(data.attrs.get("provenance", "{}")).get("seeds", ()):
        if entry["from"] <= generation:
            seed = int(entry["seed"])
    return seed


def _check(what: str, n: int, size: int) -> None:
    if not 0 <= n < size:
        raise EvosimError(f"no {what} {n} in this run (allowed 0 to {size - 1})")


def reconstruct(
    env: Environment, levels: Levels, actions: list[int], life: int
) -> tuple[tuple[StepRecord, ...], str]:
    """Everything that happened in the life with that key, given the actions it took (model 1).

    Args:
        env: where it was lived.
        levels: the level, L = 1.
        actions: the action of each step.
        life: the key of its draws.

    Returns:
        Its steps, and what ended them.
    """
    tables = env.tables
    neighbour, slots = levels.neighbour[0], levels.slot[0]
    x = _pick(uniform(draw(life, 0)), tables.start_x, tables.start_p)
    cell = int(levels.start[0])
    visited = {cell: 0}
    steps: list[StepRecord] = []
    ending = AGE
    for t, action in enumerate(actions):

        def chance(slot: int, t: int = t) -> float:
            return uniform(draw(life, (t + 1) * 64 + slot))

        events: list[int] = []
        middle, to, ended = x, cell, False
        if action < len(ACTIONS):
            way = action
            if tables.slip > 0 and chance(SLIP) < tables.slip:
                way = int(4 * chance(DIRECTION))
            to = int(neighbour[cell, way])
        elif action == tables.n_actions - 1 and slots[cell] >= 0:
            row = int(tables.use_row[slots[cell], x])
            if row >= 0:
                events.append(int(tables.use_event[row]))
                outcomes = slice(tables.outcome_ptr[row], tables.outcome_ptr[row + 1])
                middle = _pick(
                    chance(OUTCOME), tables.outcome_x[outcomes], tables.outcome_p[outcomes]
                )
                ends = float(tables.use_ends[row])
                ended = ends > 0 and chance(ENDS) < ends
        if ended:
            steps.append(StepRecord(x, cell, action, tuple(events), 0.0, middle, to))
            ending = env.events[events[0]]
            break
        if slots[to] >= 0 and tables.here_event[slots[to]] >= 0:
            events.append(int(tables.here_event[slots[to]]))
        always = slice(tables.always_ptr[middle], tables.always_ptr[middle + 1])
        events.extend(int(event) for event in tables.always_event[always])
        novelty = 1.0 - 1.0 / (t + 1 - visited[to]) if to in visited else 1.0
        visited[to] = t + 1
        after = middle
        for v in range(tables.move_chance.shape[0]):
            odds = float(tables.move_chance[v, middle])
            if odds > 0 and chance(DRIFT + v) < odds:
                after += int(tables.move_delta[v, middle])
        steps.append(StepRecord(x, cell, action, tuple(events), novelty, after, to))
        x, cell = after, to
        if tables.dead[x]:
            ending = _fatal(env.world, x)
            break
    return tuple(steps), ending


def _pick(u: float, values: NDArray[np.int32], odds: NDArray[np.float64]) -> int:
    """Inverse distribution function over ``values``, as the core draws it."""
    total = 0.0
    for value, p in zip(values[:-1], odds[:-1], strict=True):
        total += float(p)
        if u < total:
            return int(value)
    return int(values[-1])


def _fatal(world: World, x: int) -> str:
    """Which variables have a fatal value at x, in words."""
    found = []
    for variable in reversed(world.state_variables):
        x, value = divmod(x, variable.values)
        declared = world.variables.get(variable.name)
        fatal = declared.fatal if declared else None
        if fatal is None:
            continue
        low, high = fatal if isinstance(fatal, tuple) else (fatal, fatal)
        if low <= value <= high:
            found.append(f"{variable.name} {value}")
    return ", ".join(reversed(found))
