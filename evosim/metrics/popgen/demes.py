"""Measures of islands, with ``[evolution.islands]``: what the demes have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.metrics.popgen import differentiation
from evosim.metrics.registry import Columns, Term, generation_of, measure

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@measure(
    "differentiation",
    "share of the variance of drives that lies between demes",
    needs="evolution.islands",
    heeds=frozenset({"at"}),
    course="differentiation",
    each=True,
)
def _differentiation(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    lived = data["genome"].sel(generation=generation_of(data, term))
    genomes = lived.transpose("replicate", "individual", "locus").values
    drives = differentiation.drives(scenario, genomes)
    return (differentiation.differentiation(drives, data["deme"].values),)
