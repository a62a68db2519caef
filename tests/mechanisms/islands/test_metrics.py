"""How far demes have come apart; heredity where individuals migrate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from breeding import UNMUTATED, evolve, sources, with_genes

from evosim.mechanisms.islands.metrics import differentiation
from evosim.metrics.popgen import price

DEMES = np.repeat(np.arange(4), 10)
BLEND = {"operator": "cxBlend", "alpha": 0.5, "chance": 1.0}


def divided(demes: int, size: int, n_loci: int = 2, **parts: Any) -> Any:
    written = {
        "demes": demes,
        "every": 2,
        "migrants": 2,
        "select": {"operator": "selBest"},
        "replace": {"operator": "selRandom"},
    }
    return with_genes(n_loci, population=demes * size, islands=written, **parts)


def test_parts_of_one_population_are_not_differentiated() -> None:
    values = np.random.default_rng(1).normal(size=(2000, 40, 2))
    shares = differentiation(values, DEMES)
    assert shares.shape == (2000,)
    assert abs(shares.mean()) < 4 * shares.std() / np.sqrt(2000)


def test_demes_of_clones_are_wholly_differentiated() -> None:
    values = np.repeat(np.random.default_rng(2).normal(size=(4, 3)), 10, axis=0)
    assert differentiation(values, DEMES) == pytest.approx(1.0)


def test_the_share_is_that_of_the_variance_that_was_put_between() -> None:
    rng = np.random.default_rng(3)
    demes = np.repeat(np.arange(200), 50)
    values = rng.normal(size=(10_000, 4)) + np.repeat(rng.normal(size=(200, 4)), 50, axis=0)
    assert differentiation(values, demes) == pytest.approx(0.5, abs=0.03)


def test_where_all_are_alike_or_alone_there_is_no_share() -> None:
    assert np.isnan(differentiation(np.ones((40, 2)), DEMES))
    assert np.isnan(differentiation(np.random.default_rng(4).random((4, 2)), np.arange(4)))


@pytest.mark.parametrize("size", [10, 7])
def test_the_price_equation_adds_up_where_individuals_migrate(size: int) -> None:
    made = divided(3, size)
    genomes = np.random.default_rng(5).random((3 * size, 2))
    course = evolve(made, genomes, lambda genes, _: genes[:, 0], generations=12, seed=5)
    parts = price.price_series(made, *course, sources(made, course, 5))
    gap = parts.change - (parts.selection + parts.drift + parts.transmission)
    assert np.max(np.abs(gap)) < 1e-12
    assert (parts.selection[:, 0] > 0).all()


def test_without_the_sources_the_price_equation_is_refused() -> None:
    made = divided(2, 4)
    course = evolve(made, np.full((8, 2), 0.5), lambda g, _: np.zeros(8), generations=2, seed=1)
    with pytest.raises(ValueError, match="recorded source"):
        price.price_series(made, *course)


def test_neutral_genes_blend_with_the_other_one_of_their_pair() -> None:
    """In demes of 7, rows 6 and 7 are of two demes: no blending keeps a gene as it is."""
    made = divided(3, 7, n_loci=1, mate=BLEND, mutate=UNMUTATED)
    course = evolve(
        made, np.random.default_rng(6).random((21, 1)), lambda g, _: g[:, 0], generations=2, seed=6
    )
    own = course.parents[1]
    genes = np.random.default_rng(7).random((21, 400)).astype(np.float32)
    children = price._cross(made, genes, own, np.random.default_rng(8))
    first, second = genes[own[:, 0]], genes[own[:, 1]]
    pair = np.arange(21)
    for deme in range(3):
        start = 7 * deme
        pair[start : start + 6] = np.arange(start, start + 6).reshape(3, 2)[:, ::-1].ravel()
    # Both children of a blend have the sum of both parents, where nothing was reflected.
    within = ((children > 0) & (children < 1)).all(axis=1)
    total = children + children[pair]
    expected = np.where((pair == np.arange(21))[:, None], 2 * first, first + second)
    close = np.isclose(total, expected, atol=1e-5).mean(axis=1)
    assert within.any()
    assert (close > 0.5).all()
    alone = pair == np.arange(21)
    np.testing.assert_array_equal(children[alone], first[alone])
