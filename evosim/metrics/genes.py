"""Metrics of genes: what the population has become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.errors import EvosimError
from evosim.metrics.query import Floats, Query, generation_of, largest, require_known
from evosim.metrics.registry import DIED_OUT, DRIVE, LOCUS, Columns, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def phenotypes(
    data: xr.Dataset, scenario: Scenario, generation: int
) -> list[dict[str, NDArray[Any]]]:
    """The phenotypes of a whole generation, one table a replicate; padding is left out."""
    population = data["genome"].sel(generation=generation)
    genomes = population.transpose("replicate", "individual", "locus").values
    return [
        mind.phenotype(scenario, np.asarray(one[~np.isnan(one).any(axis=1)])) for one in genomes
    ]


def _mean_phenotype(data: xr.Dataset, scenario: Scenario, query: Query, generation: int) -> Floats:
    expressed = phenotypes(data, scenario, generation)
    of = require_known(query.of, expressed[0], "locus", query)
    return np.array([np.mean(one[of]) if len(one[of]) else np.nan for one in expressed])


@metric(
    "gene",
    figure="genes",
    undefined=DIED_OUT,
    description="mean phenotype of the population; of a sense the share that has it",
    label="mean {of}",
    argument=LOCUS,
    trajectory="gene",
    per_generation=True,
    uses=frozenset({"at"}),
    has_peak=True,
)
def _gene(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    if query.at == "peak" and query.generation is None:
        every = [_mean_phenotype(data, scenario, query, int(g)) for g in data["generation"].values]
        return (largest(np.array(every)),)
    generation = generation_of(data, query)
    return (_mean_phenotype(data, scenario, query, generation),)


@metric(
    "share",
    figure="genes",
    undefined=DIED_OUT,
    description="share of a drive in the unit vector of drives, its square",
    label="share of {of} in the drives",
    unit="share",
    bounds=(0.0, 1.0),
    argument=DRIVE,
    trajectory="share",
    per_generation=True,
    uses=frozenset({"at"}),
)
def _share(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    expressed = phenotypes(data, scenario, generation_of(data, query))
    of = require_known(query.of, expressed[0], "locus", query)
    return (np.array([np.mean(one[of] ** 2) if len(one[of]) else np.nan for one in expressed]),)


@metric(
    "takeoff",
    figure="genes",
    description="first generation whose mean phenotype reaches `level`; all generations if none "
    "does",
    label="first generation with {of} of {level:g}",
    unit="generations",
    argument=LOCUS,
    trajectory="gene",
    uses=frozenset({"level"}),
)
def _takeoff(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    if query.level is None:
        raise EvosimError("measure 'takeoff' needs level = number, what is to be reached")
    every = np.array(
        [_mean_phenotype(data, scenario, query, int(g)) for g in data["generation"].values]
    )
    reached = every >= query.level
    return (np.where(reached.any(axis=0), reached.argmax(axis=0), len(every)).astype(float),)


def _share_between(*columns: Floats, axis: int = -1) -> Any:
    """Variance of replicate means over it plus the mean variance within replicates."""
    *means, within = columns
    if within.shape[axis] < 2:
        return np.mean(np.full_like(within, np.nan), axis=axis)  # of one there is no variance
    between = sum(np.var(column, axis=axis, ddof=1) for column in means)
    whole = between + np.mean(within, axis=axis)
    return np.divide(between, whole, out=np.full_like(whole, np.nan), where=whole > 0)


@metric(
    "between",
    figure="genes",
    undefined="there is one replicate, or all have the same drives",
    label="share of variance between replicates",
    unit="share",
    bounds=(0.0, 1.0),
    description="share of the variance of drives that lies between replicates, not within them",
    statistic=_share_between,
    trajectory="between",
    per_generation=True,
    uses=frozenset({"at"}),
)
def _between(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    expressed = phenotypes(data, scenario, generation_of(data, query))
    drives = [name for name in expressed[0] if name.startswith("drive.")]
    means = tuple(
        np.array([np.mean(one[name]) if len(one[name]) else np.nan for one in expressed])
        for name in drives
    )
    within = np.array(
        [
            sum(np.var(one[name]) for name in drives) if len(one[drives[0]]) else np.nan
            for one in expressed
        ]
    )
    return (*means, within)
