"""The genome and what it expresses (model 2)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from breeding import document, scenario

import evosim
from evosim import mind, rng
from evosim.errors import EvosimError
from evosim.scenario import Scenario

AGENT: dict[str, Any] = {
    "depth": [0, 20],
    "patience": 0.9,
    "temperature": {"range": [0, 2], "start": [0.5, 1]},
}


@pytest.fixture
def sensing() -> Scenario:
    """Two drives, novelty, depth, temperature, and senses of two hidden variables of three."""
    made = document(
        drives={"sweet": [-1, 1], "novelty": [-1, 1], "sour": 0.25},
        agent={**AGENT, "senses": {"b": 1}},
    )
    hidden = {"values": 2, "start": 0, "hidden": True, "assume": 0}
    made["world"]["variables"] = {"a": hidden, "open": {"values": 2, "start": 0}, "b": hidden}
    return Scenario.model_validate(made)


def test_the_genome_holds_evolving_loci_only_drives_first_and_senses_last(
    sensing: Scenario,
) -> None:
    names = [locus.name for locus in mind.loci(sensing)]
    assert names == ["drive.sweet", "drive.novelty", "depth", "temperature", "sense.a"]


def test_a_locus_has_the_bounds_and_the_start_that_the_scenario_gives(sensing: Scenario) -> None:
    locus = {locus.name: locus for locus in mind.loci(sensing)}
    assert (locus["depth"].low, locus["depth"].high) == (0.0, 20.0)
    assert (locus["depth"].start_low, locus["depth"].start_high) == (0.0, 0.0)
    assert (locus["temperature"].start_low, locus["temperature"].start_high) == (0.5, 1.0)
    assert (locus["sense.a"].low, locus["sense.a"].high) == (0.0, 1.0)


def test_the_first_generation_starts_where_its_loci_start(sensing: Scenario) -> None:
    genomes = mind.initial(sensing, 500, 1)
    for column, locus in zip(genomes.T, mind.loci(sensing), strict=True):
        assert np.all((column >= locus.start_low) & (column <= locus.start_high)), locus.name
    assert np.all(genomes[:, 2] == 0.0)
    assert len(np.unique(genomes[:, 0])) == 500


def test_a_larger_population_begins_with_the_smaller(sensing: Scenario) -> None:
    assert np.array_equal(mind.initial(sensing, 70, 9)[:20], mind.initial(sensing, 20, 9))
    assert not np.array_equal(mind.initial(sensing, 20, 9), mind.initial(sensing, 20, 10))


def test_initial_genes_are_the_draws_of_the_counter_based_generator(sensing: Scenario) -> None:
    key = rng.key(2**64 - 1, rng.Purpose.INITIAL)
    genomes = mind.initial(sensing, 3, key)
    for i in range(3):
        individual = rng.draw(key, i)
        u = [rng.uniform(rng.draw(individual, locus)) for locus in range(5)]
        assert genomes[i].tolist() == [-1 + 2 * u[0], -1 + 2 * u[1], 0, 0.5 + 0.5 * u[3], u[4]]


def test_initial_genes_are_uniform_and_independent_of_each_other(sensing: Scenario) -> None:
    n = 20_000
    x, y = mind.initial(sensing, n, 3)[:, :2].T
    for gene in (x, y):
        counts = np.histogram(gene, bins=20, range=(-1, 1))[0]
        chi2 = np.sum((counts - n / 20) ** 2 / (n / 20))
        assert abs(chi2 - 19) / np.sqrt(2 * 19) < 4
    assert abs(np.corrcoef(x, y)[0, 1]) * np.sqrt(n) < 4
    assert abs(np.corrcoef(x[1:], x[:-1])[0, 1]) * np.sqrt(n) < 4


def test_drives_are_scaled_to_unit_length_with_novelty_and_pinned_ones_among_them(
    sensing: Scenario,
) -> None:
    minds = mind.express(sensing, [[0.5, -1.0, 3.0, 0.0, 0.0]])
    length = np.sqrt(0.5**2 + 1.0**2 + 0.25**2)
    # stimuli sweet and sour, then the payoff food
    assert minds.weights.dtype == np.float32
    assert minds.weights[0].tolist() == [np.float32(0.5 / length), np.float32(0.25 / length), 0.0]
    assert minds.arrival[0] == np.float32(-1.0 / length)


def test_reliance_is_the_last_locus_where_there_is_a_tool(sensing: Scenario) -> None:
    made = sensing.to_dict()
    made["agent"]["tool"] = {"depth": 9, "reliance": [0.25, 1]}
    made["world"]["kinds"][next(iter(made["world"]["kinds"]))]["looks"] = {"red": 1.0}
    relying = Scenario.model_validate(made)
    assert [locus.name for locus in mind.loci(relying)][-2:] == ["sense.a", "reliance"]
    genomes = [[0.5, -1.0, 3.0, 0.0, 0.0, 0.75]]
    minds = mind.express(relying, genomes)
    assert (minds.share.tolist(), minds.second_depth.tolist()) == ([0.75], [9])
    assert minds.weights.shape == minds.second_weights.shape == (1, 4)
    assert not minds.second_weights.any()  # it has yet to be built
    assert mind.phenotype(relying, genomes)["reliance"].tolist() == [0.75]
    assert "reliance" not in mind.phenotype(sensing, np.zeros((1, 5)))
    assert mind.express(sensing, np.zeros((1, 5))).share.tolist() == [0.0]


def test_drives_that_are_all_zero_stay_zero() -> None:
    made = scenario(drives=["sweet", "sour"])
    assert mind.express(made, np.zeros((2, 2))).weights.tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e-10, 1.0])
def test_the_length_of_drives_does_not_matter_however_small(size: float) -> None:
    made = scenario(drives=["sweet", "sour"])
    weights = mind.express(made, [[size, -size]]).weights[0, :2]
    assert weights.tolist() == [np.float32(np.sqrt(0.5)), -np.float32(np.sqrt(0.5))]


def test_a_mind_without_drives_is_a_mind_that_wants_nothing() -> None:
    minds = mind.express(scenario(drives={}), np.zeros((3, 0)))
    assert minds.weights.tolist() == [[0.0]] * 3
    assert minds.arrival.tolist() == [0.0] * 3
    assert minds.depth.tolist() == [2] * 3


def test_depth_is_rounded_down(sensing: Scenario) -> None:
    genomes = np.zeros((4, 5))
    genomes[:, 2] = [0.0, 0.999, 19.99, 20.0]
    minds = mind.express(sensing, genomes)
    assert minds.depth.dtype == np.int32
    assert minds.depth.tolist() == [0, 0, 19, 20]


def test_a_sense_is_present_above_one_half_and_bits_follow_the_hidden_variables(
    sensing: Scenario,
) -> None:
    genomes = np.zeros((3, 5))
    genomes[:, 4] = [0.5, np.nextafter(0.5, 1), 1.0]
    minds = mind.express(sensing, genomes)
    assert minds.senses.dtype == np.int64
    assert minds.senses.tolist() == [0b10, 0b11, 0b11]  # the sense of b is pinned to 1


def test_the_phenotype_names_every_locus_pinned_ones_included(sensing: Scenario) -> None:
    genomes = mind.initial(sensing, 8, 5)
    genomes[:, 2] = 7.9
    seen = mind.phenotype(sensing, genomes)
    assert list(seen) == [
        "drive.sweet", "drive.novelty", "drive.sour",
        "depth", "patience", "temperature", "sense.a", "sense.b",
    ]  # fmt: skip
    drives = np.stack([seen[name] for name in list(seen)[:3]])
    assert np.allclose((drives**2).sum(axis=0), 1.0, rtol=0, atol=1e-15)
    assert seen["depth"].tolist() == [7] * 8
    assert seen["patience"].tolist() == [0.9] * 8
    assert np.array_equal(seen["temperature"], genomes[:, 3])
    assert np.array_equal(seen["sense.a"], genomes[:, 4] > 0.5)
    assert seen["sense.b"].dtype == np.bool_
    assert seen["sense.b"].all()


def test_phenotype_and_expressed_mind_agree(sensing: Scenario) -> None:
    genomes = mind.initial(sensing, 50, 6)
    minds, seen = mind.express(sensing, genomes), mind.phenotype(sensing, genomes)
    assert np.array_equal(minds.weights[:, 0], seen["drive.sweet"].astype(np.float32))
    assert np.array_equal(minds.arrival, seen["drive.novelty"].astype(np.float32))
    assert np.array_equal(minds.depth, seen["depth"])
    assert np.array_equal(minds.senses & 1 == 1, seen["sense.a"])
    assert np.array_equal(minds.temperature, seen["temperature"].astype(np.float32))


@pytest.mark.parametrize("shape", [(5,), (2, 4), (2, 6)])
def test_genomes_of_the_wrong_shape_are_refused(sensing: Scenario, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(individuals, 5\)"):
        mind.express(sensing, np.zeros(shape))


def test_depth_and_senses_cost_what_the_scenario_says() -> None:
    read = evosim.check("kin_sense").replace("agent.thinking_cost", 0.5)
    minds = mind.express(read, np.array([[1.0, 0.0, 0.2], [1.0, 0.0, 0.8]]))
    assert mind.cost(read, minds).tolist() == [1.5, 9.5]  # 3 steps deep; the sense costs 8


def test_a_sense_that_there_is_not_has_no_cost_and_one_that_all_have_is_noted() -> None:
    read = evosim.check("kin_sense")
    with pytest.raises(EvosimError, match=r"looks is not hidden: unknown hidden variable"):
        read.replace("agent.sense_cost.looks", 1.0)
    noted = read.replace("agent.senses.fooled", 1).notes
    assert "agent.sense_cost.fooled" in [note.key for note in noted]
