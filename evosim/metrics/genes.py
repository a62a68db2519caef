"""Measures of genes: what the population has become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.errors import EvosimError
from evosim.metrics.registry import (
    DRIVE,
    LOCUS,
    Columns,
    Floats,
    Term,
    generation_of,
    known,
    largest,
    measure,
)

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def _expressed(
    data: xr.Dataset, scenario: Scenario, generation: int
) -> list[dict[str, NDArray[Any]]]:
    """The phenotypes of a whole generation, one table a replicate; padding is left out."""
    lived = data["genome"].sel(generation=generation)
    genomes = lived.transpose("replicate", "individual", "locus").values
    return [
        mind.phenotype(scenario, one[~np.isnan(one).any(axis=1)] if one.size else one)
        for one in genomes
    ]


def _mean_phenotype(data: xr.Dataset, scenario: Scenario, term: Term, generation: int) -> Floats:
    expressed = _expressed(data, scenario, generation)
    of = known(term.of, expressed[0], "locus", term)
    return np.array([np.mean(one[of]) if len(one[of]) else np.nan for one in expressed])


@measure(
    "gene",
    "mean phenotype of the population; of a sense the share that has it",
    LOCUS,
    course="gene",
    each=True,
    heeds=frozenset({"at"}),
    peaks=True,
)
def _gene(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.at == "peak" and term.generation is None:
        every = [_mean_phenotype(data, scenario, term, int(g)) for g in data["generation"].values]
        return (largest(np.array(every)),)
    generation = generation_of(data, term)
    return (_mean_phenotype(data, scenario, term, generation),)


@measure(
    "share",
    "share of a drive in the unit vector of drives, its square",
    DRIVE,
    course="share",
    each=True,
    heeds=frozenset({"at"}),
)
def _share(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    expressed = _expressed(data, scenario, generation_of(data, term))
    of = known(term.of, expressed[0], "locus", term)
    return (np.array([np.mean(one[of] ** 2) if len(one[of]) else np.nan for one in expressed]),)


@measure(
    "takeoff",
    "first generation whose mean phenotype reaches a level",
    LOCUS,
    course="gene",
    heeds=frozenset({"level"}),
)
def _takeoff(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.level is None:
        raise EvosimError("measure 'takeoff' needs level = number, what is to be reached")
    every = np.array(
        [_mean_phenotype(data, scenario, term, int(g)) for g in data["generation"].values]
    )
    reached = every >= term.level
    return (np.where(reached.any(axis=0), reached.argmax(axis=0), len(every)).astype(float),)


def _share_between(*columns: Floats, axis: int = -1) -> Any:
    """Variance of replicate means over it plus the mean variance within replicates."""
    *means, within = columns
    if within.shape[axis] < 2:
        return np.mean(np.full_like(within, np.nan), axis=axis)  # of one there is no variance
    between = sum(np.var(column, axis=axis, ddof=1) for column in means)
    whole = between + np.mean(within, axis=axis)
    return np.divide(between, whole, out=np.full_like(whole, np.nan), where=whole > 0)


@measure(
    "between",
    "share of the variance of drives that lies between replicates, not within them",
    statistic=_share_between,
    course="between",
    each=True,
    heeds=frozenset({"at"}),
)
def _between(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    expressed = _expressed(data, scenario, generation_of(data, term))
    drives = [name for name in expressed[0] if name.startswith("drive.")]
    means = tuple(np.array([_mean(one[name]) for one in expressed]) for name in drives)
    within = np.array(
        [
            sum(np.var(one[name]) for name in drives) if len(one[drives[0]]) else np.nan
            for one in expressed
        ]
    )
    return (*means, within)


def _mean(values: NDArray[Any]) -> float:
    """The mean; NaN of nobody."""
    return float(np.mean(values)) if len(values) else np.nan
