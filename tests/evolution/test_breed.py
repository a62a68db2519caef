"""Breeding: DEAP's operators on one matrix of genes, with an exact pedigree (model 3)."""

from __future__ import annotations

import copy
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from breeding import (
    GAUSSIAN,
    MATE,
    MUTATE,
    SELECT,
    TOURNAMENT,
    UNIFORM,
    UNMATED,
    UNMUTATED,
    scenario,
    with_genes,
)
from deap import base, tools

from evosim import evolution
from evosim.errors import EvosimError
from evosim.evolution import Offspring, operators
from evosim.evolution.breed import Bounds
from evosim.evolution.operators import reflect
from evosim.scenario import Scenario

SWAPS = ("cxOnePoint", "cxTwoPoint", "cxUniform")
BLENDS = ("cxBlend", "cxSimulatedBinary", "cxSimulatedBinaryBounded")


class Maximum(base.Fitness):  # type: ignore[misc]
    """DEAP's fitness, of one objective."""

    weights = (1.0,)


class Individual(list[float]):
    """DEAP's usual individual: a list of genes with a fitness."""

    def __init__(self, genes: list[float], score: float) -> None:
        super().__init__(genes)
        self.fitness = Maximum((score,))


def truncation(population: list[Individual], k: int, share: float) -> list[Individual]:
    """Parents at random from the best share of the population."""
    chosen: list[Individual] = tools.selRandom(
        tools.selBest(population, round(share * len(population))), k
    )
    return chosen


def plain_deap(
    written: dict[str, dict[str, Any]], genomes: np.ndarray, scores: np.ndarray, key: int
) -> np.ndarray:
    """A generation as a DEAP tutorial writes it: a toolbox, deep copies, one call a pair.

    For genes between 0 and 1 only, which are in units of their locus already.
    """
    toolbox = base.Toolbox()
    toolbox.register("clone", copy.deepcopy)
    for part in ("select", "mate", "mutate"):
        options = {k: v for k, v in written[part].items() if k not in ("operator", "chance")}
        if part != "select" and written[part]["operator"].endswith("Bounded"):
            options |= {"low": 0.0, "up": 1.0}
        name = written[part]["operator"]
        if name == "selBest":
            toolbox.register(part, truncation, **options)
        else:
            toolbox.register(part, getattr(tools, name), **options)
    population = [Individual(g, s) for g, s in zip(genomes.tolist(), scores.tolist(), strict=True)]

    random.seed(key)
    chosen = toolbox.select(population, len(population))
    if written["select"]["operator"] == "selStochasticUniversalSampling":
        random.shuffle(chosen)
    offspring = [toolbox.clone(individual) for individual in chosen]
    pairs = list(zip(offspring[::2], offspring[1::2], strict=False))
    for pair in [pair for pair in pairs if random.random() < written["mate"]["chance"]]:
        toolbox.mate(*pair)
        for child in pair:
            child[:] = reflect(np.array(child)).tolist()
    for child in [c for c in offspring if random.random() < written["mutate"]["chance"]]:
        toolbox.mutate(child)
        child[:] = reflect(np.array(child)).tolist()
    return np.array(offspring)


