"""What evosim knows of each operator: expected parentage, and what it does to neutral genes."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from breeding import MATE, MUTATE, SELECT, UNMATED, UNMUTATED, with_genes
from deap import tools
from scipy import stats

from evosim import evolution
from evosim.errors import EvosimError
from evosim.evolution import operators
from evosim.evolution.breed import Handle as Individual
from evosim.evolution.breed import chosen_rows
from evosim.evolution.operators import reflect
from evosim.evolution.registry import Migration, Selection
from evosim.scenario.schema import Operator

TIED = np.array([0.0, 2.0, 1.0, 2.0, 0.0, 3.0, 2.0])


class Handle:
    """A score as selection operators read it, plain or in a fitness."""

    def __init__(self, row: int, score: float) -> None:
        self.row, self.score, self.values = row, score, (score,)

    @property
    def fitness(self) -> Handle:
        return self

    def __lt__(self, other: Handle) -> bool:
        return self.score < other.score


def chosen(select: str, scores: np.ndarray, k: int) -> list[int]:
    handles = [Handle(i, s) for i, s in enumerate(scores.tolist())]
    operator = evolution.SELECT[select]
    return [h.row for h in operator.function(handles, k, **SELECT[select])]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_expected_shares_of_tournaments_are_those_of_all_tournaments_counted(k: int) -> None:
    n = len(TIED)
    counted = np.zeros(n)
    for drawn in itertools.product(range(n), repeat=k):
        winner = max(drawn, key=lambda i: TIED[i])  # the first of equals, as in DEAP
        counted[winner] += 1.0 / n**k
    shares = operators.tournament_shares(TIED, tournsize=k)
    assert np.allclose(shares, counted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("select", SELECT)
@pytest.mark.parametrize("scores", [TIED, TIED[::-1].copy(), np.zeros(7), np.array([5.0])])
def test_expected_shares_sum_to_one_and_are_met_by_selection(
    select: str, scores: np.ndarray
) -> None:
    made = with_genes(
        0, select={"operator": select, **SELECT[select]}, mate=UNMATED, mutate=UNMUTATED
    )
    shares = evolution.expected_shares(made, scores)
    assert abs(shares.sum() - 1.0) < 1e-14
    n, times = len(scores), 1000
    genomes = np.zeros((n, 0))
    counts = np.zeros(n)
    for key in range(times):
        parents = evolution.breed(made, genomes, scores, key).parents[:, 0]
        counts += np.bincount(parents, minlength=n)
    sd = np.sqrt(times * n * shares * (1 - shares))  # stochastic universal sampling has less
    assert np.all(np.abs(counts - times * n * shares) <= 4 * sd)


def test_truncation_takes_the_first_of_equals_at_the_edge() -> None:
    shares = operators.truncation_shares(TIED, share=0.4)  # the best 3 of 7: 5, 1, 3
    assert np.flatnonzero(shares).tolist() == [1, 3, 5]
    random.seed(0)
    assert set(chosen("selBest", TIED, 200)) == {1, 3, 5}


def test_truncation_keeps_at_least_one_individual() -> None:
    assert operators.truncation_shares(TIED, share=0.01).tolist() == [0, 0, 0, 0, 0, 1, 0]


def test_universal_sampling_of_equal_scores_chooses_everyone_once() -> None:
    random.seed(0)
    picked = chosen("selStochasticUniversalSampling", np.full(50, 2.5), 50)
    assert sorted(picked) == list(range(50))
    assert picked != list(range(50))  # shuffled


@pytest.mark.parametrize("select", ["selRoulette", "selStochasticUniversalSampling"])
def test_proportional_selection_of_scores_that_are_all_zero_is_fair(select: str) -> None:
    random.seed(1)
    counts = np.bincount(chosen(select, np.zeros(5), 5000), minlength=5)
    assert np.all(np.abs(counts - 1000) < 4 * np.sqrt(5000 * 0.2 * 0.8))


def test_a_roulette_spin_lost_to_rounding_is_spun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.array([0.1, 0.2, 0.3])  # in another order they sum to one bit less
    spins: Iterator[float] = itertools.chain([1.0 - 2.0**-54] * 2, itertools.repeat(0.5))
    monkeypatch.setattr(random, "random", lambda: next(spins))
    assert len(chosen("selRoulette", scores, 4)) == 4


def test_a_universal_sampling_lost_to_rounding_is_drawn_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts: Iterator[float] = itertools.chain([1.0 + 1e-9], itertools.repeat(0.5))
    monkeypatch.setattr(random, "uniform", lambda low, high: high * next(starts))
    assert sorted(chosen("selStochasticUniversalSampling", np.ones(4), 4)) == [0, 1, 2, 3]


# --- neutral genes: the array form of each operator has the distribution of DEAP's ----------

PARENTS = [(0.2, 0.7), (0.7, 0.2), (0.5, 0.5), (0.0, 1.0), (0.95, 0.9)]
DRAWS = 20_000


@pytest.mark.parametrize("mate", MATE)
@pytest.mark.parametrize(("x", "y"), PARENTS)
def test_crossing_neutral_genes_follows_the_distribution_of_the_operator(
    mate: str, x: float, y: float
) -> None:
    operator = evolution.MATE[mate]
    options: dict[str, Any] = {**MATE[mate], **operator.supplied()}
    if mate in ("cxOnePoint", "cxTwoPoint"):
        # A place along the genome is swapped more or less often; a neutral gene is unlinked.
        first, second = operator.neutral(
            np.random.default_rng(1), np.full(DRAWS, x), np.full(DRAWS, y)
        )
        assert np.array_equal(first + second, np.full(DRAWS, x + y))
        if x != y:
            assert abs(np.mean(first == x) - 0.5) < 4 * 0.5 / np.sqrt(DRAWS)
        return
    random.seed(5)
    deap_first, deap_second = operator.function([x] * DRAWS, [y] * DRAWS, **options)
    rng = np.random.default_rng(6)
    pair = operator.neutral(rng, np.full(DRAWS, x), np.full(DRAWS, y), **MATE[mate])
    for ours, theirs in zip(pair, (deap_first, deap_second), strict=True):
        same_distribution(reflect(ours), reflect(np.array(theirs)))
    same_distribution(pair[0] + pair[1], np.array(deap_first) + np.array(deap_second))


@pytest.mark.parametrize("mutate", MUTATE)
@pytest.mark.parametrize("x", [0.0, 0.1, 0.5, 0.8, 1.0])
def test_mutating_neutral_genes_follows_the_distribution_of_the_operator(
    mutate: str, x: float
) -> None:
    operator = evolution.MUTATE[mutate]
    options = {**MUTATE[mutate], "indpb": 1.0}
    random.seed(7)
    (theirs,) = operator.function([x] * DRAWS, **options, **operator.supplied())
    del options["indpb"]
    ours = operator.neutral(np.random.default_rng(8), np.full(DRAWS, x), **options)
    same_distribution(reflect(ours), reflect(np.array(theirs)))


def same_distribution(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Two-sample Kolmogorov-Smirnov, |z| < 4; rounded, so that atoms stay together."""
    ours, theirs = np.round(ours, 9), np.round(theirs, 9)
    assert stats.ks_2samp(ours, theirs).pvalue > 2 * stats.norm.sf(4)


