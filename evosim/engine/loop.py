"""The generation loop of one replicate: live, score, probe, breed.

Everything is a function of the replicate's seed and the generation (model 5), so a population
and its generation are all that a run needs to go on from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim import core, evolution, mind
from evosim.engine.evaluation import Arrays, FloatArray, IntArray, Live, environments_of, live
from evosim.engine.ood_labelling import Recall, learnt, monitored
from evosim.engine.ood_monitor import Familiar
from evosim.engine.variables import ABSENT, BY_GENERATION, BY_PROBE, INHERITED, probe_generations
from evosim.errors import EvosimError, RunError
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.scenario import Scenario


class Population(NamedTuple):
    """One generation at birth: N genomes, where they came from, and what the optimizer knows."""

    generation: int
    genome: FloatArray  # [N, loci]
    parents: NDArray[np.int32]  # [N, 2] -1 in generation 0, and where genomes were sampled
    crossover: NDArray[np.int8]  # [N, loci]
    state: evolution.State = evolution.NOTHING  # of the base optimizer

    def unchanged(self, first: int = 0) -> Population:
        """The next generation where nobody breeds: the same, each its own heir.

        Args:
            first: the row of the first individual, of a deme.
        """
        rows = np.arange(first, first + len(self.genome), dtype=np.int32)
        itself = np.repeat(rows[:, None], 2, axis=1)
        none = np.zeros(self.genome.shape, np.int8)
        return Population(self.generation + 1, self.genome, itself, none, self.state)


class Record(NamedTuple):
    """One generation, lived."""

    generation: int
    arrays: Arrays  # layout.by_generation
    probe: Arrays | None  # layout.by_probe and by_replicate, where the generation is probed
    heirs: Population | None  # the next generation; None after the last


class Prober(Protocol):
    """What measures a population (:class:`evosim.engine.probe.Prober`)."""

    def measure(self, genomes: FloatArray, generation: int) -> Arrays: ...


def replicate_seed(seed: int, replicate: int) -> int:
    """The seed of one replicate of a run."""
    return key(seed, Purpose.REPLICATE, replicate)


def first(scenario: Scenario, seed: int) -> Population:
    """Generation 0 of the replicate with that seed."""
    asked = evolution.start(scenario, key(seed, Purpose.INITIAL))
    return Population(0, *asked.offspring, asked.state)


def generations(
    scenario: Scenario,
    population: Population,
    *,
    seed: int,
    prober: Prober,
    live: Live = live,
    recall: Recall | None = None,
) -> Iterator[Record]:
    """Live from a population's generation to the last one of the timeline.

    Args:
        seed: the replicate's seed.
        live: how lifetimes are lived.
        recall: tells of generations lived before, which a population in a monitored phase needs.

    Raises:
        RunError: a score is not finite, or not one that the selection operator takes.
    """
    probed = frozenset(probe_generations(scenario))
    heirs: Population | None = population
    familiar: Familiar | None = None
    while heirs is not None:
        population = heirs
        generation = population.generation
        if scenario.phase_at(generation).monitored and familiar is None:
            familiar = learnt(scenario, generation, live, recall)
        arrays, familiar = lived(scenario, population, seed, live, familiar)
        score = np.asarray(arrays["score"], np.float64)[: len(population.genome)]
        if scenario.evolution.islands:
            arrays["source"] = source_of(scenario, generation, score, seed)
        probe = measured(scenario, population, prober) if generation in probed else None
        heirs = None
        if generation + 1 < scenario.generations:
            heirs = breed(scenario, population, score, seed)
        yield Record(generation, arrays, probe, heirs)


def breed(scenario: Scenario, population: Population, score: FloatArray, seed: int) -> Population:
    """The next generation; the same one again where selection is frozen or nothing is labelled.

    Args:
        score: of each individual [N]; NaN where nothing is labelled.
        seed: the replicate's seed.

    Raises:
        RunError: the base optimizer does not take a score.
    """
    generation, genome = population.generation, population.genome
    if scenario.phase_at(generation).select and not (len(score) and np.isnan(score).all()):
        seed_key = key(seed, Purpose.BREED, generation)
        source = None
        if scenario.evolution.islands:
            source = source_of(scenario, generation, score, seed)
        try:
            asked = evolution.following(scenario, population.state, genome, score, seed_key, source)
        except EvosimError as error:
            raise RunError(f"generation {generation}: {error}") from error
        return Population(generation + 1, *asked.offspring, asked.state)
    return population.unchanged()


def source_of(scenario: Scenario, generation: int, score: FloatArray, seed: int) -> IntArray:
    """With islands, the row whose individual stands in each row [N] when a generation breeds.

    Args:
        score: of each individual [N].
        seed: the replicate's seed.
    """
    migrate_key = key(seed, Purpose.MIGRATE, generation)
    return evolution.islands.migration(scenario, generation, score, migrate_key)


def measured(scenario: Scenario, population: Population, prober: Prober) -> Arrays:
    """A probe of a population; of fewer individuals than the sample, what is absent is padded.

    A population that died out is measured through one mind of no consequence, whose measures
    are dropped: what does not depend on the population is measured all the same.
    """
    sample, genome = scenario.measure.sample, population.genome
    n = min(sample, len(genome))
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
    shape = (*values.shape[:axis], size, *values.shape[axis + 1 :])
    result = np.full(shape, ABSENT[values.dtype.kind], values.dtype)
    here = (*(slice(None) for _ in range(axis)), slice(n))
    result[here] = values[here]
    return result


def lived(
    scenario: Scenario,
    population: Population,
    seed: int,
    live: Live = live,
    familiar: Familiar | None = None,
    *,
    first: int = 0,
) -> tuple[Arrays, Familiar | None]:
    """What is recorded of a generation, and what is familiar to the monitor of the next one.

    Args:
        familiar: what is familiar to the monitor where the generation is monitored.
        first: the number of the first individual, where they are a deme of the population.

    Raises:
        RunError: a score is not finite.
    """
    generation = population.generation
    individuals = np.arange(first, first + len(population.genome))
    names = environments_of(scenario, generation, seed)
    minds = core.with_tools(
        scenario,
        mind.express(scenario, population.genome),
        seed=seed,
        generation=generation,
        individuals=individuals,
    )
    lives = live(
        scenario, minds, seed=seed, generation=generation, environments=names,
        individuals=individuals,
    )  # fmt: skip
    for what, values in (("selected payoff", lives.paid), ("internal reward", lives.reward)):
        _refuse_non_finite(what, values, generation, first)
    cost = np.asarray(scenario.agent.thinking_cost * minds.depth, np.float64)
    score = _mean(lives.paid) - cost
    if not np.isfinite(score).all():  # of finite payoffs, whose sum is too large
        individual = int(np.flatnonzero(~np.isfinite(score))[0])
        raise RunError(
            f"generation {generation}: individual {first + individual} has a score of "
            f"{score[individual]}; it must be a finite number. "
            "Likely cause: payoffs too large for 64-bit floating point"
        )
    order = list(scenario.environments)
    arrays: Arrays = {
        "genome": population.genome,
        "score": score,
        "payoff_total": _mean(lives.payoff),
        "internal_reward": _mean(lives.reward),
        "lifespan": _mean(lives.lifespan),
        "parents": population.parents,
        "crossover": population.crossover,
        "train": np.array([order.index(name) for name in names], np.int16),
    }
    if scenario.monitor is not None:
        seen, familiar = monitored(scenario, generation, lives, cost, familiar)
        arrays |= seen
    if scenario.evolution.open:
        arrays = _with_room(arrays, scenario, len(score))
    return arrays, familiar


def _with_room(arrays: Arrays, scenario: Scenario, n: int) -> Arrays:
    """What n individuals of an open population lived, padded to its capacity."""
    assert scenario.evolution.open is not None
    capacity = scenario.evolution.open.capacity
    for name, values in arrays.items():
        if "individual" in BY_GENERATION[name].dims:
            arrays[name] = _padded(values, n, capacity)
    arrays["crossover"][n:] = 0
    return arrays | {"population_size": np.array(n, np.int32)}


def born(data: Mapping[str, Any], generation: int, state: evolution.State) -> Population:
    """The population of a generation as it was recorded, without padding.

    Args:
        data: arrays of one replicate and generation, by name.
    """
    n = int(data["population_size"]) if "population_size" in data else None
    genome, parents, crossover = (
        np.ascontiguousarray(data[name][:n], BY_GENERATION[name].dtype) for name in INHERITED
    )
    return Population(generation, genome, parents, crossover, state)


def _mean(values: FloatArray) -> FloatArray:
    """Mean over axis 1, the levels, summed in their order."""
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
