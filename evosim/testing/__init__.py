"""Help for tests, of evosim and of plugins: small scenarios, and the kernels' twin.

:mod:`evosim.testing.reference` is the slow readable twin of the kernels. Nothing of evosim that
runs or measures imports this package.
"""

from __future__ import annotations

from evosim.scenario import Scenario, Settings, loads

__all__ = ["MAZE", "TINY", "maze", "tiny"]

TINY = """\
id       = "tiny"
title    = "Tiny"
question = "Does it run?"

[objective]
intended = "food"
selected = "food"

[agent]
drives        = ["sweet", "sour"]
depth         = [0, 3]
patience      = 0.9
thinking_cost = 0.01

[world]
rows = 3
cols = 3
lifetime = 20

[world.variables.energy]
values = 3
start  = 2
drift  = { step = -1, chance = 0.2 }
fatal  = 0

[world.kinds.fruit]
glyph = "f"
count = 1
use.eat = { add = { energy = 1 }, feels = { sweet = 1.0 }, yields = { food = 1.0 } }

[world.kinds.lime]
glyph = "l"
count = 1
use.eat = { feels = { sour = 1.0 } }

[environments.before]
title = "fruit feeds"

[environments.after]
title = "fruit feeds no longer"
kinds.fruit.use.eat.yields.food = 0.1

[evolution]
population = 20
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 3
train = "before"

[[timeline]]
generations = 3
train = "after"

[measure]
every  = 2
levels = 2
sample = 4

[verdict]
resamples = 50
"""
"""The file of a scenario with two environments, a flip and six generations; it takes no time."""


def tiny(settings: Settings = ()) -> Scenario:
    """The scenario of :data:`TINY`, changed.

    Args:
        settings: values by dotted key, as of :func:`evosim.run`.

    Raises:
        ScenarioError: everything that the settings make wrong, at once.

    Example:
        >>> tiny({"evolution.population": 6}).evolution.population
        6
    """
    return loads(TINY, "tiny.toml", settings)


MAZE = """\
id       = "maze"
title    = "A maze"
question = "How far is it to the cheese?"

[objective]
intended = "cheese"
selected = "cheese"

[agent]
drives   = ["smell"]
depth    = 1
patience = 0.99

[world]
rows     = 13
cols     = 13
maze     = 1
lifetime = 256

# A chance in a thousand to end with every step is a discount of 0.999.
[world.variables.alive]
values = 2
start  = 1
drift  = { step = -1, chance = 0.001 }
fatal  = 0

[world.kinds.cheese]
glyph = "c"
count = 1
use.eat = { ends = 1.0, feels = { smell = 1.0 }, yields = { cheese = 1.0 } }

[environments.maze]
title = "a maze"

[evolution]
population = 20
levels     = 2
select     = { operator = "selTournament", tournsize = 3 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 1
train = "maze"
"""
"""The file of a scenario with one cheese in a perfect maze of 13 x 13 cells."""


def maze(settings: Settings = ()) -> Scenario:
    """The scenario of :data:`MAZE`, changed.

    Args:
        settings: values by dotted key, as of :func:`evosim.run`.

    Raises:
        ScenarioError: everything that the settings make wrong, at once.

    Example:
        >>> maze({"world.rows": 5}).environment("maze").layout.rows
        5
    """
    return loads(MAZE, "maze.toml", settings)
