"""What selection did to genes and traits: differentials, gradients, responses, heritability.

A *selection differential* is the mean of a trait over the selected parents less that over the whole
population; the *response* is the change of the mean from one generation to the next (Falconer &
Mackay 1996, Introduction to Quantitative Genetics, ch. 11). A *selection gradient* tells direct
selection on a gene apart from selection on genes that go along with it (Lande & Arnold 1983,
doi:10.1111/j.1558-5646.1983.tb00236.x).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.metrics.popgen.pedigree import Descent, by_replicate, expressed, without_parents
from evosim.metrics.popgen.price import Price, Step
from evosim.metrics.query import Query, require_known
from evosim.metrics.registry import LOCUS, Columns, locus_names, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]

Traits = Callable[[FloatArray, FloatArray], FloatArray]
"""The traits [N, traits] of a generation, from its genomes [N, loci] and scores [N]."""

IDENTITY = 1e-9
"""By how much of a gene's range the parts of the Price equation may miss the change."""
APART = 1e-10
"""Least eigenvalue of their correlations below which genes cannot be told apart."""


class Response(NamedTuple):
    """Selection differentials of traits in every step, and what came of them.

    ``products`` and ``squares`` are what the regression of offspring on mid-parent is made of, so
    that steps can be pooled: sums over children of (child - mean)(mid-parent - mean) and of
    (mid-parent - mean)^2. They are 0 in steps that bred nobody, where a child is its own parent.
    """

    expected: FloatArray  # [..., traits] differential by expected shares of parentage
    realised: FloatArray  # [..., traits] by realised ones
    change: FloatArray  # [..., traits] of the mean
    products: FloatArray  # [..., traits]
    squares: FloatArray  # [..., traits]


def check_identity(parts: Price, spans: FloatArray) -> float:
    """Assert that selection, drift and transmission sum to the change, where they are defined.

    Args:
        parts: each [..., loci].
        spans: the range of each gene [loci], of which the gap is a share.

    Returns:
        The largest gap, as a share of the range.

    Raises:
        ArithmeticError: a gap above ``IDENTITY``. The change is computed apart from its parts,
            so this is a defect of evosim or damaged data, and no mistake of the user's.
    """
    gap = np.abs(parts.change - parts.selection - parts.drift - parts.transmission) / spans
    largest = float(gap[~np.isnan(parts.selection)].max(initial=0.0))
    if not largest <= IDENTITY:
        raise ArithmeticError(
            f"the Price equation is off by {largest:.3g} of the range of a gene, allowed "
            f"{IDENTITY:g}: the recorded parents, crossovers and genes do not fit together. This "
            "is a defect of evosim, or run.nc was changed"
        )
    return largest


def differential(traits: FloatArray, shares: FloatArray) -> FloatArray:
    """The selection differential, sum p_i z_i less the mean of z: the covariance of relative
    fitness N p_i and z (Robertson 1966, doi:10.1017/S0003356100037752).

    Args:
        traits: z [N, traits].
        shares: p, of parentage [N], summing to 1.

    Returns:
        [traits], in units of each.
    """
    return np.asarray(shares @ _centred(traits), np.float64)


def parent_shares(parents: IntArray, n_parents: int) -> FloatArray:
    """The share of parentage that each individual realised, half of a child for each parent.

    Args:
        parents: [M, 2] rows of the parents' generation.
        n_parents: its size N.

    Returns:
        [N], summing to 1.
    """
    return np.bincount(parents.ravel(), minlength=n_parents) / parents.size


def gradient(genes: FloatArray, shares: FloatArray) -> FloatArray:
    """The selection gradient beta = P^-1 S, in standard deviations of each gene.

    P is the covariance matrix of the genes and S their differentials, so beta are the partial
    regression coefficients of relative fitness on the genes (Lande & Arnold 1983, equation 4);
    each is multiplied by the standard deviation of its gene, which makes it the same in any unit.

    Args:
        genes: [N, loci].
        shares: expected shares of parentage [N].

    Returns:
        [loci]. NaN for genes that all have alike; NaN for all where the others cannot be told
        apart: no more individuals than genes, or genes that are linear functions of others.
    """
    centred = _centred(genes)
    spread = np.sqrt((centred**2).mean(axis=0))
    beta = np.full(genes.shape[1], np.nan)
    varies = np.flatnonzero(spread)
    unit = centred[:, varies] / spread[varies]
    if len(unit) > len(varies) > 0:
        correlations = unit.T @ unit / len(unit)
        if np.linalg.eigvalsh(correlations)[0] > APART:
            beta[varies] = np.linalg.solve(correlations, shares @ unit)
    return beta


