"""Foraging with a bounded planner (number 1 of the known answers).

Sorg, Singh & Lewis 2010, "Internal Rewards Mitigate Agent Boundedness", ICML, foraging domain:
a worm at the end of one of three corridors reappears at one of the other two when it is eaten.
"""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core
from evosim.mind import express
from evosim.scenario import Scenario, load
from evosim.world import Environment, Levels, draw_levels, environment

# Worms per step of an agent of depth 0 .. 6 that plans on the fitness reward itself, and the most.
RATES = [0.0083, 0.0120, 0.0204, 0.0402, 0.0714, 0.1201, 0.1430]
OPTIMUM = 0.1444
TOLERANCE = 0.0003  # what is published is good to .003


def foraging(*sets: str) -> tuple[Scenario, Environment, Levels]:
    scenario = load("foraging", settings=sets)
    name = next(iter(scenario.environments))
    return scenario, environment(scenario, name), draw_levels(scenario, name, [1, 2, 3])


def worms_per_step(env: Environment, counts: np.ndarray) -> np.ndarray:
    worms = len(env.stimuli) + env.payoffs.index("worms")
    return counts @ env.phi[:, worms] / env.lifetime


@pytest.mark.parametrize(("depth", "rate"), list(enumerate(RATES)))
def test_a_bounded_planner_eats_as_many_worms_as_published(depth: int, rate: float) -> None:
    scenario, env, levels = foraging(f"agent.depth={depth}")
    minds = express(scenario, np.zeros((1, 0)))
    exact = core.expectation(env, levels, minds, instinct=scenario.agent.instinct)
    assert worms_per_step(env, exact.counts)[0] == pytest.approx(rate, abs=TOLERANCE)
    assert exact.lifespan[0] == pytest.approx(env.lifetime)


def test_no_policy_eats_more_worms_than_the_published_optimum() -> None:
    _, env, levels = foraging()
    worms = np.array([[0.0] * len(env.stimuli) + [float(p == "worms") for p in env.payoffs]])
    best = core.optimum(env, levels, worms) / env.lifetime
    assert best[0] == pytest.approx(OPTIMUM, abs=0.0001)


def test_an_agent_of_depth_0_without_instinct_eats_as_a_random_walk_that_sees_worms() -> None:
    scenario, env, levels = foraging("agent.depth=0")
    minds = express(scenario, np.zeros((1, 0)))
    eats = core.expectation(env, levels, minds, instinct=False)
    walks = core.uniform(env, levels)
    assert (worms_per_step(env, eats.counts) > worms_per_step(env, walks.counts)).all()
