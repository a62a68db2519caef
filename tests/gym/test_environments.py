"""Environments of Gymnasium are the worlds of scenarios: the same lives, step by step."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import worlds
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import evosim
import evosim.gym
from evosim import core, mind, rng, scenario, testing, world
from evosim.errors import EvosimError
from evosim.world.observations import Observer, available

ANY = worlds.documents() | worlds.documents(local=True)


def lived(env: Any, actions: list[int], **reset: Any) -> list[tuple[Any, ...]]:
    """One life: (observation, reward, terminated, truncated, info) of birth and of each step."""
    seen, info = env.reset(**reset)
    told: list[tuple[Any, ...]] = [(seen, 0.0, False, False, info)]
    for action in actions:
        told.append(env.step(action))
        if told[-1][2] or told[-1][3]:
            break
    return told


@given(doc=ANY, seed=st.integers(0, 99), name=st.sampled_from(["home", "away"]))
@worlds.FEW
def test_a_life_is_that_of_the_core_with_the_same_draws(
    doc: worlds.Document, seed: int, name: str
) -> None:
    read = worlds.read(doc)
    compiled = world.environment(read, name)
    hidden = [n for n, v in compiled.world.variables.items() if v.hidden]
    env = evosim.gym.make(
        read, environment=name, obs="state", reward={read.stimuli[0]: 0.5, read.payoffs[-1]: -2.0},
        levels=2, senses=hidden,
    )  # fmt: skip
    actions = (
        np.random.default_rng(seed).integers(0, compiled.n_actions, compiled.lifetime).tolist()
    )
    told = lived(env, actions, seed=seed)
    info = told[0][4]
    levels = world.draw_levels(read, name, [info["level_seed"]])
    twin = core.retrace(compiled, levels, actions, info["life"])
    assert len(twin.action) == len(told) - 1
    n_cells = len(levels.slot[0])
    states = [*(twin.x * n_cells + twin.cell), twin.last[0] * n_cells + twin.last[1]]
    assert [one[0] for one in told] == states
    weights = env.episodes.weights
    felt = world.weighted_sum(twin.counts, compiled.phi[:, : len(weights)])
    np.testing.assert_allclose([one[1] for one in told[1:]], felt @ weights, atol=1e-12)
    for one, counts in zip(told[1:], twin.counts, strict=True):
        assert one[4]["events"] == {compiled.events[e]: counts[e] for e in np.flatnonzero(counts)}
    assert told[-1][2] == (twin.fate != "alive")
    assert told[-1][3] == (twin.fate == "alive")


def test_a_mind_that_acts_from_outside_lives_the_life_that_it_has_in_a_run() -> None:
    read = scenario.load("contraception")
    env = evosim.gym.make(read, environment="ancestral", obs="state", reward="intended", levels=1)
    compiled = world.environment(read, "ancestral")
    seed = int(env.episodes.seeds[0])
    levels = world.draw_levels(read, "ancestral", [seed])
    genome = mind.initial(read, 1, rng.key(5, rng.Purpose.INITIAL))
    trace = core.trace(compiled, levels, mind.express(read, genome), seed=5)
    env.reset(seed=1)
    env.episodes.going.life[0] = rng.key(5, rng.Purpose.LIFE, 0, 0, 0)
    env.episodes.going.x[0] = trace.x[0]
    total = 0.0
    for action in trace.action:
        _, reward, terminated, truncated, _ = env.step(action)
        total += reward
    intended = len(read.stimuli) + read.payoffs.index(read.objective.intended)
    assert total == pytest.approx((trace.counts @ compiled.phi[:, intended]).sum())
    assert terminated or truncated


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("name", ["dying_out", "shutdown", "keys_and_chests"])
def test_lives_side_by_side_are_those_of_one_environment_after_the_other(
    name: str, mode: str
) -> None:
    read = scenario.load(name)
    mixture = dict.fromkeys(read.environments, 1.0)
    options: dict[str, Any] = {"obs": available(read), "levels": 3, "environment": mixture}
    many = evosim.gym.make_vec(read, num_envs=5, autoreset_mode=mode, **options)
    ones = [evosim.gym.make(read, **options) for _ in range(5)]
    seen, info = many.reset(seed=11)
    over = [False] * 5
    for i, one in enumerate(ones):
        alone, told = one.reset(seed=11 + i)
        assert told["level"] == info["level"][i]
        for part in alone:
            np.testing.assert_array_equal(alone[part], seen[part][i])
    many.action_space.seed(3)
    steps = 2 * max(read.environment(n).lifetime for n in mixture) + 5
    for _ in range(min(steps, 150)):
        actions = many.action_space.sample()
        seen, reward, terminated, truncated, info = many.step(actions)
        for i, one in enumerate(ones):
            if mode == "NextStep" and over[i]:
                (alone, told), paid, ends = one.reset(), 0.0, (False, False)
            else:
                alone, paid, *ends, told = one.step(actions[i])
            over[i] = any(ends)
            assert (paid, *ends) == (reward[i], terminated[i], truncated[i])
            if mode == "SameStep" and over[i]:
                for part in alone:
                    np.testing.assert_array_equal(alone[part], info["final_obs"][i][part])
                assert told["intended"] == info["final_info"]["intended"][i]
                alone, told = one.reset()
            for part in alone:
                np.testing.assert_array_equal(alone[part], seen[part][i])
            assert told["environment"] == info["environment"][i]
            assert told["intended"] == info["intended"][i]


def check(name: str, obs: str) -> None:
    read = scenario.load(name)
    for environment in read.environments:
        env = evosim.gym.make(read, environment=environment, obs=obs, levels=4, render_mode="ansi")
        env.spec = gymnasium.spec(f"evosim/{name}-{environment}-v0")
        check_env(env, skip_render_check=True)


@pytest.mark.parametrize(
    ("name", "obs"),
    [("strawberry", "felt"), ("myopic_base", "state"), ("spreadsheet", "looks"),
     ("kin_sense", "kinds"), ("acausal", "variables")],
)  # fmt: skip
def test_gymnasium_finds_no_fault(name: str, obs: str) -> None:
    check(name, obs)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenario.catalogue())
def test_gymnasium_finds_no_fault_in_any_scenario_and_observation(name: str) -> None:
    for obs in available(scenario.load(name)):
        check(name, obs)


def test_every_environment_of_the_catalogue_has_an_id() -> None:
    ids = evosim.gym.register()
    every = sum(len(scenario.load(name).environments) for name in scenario.catalogue())
    assert len(ids) == every
    assert set(ids) <= set(gymnasium.registry)
    env = gymnasium.make("evosim/strawberry-evening-v0", obs="variables", levels=2)
    _, info = env.reset(seed=1)
    assert info["environment"] == "evening"
    many = gymnasium.make_vec("evosim/strawberry-day-v0", num_envs=3, obs="state", levels=2)
    assert many.reset(seed=1)[0].shape == (3,)


def test_the_same_seed_is_the_same_episodes_and_another_is_not() -> None:
    env = evosim.gym.make("contraception", obs="state", levels=50)

    def some(seed: int) -> list[Any]:
        first = env.reset(seed=seed)[1]
        return [(i["level"], i["life"]) for i in (first, env.reset()[1], env.reset()[1])]

    assert some(4) == some(4)
    assert len({*some(4), *some(5)}) == 6
    free = evosim.gym.make("contraception", obs="state")
    free.reset()
    assert free.np_random_seed is not None


def test_levels_that_train_are_not_those_that_are_probed() -> None:
    options: dict[str, Any] = {"obs": "state", "levels": 500}
    train, probe = (
        set(evosim.gym.make("strawberry", split=split, **options).episodes.seeds.tolist())
        for split in ("train", "probe")
    )
    assert not train & probe
    # The very levels of a replicate of this seed: of its first generation, and of its probes.
    assert evosim.gym.level_seed(2, seed=9) == rng.key(9, rng.Purpose.LEVEL, 0, 2)
    from evosim.engine.probe import level_seeds

    assert [evosim.gym.level_seed(i, "probe", 9) for i in range(3)] == list(level_seeds(9, 3))


def test_what_is_paid_can_be_a_payoff_a_stimulus_weights_or_the_drives_of_an_individual() -> None:
    env = evosim.gym.make("strawberry", environment="evening", levels=[7], obs="state")
    use = env.actions.index("use")

    def paid(reward: Any) -> list[tuple[float, dict[str, Any]]]:
        env.reward = reward
        told = lived(env, actions, seed=3)
        return [(one[1], one[4]) for one in told[1:]]

    # To each thing in turn, by the shortest way; what is there is used.
    env.reset(seed=3)
    levels, there = env.episodes.place(1).levels, env.episodes.place(1).env
    actions: list[int] = []
    at = int(levels.start[0])
    for kind in ("strawberry", "lamp", "strawberry", "bucket"):
        slot = next(i for i, s in enumerate(there.world.slots) if s.kind == kind)
        goal = int(np.flatnonzero(levels.slot[0] == slot)[0])
        while at != goal:
            move = next(a for a in range(4)
                        if levels.distance[0, levels.neighbour[0, at, a], goal]
                        < levels.distance[0, at, goal])  # fmt: skip
            actions.append(move)
            at = int(levels.neighbour[0, at, move])
        actions.append(use)
    assert sum(r for r, _ in paid("strawberries")) == 1.0
    assert [r for r, _ in paid("selected")] == [r for r, _ in paid("intended")]
    assert sum(r for r, _ in paid("lamp_hits")) == 1.0
    assert sum(r for r, _ in paid("gleam")) == 3.0  # the lamp's 2 and the bucket's 1
    weighed = {"gleam": 1.0, "roundness": -2.0, "strawberries": 10.0}
    told = paid(weighed)
    assert sum(r for r, _ in told) == 3.0 - 1.0 + 10.0
    assert sum(i["internal"] for _, i in told) == 2.0
    assert sum(i["intended"] for _, i in told) == 1.0


def test_selection_pays_for_what_it_observes_and_in_the_window() -> None:
    watcher = {"values": 2, "start": [1, 1], "hidden": True, "assume": 0,
               "drift": [{"step": 1, "chance": 0.3, "when": {"watcher": 0}},
                         {"step": -1, "chance": 0.3, "when": {"watcher": 1}}]}  # fmt: skip
    doc = worlds.document(
        {"rows": 1, "cols": 2, "lifetime": 12, "variables": {"watcher": watcher},
         "always": {"wage": {"yields": {"children": 1.0}, "feels": {"sweet": 0.5}}},
         "kinds": {"apple": {"glyph": "a", "count": 1, "use": {"eat": {"feels": {"sour": 1.0}}}}}},
        senses={"watcher": 0.0},
    )  # fmt: skip
    doc["objective"]["observed"] = {"watcher": 1}
    doc["deception"] = {"variable": "watcher", "watched": 1, "conduct": "children"}
    env = evosim.gym.make(
        worlds.read(doc), obs="variables", reward="selected", senses=["watcher"], window=8, levels=1
    )
    kinds = set()
    for seed in range(10):
        told = lived(env, [0] * 12, seed=seed)
        for t, (before, after) in enumerate(itertools.pairwise(told)):
            watched = bool(before[0][0])
            paid = float(watched and t < 8)
            kinds.add((watched, t < 8))
            assert after[1] == after[4]["selected"] == paid
            assert after[4]["intended"] == 1.0
            assert after[4]["watched"] == watched
    assert len(kinds) == 4


def test_a_flip_holds_for_lives_that_begin_after_it() -> None:
    env = evosim.gym.make("strawberry", environment="day", obs="felt", levels=1)
    env.reset(seed=0)
    env.environment = "evening"
    assert env.step(0)[4]["environment"] == "day"
    assert env.reset()[1]["environment"] == "evening"
    assert env.environment == "evening"
    env.environment = {"day": 1.0, "evening": 3.0}
    drawn = [env.reset()[1]["environment"] for _ in range(400)]
    assert 0.68 < drawn.count("evening") / 400 < 0.82  # 3 standard errors are .065


def test_the_table_of_a_level_is_the_process_that_steps_sample() -> None:
    env = evosim.gym.make("dying_out", obs="state", reward="intended", levels=1)
    table = env.P if env.reset(seed=0) else {}
    counted: dict[tuple[int, int], dict[int, int]] = {}
    paid: dict[tuple[int, int], list[float]] = {}
    for seed in range(1000):
        state, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        over = False
        while not over:
            action = int(env.action_space.sample())
            after, reward, died, aged, _ = env.step(action)
            to = len(table) - 1 if died else int(after)
            ways = counted.setdefault((int(state), action), {})
            ways[to] = ways.get(to, 0) + 1
            paid.setdefault((int(state), action), []).append(reward)
            state, over = after, died or aged
    often = [pair for pair, ways in counted.items() if sum(ways.values()) > 50]
    assert len(often) > 10
    for state, action in often:
        ways = counted[state, action]
        n = sum(ways.values())
        rows = table[state][action]
        assert sum(p for p, *_ in rows) == pytest.approx(1.0)
        assert set(ways) <= {to for _, to, _, _ in rows}
        for p, to, _, ends in rows:
            error = (p * (1 - p) / n) ** 0.5
            assert abs(ways.get(to, 0) / n - p) <= 5 * error + 1e-9
            assert ends == (to == len(table) - 1)
        expected = sum(p * r for p, _, r, _ in rows)
        assert (
            abs(np.mean(paid[state, action]) - expected)
            <= 5 * np.std(paid[state, action]) / n**0.5 + 1e-9
        )


def test_value_iteration_on_the_table_is_the_optimum() -> None:
    env = evosim.gym.make("strawberry", environment="day", obs="state", levels=1)
    env.reset(seed=0)
    table, there = env.P, env.episodes.place(0)
    value = np.zeros(len(table))
    for _ in range(there.env.lifetime):
        value = np.array([
            max(sum(p * (r + (0 if ends else value[to])) for p, to, r, ends in rows)
                for rows in table[s].values())
            for s in table
        ])  # fmt: skip
    weights = np.zeros((1, there.env.phi.shape[1]))
    weights[0, : len(env.episodes.weights)] = env.episodes.weights
    best = core.optimum(there.env, there.levels, weights)
    start = int(there.levels.start[0])
    assert value[start] == pytest.approx(float(np.ravel(best)[0]))


def test_what_is_seen_is_the_row_of_the_table_of_observations() -> None:
    read = scenario.load("strawberry")
    env = evosim.gym.make(read, environment="day", obs="felt", levels=3, split="probe")
    seen, info = env.reset(seed=2)
    levels = world.draw_levels(read, "day", [info["level_seed"]])
    table = Observer(read, "felt").table("day", levels)[0]
    for _ in range(30):
        x, cell = env.episodes.going.x[0], env.episodes.going.cell[0]
        np.testing.assert_array_equal(seen, table[x, cell])
        seen, *_ = env.step(int(env.action_space.sample()))


def test_a_level_is_drawn_as_text() -> None:
    env = evosim.gym.make("foraging", render_mode="ansi", levels=1)
    env.reset(seed=1)
    lines = env.render().splitlines()
    assert [len(line) for line in lines[:-1]] == [3] * 3
    assert "".join(lines).count("@") == 1
    assert lines[-1].startswith("worm=")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"environment": "night"}, "has none of that name"),
        ({"environment": {"day": -1.0}}, "weights of at least 0"),
        ({"reward": "strawberry"}, "did you mean 'strawberries'?"),
        ({"reward": {"gleam": float("nan")}}, "'gleam' is worth no finite number"),
        ({"levels": 0}, "a whole number of at least 1"),
        ({"levels": []}, "no level is named"),
        ({"split": "test"}, "known: probe, train"),
        ({"obs": "feels"}, "did you mean 'felt'?"),
        ({"window": 0}, "a whole number of at least 1"),
        ({"render_mode": "human"}, '"ansi" or None'),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(evosim.EvosimError) as error:
        evosim.gym.make("strawberry", **arguments)
    assert told in str(error.value)


def test_a_level_that_is_not_there_is_refused() -> None:
    env = evosim.gym.make("strawberry", levels=[3, 8])
    assert env.reset(seed=0, options={"level": 8})[1]["level"] == 8
    with pytest.raises(evosim.EvosimError, match="no level of this environment"):
        env.reset(options={"level": 4})


@pytest.mark.parametrize(
    ("reset", "told"),
    [
        ({"options": {"levels": 3}}, '{"level": 7}'),
        ({"options": 3}, "options=3"),
        ({"options": {"level": [3, 8]}}, "a whole number"),
        ({"options": {"level": 3.5}}, "a whole number"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**64}, "2^64 - 1"),
        ({"seed": "x"}, 'seed="x"'),
    ],
)
def test_a_reset_that_cannot_be_is_refused_in_words(reset: dict[str, Any], told: str) -> None:
    for env in (
        evosim.gym.make("strawberry", levels=[3, 8]),
        evosim.gym.make_vec("strawberry", num_envs=2, levels=[3, 8]),
    ):
        with pytest.raises(evosim.EvosimError) as error:
            env.reset(**reset)
        assert told in str(error.value)


@pytest.mark.parametrize("seeds", [[1, 2], [1, 2, 3, 4]])
def test_as_many_seeds_as_lives_are_needed(seeds: list[int]) -> None:
    env = evosim.gym.make_vec("strawberry", num_envs=3, levels=2)
    with pytest.raises(evosim.EvosimError, match="one for each of 3 lives"):
        env.reset(seed=seeds)
    assert env.reset(seed=np.array([1, 2, 3]))[0].shape[0] == 3
    with pytest.raises(evosim.EvosimError, match="one for each of 3 lives"):
        env.step([[1], [1, 2]])


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_vectors_of_gymnasium_gather_what_environments_tell(mode: str) -> None:
    """Keys and seeds of 64 bits among it, of which most are too large for a C long."""
    many = gymnasium.make_vec(
        "evosim/strawberry-day-v0", num_envs=3, vectorization_mode=mode, obs="state", levels=2
    )
    ours = evosim.gym.make_vec("strawberry", num_envs=3, environment="day", obs="state", levels=2)
    try:
        for (seen, info), (same, known) in [
            (many.reset(seed=s), ours.reset(seed=s)) for s in (1, 5)
        ]:
            assert seen.tolist() == same.tolist()
            for name in ("life", "level_seed", "level"):
                assert info[name].tolist() == known[name].tolist()
        assert many.step(np.zeros(3, np.int64))[0].tolist() == ours.step([0, 0, 0])[0].tolist()
    finally:
        many.close()


def test_a_task_is_also_of_an_id() -> None:
    task = evosim.gym.Task(scenario="strawberry", environment="day", obs="state")
    assert (task.n_states, task.observation_shape, len(task.actions)) == (98, (), 6)
    with pytest.raises(evosim.EvosimError, match="did you mean 'strawberry'"):
        evosim.gym.Task(scenario="strawbery")


def test_without_gymnasium_the_import_works_and_environments_say_what_is_missing() -> None:
    code = """
