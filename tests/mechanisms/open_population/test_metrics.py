"""Open populations: died out or not, how small, when regrown; and what their pedigree tells."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from evosim.errors import EvosimError
from evosim.mechanisms.open_population.metrics import extinct, regrown, smallest
from evosim.metrics.popgen import effective_size, price
from evosim.scenario import Scenario

FLIP = 6


def sized(*rows: list[int]) -> xr.Dataset:
    return xr.Dataset({"population_size": (("replicate", "generation"), np.array(rows))})


def scenario(phases: tuple[tuple[int, str], ...] = ((6, "home"), (8, "away"))) -> Scenario:
    eaten = {"yields": {"food": 1}}
    return Scenario.model_validate(
        {
            "id": "open",
            "title": "Open",
            "question": "Who is left?",
            "objective": {"intended": "food", "selected": "food"},
            "agent": {"drives": {"sweet": [0, 1], "sour": [0, 1]}, "depth": 0, "patience": 0.9},
            "world": {
                "rows": 2,
                "cols": 2,
                "lifetime": 5,
                "kinds": {"berry": {"glyph": "b", "count": 1, "use": {"eat": eaten}}},
            },
            "environments": {"home": {}, "away": {"slip": 0.5}},
            "evolution": {
                "population": 10,
                "levels": 1,
                "select": {"operator": "selTournament", "tournsize": 2},
                "mate": {"operator": "cxUniform", "indpb": 0.5},
                "mutate": {"operator": "mutGaussian", "mu": 0.0, "sigma": 0.1, "indpb": 0.5},
                "open": {"offspring": 1.0, "capacity": 16},
            },
            "timeline": [{"generations": n, "train": train} for n, train in phases],
        }
    )


BEFORE = [10] * FLIP


def test_sizes_after_a_flip_are_told_by_replicate() -> None:
    of = scenario()
    data = sized(
        [*BEFORE, 10, 8, 3, 6, 8, 9, 10, 10],  # back after 5
        [*BEFORE, 10, 4, 1, 0, 0, 0, 0, 0],  # died out
        [*BEFORE, 10, 9, 9, 10, 9, 10, 9, 9],  # never fell
        [*BEFORE, 10, 5, 5, 5, 5, 5, 5, 5],  # never came back
    )
    assert extinct(data, of).tolist() == [0, 1, 0, 0]
    assert smallest(data, of, FLIP).tolist() == [3, 0, 9, 5]
    assert regrown(data, of, FLIP).tolist() == [5, 8, 0, 8]


def test_who_had_died_out_before_the_flip_has_nothing_to_regrow() -> None:
    data = sized([10, 8, 4, 0, 0, 0, *[0] * 8], [10, 0, 0, 0, 0, 0, *[0] * 8])
    assert np.isnan(regrown(data, scenario(), FLIP)).all()


def test_what_follows_the_next_flip_is_not_counted() -> None:
    of = scenario(((6, "home"), (4, "away"), (4, "home")))
    data = sized([*BEFORE, 10, 5, 5, 5, 2, 10, 10, 10])
    assert smallest(data, of, FLIP).tolist() == [5]
    assert regrown(data, of, FLIP).tolist() == [4]


def test_a_phase_without_a_flip_is_measured_to_the_end() -> None:
    of = scenario(((6, "home"), (8, "home")))
    assert smallest(sized([*BEFORE, 10, 5, 5, 5, 2, 10, 10, 10]), of, FLIP).tolist() == [2]


def test_populations_of_fixed_size_have_no_such_measures() -> None:
    with pytest.raises(EvosimError, match=r"need \[evolution.open\]"):
        extinct(xr.Dataset(), scenario())


def pedigree() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Genome, score, parents and crossover of a population of 2, then 3, then none."""
    genome = np.full((3, 4, 2), np.nan)
    genome[0, :2] = [[0.2, 0.4], [0.6, 0.8]]
    genome[1, :3] = [[0.2, 0.8], [0.6, 0.4], [0.7, 0.8]]
    score = np.full((3, 4), np.nan)
    score[0, :2], score[1, :3] = [1.0, 3.0], 0.0
    parents = np.full((3, 4, 2), -1, np.int32)
    parents[1, :3] = [[0, 1], [1, 0], [1, 1]]
    crossover = np.zeros((3, 4, 2), np.int8)
    crossover[1, :2, 1] = 1
    return genome, score, parents, crossover


def test_the_price_equation_holds_for_generations_of_different_sizes() -> None:
    parts = price.price_series(scenario(), *pedigree())
    np.testing.assert_allclose(parts.change[0], [0.5 - 0.4, 2 / 3 - 0.6])
    np.testing.assert_allclose(
        parts.selection[0] + parts.drift[0] + parts.transmission[0], parts.change[0]
    )
    np.testing.assert_allclose(parts.selection[0], [0.1, 0.1])  # shares 1/4 and 3/4
    np.testing.assert_allclose(parts.transmission[0], [0.1 / 3, 0.0], atol=1e-15)
    assert np.isnan(np.array(parts)[:, 1]).all()


def test_those_who_are_absent_share_no_parents() -> None:
    _, _, parents, _ = pedigree()
    chances = effective_size.coalescence_probability(parents)
    np.testing.assert_allclose(chances, [np.nan, 2 / 6, np.nan])


def test_neutral_genes_go_down_the_pedigree_until_it_ends() -> None:
    genes = price.neutral_genes(scenario(), pedigree()[2], 1, n=50)
    drives = price.neutral_drives(scenario(), pedigree()[2], 1)
    assert set(genes) == {"drive.sweet", "drive.sour"}
    for course in (*genes.values(), *drives.values()):
        assert np.isfinite(course[:2]).all()
        assert np.isnan(course[2]).all()


def sampling() -> Scenario:
    plain = scenario().to_dict()
    plain["evolution"] |= {"optimizer": {"name": "cma"}}
    del plain["evolution"]["open"]
    return Scenario.model_validate(plain)


def test_without_parents_only_the_change_is_known_and_there_is_no_neutral_band() -> None:
    rng = np.random.default_rng(0)
    genome, score = rng.random((3, 4, 2)), rng.random((3, 4))
    parents, crossover = np.full((3, 4, 2), -1, np.int32), np.zeros((3, 4, 2), np.int8)
    parts = price.price_series(sampling(), genome, score, parents, crossover)
    np.testing.assert_allclose(parts.change, np.diff(genome.mean(axis=1), axis=0))
    assert np.isnan(np.array(parts)[1:]).all()
    assert np.isnan(effective_size.inbreeding_size(parents)).all()
    with pytest.raises(EvosimError, match="cma samples its genomes"):
        price.neutral_genes(sampling(), parents, 1)
