"""Effect sizes, permutation tests and corrections of samples of replicates."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from evosim.errors import EvosimError
from evosim.stats.intervals import Bootstrap
from evosim.stats.tests import (
    Contrast,
    compare_samples,
    corrected,
    hedges,
    sign_flips,
    superiority,
)

BOOTSTRAP = Bootstrap(resamples=500, key=1)
SPREAD = np.arange(8.0)
WOBBLE = np.array([0.1, -0.1, 0.2, 0.0, 0.0, -0.2, 0.1, -0.1])


def contrast(a: object, b: object, *, paired: bool, key: int = 1, **more: int) -> Contrast:
    return compare_samples(a, b, paired=paired, key=key, bootstrap=BOOTSTRAP, **more)


def test_paired_replicates_are_compared_one_by_one():
    paired = contrast(SPREAD + 1 + WOBBLE, SPREAD, paired=True)
    apart = contrast(SPREAD + 1 + WOBBLE, SPREAD, paired=False)
    assert paired.value == pytest.approx(1.0)
    assert apart.value == pytest.approx(1.0)
    assert paired.interval[0] > 0.8
    assert apart.interval[0] < 0
    # All eight differences are of one sign: 2 of the 2^8 ways to swap pairs are as extreme.
    assert paired.p == pytest.approx(2 / 2**8)
    assert (paired.exact, paired.permutations, paired.n) == (True, 2**8, (8, 8))
    assert apart.p > 0.2


def test_the_p_value_of_independent_samples_is_that_of_all_splits():
    # Of the 20 ways to split six numbers in halves, 2 are as extreme as the one there is.
    found = contrast([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], paired=False)
    assert found.p == pytest.approx(2 / 20)
    assert (found.exact, found.permutations, found.paired) == (True, 20, False)


def test_of_too_many_permutations_some_are_drawn_and_no_p_is_zero():
    a, b = np.arange(20.0), np.arange(20.0) + 1000
    found = contrast(a, b, paired=False, permutations=99)
    assert (found.exact, found.permutations) == (False, 99)
    assert found.p == pytest.approx(2 / 100)
    assert contrast(a, b - 999, paired=False, permutations=99) == contrast(
        a, b - 999, paired=False, permutations=99
    )
    assert len({contrast(a, a + 1, paired=False, key=k, permutations=99).p for k in range(5)}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
def test_where_there_is_no_difference_p_is_below_its_value_as_often_as_it_says(paired: bool):
    rng = np.random.default_rng(3)
    p = np.array(
        [contrast(*rng.normal(size=(2, 10)), paired=paired, permutations=399).p for _ in range(400)]
    )
    # A binomial of 400 trials with p = .2 lies within these bounds with probability .9999.
    assert 50 <= np.sum(p <= 0.2) <= 112


def test_what_is_undefined_is_left_out_of_a_pair_and_of_a_sample():
    a, b = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0.0, 1.0, np.nan, 1.0])
    assert contrast(a, b, paired=True).value == pytest.approx((1 + 4) / 2)
    assert contrast(a, b, paired=True).n == (2, 2)
    assert contrast(a, b, paired=False).value == pytest.approx(3 - 2 / 3)
    nothing = contrast(np.full(3, np.nan), SPREAD[:3], paired=False)
    assert math.isnan(nothing.value)
    assert math.isnan(nothing.superiority)
    assert (nothing.interval, nothing.p, nothing.n) == (None, None, (0, 3))


def test_one_replicate_is_not_tested():
    one = contrast([1.0], [0.0, 2.0, 3.0], paired=False)
    assert (one.interval, one.p, one.permutations) == (None, None, 0)
    assert math.isnan(one.effect_size)


def test_paired_samples_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="paired"):
        contrast(SPREAD, SPREAD[:3], paired=True)


def test_samples_that_do_not_vary_have_no_effect_size():
    same = contrast(np.full(4, 2.0), np.full(5, 1.0), paired=False)
    assert same.interval == (1.0, 1.0)
    assert math.isnan(same.effect_size)
    assert same.effect_interval is None
    assert same.p == pytest.approx(2 / math.comb(9, 4))


def test_g_is_the_difference_in_pooled_standard_deviations_with_its_correction():
    """Hedges 1981: J is 1 - 3 / (4 df - 1) to within 0.5 % at df = 8."""
    a, b = np.array([4.0, 5, 6, 7, 8]), np.array([1.0, 3, 4, 5, 7])
    pooled = math.sqrt((2.5 + 5.0) / 2)
    g, (low, high) = hedges(a, b, paired=False)
    assert g == pytest.approx((1 - 3 / 31) * 2 / pooled, rel=0.005)
    assert low < 0 < g < high
    assert hedges(b, a, paired=False)[0] == pytest.approx(-g)
    assert hedges(10 * a + 3, 10 * b + 3, paired=False)[0] == pytest.approx(g)


def test_pairing_makes_the_interval_of_g_narrower():
    paired, (low, high) = hedges(SPREAD + 1 + WOBBLE, SPREAD, paired=True)
    apart, (lower, higher) = hedges(SPREAD + 1 + WOBBLE, SPREAD, paired=False)
    assert paired == pytest.approx(apart, rel=0.1)
    assert higher - lower > 2 * (high - low)


def test_the_interval_of_g_is_where_the_noncentral_t_has_its_tails():
    """By simulation: under the lower end the t seen, or more, has probability .025."""
    a, b = SPREAD + 8, SPREAD
    _, (low, _) = hedges(a, b, paired=False)
    t = 8 / math.sqrt(2 * np.var(SPREAD, ddof=1) / 8)
    rng = np.random.default_rng(0)
    x, y = rng.normal(low, 1, (8, 100_000)), rng.normal(0, 1, (8, 100_000))
    pooled = np.sqrt((np.var(x, 0, ddof=1) + np.var(y, 0, ddof=1)) / 2)
    seen = (x.mean(0) - y.mean(0)) / (pooled * math.sqrt(2 / 8))
    assert np.mean(seen >= t) == pytest.approx(0.025, abs=0.002)


def test_effects_beyond_what_the_noncentral_t_is_computed_for_have_no_interval():
    """Three replicates each, t near 80: the distribution is NaN for some noncentralities."""
    for difference in np.linspace(30.0, 60.0, 61):
        g, ends = hedges(
            [difference - 1, difference, difference + 1], [-1.0, 0.0, 1.0], paired=False
        )
        assert g > 20
        assert ends is None or ends[0] < ends[1]
        # One sample of differences, df = 2.
        shared = np.array([1.0, -2.0, 1.0])
        hedges(shared * 0.6 + difference, shared * 0.1, paired=True)


@pytest.mark.slow
@pytest.mark.parametrize("paired", [True, False])
def test_the_interval_of_g_covers_as_often_as_it_says(paired: bool):
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        shared = rng.normal(0, 0.8, 12) * paired
        spread = 0.6 if paired else 1.0
        a, b = (shared + rng.normal(mean, spread, 12) for mean in (0.8, 0.0))
        low, high = hedges(a, b, paired=paired)[1]
        hits += low <= 0.8 <= high
    # A binomial of 300 trials with p = .95 lies within these bounds with probability .999.
    assert 271 <= hits <= 297


def test_superiority_counts_pairs_and_shares_ties():
    assert superiority([3.0, 4.0], [1.0, 2.0], paired=False) == 1.0
    assert superiority([1.0, 2.0], [2.0, 3.0], paired=False) == pytest.approx(0.5 / 4)
    assert superiority([1.0, 3.0, 2.0, 9.0], [2.0, 2.0, 2.0, 2.0], paired=True) == 0.625
    a, b = np.random.default_rng(0).normal(size=(2, 9))
    wins = np.mean(a[:, None] > b[None])
    assert superiority(a, b, paired=False) == pytest.approx(wins)


def test_holm_multiplies_the_smallest_by_their_number_and_never_goes_down():
    """The example of Holm's procedure: p sorted, times 4, 3, 2, 1, running maximum."""
    assert corrected([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert corrected([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_benjamini_and_hochberg_multiply_by_number_over_rank():
    found = corrected([0.01, 0.04, 0.03, 0.005], "fdr_bh")
    assert found == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_what_was_not_tested_is_not_counted():
    assert corrected([0.01, None, 0.04]) == [pytest.approx(0.02), None, pytest.approx(0.04)]
    assert corrected([None, None]) == [None, None]
    with pytest.raises(EvosimError, match="unknown correction 'bonferroni': known: fdr_bh, holm"):
        corrected([0.1], "bonferroni")


@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.2, 1.0])
def test_sign_flips_are_all_the_ways_to_swap_signs(shift: float):
    x = np.array([0.3, -0.4, 0.9, 0.1, 0.6]) + shift
    means = [np.mean(x * signs) for signs in itertools.product([1, -1], repeat=5)]
    assert sign_flips(x, key=1) == pytest.approx(np.mean(np.array(means) >= np.mean(x) - 1e-12))


def test_of_too_many_sign_flips_some_are_drawn_and_no_p_is_zero():
    x = np.arange(1.0, 31.0)
    assert sign_flips(x, key=1, permutations=99) == pytest.approx(1 / 100)
    assert sign_flips(-x, key=1, permutations=99) == 1.0
    assert sign_flips([1.0], key=1) is None
