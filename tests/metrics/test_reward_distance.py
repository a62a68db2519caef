"""Reward distances, against slow dense ones written from the papers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st

from evosim import scenario, world
from evosim.errors import EvosimError
from evosim.metrics import reward_distance
from evosim.world import tensors

GAMMAS = [0.0, 0.5, 0.97]
Array = np.ndarray


def process_of(id_: str, seed: int = 3) -> tensors.Process:
    read = scenario.load(id_)
    name = next(iter(read.environments))
    return tensors.process(world.environment(read, name), world.draw_levels(read, name, [seed]))


@pytest.fixture(scope="module")
def small() -> tensors.Process:
    return process_of("true_drive")


# ---------------------------------------------------------------------- the papers, slow and dense


def deciding(process: tensors.Process) -> Array:
    """D_S: the living states that can be reached, found by walking."""
    dense = process.transitions()
    found = set(np.flatnonzero(process.start))
    queue = list(found)
    for s in queue:
        for to in np.flatnonzero(dense[s].sum(axis=0)):
            if to not in found:
                found.add(to)
                queue.append(int(to))
    return np.array(sorted(found - {process.n_states - 1}))


def whole(process: tensors.Process, weights: Array) -> Array:
    """R[s,a,s'] of any transition: of impossible ones what the step is expected to bring."""
    reward = process.reward(weights)
    expected = process.expected @ weights
    return np.where(process.transitions() > 0, reward, expected[:, :, None])


def dense_epic(process: tensors.Process, gamma: float, first: Array, second: Array) -> float:
    """Gleave et al. 2021, section 4, of rewards [S, A, S]."""
    states = deciding(process)
    dense = process.transitions()
    canonical = []
    for reward in (first, second):
        mean = reward[:, :, states].mean(axis=(1, 2))  # E[R(s,A,S')]
        constant = mean[states].mean()  # E[R(S,A,S')]
        shaped = reward + gamma * mean[None, None, :] - mean[:, None, None] - gamma * constant
        canonical.append(shaped[states].ravel())
    coverage = (dense[states] / (len(states) * process.n_actions)).ravel()
    x, y = (c - coverage @ c for c in canonical)
    rho = (coverage @ (x * y)) / np.sqrt((coverage @ x**2) * (coverage @ y**2))
    return float(np.sqrt(max(0.0, 1 - rho) / 2))


def dense_starc(process: tensors.Process, gamma: float, first: Array, second: Array) -> float:
    """Skalse et al. 2024, VAL and L2, of rewards [S, A, S]; the dead state as any other."""
    states = deciding(process)
    dense = process.transitions()
    standardised = []
    for reward in (first, second):
        value = np.zeros(process.n_states)
        change = 1.0
        while change > 1e-13:
            after = (dense * (reward + gamma * value)).sum(axis=2).mean(axis=1)
            value, change = after, np.abs(after - value).max()
        levelled = (dense * (reward - value[:, None, None] + gamma * value)).sum(axis=2)
        canonical = np.repeat(levelled[states][:, :, None], process.n_states, axis=2)
        standardised.append(canonical / np.linalg.norm(canonical))
    return float(np.linalg.norm(standardised[0] - standardised[1]) / 2)


def shaped(process: tensors.Process, reward: Array, potential: Array, gamma: float) -> Array:
    return reward + gamma * potential[None, None, :] - potential[:, None, None]


# ---------------------------------------------------------------------- the fast ones


@given(doc=worlds.documents(), seed=st.integers(0, 99), gamma=st.sampled_from([0.0, 0.5, 0.9]))
@worlds.FEW
def test_both_are_what_the_papers_define(doc: worlds.Document, seed: int, gamma: float) -> None:
    read = worlds.read(doc)
    levels = world.draw_levels(read, "home", [seed])
    process = tensors.process(world.environment(read, "home"), levels)
    first, second = np.random.default_rng(seed).normal(size=(2, len(process.features)))
    for fast, slow in (
        (reward_distance.epic(process, gamma), dense_epic),
        (reward_distance.starc(process, gamma), dense_starc),
    ):
        if np.isnan(fast.distance(first, second)):
            continue
        dense = slow(process, gamma, whole(process, first), whole(process, second))
        assert fast.distance(first, second) == pytest.approx(dense, abs=1e-6)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_in_a_shipped_world_both_are_what_the_papers_define(
    small: tensors.Process, gamma: float
) -> None:
    rng = np.random.default_rng(1)
    for first, second in rng.normal(size=(3, 2, len(small.features))):
        rewards = whole(small, first), whole(small, second)
        epic = reward_distance.epic(small, gamma).distance(first, second)
        starc = reward_distance.starc(small, gamma).distance(first, second)
        assert epic == pytest.approx(dense_epic(small, gamma, *rewards), abs=1e-7)
        assert starc == pytest.approx(dense_starc(small, gamma, *rewards), abs=1e-7)


def with_shaping(process: tensors.Process, gamma: float) -> tuple[tensors.Process, Array]:
    """A process with one more feature, a potential's shaping, and EPIC's means of all features."""
    rng = np.random.default_rng(5)
    potential = rng.normal(size=process.n_states) * 3
    potential[-1] = 0.0  # the dead state is worth 0
    begins = process.source // process.n_actions
    step = gamma * potential[process.target] - potential[begins]
    ahead = (process.matrix() @ potential).reshape(process.n_states, -1)
    bringing = gamma * ahead - potential[:, None]
    means = np.column_stack(
        [
            process.expected.mean(axis=1),
            gamma * potential[deciding(process)].mean() - potential,
        ]
    )
    more = replace(
        process,
        amount=np.column_stack([process.amount, step]),
        expected=np.concatenate([process.expected, bringing[..., None]], axis=2),
    )
    return more, means


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("id_", ["true_drive", "posterity", "streetlight_test"])
def test_shaping_by_a_potential_and_positive_scaling_give_0(id_: str, gamma: float) -> None:
    process, means = with_shaping(process_of(id_), gamma)
    plain = np.random.default_rng(2).normal(size=len(process.features) + 1)
    plain[-1] = 0.0
    transformed = 7.5 * plain
    transformed[-1] = 2.0
    for canonical in (
        reward_distance.epic(process, gamma, means=means),
        reward_distance.starc(process, gamma),
    ):
        assert canonical.distance(plain, transformed) == pytest.approx(0.0, abs=1e-9)
        assert canonical.distance(plain, plain[::-1]) > 0.01


@pytest.mark.parametrize("gamma", [0.5, 0.97])
def test_the_papers_forms_are_blind_to_shaping_as_well(
    small: tensors.Process, gamma: float
) -> None:
    rng = np.random.default_rng(4)
    potential = rng.normal(size=small.n_states)
    potential[-1] = 0.0
    reward = whole(small, rng.normal(size=len(small.features)))
    other = 3 * shaped(small, reward, potential, gamma)
    for slow in (dense_epic, dense_starc):
        assert slow(small, gamma, reward, other) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("measure", [reward_distance.epic, reward_distance.starc])
def test_the_negated_reward_is_at_1_and_the_reward_itself_at_0(
    small: tensors.Process, measure: object
) -> None:
    canonical = measure(small, 0.9)  # type: ignore[operator]
    some = np.random.default_rng(3).normal(size=(20, len(small.features)))
    np.testing.assert_allclose(canonical.distance(some, -some), 1.0, rtol=0, atol=1e-12)
    assert not canonical.distance(some, some).any()


@pytest.mark.parametrize("measure", [reward_distance.epic, reward_distance.starc])
def test_they_are_pseudometrics(small: tensors.Process, measure: object) -> None:
    canonical = measure(small, 0.9)  # type: ignore[operator]
    some = np.random.default_rng(6).normal(size=(12, len(small.features)))
    every = canonical.distance(some[:, None], some[None])
    np.testing.assert_array_equal(every, every.T)
    assert (every >= 0).all()
    assert (every <= 1).all()
    around = every[:, :, None] + every[None]  # d(i, j) + d(j, k)
    assert (every[:, None, :] <= around + 1e-12).all()


def test_constant_rewards_are_trivial_and_their_distance_undefined() -> None:
    doc = worlds.document(
        {
            "map": "@a.",
            "kinds": {"apple": {"glyph": "a", "use": {"eat": {"yields": {"children": 1}}}}},
            "always": {"breath": {"when": {}, "feels": {"sweet": 1.0}}},
        }
    )
    read = worlds.read(doc)
    process = tensors.process(world.environment(read, "home"), world.draw_levels(read, "home", [0]))
    constant, nothing, children = (
        process.weights(w) for w in ({"sweet": 0.7}, {}, {"children": 1.0})
    )
    for canonical in (reward_distance.epic(process, 0.9), reward_distance.starc(process, 0.9)):
        assert np.isnan(canonical.distance([constant, nothing], children)).all()
        # A constant on top of a reward changes nothing.
        assert canonical.distance(children, children + constant) == pytest.approx(0, abs=1e-9)


def test_living_is_no_constant_where_a_life_can_be_ended() -> None:
    doc = worlds.document(
        {
            "map": "@a.",
            "kinds": {"apple": {"glyph": "a", "use": {"eat": {"ends": 0.5}}}},
            "always": {"breath": {"when": {}, "feels": {"sweet": 1.0}}},
        }
    )
    read = worlds.read(doc)
    process = tensors.process(world.environment(read, "home"), world.draw_levels(read, "home", [0]))
    for canonical in (reward_distance.epic(process, 0.9), reward_distance.starc(process, 0.9)):
        alive = process.weights({"sweet": 1.0})
        assert canonical.distance(alive, alive) == pytest.approx(0, abs=1e-9)


def test_a_discount_of_1_is_refused(small: tensors.Process) -> None:
    for measure in (reward_distance.epic, reward_distance.starc):
        with pytest.raises(EvosimError, match="discount 1"):
            measure(small, 1.0)
