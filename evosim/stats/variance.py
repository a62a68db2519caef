"""What moves a measure over the points of a study, and whether a point lies beyond a threshold.

Arrays in, plain numbers out. ``scipy.stats`` is imported only where there is something to test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.stats.intervals import EQUAL, Bootstrap, Estimate, estimate

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a parameter does by itself, or several do together beyond what each does alone.

    Attributes:
        of: the axes, by number; empty for all interactions of three or more.
        share: of the variance over all runs, each point weighing the same (eta squared).
        adjusted: the same less what chance alone puts there (epsilon squared, Kelley 1935); below 0
            where there is less than that. NaN without replicates.
        df: degrees of freedom.
        p: of the F test that there is none; NaN where nothing varies within points.
    """

    of: tuple[int, ...]
    share: float
    adjusted: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Where the variance of a measure over a grid comes from.

    Attributes:
        effects: main effects, interactions of two, then all others as one; shares and noise sum to
            1.
        noise: the share that lies within points, between replicates; NaN without replicates, where
            it is part of the largest interaction.
        variance: the whole.
    """

    effects: tuple[Effect, ...]
    noise: float
    variance: float


def decompose(values: ArrayLike) -> Decomposition | None:
    """Split the variance over a grid into main effects, interactions and noise.

    The table of the points' means is split by its margins (an analysis of variance of unweighted
    means: exact where all points have equally many replicates), and the variance within points,
    averaged over points, is the noise.

    Args:
        values: [level of the first parameter, ..., replicate]; NaN where there is none.

    Returns:
        None where a point has no number or nothing varies.
    """
    every = np.asarray(values, np.float64)
    defined = np.isfinite(every)
    n = defined.sum(axis=-1)
    if n.size < 2 or not np.all(n):
        return None
    means = np.where(defined, every, 0.0).sum(axis=-1) / n
    off = np.where(defined, every - means[..., None], 0.0)
    within = float(np.mean((off**2).sum(axis=-1) / n))
    variance = float(np.var(means)) + within
    if variance <= (EQUAL * float(np.abs(means).max())) ** 2:
        return None
    replicated = bool(np.all(n > 1))
    # The variance of a run about its point, and of a mean of replicates about the point's.
    error = float(np.mean((off**2).sum(axis=-1) / (n - 1))) if replicated else math.nan
    of_mean = error * float(np.mean(1 / n))
    rest = int(np.sum(n - 1))
    effects = []
    for of, part, df in _parts(means):
        p = math.nan
        if of_mean > 0:
            from scipy import stats

            p = float(stats.f.sf(part * means.size / df / of_mean, df, rest))
        adjusted = (part - df * of_mean / means.size) / variance
        effects.append(Effect(of=of, share=part / variance, adjusted=adjusted, df=df, p=p))
    noise = within / variance if replicated else math.nan
    return Decomposition(effects=tuple(effects), noise=noise, variance=variance)


def _parts(means: Floats) -> list[tuple[tuple[int, ...], float, int]]:
    """Variance and degrees of freedom of every effect in a table [level, ...]."""
    axes = [axis for axis, size in enumerate(means.shape) if size > 1]
    found: dict[tuple[int, ...], Floats] = {(): np.mean(means, keepdims=True)}
    parts: list[tuple[tuple[int, ...], float, int]] = []
    left, left_df = float(np.var(means)), means.size - 1
    for order in (1, 2):
        for of in itertools.combinations(axes, order):
            others = tuple(axis for axis in range(means.ndim) if axis not in of)
            effect = np.mean(means, axis=others, keepdims=True)
            for k in range(order):
                for lower in itertools.combinations(of, k):
                    effect = effect - found[lower]
            found[of] = effect
            df = math.prod(means.shape[axis] - 1 for axis in of)
            parts.append((of, float(np.mean(effect**2)), df))
            left, left_df = left - parts[-1][1], left_df - df
    if left_df:
        parts.append(((), max(left, 0.0), left_df))
    return parts


def rank_correlation(x: ArrayLike, y: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """Spearman's rank correlation, with a BCa interval over resamples of the pairs.

    Args:
        x, y: [point]; a point with a NaN in either is left out.
    """
    return estimate(_spearman, bootstrap, x, y)


def _spearman(x: Floats, y: Floats, axis: int = -1) -> Any:
    from scipy import stats

    a, b = (np.asarray(stats.rankdata(each, axis=axis), np.float64) for each in (x, y))
    a, b = (each - np.mean(each, axis=axis, keepdims=True) for each in (a, b))
    whole = np.sqrt(np.sum(a**2, axis=axis) * np.sum(b**2, axis=axis))
    both = np.sum(a * b, axis=axis)
    return np.divide(both, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def pseudo_values(statistic: Callable[..., Any], columns: Sequence[ArrayLike]) -> Floats:
    """The jackknife's pseudo-values of a statistic of replicates (Tukey 1958, Ann. Math. Stat.
    29:614): n theta - (n - 1) theta_-i. Of a mean they are the replicates' own numbers; a
    statistic that takes several replicates, or a ratio of means, has a number a replicate by them.

    Args:
        statistic: of the columns, over ``axis``.
        columns: [replicate] each; a replicate with a NaN in any is left out.

    Returns:
        [replicate]: empty where fewer than two are left; NaN where the statistic is undefined.
    """
    every = np.stack([np.asarray(column, np.float64) for column in columns])
    every = every[:, np.all(np.isfinite(every), axis=0)]
    n = every.shape[1]
    if n < 2:
        return np.zeros(0)
    whole = float(statistic(*every))
    without = np.array([float(statistic(*np.delete(every, i, axis=1))) for i in range(n)])
    return n * whole - (n - 1) * without


def p_against(
    statistic: Callable[..., Any], columns: Sequence[ArrayLike], threshold: float
) -> float | None:
    """p that a statistic of replicates is the threshold, two-sided.

    A t test of :func:`pseudo_values`, which for a mean is the usual one. Unlike a permutation test
    it can tell a p as small as a correction for many points needs from a few replicates. Where all
    replicates are the same, nothing tells how far chance goes, and p is that of the sign test,
    2^(1 - n).

    Args:
        statistic: of the columns, over ``axis``.
        columns: [replicate] each; a replicate with a NaN in any is left out.

    Returns:
        None where fewer than two replicates define it, or leaving one out makes it undefined.
    """
    pseudo = pseudo_values(statistic, columns)
    n = len(pseudo)
    if not n or not np.all(np.isfinite(pseudo)):
        return None
    size = max(float(np.max(np.abs(pseudo))), abs(threshold))
    if np.ptp(pseudo) <= n * EQUAL * size:
        same = abs(float(np.mean(pseudo)) - threshold) <= n * EQUAL * size
        return 1.0 if same else 2.0 ** (1 - n)
    from scipy import stats

    return float(stats.ttest_1samp(pseudo, threshold).pvalue)
