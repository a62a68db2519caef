"""The DEAP operators that a scenario may name: an allow-list, and what each one means.

Each is registered with what the rest of evosim needs to know of it
(:mod:`evosim.evolution.registry`). docs/extending.md shows how to add one from outside.

Left out on purpose: operators for permutations and integers, those of evolution strategies
(they need a ``.strategy``), those for several objectives, and selWorst but for migration.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from deap import tools
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.evolution.registry import FloatArray, Genes, operator

Floating = TypeVar("Floating", bound=np.floating)


def reflect(genes: NDArray[Floating]) -> NDArray[Floating]:
    """Genes in units of their locus, folded back into [0, 1] at both ends.

    A gene that is within keeps its bits.
    """
    folded = np.mod(genes, 2.0)
    return np.where(folded > 1.0, 2.0 - folded, folded)


# --- what DEAP draws, many at once ----------------------------------------------------------
#
# A call of random.random() or random.choice() for every gene and every place in a tournament takes
# longer than all the rest of breeding. The operators that scenarios name most are therefore here
# once more: they draw the very numbers that DEAP's own would, and return the same to the bit.


def uniforms(n: int) -> FloatArray:
    """The numbers that n calls of ``random.random()`` give."""
    words = _words(2 * n)
    # As the standard library makes 53 bits of two words.
    return ((words[::2] >> 5) * 67108864.0 + (words[1::2] >> 6)) * (1.0 / 9007199254740992.0)


def choices(n: int, times: int) -> list[int]:
    """The places that calls of ``random.choice()`` take of a list of n."""
    bits = n.bit_length()
    found: list[int] = []
    # A number that is too large is drawn again; so never are more drawn than are still needed.
    while len(found) < times:
        drawn = _words(times - len(found)) >> (32 - bits)
        found += drawn[drawn < n].tolist()
    return found


_PIECE = 2**20  # words


def _words(n: int) -> NDArray[np.uint32]:
    """The next n words of 32 bits of the generator."""
    # In pieces, as the standard library counts the bits that it is asked for in 31 bits.
    pieces = [min(_PIECE, n - i) for i in range(0, n, _PIECE)]
    drawn = b"".join(random.getrandbits(32 * m).to_bytes(4 * m, "little") for m in pieces)
    return np.frombuffer(drawn, "<u4")


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


def select_tournament(
    individuals: list[Any], k: int, tournsize: int, fit_attr: str = "fitness"
) -> list[Any]:
    """selTournament: the best of ``tournsize`` that are drawn with replacement, k times."""
    drawn = np.array(choices(len(individuals), k * tournsize)).reshape(k, tournsize)
    scores = np.array([getattr(individual, fit_attr) for individual in individuals])
    best = drawn[np.arange(k), scores[drawn].argmax(axis=1)]  # the first among equals
    return [individuals[i] for i in best.tolist()]


operator("select", "selTournament", shares=tournament_shares)(select_tournament)


def select_truncation(
    individuals: list[Any], k: int, share: float, fit_attr: str = "fitness"
) -> list[Any]:
    """Truncation selection: selRandom from the selBest ``share`` of the individuals.

    The number of the best is ``share`` of all, rounded, at least one. Of equal individuals at
    the edge those that stand first are among them.
    """
    best = tools.selBest(individuals, _number_of_best(len(individuals), share), fit_attr)
    return select_random(best, k)


def truncation_shares(scores: FloatArray, *, share: float) -> FloatArray:
    """Expected shares of :func:`select_truncation`: equal among the best, in DEAP's order."""
    n_best = _number_of_best(len(scores), share)
    best = np.argsort(-scores, kind="stable")[:n_best]
    shares = np.zeros(len(scores))
    shares[best] = 1.0 / n_best
    return shares


def _number_of_best(n: int, share: float) -> int:
    return max(1, round(share * n))


operator("select", "selBest", shares=truncation_shares)(select_truncation)


