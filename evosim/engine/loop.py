"""The generation loop of one replicate: evaluate, probe, select and reproduce.

Everything is a function of the replicate's seed and the generation (model 5), so a population
and its generation are all that a run needs to go on from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from evosim import evolution, mind
from evosim.engine import regret
from evosim.engine.evaluation import (
    Arrays,
    Evaluate,
    FloatArray,
    environments_of,
    evaluate,
    evaluate_genomes,
)
from evosim.engine.mechanism import Map, Recall, Record, heritable, mechanisms_of, reproduction_of
from evosim.engine.variables import (
    BY_GENERATION,
    INHERITED,
    by_probe,
    padded,
    present,
    probe_generations,
)
from evosim.errors import EvosimError, RunError
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario

Memory = Mapping[str, Any]
"""What mechanisms know of the generations before, by their names."""
NO_MEMORY: Memory = MappingProxyType({})


class Population(NamedTuple):
    """The N individuals of a generation before they are evaluated."""

    generation: int
    genome: FloatArray  # [N, loci]
    parents: NDArray[np.int32]  # [N, 2] -1 in generation 0, and where genomes were sampled
    crossover: NDArray[np.int8]  # [N, loci]
    state: evolution.State = evolution.NOTHING  # of the base optimizer

    @classmethod
    def from_record(cls, data: Record, generation: int, state: evolution.State) -> Self:
        """The population of a generation as it was recorded, without padding.

        Args:
            data: what was recorded of one replicate and generation.
            generation: its number.
            state: of the base optimizer, which is not in the data.
        """
        n = present(data)
        genome, parents, crossover = (
            np.ascontiguousarray(data[name][:n], BY_GENERATION[name].dtype) for name in INHERITED
        )
        return cls(generation, genome, parents, crossover, state)

    def carry_over(self, first: int = 0) -> Population:
        """The next generation where nobody reproduces: the same individuals once more.

        Args:
            first: the row of the first individual, where they are a deme of a population.
        """
        # Each is its own parent, so that the pedigree has no gap where selection is frozen.
        rows = np.arange(first, first + len(self.genome), dtype=np.int32)
        itself = np.repeat(rows[:, None], 2, axis=1)
        none = np.zeros(self.genome.shape, np.int8)
        return Population(self.generation + 1, self.genome, itself, none, self.state)


class GenerationRecord(NamedTuple):
    """One evaluated generation."""

    generation: int
    arrays: Arrays  # variables.by_generation
    probe: Arrays | None  # variables.by_probe and by_replicate, where the generation is probed
    next_population: Population | None  # None after the last generation

    @property
    def mean_score(self) -> float:
        """The mean over the individuals; NaN where there are none, or none is labelled."""
        score = np.asarray(self.arrays["score"], np.float64)
        score = score[~np.isnan(score)]
        return float(score.mean()) if len(score) else math.nan


class Prober(Protocol):
    """What measures a population (:class:`evosim.engine.probe.Prober`)."""

    def measure(self, genomes: FloatArray, generation: int) -> Arrays: ...


def replicate_seed(seed: int, replicate: int) -> int:
    """The seed of one replicate of a run (model 5).

    >>> replicate_seed(1, 0) == replicate_seed(1, 1)
    False
    """
    return key(seed, Purpose.REPLICATE, replicate)


def initial_population(scenario: Scenario, seed: int) -> Population:
    """Generation 0 of the replicate with that seed."""
    asked = evolution.start(scenario, key(seed, Purpose.INITIAL))
    return Population(0, *asked.offspring, asked.state)


def generations(
    scenario: Scenario,
    population: Population,
    *,
    seed: int,
    prober: Prober,
    evaluate: Evaluate = evaluate,
    recall: Recall | None = None,
    share: Map | None = None,
) -> Iterator[GenerationRecord]:
    """Simulate from a population's generation to the last one of the timeline.

    Args:
        scenario: what to simulate.
        population: where to go on from.
        seed: the replicate's seed.
        prober: what measures the generations that are to be probed.
        evaluate: what gives individuals their payoffs.
        recall: gives an earlier generation, where a mechanism must know what was before.
        share: where a mechanism divides a replicate into parts, what simulates them side by side.

    Raises:
        RunError: a score is not finite, or not one that the selection operator takes.
    """
    if share is not None:
        for mechanism in mechanisms_of(scenario, seed):
            if mechanism.parts > 1:
                yield from mechanism.generations(population, prober=prober, share=share)
                return
    probed = frozenset(probe_generations(scenario))
    following: Population | None = population
    memory = remembered(scenario, population.generation, seed, evaluate, recall)
    while following is not None:
        population = following
        generation = population.generation
        record, memory = evaluate_population(scenario, population, seed, evaluate, memory)
        probe = probe_population(scenario, population, prober) if generation in probed else None
        following = None
        if generation + 1 < scenario.generations:
            following = reproduce(scenario, population, record, seed)
        yield GenerationRecord(generation, record, probe, following)


def remembered(
    scenario: Scenario,
    generation: int,
    seed: int,
    evaluate: Evaluate = evaluate,
    recall: Recall | None = None,
) -> Memory:
    """What mechanisms know of the past where a run goes on from a generation."""
    return {
        mechanism.name: mechanism.remember(generation, evaluate, recall)
        for mechanism in mechanisms_of(scenario, seed)
    }


def evaluate_population(
    scenario: Scenario,
    population: Population,
    seed: int,
    evaluate: Evaluate = evaluate,
    memory: Memory = NO_MEMORY,
) -> tuple[Arrays, Memory]:
    """As :func:`evaluate_generation`, of a whole population; recorded in the form of the data."""
    record, memory = evaluate_generation(scenario, population, seed, evaluate, memory)
    for mechanism in mechanisms_of(scenario, seed):
        record = mechanism.recorded(population.generation, record)
    return record, memory


def reproduce(scenario: Scenario, population: Population, record: Record, seed: int) -> Population:
    """The next generation; the same one again where selection is frozen or no score is known.

    Args:
        scenario: whose operators select, mate and mutate.
        population: the parents.
        record: of their generation: ``score`` and what else its reproduction goes by. Scores of
            NaN: nothing is known of anybody.
        seed: the replicate's seed.

    Raises:
        RunError: the base optimizer does not take a score.
    """
    generation, genome = population.generation, population.genome
    score = np.asarray(record["score"], np.float64)[: len(genome)]
    # Where no score is known there is nothing to select by. An open population that died out has
    # no scores at all: it does reproduce, to nobody.
    unknown = len(score) and np.isnan(score).all()
    if not scenario.phase_at(generation).select or unknown:
        return population.carry_over()
    seed_key = key(seed, Purpose.BREED, generation)
    born_of = heritable(scenario, genome, record)
    if (optimizer := evolution.optimizer_of(scenario)).slopes:
        from evosim.engine.slopes import slopes  # of few runs

        record = {"score": score, "slope": slopes(scenario, genome, seed, generation)}
    elif optimizer.trains:
        record = {"score": score, "generation": np.array(generation)}
    try:
        asked = reproduction_of(scenario).next_generation(
            population.state, born_of, score, seed_key, record
        )
    except EvosimError as error:
        raise RunError(f"generation {generation}: {error}") from error
    return Population(generation + 1, *asked.offspring, asked.state)


def probe_population(scenario: Scenario, population: Population, prober: Prober) -> Arrays:
    """A probe of a population; of fewer individuals than the sample, what is absent is padded.

    A population that died out is measured through one mind of no consequence, whose measures
    are dropped: what does not depend on the population is measured all the same.
    """
    # Arrays of a run have one size, so smaller samples are padded like smaller populations.
    sample, genome = scenario.measure.sample, population.genome
    n = min(sample, len(genome))
    # Optimum and uniform policy are of the world, so they are there even if nobody is.
    if not n:
        genome = np.array([[locus.low for locus in mind.loci(scenario)]])
    found = prober.measure(genome, population.generation)
    if n == sample:
        return found
    for name, spec in by_probe(scenario).items():
        if name in found and "sample" in spec.dims:
            found[name] = padded(found[name], n, sample, axis=spec.dims.index("sample") - 1)
    return found


def evaluate_generation(
    scenario: Scenario,
    population: Population,
    seed: int,
    evaluate: Evaluate = evaluate,
    memory: Memory = NO_MEMORY,
    *,
    first: int = 0,
) -> tuple[Arrays, Memory]:
    """What is recorded of a generation, and what mechanisms must know of it in the next one.

    Args:
        scenario: what to simulate.
        population: who to evaluate.
        seed: the replicate's seed.
        evaluate: what gives individuals their payoffs.
        memory: of mechanisms, by their names.
        first: the number of the first individual, where they are a part of the population.

    Raises:
        RunError: a score is not finite.
    """
    generation = population.generation
    mechanisms = mechanisms_of(scenario, seed)
    made = (m.propose(generation, memory.get(m.name)) for m in mechanisms)
    place = next((one for one in made if one is not None), None)
    minds, found = evaluate_genomes(
        scenario,
        population.genome,
        seed=seed,
        generation=generation,
        evaluate=evaluate,
        first=first,
        place=place,
    )
    cost = mind.cost(scenario, minds)
    _refuse_non_finite("selected payoff", found.selected_payoff, generation, first)
    _refuse_non_finite("internal reward", found.reward, generation, first)
    if scenario.evolution.score == "regret":
        score = regret.scores(scenario, minds, generation, seed, place) - cost
    else:
        score = _mean(found.selected_payoff) - cost
    if not np.isfinite(score).all():  # of finite payoffs, whose sum is too large
        individual = int(np.flatnonzero(~np.isfinite(score))[0])
        raise RunError(
            f"generation {generation}: individual {first + individual} has a score of "
            f"{score[individual]}; it must be a finite number. "
            "Likely cause: payoffs too large for 64-bit floating point"
        )
    # Environments are recorded by their place, as netCDF has no cheap texts.
    order = list(scenario.environments)
    names = environments_of(scenario, generation, seed)
    record: Arrays = {
        "genome": population.genome,
        "score": score,
        "payoff_total": _mean(found.payoff),
        "internal_reward": _mean(found.reward),
        "lifespan": _mean(found.lifespan),
        "parents": population.parents,
        "crossover": population.crossover,
        "train": np.array([order.index(name) for name in names], np.int16),
    }
    after = {}
    for mechanism in mechanisms:
        more, after[mechanism.name] = mechanism.evaluated(
            generation, found, record, cost, memory.get(mechanism.name)
        )
        record |= more
    return record, after


def _mean(values: FloatArray) -> FloatArray:
    """Mean over axis 1, the levels."""
    # Added level by level: numpy's own sum adds in pairs, by blocks that depend on the shape, and
    # would round otherwise for a deme than for the population that it is a part of.
    total = np.zeros((len(values), *values.shape[2:]))
    for level in range(values.shape[1]):
        total += values[:, level]
    return total / values.shape[1]


def _refuse_non_finite(what: str, values: FloatArray, generation: int, first: int) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        individual, level = wrong[0]
        raise RunError(
            f"generation {generation}: individual {first + individual} got a {what} of "
            f"{values[individual, level]} on level {level}; a score must be a finite number. "
            "Likely cause: payoffs or stimuli too large for 64-bit floating point"
        )
