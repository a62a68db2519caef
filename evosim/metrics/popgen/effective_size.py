"""Effective population size: the size of an ideal population that would drift as much.

From pairs with a common parent, from the variance of offspring numbers, and from identity by
descent over many generations (Crow & Denniston 1988, doi:10.1111/j.1558-5646.1988.tb04154.x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.metrics.popgen.pedigree import Descent, by_replicate, without_parents
from evosim.metrics.query import Query
from evosim.metrics.registry import Columns, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]


def coalescence_probability(parents: IntArray) -> FloatArray:
    """The chance that two different children have a gene from the same parent.

    sum n_i (n_i - 1) / (N (N - 1)) over the numbers n_i of children: an estimate without bias of
    sum p_i^2, the share of heterozygosity that a generation loses.

    Args:
        parents: [..., N, 2]; -1 for none (generation 0, genomes that were sampled) and, after
            the others, for individuals that an open population lacks.

    Returns:
        [...]; NaN where nobody has parents or N is 1.
    """
    own = np.asarray(parents)[..., 0]
    flat = own.reshape(-1, own.shape[-1])
    result = np.full(len(flat), np.nan)
    for g, row in enumerate(flat):
        known = row[row >= 0]
        n = len(known)
        if n > 1:
            children = np.bincount(known).astype(np.float64)
            result[g] = (children * (children - 1.0)).sum() / (n * (n - 1.0))
    return result.reshape(own.shape[:-1])


def inbreeding_size(parents: IntArray) -> FloatArray:
    """The effective population size of each generation: the size of a population of parents
    drawn at random that would drift as much; infinite where no two children share a parent.

    Means over generations are harmonic: average :func:`coalescence_probability`, then invert.

    Args:
        parents: [..., N, 2].

    Returns:
        [...] individuals.

    >>> inbreeding_size(np.array([[0, 0], [0, 0], [1, 1], [2, 2]]))  # one pair of six, by parent 0
    array(6.)
    """
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / coalescence_probability(parents), np.float64)


def variance_size(parents: IntArray, n_parents: int) -> float:
    """The effective size of a generation from the variance of offspring numbers.

    (N - 1) k^2 / V, with k = M/N the mean number of offspring and V its variance over the N
    parents (Crow & Denniston 1988, doi:10.1111/j.1558-5646.1988.tb04154.x, haploid). It is the size
    whose drift of frequencies is as large. At constant size it equals that of
    :func:`inbreeding_size`, which counts pairs with one parent; where
    the population grows or shrinks, the former looks at the children and the latter at the parents.

    Args:
        parents: of the children [M, 2]; each is counted for its first parent.
        n_parents: N.

    Returns:
        Individuals; infinite where all have equally many children; NaN for one parent or less.
    """
    if n_parents < 2 or not len(parents):
        return np.nan
    children = np.bincount(parents[:, 0], minlength=n_parents).astype(np.float64)
    k, spread = children.mean(), children.var()
    with np.errstate(divide="ignore"):
        return float((n_parents - 1) * k**2 / spread)


def identity_size(identities: FloatArray, generations: int) -> float:
    """The effective size whose drift alone would have made so many genes identical by descent.

    1 - F = (1 - 1/N_e)^t. Where fitness is inherited it is smaller than the sizes of single
    generations, as the same families win again and again (Robertson 1961,
    doi:10.1017/S0016672300000690).

    Args:
        identities: F of each locus [loci]; their mean is taken. See
            :func:`evosim.metrics.popgen.coalescent.identity_by_descent`.
        generations: t, in which somebody was born.

    Returns:
        Individuals; infinite where none are identical, NaN where all are, or t is 0.
    """
    f = float(np.mean(identities)) if len(identities) else np.nan
    if not f < 1.0 or generations < 1:
        return np.nan
    with np.errstate(divide="ignore"):
        return float(np.float64(1.0) / (1.0 - (1.0 - f) ** (1.0 / generations)))


def harmonic_mean(chances: FloatArray) -> float:
    """The harmonic mean of effective sizes, from the chances of common parentage, their inverses.

    Returns:
        Individuals; NaN where no two children had a parent in common, or nobody lived.
    """
    total = np.nansum(chances)
    return float(np.sum(~np.isnan(chances)) / total) if total > 0 else np.nan


# The metric


@metric(
    "effective_size",
    figure="heredity",
    undefined="no two children have a parent in common",
    label="effective population size",
    unit="individuals",
    bounds=(1.0, np.inf),
    description="effective population size of a phase, the harmonic mean of its generations",
    trajectory="effective_size",
    per_generation=True,
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _effective_size(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    def size(descent: Descent) -> float:
        return harmonic_mean(coalescence_probability(descent.parents[1:]))

    return (by_replicate(data, scenario, query, size),)
