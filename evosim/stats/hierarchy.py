"""Numbers of replicates within worlds: means, intervals and variance over both (docs/families.md).

Worlds are drawn, and replicates within a world share it. So worlds are resampled first, and then
replicates within each world that was drawn (Davison & Hinkley 1997, Bootstrap Methods, 3.8).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.stats.intervals import Bootstrap, Estimate

Floats = NDArray[np.float64]


_NO_LINE = 1e-9
"""Below this rest of 1 less its leverage, a point alone decides where the line goes."""


class Components(NamedTuple):
    """Where the variance of an effect is."""

    between: float
    """Variance of worlds' own means, what replicates add taken off; 0 or more."""
    within: float
    """Variance of replicates of one world."""

    @property
    def share(self) -> float:
        """The share of the variance of one replicate of one world that worlds have; NaN: none."""
        total = self.between + self.within
        return self.between / total if total > 0 else math.nan


def means(values: ArrayLike) -> Floats:
    """The mean of each world [W] over its replicates; NaN where none defines it.

    Args:
        values: [W, R].
    """
    numbers = np.asarray(values, np.float64)
    known = np.isfinite(numbers)
    count = known.sum(axis=1)
    total = np.where(known, numbers, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(numbers), np.nan), where=count > 0)


def mean(values: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The mean over worlds of the means over replicates, with a percentile interval.

    Worlds in which no replicate defines the number are left out.

    Args:
        values: [W, R] a number of each replicate in each world; NaN: undefined.

    Example:
        >>> mean([[1.0, 1.0], [3.0, 3.0]], Bootstrap(key=1)).value
        2.0
    """
    numbers = np.asarray(values, np.float64)
    by_world = means(numbers)
    defined = np.flatnonzero(np.isfinite(by_world))
    n, left_out = len(defined), len(numbers) - len(defined)
    value = float(by_world[defined].mean()) if n else math.nan
    if n < 2:
        return Estimate(value=value, interval=None, n=n, n_undefined=left_out)
    rng = np.random.Generator(np.random.PCG64(bootstrap.key))
    worlds = defined[rng.integers(0, n, (bootstrap.resamples, n))]
    replicates = numbers.shape[1]
    drawn = rng.integers(0, replicates, (bootstrap.resamples, n, replicates))
    again = numbers[worlds[..., None], drawn]
    known = np.isfinite(again)
    count = known.sum(axis=2)
    total = np.where(known, again, 0.0).sum(axis=2)
    # A world of which only undefined replicates were drawn has its own mean.
    each = np.divide(total, count, out=by_world[worlds], where=count > 0)
    tail = (1.0 - bootstrap.confidence) / 2.0
    low, high = np.quantile(each.mean(axis=1), [tail, 1.0 - tail])
    return Estimate(value=value, interval=(float(low), float(high)), n=n, n_undefined=left_out)


def share(holds: ArrayLike, bootstrap: Bootstrap) -> Estimate:
    """The share of worlds in which something holds, with the exact interval of a binomial
    (Clopper & Pearson 1934, Biometrika 26:404).

    Args:
        holds: [W] whether it does.

    Example:
        >>> found = share([True] * 16 + [False] * 24, Bootstrap())
        >>> f"{found:.2f}"
        '0.40 [0.25, 0.57]'
    """
    from scipy.stats import binomtest

    held = np.asarray(holds, bool)
    n, k = len(held), int(held.sum())
    if not n:
        return Estimate(value=math.nan, interval=None, n=0, n_undefined=0)
    low, high = binomtest(k, n).proportion_ci(bootstrap.confidence, method="exact")
    return Estimate(value=k / n, interval=(float(low), float(high)), n=n, n_undefined=0)


def unseen(kinds: Iterable[Hashable], bootstrap: Bootstrap) -> Estimate:
    """The chance that the next world is of a kind that none of these is of: the share of worlds
    that are the only ones of their kind (Good 1953, Biometrika 40:237, eq. 9, by Turing).

    The interval is the normal one of Esty 1983 (Annals of Statistics 11:905) with an upper end of
    at least that of a binomial, as no kind that was seen once does not mean that none is left. Of
    20 draws or more, of kinds of ten distributions, it covers the chance in .92 to 1 of samples
    at 95 % (of a hundred equal kinds .87 at 20).

    Args:
        kinds: of each world.

    Example:
        >>> found = unseen("aaaaaabbbc", Bootstrap())
        >>> f"{found:.2f}"
        '0.10 [0.00, 0.45]'
    """
    from scipy.stats import norm

    counts = list(Counter(kinds).values())
    n, once, twice = sum(counts), counts.count(1), counts.count(2)
    found = share([True] * once + [False] * (n - once), bootstrap)
    if found.interval is None:
        return found
    z = float(norm.ppf((1.0 + bootstrap.confidence) / 2.0))
    reach = z * math.sqrt(once * (1.0 - once / n) + 2 * twice) / n
    ends = max(found.value - reach, 0.0), max(min(found.value + reach, 1.0), found.interval[1])
    return replace(found, interval=ends)


def components(values: ArrayLike) -> Components:
    """The variance between worlds and within them, by analysis of variance (one way, random).

    Args:
        values: [W, R], with R of 2 or more; worlds with an undefined replicate are left out.

    Example:
        >>> components([[0.0, 2.0], [10.0, 12.0]])
        Components(between=49.0, within=2.0)
    """
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers).all(axis=1)]
    n, replicates = numbers.shape
    if n < 2 or replicates < 2:
        return Components(math.nan, math.nan)
    within = float(numbers.var(axis=1, ddof=1).mean())
    between = float(numbers.mean(axis=1).var(ddof=1)) - within / replicates
    return Components(max(between, 0.0), within)


class Fit(NamedTuple):
    """How well a number that is known before predicts one that is found."""

    spearman: float
    slope: float
    intercept: float
    explained: float
    """Share of the variance that the line explains of worlds that it was not fitted to (leave one
    out); below 0: worse than their mean. NaN where without one world no line can be fitted, as all
    the others have the same predictor."""
    n: int


def predict(known: ArrayLike, found: ArrayLike) -> Fit:
    """A straight line, and the rank correlation.

    Args:
        known: [W] the predictor.
        found: [W] the effect; worlds with either undefined are left out.

    Example:
        >>> fit = predict([0, 1, 2, 3], [1, 3, 5, 7])
        >>> round(fit.slope, 6), round(fit.explained, 6)
        (2.0, 1.0)
    """
    from scipy.stats import spearmanr

    x, y = np.asarray(known, np.float64), np.asarray(found, np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    n = len(x)
    if n < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return Fit(math.nan, math.nan, math.nan, math.nan, n)
    slope, intercept = np.polyfit(x, y, 1)
    # The residual of a point that was left out, by its leverage.
    centred = x - x.mean()
    leverage = 1 / n + centred**2 / (centred**2).sum()
    rest = 1 - leverage
    if rest.min() < _NO_LINE:
        return Fit(float(spearmanr(x, y).statistic), float(slope), float(intercept), math.nan, n)
    missed = (y - slope * x - intercept) / rest
    mean_missed = (y - y.mean()) * n / (n - 1)
    explained = 1 - float((missed**2).sum() / (mean_missed**2).sum())
    return Fit(float(spearmanr(x, y).statistic), float(slope), float(intercept), explained, n)
