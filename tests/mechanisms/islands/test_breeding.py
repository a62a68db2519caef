"""Demes: migration as DEAP has it but by row, breeding apart, and the pedigree that holds both."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np
import pytest
from breeding import GAUSSIAN, UNMATED, UNMUTATED, evolve, sources, with_genes
from deap import tools

from evosim import evolution
from evosim.errors import EvosimError
from evosim.evolution import MIGRATE
from evosim.evolution.breed import seeded
from evosim.mechanisms.islands import state as islands
from evosim.rng import Purpose, key
from evosim.scenario import Scenario

BEST, WORST, RANDOM = ({"operator": name} for name in ("selBest", "selWorst", "selRandom"))


def divided(demes: int = 4, size: int = 5, n_loci: int = 2, **parts: Any) -> Scenario:
    """Demes of some size, two of each migrate; keys of the islands and of ``evolution`` differ.

    ``select`` is how emigrants are chosen.
    """
    written = {"demes": demes, "every": 1, "migrants": 2, "select": BEST}
    named = ("every", "migrants", "select", "replace", "topology")
    written |= {name: parts.pop(name) for name in named if name in parts}
    return with_genes(n_loci, population=demes * size, islands=written, **parts)


def born_of(
    made: Scenario, genomes: Any, scores: Any, seed_key: int, source: Any = None
) -> evolution.Offspring:
    """The next generation; where no source is given nobody has migrated."""
    record = {"source": np.arange(len(scores)) if source is None else source}
    return islands.Demes(made).next_generation({}, genomes, scores, seed_key, record).offspring


def deme_of(made: Scenario) -> np.ndarray:
    return islands.Islands(made, 0).coordinates()["deme"].values


class Individual(list[float]):
    """An individual of DEAP's: equal to any other of the same genes."""

    def __init__(self, row: int, genes: np.ndarray, score: float) -> None:
        super().__init__(genes)
        self.row = row
        self.score = score


def ring_of_deap(made: Scenario, genomes: np.ndarray, scores: np.ndarray, seed: int) -> list[int]:
    """What ``deap.tools.migRing`` makes of the demes: the row whose individual stands in each."""
    written = made.evolution.islands
    assert written is not None

    def chooser(operator: Any) -> Any:
        return operator and partial(MIGRATE[operator.operator].function, fit_attr="score")

    everybody = [Individual(*of) for of in zip(range(len(scores)), genomes, scores, strict=True)]
    demes = [everybody[islands.rows(made, d)] for d in range(written.demes)]
    with seeded(seed):
        tools.migRing(
            demes, written.migrants, chooser(written.select), chooser(written.replace),
            list(written.target),
        )  # fmt: skip
    return [individual.row for deme in demes for individual in deme]


@pytest.mark.parametrize("select", [BEST, WORST, RANDOM])
@pytest.mark.parametrize("replace", [None, BEST, WORST, RANDOM])
@pytest.mark.parametrize("topology", ["ring", [2, 3, 1, 0]])
def test_distinct_individuals_migrate_as_deap_has_it(
    select: dict[str, str], replace: dict[str, str] | None, topology: Any
) -> None:
    made = divided(select=select, replace=replace, topology=topology)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        genomes, scores = rng.random((20, 2)), np.round(rng.random(20), 1)  # with ties
        source = islands.migration(made, 0, scores, seed)
        assert source.tolist() == ring_of_deap(made, genomes, scores, seed)


def test_of_equal_individuals_the_one_that_was_chosen_is_replaced() -> None:
    """DEAP looks for it by ``==`` and takes the first of equal genes, whatever its score."""
    made = divided(demes=2, size=3, migrants=1, replace=WORST)
    genomes = np.zeros((6, 2))  # clones, whose lives went differently
    scores = np.array([3.0, 2.0, 1.0, 6.0, 5.0, 4.0])
    assert islands.migration(made, 0, scores, 1).tolist() == [0, 1, 3, 3, 4, 0]
    assert ring_of_deap(made, genomes, scores, 1) == [3, 1, 2, 0, 4, 5]


def test_a_deme_without_room_for_doubt_sends_nobody_twice() -> None:
    made = divided(demes=3, size=4, migrants=4, select=RANDOM)
    source = islands.migration(made, 0, np.zeros(12), 3)
    assert sorted(source) == list(range(12))
    assert (deme_of(made)[source] == (deme_of(made) - 1) % 3).all()


def test_migrants_leave_every_so_many_generations_and_never_in_a_frozen_phase() -> None:
    phases = [
        {"generations": 7, "train": "wild"},
        {"generations": 3, "train": "wild", "select": False},
        {"generations": 3, "train": "wild"},
    ]
    made = divided(every=3, timeline=phases)
    scores = np.arange(20.0)
    moved = [(islands.migration(made, g, scores, g) != np.arange(20)).any() for g in range(13)]
    assert np.flatnonzero(moved).tolist() == [2, 5, 11]
    assert [islands.next_migration(made, g) for g in range(7)] == [2, 2, 2, 5, 5, 5, 8]


def test_a_deme_that_sends_to_itself_keeps_everybody() -> None:
    made = divided(demes=3, size=4, replace=RANDOM, topology=[1, 0, 2])
    source = islands.migration(made, 0, np.random.default_rng(0).random(12), 5)
    assert (source[:8] != np.arange(8)).any()
    assert (source[8:] == np.arange(8, 12)).all()


