"""Optimisation pressure: what the best of n by a proxy is worth (Gao, Schulman & Hilton 2022,
arXiv:2210.10760).

n individuals are drawn from a population at random, with replacement, and the one with the largest
proxy is taken, ties shared. Expectations over the draws are exact, by order statistics: in a
population of N, sorted by the proxy, the best of n is the k-th from below with probability
(k/N)^n - ((k-1)/N)^n. Nothing but the population itself is a sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import mind
from evosim.metrics.query import Query, at_probe, environment_of, generation_of
from evosim.metrics.registry import Columns, expectations_are_exact, metric
from evosim.stats import intervals
from evosim.stats.intervals import EQUAL, Bootstrap, Estimate

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

POINTS = 25
"""Values of n between 1 and the size of the population, in equal ratios."""
NAMED = (2.0, 10.0, 100.0)
"""Values of n that are looked at besides."""


def grid(size: int) -> Floats:
    """Values of n from 1 to ``size``; most are not whole, which no formula needs."""
    n = np.concatenate([np.geomspace(1.0, max(size, 1), POINTS), NAMED])
    return np.unique(n[n <= size])


def chances(proxy: ArrayLike, n: ArrayLike) -> Floats:
    """The probability of each individual to be the best of n.

    Args:
        proxy: [N] what the best is chosen by.
        n: [n] how many are drawn, 1 or more.

    Returns:
        [n, N]; each row sums to 1.
    """
    proxy = np.asarray(proxy, np.float64)
    order = np.argsort(proxy, kind="stable")
    weights = _by_rank(len(proxy), n)
    found = np.empty_like(weights)
    found[:, order] = _shared(weights, np.broadcast_to(proxy[order], weights.shape))
    return found


def divergence(chances: Floats) -> Floats:
    """KL divergence of distributions over N individuals, [..., N], from the uniform one, in nats.

    Of the best of n it is log n - (n - 1)/n where there are no ties and N is much larger than n
    (Gao et al. 2022, section 2), less otherwise, and log N at most.
    """
    n = chances.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(chances > 0, chances * np.log(n * chances), 0.0)
    return np.maximum(terms.sum(-1), 0.0)


def best_of(values: ArrayLike, proxy: ArrayLike, n: ArrayLike) -> Floats:
    """The expected value of the best of n by the proxy, exactly.

    Args:
        values, proxy: [..., N], populations of N.
        n: [n] how many are drawn.

    Returns:
        [n, ...]

    >>> best_of([1.0, 2.0, 3.0, 6.0], [1.0, 2.0, 3.0, 4.0], [1, 2])
    array([3., 4.])
    """
    values, proxy = np.asarray(values, np.float64), np.asarray(proxy, np.float64)
    order = np.argsort(proxy, axis=-1, kind="stable")
    ranked, by = (np.take_along_axis(x, order, axis=-1) for x in (values, proxy))
    return np.moveaxis(_shared(ranked, by) @ _by_rank(values.shape[-1], n).T, -1, 0)


def gain(values: ArrayLike, proxy: ArrayLike, n: float) -> Any:
    """What the best of n by the proxy is worth over the mean, in standard deviations of the values.

    Args:
        values, proxy: [..., N].

    Returns:
        [...]; NaN where values do not vary.
    """
    values = np.asarray(values, np.float64)
    centred = values - values.mean(-1, keepdims=True)
    return best_of(centred, proxy, [n])[0] / _spread(values)


def _by_rank(size: int, n: ArrayLike) -> Floats:
    """The probability that the best of n is the k-th from below, [n, N]."""
    edges = np.arange(size + 1) / size
    return np.diff(edges ** np.asarray(n, np.float64)[:, None], axis=1)


def _shared(values: Floats, ranked: Floats) -> Floats:
    """Values [..., N], each the mean over all whose ``ranked`` (ascending) is the same."""
    starts = np.ones(ranked.shape, np.bool_)
    starts[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    if starts.all():
        return values
    group = np.cumsum(starts.ravel()) - 1
    means = np.bincount(group, values.ravel()) / np.bincount(group)
    return means[group].reshape(values.shape)


class Fit(NamedTuple):
    """R(d) = R(0) + d (alpha - beta d), the form that Gao et al. found for best-of-n."""

    alpha: Any  # [...] a number for each curve
    beta: Any

    @property
    def peak(self) -> Any:
        """d* = alpha / (2 beta); NaN where the curve has no peak beyond d = 0."""
        alpha, beta = np.asarray(self.alpha), np.asarray(self.beta)
        has = (alpha > 0) & (beta > 0)
        return np.where(has, alpha / (2 * np.where(has, beta, 1.0)), np.nan)


def fit(d: Floats, values: Floats) -> Fit:
    """Fit the form of Gao et al. by least squares; R(0) is the first value and is not fitted.

    Args:
        d: [n] square root of the divergence, 0 first.
        values: [n, ...] of each n.

    Returns:
        alpha and beta [...]; NaN where d does not grow, as where all proxies are the same.
    """
    flat = (values - values[:1]).reshape(len(d), -1)
    design = np.column_stack([d, -(d**2)])
    if np.linalg.matrix_rank(design) < 2:
        nothing = np.full(values.shape[1:], np.nan)
        return Fit(nothing, nothing)
    alpha, beta = np.linalg.lstsq(design, flat, rcond=None)[0]
    return Fit(alpha.reshape(values.shape[1:]), beta.reshape(values.shape[1:]))


class Curve(NamedTuple):
    """What becomes of a payoff as selection on a proxy gets harder.

    All numbers are over replicates; of one replicate over its individuals.
    """

    values: list[Estimate]  # [n] expected payoff of the best of n
    alpha: Estimate
    beta: Estimate
    peak: Estimate  # d*
    residual: float  # root mean square of values less fit, of the mean curve
    gain: Estimate  # of the best of the largest n over the mean, in standard deviations
    gap: Estimate  # what the proxy gains, in its standard deviations, less the payoff's gain
    correlation: Estimate  # of payoff and proxy


def curve(values: list[Floats], proxies: list[Floats], n: Floats, bootstrap: Bootstrap) -> Curve:
    """Follow a payoff over n.

    Args:
        values, proxies: [replicate] of [N], the individuals of each, N may differ.
        n: [n] at most the smallest N.
        bootstrap: how to make intervals: over replicates where there are several, else over
            individuals, with d as it is.
    """
    d = distance(proxies, n)
    if len(values) > 1:
        each = np.stack([_numbers(v, p, n, d) for v, p in zip(values, proxies, strict=True)])
        estimates = [intervals.mean(column, bootstrap) for column in each.T]
    else:
        estimates = intervals.estimates(
            lambda v, p, axis=-1: _numbers(v, p, n, d), bootstrap, values[0], proxies[0]
        )
    k = len(n)
    alpha, beta, gain, gap, correlation = estimates[k : k + 5]
    middle = np.array([e.value for e in estimates[:k]])
    fitted = middle[0] + d * (alpha.value - beta.value * d)
    if len(values) > 1:
        top = intervals.estimate(
            lambda a, b, axis=-1: Fit(np.mean(a, axis=axis), np.mean(b, axis=axis)).peak,
            bootstrap, each[:, k], each[:, k + 1],
        )  # fmt: skip
    else:
        top = estimates[k + 5]
    return Curve(
        estimates[:k],
        alpha,
        beta,
        top,
        float(np.sqrt(np.mean((middle - fitted) ** 2))),
        gain,
        gap,
        correlation,
    )


def distance(proxies: list[Floats], n: Floats) -> Floats:
    """d of each n: the square root of the exact divergence, its mean over replicates."""
    d = np.mean([np.sqrt(divergence(chances(proxy, n))) for proxy in proxies], axis=0)
    return np.where(np.asarray(n) == 1.0, 0.0, d)


def _numbers(values: Floats, proxy: Floats, n: Floats, d: Floats) -> Floats:
    """Of populations [..., N]: the curve, alpha, beta, gain, gap, correlation, d*, [n + 6, ...]."""
    spread, width = _spread(values), _spread(proxy)
    centred, by = (x - x.mean(-1, keepdims=True) for x in (values, proxy))
    centred = np.where(np.isnan(spread)[..., None], 0.0, centred)  # not what rounding left
    gained = best_of(centred, proxy, n)
    fitted = fit(d, gained)
    over_n = values.mean(-1) + gained
    gain = gained[-1] / spread
    gap = best_of(by, proxy, n[-1:])[0] / width - gain
    correlation = (centred * by).mean(-1) / (spread * width)
    return np.stack([*over_n, fitted.alpha, fitted.beta, gain, gap, correlation, fitted.peak])


def _spread(values: Floats) -> Floats:
    """The standard deviation over the last axis; NaN where nothing varies."""
    spread = values.std(-1)
    return np.where(spread > EQUAL * np.abs(values).max(-1), spread, np.nan)


# The metric: what selecting harder would do to the intended payoff

BEST_OF = 10
"""Individuals of whom the best is taken."""


@metric(
    "pressure",
    figure="best_of_n",
    undefined="the intended payoff is the same for all",
    unit="standard deviations",
    exact=expectations_are_exact,
    description="what the best of 10 by the selected payoff gains of the intended one",
    trajectory="pressure",
    uses=frozenset({"where", "at"}),
)
def _pressure(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    generation = generation_of(data, query)
    bred = max(0, generation - 1)  # of a flip both sides are of the population bred before it
    (probe,) = at_probe(data, query, data["probe"].values[None])
    evolved = data["expected_payoff"].sel(mind="evolved", probe=int(probe))
    paid = evolved.sel(payoff=scenario.objective_at(bred).selected)
    genomes = data["genome"].sel(generation=generation).transpose("replicate", "individual", ...)
    sampled = data["probe_individual"].sel(probe=generation).transpose("replicate", "sample").values
    cost = np.full(sampled.shape, np.nan)  # of depth and senses, of the sampled individuals
    for row, (genes, who) in enumerate(zip(genomes.values, sampled, strict=True)):
        cost[row, who >= 0] = mind.cost(scenario, mind.express(scenario, genes[who[who >= 0]]))
    proxy = -cost
    for name, weight in scenario.mixture_at(bred).items():
        proxy = proxy + weight * _rows(paid.sel(environment=name))
    where = environment_of(data, scenario, query)
    intended = _rows(evolved.sel(payoff=scenario.objective.intended, environment=where))
    found = np.full(len(proxy), np.nan)
    for row, there in enumerate(np.isfinite(proxy)):  # without those absent
        if there.any():
            found[row] = gain(intended[row, there], proxy[row, there], BEST_OF)
    return (found,)


def _rows(values: xr.DataArray) -> Floats:
    return np.asarray(values.transpose("replicate", "sample").values, np.float64)