def offspring_on_parents(
    before: FloatArray, after: FloatArray, parents: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Sums of products of offspring and mid-parent, and of squares of mid-parents.

    Args:
        before: traits of the parents' generation [N, traits].
        after: of the children [M, traits].
        parents: [M, 2] rows of ``before``; both the same for a child of one.

    Returns:
        Two arrays [traits]; the slope of the regression is the first over the second.
    """
    middle = _centred(0.5 * (before[parents[:, 0]] + before[parents[:, 1]]))
    return (middle * _centred(after)).sum(axis=0), (middle**2).sum(axis=0)


def heritability(products: FloatArray, squares: FloatArray) -> FloatArray:
    """The slope of the regression of offspring on mid-parent, pooled within steps.

    Args:
        products, squares: [steps, traits], of :class:`Response`.

    Returns:
        [traits]; NaN where parents do not differ in any step.
    """
    return _over(np.nansum(products, axis=0), np.nansum(squares, axis=0))


def responses(steps: Iterable[Step | None], traits: Traits, n_traits: int) -> Response:
    """Differentials, response and regression of every step.

    Args:
        steps: of :func:`evosim.metrics.popgen.price.steps`, G - 1 of them.
        traits: what selection is looked at on.
        n_traits: how many they are.

    Returns:
        Each [G - 1, traits]; NaN where a generation has died out or has no parents.
    """
    rows = []
    for step in steps:
        if step is None or step.expected is None:
            rows.append(np.full((5, n_traits), np.nan))
            continue
        before, after = (
            traits(genes, score)
            for genes, score in zip((step.before, step.after), step.scores, strict=True)
        )
        products, squares = np.zeros((2, n_traits))
        if step.bred:
            products, squares = offspring_on_parents(before, after, step.parents)
        found = Response(
            differential(before, step.expected),
            differential(before, parent_shares(step.parents, len(before))),
            after.mean(axis=0) - before.mean(axis=0),
            products,
            squares,
        )
        rows.append(np.stack(found))
    return Response(*np.moveaxis(np.array(rows).reshape(-1, 5, n_traits), 1, 0))


def gradients(steps: Iterable[Step | None], n_loci: int) -> FloatArray:
    """The selection gradient of every step that bred, [G - 1, loci]; else NaN."""
    nothing = np.full(n_loci, np.nan)
    return np.array(
        [
            gradient(step.before, step.expected)
            if step is not None and step.expected is not None and step.bred
            else nothing
            for step in steps
        ]
    ).reshape(-1, n_loci)


def standardized_change(step: Step) -> FloatArray:
    """The squared change of each gene by who bred, over its variance: 1/N_e if it is neutral.

    The temporal method (Nei & Tajima 1981, Genetics 98: 625) with genes in place of alleles,
    which knows the pedigree: the change is sum (nu_i - 1/N) z_i, so mutation is not in it.

    Args:
        step: of two generations of known parents.

    Returns:
        [loci]; NaN for a gene that all have alike.
    """
    change = differential(step.before, parent_shares(step.parents, len(step.before)))
    return _over(change**2, (_centred(step.before) ** 2).mean(axis=0))


def _centred(values: FloatArray) -> FloatArray:
    """Values less their mean over the first axis; exactly 0 where all are equal."""
    alike = np.ptp(values, axis=0) == 0.0
    return np.where(alike, 0.0, values - values.mean(axis=0))


def _over(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)


# The metrics


@metric(
    "differential",
    figure="heredity",
    undefined="nothing is bred in the phase",
    description="selection differential of a trait, summed over a phase",
    label="selection differential of {of}",
    argument=LOCUS,
    trajectory="differential",
    per_generation=True,
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _differential(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    def summed(descent: Descent) -> float:
        found = _response(descent, scenario, query).expected[:, 0]
        return float(np.nansum(found)) if not np.isnan(found).all() else np.nan

    return (by_replicate(data, scenario, query, summed),)


@metric(
    "heritability",
    figure="heredity",
    undefined="parents do not differ, or nothing is bred in the phase",
    description="slope of offspring on mid-parent in a trait, pooled over a phase",
    argument=LOCUS,
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _heritability(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    def slope(descent: Descent) -> float:
        found = _response(descent, scenario, query)
        return float(heritability(found.products, found.squares)[0])

    return (by_replicate(data, scenario, query, slope),)


@metric(
    "fitness_heritability",
    figure="heredity",
    undefined="parents do not differ, or nothing is bred in the phase",
    description="slope of offspring on mid-parent in the score, pooled over a phase",
    label="heritability of fitness",
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _fitness_heritability(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    def slope(descent: Descent) -> float:
        found = responses(descent.steps(scenario), lambda _, score: score[:, None], 1)
        return float(heritability(found.products, found.squares)[0])

    return (by_replicate(data, scenario, query, slope),)


@metric(
    "drifted",
    figure="heredity",
    undefined="the gene does not vary, is pinned, or nothing is bred in the phase",
    description="squared change of a gene by who bred over its variance, mean of a phase",
    label="standardised change of {of}",
    argument=LOCUS,
    uses=frozenset({"at"}),
    unsupported=without_parents,
)
def _drifted(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    _check_locus(scenario, query)
    names = [locus.name for locus in mind.loci(scenario)]
    column = names.index(query.of) if query.of in names else None

    def change(descent: Descent) -> float:
        if column is None:
            return np.nan  # a pinned locus has no gene
        steps = descent.steps(scenario)
        changes = [
            standardized_change(step)[column] for step in steps if step is not None and step.bred
        ]
        defined = np.array(changes)[~np.isnan(changes)]
        return float(defined.mean()) if len(defined) else np.nan

    return (by_replicate(data, scenario, query, change),)


def _response(descent: Descent, scenario: Scenario, query: Query) -> Response:
    """Of the query's trait, as it is expressed."""
    _check_locus(scenario, query)
    return responses(
        descent.steps(scenario), lambda genes, _: expressed(scenario, (query.of,), genes), 1
    )


def _check_locus(scenario: Scenario, query: Query) -> None:
    require_known(query.of, locus_names(scenario), "locus", query)
