"""Two samples of replicates against each other: effect sizes, permutation tests, many comparisons.

Arrays in, plain numbers out: comparisons of runs and of the points of a study are made of these.
``scipy.stats`` is imported only where there is something to test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.errors import EvosimError, did_you_mean
from evosim.stats import intervals
from evosim.stats.intervals import EQUAL, Bootstrap

Floats = NDArray[np.float64]

PERMUTATIONS = 9999
"""Permutations behind a p-value, at most; all there are where they are no more."""
MANY = 99_999
"""Permutations behind a p-value that is to withstand a correction for a whole gallery."""
CORRECTIONS = {"holm": "Holm", "fdr_bh": "BH"}
"""Corrections of p-values for many comparisons: name, and what to call it in a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two samples of replicates, ``a`` against ``b``.

    Attributes:
        value: mean of ``a`` less mean of ``b``; NaN where nothing defines it.
        interval: BCa interval of the value; None where a sample has fewer than two replicates.
        effect_size: Hedges' g; NaN where nothing varies, or too few replicates define it.
        effect_interval: interval of the population's effect size, under normality; None where it
            is not defined.
        superiority: probability that a replicate of ``a`` is larger than one of ``b``, ties shared
            (of pairs, than its partner); Cliff's delta is 2 superiority - 1.
        p: two-sided, of a permutation test; None where there is no interval.
        permutations: how many the p-value rests on.
        exact: whether these are all there are.
        n: replicates of ``a`` and of ``b`` that are defined; of pairs, both their number.
        paired: whether replicates belong together.
    """

    value: float
    interval: tuple[float, float] | None
    effect_size: float
    effect_interval: tuple[float, float] | None
    superiority: float
    p: float | None
    permutations: int
    exact: bool
    n: tuple[int, int]
    paired: bool


def compare_samples(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool,
    key: int,
    bootstrap: Bootstrap | None = None,
    permutations: int = PERMUTATIONS,
) -> Contrast:
    """Compare two samples of replicates.

    Args:
        a, b: [replicate] each, of equal lengths where they are paired; NaN is left out, of pairs
            with its partner.
        paired: whether replicates belong together, as those of one seed do.
        key: of the permutations (:data:`evosim.rng.Purpose.PERMUTATION`).
        bootstrap: how to make the interval of the difference; also the confidence of all intervals.
        permutations: at most; all there are where they are no more.

    Raises:
        ValueError: paired samples of different lengths.
    """
    bootstrap = bootstrap or Bootstrap()
    x, y = (np.asarray(sample, np.float64) for sample in (a, b))
    if paired:
        estimate = intervals.difference(x, y, bootstrap)
        defined = np.isfinite(x) & np.isfinite(y)
        x, y = x[defined], y[defined]
    else:
        estimate = intervals.difference_of_independent(x, y, bootstrap)
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    g, ends = hedges(x, y, paired=paired, confidence=bootstrap.confidence)
    tested = estimate.interval is not None
    p, used, exact = _permuted(x, y, paired, key, permutations) if tested else (None, 0, False)
    return Contrast(
        value=estimate.value,
        interval=estimate.interval,
        effect_size=g,
        effect_interval=ends,
        superiority=superiority(x, y, paired=paired),
        p=p,
        permutations=used,
        exact=exact,
        n=(len(x), len(y)),
        paired=paired,
    )


# Permutation tests


def _permuted(x: Floats, y: Floats, paired: bool, key: int, most: int) -> tuple[float, int, bool]:
    """p of a two-sided permutation test of the means, its permutations, whether they are all.

    Signs of pairs are swapped, or replicates dealt anew to the two samples. Where not all
    permutations are taken, the sample as it is counts as one of them (Phipson & Smyth 2010,
    doi:10.2202/1544-6115.1585), so that no p is 0.
    """
    from scipy import stats

    there_are = 2 ** len(x) if paired else math.comb(len(x) + len(y), len(x))
    exact = most >= there_are
    found = stats.permutation_test(
        (x, y),
        intervals.difference_of_means,
        permutation_type="samples" if paired else "independent",
        vectorized=True,
        n_resamples=most,
        rng=np.random.default_rng(key),
    )
    return float(found.pvalue), there_are if exact else most, exact


def sign_flips(values: ArrayLike, *, key: int, permutations: int = MANY) -> float | None:
    """One-sided p that the mean of replicates is not above 0.

    Signs of replicates are swapped: all 2^n ways where these are no more than ``permutations``,
    else a sample of them in which the data as they are count as one (Phipson & Smyth 2010), so that
    no p is 0. It is exact where replicates are symmetric about their mean, and holds for many of
    them where they are not (Canay, Romano & Shaikh 2017, doi:10.3982/ECTA13081).

    Args:
        values: [replicate], without NaN.
        key: of the permutations.
        permutations: at most.

    Returns:
        None where there are fewer than two.

    Example:
        >>> sign_flips([1.0, 2.0, 1.5, 0.5], key=1)
        0.0625
    """
    from scipy import stats

    x = np.asarray(values, np.float64)
    if len(x) < 2:
        return None
    found = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", vectorized=True, n_resamples=permutations,
        alternative="greater", rng=np.random.default_rng(key),
    )  # fmt: skip
    return float(found.pvalue)


# Effect sizes


def hedges(
    a: ArrayLike, b: ArrayLike, *, paired: bool, confidence: float = 0.95
) -> tuple[float, tuple[float, float] | None]:
    """Hedges' g, the difference of the means in standard deviations, and an interval.

    g = J(df) (mean a - mean b) / s, with the correction J of Hedges (1981, J. Educ. Stat. 6:107,
    eq. 6e). Independent samples: s is the pooled standard deviation, df = n_a + n_b - 2. Pairs:
    s^2 is the mean of the two variances, df = n - 1 (Borenstein et al. 2009, ch. 4), so that
    pairing makes the interval narrower and leaves what g measures as it is.

    The interval holds the effect sizes under which the t statistic seen is in the middle
    ``confidence`` of its noncentral t distribution (Steiger & Fouladi 1997; of pairs,
    approximately, Algina & Keselman 2003, doi:10.1177/0013164403256358). It assumes normality.

    Args:
        a, b: [replicate] each, without NaN.

    Returns:
        NaN and None where df is below 2 or neither sample varies; None for the interval alone where
        pairs differ by a constant, or the effect is beyond what the distribution is computed for.
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    df = len(x) - 1 if paired else len(x) + len(y) - 2
    if df < 2 or min(len(x), len(y)) < 2:
        return math.nan, None
    variances = np.var(x, ddof=1), np.var(y, ddof=1)
    if paired:
        variance = sum(variances) / 2
        error = math.sqrt(np.var(x - y, ddof=1) / len(x))
    else:
        weights = (len(x) - 1) / df, (len(y) - 1) / df
        variance = sum(w * v for w, v in zip(weights, variances, strict=True))
        error = math.sqrt(variance * (1 / len(x) + 1 / len(y)))
    spread, difference = math.sqrt(variance), float(np.mean(x) - np.mean(y))
    largest = max(np.abs(x).max(), np.abs(y).max())
    if spread <= EQUAL * largest:
        return math.nan, None
    correction = math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2) - math.log(df / 2) / 2)
    g = correction * difference / spread
    if error <= EQUAL * largest:
        return g, None
    ends = _noncentralities(difference / error, df, confidence)
    return g, ends and (ends[0] * error / spread, ends[1] * error / spread)


