"""Local worlds step by step, against docs/model.md: what happens in each step, in words.

Lives through given actions, in worlds that leave nothing to chance; on other worlds the kernels are
held to their twin.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds

from evosim import core, rng
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.world import draw_levels, environment

NORTH, SOUTH, WEST, EAST, STAY, USE = range(6)
EVERY_STEP = {"step": {"yields": {"gold": 1.0}}}
NOTHING: dict[str, Any] = {"yields": {"gold": 0.0}}


def lived(
    world: dict[str, Any], actions: list[int], life: int = 5
) -> tuple[list[list[str]], core.Trace, Scenario]:
    """The events of each step of a life through some actions."""
    read = worlds.read(worlds.document({"lifetime": 20, **world}))
    env, levels = environment(read, "home"), draw_levels(read, "home", [1])
    trace = core.retrace(env, levels, actions, life)
    return [[env.events[e] for e in np.flatnonzero(c)] for c in trace.counts], trace, read


def lava(**rule: Any) -> dict[str, Any]:
    return {"lava": {"glyph": "l", "enter": {"burn": {**NOTHING, **rule}}}}


# ---------------------------------------------------------------------- arrival


def test_only_a_move_from_another_cell_arrives() -> None:
    steps, _, _ = lived({"map": "@l", "kinds": lava()}, [EAST, EAST, NORTH, STAY, USE, WEST, EAST])
    assert steps == [["lava.enter.burn"], [], [], [], [], [], ["lava.enter.burn"]]


def test_on_a_ring_of_one_cell_nobody_arrives() -> None:
    world = {"map": "@\nl", "edges": "torus", "kinds": lava()}
    steps, trace, _ = lived(world, [WEST, SOUTH, EAST, SOUTH])
    assert steps == [[], ["lava.enter.burn"], [], []]
    assert trace.last[1] == 0


def test_a_slip_arrives_like_a_meant_move() -> None:
    world = {"map": "l@l", "slip": 1.0, "kinds": lava()}
    for life in range(20):
        ((*events,), *_), trace, _ = lived(world, [EAST, STAY], life)
        assert bool(events) == (trace.cell[1] != trace.cell[0])


def test_the_first_rule_of_arrival_that_holds_where_the_step_began_fires() -> None:
    """`when` is read before the drift of the step before has been undone, and after it."""
    clock = {"values": 3, "start": 0, "drift": {"step": 1, "chance": 1.0}}
    enter = {
        "early": {"when": {"clock": 0}, **NOTHING},
        "late": {"when": {"clock": [1, 2]}, **NOTHING},
        "never": NOTHING,
    }
    world = {"map": "@l", "variables": {"clock": clock}}
    world |= {"kinds": {"lava": {"glyph": "l", "enter": enter}}}
    steps, _, _ = lived(world, [EAST, WEST, EAST])
    assert steps == [["lava.enter.early"], [], ["lava.enter.late"]]


def test_arrival_changes_what_here_and_always_feel_in_the_same_step() -> None:
    wet = {"values": 2, "start": 0}
    pond = {
        "glyph": "l",
        "enter": {"splash": {"set": {"wet": 1}, **NOTHING}},
        "here": {"when": {"wet": 1}, "feels": {"sweet": 1}},
    }
    world = {"map": "@l", "variables": {"wet": wet}, "kinds": {"pond": pond}}
    world |= {"always": {"cold": {"when": {"wet": 1}, **NOTHING}}}
    steps, _, _ = lived(world, [STAY, EAST, WEST])
    assert steps == [[], ["pond.enter.splash", "pond.here", "always.cold"], ["always.cold"]]


def test_a_site_that_regrows_is_emptied_by_arriving_and_does_nothing_while_empty() -> None:
    world = {"map": "@l", "kinds": {"lava": {**lava()["lava"], "regrow": 0.0}}}
    steps, _, _ = lived(world, [EAST, WEST, EAST])
    assert steps == [["lava.enter.burn"], [], []]


def test_nothing_comes_after_an_arrival_that_ended_the_lifetime() -> None:
    beast = {"glyph": "M", "chance": 0.0, "meet": {"bite": NOTHING}}
    fields = {"all": {"point": [0, 0], "reach": 9, **NOTHING}}
    world = {"map": "@l", "kinds": lava(ends=1.0), "always": EVERY_STEP, "fields": fields}
    steps, trace, _ = lived(world, [STAY, EAST, WEST])
    assert steps == [["always.step", "field.all@1"], ["lava.enter.burn"]]
    assert trace.fate == "ended"
    # Nor is a mover on that cell met; where the life goes on, it is.
    moving = world | {"movers": {"beast": beast | {"region": {"rows": [0, 0], "cols": [1, 1]}}}}
    moving["movers"]["beast"]["count"] = 1
    assert lived(moving, [EAST])[0] == [["lava.enter.burn"]]
    moving["kinds"] = lava()
    (events,), _, _ = lived(moving, [EAST])
    assert events == ["lava.enter.burn", "always.step", "beast.meet.bite", "field.all@1"]


# ---------------------------------------------------------------------- movers


def beast(walks: str = "toward", **more: Any) -> dict[str, Any]:
    return {"movers": {"beast": {"glyph": "M", "walks": walks, "meet": {"bite": NOTHING}, **more}}}


def test_agent_and_mover_do_not_pass_through_each_other() -> None:
    """Next to each other and walking toward each other: the mover waits, and is met."""
    steps, trace, read = lived({"map": "@M.", **beast()}, [EAST, STAY, EAST, EAST])
    assert steps == [["beast.meet.bite"]] * 4  # it comes after, each step
    assert read.world.state_variables[-1] == ("beast[0]", 3)
    assert trace.x.tolist() == [1, 1, 1, 2]


def test_what_walks_toward_a_fleeing_agent_stays_one_step_behind() -> None:
    steps, trace, _ = lived({"map": "M.@..", **beast()}, [EAST, EAST, EAST, EAST])
    # At the closed edge it has come: 0 -> 1 -> 2 -> 3 -> 4.
    assert trace.x.tolist() == [0, 1, 2, 3]
    assert steps == [[], [], [], ["beast.meet.bite"]]


def test_what_walks_away_stays_in_its_corner() -> None:
    steps, trace, _ = lived({"map": "@.M.", **beast("away")}, [EAST, EAST, EAST, STAY])
    assert trace.x.tolist() == [2, 3, 3, 3]
    assert steps == [[], [], ["beast.meet.bite"], ["beast.meet.bite"]]


def test_walls_stop_movers_and_a_mover_without_a_path_stays() -> None:
    steps, trace, _ = lived({"map": "@#M.", **beast()}, [STAY] * 3)
    assert (steps, trace.x.tolist()) == ([[]] * 3, [1, 1, 1])  # the second free cell


def test_a_mover_that_vanished_is_gone_for_the_rest_of_the_life() -> None:
    meet = {"shoo": {"vanishes": True, **NOTHING}}
    steps, trace, read = lived({"map": "@M.", **beast(meet=meet)}, [EAST, STAY, EAST, USE])
    assert steps == [["beast.meet.shoo"], [], [], []]
    assert trace.x.tolist() == [1, 3, 3, 3]
    assert read.world.n_states == 3 * 4


def test_movers_are_met_in_order_and_each_sees_what_the_one_before_left() -> None:
    hurt = {"values": 3, "start": 0}
    bite = {"add": {"hurt": 1}, **NOTHING}
    beasts = {
        "ant": {"glyph": "M", "meet": {"bite": bite}},
        "bee": {"glyph": "N", "meet": {"sting": {"when": {"hurt": 1}, "ends": 1.0, **NOTHING},
                                       "buzz": NOTHING}},
    }  # fmt: skip
    for mover in beasts.values():
        mover["walks"] = "toward"
    world = {"map": "M@N", "variables": {"hurt": hurt}, "movers": beasts, "always": EVERY_STEP}
    steps, trace, _ = lived(world, [STAY, STAY])
    assert steps == [["ant.meet.bite", "bee.meet.sting"]]
    assert trace.fate == "ended"
    # In the other order the bee comes before it hurts; two ants would bite twice.
    swapped = world | {"movers": dict(reversed(beasts.items()))}
    steps, _, _ = lived(swapped, [STAY])
    assert steps == [["always.step", "bee.meet.buzz", "ant.meet.bite"]]
    both = world | {"map": "M@M", "movers": {"ant": beasts["ant"]}}
    _, trace, _ = lived(both, [STAY])
    assert trace.counts.sum() == 3


def test_a_use_is_of_the_site_and_else_of_the_mover_on_the_cell() -> None:
    full = {"values": 2, "start": 0}
    eat = {"when": {"full": 0}, "set": {"full": 1}, **NOTHING}
    world = {
        "map": "@b",
        "variables": {"full": full},
        "kinds": {"berry": {"glyph": "b", "use": {"eat": eat}}},
        **beast(
            "random", chance=0.0, count=1, region={"rows": [0, 0], "cols": [1, 1]}, meet={},
            use={"pet": NOTHING},
        ),
    }  # fmt: skip
    steps, trace, _ = lived(world, [USE, EAST, USE, USE])
    assert steps == [[], [], ["berry.eat"], ["beast.use.pet"]]
    assert trace.event.tolist() == [-1, -1, 0, 1]


def test_a_random_mover_begins_anywhere_in_its_region_by_the_draw_of_its_birth() -> None:
    region = {"rows": [0, 0], "cols": [1, 3]}
    world = {"map": "@....", **beast("random", count=1, region=region)}
    begins = [int(lived(world, [STAY], life)[1].x[0]) for life in range(60)]
    assert set(begins) == {1, 2, 3}
    draws = [rng.uniform(rng.draw(life, 0)) for life in range(60)]
    assert begins == [1 + int(3 * u) for u in draws]


# ---------------------------------------------------------------------- chance


def test_happenings_come_first_and_drifts_add_to_what_they_leave() -> None:
    """A flood sets 3; the tide, whose `when` saw 0, takes one off it."""
    level = {"values": 5, "start": 0, "drift": {"step": -1, "chance": 1.0, "when": {"level": 0}}}
    world = {
        "rows": 1, "cols": 2, "kinds": {"rock": {"glyph": "r", "count": 1}},
        "variables": {"level": level},
        "happens": {
            "flood": {"chance": 1.0, "when": {"level": 0}, "set": {"level": 3}},
            "rain": {"chance": 1.0, "when": {"level": [0, 2]}, "add": {"level": 1}},
        },
        "always": EVERY_STEP,
    }  # fmt: skip
    _, trace, _ = lived(world, [STAY] * 3)
    # 0: flood 3, rain 4, tide 3. 3: nothing holds.
    assert trace.x.tolist() == [0, 3, 3]


def test_every_new_draw_is_the_one_that_its_slot_names() -> None:
    """Slots 8 + v: variables, walks; then happenings; then two of each mover."""
    mood = {"values": 3, "start": 1}
    mood["drift"] = [{"step": 1, "chance": 0.3}, {"step": -1, "chance": 0.4}]  # type: ignore[assignment]
    meet = {"bite": {"set": {"hurt": [0.5, 0.5]}, "ends": 0.3, **NOTHING}}
    movers = {"idle": {"glyph": "I", "chance": 0.0}}
    world = {
        "map": "@MI",
        "variables": {"mood": mood, "hurt": {"values": 2, "start": 0}},
        "movers": movers | beast("toward", chance=0.6, meet=meet)["movers"],
        "happens": {"storm": {"chance": 0.2, "set": {"hurt": 1}}},
    }
    for life in range(40):
        _, trace, _ = lived(world, [STAY], life)
        u = [rng.uniform(rng.draw(life, 64 + slot)) for slot in range(17)]
        came = u[11] >= 0.4  # to stay comes first, with chance 1 - 0.6
        hurt = int(came and u[15] >= 0.5)
        ended = came and u[16] < 0.3
        assert trace.fate == ("ended" if ended else "alive")
        assert int(trace.counts.sum()) == came
        if not ended:
            now = 2 if u[8] < 0.3 else 0 if u[8] < 0.7 else 1
            hurt = 1 if u[12] < 0.2 else hurt
            assert trace.last[0] == ((now * 2 + hurt) * 3 + 2) * 3 + (0 if came else 1)


# ---------------------------------------------------------------------- instinct


def test_a_goal_smells_from_other_cells_and_a_mover_from_where_it_is() -> None:
    goal = {"goal": {"glyph": "g", "enter": {"arrive": {"feels": {"sweet": 1.0}}}}}
    read = worlds.read(worlds.document({"map": "@.g.", "kinds": goal, "lifetime": 5}))
    twin, level = worlds.reference(read), worlds.level_of(read.environment("home"))
    agent = worlds.mind({"sweet": 1.0}, scenario=read, patience=0.5)
    assert reference.instinct(twin, level, agent)[0].tolist() == [0.25, 0.5, 0, 0.5]
    meet = {"hug": {"feels": {"sweet": 1.0}}}
    read = worlds.read(worlds.document({"map": "@..M", "lifetime": 5, **beast(meet=meet)}))
    twin, level = worlds.reference(read), worlds.level_of(read.environment("home"))
    agent = worlds.mind({"sweet": 1.0}, scenario=read, patience=0.5)
    scent = reference.instinct(twin, level, agent)
    assert scent[3].tolist() == [0.125, 0.25, 0.5, 1]
    assert scent[1].tolist() == [0.5, 1, 0.5, 0.25]


def test_a_reflex_walks_into_the_goal() -> None:
    goal = {"goal": {"glyph": "g", "enter": {"arrive": {"feels": {"sweet": 1.0}, "ends": 1.0}}}}
    read = worlds.read(worlds.document({"map": "@..g", "kinds": goal, "lifetime": 9}))
    env, levels = environment(read, "home"), draw_levels(read, "home", [1])
    agent = worlds.as_minds([worlds.mind({"sweet": 1.0}, scenario=read)])
    expected = core.expectation(env, levels, agent)
    assert expected.lifespan.item() == 3
    assert expected.counts[0, 0].tolist() == [1.0]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mover_that_beliefs_do_not_know_stands_still_in_the_plan(seed: int) -> None:
    """Who believes in a world without beasts walks past one as if it were a picture."""
    world = {"map": "@...b", "lifetime": 8, "kinds": {
        "berry": {"glyph": "b", "use": {"eat": {"feels": {"sweet": 1.0}}}}}}  # fmt: skip
    beastly = {"movers": {"beast": {"glyph": "M", "count": 1, "walks": "toward",
                                    "meet": {"bite": {"feels": {"sour": 1.0}}}}}}  # fmt: skip
    environments = {"home": beastly, "empty": {}}
    read = worlds.read(worlds.document(world, environments=environments))
    env, empty = environment(read, "home"), environment(read, "empty")
    levels = draw_levels(read, "home", [seed])
    agent = worlds.as_minds(
        [worlds.mind({"sweet": 1.0, "sour": -1.0}, scenario=read, depth=5, patience=0.9)]
    )
    naive = core.policies(env, levels, agent, believes=empty)[0, 0]
    plain = core.policies(empty, draw_levels(read, "empty", [seed]), agent)[0, 0]
    assert np.array_equal(naive, np.broadcast_to(plain, naive.shape))
    wary = core.policies(env, levels, agent)[0, 0]
    assert not np.array_equal(naive, wary)
