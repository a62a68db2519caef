"""The twin against worlds small enough to solve on paper (number 2 of the known answers).

The twin is what the kernels are held to, so it is held to the model page itself here. Patience
is 1/2 throughout, which makes every value an exact binary fraction.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import worlds
from numpy.testing import assert_array_equal

from evosim import rng
from evosim.rng import Purpose
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.testing.reference import Level, ReferenceWorld

NORTH, SOUTH, WEST, EAST, STAY, USE = range(6)
BERRY = {"glyph": "b", "use": {"eat": {"feels": {"sweet": 1.0}, "yields": {"children": 1.0}}}}
ROCK = {"rock": {"glyph": "r"}}  # nothing to use and nothing to feel
EVERY_STEP = {"step": {"yields": {"gold": 1.0}}}
KEY = rng.key(1, Purpose.LIFE, 0, 0, 0)


def build(world: dict[str, Any], **rest: Any) -> tuple[Scenario, ReferenceWorld, Level]:
    scenario = worlds.read(worlds.document(world, **rest))
    return scenario, worlds.reference(scenario), worlds.level_of(scenario.environment("home"))


def counts_of(world: ReferenceWorld, counts: np.ndarray) -> dict[str, float]:
    return {event.name: counts[e] for e, event in enumerate(world.events)}


def live(
    world: dict[str, Any],
    *,
    window: int | None = None,
    observed: dict[str, Any] | None = None,
    **mind: Any,
) -> tuple[dict[str, float], reference.Lifetime]:
    """What happens to a lover of sweetness, counted by event; checked against the exact form."""
    scenario, twin, level = build(world)
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, **mind)
    life = reference.lifetime(twin, level, agent, KEY, window=window, observed=observed)
    policy = reference.policy(reference.plan(twin, level, agent), agent)
    exact = reference.expectation(twin, level, policy)
    if np.isin(policy, [0.0, 1.0]).all():  # no chance in it, so what happened is what must
        assert exact.lifespan == life.lifespan
        assert_array_equal(exact.counts, life.counts)
    return counts_of(twin, life.counts), life


# ---------------------------------------------------------------------- value iteration


@pytest.mark.parametrize(
    ("depth", "start", "middle", "berry"),
    [  # values of [north or south, west, east, stay, use]
        (0, [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]),
        (1, [0, 0, 0, 0, 0], [0, 0, 0.5, 0, 0], [0.5, 0, 0.5, 0.5, 1.5]),
        (2, [0, 0, 0.25, 0, 0], [0.25, 0, 0.75, 0.25, 0.25], [0.75, 0.25, 0.75, 0.75, 1.75]),
    ],
)
def test_a_berry_at_the_end_of_a_corridor_is_worth_what_value_iteration_says(
    depth: int, start: list[float], middle: list[float], berry: list[float]
) -> None:
    scenario, twin, level = build({"map": "@.b", "kinds": {"berry": BERRY}})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=depth)
    q = reference.plan(twin, level, agent, has_instinct=False)
    assert q.dtype == np.float32
    assert_array_equal(q[0], [[row[0], *row] for row in (start, middle, berry)])


def test_drift_is_averaged_over_before_the_value_ahead_is_discounted() -> None:
    hunger = {"values": 2, "start": 0, "drift": {"step": 1, "chance": 0.25}}
    eat = {"when": {"hunger": 1}, "set": {"hunger": 0}, "feels": {"sweet": 1.0}}
    world = {"map": "@b", "variables": {"hunger": hunger}}
    scenario, twin, level = build(world | {"kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}}})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1)
    q = reference.plan(twin, level, agent, has_instinct=False)
    # V_1 = 1 on the berry where hungry, else 0; hunger comes with chance 1/4 and then stays.
    on_berry = {"hungry": 1 + 0.5 * 0.25, "sated": 0.5 * 0.25}
    assert q[1, 1, USE] == on_berry["hungry"]
    assert q[0, 1, USE] == on_berry["sated"]
    assert q[0, 1, STAY] == on_berry["sated"]
    assert q[1, 0, EAST] == 0.5


def test_a_fatal_state_is_worth_nothing() -> None:
    energy = {"values": 2, "start": 1, "fatal": 0, "drift": {"step": -1, "chance": 0.75}}
    world = {"map": "@b", "variables": {"energy": energy}, "kinds": {"berry": BERRY}}
    scenario, twin, level = build(world)
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1)
    q = reference.plan(twin, level, agent, has_instinct=False)
    assert q[1, 1, USE] == 1 + 0.5 * 0.25 * 1


def test_a_use_that_ends_the_lifetime_counts_what_comes_after_it_in_proportion() -> None:
    eat = {"feels": {"sweet": 1.0}, "ends": 0.25}
    berry = {"glyph": "b", "use": {"eat": eat}, "here": {"feels": {"sour": 1.0}}}
    scenario, twin, level = build({"map": "@b", "kinds": {"berry": berry}})
    agent = worlds.mind({"sweet": 1.0, "sour": 2.0}, scenario=scenario, depth=1)
    q = reference.plan(twin, level, agent, has_instinct=False)
    first = {"use": 1 + 0.75 * 2, "stay": 2.0, "come": 2.0}
    assert q[0, 1, USE] == 1 + 0.75 * 0.5 * first["use"] + 0.75 * 2
    assert q[0, 1, STAY] == 2 + 0.5 * first["use"]
    assert q[0, 0, EAST] == 2 + 0.5 * first["use"]
    assert q[0, 0, STAY] == 0.5 * first["come"]


def test_slip_mixes_the_four_directions_into_every_move() -> None:
    scenario, twin, level = build({"map": "@.b", "kinds": {"berry": BERRY}, "slip": 0.5})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1)
    q = reference.plan(twin, level, agent, has_instinct=False)
    # W = 0, 0, 1/2; north and south are blocked.
    assert_array_equal(q[0, 1, :USE], [0.0625, 0.0625, 0.0625, 0.3125, 0.0])
    assert_array_equal(q[0, 2, :USE], [0.4375, 0.4375, 0.1875, 0.4375, 0.5])
    assert twin.moves(level, 1, EAST) == [(0.5 + 0.125, 2), (0.25, 1), (0.125, 0)]


def test_a_slipping_agent_arrives_as_often_as_slip_says() -> None:
    here = {"glyph": "b", "here": {"feels": {"sweet": 1.0}}}
    scenario, twin, level = build({"map": "@b", "kinds": {"bed": here}, "slip": 0.5, "lifetime": 1})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario)
    policy = reference.policy(reference.plan(twin, level, agent), agent)
    assert_array_equal(reference.expectation(twin, level, policy).counts, [0.5 + 0.125])


def test_a_bounded_planner_sees_a_detour_only_from_its_depth_on() -> None:
    thorn = {"glyph": "t", "here": {"feels": {"sour": 1.0}}}
    world = {"map": "@tb\n...", "kinds": {"berry": BERRY, "thorn": thorn}}
    scenario, twin, level = build(world)
    # Through the thorn lies -1/2 and half of half a berry, around it a berry in four moves.
    for depth, chance in ((3, 1 / 5), (4, 1.0)):
        agent = worlds.mind({"sweet": 1.0, "sour": -0.5}, scenario=scenario, depth=depth)
        q = reference.plan(twin, level, agent, has_instinct=False)
        assert q[0, 0, EAST] < q[0, 0, STAY]
        assert reference.policy(q, agent)[0, 0, SOUTH] == chance


def test_without_the_action_stay_there_are_five_actions() -> None:
    scenario, twin, level = build({"map": "@b", "kinds": {"berry": BERRY}, "stay": False})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario)
    q = reference.plan(twin, level, agent)
    assert twin.actions == ("north", "south", "west", "east", "use")
    assert q.shape == (1, 2, 5)
    assert q[0, 1, 4] == 1.5


# ---------------------------------------------------------------------- instinct


def test_instinct_is_the_best_of_reward_times_patience_to_the_power_of_distance() -> None:
    berry = {
        "glyph": "b",
        "use": {
            "eat": {"when": {"hunger": 1}, "feels": {"sweet": 1.0}},
            "lick": {"feels": {"sweet": 0.125}},
        },
    }
    cave = {"glyph": "c", "here": {"feels": {"sour": 1.0}}, "use": {"hide": {}}}
    world = {
        "map": "c...b",
        "variables": {"hunger": {"values": 2, "start": 0}},
        "kinds": {"berry": berry, "cave": cave},
    }
    scenario, twin, level = build(world)
    agent = worlds.mind({"sweet": 1.0, "sour": 0.25}, scenario=scenario)
    scent = reference.instinct(twin, level, agent)
    assert_array_equal(scent[0], [0.25, 0.125, 0.0625, 0.0625, 0.125])
    assert_array_equal(scent[1], [0.25, 0.125, 0.25, 0.5, 1.0])
    shy = worlds.mind({"sweet": -1.0}, scenario=scenario)
    assert not reference.instinct(twin, level, shy).any()


def test_a_wall_stops_the_scent_and_a_barrier_makes_it_walk_around() -> None:
    scenario, twin, level = build({"map": "@#b", "kinds": {"berry": BERRY}})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario)
    assert_array_equal(reference.instinct(twin, level, agent), [[0.0, 1.0]])
    scenario, twin, level = build({"map": "@|b\n   \n. .", "kinds": {"berry": BERRY}})
    assert_array_equal(reference.instinct(twin, level, agent), [[0.125, 1.0, 0.25, 0.5]])
    scenario, twin, level = build({"map": "@...b", "kinds": {"berry": BERRY}, "edges": "torus"})
    assert_array_equal(reference.instinct(twin, level, agent), [[0.5, 0.25, 0.25, 0.5, 1.0]])


def test_an_agent_of_depth_0_climbs_the_scent_and_consumes_what_attracts_it() -> None:
    counts, life = live({"map": "@..b", "kinds": {"berry": BERRY}, "lifetime": 9})
    assert [step.action for step in life.steps] == [EAST] * 3 + [USE] * 6
    assert counts == {"berry.eat": 6}


# ---------------------------------------------------------------------- choosing


def test_ties_are_shared_equally_and_settled_by_the_draw() -> None:
    scenario, twin, level = build({"map": "b.@.b", "kinds": {"berry": BERRY}})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario)
    policy = reference.policy(reference.plan(twin, level, agent), agent)
    assert_array_equal(policy[0, 2], [0, 0, 0.5, 0.5, 0, 0])
    for individual in range(20):
        key = rng.key(1, Purpose.LIFE, 0, 0, individual)
        u = rng.uniform(rng.draw(key, 64))
        life = reference.lifetime(twin, level, agent, key)
        assert life.steps[0].action == (WEST if u < 0.5 else EAST)


def test_softmax_takes_an_action_in_proportion_to_the_exponential_of_its_value() -> None:
    scenario, twin, level = build({"map": "@b", "kinds": {"berry": BERRY}})
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, temperature=1 / math.log(2))
    q = reference.plan(twin, level, agent, has_instinct=False)
    assert_array_equal(q[0, 1], [0, 0, 0, 0, 0, 1])
    policy = reference.policy(q, agent)
    assert policy[0, 1] == pytest.approx([1 / 7] * 5 + [2 / 7], rel=1e-6)
    assert policy[0, 0] == pytest.approx([1 / 6] * 6)


# ---------------------------------------------------------------------- the order of one step


def test_a_use_in_the_last_moment_saves_a_life_because_death_comes_after_drift() -> None:
    energy = {"values": 3, "start": 2, "fatal": 0, "drift": {"step": -1, "chance": 1.0}}
    eat = {"add": {"energy": 1}, "feels": {"sweet": 1.0}}
    world = {"map": "@b", "lifetime": 10, "variables": {"energy": energy}}
    counts, life = live(world | {"kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}}})
    assert (counts, life.lifespan) == ({"berry.eat": 9}, 10)


def test_a_use_that_touches_a_fatal_value_is_survived_where_drift_leads_away_again() -> None:
    energy = {"values": 3, "start": 1, "fatal": 0, "drift": {"step": 1, "chance": 1.0}}
    eat = {"set": {"energy": 0}, "feels": {"sweet": 1.0}}
    world = {"map": "@b", "lifetime": 6, "variables": {"energy": energy}}
    counts, life = live(world | {"kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}}})
    assert (counts, life.lifespan) == ({"berry.eat": 5}, 6)


def test_the_step_of_a_death_is_lived_and_felt() -> None:
    energy = {"values": 4, "start": 3, "fatal": 0, "drift": {"step": -1, "chance": 1.0}}
    bed = {"glyph": "b", "here": {"feels": {"sweet": 1.0}}}
    world = {"map": "@b", "variables": {"energy": energy}, "kinds": {"bed": bed}}
    counts, life = live(world | {"always": EVERY_STEP})
    assert (counts, life.lifespan) == ({"bed.here": 3, "always.step": 3}, 3)


def test_always_and_here_are_read_off_the_state_after_the_action_and_before_drift() -> None:
    clock = {"values": 3, "start": 0, "drift": {"step": 1, "chance": 1.0}}
    eat = {"set": {"clock": 2}, "feels": {"sweet": 1.0}}
    world = {
        "map": "@b",
        "lifetime": 3,
        "variables": {"clock": clock},
        "kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}},
        "always": {f"at{v}": {"when": {"clock": v}} for v in range(3)},
    }
    counts, life = live(world)
    assert [step.x for step in life.steps] == [0, 1, 2]
    assert counts == {"berry.eat": 2, "always.at0": 1, "always.at1": 0, "always.at2": 2}


def test_nothing_is_felt_after_a_use_that_ended_the_lifetime() -> None:
    eat = {"feels": {"sweet": 1.0}, "ends": 1.0}
    berry = {"glyph": "b", "use": {"eat": eat}, "here": {"feels": {"sour": 1.0}}}
    counts, life = live({"map": "@b", "kinds": {"berry": berry}, "always": EVERY_STEP})
    assert life.lifespan == 2
    assert counts == {"berry.eat": 1, "berry.here": 1, "always.step": 1}


def test_what_is_added_to_a_variable_is_clamped_to_its_values() -> None:
    mood = {"values": 4, "start": 3}
    rules = {"eat": {"add": {"mood": -9}, "feels": {"sweet": 1.0}}}
    world = {"map": "@b", "variables": {"mood": mood}}
    _, twin, _ = build(world | {"kinds": {"berry": {"glyph": "b", "use": rules}}})
    assert [twin.outcomes(0, x) for x in range(4)] == [[(1.0, 0)]] * 4


def test_variables_drift_at_once_and_not_one_after_the_other() -> None:
    def flips(other: str) -> dict[str, Any]:
        return {
            "values": 2,
            "start": 0,
            "drift": {"step": 1, "chance": 1.0, "when": {other: 0}},
        }

    world = {"variables": {"left": flips("right"), "right": flips("left")}, "always": EVERY_STEP}
    _, twin, _ = build({"map": "@r", "kinds": ROCK, **world})
    assert twin.drift(twin.index((0, 0))) == [(1.0, twin.index((1, 1)))]


def test_joint_drift_is_ordered_merged_and_clamped() -> None:
    def falls(chance: float) -> dict[str, Any]:
        return {"values": 2, "start": 1, "drift": {"step": -1, "chance": chance}}

    world = {"variables": {"left": falls(0.25), "right": falls(0.5)}, "always": EVERY_STEP}
    _, twin, _ = build({"map": "@r", "kinds": ROCK, **world})
    assert twin.drift(3) == [(0.375, 3), (0.375, 2), (0.125, 1), (0.125, 0)]
    assert twin.drift(2) == [(0.75, 2), (0.25, 0)]
    assert twin.drift(0) == [(1.0, 0)]


def test_a_weighted_set_draws_the_value() -> None:
    worm = {"values": 3, "start": [1.0, 1.0, 2.0]}
    dig = {"when": {"worm": 0}, "set": {"worm": [0.0, 1.0, 3.0]}, "feels": {"sweet": 1.0}}
    world = {"map": "@b", "variables": {"worm": worm}}
    _, twin, _ = build(world | {"kinds": {"berry": {"glyph": "b", "use": {"dig": dig}}}})
    assert twin.start() == [(0.25, 0), (0.25, 1), (0.5, 2)]
    assert twin.outcomes(0, 0) == [(0.25, 1), (0.75, 2)]
    assert twin.fires(0, 1) is None


# ---------------------------------------------------------------------- depletion


@pytest.mark.parametrize(("regrow", "eaten"), [(0.0, 1), (1.0, 4)])
def test_an_emptied_site_refills_in_the_drift_of_the_same_step_or_never(
    regrow: float, eaten: int
) -> None:
    counts, _ = live({"map": "@b", "kinds": {"berry": BERRY | {"regrow": regrow}}})
    assert counts == {"berry.eat": eaten}


def test_a_site_that_regrows_half_the_time_feeds_half_the_time() -> None:
    world = {"map": "@b", "lifetime": 3, "kinds": {"berry": BERRY | {"regrow": 0.5}}}
    scenario, twin, level = build(world)
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=3)
    policy = reference.policy(reference.plan(twin, level, agent), agent)
    assert policy[1, 1, USE] == 1
    assert reference.expectation(twin, level, policy).counts[0] == 1.5


def test_sites_empty_one_by_one_but_here_is_felt_on_an_empty_one_too() -> None:
    berry = BERRY | {"regrow": 0.0, "here": {"feels": {"sour": 1.0}}}
    scenario, twin, level = build({"map": "b@b", "kinds": {"berry": berry}, "lifetime": 6})
    assert [v.name for v in twin.lived.state_variables] == ["berry[0]", "berry[1]"]
    assert twin.start() == [(1.0, 3)]
    assert twin.outcomes(int(level.slot[0]), 3) == [(1.0, 1)]
    assert twin.fires(int(level.slot[0]), 1) is None
    assert twin.fires(int(level.slot[2]), 1) is not None
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario)
    counts = reference.lifetime(twin, level, agent, KEY).counts
    assert counts_of(twin, counts)["berry.eat"] == 2
    assert counts_of(twin, counts)["berry.here"] >= 4


# ---------------------------------------------------------------------- senses and beliefs

WATCHED: dict[str, Any] = {
    "map": "@c",
    "variables": {
        "watcher": {
            "values": 2,
            "start": 0,
            "hidden": True,
            "assume": 0,
            "drift": {"step": 1, "chance": 1.0},
        }
    },
    "kinds": {
        "coin": {
            "glyph": "c",
            "use": {
                "steal": {"when": {"watcher": 0}, "set": {"watcher": 1}, "feels": {"sweet": 1.0}},
                "caught": {"feels": {"sweet": -1.0}},
            },
        }
    },
}


def test_a_blind_agent_plans_as_if_unwatched() -> None:
    scenario, twin, level = build(WATCHED)
    sighted = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1, senses=1)
    q = reference.plan(twin, level, sighted, has_instinct=False)
    assert q[0, 1, USE] == 1.0  # it will be watched
    assert q[1, 1, USE] == -1.0
    blind = sighted._replace(senses=0)
    q = reference.plan(twin, level, blind, has_instinct=False)
    assert q[0, 1, USE] == 1.5  # nobody watches, and nobody will
    assert_array_equal(q[1], q[0])
    counts = reference.lifetime(twin, level, blind, KEY).counts
    assert counts_of(twin, counts) == {"coin.steal": 0, "coin.caught": 4}


def test_an_agent_plans_by_what_it_believes_and_feels_what_is() -> None:
    scenario, home, level = build(
        {"map": "@b", "kinds": {"berry": BERRY}},
        environments={
            "home": {"title": "sweet"},
            "away": {"kinds": {"berry": {"use": {"eat": {"feels": {"sweet": -1.0}}}}}},
        },
    )
    away = worlds.reference(scenario, "away")
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=1)
    deluded = worlds.reference(scenario, "home", lived="away")
    assert_array_equal(reference.plan(deluded, level, agent), reference.plan(home, level, agent))
    life = reference.lifetime(away, level, agent, KEY, believed=deluded)
    assert life.counts @ away.phi @ agent.weights == -4
    assert reference.lifetime(away, level, agent, KEY).counts.sum() == 0


def test_kinds_unknown_to_the_beliefs_are_inert() -> None:
    pill = {"glyph": "p", "use": {"take": {"feels": {"sweet": 8.0}}}}
    scenario, twin, level = build({"map": "p.@b", "kinds": {"berry": BERRY, "pill": pill}})
    old, _, _ = build({"map": "..@b", "kinds": {"berry": BERRY}})
    deluded = ReferenceWorld(
        old.environment("home"), old.stimuli, old.payoffs, structure=scenario.environment("home")
    )
    agent = worlds.mind({"sweet": 1.0}, scenario=scenario, depth=3)
    assert reference.lifetime(twin, level, agent, KEY).steps[-1].cell == 0
    assert reference.lifetime(twin, level, agent, KEY, believed=deluded).steps[-1].cell == 3


# ---------------------------------------------------------------------- paid steps, novelty


def test_the_paid_counts_the_first_steps_only() -> None:
    counts, life = live({"map": "@b", "kinds": {"berry": BERRY}}, window=3)
    assert counts == {"berry.eat": 4}
    assert life.paid_counts.tolist() == [2]


@pytest.mark.parametrize("window", [None, 5, 50])
def test_a_window_beyond_the_lifetime_counts_all_of_it(window: int | None) -> None:
    _, life = live({"map": "@b", "kinds": {"berry": BERRY}}, window=window)
    assert life.paid_counts.tolist() == [4]


@pytest.mark.parametrize(
    ("clock", "window", "paid"),
    [
        (0, None, 0),  # on its way
        ([1, 2], None, 2),
        (3, None, 1),  # the first of the two: one is eaten as the clock goes from 3 to 4
        (4, None, 1),
        ([2, 4], 4, 2),
    ],
)
def test_steps_are_paid_that_begin_while_one_is_observed(
    clock: Any, window: int | None, paid: int
) -> None:
    """Life goes a step east while the clock is at 0, then eats at 1, 2, 3 and 4."""
    ticks = {"values": 5, "start": 0, "drift": {"step": 1, "chance": 1.0}}
    world = {"map": "@b", "variables": {"clock": ticks}, "kinds": {"berry": BERRY}}
    counts, life = live(world, window=window, observed={"clock": clock})
    assert counts == {"berry.eat": 4}
    assert life.paid_counts.tolist() == [paid]


def test_novelty_is_1_on_new_cells_and_1_minus_1_over_the_steps_since_the_last_visit() -> None:
    scenario, twin, level = build(
        {"map": "@.r", "kinds": ROCK, "always": EVERY_STEP, "lifetime": 4},
        drives=["sweet", "novelty"],
    )
    agent = worlds.mind(scenario=scenario, novelty=1.0)
    life = reference.lifetime(twin, level, agent, KEY)
    assert [step.cell for step in life.steps] == [0, 1, 2, 1]
    assert [step.action for step in life.steps] == [EAST, EAST, WEST, WEST]
    assert life.novelty == 1 + 1 + (1 - 1 / 2) + (1 - 1 / 4)


def test_novelty_is_planned_for_as_it_is_now() -> None:
    scenario, twin, level = build(
        {"map": "@.r", "kinds": ROCK, "always": EVERY_STEP}, drives=["sweet", "novelty"]
    )
    agent = worlds.mind(scenario=scenario, novelty=1.0, depth=1)
    novelty = np.array([0.0, 0.5, 1.0], np.float32)
    q = reference.plan(twin, level, agent, novelty=novelty)
    # V_1 = the best novelty within reach: 1/2, 1, 1
    assert_array_equal(q[0, 0], [0.25, 0.25, 0.25, 0.5 + 0.5, 0.25, 0.25])
    assert_array_equal(q[0, 1], [0.5 + 0.5] * 2 + [0.25, 1 + 0.5, 1.0, 1.0])


# ---------------------------------------------------------------------- randomness


def test_every_random_number_is_the_draw_that_its_step_and_purpose_name() -> None:
    mood = {"values": 2, "start": [1.0, 1.0], "drift": {"step": 1, "chance": 0.5}}
    energy = {"values": 2, "start": 1, "fatal": 0, "drift": {"step": -1, "chance": 0.3}}
    world = {
        "map": "..\n.r",
        "kinds": ROCK,
        "slip": 0.6,
        "variables": {"mood": mood, "energy": energy},
    }
    scenario, twin, level = build(world | {"always": EVERY_STEP, "lifetime": 3})
    agent = worlds.mind(scenario=scenario)
    for individual in range(30):
        key = rng.key(7, Purpose.LIFE, 3, 1, individual)
        life = reference.lifetime(twin, level, agent, key)
        x = 1 if rng.uniform(rng.draw(key, 0)) < 0.5 else 3
        cell = 0
        for t, step in enumerate(life.steps):
            u = [rng.uniform(rng.draw(key, (t + 1) * 64 + slot)) for slot in range(10)]
            action = math.floor(6 * u[0])
            assert step == (cell, x, action, (0,))
            if action < 4:
                cell = int(level.neighbour[cell, math.floor(4 * u[2]) if u[1] < 0.6 else action])
            x = 3 if x == 1 and u[8] < 0.5 else x
            assert (t + 1 == life.lifespan) == (u[9] < 0.3 or t == 2)


# ---------------------------------------------------------------------- measures


def test_the_uniform_policy_finds_a_berry_once_in_36_lives_of_two_steps() -> None:
    _, twin, level = build({"map": "@b", "kinds": {"berry": BERRY}, "lifetime": 2})
    policy = np.full((1, 2, 6), 1 / 6)
    exact = reference.expectation(twin, level, policy)
    assert exact.counts == pytest.approx([1 / 36])
    assert exact.lifespan == pytest.approx(2)


@pytest.mark.parametrize(("lifetime", "most"), [(1, 0.0), (2, 1.5), (3, 2.0), (4, 3.0)])
def test_the_optimum_weighs_a_last_meal_against_many(lifetime: int, most: float) -> None:
    feast = {"glyph": "f", "use": {"eat": {"yields": {"children": 1.5}, "ends": 1.0}}}
    world = {"map": "f@b", "kinds": {"feast": feast, "berry": BERRY}, "lifetime": lifetime}
    _, twin, level = build(world)
    assert reference.optimum(twin, level, np.array([0.0, 0.0, 1.0])) == most


def test_the_optimum_sees_what_is_hidden() -> None:
    world = WATCHED | {"lifetime": 2}
    _, twin, level = build(world)
    assert reference.optimum(twin, level, np.array([1.0, 0.0, 0.0])) == 0.0
    assert reference.optimum(twin, level, np.array([-1.0, 0.0, 0.0])) == 1.0
