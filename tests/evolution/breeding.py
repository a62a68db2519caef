"""Scenarios that are nothing but a genome and a base optimizer, for tests that breed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import evolution
from evosim.engine.mechanism import reproduction_of
from evosim.evolution import Offspring
from evosim.mechanisms.islands.state import migration
from evosim.rng import Purpose, key
from evosim.scenario import Scenario

Floats = NDArray[np.float64]

TOURNAMENT = {"operator": "selTournament", "tournsize": 3}
UNIFORM = {"operator": "cxUniform", "indpb": 0.5, "chance": 1.0}
UNMATED = {"operator": "cxUniform", "indpb": 0.5, "chance": 0.0}
GAUSSIAN = {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.3, "chance": 1.0}
UNMUTATED = {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.3, "chance": 0.0}

SELECT: dict[str, dict[str, Any]] = {
    "selTournament": {"tournsize": 3},
    "selBest": {"share": 0.4},
    "selRandom": {},
    "selRoulette": {},
    "selStochasticUniversalSampling": {},
}
MATE: dict[str, dict[str, Any]] = {
    "cxOnePoint": {},
    "cxTwoPoint": {},
    "cxUniform": {"indpb": 0.3},
    "cxBlend": {"alpha": 0.5},
    "cxSimulatedBinary": {"eta": 2.0},
    "cxSimulatedBinaryBounded": {"eta": 2.0},
}
MUTATE: dict[str, dict[str, Any]] = {
    "mutGaussian": {"mu": 0.05, "sigma": 0.4, "indpb": 0.5},
    "mutPolynomialBounded": {"eta": 3.0, "indpb": 0.5},
}
"""Keywords for every registered operator; a test holds the tables complete."""


def document(
    *,
    drives: Any,
    agent: Mapping[str, Any] | None = None,
    select: Mapping[str, Any] = TOURNAMENT,
    mate: Mapping[str, Any] = UNIFORM,
    mutate: Mapping[str, Any] = GAUSSIAN,
    timeline: list[dict[str, Any]] | None = None,
    **evolution: Any,
) -> dict[str, Any]:
    """A scenario as plain tables; depth and patience are pinned unless ``agent`` says more.

    ``evolution`` are further keys of the base optimizer.
    """
    return {
        "id": "breeding",
        "title": "Breeding",
        "question": "What do the operators do?",
        "objective": {"intended": "food", "selected": "food"},
        "agent": {"drives": drives, "depth": 2, "patience": 0.9, **(agent or {})},
        "world": {
            "rows": 2,
            "cols": 2,
            "lifetime": 5,
            "kinds": {"berry": {"glyph": "b", "count": 1, "use": {"eat": {"yields": {"food": 1}}}}},
        },
        "environments": {"wild": {}},
        "evolution": {
            "population": 10,
            "levels": 1,
            "select": dict(select),
            "mate": dict(mate),
            "mutate": dict(mutate),
            **evolution,
        },
        "timeline": timeline or [{"generations": 1000, "train": "wild"}],
    }


def scenario(**parts: Any) -> Scenario:
    """The scenario of :func:`document`."""
    return Scenario.model_validate(document(**parts))


def with_genes(n_loci: int, *, bounds: tuple[float, float] = (0, 1), **parts: Any) -> Scenario:
    """A scenario whose genome is ``n_loci`` alike drives, within [0, 1] if nothing is said.

    A gene between 0 and 1 is the same in units of its locus, bit by bit.
    """
    drives: dict[str, Any] = {f"gene{i}": list(bounds) for i in range(n_loci)}
    return scenario(drives=drives or {"pinned": 0.5}, **parts)


class Course(NamedTuple):
    """What a run records of its genes, from generation 0."""

    genome: Floats  # [G, N, loci]
    score: Floats  # [G, N]
    parents: NDArray[np.int32]  # [G, N, 2]
    crossover: NDArray[np.int8]  # [G, N, loci]


def evolve(
    scenario: Scenario,
    genomes: Floats,
    score: Callable[[Floats, int], Floats],
    *,
    generations: int,
    seed: int,
) -> Course:
    """Breed for a number of generations, frozen ones included, scored by ``score(genes, g)``."""
    n = len(genomes)
    frozen = np.repeat(np.arange(n, dtype=np.int32)[:, None], 2, axis=1)
    none = np.zeros(genomes.shape, np.int8)
    born = Offspring(genomes, np.full((n, 2), -1, np.int32), none)
    rows: list[tuple[Any, ...]] = []
    for g in range(generations):
        scores = score(born.genomes, g)
        rows.append((born.genomes, scores, born.parents, born.crossover))
        if g + 1 == generations:
            break
        seed_key = key(seed, Purpose.BREED, g)
        if not scenario.phase_at(g).select:
            born = Offspring(born.genomes, frozen, none)
        elif scenario.evolution.islands is not None:
            source = source_of(scenario, scores, g, seed)
            demes = reproduction_of(scenario)
            record = {"source": source}
            born = demes.next_generation({}, born.genomes, scores, seed_key, record).offspring
        else:
            born = evolution.breed(scenario, born.genomes, scores, seed_key)
    return Course(*(np.array(column) for column in zip(*rows, strict=True)))


def source_of(scenario: Scenario, scores: Floats, g: int, seed: int) -> NDArray[np.int32]:
    """Where those stand who breed in generation g, with islands."""
    return migration(scenario, g, scores, key(seed, Purpose.MIGRATE, g))


def sources(scenario: Scenario, course: Course, seed: int) -> NDArray[np.int32]:
    """The sources of all generations of a course [G, N], with islands."""
    return np.array([source_of(scenario, s, g, seed) for g, s in enumerate(course.score)])
