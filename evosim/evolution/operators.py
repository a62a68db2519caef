"""The DEAP operators that a scenario may name: an allow-list, and what each one means.

To add an operator, register it here with what the rest of evosim needs to know of it: how it is
called, what share of parentage it gives to a score, and what it does to a neutral gene. Its
keywords are read off the signature of the function that DEAP, or this file, defines.

Left out on purpose: operators for permutations and integers, those of evolution strategies
(they need a ``.strategy``), those for several objectives, and selWorst but for migration.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from deap import tools
from numpy.typing import NDArray

from evosim.errors import EvosimError, Registry

FloatArray = NDArray[np.float64]
Genes = NDArray[np.floating]
Floating = TypeVar("Floating", bound=np.floating)

SUPPLIED = MappingProxyType({"low": 0.0, "up": 1.0})
"""Keywords that evosim gives: genes are varied in units of their locus, from 0 to 1."""
_POSITIONAL = frozenset({"individuals", "k", "fit_attr", "ind1", "ind2", "individual"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What all operators have: a function of deap.tools, or made of some."""

    function: Callable[..., Any]

    def keywords(self) -> tuple[str, ...]:
        """The keywords that a scenario gives, all of them required."""
        return tuple(name for name in _parameters(self.function) if name not in SUPPLIED)

    def supplied(self) -> dict[str, float]:
        """The keywords that evosim gives."""
        return {name: SUPPLIED[name] for name in _parameters(self.function) if name in SUPPLIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Operator):
    """A way to choose parents: ``function(individuals, k, **keywords, fit_attr=...)``.

    Attributes:
        shares: (scores [N], **keywords) -> the share of parentage [N] that each individual
            expects, summing to 1.
        proportional: whether it reads ``fitness.values`` and takes no negative score.
    """

    shares: Callable[..., FloatArray]
    proportional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover(Operator):
    """A way to mix two rows of genes: ``function(ind1, ind2, **keywords)``.

    Attributes:
        swaps: whether it exchanges genes whole, so that each child's gene has one parent.
        genewise: whether it treats one gene after the other, drawing for each alone. Rows laid
            end to end then give, draw for draw, what row after row gives.
        least: fewer loci than this cannot be crossed, and stay as they are.
        neutral: (generator, first, second, **keywords) -> the same two arrays after crossing,
            every element a neutral gene that is linked to none of the genome's own.
    """

    neutral: Callable[..., tuple[Genes, Genes]]
    swaps: bool = False
    genewise: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation(Operator):
    """A way to change a row of genes: ``function(individual, **keywords)``.

    Attributes:
        genewise: as of :class:`Crossover`.
        neutral: (generator, genes, **keywords) -> the genes [m] that a mutation makes of those
            it hits; ``indpb`` of them are hit, which is not this function's part.
    """

    neutral: Callable[..., Genes]
    genewise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration(Operator):
    """A way to choose migrants, or those who make room: ``function(individuals, k, fit_attr=...)``
    returns k different ones.

    Attributes:
        chances: (scores [n], k) -> the chance [n] that each is among them.
    """

    chances: Callable[[FloatArray, int], FloatArray]


SELECT: Registry[Selection] = Registry("selection operator")
MATE: Registry[Crossover] = Registry("crossover operator")
MUTATE: Registry[Mutation] = Registry("mutation operator")
MIGRATE: Registry[Migration] = Registry("migration operator")
OPERATORS: Mapping[str, Registry[Any]] = MappingProxyType(
    {"select": SELECT, "mate": MATE, "mutate": MUTATE}
)
"""The registries, by the key of a scenario's ``evolution`` that names one of their operators."""


@cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name not in _POSITIONAL)


def reflect(genes: NDArray[Floating]) -> NDArray[Floating]:
    """Genes in units of their locus, folded back into [0, 1] at both ends.

    A gene that is within keeps its bits.
    """
    folded = np.mod(genes, 2.0)
    return np.where(folded > 1.0, 2.0 - folded, folded)


# --- selection ------------------------------------------------------------------------------


def tournament_shares(scores: FloatArray, *, tournsize: int) -> FloatArray:
    """Expected shares of tournaments of k drawn with replacement: with L scores lower and E
    equal (oneself among them), ((L + E)/N)^k - (L/N)^k is shared by the E."""
    n = len(scores)
    ranked = np.sort(scores)
    lower = np.searchsorted(ranked, scores, side="left")
    up_to = np.searchsorted(ranked, scores, side="right")
    both = (up_to / n) ** tournsize - (lower / n) ** tournsize
    return np.asarray(both / (up_to - lower), np.float64)


SELECT.register("selTournament")(Selection(function=tools.selTournament, shares=tournament_shares))


