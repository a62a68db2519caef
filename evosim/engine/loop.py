"""The generation loop of one replicate: evaluate, probe, select and reproduce.

Everything is a function of the replicate's seed and the generation (model 5), so a population
and its generation are all that a run needs to go on from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from evosim import evolution, mind
from evosim.engine.evaluation import (
    Arrays,
    Evaluate,
    FloatArray,
    IntArray,
    environments_of,
    evaluate,
)
from evosim.engine.mechanism import minds_of
from evosim.engine.variables import ABSENT, BY_GENERATION, BY_PROBE, INHERITED, probe_generations
from evosim.errors import EvosimError, RunError
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.engine.ood_labelling import Recall
    from evosim.engine.ood_monitor import Detector
    from evosim.scenario import Scenario


class Population(NamedTuple):
    """The N individuals of a generation before they are evaluated."""

    generation: int
    genome: FloatArray  # [N, loci]
    parents: NDArray[np.int32]  # [N, 2] -1 in generation 0, and where genomes were sampled
    crossover: NDArray[np.int8]  # [N, loci]
    state: evolution.State = evolution.NOTHING  # of the base optimizer

    @classmethod
    def from_record(cls, data: Mapping[str, Any], generation: int, state: evolution.State) -> Self:
        """The population of a generation as it was recorded, without padding.

        Args:
            data: arrays of one replicate and generation, by name.
            generation: its number.
            state: of the base optimizer, which is not in the data.
        """
        n = int(data["population_size"]) if "population_size" in data else None
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
) -> Iterator[GenerationRecord]:
    """Simulate from a population's generation to the last one of the timeline.

    Args:
        scenario: what to simulate.
        population: where to go on from.
        seed: the replicate's seed.
        prober: what measures the generations that are to be probed.
        evaluate: what gives individuals their payoffs.
        recall: gives an earlier generation, which a population in a monitored phase needs.

    Raises:
        RunError: a score is not finite, or not one that the selection operator takes.
    """
    probed = frozenset(probe_generations(scenario))
    following: Population | None = population
    detector: Detector | None = None
    while following is not None:
        population = following
        generation = population.generation
        # A run that is resumed in a monitored phase has lost what the monitor had learnt.
        if scenario.phase_at(generation).monitored and detector is None:
            from evosim.engine.ood_labelling import trained_detector

            detector = trained_detector(scenario, generation, evaluate, recall)
        arrays, detector = evaluate_population(scenario, population, seed, evaluate, detector)
        probe = probe_population(scenario, population, prober) if generation in probed else None
        following = None
        if generation + 1 < scenario.generations:
            following = reproduce(scenario, population, scores_of(arrays, population), seed)
        yield GenerationRecord(generation, arrays, probe, following)


def evaluate_population(
    scenario: Scenario,
    population: Population,
    seed: int,
    evaluate: Evaluate = evaluate,
    detector: Detector | None = None,
) -> tuple[Arrays, Detector | None]:
    """As :func:`evaluate_generation`, of all demes at once: with islands, also who migrates."""
    arrays, detector = evaluate_generation(scenario, population, seed, evaluate, detector)
    if scenario.evolution.islands:
        score = scores_of(arrays, population)
        arrays["source"] = migration_source(scenario, population.generation, score, seed)
    return arrays, detector


def scores_of(arrays: Arrays, population: Population) -> FloatArray:
    """The scores [N] of a population, without what pads the record of an open one."""
    return np.asarray(arrays["score"], np.float64)[: len(population.genome)]


def reproduce(
    scenario: Scenario, population: Population, score: FloatArray, seed: int
) -> Population:
    """The next generation; the same one again where selection is frozen or nothing is labelled.

    Args:
        scenario: whose operators select, mate and mutate.
        population: the parents.
        score: of each individual [N]; NaN where nothing is labelled.
        seed: the replicate's seed.

    Raises:
        RunError: the base optimizer does not take a score.
    """
    generation, genome = population.generation, population.genome
    # Without a single label no score is known (all NaN), so there is nothing to select by. An
    # open population that died out has no scores at all: it does reproduce, to nobody.
    unknown = len(score) and np.isnan(score).all()
    if not scenario.phase_at(generation).select or unknown:
        return population.carry_over()
    seed_key = key(seed, Purpose.BREED, generation)
    source = None
    if scenario.evolution.islands:
        source = migration_source(scenario, generation, score, seed)
    try:
        asked = evolution.next_generation(
            scenario, population.state, genome, score, seed_key, source
        )
    except EvosimError as error:
        raise RunError(f"generation {generation}: {error}") from error
    return Population(generation + 1, *asked.offspring, asked.state)


def migration_source(scenario: Scenario, generation: int, score: FloatArray, seed: int) -> IntArray:
    """With islands, the row whose individual stands in each row [N] when a generation reproduces.

    Args:
        scenario: with islands.
        generation: its number.
        score: of each individual [N].
        seed: the replicate's seed.
    """
    migrate_key = key(seed, Purpose.MIGRATE, generation)
    return evolution.islands.migration(scenario, generation, score, migrate_key)


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
    for name, values in found.items():
        spec = BY_PROBE.get(name)
        if spec is not None and "sample" in spec.dims:
            found[name] = _padded(values, n, sample, axis=spec.dims.index("sample") - 1)
    return found


def _padded(
    values: NDArray[np.generic], n: int, size: int, *, axis: int = 0
) -> NDArray[np.generic]:
    """The first n of an axis, then what stands for those absent, up to a size."""
    # Integers have no NaN; ABSENT says what stands for nobody.
    shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
    result = np.full(shape, ABSENT[values.dtype.kind], values.dtype)
    here = (*(slice(None) for _ in range(axis)), slice(n))
    result[here] = values[here]
    return result


def evaluate_generation(
    scenario: Scenario,
    population: Population,
    seed: int,
    evaluate: Evaluate = evaluate,
    detector: Detector | None = None,
    *,
    first: int = 0,
) -> tuple[Arrays, Detector | None]:
    """What is recorded of a generation, and the monitor's detector for the next one.

    Args:
        scenario: what to simulate.
        population: who to evaluate.
        seed: the replicate's seed.
        evaluate: what gives individuals their payoffs.
        detector: what the monitor has learnt, where the generation is monitored.
        first: the number of the first individual, where they are a deme of the population.

    Raises:
        RunError: a score is not finite.
    """
    generation = population.generation
    # Random numbers go by an individual's number in the whole population, so that a deme that
    # is simulated alone draws what it draws among the others.
    individuals = np.arange(first, first + len(population.genome))
    names = environments_of(scenario, generation, seed)
    minds = minds_of(
        scenario, population.genome, seed=seed, generation=generation, individuals=individuals
    )
    found = evaluate(
        scenario, minds, seed=seed, generation=generation, environments=names,
        individuals=individuals,
    )  # fmt: skip
    cost = np.asarray(scenario.agent.thinking_cost * minds.depth, np.float64)
    _refuse_non_finite("selected payoff", found.selected_payoff, generation, first)
    _refuse_non_finite("internal reward", found.reward, generation, first)
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
    arrays: Arrays = {
        "genome": population.genome,
        "score": score,
        "payoff_total": _mean(found.payoff),
        "internal_reward": _mean(found.reward),
        "lifespan": _mean(found.lifespan),
        "parents": population.parents,
        "crossover": population.crossover,
        "train": np.array([order.index(name) for name in names], np.int16),
    }
    if scenario.monitor is not None:
        from evosim.engine.ood_labelling import monitored

        # In a monitored phase this replaces the score by that of labelled lifetimes only.
        seen, detector = monitored(scenario, generation, found, cost, detector)
        arrays |= seen
    if scenario.evolution.open:
        arrays = _padded_to_capacity(arrays, scenario, len(score))
    return arrays, detector


def _padded_to_capacity(arrays: Arrays, scenario: Scenario, n: int) -> Arrays:
    """The record of n individuals of an open population, padded to its capacity."""
    assert scenario.evolution.open is not None
    capacity = scenario.evolution.open.capacity
    for name, values in arrays.items():
        if "individual" in BY_GENERATION[name].dims:
            arrays[name] = _padded(values, n, capacity)
    # There is no "absent" among its codes; parents of -1 say it already.
    arrays["crossover"][n:] = 0
    return arrays | {"population_size": np.array(n, np.int32)}


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
