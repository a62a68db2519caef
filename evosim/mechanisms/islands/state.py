"""Islands: demes that breed apart and exchange migrants (model 3).

A population of D demes of n individuals is one matrix, whose rows d n to (d + 1) n - 1 are deme d.
Between migrations the demes have nothing to do with each other. Migration gives every row a
*source*, the row whose individual stands there from then on, and so the pedigree holds it: the
parents of those born next are rows of other demes.

Migration is that of ``deap.tools.migRing``, on rows. DEAP looks for the individuals to replace by
``==``, and so replaces another one where two have equal genes.

Between migrations a deme is a function of its genomes and the seed. :func:`epoch` simulates one;
what maps it over the demes is given from outside, and makes no difference to the data: neither how
many processes there are, nor where an epoch is cut short to be written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import rng
from evosim.engine.evaluation import Arrays
from evosim.engine.loop import (
    GenerationRecord,
    Population,
    Prober,
    evaluate_generation,
    probe_population,
    reproduce,
)
from evosim.engine.mechanism import Map, Mechanism, Record, heritable
from evosim.engine.variables import (
    BY_GENERATION,
    INHERITED,
    Coordinate,
    Variable,
    probe_generations,
)
from evosim.errors import EvosimError, RunError
from evosim.evolution import MIGRATE, Asked, Offspring, Reproduction, State
from evosim.evolution.breed import Handle, breed, chosen_rows, expected_shares, seeded
from evosim.evolution.optimizer import NOTHING, FloatArray
from evosim.registry import calling
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.mechanisms.islands.schema import Islands as Section
    from evosim.scenario import Operator as Written
    from evosim.scenario import Scenario

Rows = NDArray[np.int32]

SECONDS = 1.0
"""About as long as an epoch takes before it is written: what a kill can cost."""


class Demes(Reproduction):
    """How demes breed: each by itself, those who stand there after migration."""

    def next_generation(
        self,
        state: State,
        genomes: ArrayLike,
        scores: ArrayLike,
        seed_key: int,
        record: Record = NOTHING,
    ) -> Asked:
        genes, score, standing = np.asarray(genomes), np.asarray(scores), _source(record)
        parts = []
        for deme in range(_islands(self.scenario).demes):
            here = standing[rows(self.scenario, deme)]
            parts.append(breed_deme(self.scenario, deme, genes[here], score[here], seed_key))
        children = Offspring(*map(np.concatenate, zip(*parts, strict=True)))
        return Asked(children._replace(parents=standing[children.parents]), NOTHING)

    def expected_shares(self, scores: ArrayLike, record: Record = NOTHING) -> FloatArray:
        """The share of parentage that migration and selection give each individual in expectation.

        Each deme gives the next generation as many as any other. The share is that which selection
        gives to where an individual stands, in the demes as they were after migration; but of the
        number of places, which is chance where migration is random, the expected one counts.
        """
        islands = _islands(self.scenario)
        score, standing = np.asarray(scores, np.float64), _source(record)
        n = len(score)
        places = np.concatenate(
            [
                expected_shares(self.scenario, score[standing[rows(self.scenario, deme)]])
                for deme in range(islands.demes)
            ]
        )
        shares = np.zeros(n)
        np.add.at(shares, standing, places / islands.demes)
        if (standing != np.arange(n)).any() and islands.replace is not None:
            chance = np.bincount(standing, minlength=n) - _expected_places(islands, score)
            shares -= chance / n
        return shares

    def first_of_pairs(self, n: int) -> NDArray[np.intp]:
        size = n // _islands(self.scenario).demes
        return (np.arange(0, n, size)[:, None] + super().first_of_pairs(size)).ravel()


class Islands(Mechanism):
    """Migration is recorded, and a replicate can be divided into its demes."""

    variables: ClassVar = {
        "source": Variable(
            dims=("generation", "individual"),
            dtype="i4",
            units="1",
            long_name="individual that stands here to breed; another one where it migrated",
        )
    }
    reproduction = Demes

    @property
    def parts(self) -> int:
        return _islands(self.scenario).demes

    def coordinates(self) -> Mapping[str, Coordinate]:
        n = self.scenario.evolution.population // self.parts
        deme = np.repeat(np.arange(self.parts, dtype=np.int32), n)
        return {"deme": Coordinate("individual", deme, "1", "deme of the individual, with islands")}

    def fixed(self) -> Mapping[str, object]:
        return {"evolution.islands.demes": self.parts}

    def recorded(self, generation: int, record: Arrays) -> Arrays:
        migrate_key = key(self.seed, Purpose.MIGRATE, generation)
        score = np.asarray(record["score"], np.float64)
        return record | {"source": migration(self.scenario, generation, score, migrate_key)}

    def generations(
        self, population: Population, *, prober: Prober, share: Map
    ) -> Iterator[GenerationRecord]:
        scenario, seed = self.scenario, self.seed
        toml = scenario.to_toml()
        probed = frozenset(probe_generations(scenario))
        following: Population | None = population
        # Epochs begin short and double, until one takes about SECONDS: how long a generation
        # takes is known only afterwards.
        span = 1
        while following is not None:
            population = following
            until = min(
                population.generation + span,
                next_migration(scenario, population.generation) + 1,
                scenario.generations,
            )
            began = time.monotonic()
            arrays = self._all_demes(toml, population, until, share)
            seconds = (time.monotonic() - began) / (until - population.generation)
            span = max(1, min(2 * span, int(SECONDS / max(seconds, 1e-9))))
            # What needs the whole population is done here: migration, probes, the record.
            for g in range(population.generation, until):
                record = self.recorded(
                    g, {name: values[g - population.generation] for name, values in arrays.items()}
                )
                now = Population.from_record(record, g, NOTHING)
                probe = probe_population(scenario, now, prober) if g in probed else None
                # Within an epoch the demes have bred already, each by itself. Its last generation
                # breeds here, as migrants may leave after it.
                if g + 1 < until:
                    after = (arrays[name][g + 1 - population.generation] for name in INHERITED)
                    following = Population(g + 1, *after)
                else:
                    last = g + 1 == scenario.generations
                    following = None if last else reproduce(scenario, now, record, seed)
                yield GenerationRecord(g, record, probe, following)

    def _all_demes(self, toml: str, population: Population, until: int, share: Map) -> Arrays:
        """The generations of an epoch, all demes put together."""
        calls = []
        for deme in range(self.parts):
            own = rows(self.scenario, deme)
            inherited = (getattr(population, name)[own] for name in INHERITED)
            calls.append((toml, deme, population.generation, until, *inherited, self.seed))
        parts = share(epoch, calls)
        # Variables without individuals (environments of the levels) are the same in every deme.
        return {
            name: np.concatenate([part[name] for part in parts], axis=1)
            if "individual" in BY_GENERATION[name].dims
            else values
            for name, values in parts[0].items()
        }


MECHANISM = Islands


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
    first = rows(scenario, deme).start
    population = Population(generation, genome, parents, crossover)
    records = []
    while True:
        record, _ = evaluate_generation(scenario, population, seed, first=first)
        records.append(record)
        g = population.generation
        if g + 1 == until:
            return {name: np.stack([one[name] for one in records]) for name in record}
        if not scenario.phase_at(g).select:
            population = population.carry_over(first)
            continue
        seed_key = key(seed, Purpose.BREED, g)
        try:
            genome = heritable(scenario, population.genome, record)
            born = breed_deme(scenario, deme, genome, record["score"], seed_key)
        except EvosimError as error:
            raise RunError(f"generation {g}: {error}") from error
        population = Population(g + 1, *born)


# Worlds are compiled once for one scenario object: a worker keeps it from epoch to epoch.
@lru_cache(maxsize=2)
def _read(toml: str) -> Scenario:
    from evosim import scenario

    return scenario.loads(toml, name="scenario.toml")


def rows(scenario: Scenario, deme: int) -> slice:
    """The rows of a deme in its population."""
    n = scenario.evolution.population // _islands(scenario).demes
    return slice(deme * n, (deme + 1) * n)


def next_migration(scenario: Scenario, generation: int) -> int:
    """The first generation, from this one on, after whose evaluation migrants leave.

    In a frozen phase nobody does.
    """
    every = _islands(scenario).every
    return (generation // every + 1) * every - 1


def migration(scenario: Scenario, generation: int, scores: ArrayLike, migrate_key: int) -> Rows:
    """The source of each row when a generation breeds: itself where nobody migrates.

    Each deme sends ``migrants`` of its individuals to the deme that the topology names, in the
    places of those chosen there by ``replace``, or of that deme's own emigrants. The former
    stay at home as well; the latter do not. A deme that sends to itself keeps everybody.

    Args:
        scores: score of each individual [N].
        migrate_key: of the purpose MIGRATE and the generation (model 5).

    Returns:
        Rows [N].
    """
    islands = _islands(scenario)
    score = np.asarray(scores, np.float64)
    source = np.arange(len(score), dtype=np.int32)
    if generation != next_migration(scenario, generation):
        return source
    if not scenario.phase_at(generation).select:
        return source
    demes = source.reshape(islands.demes, -1)
    emigrants, replaced = [], []
    with seeded(migrate_key):
        for own in demes:  # migRing draws in this order
            emigrants.append(_chosen(islands.select, own, score, islands.migrants))
            replaced.append(
                emigrants[-1]
                if islands.replace is None
                else _chosen(islands.replace, own, score, islands.migrants)
            )
    result = source.copy()
    for home, away in enumerate(islands.target):
        if home != away:
            result[replaced[away]] = emigrants[home]
    return result


def breed_deme(
    scenario: Scenario, deme: int, genomes: ArrayLike, scores: ArrayLike, seed_key: int
) -> Offspring:
    """The next generation of one deme, as :func:`evosim.evolution.breed` has it.

    Deme 0 breeds by the key of its generation, so that one deme is a population without islands.

    Args:
        genomes: genes [n, loci] of the deme.
        scores: score of each of its individuals [n].
        seed_key: of the purpose BREED and the generation (model 5).

    Returns:
        Its children; their parents are rows of the population.

    Raises:
        EvosimError, ValueError: as :func:`evosim.evolution.breed`.
    """
    deme_key = rng.draw(seed_key, deme) if deme else seed_key
    try:
        children = breed(scenario, genomes, scores, deme_key)
    except EvosimError as error:
        raise EvosimError(f"deme {deme}: {error}") from error
    first = np.int32(rows(scenario, deme).start)
    return children._replace(parents=children.parents + first)


def _expected_places(islands: Section, scores: FloatArray) -> FloatArray:
    """The number of places [N] that each individual expects after a migration that replaces."""
    assert islands.replace is not None
    k, places = islands.migrants, []
    for deme, own in enumerate(scores.reshape(islands.demes, -1)):
        sent, lost = (_chances(one, own, k) for one in (islands.select, islands.replace))
        moves = islands.target[deme] != deme
        places.append(1.0 + moves * (sent - lost))
    return np.concatenate(places)


def _chances(written: Written, scores: FloatArray, k: int) -> FloatArray:
    """The chance of each of a deme to be chosen by a migration operator [n]."""
    function = MIGRATE[written.operator].chances
    with calling(f"{MIGRATE.kind} {written.operator!r}: chances", function):
        return function(scores, k)


def _chosen(written: Written, own: Rows, scores: FloatArray, k: int) -> Rows:
    """The rows that a migration operator chooses of a deme, in its order."""
    handles = [Handle(row, score) for row, score in zip(own, scores[own], strict=True)]
    chosen = chosen_rows(MIGRATE[written.operator], written, handles, k)
    if len(set(chosen.tolist())) < k:
        raise EvosimError(f"operator {written.operator!r} chose an individual twice to migrate")
    return chosen


def _islands(scenario: Scenario) -> Section:
    islands = scenario.evolution.islands
    if islands is None:
        raise ValueError(f"scenario {scenario.id!r} has no [evolution.islands]")
    return islands


def _source(record: Record) -> Rows:
    if "source" not in record:
        raise ValueError("with islands, who breeds needs the recorded source")
    return np.asarray(record["source"], np.int32)
