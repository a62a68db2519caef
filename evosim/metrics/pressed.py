"""The measure of optimisation pressure: what selecting harder would do to the intended payoff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim import mind
from evosim.metrics import best_of_n
from evosim.metrics.registry import (
    Columns,
    Floats,
    Term,
    at_probe,
    environment_of,
    generation_of,
    measure,
)

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

BEST_OF = 10
"""Individuals of whom the best is taken."""


@measure(
    "pressure",
    "what the best of 10 by the selected payoff gains of the intended one, in standard deviations",
    course="pressure",
    heeds=frozenset({"where", "at"}),
)
def _pressure(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    generation = generation_of(data, term)
    bred = max(0, generation - 1)  # of a flip both sides are of the population bred before it
    evolved = data["expected_payoff"].sel(mind="evolved", probe=_probe(data, term))
    paid = evolved.sel(payoff=scenario.objective_at(bred).selected)
    proxy = -scenario.agent.thinking_cost * _depths(data, scenario, generation)
    for name, weight in scenario.phase_at(bred).mixture.items():
        proxy = proxy + weight * _rows(paid.sel(environment=name))
    where = environment_of(data, scenario, term)
    intended = _rows(evolved.sel(payoff=scenario.objective.intended, environment=where))
    return (np.array([_gain(*pair) for pair in zip(intended, proxy, strict=True)]),)


def _probe(data: xr.Dataset, term: Term) -> int:
    """The generation that the term looks at, which must have been probed."""
    probes = data["probe"].values
    (found,) = at_probe(data, term, probes[None])
    return int(found)


def _rows(values: xr.DataArray) -> Floats:
    return np.asarray(values.transpose("replicate", "sample").values, np.float64)


def _depths(data: xr.Dataset, scenario: Scenario, generation: int) -> Floats:
    """The rounded depths of the sampled individuals, [R, sample]; NaN of those absent."""
    genomes = data["genome"].sel(generation=generation).transpose("replicate", "individual", ...)
    sampled = data["probe_individual"].sel(probe=generation).transpose("replicate", "sample").values
    found = np.full(sampled.shape, np.nan)
    for row, (genes, who) in enumerate(zip(genomes.values, sampled, strict=True)):
        found[row, who >= 0] = mind.express(scenario, genes[who[who >= 0]]).depth
    return found


def _gain(intended: Floats, proxy: Floats) -> float:
    """Of one replicate [sample], without those absent; NaN where nothing varies."""
    there = np.isfinite(proxy)
    return float(best_of_n.gain(intended[there], proxy[there], BEST_OF)) if there.any() else np.nan
