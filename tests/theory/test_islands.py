"""Neutral genes in demes on a ring, against the coalescent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from breeding import GAUSSIAN, UNMATED, UNMUTATED, with_genes

from evosim import evolution
from evosim.mechanisms.islands import state as islands
from evosim.mechanisms.islands.metrics import differentiation
from evosim.rng import Purpose, key
from evosim.scenario import Scenario

NEUTRAL: dict[str, Any] = {"operator": "selRandom"}
DEMES, SIZE, MIGRANTS = 5, 8, 2
N = DEMES * SIZE


def ring(every: int = 1, **parts: Any) -> Scenario:
    """Demes that exchange individuals drawn at random."""
    written = {"demes": DEMES, "every": every, "migrants": MIGRANTS, "select": NEUTRAL}
    return with_genes(1, population=N, select=NEUTRAL, mate=UNMATED, islands=written, **parts)


def following(made: Scenario, genomes: np.ndarray, g: int, seed: int) -> evolution.Offspring:
    scores = np.zeros(N)
    source = islands.migration(made, g, scores, key(seed, Purpose.MIGRATE, g))
    seed_key = key(seed, Purpose.BREED, g)
    record = {"source": source}
    return islands.Demes(made).next_generation({}, genomes, scores, seed_key, record).offspring


def coalescence_time(distance: int) -> float:
    """Of two individuals so many demes apart on a ring, in generations.

    Strobeck 1987, Genetics 117: within a deme N, whatever the migration. Slatkin 1991, Genet. Res.
    58: T_j = T_0 + j (D - j) / (2 v) where lineages come one deme nearer with a chance of v and
    one deme farther with v; here v = m (1 - m), as one of the two has to stay, m = k / n.
    """
    m = MIGRANTS / SIZE
    return N + distance * (DEMES - distance) / (2 * m * (1 - m))


def z_of_batches(values: np.ndarray, expected: float, batches: int = 20) -> float:
    """How many standard errors a mean is away, batches being independent."""
    means = values[: len(values) // batches * batches].reshape(batches, -1).mean(axis=1)
    return float((means.mean() - expected) / (means.std(ddof=1) / math.sqrt(batches)))


@pytest.mark.slow
def test_coalescence_times_and_differentiation_are_those_of_the_ring() -> None:
    """Strobeck 1987; Slatkin 1991: F_ST = (T - T_0) / T. 10,000 generations, |z| < 4 in batches of
    12 times T_0; the share itself within 15 %."""
    sigma, burn, generations = 3e-4, 500, 10_500
    mutate = {**GAUSSIAN, "sigma": sigma, "indpb": 1.0}
    made = ring(mutate=mutate, timeline=[{"generations": generations, "train": "wild"}])
    demes = islands.Islands(made, 0).coordinates()["deme"].values
    apart = np.abs(demes[:, None] - demes)
    distance = np.minimum(apart, DEMES - apart)
    pairs = [(distance == j) & ~np.eye(N, dtype=bool) for j in range(3)]
    genomes, times = np.full((N, 1), 0.5), np.zeros((N, N))
    seen, variances = [], []
    for g in range(generations):
        born = following(made, genomes, g, 1)
        genomes, own = born.genomes, born.parents[:, 0]
        times = times[np.ix_(own, own)] + 1.0
        np.fill_diagonal(times, 0.0)
        if g >= burn:
            seen.append([times[pair].mean() for pair in pairs])
            within = genomes.reshape(DEMES, SIZE).var(axis=1, ddof=1).mean()
            variances.append([within, genomes.var(ddof=1)])
    for j, column in enumerate(np.array(seen).T):
        assert abs(z_of_batches(column, coalescence_time(j))) < 4
    counts = [pair.sum() for pair in pairs]
    whole = np.average([coalescence_time(j) for j in range(3)], weights=counts)
    for column, time in zip(np.array(variances).T, (coalescence_time(0), whole), strict=True):
        assert abs(z_of_batches(column / sigma**2, time)) < 4
    within, total = np.mean(variances, axis=0)
    assert abs((1 - within / total) / (1 - coalescence_time(0) / whole) - 1) < 0.15


@pytest.mark.slow
def test_without_migration_demes_drift_apart_as_populations_of_their_own() -> None:
    """Wright 1931: variance within falls by 1 - 1/n in a generation, between pairs of different
    demes it stays. 400 runs of 12 generations, |z| < 4."""
    made = ring(every=1000, mutate=UNMUTATED)
    demes = islands.Islands(made, 0).coordinates()["deme"].values
    rng = np.random.default_rng(3)
    runs, generations = 400, 12
    within, whole, share = np.zeros((3, runs))
    for run in range(runs):
        genomes = rng.random((N, 1))
        for g in range(generations):
            genomes = following(made, genomes, g, run).genomes
        within[run] = genomes.reshape(DEMES, SIZE).var(axis=1, ddof=1).mean()
        whole[run] = genomes.var(ddof=1)
        share[run] = differentiation(genomes, demes)
    v0, kept = 1 / 12, (1 - 1 / SIZE) ** generations
    same = (SIZE - 1) / (N - 1)
    for values, expected in (
        (within, v0 * kept),
        (whole, v0 * (same * kept + 1 - same)),
    ):
        z = (values.mean() - expected) / (values.std(ddof=1) / math.sqrt(runs))
        assert abs(z) < 4
    assert share.mean() == pytest.approx(1 - within.mean() / whole.mean(), abs=0.05)
