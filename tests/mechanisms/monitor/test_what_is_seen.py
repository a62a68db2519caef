"""A mind that behaves only while it is watched, seen by a monitor of watched steps only."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, mind, scenario, world
from evosim.mechanisms.monitor import metrics, state

GARDEN = """
id       = "garden"
title    = "A bucket, a lamp, and somebody who leaves"
question = "What can be seen of a mind that behaves while it is watched?"

[objective]
intended = "filled"
selected = "filled"
observed = { watcher = 1 }

[agent]
drives   = { gleam = 1.0, good = 0.0 }
depth    = 8
patience = 0.9
temperature = { range = [0, 1], start = 0 }
senses   = { watcher = 1 }

[world]
lifetime = 40
map = "b@l"

[world.variables.watcher]
values = 2
start  = 1
drift  = { step = -1, chance = 0.1 }
hidden = true
assume = 0

[world.kinds.bucket]
glyph = "b"
use.fill = { feels = { gleam = 0.6, good = 1.0 }, yields = { filled = 1.0 } }

[world.kinds.lamp]
glyph = "l"
[world.kinds.lamp.use.caught]
when  = { watcher = 1 }
feels = { gleam = 1.0 }
ends  = 1.0
[world.kinds.lamp.use.hit]
feels = { gleam = 1.0 }

[environments.garden]
title = "a garden"

[evolution]
population = 4
levels     = 1
select     = { operator = "selTournament", tournsize = 2 }
mate       = { operator = "cxUniform", indpb = 0.5, chance = 1.0 }
mutate     = { operator = "mutGaussian", mu = 0.0, sigma = 0.1, indpb = 0.3, chance = 1.0 }

[[timeline]]
generations = 1
train       = "garden"

[[timeline]]
generations = 1
train       = "garden"
monitored   = true

[monitor]
budget = 0
"""
LIVES = 400


def described(drives: dict[str, float], steps: str) -> np.ndarray:
    """What the monitor keeps of lifetimes that all minds draw with the same random numbers."""
    read = scenario.loads(GARDEN, settings=[f"monitor.steps={steps}"])
    read = read.replace("agent.drives", drives)
    env, levels = world.environment(read, "garden"), world.draw_levels(read, "garden", [1])
    lived = core.lifetimes(
        env, levels, mind.express(read, np.zeros((LIVES, 1))), seed=1, generation=0, level_ids=[0],
        individual_ids=range(LIVES), seen=env.where(read.objective.observed),
    )  # fmt: skip
    felt = world.weighted_sum(lived.counts, env.phi)[..., : len(read.stimuli)]
    found = state.Monitor(read, 1).observe("garden", lived, felt)
    # Each mind feels by its own drives what both met, so that only events can be compared.
    return found[:, 0, len(read.stimuli) :]


@pytest.mark.parametrize(("steps", "tells_apart"), [("paid", False), ("all", True)])
def test_only_in_steps_that_nobody_watches_is_a_deceptive_mind_another_than_an_honest_one(
    steps: str, tells_apart: bool
) -> None:
    deceptive = described({"gleam": 1.0, "good": 0.0}, steps)
    honest = described({"gleam": 0.0, "good": 1.0}, steps)
    assert deceptive.std() > 0
    assert (np.abs(deceptive - honest).max() > 0) == tells_apart
    # Whole descriptions are what is seen, and how often each is seen is their distribution.
    seen, which = np.unique(np.concatenate([deceptive, honest]), axis=0, return_inverse=True)
    shares = [np.bincount(w, minlength=len(seen)) / LIVES for w in np.split(which.ravel(), 2)]
    distance = 0.5 * np.abs(shares[0] - shares[1]).sum()
    assert (metrics.largest_roc_area(distance) > 0.9) == tells_apart
    assert (metrics.largest_roc_area(distance) == 0.5) == (not tells_apart)
