"""Descent and response to selection, against theory: coalescence, founders, effective size,
the breeder's equation, heritability.

|z| < 4 against the exact form where there is one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from breeding import GAUSSIAN, UNIFORM, UNMATED, UNMUTATED, evolve, with_genes

from evosim import evolution
from evosim.metrics.popgen import coalescent, effective_size, heritability, price
from evosim.metrics.popgen.pedigree import Pedigree

TOURNAMENT = {"operator": "selTournament", "tournsize": 3}
RANDOM = {"operator": "selRandom"}


def z_of_mean(values: Any, expected: Any = 0.0) -> float:
    """How many standard errors the mean of independent values is away from an expectation."""
    values = np.asarray(values, np.float64) - expected
    return float(values.mean() / (values.std(ddof=1) / math.sqrt(len(values))))


def wright_fisher(n: int, generations: int, n_loci: int, rng: np.random.Generator) -> Pedigree:
    """Two parents drawn at random for every child, each gene from either."""
    parents = rng.integers(0, n, (generations, n, 2))
    crossover = rng.integers(0, 2, (generations, n, n_loci)).astype(np.int8)
    return Pedigree(parents, crossover, np.full(generations, n))


def ancestors(n: int) -> np.ndarray:
    """The chance that j genes have k parents among n, [j, k] (occupancy of boxes)."""
    chance = np.zeros((n + 1, n + 1))
    chance[0, 0] = 1.0
    for j in range(n):
        for k in range(n + 1):
            chance[j + 1, k] += chance[j, k] * k / n
            if k < n:
                chance[j + 1, k + 1] += chance[j, k] * (n - k) / n
    return chance


def expected_coalescence(n: int) -> float:
    """Mean generations until all genes of a neutral population of n have one ancestor, exactly."""
    inner = ancestors(n)[2:, 2:]
    return float(np.linalg.solve(np.eye(n - 1) - inner, np.ones(n - 1))[-1])


# --- coalescence ----------------------------------------------------------------------------


def test_genes_of_a_neutral_population_meet_after_the_time_of_the_exact_chain() -> None:
    """Wright-Fisher, haploid (Ewens 2004, ch. 10): lineages j -> k by the occupancy of n boxes;
    about 2 N (1 - 1/N) generations (Kingman 1982), exactly a little less."""
    n, rng = 20, np.random.default_rng(1)
    exact = expected_coalescence(n)
    assert abs(exact / (2 * n * (1 - 1 / n)) - 1) < 0.06
    met = []
    for _ in range(300):
        pedigree = wright_fisher(n, 260, 2, rng)
        met.append(coalescent.coalescence_time(coalescent.lineages(pedigree)).mean())
    assert not np.isnan(met).any()
    assert abs(z_of_mean(met, exact)) < 4


@pytest.mark.slow
def test_genes_bred_without_selection_meet_as_in_the_neutral_model() -> None:
    """The same of DEAP's selRandom and uniform crossover: every parent is drawn by itself."""
    n = 10
    made = with_genes(2, select=RANDOM, mate=UNIFORM, mutate=UNMUTATED)
    met = []
    for seed in range(120):
        course = evolve(
            made, np.zeros((n, 2)), lambda g, _: np.zeros(len(g)), generations=140, seed=seed
        )
        pedigree = Pedigree.of(course.genome, course.parents, course.crossover)
        met.append(coalescent.coalescence_time(coalescent.lineages(pedigree)).mean())
    assert abs(z_of_mean(met, expected_coalescence(n))) < 4


def test_an_ancestor_of_everybody_lived_log_2_n_generations_ago() -> None:
    """Chang 1999, Adv. Appl. Prob. 31: T / log2 N tends to 1 with two parents drawn at random."""
    n, rng = 1024, np.random.default_rng(2)
    back = [
        coalescent.common_ancestor(wright_fisher(n, 30, 1, rng)) / math.log2(n) for _ in range(10)
    ]
    assert 0.9 < np.mean(back) < 1.3
    assert np.std(back) < 0.15


# --- founders and effective size ------------------------------------------------------------


def test_the_founders_left_of_a_locus_are_what_identity_by_descent_says() -> None:
    """With one locus sum p_f^2 = (1 + (N - 1) F) / N, and 1 - F = (1 - 1/N)^t in the mean."""
    n, t, rng = 30, 20, np.random.default_rng(3)
    lost = []
    for _ in range(400):
        pedigree = wright_fisher(n, t + 1, 1, rng)
        f = coalescent.identity_by_descent(pedigree, 0, t)[0]
        shares = coalescent.founder_shares(pedigree)[-1]
        assert math.isclose(coalescent.effective_founders(shares), n / (1 + (n - 1) * f))
        lost.append(1 - f)
    assert abs(z_of_mean(lost, (1 - 1 / n) ** t)) < 4


