"""Learners: their gradients are right, and small worlds are learnt to the optimum."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import worlds

from evosim import core, world
from evosim.core.arithmetic import exponentials, product
from evosim.errors import EvosimError
from evosim.gym.episodes import level_seed
from evosim.gym.task import Task
from evosim.learners import ActorCritic, QLearning, actor_critic, q_learning
from evosim.learners.actor_critic import Batch, flat
from evosim.learners.network import Network, log_softmax, tanh


def corridor(**more: Any) -> worlds.Document:
    """An apple to be carried to a bush, back and forth: .5 for picking, 1 for leaving it there."""
    return worlds.document(
        {
            "map": "a.\n@b",
            "lifetime": 16,
            "variables": {"full": {"values": 2, "start": 0}},
            "kinds": {
                "apple": {"glyph": "a", "use": {"pick": {
                    "when": {"full": 0}, "set": {"full": 1}, "feels": {"sweet": 0.5}}}},
                "bush": {"glyph": "b", "use": {"leave": {
                    "when": {"full": 1}, "set": {"full": 0}, "feels": {"sour": 1.0},
                    "yields": {"children": 1.0}}}},
            },
            **more,
        }
    )  # fmt: skip


def task(obs: Any = "state", **more: Any) -> Task:
    return Task(scenario=worlds.read(corridor()), obs=obs, levels=1, **more)


def expected(agent: Any, of: Task) -> tuple[float, float]:
    """What the policy gets of the selected payoff in a lifetime, exactly, and the optimum."""
    env = world.environment(of.scenario, "home")
    levels = world.draw_levels(of.scenario, "home", [level_seed(0)])
    from evosim.world.observations import Observer
    from evosim.world.tensors import process

    level = process(env, levels)
    seen = Observer(of.scenario, of.obs).table("home", levels)
    count = level.n_states - 1
    rows = (
        {part: table[0].reshape(count, *table.shape[3:]) for part, table in seen.items()}
        if isinstance(seen, dict)
        else seen[0].reshape(count, *seen.shape[3:])
    )
    policy = np.concatenate([agent.policy(rows), np.full((1, level.n_actions), 0.2)])
    dense, now, total = level.transitions(), level.start, 0.0
    paid = level.expected @ level.weights({"children": 1.0})
    for _ in range(env.lifetime):
        total += float(now @ (policy * paid).sum(1))
        now = np.einsum("s,sa,sat->t", now, policy, dense)
    weights = np.zeros((1, env.phi.shape[1]))
    weights[0, env.paid.start + of.scenario.payoffs.index("children")] = 1.0
    return total, float(np.ravel(core.optimum(env, levels, weights))[0])


def test_the_gradient_of_the_network_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    agent = actor_critic(task("kinds"), 1, hidden=5, clip=0.2, entropy=0.1)
    n, inputs = 40, agent.network.shapes[0][0]
    seen = rng.normal(size=(n, inputs))
    theta = rng.normal(size=agent.network.size) * 0.3
    then = log_softmax(
        agent.network.outputs_of(theta + rng.normal(size=theta.shape) * 0.1, seen)[0][:, :-1]
    )
    action = rng.integers(0, agent.n_actions, n)
    chance = np.exp(then[np.arange(n), action])
    batch = Batch(seen, action, chance, rng.normal(size=n), rng.normal(size=n))
    loss, gradient = agent.loss(theta, batch)
    assert np.isfinite(loss)
    step = 1e-5
    for direction in rng.normal(size=(12, len(theta))):
        told = agent.loss(theta + step * direction, batch)[0]
        other = agent.loss(theta - step * direction, batch)[0]
        assert (told - other) / (2 * step) == pytest.approx(
            gradient @ direction, rel=1e-4, abs=1e-6
        )
    # Both sides of the clip are among them.
    now = log_softmax(agent.network.outputs_of(theta, seen)[0][:, :-1])
    moved = np.abs(np.exp(now[np.arange(n), action]) / chance - 1) > 0.2
    assert 5 < moved.sum() < n - 5


def test_a_network_is_one_vector() -> None:
    net = Network(4, 3, 2)
    theta = np.arange(net.size, dtype=float)
    assert np.array_equal(np.concatenate([part.ravel() for part in net.parts(theta)]), theta)


def test_q_learning_comes_to_the_optimum_of_a_level() -> None:
    of = task(reward="children")
    agent = q_learning(of, 3)
    before, best = expected(agent, of)
    agent.train(200)
    after, _ = expected(agent, of)
    assert before < 0.5 * best
    assert after == pytest.approx(best)


def test_an_actor_and_its_critic_come_near_the_optimum() -> None:
    of = task(["felt", "variables"])
    agent = actor_critic(of, 1, rate=0.01)
    before, best = expected(agent, of)
    agent.train(600)
    after, _ = expected(agent, of)
    assert before < 0.2 * best
    assert after > 0.85 * best


@pytest.mark.parametrize(("factory", "obs"), [(q_learning, "state"), (actor_critic, "felt")])
def test_what_is_learnt_is_a_function_of_seed_parameters_and_state(factory: Any, obs: str) -> None:
    of = task(obs)
    first = factory(of, 7)
    first.train(20)
    state = first.get_state() if hasattr(first, "get_state") else None
    kept = {name: value.copy() for name, value in (state or {}).items()}
    parameters = first.parameters.copy()
    found = []
    for _ in range(2):
        again = factory(of, 8)
        again.parameters = parameters.copy()
        if state is not None:
            again.set_state(kept)
        again.train(20)
        found.append(again.parameters)
    np.testing.assert_array_equal(*found)
    assert (found[0] != parameters).any()
    other = factory(of, 9)
    other.parameters = parameters.copy()
    if state is not None:
        other.set_state(kept)
    other.train(20)
    assert (other.parameters != found[0]).any()


@pytest.mark.parametrize(("factory", "obs"), [(q_learning, "state"), (actor_critic, "felt"),
                                              (actor_critic, ["kinds", "scent"])])  # fmt: skip
def test_a_policy_is_of_parameters_alone(factory: Any, obs: Any) -> None:
    of = task(obs)
    agent, other = factory(of, 1), factory(of, 2)
    agent.train(30)
    env = of.make_vec(7)
    seen, _ = env.reset(seed=3)
    chances = agent.policy(seen)
    assert chances.shape == (7, len(of.actions))
    np.testing.assert_allclose(chances.sum(1), 1.0)
    other.parameters = agent.parameters
    np.testing.assert_array_equal(other.policy(seen), chances)


def test_a_dictionary_is_seen_as_its_parts_side_by_side() -> None:
    one, two = np.ones((3, 2, 2)), np.zeros((3, 1))
    assert flat({"a": one, "b": two}).tolist() == [[1.0] * 4 + [0.0]] * 3


def test_a_table_needs_numbers_and_a_network_needs_arrays() -> None:
    with pytest.raises(EvosimError, match='obs="state"'):
        QLearning(task("felt"), 1)
    with pytest.raises(EvosimError, match="choose another obs"):
        ActorCritic(task("state"), 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hiden": 3}, "unexpected keyword argument 'hiden'"),
        ({"hidden": 0}, "hidden=0"),
        ({"hidden": 3.5}, "hidden=3.5"),
        ({"rate": "fast"}, 'rate="fast": a finite number of at least 0'),
        ({"discount": 1.5}, "discount=1.5: a finite number of at least 0 and at most 1"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(EvosimError, match=words):
        actor_critic(task("felt"), **{"seed": 1, **options})
    if "hidden" not in options:
        with pytest.raises(EvosimError, match=words):
            q_learning(task("state"), **{"seed": 1, **options})


def test_what_is_learnt_has_the_same_bits_on_every_machine() -> None:
    """On any processor, with any number of threads: nothing of it is the machine's algebra."""
    agent = actor_critic(task(["felt", "variables"]), 1)
    agent.train(40)
    assert hashlib.sha256(agent.parameters.tobytes()).hexdigest()[:16] == "f59943b610d0e23f"


def test_the_functions_of_a_network_are_those_of_numpy() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 6)) * np.logspace(-8, 1.5, 200)[:, None]
    np.testing.assert_allclose(tanh(x), np.tanh(x), rtol=0, atol=4e-16)
    exact = x - x.max(1, keepdims=True)
    exact = exact - np.log(np.exp(exact).sum(1, keepdims=True))
    np.testing.assert_allclose(log_softmax(x), exact, rtol=1e-14, atol=4e-15)
    many = np.zeros((1, 1000))
    np.testing.assert_allclose(log_softmax(many), -np.log(1000.0), rtol=1e-14)
    a, b = rng.normal(size=(7, 5)) * (rng.random((7, 5)) < 0.5), rng.normal(size=(5, 3))
    np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(product(np.asfortranarray(a), b), a @ b, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(exponentials(np.array([[-200.0, 0.0]])), [[0.0, 1.0]])
