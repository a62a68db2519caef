"""Selection differentials, gradients, responses and heritability."""

from __future__ import annotations

import numpy as np
import pytest
from breeding import UNIFORM, UNMATED, UNMUTATED, evolve, with_genes

from evosim import evolution
from evosim.metrics.popgen import heritability, price


def test_a_differential_is_the_mean_of_parents_less_that_of_all() -> None:
    traits = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 6.0]])
    shares = np.array([0.0, 0.5, 0.5])
    assert np.allclose(heritability.differential(traits, shares), [0.5, 1.0])
    assert heritability.differential(traits, np.full(3, 1 / 3)).tolist() == pytest.approx([0, 0])


def test_half_of_a_child_is_of_each_parent() -> None:
    shares = heritability.parent_shares(np.array([[0, 2], [2, 0], [2, 2], [2, 2]]), 4)
    assert shares.tolist() == [0.25, 0.0, 0.75, 0.0]


def test_what_selection_does_to_a_gene_is_its_differential() -> None:
    """Price 1970: selection is the expected differential, with drift it is the realised one."""
    made = with_genes(3, mate=UNIFORM)
    rng = np.random.default_rng(1)
    course = evolve(made, rng.random((31, 3)), lambda genes, _: genes[:, 0], generations=8, seed=1)
    series = price.price_series(made, *course)
    steps = list(price.steps(made, *course))
    found = heritability.responses(steps, lambda genes, _: genes, 3)
    assert np.allclose(found.expected, series.selection, rtol=0, atol=1e-12)
    assert np.allclose(found.realised, series.selection + series.drift, rtol=0, atol=1e-12)
    assert np.allclose(found.change, series.change, rtol=0, atol=1e-12)


def test_a_gradient_tells_selection_apart_from_what_goes_along() -> None:
    """Lande & Arnold 1983: a gene that is only correlated with a selected one has no gradient."""
    rng = np.random.default_rng(2)
    selected = rng.normal(size=4000)
    along = 0.8 * selected + 0.6 * rng.normal(size=4000)
    genes = np.stack([selected, along, 5 * rng.normal(size=4000)], axis=1)
    shares = 1 + 0.2 * (selected - selected.mean()) / selected.std()
    shares /= shares.sum()
    beta = heritability.gradient(genes, shares)
    assert np.allclose(beta, [0.2, 0.0, 0.0], rtol=0, atol=1e-10)
    assert abs(heritability.differential(genes, shares)[1]) > 0.1


def test_gradients_do_not_depend_on_the_unit_of_a_gene() -> None:
    rng = np.random.default_rng(3)
    genes, shares = rng.random((50, 3)), rng.dirichlet(np.ones(50))
    beta = heritability.gradient(genes, shares)
    assert np.allclose(heritability.gradient(7 * genes - 3, shares), beta)
    direct = np.linalg.solve(np.cov(genes.T, ddof=0), heritability.differential(genes, shares))
    assert np.allclose(beta, direct * genes.std(axis=0))


def test_gradients_are_undefined_where_genes_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.random((2, 20))
    shares = rng.dirichlet(np.ones(20))
    fixed = heritability.gradient(np.stack([one, two, np.full(20, 0.3)], axis=1), shares)
    assert np.isnan(fixed).tolist() == [False, False, True]
    assert np.isnan(heritability.gradient(np.stack([one, 2 * one + 1], axis=1), shares)).all()
    assert np.isnan(heritability.gradient(rng.random((3, 3)), np.full(3, 1 / 3))).all()
    assert np.isnan(heritability.gradient(np.ones((5, 2)), np.full(5, 0.2))).all()


def test_offspring_like_their_mid_parent_have_a_heritability_of_1() -> None:
    before = np.array([[0.0], [1.0], [4.0]])
    parents = np.array([[0, 1], [1, 2], [2, 2], [0, 0]])
    middle = before[parents].mean(axis=1)
    for slope in (1.0, 0.25, -0.5):
        products, squares = heritability.offspring_on_parents(before, slope * middle + 3, parents)
        pooled = heritability.heritability(products[None], squares[None])
        assert pooled == pytest.approx([slope])


def test_heritability_pools_steps_about_their_own_means() -> None:
    """A change of the world between generations moves all alike, and is not inherited."""
    products, squares = np.array([[2.0], [0.0], [np.nan]]), np.array([[4.0], [4.0], [np.nan]])
    assert heritability.heritability(products, squares).tolist() == [0.25]
    assert np.isnan(heritability.heritability(np.zeros((2, 1)), np.zeros((2, 1)))).all()


