"""Measures of an open population, with ``[evolution.open]``: how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.metrics import population_size as open_population
from evosim.metrics.registry import (
    Columns,
    Term,
    generation_of,
    measure,
)

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@measure(
    "size",
    "individuals of an open population",
    needs="evolution.open",
    heeds=frozenset({"at"}),
    course="size",
    each=True,
    peaks=True,
)
def _size(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    sizes = data["population_size"].transpose("replicate", "generation")
    if term.at == "peak" and term.generation is None:
        return (sizes.values.max(axis=1),)
    return (sizes.sel(generation=generation_of(data, term)).values,)


@measure(
    "extinct",
    "1 where an open population died out by the end, else 0",
    needs="evolution.open",
    course="size",
)
def _extinct(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.extinct(data, scenario),)


@measure(
    "smallest",
    "least size of an open population from the flip on",
    course="size",
    needs="evolution.open",
    flips=True,
)
def _smallest(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.smallest(data, scenario, term.flip),)


@measure(
    "regrown",
    "generations from the flip until an open population is back at its size",
    course="size",
    needs="evolution.open",
    flips=True,
)
def _regrown(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (open_population.regrown(data, scenario, term.flip),)
