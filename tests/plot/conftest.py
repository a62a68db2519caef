"""A made-up run to draw: scenarios and datasets that follow the contract of run.nc."""

from __future__ import annotations

import copy
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parent))

import tomli_w
from synthetic import dataset, episode

from evosim import scenario as scenarios
from evosim.plot.episode import Episode
from evosim.plot.run_view import RunView
from evosim.scenario import Scenario

PILL = """
id       = "pill"
title    = "The pill"
question = "What is followed, the drive or the fitness?"

[objective]
intended = "children"
selected = "children"

[agent]
drives   = ["sweetness", "touch", "cuteness"]
depth    = [0, 20]
patience = 0.97

[world]
rows = 5
cols = 6
edges = "torus"
lifetime = 60
slip = 0.05

[world.variables.energy]
values = 8
start  = 7
drift  = { step = -1, chance = 0.15 }
fatal  = 0

[world.variables.fertile]
values = 2
start  = [0.5, 0.5]
drift  = { step = 1, chance = 0.2 }

[world.kinds.berry]
glyph = "b"
count = 2
regrow = 0.05
use.eat = { add = { energy = 3 }, feels = { sweetness = 1.0 } }

[world.kinds.mate]
glyph = "m"
count = 2

[world.kinds.mate.use.court]
when   = { fertile = 1 }
set    = { fertile = [0.9, 0.1] }
feels  = { touch = 1.0 }
yields = { children = 1.0 }

[world.kinds.baby]
glyph = "y"
count = 1
here = { feels = { cuteness = 0.6 } }
use.care = { yields = { children = 0.4 }, ends = 0.02 }

[world.always.hunger]
when  = { energy = [0, 2] }
feels = { sweetness = -0.1 }

[environments.ancestral]
title = "before the pill"

[environments.modern]
title = "the pill is approved"
kinds.mate.use.court.yields.children = 0.02

[evolution]
population = 30
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 20
train = "ancestral"

[[timeline]]
generations = 12
train = "modern"
select = false

[[timeline]]
generations = 8
train = { ancestral = 0.75, modern = 0.25 }

[measure]
every  = 5
levels = 4
sample = 8
"""

Make = Callable[..., Scenario]


def changed(**changes: Any) -> Scenario:
    """The scenario with some keys replaced; ``world__rows=3`` is world.rows."""
    document: dict[str, Any] = copy.deepcopy(tomllib.loads(PILL))
    for path, value in changes.items():
        *tables, last = path.split("__")
        table = document
        for name in tables:
            table = table[name]
        table[last] = value
    return scenarios.loads(tomli_w.dumps(document))


@pytest.fixture(scope="session")
def make() -> Make:
    """Makes scenarios that differ in some keys from the one of this file."""
    return changed


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    """Two environments, flips at generations 20 and 32, no selection in between."""
    return changed()


@pytest.fixture(scope="session")
def data(scenario: Scenario) -> xr.Dataset:
    """One replicate of it."""
    return dataset(scenario)


@pytest.fixture(scope="session")
def several(scenario: Scenario) -> xr.Dataset:
    """Five replicates of it."""
    return dataset(scenario, replicates=5)


@pytest.fixture(scope="session")
def lifetime(scenario: Scenario) -> Episode:
    """A lifetime in the ancestral environment."""
    return episode(scenario, "ancestral")


@pytest.fixture(scope="session")
def view(scenario: Scenario, data: xr.Dataset, lifetime: Episode) -> RunView:
    """What figures of one replicate are drawn from."""
    return RunView(data=data, scenario=scenario, episode=lifetime)


@pytest.fixture(scope="session")
def views(scenario: Scenario, several: xr.Dataset, lifetime: Episode) -> RunView:
    """What figures of several replicates are drawn from."""
    return RunView(data=several, scenario=scenario, episode=lifetime)