def numbers(n: int, n_loci: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random genes [n, n_loci] within [0, 1] and scores [n], with ties."""
    rng = np.random.default_rng(seed)
    return rng.random((n, n_loci)), rng.integers(0, n, n) / 4.0


@pytest.mark.parametrize("select", SELECT)
@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize("mutate", MUTATE)
@pytest.mark.parametrize("chance", [1.0, 0.6])
def test_breeding_is_bit_identical_to_a_plain_deap_toolbox_loop(
    select: str, mate: str, mutate: str, chance: float
) -> None:
    written = {
        "select": {"operator": select, **SELECT[select]},
        "mate": {"operator": mate, "chance": chance, **MATE[mate]},
        "mutate": {"operator": mutate, "chance": chance, **MUTATE[mutate]},
    }
    genomes, scores = numbers(31, 5)
    born = evolution.breed(with_genes(5, **written), genomes, scores, 2**64 - 3)
    assert np.array_equal(born.genomes, plain_deap(written, genomes, scores, 2**64 - 3))


def test_the_tables_of_these_tests_hold_every_registered_operator() -> None:
    assert set(SELECT) == set(evolution.SELECT)
    assert set(MATE) == set(evolution.MATE) == {*SWAPS, *BLENDS}
    assert set(MUTATE) == set(evolution.MUTATE)


def inherited(genomes: np.ndarray, born: Offspring) -> np.ndarray:
    """What the pedigree says that each child inherited, gene by gene."""
    column = np.arange(genomes.shape[1])
    first, second = born.parents.T[:, :, None]
    return np.where(born.crossover == 1, genomes[second, column], genomes[first, column])


@pytest.mark.parametrize("mate", SWAPS)
def test_the_pedigree_names_the_parent_of_every_gene(mate: str) -> None:
    made = with_genes(6, mate={"operator": mate, "chance": 0.7, **MATE[mate]}, mutate=UNMUTATED)
    genomes, scores = numbers(200, 6)
    born = evolution.breed(made, genomes, scores, 4)
    assert np.array_equal(born.genomes, inherited(genomes, born))
    assert set(np.unique(born.crossover)) == {0, 1}
    mated = born.parents[:, 0] != born.parents[:, 1]
    assert not born.crossover[~mated].any()


def test_the_two_children_of_a_pair_have_its_genes_between_them() -> None:
    genomes, scores = numbers(101, 6)
    born = evolution.breed(with_genes(6, mutate=UNMUTATED), genomes, scores, 5)
    elder, younger = born.parents[0:100:2], born.parents[1:100:2]
    assert np.array_equal(elder, younger[:, ::-1])
    assert np.array_equal(born.crossover[0:100:2], born.crossover[1:100:2])
    assert born.parents[100, 0] == born.parents[100, 1]


def test_one_point_crossover_exchanges_tails_and_uniform_crossover_any_genes() -> None:
    genomes, scores = numbers(400, 8)

    def codes(mate: dict[str, Any]) -> np.ndarray:
        made = with_genes(8, mate=mate, mutate=UNMUTATED)
        return evolution.breed(made, genomes, scores, 6).crossover

    tails = codes({"operator": "cxOnePoint", "chance": 1.0})
    assert np.all(np.diff(tails, axis=1) >= 0)
    assert np.all(tails[:, 0] == 0)
    assert np.all(tails[:, -1] == 1)
    any_genes = codes(UNIFORM)
    assert np.all(np.abs(any_genes[::2].mean(axis=0) - 0.5) < 4 * 0.5 / np.sqrt(200))
    assert np.any(np.diff(any_genes, axis=1) < 0)


@pytest.mark.parametrize("mate", BLENDS)
def test_blended_genes_are_marked_and_their_pair_keeps_its_mean(mate: str) -> None:
    made = with_genes(4, mate={"operator": mate, "chance": 1.0, **MATE[mate]}, mutate=UNMUTATED)
    rng = np.random.default_rng(1)
    genomes, scores = 0.5 + 0.01 * rng.random((50, 4)), rng.random(50)  # far from the bounds
    born = evolution.breed(made, genomes, scores, 7)
    assert np.all(born.crossover == 2)
    assert not np.array_equal(born.genomes, inherited(genomes, born))
    if mate != "cxSimulatedBinaryBounded":  # whose bounds bend it
        children = born.genomes[::2] + born.genomes[1::2]
        parents = genomes[born.parents[::2]].sum(axis=1)
        assert np.allclose(children, parents, rtol=0, atol=1e-12)


def test_chance_is_the_share_of_pairs_that_mate_and_of_children_that_mutate() -> None:
    n, chance = 4000, 0.3
    made = with_genes(
        3,
        select={"operator": "selRandom"},
        mate={**UNIFORM, "indpb": 1.0, "chance": chance},
        mutate={**GAUSSIAN, "indpb": 1.0, "sigma": 0.01, "chance": chance},
    )
    genomes, scores = numbers(n, 3)
    born = evolution.breed(made, genomes, scores, 8)
    mated = born.crossover[::2].all(axis=1)
    mutated = (born.genomes != inherited(genomes, born)).any(axis=1)
    for share, trials in ((mated.mean(), n / 2), (mutated.mean(), n)):
        assert abs(share - chance) / np.sqrt(chance * (1 - chance) / trials) < 4


def test_without_mating_and_mutation_children_are_clones_of_the_selected() -> None:
    genomes, scores = numbers(51, 4)
    born = evolution.breed(with_genes(4, mate=UNMATED, mutate=UNMUTATED), genomes, scores, 9)
    assert np.array_equal(born.parents[:, 0], born.parents[:, 1])
    assert np.array_equal(born.genomes, genomes[born.parents[:, 0]])
    assert not born.crossover.any()


@pytest.mark.parametrize("n", [1, 2, 3, 8])
@pytest.mark.parametrize("n_loci", [0, 1, 2])
@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize("mutate", MUTATE)
def test_any_size_of_population_and_genome_can_breed(
    n: int, n_loci: int, mate: str, mutate: str
) -> None:
    for select in SELECT:
        made = with_genes(
            n_loci,
            select={"operator": select, **SELECT[select]},
            mate={"operator": mate, "chance": 1.0, **MATE[mate]},
            mutate={"operator": mutate, "chance": 1.0, **MUTATE[mutate]},
        )
        genomes, scores = numbers(n, n_loci)
        born = evolution.breed(made, genomes, scores, 10)
        assert (born.genomes.shape, born.genomes.dtype) == ((n, n_loci), np.float64)
        assert (born.parents.shape, born.parents.dtype) == ((n, 2), np.int32)
        assert (born.crossover.shape, born.crossover.dtype) == ((n, n_loci), np.int8)
        assert np.all((born.parents >= 0) & (born.parents < n))
        assert np.all((born.genomes >= 0) & (born.genomes <= 1))


@pytest.mark.parametrize("mate", ["cxOnePoint", "cxTwoPoint"])
def test_one_locus_has_no_point_to_cross_at_and_stays_whole(mate: str) -> None:
    made = with_genes(1, mate={"operator": mate, "chance": 1.0}, mutate=UNMUTATED)
    genomes, scores = numbers(20, 1)
    born = evolution.breed(made, genomes, scores, 11)
    assert np.array_equal(born.genomes, genomes[born.parents[:, 0]])
    assert not born.crossover.any()


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.1, 0.7), (0.3, 12.9), (3.0, 3.0 + 1e-9)])
@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize("mutate", MUTATE)
def test_genes_stay_within_their_bounds_for_many_generations(
    bounds: tuple[float, float], mate: str, mutate: str
) -> None:
    made = scenario(
        drives={"x": 0.5},
        agent={"temperature": list(bounds)},
        mate={"operator": mate, "chance": 1.0, **MATE[mate]},
        mutate={"operator": mutate, "chance": 1.0, **MUTATE[mutate]},
    )
    low, high = bounds
    genomes = np.array([[low], [high]] * 20)
    for generation in range(20):
        genomes = evolution.breed(made, genomes, np.arange(40.0), generation).genomes
        assert np.all((genomes >= low) & (genomes <= high))
    assert len(np.unique(genomes)) > 1


def test_mutations_are_reflected_at_the_bounds_and_not_piled_up_there() -> None:
    made = with_genes(1, mate=UNMATED, mutate={**GAUSSIAN, "sigma": 10.0, "indpb": 1.0})
    genomes, scores = numbers(4000, 1)
    genes = evolution.breed(made, genomes, scores, 12).genomes[:, 0]
    assert not np.any((genes == 0) | (genes == 1))
    counts = np.histogram(genes, bins=20, range=(0, 1))[0]  # so wide a step ends anywhere
    assert abs(np.sum((counts - 200) ** 2 / 200) - 19) / np.sqrt(2 * 19) < 4


def test_reflection_folds_back_at_both_ends_and_leaves_what_is_within() -> None:
    inside = np.random.default_rng(0).random(100)
    assert np.array_equal(reflect(inside), inside)
    given = np.array([-0.25, 1.25, 2.25, -1.75, 0.0, 1.0, 2.0, -1e-300])
    assert reflect(given).tolist() == [0.25, 0.75, 0.25, 0.25, 0.0, 1.0, 0.0, 0.0]


def test_rounding_leads_no_gene_beyond_its_bounds() -> None:
    low, high = np.sort(np.random.default_rng(3).lognormal(0, 3, (2, 1000)), axis=0)
    assert np.any(low + (high - low) > high)
    genes = Bounds(low, high).reflected(np.ones(1000))
    assert np.all((genes >= low) & (genes <= high))


def test_sigma_is_in_units_of_each_locus() -> None:
    made = scenario(
        drives={"x": [-1, 1]},
        agent={"depth": [0, 40]},
        mate=UNMATED,
        mutate={**GAUSSIAN, "sigma": 0.05, "indpb": 1.0},
    )
    n = 4000
    genomes = np.tile([0.0, 20.0], (n, 1))
    moved = evolution.breed(made, genomes, np.zeros(n), 13).genomes - genomes
    for sd, expected in zip(moved.std(axis=0), (0.05 * 2, 0.05 * 40), strict=True):
        assert abs(sd / expected - 1) * np.sqrt(2 * n) < 4


def test_genes_that_do_not_change_keep_every_bit() -> None:
    made = with_genes(3, bounds=(0.1, 0.7), mutate={**GAUSSIAN, "indpb": 0.0})
    rng = np.random.default_rng(2)
    genomes = rng.uniform(0.1, 0.7, (300, 3))
    bounds = Bounds(np.full(3, 0.1), np.full(3, 0.7))
    assert not np.array_equal(bounds.reflected(bounds.scaled(genomes)), genomes)
    born = evolution.breed(made, genomes, rng.random(300), 14)
    assert np.array_equal(born.genomes, inherited(genomes, born))


# --- randomness -----------------------------------------------------------------------------


def test_breeding_depends_on_its_key_and_nothing_else() -> None:
    made = with_genes(4)
    genomes, scores = numbers(60, 4)
    random.seed(1)
    one = evolution.breed(made, genomes, scores, 15)
    random.seed(2)
    np.random.seed(2)
    again = evolution.breed(made, genomes.copy(), scores.copy(), 15)
    other = evolution.breed(made, genomes, scores, 16)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.genomes, other.genomes)


def test_threads_that_draw_from_the_global_generators_do_not_disturb_breeding() -> None:
    made = with_genes(4)
    genomes, scores = numbers(300, 4)
    quiet = evolution.breed(made, genomes, scores, 15)
    done = threading.Event()

    def draw() -> None:
        while not done.is_set():
            random.random()
            np.random.random()

    drawing = threading.Thread(target=draw)
    drawing.start()
    try:
        for _ in range(20):
            disturbed = evolution.breed(made, genomes, scores, 15)
            assert np.array_equal(disturbed.genomes, quiet.genomes)
    finally:
        done.set()
        drawing.join()


def test_breeding_leaves_its_arguments_alone() -> None:
    genomes, scores = numbers(60, 4)
    before = genomes.copy(), scores.copy()
    evolution.breed(with_genes(4), genomes, scores, 15)
    assert np.array_equal(genomes, before[0])
    assert np.array_equal(scores, before[1])


@pytest.mark.parametrize("score", [1.0, -1.0])
def test_the_global_generators_stand_as_before_also_after_an_error(score: float) -> None:
    made = with_genes(2, select={"operator": "selRoulette"})
    genomes, scores = numbers(10, 2)
    scores[3] = score  # a negative score is refused in the middle of breeding
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), random.gauss(0, 1), np.random.random()
    random.seed(3)
    np.random.seed(3)
    try:
        evolution.breed(made, genomes, scores, 17)
    except EvosimError:
        assert score < 0
    assert (random.random(), random.gauss(0, 1), np.random.random()) == expected


def test_threads_that_breed_at_once_do_not_disturb_each_other() -> None:
    made = with_genes(4)
    genomes, scores = numbers(100, 4)

    def bred(key: int) -> np.ndarray:
        return evolution.breed(made, genomes, scores, key).genomes

    alone = [bred(key) for key in range(40)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(bred, range(40)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# --- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("select", SELECT)
def test_a_score_that_is_not_finite_is_refused_with_its_individual(
    score: float, select: str
) -> None:
    made = with_genes(2, select={"operator": select, **SELECT[select]})
    genomes, scores = numbers(10, 2)
    scores[[7, 9]] = score
    with pytest.raises(EvosimError, match=f"individual 7 has a score of {score}"):
        evolution.breed(made, genomes, scores, 1)
    with pytest.raises(EvosimError, match="individual 7"):
        evolution.expected_shares(made, scores)


@pytest.mark.parametrize("select", ["selRoulette", "selStochasticUniversalSampling"])
def test_proportional_selection_refuses_negative_scores_with_the_individual(select: str) -> None:
    made = with_genes(2, select={"operator": select})
    genomes, scores = numbers(10, 2)
    scores[4] = -0.5
    with pytest.raises(EvosimError, match=r"individual 4 has a score of -0\.5.*selTournament"):
        evolution.breed(made, genomes, scores, 1)
    with pytest.raises(EvosimError, match="individual 4"):
        evolution.expected_shares(made, scores)


@pytest.mark.parametrize("select", ["selRoulette", "selStochasticUniversalSampling"])
def test_proportional_selection_refuses_scores_whose_sum_overflows(select: str) -> None:
    made = with_genes(2, select={"operator": select})
    genomes, _ = numbers(10, 2)
    with pytest.raises(EvosimError, match="sum of the scores is too large"):
        evolution.breed(made, genomes, np.full(10, 1e308), 1)


@pytest.mark.parametrize("gene", [-0.1, 1.1, np.nan])
def test_a_gene_out_of_its_bounds_is_refused_with_individual_and_locus(gene: float) -> None:
    genomes, scores = numbers(10, 2)
    genomes[3, 1] = gene
    with pytest.raises(EvosimError, match=rf"individual 3 has a gene drive\.gene1 = {gene:g}"):
        evolution.breed(with_genes(2), genomes, scores, 1)


@pytest.mark.parametrize(("shape", "n"), [((10, 3), 10), ((10,), 10), ((10, 2), 9)])
def test_arrays_that_do_not_fit_the_scenario_are_refused(shape: tuple[int, ...], n: int) -> None:
    with pytest.raises(ValueError, match=r"expected \(individuals, 2\)"):
        evolution.breed(with_genes(2), np.zeros(shape), np.zeros(n), 1)


def test_an_unknown_operator_is_answered_with_the_known_ones() -> None:
    made: Scenario = with_genes(2, select={**TOURNAMENT, "operator": "selTournement"})
    with pytest.raises(EvosimError, match="did you mean 'selTournament'"):
        evolution.breed(made, *numbers(10, 2), 1)


@pytest.mark.parametrize("n", [1, 2, 7, 64, 400, 20_000])
def test_numbers_drawn_at_once_are_those_of_single_calls(n: int) -> None:
    random.seed(3)
    one_by_one = [random.random() for _ in range(n)]
    places = [random.choice(range(n)) for _ in range(2 * n + 1)]
    after = random.random()
    random.seed(3)
    assert operators.uniforms(n).tolist() == one_by_one
    assert operators.choices(n, 2 * n + 1) == places
    assert operators.uniforms(0).tolist() == operators.choices(n, 0) == []
    assert random.random() == after