def select_truncation(
    individuals: list[Any], k: int, share: float, fit_attr: str = "fitness"
) -> list[Any]:
    """Truncation selection: selRandom from the selBest ``share`` of the individuals.

    The number of the best is ``share`` of all, rounded, at least one. Of equal individuals at
    the edge those that stand first are among them.
    """
    best = tools.selBest(individuals, _number_of_best(len(individuals), share), fit_attr)
    return list(tools.selRandom(best, k))


def truncation_shares(scores: FloatArray, *, share: float) -> FloatArray:
    """Expected shares of :func:`select_truncation`: equal among the best, in DEAP's order."""
    n_best = _number_of_best(len(scores), share)
    best = np.argsort(-scores, kind="stable")[:n_best]
    shares = np.zeros(len(scores))
    shares[best] = 1.0 / n_best
    return shares


def _number_of_best(n: int, share: float) -> int:
    return max(1, round(share * n))


SELECT.register("selBest")(Selection(function=select_truncation, shares=truncation_shares))


def equal_shares(scores: FloatArray) -> FloatArray:
    """Every individual expects the same share."""
    return np.full(len(scores), 1.0 / len(scores))


def select_random(individuals: list[Any], k: int, fit_attr: str = "fitness") -> list[Any]:
    """selRandom: no selection at all."""
    return list(tools.selRandom(individuals, k))


SELECT.register("selRandom")(Selection(function=select_random, shares=equal_shares))


def proportional_shares(scores: FloatArray) -> FloatArray:
    """Shares proportional to scores; equal ones where all scores are 0."""
    _refuse_unproportional(scores.tolist())
    total = scores.sum()
    return equal_shares(scores) if total == 0.0 else scores / total


def select_roulette(individuals: list[Any], k: int, fit_attr: str = "fitness") -> list[Any]:
    """selRoulette, which knows no wheel without a positive score: then selRandom.

    Raises:
        EvosimError: a negative score, or a sum of scores that overflows.
    """
    scores = [getattr(individual, fit_attr).values[0] for individual in individuals]
    _refuse_unproportional(scores)
    if not any(scores):
        return list(tools.selRandom(individuals, k))
    chosen: list[Any] = []
    while len(chosen) < k:  # DEAP drops a spin that rounding leaves beyond the last score
        chosen += tools.selRoulette(individuals, k - len(chosen), fit_attr)
    return chosen


def select_universal(individuals: list[Any], k: int, fit_attr: str = "fitness") -> list[Any]:
    """selStochasticUniversalSampling, shuffled: it chooses in the order of scores, and pairs of
    neighbours would mate each individual with its like (Baker 1987). Without a positive score
    all are chosen equally often.

    Raises:
        EvosimError: a negative score, or a sum of scores that overflows.
    """
    scores = [getattr(individual, fit_attr).values[0] for individual in individuals]
    _refuse_unproportional(scores)
    if not any(scores):
        chosen = [individuals[i % len(individuals)] for i in range(k)]
    else:
        while True:
            try:
                chosen = tools.selStochasticUniversalSampling(individuals, k, fit_attr)
                break
            except IndexError:  # rounding left the last point beyond the last score
                continue
    random.shuffle(chosen)
    return chosen


def _refuse_unproportional(scores: Iterable[float]) -> None:
    total = 0.0
    for individual, score in enumerate(scores):
        if score < 0.0:
            raise EvosimError(
                f"individual {individual} has a score of {score:g}, but selRoulette and "
                "selStochasticUniversalSampling take no negative scores. Use selTournament, or "
                "payoffs and costs that cannot sum to less than 0"
            )
        total += score
    if total == float("inf"):
        raise EvosimError("the sum of the scores is too large for selection in proportion to them")


SELECT.register("selRoulette")(
    Selection(function=select_roulette, shares=proportional_shares, proportional=True)
)
SELECT.register("selStochasticUniversalSampling")(
    Selection(function=select_universal, shares=proportional_shares, proportional=True)
)


# --- migration ------------------------------------------------------------------------------


def sample_random(individuals: list[Any], k: int, fit_attr: str = "fitness") -> list[Any]:
    """selRandom without replacement: nobody migrates twice, and no place is taken twice."""
    return random.sample(individuals, k)


def _first(order: NDArray[np.intp], k: int) -> FloatArray:
    """1 for the first k of an order, 0 for the others."""
    chances = np.zeros(len(order))
    chances[order[:k]] = 1.0
    return chances


MIGRATE.register("selBest")(
    Migration(
        function=tools.selBest,
        chances=lambda scores, k: _first(np.argsort(-scores, kind="stable"), k),
    )
)
MIGRATE.register("selWorst")(
    Migration(
        function=tools.selWorst,
        chances=lambda scores, k: _first(np.argsort(scores, kind="stable"), k),
    )
)
MIGRATE.register("selRandom")(
    Migration(
        function=sample_random, chances=lambda scores, k: np.full(len(scores), k / len(scores))
    )
)


