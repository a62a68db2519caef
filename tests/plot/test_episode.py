"""A lifetime told again: the same as the readable twin lives it, and as the core lived it."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import dataset, episode

from evosim import mind, rng, world
from evosim.core.reference import Level, Mind, ReferenceWorld, lifetime
from evosim.errors import EvosimError
from evosim.plot.episode import AGE, episode_of, reconstruct


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

    steps, ending = reconstruct(env, levels, [step.action for step in lived.steps], life)

    assert [(m.x, m.cell, m.action) for m in steps] == [
        (step.x, step.cell, step.action) for step in lived.steps
    ]
    counts = np.bincount([e for m in steps for e in m.events], minlength=len(env.events))
    np.testing.assert_array_equal(counts, lived.counts)
    assert sum(m.novelty for m in steps) == pytest.approx(lived.novelty)
    assert (ending == AGE) == (lived.lifespan == env.lifetime and ending == AGE)


def test_each_step_leads_to_the_next(lifetime):
    for now, then in zip(lifetime.steps, lifetime.steps[1:], strict=False):
        assert (now.x_after, now.cell_after) == (then.x, then.cell)


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


def test_sites_that_empty_are_known(lifetime):
    kinds = [kind for kind, _ in lifetime.sites.values()]
    assert sorted(kinds) == ["baby", "berry", "berry", "mate", "mate"]
    names = [v.name for v in lifetime.world.state_variables]
    for kind, variable in lifetime.sites.values():
        if kind == "berry":
            assert names[variable].startswith("berry[")
        else:
            assert variable is None
    eaten = [m for m in lifetime.steps if 0 in m.events]
    assert eaten
    assert not lifetime.is_empty(eaten[0].cell, eaten[0].x)


def test_an_individual_lives_again_the_life_that_was_recorded(scenario, data):
    from evosim import core

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


def test_a_fork_lives_by_the_seed_that_was_used_then(scenario):
    forked = dataset(scenario)
    forked.attrs["provenance"] = '{"seeds": [{"from": 0, "seed": 5}, {"from": 10, "seed": 6}]}'
    for generation, seed in ((9, 5), (10, 6)):
        same = dataset(scenario).assign_attrs(seed=str(seed))
        assert (
            episode_of(forked, scenario, generation=generation).steps
            == episode_of(same, scenario, generation=generation).steps
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"generation": 99}, r"no generation 99 in this run \(it has 0 to 39\)"),
        ({"environment": "modren"}, r"no environment 'modren'.*did you mean 'modern'"),
        ({"individual": 30}, r"no individual 30 in this run \(allowed 0 to 29\)"),
        ({"level": 2}, r"no level 2 in this run \(allowed 0 to 1\)"),
        ({"replicate": -1}, "no replicate -1"),
    ],
)
def test_what_the_run_lacks_is_said(scenario, data, wrong, message):
    with pytest.raises(EvosimError, match=message):
        episode_of(data, scenario, **wrong)
