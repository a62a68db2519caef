"""Minds that count their copies against closed forms, and against all policies of small worlds.

Model 2, copies: what a life leaves to the next one is worth rho times what it gains by it.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import worlds
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from evosim import core
from evosim.mind import Minds
from evosim.scenario import Scenario
from evosim.world import Environment, Levels, draw_levels, environment, weighted_sum

Floats = NDArray[np.float64]


def one_level(scenario: Scenario) -> tuple[Environment, Levels]:
    return environment(scenario, "home"), draw_levels(scenario, "home", [1])


def of_copies(world: dict[str, Any], drives: list[str], **copies: Any) -> Scenario:
    doc = worlds.document(world, drives=drives)
    doc["copies"] = {"variable": "boon", **copies}
    doc["agent"]["rho"] = [0, 1]
    return worlds.read(doc)


def left(env: Environment, counts: Floats) -> Floats:
    """The chance that a life leaves a boon."""
    assert env.tables.bequest is not None
    return weighted_sum(counts, env.tables.bequest.left)


# ---------------------------------------------------------------------- to invest in the next life


def investments(relatedness: float = 1.0) -> Scenario:
    """A life ends at a door, or at a dearer one that leaves the next life a treasure."""
    return of_copies(
        {
            "map": "#d#\nt@.\n#g#",
            "lifetime": 80,
            "variables": {
                "boon": {"values": 2, "start": [0.5, 0.5]},
                "given": {"values": 2, "start": 0},
            },
            "kinds": {
                "treasure": {
                    "glyph": "t",
                    "use": {
                        "take": {"when": {"boon": 1}, "set": {"boon": 0}, "feels": {"gold": 1.0}}
                    },
                },
                "door": {"glyph": "d", "use": {"leave": {"ends": 1.0}}},
                "gift": {
                    "glyph": "g",
                    "use": {"leave": {"set": {"given": 1}, "ends": 1.0, "feels": {"cost": 1.0}}},
                },
            },
            "always": {"haste": {"feels": {"haste": 1.0}}},
        },
        ["gold", "cost", "haste"],
        when={"given": 1},
        relatedness=relatedness,
    )


@pytest.mark.parametrize("g", [1.0, 0.9, 0.6])
def test_a_mind_invests_in_the_next_life_iff_rho_times_its_gain_is_above_the_cost(g: float) -> None:
    """One step from the treasure and one from the door: g^2 rho B > c, and rho B > c at g = 1."""
    env, levels = one_level(investments())
    draw = np.random.default_rng(7)
    n = 400
    gain, cost, rho = draw.uniform(0.1, 1, n), draw.uniform(0.02, 1, n), draw.uniform(0, 1, n)
    weights = np.zeros((n, env.phi.shape[1]))
    # Each step costs a little, so that nobody puts off what it wants at g = 1.
    weights[:, :3] = np.stack([gain, -cost, np.full(n, -1e-4)], axis=1)
    minds = Minds.of(weights, depth=60, patience=g, senses=0, rho=rho)
    leaves = left(env, core.expectation(env, levels, minds, instinct=False).counts[:, 0])
    margin = g**2 * rho * gain - cost
    clear = np.abs(margin) > 1e-3
    assert_array_equal(leaves[clear], (margin > 0)[clear])
    assert 0.2 * n * g**2 < leaves.sum() < 0.8 * n


def test_a_chain_is_paid_what_its_lives_leave() -> None:
    """A mind that gives has a boon in every life, if all that leave one are copies."""
    for relatedness in (1.0, 0.6, 0.0):
        env, levels = one_level(investments(relatedness))
        weights = np.zeros((2, env.phi.shape[1]))
        weights[:, :3] = (1.0, -0.3, -1e-4)
        minds = Minds.of(weights, depth=60, patience=1.0, senses=0, rho=[1.0, 0.0])
        lives = core.expectation(env, levels, minds, instinct=False)
        took = lives.counts[:, 0, env.events.index("treasure.take")]
        drawn = 0.5 * (1 - relatedness)
        assert_allclose(left(env, lives.counts[:, 0]), [1.0, 0.0])
        assert_allclose(took, [relatedness + drawn, drawn])


# ---------------------------------------------------------------------- against all policies


def random_world(draw: np.random.Generator) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Two levers beside the start, and what they do by the boon: as a world, and as numbers.

    States are (boon, place), places the start, lever a and lever b. A boon fades with chance
    ``fade`` a step, and each step is deadly with chance ``risk``, unless the life ended before.
    """
    numbers = {
        "ends": draw.uniform(0.2, 1.0, (2, 2)),  # [boon, lever]
        "sets": draw.uniform(0.0, 1.0, (2, 2)),  # chance of a boon after it
        "fade": np.array(draw.choice([0.0, 0.3])),
        "risk": np.array(draw.choice([0.02, 0.2])),
    }
    rules = {
        lever: {
            f"b{boon}": {
                "when": {"boon": boon},
                "feels": {f"{lever}{boon}": 1.0},
                "set": {"boon": [1 - numbers["sets"][boon, i], numbers["sets"][boon, i]]},
                "ends": float(numbers["ends"][boon, i]),
            }
            for boon in (0, 1)
        }
        for i, lever in enumerate("ab")
    }
    fade, risk = float(numbers["fade"]), float(numbers["risk"])
    world = {
        "map": "a@b",
        "lifetime": 700,
        "variables": {
            "boon": {
                "values": 2, "start": [0.7, 0.3], "drift": {"step": -1, "chance": fade},
            },
            "health": {
                "values": 2, "start": 0, "fatal": 1, "drift": {"step": 1, "chance": risk},
            },
        },
        "kinds": {lever: {"glyph": lever, "use": rules[lever]} for lever in "ab"},
    }  # fmt: skip
    return world, numbers


