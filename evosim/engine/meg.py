"""Goal-directedness of a policy for a known utility: MEG of MacDermott et al. 2024.

    MEG_U(pi) = max over b of E_pi[ sum_t g^t (log pi_b(a_t | s_t) - log 1/|A|) ]

pi_b is the maximum entropy policy of inverse temperature b, the one of most entropy among those of
its own expected utility: softmax(b Q_b) with Q_b = U + g E[V_b], V_b = (1/b) log sum exp(b Q_b).
It may attain any utility that can be attained, the least as well as the most: b may be negative.
Who brings about the least is as directed as who brings about the most, and the sign of b tells
them apart (arXiv:2412.04758).

Here the soft value is kept as w = b V_b with the mean over the actions in place of the sum,

    w(s) = log mean_a exp(b U(s, a) + g E[w(s')])

which is 0 for b = 0 and the same policy: V_b = (w + log|A| / (1 - g)) / b. Now
log pi_b - log 1/|A| = b U + g E[w(s')] - w(s), so the sum over a life telescopes to b d.U - mu.w,
with d the discounted occupancy of pi and mu the chances of the first states; in terms of V_b,

    b (d.U - mu.V_b) + log|A| / (1 - g)

exactly. For that to hold where lives end, death is a state like any other: nothing is felt in it,
all actions do the same, and so V_b(death) = log|A| / (b (1 - g)) and w(death) = 0.

mu.w is convex in b, so the maximum is where d.U is that of pi_b, which grows with b. Hence MEG
depends on pi through its expected utility alone. Where pi is optimal the maximum is at infinity,
and finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import world
from evosim.world import Environment, Levels
from evosim.world.identity_cache import by_identity
from evosim.world.tensors import process

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

LARGEST = 30_000
"""States times actions of a level beyond which goals are not looked for."""
LEVELS = 4
"""Levels on which goals are looked for, at most."""
SAME = 1e-9
"""Share of the range of expected utilities within which two of them count as the same."""
CONVERGED = 1e-9
"""Relative change of values at which policy iteration has converged: as it is Newton's method, the
next change would be of the order of the square of this."""
STEPS = 200
"""Steps of policy iteration, which takes some five to thirty, that are too many."""


class Discounted(NamedTuple):
    """A Markov decision process with S states, A actions and a discount.

    ``chances`` [S * A, S]: what is missing from a row of 1 is the chance of death, which has the
    utility 0. ``start`` [S]: chances of the first state.
    """

    chances: csr_array
    start: Floats
    discount: float

    @property
    def n_actions(self) -> int:
        return int(self.chances.shape[0] // self.chances.shape[1])


class Directedness(NamedTuple):
    """How well a policy is predicted by maximum entropy policies for a utility.

    Attributes:
        nats: MEG, summed over a discounted life; NaN where all policies have the same utility.
        beta: the inverse temperature of the best prediction, negative where the policy does worse
            than chance; infinite where nothing can do better, or worse.
        most: MEG of an optimal policy.
    """

    nats: float
    beta: float
    most: float

    @property
    def share(self) -> float:
        """MEG as a share of an optimal policy's, negative where the policy works against it."""
        return float(np.copysign(self.nats, self.beta) / self.most)


def occupancy(process: Discounted, policy: Floats) -> Floats:
    """Discounted expected visits d of states and actions, [S, A]: sums to 1/(1 - g) if none dies.

    Args:
        policy: [S, A] chances of the actions.
    """
    solved = _factored(process, policy).solve(process.start, trans="T")
    return np.asarray(solved)[:, None] * policy


class _Soft(NamedTuple):
    """A maximum entropy policy: its values w [S], the policy [S, A], its expected utility."""

    values: Floats
    policy: Floats
    utility: float


