"""Explicit tensors: the process they describe is the world's, to rounding."""

from __future__ import annotations

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st

from evosim import core, scenario, world
from evosim.errors import EvosimError
from evosim.scenario import Scenario
from evosim.testing import reference
from evosim.world import tensors

CLOSE = {"rtol": 1e-9, "atol": 1e-9}
ANY = worlds.documents() | worlds.documents(local=True)


def drawn(read: Scenario, name: str, seed: int) -> tuple[world.Environment, world.Levels]:
    return world.environment(read, name), world.draw_levels(read, name, [seed])


def expected_by_steps(
    process: tensors.Process, policy: np.ndarray, steps: int
) -> tuple[np.ndarray, float]:
    """Expected amount of each feature [F], and expected steps alive, by T steps of the tensors."""
    dense, rewards = process.transitions(), process.rewards()
    now, total, alive = process.start, np.zeros(len(process.features)), 0.0
    for _ in range(steps):
        alive += now[:-1].sum()
        joint = now[:, None, None] * policy[:, :, None] * dense
        total += (joint * rewards).sum(axis=(1, 2, 3))
        now = joint.sum(axis=(0, 1))
    return total, alive


def best(process: tensors.Process, weights: np.ndarray, steps: int) -> float:
    """The optimum over T steps, by value iteration on the tensors."""
    dense, reward = process.transitions(), process.reward(weights)
    value = np.zeros(process.n_states)
    for _ in range(steps):
        value = (dense * (reward + value)).sum(axis=2).max(axis=1)
    return float(process.start @ value)


@given(doc=ANY, seed=st.integers(0, 99), name=st.sampled_from(["home", "away"]))
@worlds.FEW
def test_as_many_steps_of_the_tensors_are_a_lifetime_of_the_reference(
    doc: worlds.Document, seed: int, name: str
) -> None:
    read = worlds.read(doc)
    env, levels = drawn(read, name, seed)
    process = tensors.process(env, levels)
    twin, level = worlds.reference(read, name), worlds.one_level(levels, 0)
    chance = np.random.default_rng(seed).dirichlet(np.ones(env.n_actions), process.n_states)
    policy = chance[:-1].reshape(env.n_x, len(level.slot), env.n_actions)
    truth = reference.expectation(twin, level, policy)
    total, alive = expected_by_steps(process, chance, env.lifetime)
    np.testing.assert_allclose(total, truth.counts @ twin.phi[:, : len(total)], **CLOSE)
    np.testing.assert_allclose(alive, truth.lifespan, **CLOSE)


@given(doc=ANY, seed=st.integers(0, 99), data=st.data())
@worlds.FEW
def test_the_optimum_of_the_tensors_is_that_of_the_reference(
    doc: worlds.Document, seed: int, data: st.DataObject
) -> None:
    read = worlds.read(doc)
    env, levels = drawn(read, "home", seed)
    process = tensors.process(env, levels)
    weights = np.array([data.draw(worlds.amounts) for _ in process.features])
    full = np.concatenate([weights, np.zeros(env.phi.shape[1] - len(weights))])
    truth = reference.optimum(worlds.reference(read), worlds.one_level(levels, 0), full)
    np.testing.assert_allclose(best(process, weights, env.lifetime), truth, **CLOSE)


@given(doc=ANY, seed=st.integers(0, 99))
@worlds.FEW
def test_tensors_are_a_markov_decision_process(doc: worlds.Document, seed: int) -> None:
    env, levels = drawn(worlds.read(doc), "home", seed)
    process = tensors.process(env, levels)
    dense, rewards = process.transitions(), process.rewards()
    np.testing.assert_allclose(dense.sum(axis=2), 1.0, rtol=0, atol=1e-12)
    assert (process.p > 0).all()
    assert not rewards[:, dense == 0].any()
    assert dense[-1, :, -1].all()
    assert not rewards[:, -1].any()
    np.testing.assert_allclose(process.start.sum(), 1.0)
    np.testing.assert_allclose(
        (rewards * dense).sum(axis=3), np.moveaxis(process.expected, 2, 0), rtol=0, atol=1e-12
    )
    np.testing.assert_array_equal(process.matrix().toarray(), dense.reshape(-1, process.n_states))