def test_one_deme_is_a_population_without_islands_to_the_bit() -> None:
    rng = np.random.default_rng(1)
    genomes, scores = rng.random((20, 3)), rng.random(20)
    alone = divided(demes=1, size=20, n_loci=3, replace=WORST)
    source = islands.migration(alone, 0, scores, 7)
    born = born_of(alone, genomes, scores, 9, source)
    plain = evolution.breed(with_genes(3, population=20), genomes, scores, 9)
    for one, other in zip(born, plain, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def test_without_migration_a_deme_breeds_as_if_there_were_no_other() -> None:
    made = divided(every=1000)
    rng = np.random.default_rng(2)
    genomes, scores = rng.random((20, 2)), rng.random(20)
    born = born_of(made, genomes, scores, 5)
    own = islands.rows(made, 2)
    alone = islands.breed_deme(made, 2, genomes[own], scores[own], 5)
    np.testing.assert_array_equal(born.genomes[own], alone.genomes)
    np.testing.assert_array_equal(born.parents[own], alone.parents)
    demes = deme_of(made)
    assert (demes[born.parents] == demes[:, None]).all()
    twins = np.tile(genomes[own], (4, 1))
    apart = born_of(made, twins, np.tile(scores[own], 4), 5).genomes
    assert len({apart[islands.rows(made, d)].tobytes() for d in range(4)}) == 4


def test_the_pedigree_holds_migration() -> None:
    made = divided(size=6, every=2, mutate=UNMUTATED, replace=WORST)
    genomes = np.random.default_rng(3).random((24, 2))
    course = evolve(made, genomes, lambda g, _: g[:, 0], generations=5, seed=3)
    source = sources(made, course, 3)
    demes = deme_of(made)
    from_afar = []
    for g in range(4):
        parents = course.parents[g + 1]
        rows = np.where(course.crossover[g + 1] == 1, parents[:, [1]], parents[:, [0]])
        inherited = course.genome[g][rows, np.arange(2)]
        np.testing.assert_array_equal(inherited, course.genome[g + 1])
        from_afar.append((demes[parents] != demes[:, None]).any())
        for d in range(4):
            own = islands.rows(made, d)
            assert set(parents[own].ravel()) <= set(source[g][own])
    assert from_afar == [False, True, False, True]


def test_in_demes_of_odd_size_nobody_is_paired_across_their_border() -> None:
    made = divided(demes=3, size=5, every=1000)
    born = born_of(made, np.zeros((15, 2)), np.arange(15.0), 1)
    first = islands.Demes(made).first_of_pairs(15)
    assert first.tolist() == [0, 2, 5, 7, 10, 12]
    np.testing.assert_array_equal(born.parents[first], born.parents[first + 1, ::-1])
    alone = [4, 9, 14]
    assert (born.parents[alone, 0] == born.parents[alone, 1]).all()
    assert evolution.Reproduction(with_genes(1)).first_of_pairs(5).tolist() == [0, 2]


@pytest.mark.parametrize("select", [BEST, RANDOM])
@pytest.mark.parametrize("replace", [None, WORST, RANDOM])
def test_expected_shares_are_met_over_many_migrations_and_breedings(
    select: dict[str, str], replace: dict[str, str] | None
) -> None:
    made = divided(
        demes=3, size=4, n_loci=1, select=select, replace=replace, mate=UNMATED, mutate=UNMUTATED
    )
    scores = np.random.default_rng(4).random(12)
    runs = 600
    seen, expected = np.zeros((runs, 12)), np.zeros((runs, 12))
    for run in range(runs):
        source = islands.migration(made, 0, scores, key(run, Purpose.MIGRATE, 0))
        expected[run] = islands.Demes(made).expected_shares(scores, {"source": source})
        born = born_of(made, np.zeros((12, 1)), scores, run, source)
        seen[run] = np.bincount(born.parents[:, 0], minlength=12) / 12
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    gap = seen - expected
    error = gap.std(axis=0, ddof=1) / np.sqrt(runs)
    assert (np.abs(gap.mean(axis=0)) < 4 * np.maximum(error, 1e-12)).all()


def test_random_migration_selects_nobody() -> None:
    neutral: dict[str, Any] = {"operator": "selRandom"}
    written = {"demes": 4, "every": 1, "migrants": 2, "select": RANDOM, "replace": RANDOM}
    made = with_genes(1, population=20, select=neutral, islands=written)
    source = islands.migration(made, 0, np.arange(20.0), 1)
    assert len(set(source)) < 20
    shares = islands.Demes(made).expected_shares(np.arange(20.0), {"source": source})
    np.testing.assert_allclose(shares, 1 / 20, rtol=1e-12)


def test_global_generators_are_as_before() -> None:
    random.seed(1)
    before = random.getstate()
    islands.migration(divided(select=RANDOM), 0, np.zeros(20), 1)
    assert random.getstate() == before


def test_a_score_that_is_refused_names_its_deme() -> None:
    made = divided(mutate=GAUSSIAN)
    scores = np.zeros(20)
    scores[11] = np.nan
    with pytest.raises(EvosimError, match="deme 2: individual 1 has a score of nan"):
        born_of(made, np.full((20, 2), 0.5), scores, 1)


@pytest.mark.parametrize(
    ("changes", "key_", "message"),
    [
        ({"select": {"operator": "selTournament"}}, "islands.select.operator", "unknown migration"),
        ({"replace": {"operator": "selWorst", "k": 2}}, "islands.replace.k", "has no keyword 'k'"),
    ],
)
def test_operators_of_migration_are_checked(
    changes: dict[str, Any], key_: str, message: str
) -> None:
    (problem,) = evolution.check(divided(**changes))
    assert problem.key == f"evolution.{key_}"
    assert message in problem.message


@pytest.mark.parametrize("name", ["cma", "gradient"])
def test_optimizers_that_sample_have_no_demes(name: str) -> None:
    (problem,) = evolution.check(divided(optimizer={"name": name}))
    assert problem.key == "evolution.islands"
    assert "demes need genetic" in problem.message
