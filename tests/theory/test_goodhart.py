"""Goodhart's law: what selecting on a noisy proxy does to the thing itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from breeding import UNMATED, UNMUTATED, with_genes

from evosim import evolution
from evosim.metrics import best_of_n

SCALE = 1 / 20  # standard deviation of the true value, in units of its locus
LARGEST = {2: 0.5642, 10: 1.5388, 100: 2.5076}
"""The expected largest of s standard normals (Harter 1961, Biometrika 48)."""


def true_gain(size: int, noise: float, runs: int, n: int = 500) -> float:
    """Mean true value, in its standard deviations, of parents chosen by value plus noise."""
    made = with_genes(
        1,
        select={"operator": "selTournament", "tournsize": size},
        mate=UNMATED,
        mutate=UNMUTATED,
    )
    rng = np.random.default_rng([size, int(10 * noise)])
    gains = []
    for seed in range(runs):
        value = rng.normal(size=n)
        genomes = 0.5 + SCALE * value[:, None]
        born = evolution.breed(made, genomes, value + noise * rng.normal(size=n), seed)
        gains.append((born.genomes.mean() - 0.5) / SCALE)
    return float(np.mean(gains))


@pytest.mark.parametrize(("size", "gain"), [(2, 0.40), (10, 1.09), (100, 1.77)])
def test_the_best_of_s_by_a_noisy_proxy_gains_as_regression_to_the_mean_has_it(
    size: int, gain: float
) -> None:
    """Gao, Schulman & Hilton 2023 (best-of-n); Gaussian noise as in Smith & Winkler 2006: a true
    gain of i(s) sigma_X^2 / sqrt(sigma_X^2 + sigma_Z^2); .40 1.09 1.77 for s = 2 10 100 with
    both standard normal, +-5 %."""
    assert abs(LARGEST[size] / math.sqrt(2) / gain - 1) < 0.01
    assert abs(true_gain(size, 1.0, runs=60) / gain - 1) < 0.05


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_the_more_noise_in_the_proxy_the_less_of_the_selection_is_for_the_value(
    noise: float,
) -> None:
    """The same formula over the noise, s = 10, +-5 %."""
    expected = LARGEST[10] / math.sqrt(1 + noise**2)
    assert abs(true_gain(10, noise, runs=60) / expected - 1) < 0.05


@pytest.mark.parametrize(("n", "gain"), [(2, 0.40), (10, 1.09), (100, 1.77)])
def test_the_exact_best_of_n_of_a_population_gains_what_theory_says(n: int, gain: float) -> None:
    """The same numbers from the order statistics of sampled populations, without tournaments."""
    rng = np.random.default_rng(n)
    value, noise = rng.normal(size=(2, 20, 5000))
    found = best_of_n.best_of(value, value + noise, [n])[0].mean()
    assert abs(found / gain - 1) < 0.05


def test_the_curve_over_d_of_a_normal_proxy_has_the_slope_of_the_largest_of_n() -> None:
    """The gain is i(n) r, and d = sqrt(log n - (n - 1)/n): Gao et al. 2023, section 2, with
    Harter's i(n)."""
    n = np.array([float(size) for size in LARGEST])
    rng = np.random.default_rng(0)
    value, noise = rng.normal(size=(2, 20, 5000))
    d = best_of_n.distance(list(value + noise), n)
    assert d == pytest.approx(np.sqrt(np.log(n) - (n - 1) / n), rel=1e-2)
    ratio = best_of_n.best_of(value, value + noise, n).mean(axis=1) / d
    expected = np.array(list(LARGEST.values())) / math.sqrt(2) / d
    assert ratio == pytest.approx(expected, rel=0.05)
