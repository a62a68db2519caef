"""What moves a measure, and whether it lies beyond a threshold, against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evosim.stats.intervals import Bootstrap
from evosim.stats.variance import decompose, p_against, rank_correlation

RNG = np.random.default_rng


def mean(x: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(x, axis=axis)


def ratio(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.mean(x, axis=axis) / np.mean(y, axis=axis)


def test_shares_are_those_of_a_balanced_analysis_of_variance() -> None:
    """Sums of squares written out as in a textbook (Montgomery, two factors, fixed effects)."""
    y = RNG(1).normal(size=(3, 4, 5)) + np.arange(3)[:, None, None]
    found = decompose(y)
    assert found is not None
    whole = ((y - y.mean()) ** 2).sum()
    a = 20 * ((y.mean((1, 2)) - y.mean()) ** 2).sum()
    b = 15 * ((y.mean((0, 2)) - y.mean()) ** 2).sum()
    within = ((y - y.mean(2, keepdims=True)) ** 2).sum()
    shares = {effect.of: effect for effect in found.effects}
    assert shares[(0,)].share == pytest.approx(a / whole)
    assert shares[(1,)].share == pytest.approx(b / whole)
    assert shares[(0, 1)].share == pytest.approx((whole - a - b - within) / whole)
    assert found.noise == pytest.approx(within / whole)
    f = (a / 2) / (within / 48)
    assert shares[(0,)].p == pytest.approx(stats.f.sf(f, 2, 48))
    assert shares[(0,)].adjusted == pytest.approx((a - 2 * within / 48) / whole)


def test_one_factor_is_scipys_one_way_analysis() -> None:
    y = RNG(2).normal(size=(4, 6)) + np.array([[0], [0], [0.5], [1]])
    found = decompose(y)
    assert found is not None
    assert found.effects[0].p == pytest.approx(stats.f_oneway(*y).pvalue)


def test_an_interaction_alone_is_found_as_one() -> None:
    y = np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None] + RNG(3).normal(0, 0.01, (2, 2, 8))
    found = decompose(y)
    assert found is not None
    shares = {effect.of: effect.share for effect in found.effects}
    assert shares[(0, 1)] > 0.99
    assert sum(shares.values()) + found.noise == pytest.approx(1)


def test_what_three_parameters_do_together_is_the_rest() -> None:
    signs = np.array([1.0, -1.0])
    y = signs[:, None, None] * signs[:, None] * signs
    found = decompose(y[..., None] + np.array([0.0, 0.0]))
    assert found is not None
    shares = {effect.of: effect.share for effect in found.effects}
    assert shares[()] == pytest.approx(1)
    assert len(shares) == 7


def test_adjusted_shares_of_noise_are_zero_on_average() -> None:
    """Of pure noise eta squared is 8 % here, epsilon squared none."""
    draws = [decompose(RNG([4, n]).normal(size=(3, 3, 5))) for n in range(300)]
    effects = [found.effects[2] for found in draws if found is not None]
    assert np.mean([effect.share for effect in effects]) == pytest.approx(4 / 44, abs=0.01)
    assert np.mean([effect.adjusted for effect in effects]) == pytest.approx(0, abs=0.01)
    assert np.mean([effect.p < 0.05 for effect in effects]) == pytest.approx(0.05, abs=0.03)


def test_nothing_is_decomposed_where_a_point_has_no_number_or_nothing_varies() -> None:
    y = RNG(5).normal(size=(2, 2, 3))
    y[0, 1] = np.nan
    assert decompose(y) is None
    assert decompose(np.ones((2, 2, 3))) is None
    y[0, 1, 0] = 0.5
    found = decompose(y)
    assert found is not None, "one replicate at a point is enough for its mean"
    assert np.isnan(found.noise)
    assert np.isnan(found.effects[0].p)


def test_rank_correlation_is_spearmans() -> None:
    x, y = RNG(6).normal(size=(2, 30))
    y = y + x
    y[3] = x[3] = 0.5
    found = rank_correlation(x, y, Bootstrap(resamples=500))
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_p_of_a_mean_is_that_of_the_t_test() -> None:
    x = RNG(7).normal(0.3, 1, 12)
    x[4] = np.nan
    expected = stats.ttest_1samp(x[np.isfinite(x)], 0.1).pvalue
    assert p_against(mean, [x], 0.1) == pytest.approx(expected)


def test_p_of_a_ratio_is_uniform_where_the_threshold_is_true() -> None:
    ps = []
    for n in range(400):
        below = RNG([8, n]).normal(2, 0.2, 12)
        above = 0.5 * below + RNG([9, n]).normal(0, 0.2, 12)
        ps.append(p_against(ratio, [above, below], 0.5))
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(ps) < 0.5) == pytest.approx(0.5, abs=0.08)


def test_p_is_not_defined_of_one_replicate_and_bounded_where_nothing_varies() -> None:
    assert p_against(mean, [[0.3]], 0.0) is None
    assert p_against(mean, [[0.3, np.nan]], 0.0) is None
    assert p_against(mean, [[0.3] * 5], 0.0) == 2**-4
    assert p_against(mean, [[0.3] * 5], 0.3) == 1.0