def equal_shares(scores: FloatArray) -> FloatArray:
    """Every individual expects the same share."""
    return np.full(len(scores), 1.0 / len(scores))


def select_random(individuals: list[Any], k: int, fit_attr: str = "fitness") -> list[Any]:
    """selRandom: no selection at all."""
    return [individuals[i] for i in choices(len(individuals), k)]


operator("select", "selRandom", shares=equal_shares)(select_random)


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
        return select_random(individuals, k)
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


operator("select", "selRoulette", shares=proportional_shares, proportional=True)(select_roulette)
operator("select", "selStochasticUniversalSampling", shares=proportional_shares, proportional=True)(
    select_universal
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


operator(
    "migrate",
    "selBest",
    chances=lambda scores, k: _first(np.argsort(-scores, kind="stable"), k),
)(tools.selBest)
operator(
    "migrate",
    "selWorst",
    chances=lambda scores, k: _first(np.argsort(scores, kind="stable"), k),
)(tools.selWorst)
operator(
    "migrate",
    "selRandom",
    chances=lambda scores, k: np.full(len(scores), k / len(scores)),
)(sample_random)


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


def cross_uniform(ind1: Any, ind2: Any, indpb: float) -> tuple[Any, Any]:
    """cxUniform: each gene is swapped with the chance ``indpb``, in place."""
    # DEAP draws a number for each gene; these are the same ones, drawn at once.
    for i in np.flatnonzero(uniforms(min(len(ind1), len(ind2))) < indpb).tolist():
        ind1[i], ind2[i] = ind2[i], ind1[i]
    return ind1, ind2


for _name, _swapping in {"cxOnePoint": tools.cxOnePoint, "cxTwoPoint": tools.cxTwoPoint}.items():
    operator("mate", _name, neutral=swap_freely, swaps=True, least=2)(_swapping)
operator("mate", "cxUniform", neutral=swap_freely, swaps=True, genewise=True)(cross_uniform)
operator("mate", "cxBlend", neutral=blend, genewise=True)(tools.cxBlend)
operator("mate", "cxSimulatedBinary", neutral=simulated_binary, genewise=True)(
    tools.cxSimulatedBinary
)
operator("mate", "cxSimulatedBinaryBounded", neutral=simulated_binary_bounded, genewise=True)(
    tools.cxSimulatedBinaryBounded
)


# --- mutation -------------------------------------------------------------------------------


def gaussian(rng: np.random.Generator, genes: Genes, *, mu: float, sigma: float) -> Genes:
    """What mutGaussian adds to the genes that it hits."""
    return genes + (mu + sigma * rng.standard_normal(genes.shape, np.float32))


def mutate_gaussian(individual: Any, mu: float, sigma: float, indpb: float) -> tuple[Any]:
    """mutGaussian: with the chance ``indpb`` a normal draw is added to a gene, in place."""
    # A draw of gauss() takes two numbers or none, so that these cannot be drawn at once.
    draw, normal = random.random, random.gauss
    for i in range(len(individual)):
        if draw() < indpb:
            individual[i] += normal(mu, sigma)
    return (individual,)


def polynomial(rng: np.random.Generator, genes: Genes, *, eta: float) -> Genes:
    """What mutPolynomialBounded makes of the genes that it hits, between 0 and 1."""
    u = rng.random(genes.shape)
    below = u < 0.5
    near, side = np.where(below, 1.0 - genes, genes), np.where(below, u, 1.0 - u)
    moved = (2.0 * side + (1.0 - 2.0 * side) * near ** (eta + 1.0)) ** (1.0 / (eta + 1.0)) - 1.0
    return np.clip(genes + np.where(below, moved, -moved), 0.0, 1.0)


operator("mutate", "mutGaussian", neutral=gaussian, genewise=True)(mutate_gaussian)
operator("mutate", "mutPolynomialBounded", neutral=polynomial, genewise=True)(
    tools.mutPolynomialBounded
)