def test_without_mutation_a_mixed_gene_is_inherited_whole() -> None:
    made = with_genes(2, mate=UNMATED, mutate=UNMUTATED)
    rng = np.random.default_rng(5)
    course = evolve(made, rng.random((40, 2)), lambda genes, _: genes[:, 1], generations=6, seed=5)
    found = heritability.responses(price.steps(made, *course), lambda genes, _: genes, 2)
    assert np.allclose(heritability.heritability(found.products, found.squares), 1.0)
    assert np.allclose(found.change.sum(axis=0), found.realised.sum(axis=0))


def test_a_frozen_generation_inherits_nothing_and_selects_nobody() -> None:
    phases = [
        {"generations": 2, "train": "wild"},
        {"generations": 4, "train": "wild", "select": False},
    ]
    made = with_genes(2, timeline=phases)
    rng = np.random.default_rng(6)
    course = evolve(made, rng.random((30, 2)), lambda g, _: g[:, 0], generations=6, seed=6)
    found = heritability.responses(price.steps(made, *course), lambda genes, _: genes, 2)
    assert np.all(found.squares[2:] == 0)
    assert np.all(found.squares[:2] > 0)
    assert np.allclose(found.expected[2:], 0, rtol=0, atol=1e-15)
    beta = heritability.gradients(price.steps(made, *course), 2)
    assert np.isnan(beta[2:]).all()
    assert np.isfinite(beta[:2]).all()


def test_steps_of_a_fork_look_at_the_phases_of_their_own_generations() -> None:
    phases = [
        {"generations": 3, "train": "wild", "select": False},
        {"generations": 5, "train": "wild"},
    ]
    made = with_genes(2, timeline=phases)
    rng = np.random.default_rng(7)
    course = evolve(made, rng.random((20, 2)), lambda g, _: g[:, 0], generations=8, seed=7)
    late = tuple(column[2:] for column in course)
    assert [s.bred for s in price.steps(made, *late, first=2) if s] == [False] + [True] * 4
    whole = price.price_series(made, *course)
    cut = price.price_series(made, *late, first=2)
    assert np.array_equal(np.array(cut), np.array(whole)[:, 2:])


def test_the_identity_is_asserted_and_its_breach_is_a_defect() -> None:
    made = with_genes(2)
    rng = np.random.default_rng(8)
    course = evolve(made, rng.random((20, 2)), lambda g, _: g[:, 0], generations=5, seed=8)
    parts = price.price_series(made, *course)
    assert heritability.check_identity(parts, np.ones(2)) < 1e-14
    off = parts._replace(drift=parts.drift + np.array([0.0, 2e-9]))
    with pytest.raises(ArithmeticError, match="defect of evosim"):
        heritability.check_identity(off, np.ones(2))
    assert heritability.check_identity(off, np.full(2, 10.0)) < 1e-9
    nothing = price.Price(*np.full((4, 3, 2), np.nan))
    assert heritability.check_identity(nothing, np.ones(2)) == 0.0
    torn = parts._replace(transmission=np.full_like(parts.drift, np.nan))
    with pytest.raises(ArithmeticError):
        heritability.check_identity(torn, np.ones(2))


def test_generations_that_died_out_have_no_response() -> None:
    found = heritability.responses([None, None], lambda genes, _: genes, 3)
    assert found.expected.shape == (2, 3)
    assert np.isnan(np.array(found)).all()
    assert heritability.responses([], lambda genes, _: genes, 3).change.shape == (0, 3)


def test_a_gene_that_all_have_alike_has_not_moved() -> None:
    made = with_genes(2, mutate=UNMUTATED)
    genes = np.stack([np.full(10, 0.1), np.linspace(0, 1, 10)], axis=1)
    born = evolution.breed(made, genes, genes[:, 1], 1)
    steps = price.steps(
        made,
        np.stack([genes, born.genomes]),
        np.stack([genes[:, 1]] * 2),
        np.stack([born.parents] * 2),
        np.stack([born.crossover] * 2),
    )
    (step,) = steps
    assert step is not None
    moved = heritability.standardized_change(step)
    assert np.isnan(moved[0])
    change = born.genomes[:, 1].mean() - genes[:, 1].mean()
    assert moved[1] == pytest.approx(change**2 / genes[:, 1].var())
