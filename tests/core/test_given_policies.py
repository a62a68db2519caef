"""Policies that are given to the core, and not planned, with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from evosim import core, mind, rng, scenario
from evosim.mind import Minds, PolicyOf
from evosim.scenario import Scenario
from evosim.world import Environment, Levels, draw_levels, environment, weighted_sum

Floats = NDArray[np.float64]


def one_level(scenario: Scenario, name: str = "home") -> tuple[Environment, Levels]:
    return environment(scenario, name), draw_levels(scenario, name, [1])


def spread(scenario: Scenario) -> tuple[Environment, Levels, Minds]:
    name = next(iter(scenario.environments))
    env, levels = environment(scenario, name), draw_levels(scenario, name, [1, 2, 3])
    genomes = mind.initial(scenario, 5, rng.key(3, rng.Purpose.INITIAL))
    return env, levels, mind.express(scenario, genomes)


@pytest.mark.parametrize("name", ["strawberry", "foraging"])
def test_a_table_of_a_plan_lives_and_expects_as_the_planner(name: str) -> None:
    env, levels, minds = spread(scenario.load(name))
    table = core.policies(env, levels, minds)
    by_plan, by_table = (
        core.expectation(env, levels, minds),
        core.expectation_of(env, levels, table),
    )
    assert_allclose(by_table.counts, by_plan.counts, rtol=1e-5, atol=1e-9)
    assert_allclose(by_table.lifespan, by_plan.lifespan, rtol=1e-5)
    numbers: dict[str, Any] = {"seed": 1, "generation": 2, "level_ids": range(3)}
    numbers["individual_ids"] = np.arange(5)
    lived, told = (
        core.lifetimes(env, levels, minds, **numbers),
        core.lifetimes_of(env, levels, table, **numbers),
    )
    assert_array_equal(lived.counts, told.counts)
    assert_array_equal(lived.lifespan, told.lifespan)


def softmax(theta: Floats) -> Floats:
    weights = np.exp(theta - theta.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def test_the_gradient_of_a_softmax_table_is_that_of_its_exact_expectations() -> None:
    """A life of one step on a site: dJ/dtheta = pi(a) (r(a) - J), and 0 where no life comes."""
    made = worlds.read(
        worlds.document(
            {
                "map": "b@",
                "lifetime": 1,
                "variables": {"at": {"values": 2, "start": 0}},
                "kinds": {"berry": {"glyph": "b", "here": {"feels": {"sweet": 1.0}}}},
                "always": {"shade": {"when": {"at": 0}, "feels": {"sweet": 0.25}}},
            }
        )
    )
    env, levels = one_level(made)
    draw = np.random.default_rng(11)
    theta = draw.normal(size=(env.n_x, env.n_cells, env.n_actions))
    start = (int(env.tables.start_x[0]), int(levels.start[0]))

    def value(tables: Floats) -> Floats:
        counts = core.expectation_of(env, levels, softmax(tables)[:, None]).counts[:, 0]
        return weighted_sum(counts, env.phi[:, 0])

    # All differences at once: a table for each parameter, up and down.
    step, size = 0.05, theta.size
    moved = theta + step * np.concatenate([np.eye(size), -np.eye(size)]).reshape(-1, *theta.shape)
    up, down = value(moved).reshape(2, size)
    slope = ((up - down) / (2 * step)).reshape(theta.shape)
    chance = softmax(theta)[start]
    reward = 0.25 + np.eye(env.n_actions)[2]  # west lies the berry
    known = np.zeros_like(theta)
    known[start] = chance * (reward - chance @ reward)
    assert_allclose(slope, known, atol=2e-4)


def test_regret_is_known_exactly_on_each_level() -> None:
    """What minimax regret needs of the core: the optimum and what was got, on every level."""
    env, levels, minds = spread(scenario.load("foraging"))
    payoff = np.zeros((1, env.phi.shape[1]))
    payoff[0, env.paid.start] = 1.0
    worth_of = env.phi @ payoff[0]
    best = core.optimum(env, levels, payoff)[0]
    true = Minds.of(payoff, depth=env.lifetime, patience=1.0, senses=0)
    regret, least, by_chance = (
        best - weighted_sum(found.counts, worth_of)
        for found in (
            core.expectation(env, levels, minds),
            core.expectation(env, levels, true, instinct=False),
            core.uniform(env, levels),
        )
    )
    assert (regret > -1e-4 * best).all()
    assert (least < 0.1 * by_chance).all()


def test_minds_of_which_only_the_policy_is_known_do_what_it_says_to_the_bit() -> None:
    env, levels, minds = spread(scenario.load("strawberry"))
    table = core.policies(env, levels, minds)
    weights = np.where(np.isnan(table), 1.0, table / table.max(axis=-1, keepdims=True))

    def table_of(row: int) -> PolicyOf:
        return lambda env, levels: weights[row, : len(levels.start)]

    given = Minds.that_do([table_of(row) for row in range(5)], np.zeros((5, env.phi.shape[1])))
    by_plan, by_policy = (core.expectation(env, levels, m) for m in (minds, given))
    assert_array_equal(by_policy.counts, by_plan.counts)
    assert_allclose(core.policies(env, levels, given), table, rtol=1e-12)
    numbers: dict[str, Any] = {"seed": 1, "generation": 2, "level_ids": range(3)}
    numbers["individual_ids"] = np.arange(5)
    lived = [core.lifetimes(env, levels, m, **numbers).counts for m in (minds, given)]
    assert_array_equal(lived[0], lived[1])
    first = Levels(*(array[:1] for array in levels))
    one = np.arange(1)
    traces = [core.trace(env, first, m.rows(one), seed=1) for m in (minds, given)]
    assert_array_equal(traces[0].action, traces[1].action)


def test_sets_of_actions_are_lived_and_expected_as_the_weights_that_they_are() -> None:
    """Weights of 0 and 1 are kept as bits; twice as much is the same chances, kept as weights."""
    read = scenario.load("strawberry")
    name = next(iter(read.environments))
    env, levels = environment(read, name), draw_levels(read, name, [1, 2])
    drawn = np.random.default_rng(3).random((3, 1, env.n_x, env.n_cells, env.n_actions)) < 0.5
    drawn[..., 0] |= ~drawn.any(axis=-1)
    who = {"seed": 4, "generation": 0, "level_ids": [0, 1], "individual_ids": range(3)}
    for bits, weights in zip(
        (*core.lifetimes_of(env, levels, 1.0 * drawn, **who),
         *core.expectation_of(env, levels, 1.0 * drawn)),
        (*core.lifetimes_of(env, levels, 2.0 * drawn, **who),
         *core.expectation_of(env, levels, 2.0 * drawn)),
        strict=True,
    ):  # fmt: skip
        assert bits.tobytes() == weights.tobytes()