def test_lineages_of_a_tournament_that_nothing_is_inherited_by_meet_at_its_effective_size() -> None:
    """N_e = N (2k - 1) / k^2 over a whole phase too (scores not heritable): 1 - F = (1 - C)^t."""
    n, t = 60, 25
    made = with_genes(6, select=TOURNAMENT, mate=UNIFORM, mutate=UNMUTATED)
    kept, sizes = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        course = evolve(
            made,
            np.zeros((n, 6)),
            lambda g, _, rng=rng: rng.permutation(len(g)).astype(float),
            generations=t + 1,
            seed=seed,
        )
        pedigree = Pedigree.of(course.genome, course.parents, course.crossover)
        f = coalescent.identity_by_descent(pedigree, 0, t)
        kept.append(1 - f.mean())
        sizes.append(effective_size.identity_size(f, t))
    c = float(np.sum(np.diff((np.arange(n + 1) / n) ** 3) ** 2))
    assert abs(c * n * 5 / 9 - 1) < 1e-2
    assert abs(z_of_mean(kept, (1 - c) ** t)) < 4
    assert abs(np.mean(sizes) * c - 1) < 0.15


def test_inherited_fitness_makes_lineages_meet_sooner_than_single_generations_tell() -> None:
    """Robertson 1961, Genet. Res. 2: families that win go on winning."""
    n, t = 60, 3
    made = with_genes(6, select=TOURNAMENT, mate=UNMATED, mutate={**GAUSSIAN, "sigma": 0.02})
    gaps = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        course = evolve(
            made, rng.random((n, 6)), lambda g, _: g[:, 0], generations=t + 1, seed=seed
        )
        pedigree = Pedigree.of(course.genome, course.parents, course.crossover)
        single = 1 / np.mean(effective_size.coalescence_probability(course.parents[1:]))
        gaps.append(
            effective_size.identity_size(coalescent.identity_by_descent(pedigree, 0, t), t) / single
        )
    assert np.mean(gaps) < 0.7


def test_the_squared_change_of_a_neutral_gene_over_its_variance_is_one_over_the_size() -> None:
    """The temporal method (Nei & Tajima 1981): E = C = 1/N_e in every generation, |z| < 4."""
    made = with_genes(60, select=TOURNAMENT, mate=UNIFORM, mutate=GAUSSIAN)
    rng = np.random.default_rng(5)
    course = evolve(
        made,
        rng.random((80, 60)),
        lambda g, _: rng.permutation(len(g)).astype(float),
        generations=80,
        seed=5,
    )
    steps = [step for step in price.steps(made, *course) if step is not None]
    moved = np.array([heritability.standardized_change(step).mean() for step in steps])
    c = effective_size.coalescence_probability(course.parents[1:])
    assert abs(z_of_mean(moved - c)) < 4
    assert abs(np.mean(moved) / (9 / 5 / 80) - 1) < 0.1


# --- response and heritability --------------------------------------------------------------


@pytest.mark.parametrize("mate", [UNMATED, UNIFORM])
@pytest.mark.parametrize("inherited", [0.2, 0.5, 1.0])
def test_offspring_regress_on_mid_parents_by_the_share_that_is_inherited(
    mate: dict[str, Any], inherited: float
) -> None:
    """Falconer & Mackay 1996, ch. 10 and 11: an additive trait with noise that is not inherited;
    the slope is h^2, selected parents or not, and R = h^2 S. |z| < 4."""
    made = with_genes(4, bounds=(-1, 1), select=TOURNAMENT, mate=mate, mutate=UNMUTATED)
    rng = np.random.default_rng(9)
    noise = 0.3 * math.sqrt(1 / inherited - 1)
    slopes, responses, differentials = [], [], []
    for seed in range(60):
        genomes = rng.normal(0, 0.15, (300, 4))
        scores = genomes.sum(axis=1) + rng.normal(0, 1, 300) * noise
        born = evolution.breed(made, genomes, scores, seed)
        later = born.genomes.sum(axis=1) + rng.normal(0, 1, 300) * noise
        steps = price.steps(
            made,
            np.stack([genomes, born.genomes]),
            np.stack([scores, later]),
            np.stack([born.parents] * 2),
            np.stack([born.crossover] * 2),
        )
        found = heritability.responses(steps, lambda _, score: score[:, None], 1)
        slopes.append(heritability.heritability(found.products, found.squares)[0])
        responses.append(found.change[0, 0])
        differentials.append(found.realised[0, 0])
    if inherited == 1.0 and mate is UNMATED:
        assert np.allclose(slopes, 1.0)
    else:
        assert abs(z_of_mean(slopes, inherited)) < 4
    if inherited < 1.0:
        gap = np.array(responses) - inherited * np.array(differentials)
        assert abs(z_of_mean(gap)) < 4
    assert abs(np.mean(responses) / np.mean(differentials) - inherited) < 0.05