def test_every_operator_draws_from_python_s_generator_and_not_from_numpy_s() -> None:
    np.random.seed(9)
    expected = np.random.random()
    np.random.seed(9)
    random.seed(9)
    for select in SELECT:
        chosen(select, TIED, 7)
    for mate in MATE:
        operator = evolution.MATE[mate]
        operator.function([0.1, 0.2], [0.3, 0.4], **MATE[mate], **operator.supplied())
    for mutate in MUTATE:
        other = evolution.MUTATE[mutate]
        other.function([0.1, 0.2], **MUTATE[mutate], **other.supplied())
    assert np.random.random() == expected


def test_functions_of_the_list_are_deap_s_own_or_made_of_them() -> None:
    # Those that are shorter than DEAP's own are held to be equal to them by the tests of breeding.
    made_of = {
        "cxUniform": operators.cross_uniform,
        "mutGaussian": operators.mutate_gaussian,
    }
    for registry in (evolution.MATE, evolution.MUTATE):
        for name in registry:
            assert registry[name].function is made_of.get(name, getattr(tools, name))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda given: None, "returned None, needed: a list of 6"),
        (lambda given: (one for one in given), "returned <generator .*, needed: a list of 6"),
        (lambda given: given[:5], "returned 5 things, 0 of them others"),
        (lambda given: list(map(copy.copy, given)), "6 things, 6 of them others than it was given"),
        (lambda given: given[9], r"\(from module .*\): IndexError"),
    ],
)
@pytest.mark.parametrize("kind", ["select", "migrate"])
def test_who_chooses_others_than_it_was_given_is_named(
    kind: str, returned: Callable[[Any], Any], said: str
) -> None:
    def chooses(individuals: Any, k: int, fit_attr: str = "") -> Any:
        return returned(individuals)

    made = (
        Selection(function=chooses, shares=len)  # type: ignore[arg-type]
        if kind == "select"
        else Migration(function=chooses, chances=len)  # type: ignore[arg-type]
    )
    written = Operator(operator="mine")
    handles = [Individual(row, float(row)) for row in range(6)]
    with pytest.raises(EvosimError, match=f"operator 'mine' .*{said}"):
        chosen_rows(made, written, handles, 6)
