"""A lifetime told again: the same as the readable twin lives it, and as the core lived it."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import dataset, episode

from evosim import core, mind, rng, world
from evosim.errors import EvosimError
from evosim.plot.episode import AGE, episode_of
from evosim.testing.reference import Level, Mind, ReferenceWorld, lifetime


@pytest.mark.parametrize("seed", range(12))
def test_a_life_is_retold_as_the_reference_lives_it(scenario, seed):
    env = world.environment(scenario, "ancestral")
    levels = world.draw_levels(scenario, "ancestral", [seed])
    there = ReferenceWorld(env.world, env.stimuli, env.payoffs)
    genome = mind.initial(scenario, 1, rng.key(seed, rng.Purpose.INITIAL))
    minds = mind.express(scenario, genome)
    one = Mind(minds.weights[0], minds.arrival[0], seed % 3, *(np.float32(0.9),) * 2, 0)
    life = rng.key(seed, rng.Purpose.LIFE, 0, 0, 0)
    lived = lifetime(there, Level(*(part[0] for part in levels)), one, life)

    actions = [step.action for step in lived.steps]
    again = core.retrace(env, levels, actions, life)

    assert [*zip(again.x, again.cell, again.action, strict=True)] == [
        (step.x, step.cell, step.action) for step in lived.steps
    ]
    for counts, step in zip(again.counts, lived.steps, strict=True):
        assert np.flatnonzero(counts).tolist() == sorted(step.events)
    np.testing.assert_array_equal(again.counts.sum(axis=0), lived.counts)
    assert again.arrival.sum() == pytest.approx(lived.novelty)
    if lived.lifespan < env.lifetime:
        assert again.fate != "alive"
        longer = core.retrace(env, levels, [*actions, 0, 0], life)
        assert len(longer.action) == lived.lifespan


def test_each_step_leads_to_the_next(lifetime):
    neighbour, trace = lifetime.levels.neighbour[0], lifetime.trace
    for now, then, action in zip(lifetime.path, lifetime.path[1:], trace.action, strict=False):
        assert then in ({now, *neighbour[now]} if action < 4 else {now})
    assert lifetime.path[0] == lifetime.levels.start[0]
    sizes = [v.values for v in lifetime.world.state_variables]
    for step, x in enumerate([*trace.x, trace.last[0]]):
        assert np.ravel_multi_index(list(lifetime.values(step).values()), sizes) == x


def test_running_sums_end_at_what_was_counted(lifetime):
    total = lifetime.counts @ lifetime.environment.phi
    payoffs = total[len(lifetime.environment.stimuli) :]
    np.testing.assert_allclose(lifetime.payoffs[-1], payoffs)
    assert lifetime.reward[-1] == pytest.approx(total @ lifetime.drives)


def test_the_ending_says_what_ended_it(make):
    hungry = make(world__variables__energy__drift={"step": -1, "chance": 1.0})
    assert episode(hungry, "ancestral").ending == "energy 0"
    safe = make(world__variables__energy={"values": 3, "start": 2}, world__always={})
    assert episode(safe, "ancestral", steps=5).ending == AGE
    risky = make(world__kinds__baby__use__care__ends=1.0, world__variables__energy__start=7)
    endings = {episode(risky, "ancestral", seed=seed).ending for seed in range(6)}
    assert "baby.care" in endings


def test_the_ending_is_the_rule_that_ended_it_of_whatever_sort(make):
    arrival = {"burn": {"ends": 1.0}}
    lava = make(world__kinds__berry__enter=arrival, world__always={})
    assert "berry.enter.burn" in {episode(lava, "ancestral", seed=seed).ending for seed in range(6)}
    # Meetings come after an arrival, and the second may be the end.
    ghost = {"glyph": "G", "count": 1, "walks": "toward"}
    movers = {
        "mild": {**ghost, "meet": {"greet": {}}},
        "grim": {**ghost, "glyph": "R", "meet": {"bite": {"ends": 1.0}}},
    }
    haunted = make(
        world__rows=3, world__cols=4, world__movers=movers,
        world__kinds__berry__enter={"step": {}}, world__max_states=10**7,
    )  # fmt: skip
    assert {episode(haunted, "ancestral", seed=seed).ending for seed in range(3)} == {
        "grim.meet.bite"
    }


def test_the_ending_is_told_of_two_movers_of_one_name(make):
    # The first to be met shouts, and the second one grabs in that step: by number grab comes first.
    guard = {
        "glyph": "G", "count": 2, "walks": "toward",
        "meet": {
            "grab": {"when": {"alarm": 1}, "ends": 1.0, "vanishes": True},
            "shout": {"set": {"alarm": 1}},
        },
    }  # fmt: skip
    watched = make(
        world__rows=2, world__cols=4, world__movers={"guard": guard}, world__max_states=10**7,
        world__variables__alarm={
            "values": 2, "start": 0, "drift": {"step": -1, "chance": 1.0},
        },
    )  # fmt: skip
    found = [episode(watched, "ancestral", seed=seed) for seed in range(4)]
    ended = [one for one in found if one.trace.fate == "ended"]
    assert {one.ending for one in ended} == {"guard.meet.grab"}
    for one in ended:
        last = [one.environment.events[event] for event in one.events(one.lifespan - 1)]
        assert last[-1] == "guard.meet.shout"


def test_sites_that_empty_are_known(lifetime):
    assert sorted(lifetime.kinds.values()) == ["baby", "berry", "berry", "mate", "mate"]
    eaten = [step for step in range(lifetime.lifespan) if 0 in lifetime.events(step)]
    assert eaten
    for step in range(lifetime.lifespan + 1):
        empty = lifetime.empty(step)
        assert {lifetime.kinds[cell] for cell in empty} <= {"berry"}
        assert len(empty) == sum(
            value == 0 for name, value in lifetime.values(step).items() if "berry[" in name
        )
    berry = lifetime.path[eaten[0]]
    assert lifetime.kinds[berry] == "berry"
    assert berry not in lifetime.empty(eaten[0])


def test_an_individual_lives_again_the_life_that_was_recorded(scenario, data):
    again = episode_of(data, scenario, generation=3, individual=4, level=1)
    seed = rng.key(1, rng.Purpose.REPLICATE, 0)
    env = world.environment(scenario, "ancestral")
    levels = world.draw_levels(scenario, "ancestral", [rng.key(seed, rng.Purpose.LEVEL, 3, 1)])
    minds = mind.express(scenario, data["genome"].values[0, 3, [4]])
    lived = core.lifetimes(
        env, levels, minds, seed=seed, generation=3, level_ids=[1], individual_ids=[4]
    )
    np.testing.assert_array_equal(again.counts, lived.counts[0, 0])
    assert again.lifespan == lived.lifespan[0, 0]
    assert again.heading == "generation 3, individual 4, in “before the pill”"


def test_without_a_name_the_median_individual_of_the_last_generation_lives(scenario, data):
    scores = data["score"].values[0, -1]
    median = int(np.argsort(scores, kind="stable")[(len(scores) - 1) // 2])
    assert f"generation 39, individual {median}," in episode_of(data, scenario).heading
    best = episode_of(data, scenario, individual="best").heading
    assert f"generation 39, individual {np.argmax(scores)}," in best


def test_a_fork_lives_by_the_seed_that_was_used_then(scenario):
    forked = dataset(scenario)
    forked.attrs["provenance"] = '{"seeds": [{"from": 0, "seed": 5}, {"from": 10, "seed": 6}]}'
    for generation, seed in ((9, 5), (10, 6)):
        same = dataset(scenario).assign_attrs(seed=str(seed))
        one = episode_of(forked, scenario, generation=generation).trace
        other = episode_of(same, scenario, generation=generation).trace
        for name in ("x", "cell", "action", "counts"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"generation": 99}, r"no generation 99 in this run \(it has 0 to 39\)"),
        ({"environment": "modren"}, r"no environment 'modren'.*did you mean 'modern'"),
        ({"individual": "worst"}, "individual 'worst': allowed are a number, 'best' and 'median'"),
        ({"individual": 30}, r"no individual 30 in this run \(allowed 0 to 29\)"),
        ({"level": 2}, r"no level 2 in this run \(allowed 0 to 1\)"),
        ({"replicate": -1}, "no replicate -1"),
    ],
)
def test_what_the_run_lacks_is_said(scenario, data, wrong, message):
    with pytest.raises(EvosimError, match=message):
        episode_of(data, scenario, **wrong)
