"""What became of an open population: whether it died out, how small it got, when it regrew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.mechanisms.open_population.state import OpenPopulation
from evosim.metrics.flips import bounds
from evosim.metrics.query import RECENT, WHEN, Query, generation_of
from evosim.metrics.registry import Columns, metric
from evosim.stats.intervals import Bootstrap, number

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

REGAINED = 0.9
"""Share of its size before the flip from which a population counts as regrown."""


def extinct(dataset: xr.Dataset, scenario: Scenario) -> Floats:
    """1 for each replicate that has died out by the end of the run, else 0, [replicate].

    Raises:
        EvosimError: the population is not open.
    """
    return (_sizes(dataset, scenario)[:, -1] == 0).astype(np.float64)


def smallest(dataset: xr.Dataset, scenario: Scenario, flip: int, last: int | None = None) -> Floats:
    """The least size from a flip on, until the next one or the end, [replicate].

    Args:
        flip: the generation of the flip, the first of a phase.
        last: of several flips that count as one, the generation of the last.

    Raises:
        EvosimError: the population is not open.
    """
    sizes = _sizes(dataset, scenario)
    return sizes[:, flip : bounds(scenario, last or flip)[1]].min(axis=1)


def regrown(dataset: xr.Dataset, scenario: Scenario, flip: int, last: int | None = None) -> Floats:
    """Generations from a flip until a population that fell is back at its size, [replicate].

    Its size is the mean of the five generations before the flip; back is at least 0.9 of it. 0
    for a population that never fell below that, and all generations until the next flip or the
    end for one that never came back. NaN for one that had died out before the flip.

    Args:
        flip: the generation of the flip, the first of a phase.
        last: of several flips that count as one, the generation of the last.

    Raises:
        EvosimError: the population is not open.
    """
    sizes = _sizes(dataset, scenario)
    enough = REGAINED * sizes[:, max(0, flip - RECENT) : flip].mean(axis=1)
    after = sizes[:, flip : bounds(scenario, last or flip)[1]]
    low = after < enough[:, None]
    back = ~low & (np.cumsum(low, axis=1) > 0)
    never = np.where(low.any(axis=1), after.shape[1], 0)
    generations = np.where(back.any(axis=1), back.argmax(axis=1), never).astype(np.float64)
    return np.where(sizes[:, flip - 1] > 0, generations, np.nan)


def _sizes(dataset: xr.Dataset, scenario: Scenario) -> Floats:
    """Size of each population [replicate, generation]."""
    if "population_size" not in dataset:
        raise EvosimError(
            f"scenario {scenario.id!r} has populations of fixed size: extinct, smallest and "
            "regrown need [evolution.open]"
        )
    sizes = dataset["population_size"].transpose("replicate", "generation").values
    return np.asarray(sizes, np.float64)


def summary(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """What became of the size of the population in each replicate."""
    assert scenario.evolution.open is not None
    sizes = dataset["population_size"].transpose("replicate", "generation").values
    generations = dataset["generation"].values
    extinct = [np.flatnonzero(row == 0) for row in sizes]
    return {
        "capacity": scenario.evolution.open.capacity,
        "first": [int(row[0]) for row in sizes],
        "smallest": [int(row.min()) for row in sizes],
        "last": [int(row[-1]) for row in sizes],
        "died_out": sum(len(when) > 0 for when in extinct),
        "died_out_in": [int(generations[when[0]]) if len(when) else None for when in extinct],
    }


FIRST = True
COMPARED = ((Query(measure="extinct"), ""), (Query(measure="size"), WHEN["end"]))


def describe(summary: Mapping[str, Any]) -> str:
    """The section of a summary in words."""
    population, replicates = summary["population"], summary["replicates"]
    when = [g for g in population["died_out_in"] if g is not None]
    if not when:
        head = "Open population: SURVIVED"
    elif replicates == 1:
        head = f"Open population: DIED OUT in generation {when[0]}"
    else:
        generations = ", ".join(map(str, sorted(when)))
        several = "s" if len(when) > 1 else ""
        head = (
            f"Open population: DIED OUT in {len(when)} of {replicates} replicates, in "
            f"generation{several} {generations}"
        )
    sizes = {name: population[name] for name in ("first", "smallest", "last")}
    if replicates > 1:
        words = [f"{name} {number(float(np.mean(n)), '.3g')}" for name, n in sizes.items()]
        kind = "mean size"
    else:
        words = [f"{name} {n[0]}" for name, n in sizes.items()]
        kind = "size"
    return f"{head}\n  {kind}: {', '.join(words)}; capacity {population['capacity']}"


# The metrics

_SIZE = OpenPopulation.variables["population_size"]


@metric(
    "size",
    figure="population",
    description=_SIZE.long_name,
    unit=_SIZE.units,
    label="individuals",
    section="evolution.open",
    uses=frozenset({"at"}),
    trajectory="size",
    per_generation=True,
    has_peak=True,
)
def _size(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    sizes = data["population_size"].transpose("replicate", "generation")
    if query.at == "peak" and query.generation is None:
        return (sizes.values.max(axis=1),)
    return (sizes.sel(generation=generation_of(data, query)).values,)


@metric(
    "extinct",
    figure="population",
    description="1 if an open population died out by the end, else 0",
    label="share that died out",
    unit="share",
    bounds=(0.0, 1.0),
    section="evolution.open",
    trajectory="size",
)
def _extinct(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (extinct(data, scenario),)


@metric(
    "smallest",
    figure="population",
    description="least size of an open population from the flip until the next flip or the end",
    label="fewest individuals",
    unit="individuals",
    trajectory="size",
    section="evolution.open",
    needs_flip=True,
)
def _smallest(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (smallest(data, scenario, query.flip, query.last),)


@metric(
    "regrown",
    figure="population",
    undefined="the population had died out before",
    description="generations from the flip until an open population is back at its size",
    label="generations to regrow",
    unit="generations",
    trajectory="size",
    section="evolution.open",
    needs_flip=True,
)
def _regrown(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (regrown(data, scenario, query.flip, query.last),)
