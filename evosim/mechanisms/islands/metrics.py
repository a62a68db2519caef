"""How far the demes of a population have come apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.metrics.query import WHEN, Query, generation_of
from evosim.metrics.registry import Columns, metric

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

COMPARED = ((Query(measure="differentiation"), WHEN["end"]),)


def differentiation(values: Floats, demes: NDArray[np.integer]) -> Floats:
    """The share of the variance of traits that lies between demes: 1 - V_within / V_total.

    Variances are over pairs of different individuals, of one deme and of all of them, and summed
    over traits. For neutral genes whose mutations add up the variance of a pair is proportional
    to its coalescence time, and the share is F_ST = (T - T_within) / T (Slatkin 1991,
    doi:10.1017/S0016672300029827). It is 0 in expectation where demes are random parts of one
    population, and may be a little below.

    Args:
        values: traits [..., N, traits] of each individual.
        demes: the deme of each individual [N]; demes are of equal size.

    Returns:
        [...]; NaN where all individuals are alike, or demes have one individual each.

    >>> apart = np.array([[0.0], [0.1], [0.9], [1.0]])
    >>> float(differentiation(apart, np.array([0, 0, 1, 1])).round(2))
    0.98
    """
    known = np.unique(demes)
    whole = values.var(axis=-2, ddof=1).sum(axis=-1)
    if len(demes) < 2 * len(known):
        return np.full_like(whole, np.nan)
    own = [values[..., demes == deme, :].var(axis=-2, ddof=1).sum(axis=-1) for deme in known]
    within = np.mean(own, axis=0)
    share = np.divide(within, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return np.asarray(1.0 - share, np.float64)


def unit_drives(scenario: Scenario, genomes: Floats) -> Floats:
    """Unit drives [..., N, drives] of genomes [..., N, loci]."""
    expressed = mind.phenotype(scenario, genomes.reshape(-1, genomes.shape[-1]))
    named = [expressed[name] for name in expressed if name.startswith("drive.")]
    return np.stack(named, axis=-1).reshape(*genomes.shape[:-1], len(named)).astype(np.float64)


# The metric


@metric(
    "differentiation",
    figure="islands",
    undefined="all have the same drives, or each deme has one individual",
    label="differentiation between demes",
    unit="share",
    bounds=(-np.inf, 1.0),
    description="share of the variance of drives that lies between demes",
    section="evolution.islands",
    uses=frozenset({"at"}),
    trajectory="differentiation",
    per_generation=True,
)
def _differentiation(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    population = data["genome"].sel(generation=generation_of(data, query))
    genomes = population.transpose("replicate", "individual", "locus").values
    drives = unit_drives(scenario, genomes)
    return (differentiation(drives, data["deme"].values),)