def all_policies(numbers: dict[str, Floats], rewards: Floats) -> tuple[Floats, Floats]:
    """What lives of every policy come to, and leave: J [policies, boon], p [policies, boon].

    From the matrix of each policy's chain, without evosim. A life leaves a boon where it ends with
    one. To wait is one action, whatever it is called.

    Args:
        rewards: [boon, lever] felt.
    """
    fade, risk = float(numbers["fade"]), float(numbers["risk"])

    # An action: reward, chance to leave a boon, and P over the six states, of which 3 boon + place.
    def ended(boon: int, place: int, p: float) -> tuple[float, Floats]:
        """A step that ends at a place with a boon or not, before drift: left, and P."""
        to = np.zeros(6)
        keeps = boon * (1 - fade)
        to[3 + place], to[place] = p * (1 - risk) * keeps, p * (1 - risk) * (1 - keeps)
        return p * risk * keeps, to

    actions: list[list[tuple[float, float, Floats]]] = []
    for boon, place in itertools.product((0, 1), range(3)):
        ways = {0: (0, 1, 2), 1: (1, 0), 2: (2, 0)}[place]  # start, a, b in a row a-start-b
        here = [(0.0, *ended(boon, to, 1.0)) for to in ways]
        if place:
            lever = place - 1
            ends, sets = numbers["ends"][boon, lever], numbers["sets"][boon, lever]
            after = [ended(b, place, (1 - ends) * p) for b, p in ((1, sets), (0, 1 - sets))]
            chance = ends * sets + sum(p for p, _ in after)
            here.append((rewards[boon, lever], chance, sum(to for _, to in after)))
        actions.append(here)
    worth, leaves = [], []
    for policy in itertools.product(*actions):
        fundamental = np.linalg.inv(np.eye(6) - np.stack([to for _, _, to in policy]))
        values = fundamental @ np.array([(r, p) for r, p, _ in policy])
        worth.append(values[[0, 3], 0])
        leaves.append(values[[0, 3], 1])
    return np.array(worth), np.array(leaves)


