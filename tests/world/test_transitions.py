"""A level as a sparse Markov decision process against the kernels that live in its tables."""

from __future__ import annotations

import numpy as np
import pytest

from evosim import core, mind, scenario, world
from evosim.world.transitions import transitions

NAMES = ("contraception", "detour", "foraging", "fridge", "streetlight_test", "true_drive")


@pytest.mark.parametrize("name", NAMES)
def test_a_life_carried_through_the_matrix_brings_what_the_kernels_expect(name: str) -> None:
    s = scenario.load(name)
    env = world.environment(s, next(iter(s.environments)))
    levels = world.draw_levels(s, env.name, [1, 2])
    minds = mind.express(s, mind.initial(s, 2, 5))
    policies = core.policies(env, levels, minds, instinct=s.agent.instinct)
    expected = core.expectation(env, levels, minds, instinct=s.agent.instinct)
    chances, features = transitions(env, levels, 1)
    n_states = env.n_x * env.n_cells
    for n in range(2):
        policy = np.nan_to_num(policies[n, 1].reshape(n_states, -1))
        now = np.zeros(n_states)
        np.add.at(now, env.tables.start_x * env.n_cells + levels.start[1], env.tables.start_p)
        total = np.zeros(features.shape[1])
        for _ in range(env.lifetime):
            taken = (now[:, None] * policy).ravel()
            total += taken @ features
            now = (chances.T @ taken)[:n_states]
        wanted = world.weighed(expected.counts[n, 1], env.phi)
        np.testing.assert_allclose(total, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_chances_sums_to_one(name: str) -> None:
    s = scenario.load(name)
    env = world.environment(s, next(iter(s.environments)))
    chances, _ = transitions(env, world.draw_levels(s, env.name, [3]), 0)
    assert chances.shape == (env.n_x * env.n_cells * env.n_actions, env.n_x * env.n_cells + 1)
    assert chances.min() >= 0
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-12)


def test_nobody_comes_back_from_a_fatal_value() -> None:
    s = scenario.load("contraception")
    env = world.environment(s, "ancestral")
    chances, features = transitions(env, world.draw_levels(s, env.name, [3]), 0)
    starved = np.repeat(env.tables.dead.astype(bool), env.n_cells * env.n_actions)
    assert starved.any()
    dead = chances[np.flatnonzero(starved)]
    assert (dead[:, -1].toarray() == 1.0).all()
    assert (features[starved] == 0.0).all()
