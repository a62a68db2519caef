"""Runs that were bred and not lived: what a run records of descent, as a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from breeding import Floats, evolve

from evosim.mind import initial, loci
from evosim.rng import Purpose, key
from evosim.scenario import Scenario


def dataset(
    scenario: Scenario,
    score: Callable[[Floats, int], Floats] = lambda genes, _: genes[:, 0],
    *,
    replicates: int = 1,
    n: int = 20,
) -> xr.Dataset:
    """All generations of the scenario's timeline, as run.nc has them."""
    courses = [
        evolve(
            scenario,
            initial(scenario, n, key(r, Purpose.INITIAL)),
            score,
            generations=scenario.generations,
            seed=r,
        )
        for r in range(replicates)
    ]
    return of_courses(scenario, courses)


def of_courses(scenario: Scenario, courses: Any) -> xr.Dataset:
    """A dataset of genome, score, parents and crossover of each replicate."""
    names = ("genome", "score", "parents", "crossover")
    last = {"genome": ("locus",), "score": (), "parents": ("parent",), "crossover": ("locus",)}
    variables = {
        name: (
            ("replicate", "generation", "individual", *last[name]),
            np.array([course[i] for course in courses]),
        )
        for i, name in enumerate(names)
    }
    generations = np.arange(len(courses[0][0]))
    return xr.Dataset(
        variables,
        coords={
            "replicate": np.arange(len(courses)),
            "generation": generations,
            "locus": [locus.name for locus in loci(scenario)],
        },
        attrs={"seed": "1"},
    )