# --- crossover ------------------------------------------------------------------------------


def swap_freely(
    rng: np.random.Generator, first: Genes, second: Genes, *, indpb: float = 0.5
) -> tuple[Genes, Genes]:
    """Swap each gene with a chance: 1/2, that of genes on different chromosomes, where the
    operator's own depends on a place along the genome."""
    swapped = rng.random(first.shape, dtype=np.float32) < indpb
    return np.where(swapped, second, first), np.where(swapped, first, second)


def blend(
    rng: np.random.Generator, first: Genes, second: Genes, *, alpha: float
) -> tuple[Genes, Genes]:
    """cxBlend over arrays."""
    gamma = (1.0 + 2.0 * alpha) * rng.random(first.shape) - alpha
    return (1.0 - gamma) * first + gamma * second, gamma * first + (1.0 - gamma) * second


def simulated_binary(
    rng: np.random.Generator, first: Genes, second: Genes, *, eta: float
) -> tuple[Genes, Genes]:
    """cxSimulatedBinary over arrays."""
    u = rng.random(first.shape)
    beta = np.where(u <= 0.5, 2.0 * u, 1.0 / (2.0 * (1.0 - u))) ** (1.0 / (eta + 1.0))
    middle, half = 0.5 * (first + second), 0.5 * (first - second)
    return middle + beta * half, middle - beta * half


def simulated_binary_bounded(
    rng: np.random.Generator, first: Genes, second: Genes, *, eta: float
) -> tuple[Genes, Genes]:
    """cxSimulatedBinaryBounded over arrays, between 0 and 1."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    gap = high - low
    crossed = (rng.random(first.shape) <= 0.5) & (gap > 1e-14)
    gap = np.where(crossed, gap, 1.0)
    u = rng.random(first.shape)
    children = []
    for room, sign, end in ((low, -1.0, low), (1.0 - high, 1.0, high)):
        alpha = 2.0 - (1.0 + 2.0 * room / gap) ** -(eta + 1.0)
        spread = np.where(u <= 1.0 / alpha, u * alpha, 1.0 / (2.0 - u * alpha))
        beta = spread ** (1.0 / (eta + 1.0))
        child = 0.5 * (low + high + sign * beta * gap)
        children.append(np.where(crossed, np.clip(child, 0.0, 1.0), end))
    # Crossed genes go to either child; genes left alone stay with their own.
    swapped = np.where(crossed, rng.random(first.shape) <= 0.5, first > second)
    return (
        np.where(swapped, children[1], children[0]),
        np.where(swapped, children[0], children[1]),
    )


MATE.register("cxOnePoint")(
    Crossover(function=tools.cxOnePoint, neutral=swap_freely, swaps=True, least=2)
)
MATE.register("cxTwoPoint")(
    Crossover(function=tools.cxTwoPoint, neutral=swap_freely, swaps=True, least=2)
)
MATE.register("cxUniform")(
    Crossover(function=tools.cxUniform, neutral=swap_freely, swaps=True, genewise=True)
)
MATE.register("cxBlend")(Crossover(function=tools.cxBlend, neutral=blend, genewise=True))
MATE.register("cxSimulatedBinary")(
    Crossover(function=tools.cxSimulatedBinary, neutral=simulated_binary, genewise=True)
)
MATE.register("cxSimulatedBinaryBounded")(
    Crossover(
        function=tools.cxSimulatedBinaryBounded, neutral=simulated_binary_bounded, genewise=True
    )
)


# --- mutation -------------------------------------------------------------------------------


def gaussian(rng: np.random.Generator, genes: Genes, *, mu: float, sigma: float) -> Genes:
    """What mutGaussian adds to the genes that it hits."""
    return genes + (mu + sigma * rng.standard_normal(genes.shape, np.float32))


def polynomial(rng: np.random.Generator, genes: Genes, *, eta: float) -> Genes:
    """What mutPolynomialBounded makes of the genes that it hits, between 0 and 1."""
    u = rng.random(genes.shape)
    below = u < 0.5
    near, side = np.where(below, 1.0 - genes, genes), np.where(below, u, 1.0 - u)
    moved = (2.0 * side + (1.0 - 2.0 * side) * near ** (eta + 1.0)) ** (1.0 / (eta + 1.0)) - 1.0
    return np.clip(genes + np.where(below, moved, -moved), 0.0, 1.0)


MUTATE.register("mutGaussian")(
    Mutation(function=tools.mutGaussian, neutral=gaussian, genewise=True)
)
MUTATE.register("mutPolynomialBounded")(
    Mutation(function=tools.mutPolynomialBounded, neutral=polynomial, genewise=True)
)
