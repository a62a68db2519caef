"""Who descends from whom: lineages traced back down the recorded pedigree, and founders forward.

A gene of a child is a copy of a gene of one parent, so the genes at a locus form a tree, which
recombination makes another one at every locus. The generations back to the first gene that all
descend from is their coalescence (Kingman 1982, doi:10.1016/0304-4149(82)90011-4). Individuals have
two parents, so that much sooner one individual is an ancestor of all (Chang 1999,
doi:10.1239/aap/1029955256). Blended genes come half from each parent and form no tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.metrics.popgen.pedigree import (
    Descent,
    Pedigree,
    descents,
    last_generation,
    without_parents,
)
from evosim.metrics.query import Query
from evosim.metrics.registry import DIED_OUT, Columns, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


def lineages(pedigree: Pedigree, at: int | None = None) -> FloatArray:
    """How many genes of each generation those of one generation descend from.

    Args:
        at: the generation whose genes are traced; the last if None.

    Returns:
        [at + 1, loci]: row t is t generations back. NaN from where a blended gene was met; 0
        where nobody lived in ``at``.
    """
    at = len(pedigree.sizes) - 1 if at is None else at
    n_loci = pedigree.crossover.shape[2]
    column = np.broadcast_to(np.arange(n_loci), (pedigree.parents.shape[1], n_loci))
    counts = np.zeros((at + 1, n_loci))
    ancestral = np.ones((pedigree.sizes[at], n_loci), bool)
    torn = np.zeros(n_loci, bool)
    for back in range(at + 1):
        counts[back] = np.where(torn, np.nan, ancestral.sum(axis=0))
        g = at - back
        if not g or not len(ancestral):
            continue
        n = len(ancestral)
        torn |= (ancestral & (pedigree.crossover[g, :n] == 2)).any(axis=0)
        source = pedigree.inherited(g)[0]
        parents = np.zeros((pedigree.sizes[g - 1], n_loci), bool)
        parents[source[ancestral], column[:n][ancestral]] = True
        ancestral = parents
    return counts


def coalescence_time(counts: FloatArray) -> FloatArray:
    """Generations back to the most recent gene that all descend from.

    Args:
        counts: [generations back, loci] of :func:`lineages`.

    Returns:
        [loci]; NaN where the genes of the first generation recorded were still several, where
        genes were blended before they met, and where nobody lived.
    """
    one = counts == 1
    return np.where(one.any(axis=0), one.argmax(axis=0), np.nan).astype(np.float64)


def common_ancestor(pedigree: Pedigree, at: int | None = None) -> float:
    """Generations back to the most recent individual that is an ancestor of everybody.

    Args:
        at: the generation that looks back; the last if None.

    Returns:
        0 for a population of one; NaN where no such ancestor is recorded, or nobody lived.
    """
    at = len(pedigree.sizes) - 1 if at is None else at
    everybody = np.packbits(np.ones(pedigree.sizes[at], bool))
    descendants = np.packbits(np.eye(pedigree.sizes[at], dtype=bool), axis=1)
    if not len(everybody):
        return np.nan
    for back in range(at + 1):
        if (descendants == everybody).all(axis=1).any():
            return float(back)
        g = at - back
        if g:
            # Of each parent the union of the sets (rows of bits) of its children.
            own = pedigree.parents[g, : pedigree.sizes[g]]
            of = own.T.ravel()
            order = np.argsort(of, kind="stable")
            first = np.flatnonzero(np.diff(of[order], prepend=-1))
            sets = descendants[order % len(own)]
            descendants = np.zeros((int(pedigree.sizes[g - 1]), sets.shape[1]), np.uint8)
            descendants[of[order][first]] = np.bitwise_or.reduceat(sets, first, axis=0)
    return np.nan


def founder_shares(pedigree: Pedigree) -> FloatArray:
    """The share of every generation's genome that descends from each founder.

    A gene that has mutated still descends from where it was copied; a blended gene half from each
    parent.

    Returns:
        [G, founders]; each row sums to 1, or is NaN where nobody lived.
    """
    if pedigree.blends.any():
        return _blended_shares(pedigree)
    founders, n_loci = int(pedigree.sizes[0]), pedigree.crossover.shape[2]
    column = np.arange(n_loci)
    shares = np.full((len(pedigree.sizes), founders), np.nan)
    founder = np.repeat(np.arange(founders)[:, None], n_loci, axis=1)
    for g, n in enumerate(pedigree.sizes):
        if not n:
            break
        if g:
            founder = founder[pedigree.inherited(g)[0], column]
        shares[g] = np.bincount(founder.ravel(), minlength=founders) / founder.size
    return shares


def _blended_shares(pedigree: Pedigree) -> FloatArray:
    """:func:`founder_shares` where genes are blended: every generation traced back by itself.

    Loci that were crossed alike have the same shares, and are traced once. Operators that blend
    cross all loci alike.
    """
    n_generations, _, n_loci = pedigree.crossover.shape
    flat = pedigree.crossover[1:].reshape(-1, n_loci)
    _, kinds, counts = np.unique(flat, axis=1, return_index=True, return_counts=True)
    steps = [None] + [
        [source[:, kinds] for source in pedigree.inherited(g)] for g in range(1, n_generations)
    ]
    shares = np.full((n_generations, int(pedigree.sizes[0])), np.nan)
    column = np.arange(len(kinds))
    for at in range(n_generations):
        if not pedigree.sizes[at]:
            break
        given = np.full((pedigree.sizes[at], len(kinds)), 1.0 / pedigree.sizes[at])
        for g in range(at, 0, -1):
            n = int(pedigree.sizes[g - 1])
            sums = sum(
                np.bincount((source * len(kinds) + column).ravel(), given.ravel(), n * len(kinds))
                for source in steps[g] or ()
            )
            given = 0.5 * np.reshape(sums, (n, len(kinds)))
        shares[at] = given @ (counts / n_loci)
    return shares


def surviving_founders(shares: FloatArray) -> FloatArray:
    """Founders of whose genome anything is left [...]; NaN where nobody lived.

    Args:
        shares: [..., founders].
    """
    return np.where(np.isnan(shares).any(axis=-1), np.nan, (shares > 0).sum(axis=-1))


def effective_founders(shares: FloatArray) -> FloatArray:
    """The effective number of founders left, 1 / sum p_f^2: so many equal shares would be as
    uneven (Lacy 1989, doi:10.1002/zoo.1430080203).

    Args:
        shares: p, [..., founders].

    Returns:
        [...]; NaN where nobody lived.
    """
    return np.asarray(1.0 / (shares**2).sum(axis=-1), np.float64)


def identity_by_descent(pedigree: Pedigree, start: int, end: int) -> FloatArray:
    """The chance that two genes of a generation descend from one gene of an earlier one.

    Args:
        start, end: the earlier generation and the later.

    Returns:
        [loci]; NaN where genes were blended in between, or fewer than two lived in the end.
    """
    n, n_loci = int(pedigree.sizes[start]), pedigree.crossover.shape[2]
    last = int(pedigree.sizes[end])
    if last < 2:
        return np.full(n_loci, np.nan)
    column = np.arange(n_loci)
    ancestor = np.repeat(np.arange(n)[:, None], n_loci, axis=1)
    for g in range(start + 1, end + 1):
        ancestor = ancestor[pedigree.inherited(g)[0], column]
    copies = np.bincount((ancestor * n_loci + column).ravel(), minlength=n * n_loci)
    copies = copies.reshape(n, n_loci).astype(np.float64)
    alike = (copies * (copies - 1.0)).sum(axis=0) / (last * (last - 1.0))
    blended = (pedigree.crossover[start + 1 : end + 1] == 2).any(axis=(0, 1))
    return np.where(blended, np.nan, alike)


# The metrics


@metric(
    "founders",
    figure="heredity",
    undefined=DIED_OUT,
    description="effective number of founders whose genome is left",
    label="effective number of founders",
    unit="individuals",
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _founders(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    until = data.sel(generation=slice(None, last_generation(data, query)))
    shares = (founder_shares(one.pedigree)[-1] for one in descents(until))
    return (np.array([effective_founders(share) for share in shares]),)


@metric(
    "coalescence",
    figure="heredity",
    undefined=f"no locus evolves, or {DIED_OUT}",
    description="generations back to the gene that all descend from, mean of loci; all if none",
    label="generations to the common ancestor",
    unit="generations",
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _coalescence(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    until = data.sel(generation=slice(None, last_generation(data, query)))
    return (np.array([_back(descent) for descent in descents(until)]),)


def _back(descent: Descent) -> float:
    pedigree = descent.pedigree
    if not pedigree.sizes[-1] or not descent.genome.shape[2]:
        return np.nan
    counts = lineages(pedigree)
    back = np.where((counts > 1).all(axis=0), len(counts), coalescence_time(counts))
    return float(back.mean())