import sys
sys.modules["gymnasium"] = None
import importlib.util as u
found = u.find_spec
u.find_spec = lambda name, *more: None if name == "gymnasium" else found(name, *more)
import evosim, evosim.gym
try:
    evosim.gym.make("strawberry")
except evosim.EvosimError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("environments need Gymnasium: pip install 'evosim-sandbox[gym]'\n")


def test_a_tiny_world_of_ones_own_is_an_environment() -> None:
    env = evosim.gym.make(testing.tiny(), settings={"world.lifetime": 4}, obs=["felt", "variables"])
    seen, _ = env.reset(seed=1)
    assert set(seen) == {"felt", "variables"}
    assert seen in env.observation_space
    assert any(env.step(4)[3] for _ in range(4))


def test_the_drives_of_an_individual_are_a_reward(tmp_path: Path) -> None:
    run = evosim.run(testing.tiny(), seed=1, out=tmp_path / "a", figures=False, workers=1)
    drives = evosim.drives(run, generation=2, individual=3)
    genome = run.data["genome"].isel(replicate=0).sel(generation=2).values[3:4]
    told = mind.phenotype(run.scenario, genome)
    assert drives == {name: pytest.approx(told[f"drive.{name}"][0]) for name in ("sweet", "sour")}
    env = evosim.gym.make(run.scenario, reward=drives, levels=1)
    assert env.episodes.weights.tolist() == [*drives.values(), 0.0]


@pytest.mark.parametrize("action", [6, -1, 2.0, "use", None])
def test_what_is_no_action_is_refused(action: Any) -> None:
    env = evosim.gym.make("strawberry", obs="state", levels=2)
    with pytest.raises(EvosimError, match="call reset"):
        env.step(0)
    env.reset(seed=1)
    with pytest.raises(EvosimError, match=r"from 0 to 5 \(north, .*, use\) \(got "):
        env.step(action)


@pytest.mark.parametrize("actions", [[0, 1], [0, 1, 6], [-1, 0, 0], [0.5, 1, 2], 0])
def test_as_many_actions_as_lives_are_needed(actions: Any) -> None:
    env = evosim.gym.make_vec("strawberry", num_envs=3, obs="state", levels=2)
    env.reset(seed=1)
    with pytest.raises(EvosimError, match="one for each of 3 lives"):
        env.step(actions)


def test_an_environment_that_is_not_there_has_no_events() -> None:
    lives = evosim.gym.make_vec("strawberry", levels=2, obs="state", num_envs=3)
    assert "lamp.throw" in lives.event_names("evening")
    with pytest.raises(EvosimError, match="did you mean 'day'"):
        lives.event_names("dey")
