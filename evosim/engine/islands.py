"""Demes of one replicate simulated side by side: each alone from one migration to the next.

Between migrations a deme is a function of its genomes and the seed. :func:`epoch` simulates one;
what maps it over the demes is given from outside, and makes no difference to the data: neither how
many processes there are, nor where an epoch is cut short to be written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import evolution
from evosim.engine.evaluation import Arrays, FloatArray
from evosim.engine.loop import (
    GenerationRecord,
    Population,
    Prober,
    evaluate_generation,
    migration_source,
    probe_population,
    reproduce,
)
from evosim.engine.variables import BY_GENERATION, INHERITED, probe_generations
from evosim.errors import EvosimError, RunError
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Map = Callable[[Callable[..., Arrays], Sequence[tuple[Any, ...]]], list[Arrays]]
"""Calls a function with each of some arguments, in any order; the results in the order given.

The function is one of a module, the arguments are arrays and plain values
(:mod:`evosim.execution.executor`).
"""

SECONDS = 1.0
"""About as long as an epoch takes before it is written: what a kill can cost."""


def epoch(
    scenario_toml: str,
    deme: int,
    generation: int,
    until: int,
    genome: FloatArray,
    parents: NDArray[np.int32],
    crossover: NDArray[np.int8],
    seed: int,
) -> Arrays:
    """Simulate a deme from a generation to the one before ``until``, with no migration in between.

    Args:
        scenario_toml: the scenario, resolved.
        genome: [n, loci], parents: [n, 2], crossover: [n, loci]; the deme in that
            generation. Parents are rows of the population.
        seed: the replicate's.

    Returns:
        The variables of each generation that the scenario has, but for ``source``: [generations,
        individuals of the deme, ...], ``train`` [generations, levels].

    Raises:
        RunError: a score is not finite, or not one that the selection operator takes.
    """
    # A text, as this runs in other processes and on other machines, and nothing is unpickled.
    scenario = _read(scenario_toml)
    first = evolution.islands.rows(scenario, deme).start
    population = Population(generation, genome, parents, crossover)
    rows = []
    while True:
        arrays, _ = evaluate_generation(scenario, population, seed, first=first)
        rows.append(arrays)
        if population.generation + 1 == until:
            return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        population = _next(scenario, deme, population, np.asarray(arrays["score"]), seed)


def generations(
    scenario: Scenario, population: Population, *, seed: int, prober: Prober, share: Map
) -> Iterator[GenerationRecord]:
    """As :func:`evosim.engine.loop.generations`, the demes shared out by a map.

    Args:
        share: calls :func:`epoch` for each deme.
    """
    toml = scenario.to_toml()
    probed = frozenset(probe_generations(scenario))
    following: Population | None = population
    # Epochs begin short and double, until one takes about SECONDS: how long a generation takes
    # is known only afterwards.
    span = 1
    while following is not None:
        population = following
        until = min(
            population.generation + span,
            evolution.islands.next_migration(scenario, population.generation) + 1,
            scenario.generations,
        )
        began = time.monotonic()
        arrays = _all_demes(scenario, toml, population, until, seed, share)
        seconds = (time.monotonic() - began) / (until - population.generation)
        span = max(1, min(2 * span, int(SECONDS / max(seconds, 1e-9))))
        # What needs the whole population is done here: migration, probes, the record.
        for g in range(population.generation, until):
            here = {name: values[g - population.generation] for name, values in arrays.items()}
            score = np.asarray(here["score"], np.float64)
            here["source"] = migration_source(scenario, g, score, seed)
            now = Population(g, *(here[name] for name in INHERITED))
            probe = probe_population(scenario, now, prober) if g in probed else None
            # Within an epoch the demes have bred already, each by itself. Its last generation
            # breeds here, as migrants may leave after it.
            if g + 1 < until:
                after = (arrays[name][g + 1 - population.generation] for name in INHERITED)
                following = Population(g + 1, *after)
            else:
                last = g + 1 == scenario.generations
                following = None if last else reproduce(scenario, now, score, seed)
            yield GenerationRecord(g, here, probe, following)


def _all_demes(
    scenario: Scenario, toml: str, population: Population, until: int, seed: int, share: Map
) -> Arrays:
    """The generations of an epoch, all demes put together."""
    written = scenario.evolution.islands
    assert written is not None
    calls = []
    for deme in range(written.demes):
        own = evolution.islands.rows(scenario, deme)
        inherited = (getattr(population, name)[own] for name in INHERITED)
        calls.append((toml, deme, population.generation, until, *inherited, seed))
    parts = share(epoch, calls)
    # Variables without individuals (environments of the levels) are the same in every deme.
    return {
        name: np.concatenate([part[name] for part in parts], axis=1)
        if "individual" in BY_GENERATION[name].dims
        else values
        for name, values in parts[0].items()
    }


def _next(
    scenario: Scenario, deme: int, population: Population, score: FloatArray, seed: int
) -> Population:
    """The next generation of a deme; the same one again where selection is frozen."""
    generation = population.generation
    if not scenario.phase_at(generation).select:
        return population.carry_over(evolution.islands.rows(scenario, deme).start)
    seed_key = key(seed, Purpose.BREED, generation)
    try:
        offspring = evolution.islands.breed_deme(scenario, deme, population.genome, score, seed_key)
    except EvosimError as error:
        raise RunError(f"generation {generation}: {error}") from error
    return Population(generation + 1, *offspring)


# Worlds are compiled once for one scenario object: a worker keeps it from epoch to epoch.
@lru_cache(maxsize=2)
def _read(toml: str) -> Scenario:
    from evosim import scenario

    return scenario.loads(toml, name="scenario.toml")
