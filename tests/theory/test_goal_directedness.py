"""MEG (MacDermott et al. 2024): its two forms, its bounds and its invariances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar

from evosim.engine.meg import (
    Discounted,
    Rationality,
    meg,
    occupancy,
    side_by_side,
)

ACTIONS, STATES, DISCOUNT = 3, 6, 0.9
MOST = np.log(ACTIONS) / (1 - DISCOUNT)


def random_process(seed: int, *, mortal: bool = False) -> tuple[Discounted, np.ndarray, np.ndarray]:
    """A process, a utility and a policy."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(STATES, 0.5), STATES * ACTIONS)
    if mortal:
        chances *= rng.uniform(0.5, 1.0, (STATES * ACTIONS, 1))
    process = Discounted(sparse.csr_array(chances), rng.dirichlet(np.ones(STATES)), DISCOUNT)
    return (
        process,
        rng.normal(size=(STATES, ACTIONS)),
        rng.dirichlet(np.ones(ACTIONS), STATES),
    )


def predicted(process: Discounted, utility: np.ndarray, policy: np.ndarray, beta: float) -> float:
    """How much better pi_beta predicts the policy than chance does, in nats: by its definition.

    Args:
        utility: [S, A] expected utility of a step.
    """
    at = Rationality(process, utility).at(beta)
    visits = occupancy(process, policy)
    gain = np.log(at.policy, out=np.zeros_like(at.policy), where=visits > 0)
    gain += np.log(process.n_actions)
    return float((visits * np.where(visits > 0, gain, 0.0)).sum())


def closed_form(process: Discounted, utility: np.ndarray, policy: np.ndarray, beta: float) -> float:
    """The same as b (d.U - mu.V) + log|A| / (1 - g), V by log-sum-exp; not defined at b = 0."""
    left = np.log(process.n_actions) / (1.0 - process.discount)
    value = (Rationality(process, utility).at(beta).values + left) / beta
    gained = float((occupancy(process, policy) * utility).sum())
    return float(beta * (gained - process.start @ value) + left)


def softened(process: Discounted, utility: np.ndarray, beta: float) -> np.ndarray:
    return Rationality(process, utility).at(beta).policy