def _noncentralities(t: float, df: int, confidence: float) -> tuple[float, float] | None:
    """The noncentralities of t distributions in which ``t`` is at the outer quantiles."""
    from scipy import optimize, stats

    tail = (1 - confidence) / 2

    def end(probability: float) -> float:
        def off(nc: float) -> float:
            return float(stats.nct.cdf(t, df, nc)) - probability

        reach = 2.0
        while not off(t - reach) > 0 > off(t + reach):
            reach *= 2
            if reach > 1e6 or not math.isfinite(off(t - reach) + off(t + reach)):
                return math.nan
        try:
            return float(optimize.brentq(off, t - reach, t + reach, xtol=1e-9))
        except ValueError:  # the distribution is not computed for all between its ends
            return math.nan

    ends = end(1 - tail), end(tail)
    return ends if all(map(math.isfinite, ends)) else None


def superiority(a: ArrayLike, b: ArrayLike, *, paired: bool) -> float:
    """The common-language effect size: the probability that one of ``a`` is larger than one of
    ``b``, ties shared (McGraw & Wong 1992; Vargha & Delaney 2000, doi:10.3102/10769986025002101).

    Independent samples: over all pairs that can be made, Mann and Whitney's U over n_a n_b. Pairs:
    over the pairs that there are. Cliff's delta is twice this less 1.

    Args:
        a, b: [replicate] each, without NaN.
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if not len(x) or not len(y):
        return math.nan
    if paired:
        return float(np.mean(np.sign(x - y)) + 1) / 2
    from scipy import stats

    return float(stats.mannwhitneyu(x, y).statistic) / (len(x) * len(y))


# Many comparisons


def corrected(p_values: Sequence[float | None], method: str = "holm") -> list[float | None]:
    """p-values corrected for their number; None stays None and does not count.

    ``holm``: of the probability of any false positive (Holm 1979, Scand. J. Stat. 6:65), under any
    dependence; ``fdr_bh``: of the share of false positives among the positives (Benjamini &
    Hochberg 1995), by :func:`scipy.stats.false_discovery_control`.

    Raises:
        EvosimError: no such method.
    """
    if method not in CORRECTIONS:
        raise EvosimError(f"unknown correction {method!r}: {did_you_mean(method, CORRECTIONS)}")
    p = np.array([value for value in p_values if value is not None], np.float64)
    if not len(p):
        return list(p_values)
    if method == "holm":
        order = np.argsort(p, kind="stable")
        steps = p[order] * np.arange(len(p), 0, -1)
        adjusted = np.empty(len(p))
        adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    else:
        from scipy import stats

        adjusted = stats.false_discovery_control(p, method="bh")
    each = iter(adjusted.tolist())
    return [None if value is None else next(each) for value in p_values]
