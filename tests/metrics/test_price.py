"""The Price equation, drift of the pedigree, and neutral genes dropped down it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from breeding import (
    GAUSSIAN,
    MATE,
    MUTATE,
    SELECT,
    UNIFORM,
    UNMATED,
    UNMUTATED,
    evolve,
    scenario,
    with_genes,
)
from scipy import stats

from evosim import evolution, mind
from evosim.metrics.popgen import effective_size, price
from evosim.rng import Purpose, key


def random_scores(genomes: np.ndarray, generation: int) -> np.ndarray:
    """Scores that no gene has to do with."""
    return np.random.default_rng([77, generation]).random(len(genomes))


# --- the Price equation ---------------------------------------------------------------------


@pytest.mark.parametrize("select", SELECT)
@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize("mutate", MUTATE)
def test_selection_drift_and_transmission_add_up_in_every_generation(
    select: str, mate: str, mutate: str
) -> None:
    """Price 1970, Nature 227: an identity, to 1e-12 in units of the gene."""
    made = scenario(
        drives=["x", "y"],
        agent={"depth": [0, 20]},
        select={"operator": select, **SELECT[select]},
        mate={"operator": mate, "chance": 0.8, **MATE[mate]},
        mutate={"operator": mutate, "chance": 0.9, **MUTATE[mutate]},
    )
    genomes = mind.initial(made, 37, key(1, Purpose.INITIAL))
    course = evolve(
        made, genomes, lambda genes, _: 1 + genes[:, 0] + 0.1 * genes[:, 2], generations=15, seed=1
    )
    parts = price.price_series(made, course.genome, course.score, course.parents, course.crossover)
    assert parts.change.shape == (14, 3)
    gap = parts.change - (parts.selection + parts.drift + parts.transmission)
    assert np.max(np.abs(gap)) < 1e-12
    assert np.array_equal(parts.change, np.diff(course.genome.mean(axis=1), axis=0))
    assert np.all(parts.transmission.any(axis=1))


def test_the_parts_of_a_generation_worked_by_hand() -> None:
    genomes = np.array([[0.0, 0.4], [1.0, 0.0]])
    parts = price.price(
        genomes,
        expected=np.array([0.25, 0.75]),
        parents=np.array([[1, 0], [1, 1]]),
        crossover=np.array([[0, 1], [0, 0]], np.int8),
        offspring=np.array([[0.9, 0.4], [1.0, 0.2]]),
    )
    # gene 0: both children of parent 1; gene 1: one of each
    assert np.allclose(parts.selection, [0.25, -0.1])
    assert np.allclose(parts.drift, [0.25, 0.1])
    assert np.allclose(parts.transmission, [-0.05, 0.1])
    assert np.allclose(parts.change, [0.45, 0.1])


def test_a_blended_gene_is_inherited_half_from_each_parent() -> None:
    codes = np.array([[2], [0]], np.int8)
    shares = price.realised_shares(np.array([[0, 1], [1, 1]]), codes)
    assert shares.tolist() == [[0.25], [0.75]]


def test_realised_shares_are_those_of_the_genes_children_carry() -> None:
    made = with_genes(4, mutate=UNMUTATED)
    genomes = np.random.default_rng(1).random((30, 4))  # all different: a gene names its parent
    born = evolution.breed(made, genomes, np.arange(30.0), 3)
    shares = price.realised_shares(born.parents, born.crossover)
    counted = (born.genomes[:, None, :] == genomes[None, :, :]).mean(axis=0)
    assert np.allclose(shares, counted, rtol=0, atol=1e-15)


def test_without_mutation_nothing_is_lost_in_transmission() -> None:
    made = with_genes(3, mutate=UNMUTATED)
    course = evolve(
        made, np.random.default_rng(2).random((40, 3)), random_scores, generations=10, seed=2
    )
    parts = price.price_series(made, *course)
    assert np.all(parts.transmission == 0)
    assert np.any(parts.drift != 0)


def test_a_frozen_generation_neither_selects_nor_drifts() -> None:
    phases = [
        {"generations": 3, "train": "wild"},
        {"generations": 3, "train": "wild", "select": False},
        {"generations": 2, "train": "wild"},
    ]
    made = with_genes(3, timeline=phases)
    course = evolve(
        made, np.random.default_rng(3).random((40, 3)), random_scores, generations=8, seed=3
    )
    parts = price.price_series(made, *course)
    still = [not np.any([part[g] for part in parts]) for g in range(7)]
    assert still == [False, False, False, True, True, True, False]


def test_drift_is_zero_in_expectation_and_selection_is_what_is_left() -> None:
    made = with_genes(2, mutate=UNMUTATED)
    rng = np.random.default_rng(4)
    genomes = rng.random((60, 2))
    scores = genomes[:, 0] + rng.normal(0, 0.2, 60)
    p = evolution.expected_shares(made, scores)
    drift = []
    for seed in range(400):
        born = evolution.breed(made, genomes, scores, seed)
        parts = price.price(genomes, p, born.parents, born.crossover, born.genomes)
        drift.append(parts.drift)
    z = np.mean(drift, axis=0) / (np.std(drift, axis=0) / np.sqrt(len(drift)))
    assert np.all(np.abs(z) < 4)
    assert parts.selection[0] > 3 * np.std(drift, axis=0)[0]


# --- effective population size --------------------------------------------------------------


def test_coalescence_counts_pairs_of_children_with_the_same_parent() -> None:
    parents = np.array([[0, 0], [0, 0], [0, 0], [3, 3]])
    assert effective_size.coalescence_probability(parents) == 3 / 6
    assert effective_size.inbreeding_size(parents) == 2.0


def test_children_of_different_parents_do_not_drift() -> None:
    parents = np.repeat(np.arange(5)[:, None], 2, axis=1)
    assert effective_size.coalescence_probability(parents) == 0.0
    assert effective_size.inbreeding_size(parents) == np.inf


def test_generations_without_known_parents_have_no_effective_size() -> None:
    parents = np.array([[[-1, -1], [-1, -1]], [[0, 0], [0, 0]]])
    assert np.array_equal(
        effective_size.coalescence_probability(parents), [np.nan, 1.0], equal_nan=True
    )
    assert np.isnan(effective_size.inbreeding_size(np.zeros((1, 2), np.int32)))


# --- gene dropping --------------------------------------------------------------------------

DROPPED = 200


def neutral_trajectory(
    seed: int, n: int = 60, generations: int = 25, **parts: Any
) -> tuple[Any, Any]:
    """200 real genes that nothing selects, bred together, and the scenario."""
    made = with_genes(DROPPED, **parts)
    genomes = mind.initial(made, n, key(seed, Purpose.INITIAL))
    return made, evolve(made, genomes, random_scores, generations=generations, seed=seed)


@pytest.mark.parametrize(
    ("mate", "mutate"),
    [
        (UNIFORM, GAUSSIAN),
        ({**UNIFORM, "indpb": 0.1, "chance": 0.5}, {**GAUSSIAN, "mu": 0.05}),
        ({**UNIFORM, "indpb": 0.9}, UNMUTATED),
        ({"operator": "cxBlend", "alpha": 0.3, "chance": 0.8}, UNMUTATED),
        ({"operator": "cxSimulatedBinary", "eta": 2.0, "chance": 1.0}, UNMUTATED),
        (
            {"operator": "cxSimulatedBinaryBounded", "eta": 1.0, "chance": 1.0},
            {"operator": "mutPolynomialBounded", "eta": 5.0, "indpb": 0.5, "chance": 0.5},
        ),
    ],
)
def test_dropped_genes_drift_like_real_ones_that_nothing_selects(
    mate: dict[str, Any], mutate: dict[str, Any]
) -> None:
    """Real neutral genes and dropped ones share the pedigree; their means are distributed alike
    (two-sample Kolmogorov-Smirnov, |z| < 4), generation by generation."""
    made, course = neutral_trajectory(6, mate=mate, mutate=mutate)
    trajectories = price.neutral_genes(made, course.parents, key(6, Purpose.NEUTRAL), n=DROPPED)
    dropped = trajectories["drive.gene0"]
    real = course.genome.mean(axis=1)
    assert dropped.shape == real.shape == (25, DROPPED)
    for g in (0, 1, 2, 5, 12, 24):
        assert stats.ks_2samp(dropped[g], real[g]).pvalue > 2 * stats.norm.sf(4), g


def test_the_band_of_dropped_genes_holds_its_share_of_real_ones() -> None:
    made, course = neutral_trajectory(7, generations=40)
    trajectories = price.neutral_genes(made, course.parents, 5, n=1000)["drive.gene0"]
    low, high = price.bands(trajectories, (0.05, 0.95)).T
    real = course.genome.mean(axis=1)
    within = ((real >= low[:, None]) & (real <= high[:, None])).mean(axis=1)
    assert np.all(np.abs(within - 0.9) < 4 * np.sqrt(0.9 * 0.1 / DROPPED))
    # and a band of uniform genes of 60 individuals widens as they drift
    assert high[0] - low[0] < 0.13
    assert high[-1] - low[-1] > 2 * (high[0] - low[0])


def test_a_selected_gene_leaves_the_band() -> None:
    made = with_genes(2, mutate={**GAUSSIAN, "sigma": 0.02})
    genomes = mind.initial(made, 100, 8)
    course = evolve(made, genomes, lambda genes, _: genes[:, 0], generations=20, seed=8)
    trajectories = price.neutral_genes(made, course.parents, 8)
    band = price.bands(trajectories["drive.gene0"], (0.025, 0.975))
    mean = course.genome.mean(axis=1)
    assert np.all(mean[5:, 0] > band[5:, 1])
    assert np.mean((mean[:, 1] > band[:, 0]) & (mean[:, 1] < band[:, 1])) > 0.7


def test_dropped_genes_start_and_are_bounded_as_their_locus() -> None:
    made = scenario(
        drives={"x": [-1, 1]},
        agent={"depth": [0, 20], "temperature": {"range": [1, 3], "start": [2, 2.5]}},
        mutate={**GAUSSIAN, "sigma": 0.5},
    )
    course = evolve(made, mind.initial(made, 50, 9), random_scores, generations=12, seed=9)
    trajectories = price.neutral_genes(made, course.parents, 9)
    assert list(trajectories) == ["drive.x", "depth", "temperature"]
    assert np.all(trajectories["depth"][0] == 0.0)
    assert np.all(trajectories["depth"][1] > 0.5)  # mutation alone leaves the least depth
    assert abs(trajectories["temperature"][0].mean() - 2.25) < 0.02
    for locus in mind.loci(made):
        assert np.all(
            (trajectories[locus.name] >= locus.low) & (trajectories[locus.name] <= locus.high)
        )


def test_loci_that_start_alike_share_their_courses_in_units_of_their_own() -> None:
    made = scenario(drives={"x": [-1, 1], "y": [0, 1]}, agent={"depth": [0, 20]})
    course = evolve(made, mind.initial(made, 20, 1), random_scores, generations=4, seed=1)
    trajectories = price.neutral_genes(made, course.parents, 1, n=10)
    assert np.allclose(trajectories["drive.x"], 2 * trajectories["drive.y"] - 1, rtol=0, atol=1e-12)


def test_genes_dropped_through_a_frozen_phase_stay_as_they_are() -> None:
    phases = [
        {"generations": 3, "train": "wild"},
        {"generations": 5, "train": "wild", "select": False},
    ]
    made = with_genes(2, timeline=phases)
    course = evolve(made, mind.initial(made, 30, 2), random_scores, generations=8, seed=2)
    trajectories = price.neutral_genes(made, course.parents, 2)["drive.gene0"]
    assert np.all(trajectories[3:] == trajectories[3])
    assert np.any(trajectories[2] != trajectories[3])


def test_clones_carry_dropped_genes_unmixed() -> None:
    made = with_genes(2, mate=UNMATED, mutate=UNMUTATED)
    one_mother = np.zeros((10, 2), np.int32)
    parents = np.stack([one_mother - 1, one_mother, one_mother])
    trajectories = price.neutral_genes(made, parents, 3, n=4000)["drive.gene0"]
    assert np.array_equal(trajectories[1], trajectories[2])
    assert (
        abs(trajectories[0].std() / trajectories[1].std() * np.sqrt(10) - 1) < 0.05
    )  # 10 against 1


def test_a_pedigree_without_drift_leaves_dropped_means_where_they_start() -> None:
    made = with_genes(2, mutate=UNMUTATED)
    pair = np.array([[0, 1], [1, 0], [2, 3], [3, 2], [4, 4]], np.int32)
    trajectories = price.neutral_genes(made, np.stack([pair] * 6), 4)["drive.gene0"]
    assert np.allclose(trajectories, trajectories[0], rtol=0, atol=1e-6)


def test_dropping_is_a_function_of_its_key() -> None:
    made, course = neutral_trajectory(3, n=20, generations=5)
    one, again, other = (
        price.neutral_genes(made, course.parents, seed, n=5)["drive.gene0"] for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_genome_without_loci_has_no_neutral_courses() -> None:
    made = with_genes(0)
    parents = np.zeros((3, 5, 2), np.int32)
    assert price.neutral_genes(made, parents, 1) == {}
    assert price.neutral_drives(made, parents, 1) == {}


def test_a_population_of_one_drops_its_genes_unselected() -> None:
    made = with_genes(1, mutate=UNMUTATED)
    trajectories = price.neutral_genes(made, np.zeros((4, 1, 2), np.int32), 1, n=6)["drive.gene0"]
    assert np.all(trajectories == trajectories[0])


@pytest.mark.parametrize("chance", [1.0, 0.3])
def test_dropped_drives_are_distributed_like_expressed_ones_that_nothing_selects(
    chance: float,
) -> None:
    """Medians of unit drives in 200 runs, and of drives dropped down the pedigree of each
    (two-sample Kolmogorov-Smirnov, |z| < 4)."""
    made = scenario(
        drives={"a": [0, 1], "b": [0, 1], "novelty": [0, 1], "fixed": 1},
        mutate={**GAUSSIAN, "chance": chance},
    )
    real, dropped = [], []
    for run in range(200):
        course = evolve(made, mind.initial(made, 31, run), random_scores, generations=8, seed=run)
        unit = mind.phenotype(made, course.genome.reshape(-1, 3))["drive.a"]
        real.append(np.median(unit.reshape(8, 31), axis=1))
        trajectories = price.neutral_drives(made, course.parents, run, n=3)
        assert list(trajectories) == ["a", "b", "novelty"]
        dropped.append(trajectories["a"][:, 0])
    for ours, theirs in zip(np.array(dropped).T, np.array(real).T, strict=True):
        assert stats.ks_2samp(ours, theirs).pvalue > 2 * stats.norm.sf(4)


def test_a_single_drive_is_either_of_its_two_directions() -> None:
    made = with_genes(1, bounds=(-1, 1))
    course = evolve(made, mind.initial(made, 31, 1), random_scores, generations=5, seed=1)
    trajectories = price.neutral_drives(made, course.parents, 1)["gene0"]
    assert trajectories.shape == (5, price.NEUTRAL_LOCI)
    assert np.all(np.abs(trajectories) == 1.0)


def test_drives_of_different_ranges_have_courses_of_their_own() -> None:
    made = scenario(drives={"a": [-1, 1], "b": [0, 1], "c": [-1, 1]})
    course = evolve(made, mind.initial(made, 31, 1), random_scores, generations=5, seed=1)
    trajectories = price.neutral_drives(made, course.parents, 1, n=50)
    assert trajectories["a"].shape == (5, 100)
    assert trajectories["b"].shape == (5, 50)
    assert np.array_equal(trajectories["a"], trajectories["c"])
    assert np.all(trajectories["b"] > 0)


def test_bands_are_quantiles_generation_by_generation() -> None:
    trajectories = np.arange(101.0)[None, :] * np.array([[1.0], [2.0]])
    assert price.bands(trajectories, (0.1, 0.5)).tolist() == [[10.0, 50.0], [20.0, 100.0]]
