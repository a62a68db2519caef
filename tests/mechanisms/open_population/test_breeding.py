"""Open populations: newborns by score, room for so many, and what branching theory says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from breeding import GAUSSIAN, UNIFORM, UNMATED, UNMUTATED, with_genes

from evosim.errors import EvosimError
from evosim.mechanisms.open_population.state import Births, breed_open
from evosim.rng import Purpose, key
from evosim.scenario import Scenario


def opened(offspring: float = 1.0, capacity: int = 1000, n_loci: int = 1, **parts: Any) -> Scenario:
    return with_genes(n_loci, open={"offspring": offspring, "capacity": capacity}, **parts)


def extinction(m: float) -> float:
    """The probability that a line dies out whose members leave Poisson(m): q = exp(m (q - 1))."""
    q = 0.0
    for _ in range(10_000):
        q = math.exp(m * (q - 1.0))
    return q


@pytest.mark.parametrize(("m", "founders"), [(0.8, 1), (1.2, 1), (1.5, 1), (1.5, 3)])
def test_lines_die_out_as_often_as_branching_theory_says(m: float, founders: int) -> None:
    runs, enough = 2000, 40  # of so many all die out with a chance of 0.69^40 at m = 1.2
    of = opened(m, capacity=10_000, mate=UNMATED, mutate=UNMUTATED)
    died = 0
    for run in range(runs):
        genomes = np.full((founders, 1), 0.5)
        for g in range(400):
            if not 0 < len(genomes) < enough:
                break
            seed_key = key(run, Purpose.BREED, g)
            genomes = breed_open(of, genomes, np.ones(len(genomes)), seed_key).genomes
        died += len(genomes) == 0
    q = extinction(m) ** founders
    if q == pytest.approx(1.0):
        assert died == runs
    else:
        assert abs(died - runs * q) / math.sqrt(runs * q * (1 - q)) < 4


def test_newborns_are_poisson_of_offspring_times_score() -> None:
    of = opened(0.5, capacity=10**6, mate=UNMATED, mutate=UNMUTATED)
    scores = np.array([-3.0, 0.0, 2.0, 6.0])
    counts = np.array([
        np.bincount(
            breed_open(of, np.full((4, 1), 0.5), scores, seed_key).parents[:, 0],
            minlength=4,
        )
        for seed_key in range(4000)
    ])  # fmt: skip
    assert not counts[:, :2].any()
    for i, mean in ((2, 1.0), (3, 3.0)):
        assert abs(counts[:, i].mean() - mean) < 4 * math.sqrt(mean / 4000)
        # The variance of a variance of Poisson numbers is (mean + 2 mean^2) / n.
        assert abs(counts[:, i].var() - mean) < 4 * math.sqrt((mean + 2 * mean**2) / 4000)
    assert abs(np.corrcoef(counts[:, 2], counts[:, 3])[0, 1]) < 4 / math.sqrt(4000)


def test_of_too_many_newborns_a_random_subset_survives() -> None:
    of = opened(10.0, capacity=30, mate=UNMATED, mutate=UNMUTATED)
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    shares = np.zeros(4)
    runs = 500
    for seed_key in range(runs):
        born = breed_open(of, np.full((4, 1), 0.5), scores, seed_key)
        assert len(born.genomes) == 30
        shares += np.bincount(born.parents[:, 0], minlength=4) / 30
    expected = Births(of).expected_shares(scores)
    np.testing.assert_allclose(expected, scores / 10)
    np.testing.assert_allclose(shares / runs, expected, atol=4 * 0.5 / math.sqrt(30 * runs))


def test_siblings_do_not_mate_with_each_other_for_being_born_together() -> None:
    of = opened(4.0, capacity=400, mate=UNIFORM, mutate=UNMUTATED)
    born = breed_open(of, np.full((100, 1), 0.5), np.ones(100), 1)
    assert (born.parents[:, 0] == born.parents[:, 1]).mean() < 0.05
    pairs = born.parents[: len(born.parents) // 2 * 2]
    assert (pairs[0::2] == pairs[1::2, ::-1]).all()


def test_children_mate_and_mutate_by_the_operators_of_the_scenario() -> None:
    of = opened(2.0, capacity=200, n_loci=3, mate=UNIFORM, mutate=UNMUTATED)
    genomes = np.random.default_rng(0).random((100, 3))
    born = breed_open(of, genomes, np.ones(100), 1)
    rows = np.where(born.crossover == 1, born.parents[:, [1]], born.parents[:, [0]])
    np.testing.assert_array_equal(born.genomes, genomes[rows, np.arange(3)])
    assert (born.crossover == 1).any()
    mutated = opened(2.0, capacity=200, n_loci=3, mate=UNIFORM, mutate=GAUSSIAN)
    changed = breed_open(mutated, genomes, np.ones(100), 1)
    np.testing.assert_array_equal(changed.parents, born.parents)
    assert 0.2 < (changed.genomes != born.genomes).mean() < 0.4


@pytest.mark.parametrize("n", [0, 1, 2])
def test_the_few_and_nobody_breed(n: int) -> None:
    of = opened(0.0, n_loci=2)
    born = breed_open(of, np.full((n, 2), 0.5), np.ones(n), 1)
    assert born.genomes.shape == (0, 2)
    assert born.parents.shape == (0, 2)
    assert born.crossover.shape == (0, 2)


def test_the_same_seed_leaves_the_same_newborns() -> None:
    of = opened(1.2, n_loci=2)
    genomes, scores = np.full((50, 2), 0.5), np.linspace(0, 2, 50)
    one, same, other = (breed_open(of, genomes, scores, k) for k in (1, 1, 2))
    assert one.genomes.tobytes() == same.genomes.tobytes()
    assert one.genomes.tobytes() != other.genomes.tobytes()


def test_more_newborns_than_can_be_drawn_are_refused() -> None:
    of = opened(10.0)
    with pytest.raises(EvosimError, match=r"lower evolution\.open\.offspring"):
        breed_open(of, np.full((3, 1), 0.5), np.full(3, 1e9), 1)
    with pytest.raises(EvosimError, match="individual 1 has a score of nan"):
        breed_open(of, np.full((3, 1), 0.5), np.array([1, np.nan, 1]), 1)


def test_without_any_score_all_expect_the_same() -> None:
    np.testing.assert_allclose(Births(opened()).expected_shares(np.array([-1.0, 0.0])), 0.5)
