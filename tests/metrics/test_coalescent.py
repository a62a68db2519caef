"""Lineages, founders and common ancestors, by hand and against slow readable twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from breeding import UNIFORM, UNMATED, UNMUTATED, evolve, with_genes

from evosim.metrics.popgen import coalescent, effective_size
from evosim.metrics.popgen.pedigree import Pedigree

BLEND = {"operator": "cxBlend", "alpha": 0.3, "chance": 0.7}


def bred(n: int = 12, n_loci: int = 3, generations: int = 15, seed: int = 1, **parts: Any) -> Any:
    """A pedigree bred by tournaments on scores that no gene has to do with."""
    made = with_genes(n_loci, mutate=UNMUTATED, **{"mate": UNIFORM, **parts})
    rng = np.random.default_rng(seed)
    course = evolve(
        made,
        rng.random((n, n_loci)),
        lambda genes, _: rng.random(len(genes)),
        generations=generations,
        seed=seed,
    )
    return Pedigree.of(course.genome, course.parents, course.crossover), course


def by_hand() -> Pedigree:
    """Four founders, two loci, two generations of children.

    Generation 1: 0 and 1 swap the second gene of founders 0 and 1; 2 and 3 are clones of 2.
    Generation 2: all genes of the first locus come from 0 of generation 1, of the second from 2,
    but for individual 3, who is a clone of 1.
    """
    parents = np.full((3, 4, 2), -1)
    parents[1] = [[0, 1], [1, 0], [2, 2], [2, 2]]
    parents[2] = [[0, 2], [0, 2], [0, 2], [1, 1]]
    crossover = np.zeros((3, 4, 2), np.int8)
    crossover[1, :2, 1] = 1
    crossover[2, :3, 1] = 1
    return Pedigree(parents, crossover, np.array([4, 4, 4]))


def test_lineages_traced_by_hand() -> None:
    counts = coalescent.lineages(by_hand())
    assert counts.tolist() == [[4, 4], [2, 2], [2, 2]]
    assert np.isnan(coalescent.coalescence_time(counts)).all()
    assert coalescent.lineages(by_hand(), 1).tolist() == [[4, 4], [3, 3]]


def test_founders_shares_by_hand() -> None:
    shares = coalescent.founder_shares(by_hand())
    assert shares[0].tolist() == [0.25] * 4
    assert shares[1].tolist() == [0.25, 0.25, 0.5, 0.0]
    # generation 2: first locus 0 0 0 1; second 2 2 2 and, of founder 0, that of individual 1
    assert shares[2].tolist() == [4 / 8, 1 / 8, 3 / 8, 0.0]
    assert coalescent.surviving_founders(shares).tolist() == [4, 3, 3]
    assert coalescent.effective_founders(shares)[2] == 64 / (16 + 1 + 9)


def test_chances_of_identity_by_hand() -> None:
    pedigree = by_hand()
    assert coalescent.identity_by_descent(pedigree, 0, 2).tolist() == [0.5, 0.5]
    assert coalescent.identity_by_descent(pedigree, 0, 1).tolist() == [1 / 6, 1 / 6]
    assert coalescent.identity_by_descent(pedigree, 1, 1).tolist() == [0.0, 0.0]


def test_an_ancestor_of_everybody_by_hand() -> None:
    pedigree = by_hand()
    # 0 of generation 1 has no child in individual 3; founders 0 and 1 reach all four
    assert coalescent.common_ancestor(pedigree) == 2.0
    assert np.isnan(coalescent.common_ancestor(pedigree, 1))
    assert coalescent.common_ancestor(Pedigree(np.full((1, 1, 2), -1), np.zeros((1, 1, 1)),
                                              np.array([1]))) == 0.0  # fmt: skip


@pytest.mark.parametrize("at", [None, 9])
def test_lineages_are_the_distinct_genes_that_a_walk_back_meets(at: int | None) -> None:
    pedigree, _ = bred()
    counts = coalescent.lineages(pedigree, at)
    last = 14 if at is None else at
    for locus in range(3):
        genes = set(range(12))
        for back in range(last + 1):
            assert counts[back, locus] == len(genes)
            g = last - back
            genes = {pedigree.parents[g, i, int(pedigree.crossover[g, i, locus])] for i in genes}


def test_without_mutation_a_gene_tells_its_founder() -> None:
    pedigree, course = bred()
    founders = course.genome[0]
    shares = coalescent.founder_shares(pedigree)
    for g in range(15):
        same = course.genome[g][:, None, :] == founders[None, :, :]
        assert np.allclose(shares[g], same.mean(axis=(0, 2)), rtol=0, atol=1e-15)
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert np.all(np.diff(coalescent.surviving_founders(shares)) <= 0)
    values = [len(np.unique(course.genome[-1][:, k])) for k in range(3)]
    assert coalescent.lineages(pedigree)[-1].tolist() == values


@pytest.mark.parametrize("mate", [BLEND, {**BLEND, "chance": 1.0}])
def test_blended_genes_descend_half_from_each_parent(mate: dict[str, Any]) -> None:
    """Against shares of every gene sent forward, founder by founder."""
    pedigree, _ = bred(mate=mate)
    expected = np.repeat(np.eye(12)[:, None, :], 3, axis=1)  # [N, loci, founders]
    shares = coalescent.founder_shares(pedigree)
    for g in range(1, 15):
        one, two = (expected[pedigree.parents[g, :, k]] for k in (0, 1))
        half = (pedigree.crossover[g] == 2)[..., None]
        expected = np.where(half, (one + two) / 2, one)
        assert np.allclose(shares[g], expected.mean(axis=(0, 1)), rtol=0, atol=1e-14)


def test_loci_that_were_crossed_differently_have_shares_of_their_own() -> None:
    crossover = np.zeros((2, 2, 3), np.int8)
    crossover[1] = [[2, 0, 1], [2, 0, 1]]
    parents = np.array([[[-1, -1]] * 2, [[0, 1], [0, 1]]])
    shares = coalescent.founder_shares(Pedigree(parents, crossover, np.array([2, 2])))
    assert np.allclose(shares[1], [(0.5 + 1 + 0) / 3, (0.5 + 0 + 1) / 3])


def test_blended_genes_form_no_tree() -> None:
    pedigree, _ = bred(mate={**BLEND, "chance": 1.0})
    counts = coalescent.lineages(pedigree)
    assert np.all(counts[0] == 12)
    assert np.isnan(counts[1:]).all()
    assert np.isnan(coalescent.coalescence_time(counts)).all()
    assert np.isnan(coalescent.identity_by_descent(pedigree, 0, 14)).all()
    assert np.isnan(effective_size.identity_size(np.zeros(0), 5))


def test_an_ancestor_of_everybody_is_the_latest_whose_descendants_are_all() -> None:
    for seed in range(5):
        pedigree, _ = bred(n=15, generations=12, seed=seed)
        back = coalescent.common_ancestor(pedigree)
        found = None
        for t in range(12):
            for one in range(15):
                heirs = {one}
                for g in range(12 - t, 12):
                    heirs = {i for i in range(15) if heirs & set(pedigree.parents[g, i].tolist())}
                if len(heirs) == 15:
                    found = t
                    break
            if found is not None:
                break
        assert back == found


def test_all_that_descend_from_one_founder_have_one_founder_left() -> None:
    parents = np.zeros((4, 6, 2), np.int64)
    pedigree = Pedigree(parents, np.zeros((4, 6, 2), np.int8), np.full(4, 6))
    shares = coalescent.founder_shares(pedigree)
    assert shares[1:].tolist() == [[1, 0, 0, 0, 0, 0]] * 3
    assert np.allclose(coalescent.effective_founders(shares), [6, 1, 1, 1])
    assert coalescent.coalescence_time(coalescent.lineages(pedigree)).tolist() == [1, 1]
    assert coalescent.common_ancestor(pedigree) == 1.0
    assert coalescent.identity_by_descent(pedigree, 0, 3).tolist() == [1.0, 1.0]
    assert np.isnan(effective_size.identity_size(np.ones(2), 3))


def test_nothing_coalesces_in_a_frozen_phase() -> None:
    itself = np.repeat(np.arange(5)[:, None], 2, axis=1)
    pedigree = Pedigree(np.stack([itself] * 4), np.zeros((4, 5, 1), np.int8), np.full(4, 5))
    assert coalescent.lineages(pedigree).tolist() == [[5]] * 4
    assert np.all(coalescent.founder_shares(pedigree) == 0.2)
    assert np.isnan(coalescent.common_ancestor(pedigree))
    assert effective_size.variance_size(itself, 5) == np.inf
    assert effective_size.identity_size(coalescent.identity_by_descent(pedigree, 0, 3), 3) == np.inf


def test_nobody_is_left_of_the_founders_of_a_population_that_died_out() -> None:
    parents = np.full((4, 3, 2), -1)
    parents[1, :2] = [[0, 0], [2, 2]]
    pedigree = Pedigree(parents, np.zeros((4, 3, 2), np.int8), np.array([3, 2, 0, 0]))
    shares = coalescent.founder_shares(pedigree)
    assert shares[1].tolist() == [0.5, 0.0, 0.5]
    assert np.isnan(shares[2:]).all()
    assert np.array_equal(
        coalescent.surviving_founders(shares), [3, 2, np.nan, np.nan], equal_nan=True
    )
    assert np.isnan(coalescent.effective_founders(shares)[2:]).all()
    assert coalescent.lineages(pedigree).tolist() == [[0, 0]] * 4
    assert np.isnan(coalescent.coalescence_time(coalescent.lineages(pedigree))).all()
    assert np.isnan(coalescent.common_ancestor(pedigree))
    assert coalescent.lineages(pedigree, 1).tolist() == [[2, 2], [2, 2]]


def test_populations_of_different_sizes_are_traced_without_their_padding() -> None:
    parents = np.full((3, 4, 2), -1)
    parents[1, :3] = [[0, 1], [1, 0], [1, 1]]
    parents[2] = [[0, 0], [1, 1], [2, 2], [2, 2]]
    crossover = np.zeros((3, 4, 1), np.int8)
    crossover[1, :2] = 1
    pedigree = Pedigree(parents, crossover, np.array([2, 3, 4]))
    assert coalescent.lineages(pedigree).ravel().tolist() == [4, 3, 2]
    assert coalescent.founder_shares(pedigree)[2].tolist() == [0.25, 0.75]
    assert coalescent.common_ancestor(pedigree) == 2.0


def test_clones_share_their_founder_at_every_locus() -> None:
    pedigree, _ = bred(mate=UNMATED, generations=40)
    counts = coalescent.lineages(pedigree)
    assert np.all(counts == counts[:, :1])
    assert coalescent.common_ancestor(pedigree) == coalescent.coalescence_time(counts)[0]


def test_at_constant_size_both_effective_sizes_of_a_generation_are_the_same() -> None:
    pedigree, course = bred(n=40)
    for g in range(1, 15):
        by_variance = effective_size.variance_size(pedigree.parents[g], 40)
        assert np.isclose(by_variance, effective_size.inbreeding_size(course.parents[g]))


def test_where_a_population_grows_variance_looks_at_children_and_pairs_at_parents() -> None:
    """Crow & Denniston 1988: with Poisson offspring the former is about M, the latter N."""
    rng = np.random.default_rng(1)
    parents = np.repeat(rng.integers(0, 300, 900)[:, None], 2, axis=1)
    assert abs(effective_size.variance_size(parents, 300) / 900 - 1) < 0.2
    assert abs(effective_size.inbreeding_size(parents) / 300 - 1) < 0.2
    assert np.isnan(effective_size.variance_size(parents[:0], 300))
    assert np.isnan(effective_size.variance_size(np.zeros((3, 2), int), 1))
