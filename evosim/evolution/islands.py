"""Islands: demes that breed apart and exchange migrants (model 3).

A population of D demes of n individuals is one matrix, whose rows d n to (d + 1) n - 1 are deme d.
Between migrations the demes have nothing to do with each other. Migration gives every row a
*source*, the row whose individual stands there from then on, and so the pedigree holds it: the
parents of those born next are rows of other demes.

Migration is that of ``deap.tools.migRing``, on rows. DEAP looks for the individuals to replace by
``==``, and so replaces another one where two have equal genes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import rng
from evosim.errors import EvosimError
from evosim.evolution.breed import Handle, breed, chosen_rows, expected_shares_of_one, seeded
from evosim.evolution.optimizer import FloatArray, Offspring
from evosim.evolution.registry import MIGRATE
from evosim.registry import calling

if TYPE_CHECKING:
    from evosim.scenario import Islands, Scenario
    from evosim.scenario import Operator as Written

Rows = NDArray[np.int32]


def rows(scenario: Scenario, deme: int) -> slice:
    """The rows of a deme in its population."""
    n = scenario.evolution.population // _islands(scenario).demes
    return slice(deme * n, (deme + 1) * n)


def deme_of(scenario: Scenario) -> Rows:
    """The deme of each individual [N]."""
    islands = _islands(scenario)
    n = scenario.evolution.population // islands.demes
    return np.repeat(np.arange(islands.demes, dtype=np.int32), n)


def firsts(scenario: Scenario, n: int) -> NDArray[np.intp]:
    """The rows of those born first of each pair, of n children; the next row is the other one."""
    if scenario.evolution.islands is None:
        return np.arange(0, n // 2 * 2, 2)
    size = n // scenario.evolution.islands.demes
    return (np.arange(0, n, size)[:, None] + np.arange(0, size // 2 * 2, 2)).ravel()


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


def breed_demes(
    scenario: Scenario, genomes: ArrayLike, scores: ArrayLike, source: ArrayLike, seed_key: int
) -> Offspring:
    """The next generation of all demes.

    Args:
        genomes: genes [N, loci].
        scores: score of each individual [N].
        source: of each row [N] (:func:`migration`).
        seed_key: of the purpose BREED and the generation (model 5).

    Raises:
        EvosimError, ValueError: as :func:`evosim.evolution.breed`.
    """
    genes, score = np.asarray(genomes), np.asarray(scores)
    standing = np.asarray(source, np.int32)
    parts = []
    for deme in range(_islands(scenario).demes):
        here = standing[rows(scenario, deme)]
        parts.append(breed_deme(scenario, deme, genes[here], score[here], seed_key))
    children = Offspring(*map(np.concatenate, zip(*parts, strict=True)))
    return children._replace(parents=standing[children.parents])


def expected_shares(scenario: Scenario, scores: ArrayLike, source: ArrayLike) -> FloatArray:
    """The share of parentage that migration and selection give each individual in expectation.

    Each deme gives the next generation as many as any other. The share is that which selection
    gives to where an individual stands, in the demes as they were after migration; but of the
    number of places, which is chance where migration is random, the expected one counts.

    Args:
        scores: score of each individual [N].
        source: of each row [N] (:func:`migration`).

    Returns:
        Shares [N], summing to 1; of one deme those of :func:`evosim.evolution.expected_shares`.

    Raises:
        EvosimError: as :func:`evosim.evolution.breed`.
    """
    islands = _islands(scenario)
    score, standing = np.asarray(scores, np.float64), np.asarray(source)
    n = len(score)
    places = np.concatenate(
        [
            expected_shares_of_one(scenario, score[standing[rows(scenario, deme)]])
            for deme in range(islands.demes)
        ]
    )
    shares = np.zeros(n)
    np.add.at(shares, standing, places / islands.demes)
    if (standing != np.arange(n)).any() and islands.replace is not None:
        chance = np.bincount(standing, minlength=n) - _expected_places(islands, score)
        shares -= chance / n
    return shares


def _expected_places(islands: Islands, scores: FloatArray) -> FloatArray:
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


def _islands(scenario: Scenario) -> Islands:
    islands = scenario.evolution.islands
    if islands is None:
        raise ValueError(f"scenario {scenario.id!r} has no [evolution.islands]")
    return islands