class Rationality:
    """The maximum entropy policies of one utility, from the worst to the best.

    Args:
        process: the world.
        utility: [S, A].
    """

    def __init__(self, process: Discounted, utility: Floats) -> None:
        self.process = process
        self.utility = np.asarray(utility, np.float64)
        self._found: dict[float, _Soft] = {}
        self.chance = self._found[0.0] = self._solve(0.0)
        self._limits = {sign: self._limit(sign) for sign in (1.0, -1.0)}
        low, high = self._limits[-1.0][0], self._limits[1.0][0]
        scale = max(abs(low), abs(high))
        self.empty = high - low <= SAME * scale or scale == 0.0
        self.range = high - low

    def at(self, beta: float) -> _Soft:
        """The maximum entropy policy of an inverse temperature (soft policy iteration)."""
        if beta not in self._found:
            self._found[beta] = self._solve(beta)
        return self._found[beta]

    def _afresh(self) -> None:
        """Forget all but chance: a search goes on from what is known, and its last bits with it."""
        self._found = {0.0: self.chance}

    def meg(self, utility: float) -> Directedness:
        """MEG of every policy of this expected discounted utility d.U."""
        nan = float("nan")
        if self.empty:
            return Directedness(nan, nan, nan)
        gain = utility - self.chance.utility
        sign = 1.0 if gain >= 0.0 else -1.0
        best, reaching_it = self._limits[sign]
        most = self._limits[1.0][1]
        if abs(gain) <= SAME * self.range:
            return Directedness(0.0, 0.0, most)
        if sign * (best - utility) <= SAME * self.range:
            return Directedness(reaching_it, sign * np.inf, most)
        self._afresh()  # so that MEG is of this policy alone, and not of those measured before
        beta = self._root(utility, sign)
        nats = beta * utility - float(self.process.start @ self.at(beta).values)
        return Directedness(max(nats, 0.0), beta, most)

    def _root(self, utility: float, sign: float) -> float:
        """The beta whose policy has this expected utility: a root of a monotone function."""
        from scipy.optimize import brentq

        def short(beta: float) -> float:  # grows with beta * sign
            return sign * (self.at(beta).utility - utility)

        inner, outer = 0.0, sign * np.inf
        for beta in sorted((b for b in self._found if b * sign > 0.0), key=abs):
            if short(beta) < 0.0:
                inner = beta
            else:
                outer = beta
                break
        while not np.isfinite(outer):
            further = 4.0 * (inner or sign / self.range)
            if short(further) < 0.0:
                inner = further
            else:
                outer = further
        return float(brentq(short, inner, outer, xtol=1e-7 * abs(outer), rtol=1e-7))

    def _solve(self, beta: float) -> _Soft:
        """Soft policy iteration: evaluate, then softmax; Newton's method on w."""
        n_states, n_actions = self.utility.shape
        nearest = min(self._found, key=lambda b: abs(b - beta), default=None)
        policy = np.full((n_states, n_actions), 1.0 / n_actions)
        if nearest is not None:
            policy = self._found[nearest].policy
        values = np.full(n_states, np.inf)
        for _ in range(STEPS):
            spent = _entropy_lost(policy)
            solve = _factored(self.process, policy).solve
            gained = (policy * self.utility).sum(axis=1)
            after = np.asarray(solve(beta * gained - spent))
            moved = np.abs(after - values).max(initial=0.0)
            values = after
            q = beta * self.utility + self._ahead(values)
            policy = _softmax(q)
            if moved <= CONVERGED * max(1.0, np.abs(values).max(initial=0.0)):
                break
        else:
            raise ArithmeticError(f"soft policy iteration did not converge at beta = {beta:g}")
        visits = occupancy(self.process, policy)
        top = q.max(axis=1)
        values = np.asarray(top + np.log(np.exp(q - top[:, None]).mean(axis=1)))
        return _Soft(values, policy, float((visits * self.utility).sum()))

    def _ahead(self, values: Floats) -> Floats:
        """g E[values of the next state], [S, A]."""
        ahead = self.process.chances @ values
        return self.process.discount * np.asarray(ahead).reshape(self.utility.shape)

    def _limit(self, sign: float) -> tuple[float, float]:
        """The largest expected utility (smallest, for sign -1), and the MEG of reaching it.

        The limit of w - b V at b to infinity is the same recursion over the best actions alone:
        w(s) = log( sum over best a of exp(g E[w(s')]) / |A| ).
        """
        utility = sign * self.utility
        values, best = self._optimum(utility)
        reached = sign * float(self.process.start @ values)
        policy = best / best.sum(axis=1, keepdims=True)
        lost = np.full(len(best), np.inf)
        for _ in range(STEPS):
            solved = _factored(self.process, policy).solve(-_entropy_lost(policy))
            after, before = np.asarray(solved), lost
            lost = after
            policy = _softmax(np.where(best, self._ahead(lost), -np.inf))
            if np.abs(after - before).max(initial=0.0) <= CONVERGED * (1 + np.abs(lost).max()):
                return reached, -float(self.process.start @ lost)
        raise ArithmeticError("policy iteration over the best actions did not converge")

    def _optimum(self, utility: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Values [S] of the best policy, and which actions are best [S, A]: policy iteration."""
        rows = np.arange(len(utility))
        chosen = np.zeros(len(utility), np.intp)
        for _ in range(STEPS):
            policy = np.zeros_like(utility)
            policy[rows, chosen] = 1.0
            values = np.asarray(_factored(self.process, policy).solve(utility[rows, chosen]))
            q = utility + self._ahead(values)
            room = SAME * max(np.abs(q).max(initial=0.0), np.abs(utility).max(initial=0.0))
            better = q.max(axis=1) > q[rows, chosen] + room
            if not better.any():
                return values, q >= q.max(axis=1, keepdims=True) - room
            chosen = np.where(better, q.argmax(axis=1), chosen)
        raise ArithmeticError("policy iteration did not converge")


def meg(process: Discounted, utility: Floats, policy: Floats) -> Directedness:
    """MEG of a policy for a utility.

    Args:
        utility: [S, A] expected utility of a step.
        policy: [S, A] chances of the actions.

    Returns:
        nats, the inverse temperature, and the MEG of an optimal policy.
    """
    gained = float((occupancy(process, policy) * utility).sum())
    return Rationality(process, utility).meg(gained)


def side_by_side(processes: list[Discounted]) -> Discounted:
    """Processes as one, that begins in each of them with the same chance."""
    from scipy import sparse

    return Discounted(
        sparse.csr_array(sparse.block_diag([p.chances for p in processes], format="csr")),
        np.concatenate([p.start / len(processes) for p in processes]),
        processes[0].discount,
    )


def _factored(process: Discounted, policy: Floats) -> Any:
    """I - g P of a policy, factored."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    n_states, n_actions = policy.shape
    pick = sparse.csr_array(
        (policy.ravel(), np.arange(n_states * n_actions), np.arange(n_states + 1) * n_actions),
        shape=(n_states, n_states * n_actions),
    )
    step = pick @ process.chances
    return splu(sparse.csc_array(sparse.eye_array(n_states) - process.discount * step))


def _entropy_lost(policy: Floats) -> Floats:
    """KL divergence of the actions from uniform ones, [S], nats."""
    logs = np.log(policy, out=np.zeros_like(policy), where=policy > 0)
    return np.asarray((policy * logs).sum(axis=1) + np.log(policy.shape[1]))


def _softmax(q: Floats) -> Floats:
    odds = np.exp(q - q.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


class Ground(NamedTuple):
    """Some levels as one Markov decision process, of the states that can be reached."""

    process: Discounted
    features: Floats  # [S, A, F] expected stimuli, then payoffs, of a step
    level: NDArray[np.intp]  # [S] which level a state is of
    state: NDArray[np.intp]  # [S] its number there, x * C + cell


def ground(env: Environment, levels: Levels, discount: float) -> Ground:
    """Levels as one process whose lives begin on each level equally often."""
    processes, features, level, state = [], [], [], []
    for i in range(len(levels.start)):
        whole = process(env, levels, i)
        kept = np.flatnonzero(whole.reachable()[:-1])  # the last state is death
        rows = (kept[:, None] * whole.n_actions + np.arange(whole.n_actions)).ravel()
        chances = whole.matrix().tocsr()[rows][:, kept]
        processes.append(Discounted(chances, whole.start[kept], discount))
        features.append(whole.expected[kept])
        level.append(np.full(len(kept), i))
        state.append(kept)
    joined = (np.concatenate(each) for each in (features, level, state))
    return Ground(side_by_side(processes), *joined)


def too_large(env: Environment) -> str:
    """Why goals are not looked for in an environment; empty where they can be."""
    size = env.n_x * env.n_cells * env.n_actions
    if size <= LARGEST:
        return ""
    return (
        f"environment {env.name!r} is too large to look for goals: {size} states times actions, at "
        f"most {LARGEST}; take a smaller map or fewer variables"
    )


class Goals(NamedTuple):
    """The first of some levels, and how directed one can be there at each stimulus and payoff."""

    ground: Ground
    rational: dict[str, Rationality]  # without those of which everybody gets the same

    def directed(self, policies: Floats) -> dict[str, list[Directedness]]:
        """MEG of policies, by stimulus and payoff.

        Args:
            policies: [n, L, n_x, C, A] chances of the actions, on these levels at least.
        """
        flat = policies.reshape(*policies.shape[:2], -1, policies.shape[-1])
        each = flat[:, self.ground.level, self.ground.state]
        visits = [occupancy(self.ground.process, policy) for policy in each]
        return {
            name: [one.meg(float((visit * one.utility).sum())) for visit in visits]
            for name, one in self.rational.items()
        }


@by_identity
def goals_of(scenario: Scenario, environment: str, seeds: tuple[int, ...]) -> Goals:
    """What one can be directed at in an environment.

    Remembered for as long as the scenario object lives, as nothing of it depends on a policy.

    Args:
        seeds: of levels, of which the first are taken.
    """
    env = world.environment(scenario, environment)
    levels = world.draw_levels(scenario, environment, seeds[:LEVELS])
    there = ground(env, levels, 1.0 - 1.0 / env.lifetime)
    columns = enumerate((*env.stimuli, *env.payoffs))
    every = {name: Rationality(there.process, there.features[..., i]) for i, name in columns}
    return Goals(there, {name: one for name, one in every.items() if not one.empty})