@pytest.mark.parametrize("relatedness", [1.0, 0.5])
def test_who_counts_copies_fully_gets_the_most_that_a_chain_of_lives_can_get(
    relatedness: float,
) -> None:
    """rho = 1 is the optimum of the average reward over lives, against all 729 or so policies.

    So an optimizer that is myopic across lives and trades with its copies is not myopic. Where a
    boon is a copy's with chance r, rho = r is the optimum.
    """
    draw = np.random.default_rng(17)
    lost = []
    for _ in range(6):
        world, numbers = random_world(draw)
        made = of_copies(world, ["a0", "a1", "b0", "b1"], when={"boon": 1}, relatedness=relatedness)
        env, levels = one_level(made)
        n = 10
        weights = np.zeros((n, env.phi.shape[1]))
        weights[:, :4] = draw.normal(size=(n, 4)).round(3)
        most = []
        for w in weights[:, :4]:
            worth, leaves = all_policies(numbers, w.reshape(2, 2).T)
            p = relatedness * leaves + (1 - relatedness) * 0.3
            share = p[:, 0] / (1 - p[:, 1] + p[:, 0])
            most.append(((1 - share) * worth[:, 0] + share * worth[:, 1]).max())

        def got(rho: float, env: Environment = env, levels: Levels = levels) -> Floats:
            minds = Minds.of(weights, depth=600, patience=1.0, senses=0, rho=rho)  # noqa: B023
            lives = core.expectation(env, levels, minds, instinct=False)
            return ((lives.counts[:, 0] @ env.phi) * weights).sum(axis=1)  # noqa: B023

        assert_allclose(got(relatedness), most, rtol=2e-4, atol=2e-4)
        assert_allclose(core.optimum(env, levels, weights)[:, 0], most, rtol=2e-4, atol=2e-4)
        lost.append(most - got(0.0))
    # Who does not count its copies gets less where there is something to leave.
    assert (np.concatenate(lost) > -1e-4).all()
    assert (np.concatenate(lost) > 0.02).mean() > 0.05


def test_a_boon_that_no_life_without_it_can_get_has_no_bound_and_is_kept() -> None:
    """Each life with it can have 1 and pass it on, or 1.5 and lose it: its worth has no bound at
    patience 1 and rho = 1, and it is kept."""
    rules = {
        "keep": {"when": {"boon": 1}, "ends": 1.0, "feels": {"gold": 1.0}},
        "go": {"ends": 1.0},
    }
    lose = {"when": {"boon": 1}, "set": {"boon": 0}, "ends": 1.0, "feels": {"gold": 1.5}}
    world = {
        "map": "a@f",
        "lifetime": 30,
        "variables": {"boon": {"values": 2, "start": [0.5, 0.5]}},
        "kinds": {
            "altar": {"glyph": "a", "use": rules},
            "feast": {"glyph": "f", "use": {"eat": lose}},
        },
        "always": {"haste": {"feels": {"haste": 1.0}}},
    }
    env, levels = one_level(of_copies(world, ["gold", "haste"], when={"boon": 1}))
    weights = np.zeros((2, env.phi.shape[1]))
    weights[:, :2] = (1.0, -1e-3)
    minds = Minds.of(weights, depth=20, patience=1.0, senses=0, rho=[1.0, 0.05])
    lives = core.expectation(env, levels, minds, instinct=False)
    # The chain of the first stays as it begins, with a boon in half of the cases.
    assert_allclose(left(env, lives.counts[:, 0]), [0.5, 0.0])


def test_payoffs_of_sampled_lives_are_those_expected() -> None:
    """Two lives on each level, weighed by what they leave on average, are right on average."""
    world, _ = random_world(np.random.default_rng(3))
    made = of_copies(
        {**world, "lifetime": 40}, ["a0", "a1", "b0", "b1"], when={"boon": 1}, relatedness=0.8
    )
    env = environment(made, "home")
    draw = np.random.default_rng(5)
    n, n_levels = 8, 3000
    weights = np.zeros((n, env.phi.shape[1]))
    weights[:, :4] = draw.normal(size=(n, 4))
    minds = Minds.of(weights, depth=20, patience=0.95, senses=0, temperature=0.3, rho=0.7)
    one = draw_levels(made, "home", [1])
    exact = core.expectation(env, one, minds)
    levels = draw_levels(made, "home", [1] * n_levels)
    lived = core.lifetimes(
        env, levels, minds, seed=2, generation=0, level_ids=range(n_levels),
        individual_ids=np.arange(n),
    )  # fmt: skip
    each = lived.counts @ env.phi[:, :4]
    error = each.std(axis=1) / np.sqrt(n_levels)
    told = each.mean(axis=1)
    known = exact.counts[:, 0] @ env.phi[:, :4]
    # What is rarer than one in a thousand lives may not be met at all.
    assert (np.abs(told - known) < 5 * error + 1e-3).all()
