"""Distances between reward functions: EPIC and STARC, in one process and at one discount.

Two rewards can differ in every number and still ask for the same behaviour: scaled by a positive
number, or shaped by a potential, gamma Phi(s') - Phi(s) (Ng, Harada & Russell 1999). Both distances
first bring a reward to a canonical form that is the same for all rewards shaped from one another,
scale it to length 1, and compare. They are 0 between a reward and what it is scaled or shaped to,
and 1 between a reward and its negative.

**Every reward is a weighted sum of features** (stimuli and payoffs), R = sum_f w_f R_f, and both
canonical forms are linear in the reward. So the features are brought to canonical form once for a
level, and any two rewards are compared by F x F numbers: the inner products of canonical features
(their Gram matrix). They are kept as the triangular factor of the features themselves, so that
lengths near zero keep their digits.

Decisions are taken in living states that some policy comes to from birth; both distances look at
these alone. The dead state is worth 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim.errors import EvosimError
from evosim.world import weighted_sum
from evosim.world.tensors import Process

Floats = NDArray[np.float64]

TRIVIAL = 1e-9
"""A canonical form shorter than this share of the reward itself is rounding: the reward is
trivial, all policies are worth the same by it, and its distances are not defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """The features of a process in canonical form, as far as distances need them.

    Attributes:
        root: [k, F] with root' root the inner products of canonical features.
        raw: [k, F] the same of the features as they are.
    """

    root: Floats
    raw: Floats

    def distance(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Half the distance of two canonical rewards scaled to length 1, from 0 to 1.

        Args:
            first, second: weights over features [..., F], broadcast.

        Returns:
            [...]; NaN where a reward is trivial.
        """
        a, b = self._unit(first), self._unit(second)
        return np.asarray(0.5 * np.sqrt(np.square(a - b).sum(axis=-1)))

    def _unit(self, weights: ArrayLike) -> Floats:
        given = np.asarray(weights, np.float64)
        canonical, raw = weighted_sum(given, self.root.T), weighted_sum(given, self.raw.T)
        length = np.sqrt(np.square(canonical).sum(axis=-1, keepdims=True))
        known = length > TRIVIAL * np.sqrt(np.square(raw).sum(axis=-1, keepdims=True))
        return np.where(known, canonical / np.where(known, length, 1.0), np.nan)


def epic(process: Process, gamma: float, *, means: Floats | None = None) -> Canonical:
    """EPIC, the equivalent-policy invariant comparison (Gleave et al. 2021, arXiv:2006.13900).

    The canonically shaped reward (section 4) is

        C(R)(s,a,s') = R(s,a,s') + E[gamma R(s',A,S') - R(s,A,S') - gamma R(S,A,S')]

    with S, S' ~ D_S and A ~ D_A independent, and the distance of two is that of Pearson,
    sqrt((1 - rho) / 2), over the coverage distribution D of transitions.

    **Chosen here.** D_S is uniform over the living states that can be reached, D_A over the
    actions, D takes (s, a) from both and s' from T(s' | s, a): every decision counts alike, whoever
    takes it how often, and no transition is compared that cannot happen. But C(R) asks R for
    transitions from any s to any S', most of which no world can make; events say nothing of
    them. There R(s,a,s') is taken to be what the step is expected to bring, r(s,a). As in the
    paper, C(R) removes a potential that shapes *all*
    transitions. What a world pays on its possible transitions alone, as if it were shaped by a
    potential, is not removed exactly. DARD (Wulfe et al. 2022, arXiv:2201.10081) replaces S' by
    successors of s and s', which asks for fewer impossible transitions, yet still for some. STARC
    asks for none.

    Args:
        process: dynamics and features.
        gamma: discount, from 0 to below 1.
        means: [S, F] E[R_f(s,A,S')], for features that say what impossible transitions bring.

    Raises:
        EvosimError: gamma is out of range.
    """
    _check(gamma)
    alive, n = _decision_states(process)
    if means is None:
        # r(s, a) where (s, a, S') is impossible, what the transition brings where it is possible.
        total = process.expected.sum(axis=1)
        expected = process.expected.reshape(-1, total.shape[1])[process.source]
        within = alive[process.target]
        own = (process.amount - expected)[within] / n
        np.add.at(total, process.source[within] // process.n_actions, own)
        means = np.asarray(total / process.n_actions)
    begins = process.source // process.n_actions
    covered = alive[begins]
    s, to = begins[covered], process.target[covered]
    weight = process.p[covered] / (n * process.n_actions)
    amount = process.amount[covered]
    shaped = amount + gamma * means[to] - means[s]
    # Centred, Pearson's rho is the cosine; that takes with it the last term, a constant.
    shaped -= weight @ shaped
    root = np.sqrt(weight)[:, None]
    return Canonical(root=_factor(root * shaped), raw=_factor(root * amount))


def starc(process: Process, gamma: float) -> Canonical:
    """STARC with the canonicalisation VAL (Skalse et al. 2024, arXiv:2309.15257).

    Value-adjusted levelling by the uniform random policy pi,

        c(R)(s,a,s') = E[R(s,a,S') - V(s) + gamma V(S')]    S' ~ T(. | s, a),  V that of pi,

    is the advantage of a over pi's choice. It does not depend on s', so states and actions are
    enough. It is scaled to length 1 in the L2 norm; half the L2 distance of two is the distance.
    All (s, a) weigh alike, of states that can be reached: the paper assumes that all can. It
    gives a trivial reward the standardised form 0, hence a distance of 1/2 from any other reward;
    here that is not defined.

    Args:
        process: dynamics and features.
        gamma: discount, from 0 to below 1.

    Raises:
        EvosimError: gamma is out of range.
    """
    _check(gamma)
    from scipy.sparse import csr_array, eye_array, kron
    from scipy.sparse.linalg import splu

    alive, n = _decision_states(process)
    who, n_actions = np.flatnonzero(alive), process.n_actions
    pairs = (who[:, None] * n_actions + np.arange(n_actions)).ravel()
    step = process.matrix()[pairs][:, who]  # [n * A, n]; what leads to dead is left out
    mean = kron(eye_array(n), np.full((1, n_actions), 1.0 / n_actions))
    reward = process.expected[who].reshape(n * n_actions, -1)
    chain = eye_array(n) - gamma * csr_array(mean @ step)
    value = splu(chain.tocsc()).solve(np.asarray(mean @ reward))
    levelled = reward - np.repeat(value, n_actions, axis=0) + gamma * (step @ value)
    return Canonical(root=_factor(levelled), raw=_factor(reward))


def _check(gamma: float) -> None:
    if not 0 <= gamma < 1:
        raise EvosimError(f"discount {gamma}: reward distances need one from 0 to below 1")


def _decision_states(process: Process) -> tuple[NDArray[np.bool_], int]:
    """The living states that can be reached [S], and how many they are."""
    alive = process.reachable()
    alive[-1] = False
    return alive, int(alive.sum())


def _factor(rows: Floats) -> Floats:
    """The triangular factor R of rows [N, F]: the same lengths and angles in F rows.

    By modified Gram-Schmidt, whose R is as accurate as that of reflections (Bjoerck 1967). F is
    small: a few passes over the columns, where LAPACK would start its threads.
    """
    columns = np.array(rows.T, order="C")
    n = len(columns)
    root = np.zeros((n, n))
    for i in range(n):
        root[i, i] = np.sqrt(np.square(columns[i]).sum())
        if root[i, i] > 0:
            direction = columns[i] / root[i, i]
            for j in range(i + 1, n):
                root[i, j] = (direction * columns[j]).sum()
                columns[j] -= root[i, j] * direction
    return root
