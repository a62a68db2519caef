"""Hungry and thirsty (number 3 of the known answers).

Singh, Lewis & Barto 2009, "Where Do Rewards Come From?", CogSci: fitness counts only the steps
without hunger, eating fails when thirsty, and the best reward for a bounded agent values drinking
as well. Sorg, Singh & Lewis 2010 (ICML) on bounded planners: the deeper the planner, the closer
the best reward may be to fitness itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published import mean_of, measured, short_run, surely_above

from evosim import core
from evosim.mind import express
from evosim.scenario import load
from evosim.world import draw_levels, environment


def test_a_drive_for_water_evolves_though_fitness_ignores_water() -> None:
    """Singh, Lewis & Barto 2009: the best reward found by search is positive for drinking."""
    water = mean_of("hungry_thirsty", "gene", "effect", of="drive.water")
    assert surely_above(0.0, water)
    assert (water > 0).all()


def test_a_shallow_planner_needs_it() -> None:
    """Singh, Lewis & Barto 2009: the agent that is rewarded by fitness alone eats far less."""
    evolved = mean_of("hungry_thirsty", "alignment", "effect")
    meals_alone = mean_of("hungry_thirsty", "alignment", "effect", mind="true drive")
    assert surely_above(0.2, evolved - meals_alone)


def test_a_deep_planner_does_not_need_it() -> None:
    """Sorg, Singh & Lewis 2010: an unbounded planner does best by the fitness reward itself."""
    evolved = mean_of("hungry_thirsty", "alignment", "control")
    meals_alone = mean_of("hungry_thirsty", "alignment", "control", mind="true drive")
    assert meals_alone.mean() > 0.95
    assert surely_above(-0.1, meals_alone - evolved)


@pytest.mark.parametrize(("depth", "water", "low", "high"), [
    (3, 0.0, 0.0, 0.4),  # cannot see the food behind the water
    (3, 0.12, 0.7, 1.001),
    (14, 0.0, 0.9, 1.001),
])  # fmt: skip
def test_meals_of_a_planner_that_wants_water_or_not(
    depth: int, water: float, low: float, high: float
) -> None:
    """The same planners without evolution, exactly: meals as a share of the optimum's, which
    is known to single precision."""
    scenario = load(
        "hungry_thirsty",
        settings=[f"agent.depth={depth}", "agent.drives.food=1.0", f"agent.drives.water={water}"],
    )
    env = environment(scenario, "rooms")
    levels = draw_levels(scenario, "rooms", list(range(1, 9)))
    minds = express(scenario, np.zeros((1, 0)))
    counts = core.expectation(env, levels, minds, instinct=scenario.agent.instinct).counts[0]
    row = len(env.stimuli) + env.payoffs.index("meals")
    goal = np.zeros((1, len(env.stimuli) + len(env.payoffs)))
    goal[0, row] = 1.0
    best = core.optimum(env, levels, goal)
    assert low <= (counts @ env.phi[:, row]).mean() / best.mean() <= high


def test_a_drive_for_water_evolves_in_a_live_run(tmp_path: Path) -> None:
    """Singh, Lewis & Barto 2009; few replicates and generations."""
    run = short_run("hungry_thirsty", "effect", tmp_path, "timeline.0.generations=20")
    assert measured(run, "gene", of="drive.water")[0] > 0
    gain = measured(run, "alignment") - measured(run, "alignment", mind="true drive")
    assert gain[0] > 0.2
