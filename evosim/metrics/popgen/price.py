"""What moved a gene: selection, chance or transmission; and how far chance alone would have.

The Price equation (Price 1970, doi:10.1038/227520a0) splits every change of a mean gene between
two generations into three parts that sum to it. Gene dropping (MacCluer et al. 1986,
doi:10.1002/zoo.1430050209) sends genes that nothing selects down the recorded pedigree: the band
in which they drift is what a gene must leave before it can be said to be selected.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from evosim.engine.mechanism import reproduction_of, sizes
from evosim.errors import EvosimError
from evosim.evolution import MATE, MUTATE, optimizer_of
from evosim.evolution.operators import reflect
from evosim.mind import Locus, loci

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
Genes = NDArray[np.float32]
"""Neutral genes, which are many and need no more digits."""
Key = TypeVar("Key", bound=Hashable)

NEUTRAL_LOCI = 200
"""Neutral genes that are dropped for every gene of the scenario that starts differently."""


class Price(NamedTuple):
    """Parts of the change of the mean of every gene; change is the sum of the others."""

    change: FloatArray  # [..., loci] mean of the children less mean of the parents' generation
    selection: FloatArray  # [..., loci] by who was expected to breed, given the scores
    drift: FloatArray  # [..., loci] by who did, against expectation
    transmission: FloatArray  # [..., loci] by how genes differ from those inherited


def realised_shares(
    parents: IntArray, crossover: IntArray, n_parents: int | None = None
) -> FloatArray:
    """The share nu_i / N of the children's genes that each parent gave, by locus.

    Args:
        parents: rows of the parents' generation [N, 2].
        crossover: which parent a gene is from [N, loci]; 2: half from each.
        n_parents: size of the parents' generation; None: as many as children.

    Returns:
        Shares [n_parents, loci]; each column sums to 1.
    """
    n, n_loci = crossover.shape
    rows = n if n_parents is None else n_parents
    column = np.arange(n_loci)
    shares = np.zeros(rows * n_loci)
    for source in sources(parents, crossover):
        shares += np.bincount((source * n_loci + column).ravel(), minlength=rows * n_loci)
    return shares.reshape(rows, n_loci) / (2 * n)


def price(
    genomes: FloatArray,
    expected: FloatArray,
    parents: IntArray,
    crossover: IntArray,
    offspring: FloatArray,
) -> Price:
    """The Price equation of one generation, for every gene z.

    selection = sum (p_i - 1/N) z_i, drift = sum (nu_i/N - p_i) z_i, transmission = the mean of
    child less inherited gene; for a blended gene the inherited one is the mean of the parents'.

    Args:
        genomes: the parents' generation [N, loci].
        expected: p, the share of parentage that each of them expected [N]
            (:meth:`evosim.evolution.Reproduction.expected_shares`).
        parents: [M, 2], crossover: [M, loci], offspring: [M, loci]; the children, as
            :class:`evosim.evolution.Offspring`. In an open population M is not N.

    Returns:
        Each part [loci], in units of the gene.
    """
    n, n_loci = genomes.shape
    realised = realised_shares(parents, crossover, n)
    p = expected[:, None]
    first, second = sources(parents, crossover)
    column = np.arange(n_loci)
    inherited = 0.5 * (genomes[first, column] + genomes[second, column])
    return Price(
        change=offspring.mean(axis=0) - genomes.mean(axis=0),
        selection=((p - 1.0 / n) * genomes).sum(axis=0),
        drift=((realised - p) * genomes).sum(axis=0),
        transmission=(offspring - inherited).mean(axis=0),
    )


class Step(NamedTuple):
    """One generation and the next, without padding."""

    before: FloatArray  # [N, loci] genomes
    after: FloatArray  # [M, loci]
    scores: tuple[FloatArray, FloatArray]  # [N] and [M]
    parents: IntArray  # [M, 2]
    crossover: IntArray  # [M, loci]
    expected: FloatArray | None  # [N] shares of parentage; None: genomes that were sampled
    bred: bool  # False: the generation after is the one before


def steps(
    scenario: Scenario,
    genome: FloatArray,
    score: FloatArray,
    parents: IntArray,
    crossover: IntArray,
    source: IntArray | None = None,
    *,
    first: int = 0,
) -> Iterator[Step | None]:
    """Every step of a replicate from one generation to the next, with who was expected to breed.

    Args:
        genome: [G, N, loci], score: [G, N], parents: [G, N, 2], crossover: [G, N, loci]; as
            recorded, an open population with its padding.
        source: [G, N] as recorded, where individuals migrate before they breed.
        first: the generation that the arrays begin with.

    Yields:
        G - 1 steps; None where a generation has died out.

    Raises:
        ValueError: individuals migrate, and there is no ``source``.
    """
    reproduction = reproduction_of(scenario)
    sizes = np.isfinite(genome).all(axis=2).sum(axis=1)
    for g, bred in enumerate(_bred(scenario, parents, first)):
        n, m = sizes[g], sizes[g + 1]
        if not n or not m:
            yield None
            continue
        own = parents[g + 1, :m]
        expected = None
        if own.min() >= 0:
            expected = np.full(n, 1.0 / n)
            if bred:
                record = {} if source is None else {"source": source[g]}
                expected = reproduction.expected_shares(score[g, :n], record)
        yield Step(
            genome[g, :n],
            genome[g + 1, :m],
            (score[g, :n], score[g + 1, :m]),
            own,
            crossover[g + 1, :m],
            expected,
            bred,
        )


def price_series(
    scenario: Scenario,
    genome: FloatArray,
    score: FloatArray,
    parents: IntArray,
    crossover: IntArray,
    source: IntArray | None = None,
    *,
    first: int = 0,
) -> Price:
    """The Price equation of every generation of a replicate.

    Args:
        genome, score, parents, crossover, source, first: as of :func:`steps`.

    Returns:
        Each part [G - 1, loci]; row g is the step from generation g to g + 1. Where a generation
        has died out all parts are NaN. Where genomes were sampled and have no parents, all
        but the change are.

    Raises:
        ValueError: individuals migrate, and there is no ``source``.
    """
    n_generations, _, n_loci = genome.shape
    parts = np.full((4, max(n_generations - 1, 0), n_loci), np.nan)
    found = steps(scenario, genome, score, parents, crossover, source, first=first)
    for g, step in enumerate(found):
        if step is None:
            continue
        if step.expected is None:
            parts[0, g] = step.after.mean(axis=0) - step.before.mean(axis=0)
            continue
        parts[:, g] = price(step.before, step.expected, step.parents, step.crossover, step.after)
    return Price(*parts)


def has_pedigree(scenario: Scenario) -> bool:
    """Whether genomes have parents, down whom neutral genes can be sent; else they are sampled."""
    return optimizer_of(scenario).pedigree


def neutral_genes(
    scenario: Scenario, parents: IntArray, seed_key: int, *, n: int = NEUTRAL_LOCI
) -> dict[str, FloatArray]:
    """Courses of the population mean that each gene could have taken by chance alone.

    Genes that nothing selects are started and mutated as the scenario says for that locus, and
    sent down the recorded pedigree, each through crossovers of its own: under cxOnePoint and
    cxTwoPoint it is linked to no other gene, under cxUniform as any further gene would be.

    Args:
        parents: [G, N, 2] as recorded, from generation 0.
        seed_key: of the purpose NEUTRAL (model 5).
        n: trajectories for each locus.

    Returns:
        By locus, means [G, n] in units of the gene; NaN once a population has died out. Loci
        that start alike share their trajectories.

    Raises:
        EvosimError: the genomes were sampled and have no parents.
    """
    evolving = loci(scenario)
    starts = _alike(evolving, [_start(locus) for locus in evolving])
    low = np.repeat([low for low, _ in starts], n)
    high = np.repeat([high for _, high in starts], n)
    rng = np.random.Generator(np.random.PCG64(seed_key))
    trajectories = np.array(
        [
            genes.mean(axis=0, dtype=np.float64) if len(genes) else np.full(len(low), np.nan)
            for genes in _drop(scenario, parents, low, high, len(low), rng)
        ]
    ).reshape(len(parents), len(starts), n)
    return {
        locus.name: locus.low + (locus.high - locus.low) * trajectories[:, i]
        for i, alike in enumerate(starts.values())
        for locus in alike
    }


def neutral_drives(
    scenario: Scenario, parents: IntArray, seed_key: int, *, n: int = NEUTRAL_LOCI
) -> dict[str, FloatArray]:
    """Courses of the population's median that each unit drive could have taken by chance alone.

    As :func:`neutral_genes`, but whole sets of drives are dropped together and expressed: scaled
    to unit length in every individual, pinned drives included.

    Args:
        parents: [G, N, 2] as recorded, from generation 0.
        seed_key: of the purpose NEUTRAL (model 5).
        n: trajectories for each drive, at least.

    Returns:
        By name of the evolving drive (without ``drive.``), medians [G, >= n]; NaN once a
        population has died out. Drives of equal bounds and start share their trajectories.

    Raises:
        EvosimError: the genomes were sampled and have no parents.
    """
    evolving = [locus for locus in loci(scenario) if locus.name.startswith("drive.")]
    if not evolving:
        return {}
    pinned = [locus.low for locus in scenario.agent.drives.values() if locus.pinned]
    alike = _alike(evolving, [(locus.low, locus.high, *_start(locus)) for locus in evolving])
    sets = -(-n // min(len(group) for group in alike.values()))
    low, high = np.repeat([_start(locus) for locus in evolving], sets, axis=0).T
    rng = np.random.Generator(np.random.PCG64(seed_key))
    base = np.array([[locus.low] for locus in evolving], np.float32)
    span = np.array([[locus.high] for locus in evolving], np.float32) - base
    trajectories = np.empty((len(parents), len(evolving), sets))
    for g, genes in enumerate(_drop(scenario, parents, low, high, sets, rng)):
        if not len(genes):
            trajectories[g] = np.nan
            continue
        drives = base + span * genes.reshape(-1, len(evolving), sets)
        length = np.sqrt((drives**2).sum(axis=1) + float(np.square(pinned).sum()))
        length[length == 0.0] = 1.0
        unit = (drives / length[:, None]).reshape(len(genes), -1)
        trajectories[g] = np.median(np.ascontiguousarray(unit.T), axis=1).reshape(-1, sets)
    place = {locus.name: i for i, locus in enumerate(evolving)}
    return {
        locus.name.removeprefix("drive."): np.concatenate(
            [trajectories[:, place[other.name]] for other in group], axis=1
        )
        for group in alike.values()
        for locus in group
    }


def bands(trajectories: FloatArray, quantiles: Sequence[float]) -> FloatArray:
    """Quantiles over trajectories [G, n], each generation by itself: [G, quantiles]."""
    return np.asarray(np.quantile(trajectories, quantiles, axis=1).T, np.float64)


def sources(parents: IntArray, crossover: IntArray) -> tuple[IntArray, IntArray]:
    """The two rows [N, loci] each that a gene is inherited from; the same where it is one."""
    first, second = np.asarray(parents, np.int64).T[:, :, None]
    return np.where(crossover == 1, second, first), np.where(crossover == 0, first, second)


def _bred(scenario: Scenario, parents: IntArray, first: int = 0) -> Iterator[bool]:
    """Whether each generation but the first was bred, or is the one before it: in a frozen phase,
    and in one that can leave scores unknown where all of them were."""
    itself = np.arange(parents.shape[1])[:, None]
    for g in range(len(parents) - 1):
        phase = scenario.phase_at(first + g)
        copied = phase.may_not_score and bool((parents[g + 1] == itself).all())
        yield phase.select and not copied


def _alike(evolving: Sequence[Locus], keys: Sequence[Key]) -> dict[Key, list[Locus]]:
    """Loci grouped by their keys, in order of appearance."""
    groups: dict[Key, list[Locus]] = {}
    for locus, key in zip(evolving, keys, strict=True):
        groups.setdefault(key, []).append(locus)
    return groups


def _start(locus: Locus) -> tuple[float, float]:
    """Where a locus starts, in units of it."""
    span = locus.high - locus.low
    return (locus.start_low - locus.low) / span, (locus.start_high - locus.low) / span


def _drop(
    scenario: Scenario,
    parents: IntArray,
    low: FloatArray,
    high: FloatArray,
    genomes: int,
    rng: np.random.Generator,
) -> Iterator[Genes]:
    """Neutral genes [N, m] of every generation, in units of their locus.

    Each column starts uniformly between its low and high [m]. Column j belongs to genome
    j % ``genomes`` of every individual: what mutates together or not, as ``chance`` has it.
    """
    if not has_pedigree(scenario):
        raise EvosimError(
            f"{scenario.evolution.optimizer.name} samples its genomes: they have no parents, down "
            "whom neutral genes could be sent, so there is no neutral band"
        )
    fewest, most = sizes(scenario)
    # Where the size varies, arrays are as long as the largest generation.
    n = parents.shape[1] if fewest == most else scenario.evolution.population
    genes = (low + (high - low) * rng.random((n, len(low)))).astype(np.float32)
    yield genes
    for g, bred in enumerate(_bred(scenario, parents)):
        if bred:
            own = parents[g + 1]
            genes = _cross(scenario, genes, own[own[:, 0] >= 0], rng)
            _mutate(scenario, genes, genomes, rng)
        yield genes


def _cross(scenario: Scenario, genes: Genes, parents: IntArray, rng: np.random.Generator) -> Genes:
    """Neutral genes of the children, before mutation; a new array."""
    written = scenario.evolution.mate
    operator = MATE[written.operator]
    children = genes[parents[:, 0]]
    firsts = reproduction_of(scenario).first_of_pairs(len(parents))
    pairs = firsts[parents[firsts, 0] != parents[firsts, 1]]
    if len(pairs):
        born = operator.neutral(rng, children[pairs], children[pairs + 1], **written.options)
        for rows, values in zip((pairs, pairs + 1), born, strict=True):
            children[rows] = values if operator.swaps else reflect(values)
    return children


def _mutate(scenario: Scenario, genes: Genes, genomes: int, rng: np.random.Generator) -> None:
    """Mutate neutral genes in place."""
    written = scenario.evolution.mutate
    options = dict(written.options)
    indpb = options.pop("indpb", 1.0)
    n, m = genes.shape
    hit = rng.random((n, m), dtype=np.float32) < indpb
    if written.chance < 1.0:
        hit &= np.tile(rng.random((n, genomes)) < written.chance, m // genomes)
    at = np.flatnonzero(hit)
    flat = genes.reshape(-1)
    flat[at] = reflect(MUTATE[written.operator].neutral(rng, flat[at], **options))
