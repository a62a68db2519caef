"""A lifetime to look at: whose it is, where, and everything that happened in it, step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.engine.variables import present
from evosim.errors import Argument, EvosimError, did_you_mean
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    import xarray as xr

    from evosim.core import Trace
    from evosim.scenario import Flip, Scenario, World
    from evosim.world import Environment, Levels

AGE = "age"
SLOWEST, FASTEST = 0.01, 1000.0
"""Steps a second of a replay: a pause has to fit into a GIF."""


def check_speed(speed: float) -> None:
    """Refuse a speed at which no lifetime can be played.

    Raises:
        EvosimError: no number, or out of range.
    """
    number = isinstance(speed, Real) and not isinstance(speed, bool)
    if not (number and SLOWEST <= float(speed) <= FASTEST):
        raise EvosimError(
            Argument("speed", speed),
            f": no speed of a replay (allowed a number from {SLOWEST:g} to {FASTEST:,.0f} steps "
            "a second)",
        )


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One lifetime.

    Attributes:
        environment: where it took place.
        levels: the one level (L = 1).
        trace: its steps, as the core simulated them.
        drives: [F] what the mind feels of each feature (stimuli, then payoffs: 0).
        arrival: the drive for what a life makes of arriving (novelty).
        blind: the hidden variables that the mind does not see.
        heading: who and where, in a few words.
    """

    environment: Environment
    levels: Levels
    trace: Trace
    drives: NDArray[np.float64]
    arrival: float
    heading: str
    blind: frozenset[str] = frozenset()

    @property
    def world(self) -> World:
        """The world that it happened in."""
        return self.environment.world

    @property
    def lifespan(self) -> int:
        """Steps of it."""
        return len(self.trace.action)

    @cached_property
    def path(self) -> list[int]:
        """The cell at birth and after each step."""
        return [*map(int, self.trace.cell), self.trace.last[1]]

    @cached_property
    def payoffs(self) -> NDArray[np.float64]:
        """Each payoff paid until birth (0) and up to each step, [1 + step, payoff]."""
        return self._sums(self.trace.counts @ self.environment.phi[:, self.environment.paid])

    @cached_property
    def reward(self) -> NDArray[np.float64]:
        """Internal reward felt until birth (0) and up to each step, [1 + step]."""
        felt = self.trace.counts @ (self.environment.phi @ self.drives)
        return self._sums(felt + self.arrival * self.trace.arrival)

    @staticmethod
    def _sums(gained: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([np.zeros((1, *gained.shape[1:])), np.cumsum(gained, axis=0)])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each event happened, [event]."""
        return self.trace.counts.sum(axis=0, dtype=np.int64)

    def events(self, step: int) -> list[int]:
        """Everything felt or paid in a step, by number of the event."""
        return [int(event) for event in np.flatnonzero(self.trace.counts[step])]

    def values(self, step: int) -> dict[str, int]:
        """The value of every state variable after so many steps."""
        x = int(self.trace.x[step]) if step < self.lifespan else self.trace.last[0]
        result = {}
        for variable in reversed(self.world.state_variables):
            x, result[variable.name] = divmod(x, variable.values)
        return dict(reversed(result.items()))

    @cached_property
    def ending(self) -> str:
        """What ended it: ``age``, a rule (``judge.report``) or a fatal value (``energy 0``)."""
        if self.trace.fate == "alive":
            return AGE
        if self.trace.fate == "ended":
            return self.environment.events[self._last_rule]
        values = self.values(self.lifespan)
        fatal = []
        for name, variable in self.world.variables.items():
            ends = variable.fatal
            low, high = ends if isinstance(ends, tuple) else (ends, ends)
            if low is not None and high is not None and low <= values[name] <= high:
                fatal.append(f"{name} {values[name]}")
        return ", ".join(fatal)

    @property
    def _last_rule(self) -> int:
        """The event of the rule that ended the life: of a use, an arrival, or the last meeting."""
        happened = self.events(self.lifespan - 1)
        tables, (x, cell) = self.environment.tables, self.trace.last
        if tables.local is None:
            return int(self.trace.event[-1])
        local = tables.local.arrays
        # What ends a life is the last thing that is felt in it. Meetings come after all else, mover
        # by mover (model 1, the order of one step); but movers of one name have their events in
        # common, so that their order is not that of the events. The last one is of a mover that was
        # on the cell, by a rule that may end a life and that leads to where it ended.
        for mover in reversed(range(len(local.meet))):
            before = np.flatnonzero(local.meet[mover] >= 0)
            places = before // local.stride[mover] % local.places[mover]
            for row in np.unique(local.meet[mover, before[places == cell]]):
                event = int(local.row_event[row])
                led = local.row_x[local.row_ptr[row] : local.row_ptr[row + 1]]
                if event in happened and local.row_ends[row] > 0 and x in led:
                    return event
        return happened[-1]  # of an arrival or a use, and then nobody was met

    @cached_property
    def kinds(self) -> dict[int, str]:
        """By cell, the kind of the site that is there."""
        slots = self.world.slots
        return {n: slots[slot].kind for n, slot in enumerate(self.levels.slot[0]) if slot >= 0}

    def movers(self, step: int) -> list[tuple[int, str]]:
        """The cell and the name of every mover after so many steps; those that vanished are not
        there."""
        values, cells = self.values(step), len(self.world.layout.free)
        return [
            (at, name)
            for name in self.world.movers
            for i in range(self.world.movers_of(name))
            if (at := values[f"{name}[{i}]"]) < cells
        ]

    def empty(self, step: int) -> frozenset[int]:
        """The cells whose site was used up and has not regrown, after so many steps."""
        values, slots = self.values(step), self.world.slots
        return frozenset(
            n
            for n, slot in enumerate(self.levels.slot[0])
            if slot >= 0 and values.get(f"{slots[slot].kind}[{slots[slot].ordinal}]") == 0
        )


def episode_of(
    data: xr.Dataset,
    scenario: Scenario,
    *,
    generation: int | None = None,
    environment: str | None = None,
    individual: int | str | None = None,
    level: int = 0,
    replicate: int = 0,
) -> Episode:
    """Simulate the lifetime of an individual of a run again, on a level of its generation.

    In the environment that trained on that level it is the very lifetime that it was scored by;
    in another one, the life that it would have had there.

    Args:
        generation: None: the last one that has individuals.
        environment: by name; None: the one that trained on the level.
        individual: its number, "best" or "median" by score; None: "median".
        level: which of the generation's levels, from 0.
        replicate: which replicate, from 0.

    Raises:
        EvosimError: one of them is not in the data; says what is.
    """
    generation, individual = find_individual(
        data, generation=generation, individual=individual, replicate=replicate
    )
    _check("level", level, scenario.evolution.levels)
    then = data.isel(replicate=replicate).sel(generation=generation)
    if environment is None:  # which the data name by their own order
        environment = str(data["environment"].values[int(then["train"].values[level])])
    seed = key(
        _seed_at(data, generation), Purpose.REPLICATE, int(data["replicate"].values[replicate])
    )
    return relived(
        scenario,
        np.asarray(then["genome"].values, np.float64),
        seed=seed,
        generation=generation,
        environment=environment,
        individual=individual,
        level=level,
        whose=f"replicate {replicate}, " if data.sizes["replicate"] > 1 else "",
    )


def relived(
    scenario: Scenario,
    genomes: NDArray[np.float64],
    *,
    seed: int,
    generation: int,
    environment: str,
    individual: int,
    level: int,
    whose: str = "",
) -> Episode:
    """Simulate the lifetime of an individual again, from its genome.

    Args:
        genomes: [N, loci] of the generation.
        seed: of the replicate.
        environment: by name.
        individual: its row.
        level: which of the generation's levels, from 0.
        whose: how the heading begins.

    Raises:
        EvosimError: there is no such environment.
    """
    from evosim import core, world
    from evosim.engine.mechanism import minds_of

    if environment not in scenario.environments:
        raise EvosimError(
            f"no environment {environment!r} in scenario {scenario.id!r}: "
            f"{did_you_mean(environment, scenario.environments)}"
        )
    env = world.environment(scenario, environment)
    levels = world.draw_levels(scenario, environment, [key(seed, Purpose.LEVEL, generation, level)])
    minds = minds_of(
        scenario,
        genomes[[individual]],
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
    title = scenario.environments[environment].title or environment
    return Episode(
        environment=env,
        levels=levels,
        trace=trace,
        drives=minds.weights[0].astype(np.float64),
        arrival=float(minds.arrival[0]),
        blind=frozenset(n for i, n in enumerate(env.hidden) if not minds.senses[0] >> i & 1),
        heading=f"{whose}generation {generation}, individual {individual}, in “{title}”",
    )


MOST_TRIED = 6
"""Levels on which it is looked up which is typical of an individual."""


def across_flip(
    data: xr.Dataset, scenario: Scenario, flip: Flip, *, individual: int | str | None = None,
    level: int | None = None, replicate: int = 0,
) -> tuple[Episode, Episode]:  # fmt: skip
    """One individual on the same level in the worlds before and after a flip.

    It is of the last generation before the flip, which knows the old world only. A level of both
    worlds is drawn with the same numbers: it is the same where they have the same kinds.

    Args:
        individual: see :func:`episode_of`.
        level: None: of a few levels the one on which the old world pays it most nearly its mean.
        replicate: which replicate, from 0.

    Raises:
        EvosimError: see :func:`episode_of`.
    """
    generation, individual = find_individual(
        data, generation=flip.generation - 1, individual=individual, replicate=replicate
    )
    before, after = worlds_of(flip)

    def lived(environment: str, level: int) -> Episode:
        return episode_of(data, scenario, generation=generation, environment=environment,
                          individual=individual, level=level, replicate=replicate)  # fmt: skip

    if level is not None:
        return lived(before, level), lived(after, level)
    tried = [lived(before, n) for n in range(min(scenario.evolution.levels, MOST_TRIED))]
    column = tried[0].environment.payoffs.index(scenario.objective.intended)
    paid = np.array([one.payoffs[-1, column] for one in tried])
    typical = int(np.argmin(np.abs(paid - paid.mean())))
    return tried[typical], lived(after, typical)


def worlds_of(flip: Flip) -> tuple[str, str]:
    """The environments that a flip leads from and to: of mixtures those that change most."""
    before = max(flip.before, key=lambda name: flip.before[name])
    rise = {name: share - flip.before.get(name, 0.0) for name, share in flip.after.items()}
    after = max(rise, key=lambda name: rise[name])
    if after == before:  # what rises is what was there most already: show what goes
        before = min(flip.before, key=lambda name: flip.after.get(name, 0.0) - flip.before[name])
    return before, after


def find_individual(
    data: xr.Dataset, *, generation: int | None, individual: int | str | None, replicate: int
) -> tuple[int, int]:
    """The generation and the number of an individual of a run.

    Args:
        generation: None: the last one that has individuals.
        individual: its number, "best" (the first among equals) or "median" by score; None:
            "median".
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
    alive = present(then)
    if not alive:
        raise EvosimError(
            f"generation {generation} has no individuals: the population died out after generation "
            f"{last_inhabited_generation(data, replicate)}"
        )
    return generation, chosen(scores[:alive], individual)


def chosen(scores: NDArray[np.float64], individual: int | str | None) -> int:
    """The number of an individual of a generation.

    Args:
        scores: [N] of all that there are, at least one.
        individual: its number, "best" (the first among equals) or "median" by score; None:
            "median".

    Raises:
        EvosimError: there is none of that number.
    """
    if individual == "best":
        individual = int(np.nanargmax(scores))
    elif individual is None or individual == "median":
        individual = int(np.argsort(scores, kind="stable")[(len(scores) - 1) // 2])
    if isinstance(individual, str):
        raise EvosimError(f"individual {individual!r}: allowed are a number, 'best' and 'median'")
    _check("individual", individual, len(scores))
    return individual


def last_inhabited_generation(data: xr.Dataset, replicate: int) -> int:
    """The last generation of a replicate that has individuals."""
    generations = data["generation"].values
    if not 0 <= replicate < data.sizes["replicate"]:
        return int(generations[-1])
    # Nobody's life has no length.
    lifespan = data["lifespan"].isel(replicate=replicate).transpose("generation", "individual")
    lived = np.isfinite(lifespan.values).any(axis=1)
    return int(generations[np.flatnonzero(lived)[-1]])


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
