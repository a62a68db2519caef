"""Watching minds: reflexes told from planners, drives told from lives."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, scenario, world
from evosim.engine import meg
from evosim.errors import EvosimError
from evosim.metrics import agents_devices, goal_inference
from evosim.mind import Minds
from evosim.scenario import Scenario
from evosim.scenario.shipped import catalogue
from evosim.starter import starter

TRUE = np.array([0.5, 0.7, -0.5, 0.1])
"""Drives for sweetness, chirping, pain and warmth: who has them minds thorns."""


def mind_of(s: Scenario, depth: int, drives: np.ndarray = TRUE) -> Minds:
    env = world.environment(s, next(iter(s.environments)))
    one = Minds(*(array[:1].copy() for array in goal_inference.guesses(s, env).minds))
    one.weights[0, : len(drives)] = drives / np.linalg.norm(drives)
    one.depth[:] = depth
    return one


def inferred(name: str, depth: int, seed: int) -> tuple[agents_devices.Stance, np.ndarray]:
    """The stance and the inferred drives of a mind that lived once on each of four levels."""
    s = scenario.load(name)
    env = world.environment(s, next(iter(s.environments)))
    levels = world.draw_levels(s, env.name, [100 * seed + i for i in range(4)])
    (seen,) = goal_inference.observe_lifetimes(
        s, env, levels, mind_of(s, depth), [0], seed=seed, generation=0
    )
    guesses = goal_inference.guesses(s, env)
    (chances,) = goal_inference.chances(s, env, levels, guesses.minds, [seen])
    logs = agents_devices.mind_evidence(chances, env.n_actions)
    tables = goal_inference.tables(env, levels, seen)
    found = agents_devices.compare(
        logs[guesses.plans], logs[~guesses.plans], tables, len(seen.action)
    )
    named = guesses.which < len(guesses.drives)
    plans, reflex = guesses.plans & named, ~guesses.plans & named
    which = np.concatenate([guesses.which[plans], guesses.which[reflex]])
    weights = agents_devices.posterior(logs[plans], logs[reflex], which, len(guesses.drives))
    return found, weights @ guesses.drives


@pytest.mark.parametrize("name", ["planners_emerge", "detour"])
def test_a_mind_of_depth_0_is_told_as_a_reflex(name: str) -> None:
    for seed in range(5):
        assert inferred(name, 0, seed)[0].agent < 0.1


@pytest.mark.parametrize("name", ["planners_emerge", "detour"])
def test_a_mind_of_depth_10_is_told_as_an_agent(name: str) -> None:
    for seed in range(5):
        assert inferred(name, 10, seed)[0].agent > 0.9


@pytest.mark.slow
def test_the_stance_is_right_in_nearly_all_of_many_worlds() -> None:
    reflexes = [inferred("planners_emerge", 0, seed)[0].agent for seed in range(100, 140)]
    planners = [inferred("planners_emerge", 10, seed)[0].agent for seed in range(100, 140)]
    assert np.mean(np.array(reflexes) < 0.1) >= 0.95
    assert np.mean(np.array(planners) > 0.9) >= 0.95


def test_a_mind_that_wants_nothing_here_is_left_undecided() -> None:
    # Warmth is felt by sitting on a stone, and here nobody can: reflex and planner do the same.
    s = scenario.load("planners_emerge", settings=["world.kinds.stone.count=0"])
    env = world.environment(s, "thicket")
    levels = world.draw_levels(s, "thicket", [1, 2])
    for depth in (0, 10):
        mind = mind_of(s, depth, np.array([0.0, 0.0, 0.0, 1.0]))
        (seen,) = goal_inference.observe_lifetimes(s, env, levels, mind, [0], seed=1, generation=0)
        guesses = goal_inference.guesses(s, env)
        (chances,) = goal_inference.chances(s, env, levels, guesses.minds, [seen])
        logs = agents_devices.mind_evidence(chances, env.n_actions)
        tables = goal_inference.tables(env, levels, seen)
        found = agents_devices.compare(
            logs[guesses.plans], logs[~guesses.plans], tables, len(seen.action)
        )
        assert 0.1 < found.agent < 0.9


def test_drives_are_inferred_from_lives_alone() -> None:
    cosines = []
    for seed in range(5):
        _, mean = inferred("planners_emerge", 10, seed)
        cosines.append(float(mean @ TRUE / np.linalg.norm(TRUE) / np.linalg.norm(mean)))
    assert np.mean(cosines) > 0.7  # a guess has 0


def test_a_mind_never_does_what_its_own_policy_forbids() -> None:
    s = scenario.load("planners_emerge")
    env = world.environment(s, "thicket")
    levels = world.draw_levels(s, "thicket", [1, 2, 3])
    mind = mind_of(s, 4)
    (seen,) = goal_inference.observe_lifetimes(s, env, levels, mind, [3], seed=5, generation=2)
    (chances,) = goal_inference.chances(s, env, levels, mind, [seen])
    assert chances.shape == (1, len(seen.action))
    assert len(seen.action) == 3 * env.lifetime
    assert (chances > 0).all()


def test_a_mind_lives_another_life_on_each_level() -> None:
    s = scenario.load("planners_emerge")
    env = world.environment(s, "thicket")
    levels = world.draw_levels(s, "thicket", [1, 1])
    aimless = mind_of(s, 4)
    aimless.weights[:] = 0.0
    (seen,) = goal_inference.observe_lifetimes(s, env, levels, aimless, [3], seed=5, generation=2)
    first, second = (seen.action[seen.level == i] for i in range(2))
    assert (first != second).mean() > 0.5


def test_the_ground_expects_what_the_kernels_do() -> None:
    s = scenario.load("contraception")
    env = world.environment(s, "ancestral")
    levels = world.draw_levels(s, "ancestral", [1, 2])
    mind = mind_of(s, 6, np.array([1.0, 0.8, 0.0, 0.0, 0.0]))
    ground = meg.ground(env, levels, 0.9)
    policy = goal_inference.policies(s, env, levels, mind, ground)[0]
    assert len(policy) < 2 * env.n_x * env.n_cells  # nobody stands where energy is 0
    now, total = ground.process.start, np.zeros(env.paid.stop)
    for _ in range(env.lifetime):
        taken = (now[:, None] * policy).ravel()
        total += taken @ ground.features.reshape(len(taken), -1)
        now = ground.process.chances.T @ taken
    expected = core.expectation(env, levels, mind).counts[0].mean(axis=0)
    np.testing.assert_allclose(
        total, world.weighted_sum(expected, env.phi)[: total.size], rtol=1e-9, atol=1e-9
    )


def test_tables_of_more_detail_explain_more_of_what_depends_on_detail() -> None:
    s = scenario.load("planners_emerge")
    env = world.environment(s, "thicket")
    levels = world.draw_levels(s, "thicket", range(6))
    (seen,) = goal_inference.observe_lifetimes(
        s, env, levels, mind_of(s, 10), [0], seed=5, generation=2
    )
    nothing, near, place, place_by_level = goal_inference.tables(env, levels, seen)
    assert near > nothing
    assert place_by_level > place


def test_minds_whose_drives_change_are_refused_in_words() -> None:
    read = scenario.load("sheltered")
    with pytest.raises(EvosimError, match=r"minds that keep their drives .* with \[correction\]"):
        goal_inference.check(read, world.environment(read, "day"))


def test_novelty_is_refused_in_words() -> None:
    text = starter("mine").replace('["sweetness",', '["novelty", "sweetness",')
    s = scenario.loads(text)
    with pytest.raises(EvosimError, match="feel novelty"):
        goal_inference.check(s, world.environment(s, next(iter(s.environments))))


def test_too_large_a_world_is_refused_with_its_size() -> None:
    s = scenario.load("contraception", settings=["world.rows=20", "world.cols=20"])
    with pytest.raises(EvosimError, match="38400 states times actions, at most 30000"):
        goal_inference.check(s, world.environment(s, "ancestral"))


def test_every_shipped_scenario_can_be_looked_at() -> None:
    for name in catalogue():
        s = scenario.load(name)
        if s.correction:  # refused, as above
            continue
        for environment in s.environments:
            goal_inference.check(s, world.environment(s, environment))
