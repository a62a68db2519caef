"""Policies of whatever form, measured, with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

import evosim
from evosim import core, world
from evosim.engine.loop import replicate_seed
from evosim.engine.mechanism import minds_of
from evosim.engine.meg import goals_of
from evosim.engine.probe import level_seeds
from evosim.errors import EvosimError
from evosim.metrics.analyses.registry import ANALYSES, Request
from evosim.policy.measure import _megs_of_lives
from evosim.world.tensors import process

Array = NDArray[Any]
SMALL = {
    "evolution.population": 6, "measure.sample": 3, "measure.levels": 2,
    "timeline.0.generations": 2, "timeline.1.generations": 1,
}  # fmt: skip


def measured(policy: Any, scenario: Any, **more: Any) -> evosim.MeasuredPolicy:
    """Measured, without what takes longest."""
    return evosim.measure_policy(policy, scenario, **{"stances": False, **more})


def same(observations: Array) -> Array:
    return np.full((len(observations), 6), 1 / 6)


def payoffs(found: evosim.MeasuredPolicy, environment: str) -> list[float]:
    return [v for k, v in found.summary["environments"][environment]["payoffs"].items()
            if k != "intervals"]  # fmt: skip


def probe(data: Any, name: str, environment: str, mind: str) -> Array:
    return np.asarray(
        data[name].sel(environment=environment, mind=mind).isel(replicate=0, probe=-1)
    )


def test_uniform_play_has_the_numbers_of_a_runs_own_control() -> None:
    data = evosim.simulate("strawberry", seed=3, settings=SMALL)
    found = measured(same, "strawberry", seed=3, settings=SMALL)
    for name in ("day", "evening"):
        assert_allclose(
            payoffs(found, name), probe(data, "expected_payoff", name, "uniform")[0], rtol=1e-12
        )
        assert abs(found.summary["environments"][name]["alignment"]) < 1e-12


def tables_of(scenario: Any, data: Any, seed: int) -> list[dict[str, Array]]:
    """What the individuals of the last probe do in each environment, [L, S, A] each."""
    own = replicate_seed(seed, 0)
    who = data["probe_individual"].values[0, -1]
    generation = int(data["probe"].values[-1])
    genomes = data["genome"].values[0, generation][who]
    minds = minds_of(scenario, genomes, seed=own, generation=generation, individuals=who)
    found: list[dict[str, Array]] = [{} for _ in who]
    for name in scenario.environments:
        env = world.environment(scenario, name)
        levels = world.draw_levels(scenario, name, level_seeds(own, scenario.measure.levels))
        for one, table in zip(found, core.policies(env, levels, minds), strict=True):
            one[name] = table.reshape(len(levels.start), -1, env.n_actions)
    return found


@pytest.mark.parametrize("name", ["strawberry", "deceptive_alignment"])
def test_individuals_as_tables_have_their_runs_numbers_in_every_digit(name: str) -> None:
    read = evosim.load(name, SMALL)
    data = evosim.simulate(read, seed=1)
    for i, table in enumerate(tables_of(read, data, 1)):
        found = measured(table, read, seed=1)
        for environment in read.environments:
            here = found.summary["environments"][environment]
            expected = probe(data, "expected_payoff", environment, "evolved")[i]
            assert payoffs(found, environment) == expected.tolist()
            for variable in ("alignment", "expected_lifespan", "conduct_watched", "steps_watched"):
                if variable in data:
                    assert here[variable] == probe(data, variable, environment, "evolved")[i]


def test_capability_by_a_given_reward_is_a_runs_by_its_own_drives() -> None:
    read = evosim.load("strawberry", SMALL)
    data = evosim.simulate(read, seed=1)
    who = int(data["probe_individual"].values[0, -1, 0])
    genes = data["genome"].isel(replicate=0, generation=-1, individual=who)
    drives = {one: float(genes.sel(locus=f"drive.{one}")) for one in read.stimuli}
    length = float(np.linalg.norm([*drives.values()]))
    reward = {one: float(np.float32(value / length)) for one, value in drives.items()}
    found = measured(tables_of(read, data, 1)[0], read, seed=1, reward=reward)
    for name in read.environments:
        here = found.summary["environments"][name]
        capability = probe(data, "capability", name, "evolved")[0]
        assert here["capability"] == pytest.approx(capability, rel=1e-6)
        assert 0 < here["distances"]["epic"] < 1


def test_how_directed_it_is_is_what_the_analysis_of_goals_says() -> None:
    read = evosim.load("strawberry", SMALL)
    data = evosim.simulate(read, seed=1)
    told = ANALYSES["goals"].analyse(data, read, Request(seed=1, generation=2))
    at = data["probe_individual"].values[0, -1].tolist()
    first = next(i for i, who in enumerate(told["individuals"]) if who in at)
    table = tables_of(read, data, 1)[at.index(told["individuals"][first])]
    found = measured(table, read, seed=1)
    for name, place in told["environments"].items():
        here = found.summary["environments"][name]["directed"]["strawberries"]
        assert here["share"] == pytest.approx(place["directed"]["intended"][first]["share"])
        assert here["nats"] == pytest.approx(place["directed"]["intended"][first]["nats"])


def optimal(scenario: Any, name: str, seed: int, payoff: int, discount: float = 1.0) -> Array:
    """[T, S, A] of the policy that is best for a payoff, by backward induction."""
    env = world.environment(scenario, name)
    levels = world.draw_levels(scenario, name, level_seeds(replicate_seed(seed, 0), 1))
    level = process(env, levels)
    worth = level.expected[..., payoff]
    value, table = np.zeros(level.n_states), []
    for _ in range(env.lifetime):
        q = worth + discount * (level.matrix() @ value).reshape(worth.shape)
        table.append(np.eye(env.n_actions)[q.argmax(axis=1)])
        value = q.max(axis=1)
    return np.array(table[::-1])


def test_the_optimum_has_no_regret() -> None:
    read = evosim.load("strawberry", {"measure.levels": 1})
    best = optimal(read, "evening", 1, len(read.stimuli))
    found = measured(best, read, seed=1)
    here = found.summary["environments"]["evening"]
    assert found.summary["form"] == "age"
    assert here["regret"] == pytest.approx(0.0, abs=1e-5 * here["optimal_payoff"])
    assert here["alignment"] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("name", ["contraception", "deceptive_alignment"])
def test_a_policy_of_age_that_does_the_same_at_every_age_is_that_of_the_state(name: str) -> None:
    read = evosim.load(name, {"measure.levels": 2})
    env = world.environment(read, read.ancestral)
    rng = np.random.default_rng(1)
    table = rng.dirichlet(np.ones(env.n_actions), env.n_x * env.n_cells)
    by_age = np.broadcast_to(table, (env.lifetime, *table.shape)).copy()
    first, second = (measured(p, read, obs="state", seed=1) for p in (table, by_age))
    for where, here in first.summary["environments"].items():
        there = second.summary["environments"][where]
        assert_allclose(payoffs(second, where), payoffs(first, where), rtol=1e-5, atol=1e-9)
        for key in {"expected_lifespan", "conduct_unwatched", "steps_unwatched"} & here.keys():
            assert there[key] == pytest.approx(here[key], rel=1e-5)
        assert there["directed"].keys() == here["directed"].keys()
        for goal, found in here["directed"].items():
            assert there["directed"][goal]["share"] == pytest.approx(
                found["share"], rel=1e-5, abs=1e-9
            )


class Forgetful:
    """Acts by a table of the state, with a memory that it does not use."""

    def __init__(self, table: Array) -> None:
        self.table = table

    def reset(self, n: int) -> None:
        self.n = n

    def act(self, observations: Array) -> Array:
        assert len(observations) == self.n
        return np.asarray(self.table[observations])


@pytest.mark.parametrize("name", ["contraception", "deceptive_alignment"])
def test_sampled_means_are_within_four_standard_errors_of_exact_ones(name: str) -> None:
    read = evosim.load(name, {"measure.levels": 2})
    env = world.environment(read, read.ancestral)
    # Steered a little, so that there is something to be told apart.
    odds = np.ones(env.n_actions)
    odds[-1] = 3.0
    table = np.random.default_rng(2).dirichlet(odds, env.n_x * env.n_cells)
    exact = measured(table, read, obs="state", seed=1).summary["environments"]
    everything: dict[str, Any] = {"obs": "state", "senses": list(read.senses), "seed": 1}
    sampled = measured(Forgetful(table), read, lifetimes=400, **everything)
    assert not sampled.summary["exact"]
    told = 0
    for where, here in sampled.summary["environments"].items():
        goals = here["directed"]
        pairs = [(here, exact[where]), (here["payoffs"], exact[where]["payoffs"])]
        pairs += [(goals[goal], exact[where]["directed"][goal]) for goal in goals]
        for found, true in pairs:
            for key, ends in found["intervals"].items():
                if ends is None or ends[0] is None or ends[0] == ends[1]:
                    continue
                error = (ends[1] - ends[0]) / (2 * 1.96)
                assert abs(found[key] - true[key]) < 4 * error, (where, key)
                told += 1
    assert told > 10


@pytest.mark.parametrize("chance", [0.0, 0.2])
def test_what_a_policy_with_a_memory_is_directed_at_is_estimated(chance: float) -> None:
    """Of what is best to begin with, and of what errs."""
    read = evosim.load("strawberry", {"measure.levels": 1})
    best = optimal(read, "evening", 1, len(read.stimuli), discount=0.99)[0, :-1]
    table = (1 - chance) * best + chance / 6
    exact = measured(table, read, obs="state", seed=1).summary["environments"]["evening"]
    sampled = measured(Forgetful(table), read, obs="state", seed=1)
    here = sampled.summary["environments"]["evening"]
    assert here["most_directed_at"] == exact["most_directed_at"] == "strawberries"
    low, high = here["intervals"]["capability"]
    assert high - low < 0.1
    assert abs(here["capability"] - exact["capability"]) <= 4 / 3.92 * (high - low) + 1e-3
    assert here["capability"] > (0.2 if chance else 0.8)
    assert "capability" in sampled.text


def test_luck_at_the_optimum_is_no_certainty() -> None:
    """Lives that came to more than the best expectation are as directed as can be, give or take."""
    read = evosim.load("strawberry", {"measure.levels": 1})
    there = goals_of(read, "evening", tuple(level_seeds(replicate_seed(1, 0), 1)))
    names = (*read.stimuli, *read.payoffs)
    best = there.rational["strawberries"].range  # the worst is none
    lucky = best * np.random.default_rng(1).normal(1.01, 0.1, (50, 1))
    told = _megs_of_lives(there, names, np.repeat(lucky, len(names), axis=1))["strawberries"]
    shares = np.array([one["share"] for one in told])
    assert shares.mean() == pytest.approx(1.0)
    assert shares.std(ddof=1) / np.sqrt(50) > 0.01


def test_a_policy_with_a_clock_is_not_asked_beyond_its_lifetime() -> None:
    class Clock:
        def reset(self, n: int) -> None:
            self.age = 0

        def act(self, observations: Array) -> Array:
            self.age += 1
            assert self.age <= 100
            return np.full(len(observations), 5)

    found = measured(Clock(), "strawberry", obs="state", levels=1, lifetimes=4)
    assert found.summary["environments"]["day"]["directed"]


def test_all_forms_of_a_policy_come_to_the_same() -> None:
    table = np.random.default_rng(3).dirichlet(np.ones(6), 98)

    class Distribution:
        def __init__(self, probs: Array) -> None:
            self.distribution = self
            self.probs = probs

    class Inner:
        def obs_to_tensor(self, observations: Array) -> tuple[Array, bool]:
            return observations, True

        def get_distribution(self, observations: Array) -> Distribution:
            return Distribution(table[observations])

    class Model:
        policy = Inner()

        def predict(self, observations: Array, **more: Any) -> Any:
            raise AssertionError("there is a distribution")

    class Learner:
        def policy(self, observations: Array) -> Array:
            return np.asarray(table[observations])

    forms: list[Any] = [
        table, np.broadcast_to(table, (2, 98, 6)), np.concatenate([table, np.zeros((1, 6))])[:98],
        lambda seen: table[seen], (lambda params, seen: params[seen], table), Model(), Learner(),
        dict.fromkeys(["day", "evening", "sham"], table),
    ]  # fmt: skip
    found = [measured(f, "strawberry", obs="state", seed=1, levels=2) for f in forms]
    for other in found[1:]:
        assert payoffs(other, "day") == payoffs(found[0], "day")
    logits = measured(
        lambda seen: np.log(table[seen]), "strawberry", obs="state", seed=1, levels=2, logits=True
    )
    assert_allclose(payoffs(logits, "day"), payoffs(found[0], "day"), rtol=1e-6)


def test_actions_and_the_likeliest_ones_are_taken() -> None:
    chances = np.tile([0.1, 0.1, 0.1, 0.1, 0.1, 0.5], (98, 1))
    found = [
        measured(policy, "strawberry", obs="state", seed=1, levels=1, **more)
        for policy, more in [(np.full(98, 5), {}), (chances, {"deterministic": True})]
    ]
    assert payoffs(found[0], "day") == payoffs(found[1], "day")


def test_several_policies_have_intervals() -> None:
    tables = list(np.random.default_rng(4).dirichlet(np.ones(6), (3, 98)))
    found = measured(tables, "strawberry", obs="state", seed=1, levels=1)
    alone = [measured(t, "strawberry", obs="state", seed=1, levels=1) for t in tables]
    here = found.summary["environments"]["day"]
    assert_allclose(payoffs(found, "day"), np.mean([payoffs(a, "day") for a in alone], axis=0))
    low, high = here["intervals"]["alignment"]
    assert low < here["alignment"] < high
    assert "3 policies" in found.text


def test_a_policy_sees_what_is_hidden_only_with_the_sense() -> None:
    """Unwatched thieves that see the watcher behave under his eyes, and blind ones alike."""
    read = evosim.load("deceptive_alignment", {"measure.levels": 1})
    (hidden,) = [n for n, v in read.world.variables.items() if v.hidden]
    place = list(read.world.variables).index(hidden)

    def of_watch(seen: Array) -> Array:
        last = np.zeros((len(seen), 6))
        last[:, 5] = np.where(seen[:, place] > 0, 0.9, 0.1)
        last[:, :5] = (1 - last[:, 5:]) / 5
        return last

    rates = []
    for senses in ((), (hidden,)):
        found = measured(of_watch, read, obs="variables", senses=senses, seed=1)
        here = found.summary["environments"][read.ancestral]
        rates.append([here[f"conduct_{w}"] / here[f"steps_{w}"] for w in ("watched", "unwatched")])
    assert not np.allclose(rates[0], rates[1], rtol=0.05)


class Dicing:
    def reset(self, n: int) -> None:
        self.n = n

    def act(self, seen: Array) -> Array:
        return np.full((self.n, 6), 1 / 6)


class Failing(Dicing):
    def act(self, seen: Array) -> Array:
        raise KeyError("gone")


BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "shape": (np.zeros((5, 6)), {}, "98 states and A = 6 actions"),
    "sum": (np.full((98, 6), 0.3), {}, "which sum to 1.8"),
    "negative": (np.tile([-0.2, 0.2, 0.2, 0.2, 0.2, 0.4], (98, 1)), {}, "state 0"),
    "NaN": (np.full((98, 6), np.nan), {}, "which sum to nan"),
    "action": (np.full(98, 6), {}, "from 0 to 5"),
    "type": (np.full(98, "x"), {}, "an array of numbers"),
    "nothing": (7, {}, "a policy is needed"),
    "few": (lambda seen: np.zeros(3), {}, "for 98 observations"),
    "texts": (lambda seen: np.full(len(seen), "use"), {}, "numbers of actions"),
    "complex": (lambda seen: np.full((len(seen), 6), 1j), {}, "an array of type complex"),
    "objects": (lambda seen: np.full((len(seen), 6), "use", object), {}, "numbers of actions"),
    "class": (Dicing, {}, r"a class is no policy: give an object of it \(got Dicing\)"),
    "no argument": (lambda: 5, {}, r"observations of shape \(98,\).* takes 0 positional"),
    "other obs": (lambda seen: seen["felt"], {"obs": ["scent", "variables"]}, "KeyError: 'felt'"),
    "memory": (Failing(), {}, "KeyError: 'gone'"),
    "logits": (np.full((98, 6), np.nan), {"logits": True}, "which sum to nan"),
    "levels": (np.full((3, 98, 6), 1 / 6), {}, "L = 1"),
    "environments": ({"day": np.full(98, 5)}, {}, "each of day, evening, sham"),
    "unknown obs": (np.full(98, 5), {"obs": "feelt"}, "no such observation"),
    "unknown reward": (np.full(98, 5), {"reward": {"sweet": 1.0}}, "sweetness"),
    "flip": (np.full(98, 5), {"flip": ("day", "night")}, "no environment 'night'"),
    "no flip": (np.full(98, 5), {"flip": ("day", "day")}, "two environments are needed"),
    "no reward": (
        np.full(98, 5),
        {"reward": {}},
        "a mapping of names to numbers, not all 0, is needed",
    ),
    "no worth": (np.full(98, 5), {"reward": {"strawberries": 0.0}}, "not all 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_policy_is_refused_in_words(case: str) -> None:
    policy, more, words = BAD[case]
    with pytest.raises(EvosimError, match=words):
        measured(policy, "strawberry", levels=1, **{"obs": "state", **more})


def test_the_text_and_the_figure_tell_the_summary() -> None:
    found = measured(
        np.full(98, 5), "strawberry", obs="state", seed=1, levels=1, flip=("day", "sham"),
        stances=True,
    )  # fmt: skip
    assert "day -> sham" in found.text
    assert "exact" in found.text
    for here in found.summary["environments"].values():
        (stance,) = here["stances"]
        assert stance["agent"] + stance["reflex"] + stance["table"] == pytest.approx(1.0)
        assert stance["agent"] < 0.1  # it uses where it stands, whatever there is
    drawn = found.figure()
    assert len(drawn.axes) == 3
    assert "NaN" not in found.to_json()
    assert_array_equal(sorted(found.summary["environments"]), ["day", "evening", "sham"])
