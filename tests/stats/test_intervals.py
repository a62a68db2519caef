"""Estimates over replicates: their intervals cover what they should, and degenerate cases."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from evosim import rng
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate

QUICK = Bootstrap(confidence=0.95, resamples=600, key=7)


def coverage(draw, truth: float, estimate, *, trials: int) -> float:
    """The share of trials whose interval holds the truth."""
    generator = np.random.default_rng(20261121)
    held = 0
    for _ in range(trials):
        interval = estimate(*draw(generator)).interval
        held += interval[0] <= truth <= interval[1]
    return held / trials


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        pytest.param(lambda g: (g.normal(3.0, 2.0, 25),), 3.0, id="normal"),
        pytest.param(lambda g: (g.uniform(0.0, 1.0, 25),), 0.5, id="uniform"),
        pytest.param(lambda g: (g.exponential(1.0, 40),), 1.0, id="exponential"),
    ],
)
def test_intervals_of_a_mean_cover_the_true_mean_at_their_confidence(draw, truth):
    # 300 trials: standard error 0.013; a bootstrap of 25 to 40 values covers 0.92 to 0.95.
    share = coverage(draw, truth, lambda x: intervals.mean(x, QUICK), trials=300)
    assert 0.88 <= share <= 0.985


def test_intervals_of_another_confidence_cover_at_that_confidence():
    half = Bootstrap(confidence=0.5, resamples=600, key=7)
    share = coverage(
        lambda g: (g.normal(0.0, 1.0, 25),), 0.0, lambda x: intervals.mean(x, half), trials=300
    )
    assert 0.5 - 4 * 0.029 <= share <= 0.5 + 4 * 0.029


def test_intervals_of_a_ratio_cover_the_ratio_of_the_true_means():
    def draw(g):
        before = g.normal(0.8, 0.15, 30)
        return 0.6 * before + g.normal(0.08, 0.1, 30), before  # (0.48 + 0.08) / 0.8

    share = coverage(draw, 0.7, lambda a, b: intervals.ratio(a, b, QUICK), trials=300)
    assert 0.88 <= share <= 0.985


def test_pairing_removes_what_the_replicates_have_in_common():
    g = np.random.default_rng(1)
    common = g.normal(10.0, 5.0, 30)
    before, after = common + g.normal(0, 0.1, 30), common + 1.0 + g.normal(0, 0.1, 30)
    paired = intervals.difference(after, before, QUICK)
    unpaired = intervals.difference(after, np.roll(before, 1), QUICK)
    assert paired.value == pytest.approx(unpaired.value)
    assert paired.interval[1] - paired.interval[0] < 0.15
    assert unpaired.interval[1] - unpaired.interval[0] > 1.5


def test_an_interval_moves_and_stretches_with_its_values():
    x = np.random.default_rng(2).exponential(1.0, 20)
    low, high = intervals.mean(x, QUICK).interval
    moved = intervals.mean(5.0 + 3.0 * x, QUICK).interval
    assert moved == pytest.approx((5.0 + 3.0 * low, 5.0 + 3.0 * high))


def test_an_interval_of_skewed_values_reaches_further_on_their_long_side():
    x = np.random.default_rng(3).exponential(1.0, 20)
    estimate = intervals.mean(x, Bootstrap(resamples=5000, key=1))
    assert estimate.high - estimate.value > 1.15 * (estimate.value - estimate.low)


def test_an_interval_follows_from_the_seed_of_the_run_alone():
    x = np.random.default_rng(4).normal(size=10)
    first = Bootstrap.of(1, confidence=0.9, resamples=500)
    again = Bootstrap.of(1, confidence=0.9, resamples=500)
    other = Bootstrap.of(2, confidence=0.9, resamples=500)
    assert intervals.mean(x, first) == intervals.mean(x, again)
    assert intervals.mean(x, first).interval != intervals.mean(x, other).interval
    assert first.key == rng.key(1, rng.Purpose.BOOTSTRAP)


def test_one_replicate_has_a_value_and_no_interval():
    estimate = intervals.mean([0.25], QUICK)
    assert (estimate.value, estimate.interval, estimate.n) == (0.25, None, 1)
    assert (estimate.low, estimate.high) == (0.25, 0.25)


def test_two_replicates_have_the_interval_between_them():
    estimate = intervals.mean([1.0, 3.0], QUICK)
    assert estimate.value == 2.0
    assert estimate.interval == pytest.approx((1.0, 3.0))


def test_equal_replicates_have_an_interval_of_one_point():
    assert intervals.mean([0.3] * 5, QUICK).interval == pytest.approx((0.3, 0.3))
    assert intervals.mean([0.0] * 5, QUICK).interval == (0.0, 0.0)


def test_replicates_that_all_keep_the_same_share_have_an_interval_of_one_point():
    before = np.array([0.9, 0.7, 0.8])
    estimate = intervals.ratio(0.1 * before, before, QUICK)
    assert estimate.interval == pytest.approx((0.1, 0.1))


def test_an_undefined_replicate_is_left_out_and_counted():
    x = np.array([1.0, np.nan, 3.0, 2.0, np.nan])
    estimate = intervals.mean(x, QUICK)
    assert (estimate.value, estimate.n, estimate.n_undefined) == (2.0, 3, 2)
    assert estimate.interval == intervals.mean([1.0, 3.0, 2.0], QUICK).interval


def test_a_pair_with_an_undefined_half_is_left_out_whole():
    after, before = np.array([0.5, np.nan, 0.1]), np.array([1.0, 100.0, np.nan])
    estimate = intervals.ratio(after, before, QUICK)
    assert (estimate.value, estimate.interval) == (0.5, None)
    assert (estimate.n, estimate.n_undefined) == (1, 2)
    assert intervals.difference(before, after, QUICK).value == 0.5


def test_nothing_but_undefined_replicates_is_undefined():
    estimate = intervals.mean([np.nan, np.nan], QUICK)
    assert math.isnan(estimate.value)
    assert (estimate.interval, estimate.n, estimate.n_undefined) == (None, 0, 2)


def test_a_ratio_is_of_the_means_and_not_the_mean_of_ratios():
    assert intervals.ratio([1.0, 1.0], [1.0, 3.0], QUICK).value == 0.5


def test_a_ratio_to_nothing_is_undefined():
    estimate = intervals.ratio([1.0, 2.0], [-1.0, 1.0], QUICK)
    assert math.isnan(estimate.value)


def test_a_ratio_is_unbounded_where_a_resample_has_nothing_below_the_line():
    estimate = intervals.ratio([0.5, 0.4, 0.6], [-0.1, 0.2, 0.3], QUICK)
    assert estimate.value == pytest.approx(1.5 / 0.4)
    assert np.isnan(estimate.interval).all()


def test_pairs_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="paired"):
        intervals.ratio([1.0, 2.0], [1.0], QUICK)


def test_one_replicate_does_not_import_scipy_stats():
    code = (
        "import sys; from evosim.stats import intervals as s;"
        "s.mean([1.0], s.Bootstrap()); s.ratio([1.0], [2.0], s.Bootstrap());"
        "assert 'scipy.stats' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("value", "interval", "form", "text"),
    [
        (0.7, (0.674, 0.7161), "", "0.70 [0.67, 0.72]"),
        (0.7, (0.674, 0.7161), ".3g", "0.7 [0.674, 0.716]"),
        (0.7, None, ".2f", "0.70"),
        (0.7, (math.nan, math.nan), ".2f", "0.70 [unbounded]"),
        (math.nan, None, ".2f", "undefined"),
        (-0.001, (-0.2, 0.2), ".2f", "0.00 [-0.20, 0.20]"),
    ],
)
def test_an_estimate_writes_itself(value, interval, form, text):
    estimate = Estimate(value=value, interval=interval, n=5, n_undefined=0)
    assert format(estimate, form) == text


def test_an_estimate_is_json_without_nan():
    unbounded = Estimate(value=math.nan, interval=(math.nan, 2.0), n=3, n_undefined=1)
    assert unbounded.to_dict() == {"value": None, "interval": [None, 2.0]}
    assert Estimate(value=1.0, interval=None, n=1, n_undefined=0).to_dict() == {
        "value": 1.0,
        "interval": None,
    }