@pytest.mark.parametrize("mortal", [False, True])
@pytest.mark.parametrize("beta", [-7.0, -0.5, 0.01, 1.0, 30.0])
def test_the_closed_form_is_the_sum_of_log_likelihoods(beta: float, mortal: bool) -> None:
    for seed in range(20):
        process, utility, policy = random_process(seed, mortal=mortal)
        direct = predicted(process, utility, policy, beta)
        closed = closed_form(process, utility, policy, beta)
        assert closed == pytest.approx(direct, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("mortal", [False, True])
def test_soft_values_are_those_of_soft_value_iteration(mortal: bool) -> None:
    process, utility, _ = random_process(1, mortal=mortal)
    beta, w = 2.0, np.zeros(STATES)
    for _ in range(500):
        q = beta * utility + DISCOUNT * (process.chances @ w).reshape(STATES, ACTIONS)
        w = np.log(np.exp(q).mean(axis=1))
    np.testing.assert_allclose(Rationality(process, utility).at(beta).values, w, atol=1e-9)
    odds = np.exp(q - w[:, None]) / ACTIONS
    np.testing.assert_allclose(softened(process, utility, beta), odds, atol=1e-9)


@pytest.mark.parametrize("mortal", [False, True])
def test_meg_is_the_largest_gain_over_all_inverse_temperatures(mortal: bool) -> None:
    for seed in range(10):
        process, utility, policy = random_process(seed, mortal=mortal)
        found = meg(process, utility, policy)
        best = minimize_scalar(
            lambda b, case=(process, utility, policy): -predicted(*case, b),
            bounds=(found.beta - 3, found.beta + 3),
            method="bounded",
            options={"xatol": 1e-7},
        )
        assert found.nats == pytest.approx(-best.fun, abs=1e-9)
        assert found.beta == pytest.approx(best.x, abs=1e-3)


def test_of_one_step_between_two_actions_it_is_a_bit_less_the_entropy() -> None:
    process = Discounted(sparse.csr_array(np.ones((2, 1))), np.ones(1), 0.0)
    for p in (0.5, 0.6, 0.9, 0.2):
        entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
        found = meg(process, np.array([[1.0, 0.0]]), np.array([[p, 1 - p]]))
        assert found.nats == pytest.approx(np.log(2) - entropy, abs=1e-12)
        assert found.beta == pytest.approx(np.log(p / (1 - p)), abs=1e-6)


@pytest.mark.parametrize("mortal", [False, True])
def test_uniform_play_is_directed_at_nothing(mortal: bool) -> None:
    process, utility, _ = random_process(2, mortal=mortal)
    found = meg(process, utility, np.full((STATES, ACTIONS), 1 / ACTIONS))
    assert (found.nats, found.beta, found.share) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_it_grows_with_rationality_in_either_direction(sign: float) -> None:
    process, utility, _ = random_process(3)
    betas = sign * np.array([0.1, 0.3, 1.0, 3.0, 10.0])
    found = [meg(process, utility, softened(process, utility, float(b))) for b in betas]
    assert [f.beta for f in found] == pytest.approx(betas.tolist(), rel=1e-5)
    assert (np.diff([0.0, *(f.nats for f in found), MOST]) > 0).all()
    assert (np.diff([0.0, *(sign * f.share for f in found)]) > 0).all()


def test_scale_and_origin_of_utility_do_not_matter() -> None:
    process, utility, policy = random_process(4)
    found = meg(process, utility, policy)
    for a, b in ((5.0, 0.0), (1.0, 7.0), (1e-6, 0.0), (1e6, -3.0)):
        other = meg(process, a * utility + b, policy)
        assert other.nats == pytest.approx(found.nats, rel=1e-6)
        assert other.beta == pytest.approx(found.beta / a, rel=1e-5)
        assert other.share == pytest.approx(found.share, rel=1e-6)


def test_the_opposite_utility_turns_the_sign_of_beta_only() -> None:
    process, utility, policy = random_process(4)
    found, opposite = meg(process, utility, policy), meg(process, -utility, policy)
    assert opposite.nats == pytest.approx(found.nats, rel=1e-9)
    assert opposite.beta == pytest.approx(-found.beta, rel=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_only_best_policy_has_all_there_is_and_so_has_the_only_worst(sign: float) -> None:
    process, utility, _ = random_process(5)
    best = softened(process, utility, sign * 1e5)
    found = meg(process, utility, best.round())
    assert found.nats == pytest.approx(MOST, rel=1e-9)
    assert found.beta == sign * np.inf
    assert found.share == pytest.approx(sign, rel=1e-9)


def test_an_optimal_policy_is_the_limit_of_ever_more_rational_ones() -> None:
    process, utility, _ = random_process(6)
    utility[:3] = utility[:3, :1]  # where nothing is felt of what is done, ties are likely
    chances = process.chances.toarray().reshape(STATES, ACTIONS, STATES)
    chances[:3] = chances[:3, :1]
    process = process._replace(chances=sparse.csr_array(chances.reshape(-1, STATES)))
    minds = Rationality(process, utility)
    nearly = [minds.meg(minds.at(b).utility).nats for b in (3.0, 10.0, 30.0, 50.0)]
    tied = minds.meg(minds._limits[1.0][0])
    assert tied.beta == np.inf
    assert (np.diff([*nearly, tied.nats]) > 0).all()
    assert tied.nats == pytest.approx(nearly[-1], rel=1e-3)
    assert tied.nats < 0.9 * MOST  # ties leave actions that nobody could predict


def test_of_two_best_actions_the_limit_takes_more_often_the_one_that_leaves_more_open() -> None:
    # From state 0 to 1, where all actions are best, or to 2, where one is; then to 0 again.
    to = np.array([[1, 2], [0, 0], [0, 0]])
    process = Discounted(sparse.csr_array(np.eye(3)[to.ravel()]), np.array([1.0, 0.0, 0.0]), 0.9)
    utility = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    minds = Rationality(process, utility)
    rational = minds.at(1e3)
    assert rational.policy[0, 0] > 0.6
    nats = 1e3 * rational.utility - float(process.start @ rational.values)
    found = minds.meg(minds._limits[1.0][0])
    assert found.beta == np.inf
    assert found.nats == pytest.approx(nats, rel=1e-6)
    # w(0) = log(mean of 1 and 2^-g) + g^2 w(0), less what is the same on both ways
    at_once = -np.log((1 + 2**-0.9) / 2) / (1 - 0.9**2)
    assert found.nats == pytest.approx(at_once, rel=1e-9)


def test_where_nothing_can_be_gained_it_is_undefined() -> None:
    process, utility, policy = random_process(7)
    for flat in (np.zeros_like(utility), np.ones_like(utility)):
        assert np.isnan(meg(process, flat, policy).nats)


def test_policies_of_the_same_expected_utility_are_equally_directed() -> None:
    # What to say of MEG: it is told by d.U alone, by how unlikely chance is to do as well.
    process, utility, policy = random_process(8)
    found = meg(process, utility, policy)
    soft = softened(process, utility, found.beta)
    assert np.abs(soft - policy).max() > 0.1
    assert meg(process, utility, soft).nats == pytest.approx(found.nats, rel=1e-6)


def test_worlds_side_by_side_share_one_temperature() -> None:
    (one, utility, policy), (other, _, _) = random_process(9), random_process(10)
    both = side_by_side([one, other])
    u, p = np.concatenate([utility] * 2), np.concatenate([policy] * 2)
    found = meg(both, u, p)
    apart = [meg(each, utility, policy).nats for each in (one, other)]
    at_best = [predicted(each, utility, policy, found.beta) for each in (one, other)]
    assert found.nats == pytest.approx(np.mean(at_best), abs=1e-9)
    assert found.nats <= np.mean(apart) + 1e-12


def test_what_was_asked_before_changes_no_bit() -> None:
    process, utility, policy = random_process(3)
    alone = meg(process, utility, policy)
    one = Rationality(process, utility)
    for seed in range(8):  # a run that is resumed does not ask again what it has measured
        other = random_process(seed)[2]
        one.meg(float((occupancy(process, other) * utility).sum()))
    assert one.meg(float((occupancy(process, policy) * utility).sum())) == alone