@pytest.mark.parametrize("id_", ["contraception", "streetlight_test", "posterity"])
def test_the_kernels_agree_on_a_shipped_scenario(id_: str) -> None:
    read = scenario.load(id_)
    name = next(iter(read.environments))
    env, levels = drawn(read, name, 7)
    process = tensors.process(env, levels)
    total, alive = expected_of_uniform_play(process, env.lifetime)
    truth = core.uniform(env, levels)
    expected = world.weighted_sum(truth.counts[0], env.phi)[0, : len(total)]
    np.testing.assert_allclose(total, expected, **CLOSE)
    np.testing.assert_allclose(alive, truth.lifespan.item(), **CLOSE)
    for f in range(len(process.features)):
        weights = np.zeros((1, env.phi.shape[1]))
        weights[0, f] = 1.0
        value = np.zeros(process.n_states)
        for _ in range(env.lifetime):
            next_ = (process.matrix() @ value).reshape(process.n_states, -1)
            value = (process.expected[..., f] + next_).max(axis=1)
        np.testing.assert_allclose(
            process.start @ value, core.optimum(env, levels, weights).item(), rtol=1e-4, atol=1e-4
        )


def expected_of_uniform_play(process: tensors.Process, steps: int) -> tuple[np.ndarray, float]:
    """Uniform play by the sparse form."""
    matrix, now = process.matrix(), process.start
    total, alive = np.zeros(len(process.features)), 0.0
    for _ in range(steps):
        alive += now[:-1].sum()
        taken = np.repeat(now / process.n_actions, process.n_actions)
        total += taken @ process.expected.reshape(len(taken), -1)
        now = matrix.T @ taken
    return total, alive


def test_states_have_names() -> None:
    doc = worlds.document(
        {
            "map": "@a.\n#..",
            "variables": {"carrying": {"values": 2, "start": 0}},
            "kinds": {
                "apple": {"glyph": "a", "regrow": 0.5, "use": {"eat": {"yields": {"children": 1}}}}
            },
        }
    )
    env, levels = drawn(worlds.read(doc), "home", 0)
    process = tensors.process(env, levels)
    names = process.names()
    assert names[0] == "carrying=0 apple[0]=0 cell=(0,0)"
    assert names[-2:] == ["carrying=1 apple[0]=1 cell=(1,2)", "dead"]
    assert len(names) == process.n_states == 2 * 2 * 5 + 1
    assert names[int(np.argmax(process.start))] == "carrying=0 apple[0]=1 cell=(0,0)"
    assert process.values()[-2].tolist() == [1, 1]
    assert process.places()[-2].tolist() == [1, 2]
    assert process.values()[-1].tolist() == [-1, -1]
    assert process.places()[-1].tolist() == [-1, -1]
    assert process.actions == ("north", "south", "west", "east", "stay", "use")


def test_what_ends_a_life_leads_to_the_dead_state_and_pays_no_arrival() -> None:
    doc = worlds.document(
        {
            "map": "@a",
            "kinds": {
                "apple": {
                    "glyph": "a",
                    "use": {"eat": {"ends": 0.25, "yields": {"children": 1}}},
                    "here": {"yields": {"gold": 2}},
                }
            },
        }
    )
    env, levels = drawn(worlds.read(doc), "home", 0)
    process = tensors.process(env, levels)
    dense = process.transitions()
    use = process.actions.index("use")
    np.testing.assert_allclose(dense[1, use], [0, 0.75, 0.25])
    np.testing.assert_allclose(process.reward(process.weights({"children": 1}))[1, use], [0, 1, 1])
    np.testing.assert_allclose(process.reward(process.weights({"gold": 1}))[1, use], [0, 2, 0])


def test_a_tensor_beyond_the_bound_is_refused_with_its_size_and_a_remedy() -> None:
    env, levels = drawn(scenario.load("foraging"), "corridors", 0)
    process = tensors.process(env, levels)
    s, a = process.n_states, process.n_actions
    assert process.transitions(bound=8 * s * a * s).shape == (s, a, s)
    with pytest.raises(EvosimError, match=r"28 states x .* MiB, more than the bound .*smaller"):
        process.transitions(bound=8 * s * a * s - 1)


def test_an_unknown_feature_is_refused() -> None:
    env, levels = drawn(scenario.load("foraging"), "corridors", 0)
    with pytest.raises(EvosimError, match="no stimulus or payoff 'gold'"):
        tensors.process(env, levels).weights({"gold": 1.0})
