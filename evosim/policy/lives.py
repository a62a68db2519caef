"""Lives by policies that are no table: of age and state, exactly; with a memory, sampled.

Both go along the explicit process of a level (:mod:`evosim.world.tensors`), whose steps tell how
often each event is expected to happen in them, given state and action.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import count, cycle, islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core import Expectation
from evosim.engine.probe import Expected, ProbedEnvironment
from evosim.metrics.goal_inference import Seen
from evosim.mind.policies import Reader, Remembering, asking, check
from evosim.world import Environment, Levels
from evosim.world.tensors import Process, process

Floats = NDArray[np.float64]

LEAST, LEAST_EXACT = 1e-5, 1e-12
"""Discounted weight of a step below which a life is not followed: sampled, and exactly."""


class Sampled(NamedTuple):
    """What n sampled lives on each level came to."""

    expected: Expected  # of the n lives, each the mean over the levels
    seen: Seen  # the first of the n on each level


def event_process(env: Environment, levels: Levels, level: int) -> Process:
    """A level as a process whose features are the events."""
    counting = copy(env)
    counting.phi, counting.paid = np.eye(len(env.events)), slice(0, len(env.events))
    return process(counting, levels, level)


class _Tally:
    """Counts of events and steps of n lives on some levels, by the parts that are told apart."""

    def __init__(self, probed: ProbedEnvironment, n: int) -> None:
        env, part = probed.env, probed.part
        self.whole = part is None
        of_x = np.zeros(env.n_x, np.intp) if part is None else part.astype(np.intp)
        self.part = np.append(np.repeat(of_x, env.n_cells), 0)  # [S], the dead state last
        self.parts = int(of_x.max()) + 1
        self.counts = np.zeros((n, self.parts, len(env.events)))
        self.steps = np.zeros((n, self.parts))

    def expected(self, levels: int) -> Expected:
        by_part = Expectation(self.counts / levels, self.steps / levels)
        counts, steps = by_part.counts.sum(axis=1), by_part.lifespan.sum(axis=1)
        return Expected(counts, np.zeros(len(counts)), steps, None if self.whole else by_part)


def of_age(probed: ProbedEnvironment, chances: Floats) -> Expected:
    """What a policy of age and state can expect, exactly.

    Args:
        chances: [T, n_x, C, A] of the actions.
    """
    env, n_levels = probed.env, len(probed.levels.start)
    tally = _Tally(probed, 1)
    for i in range(n_levels):
        level = event_process(env, probed.levels, i)
        alive = ~level.fatal
        alive[-1] = False
        for visits in islice(_flow(level, chances, env.lifetime), env.lifetime):
            happened = (visits[..., None] * level.expected).sum(axis=1)  # [S, E]
            np.add.at(tally.counts[0], tally.part, happened)
            np.add.at(tally.steps[0], tally.part, visits.sum(axis=1) * alive)
    return tally.expected(n_levels)


def discounted_of_age(env: Environment, levels: Levels, chances: Floats) -> Floats:
    """What a policy of age and state can expect of lives without a last step (:func:`discounted`).

    Args:
        chances: [T, n_x, C, A] of the actions.

    Returns:
        [1, F] discounted stimuli and payoffs, the mean over the levels.
    """
    weights = _weights(env.lifetime, LEAST_EXACT)
    found = np.zeros((1, env.paid.stop))
    for i in range(len(levels.start)):
        level = process(env, levels, i)
        for weight, visits in zip(weights, _flow(level, chances, env.lifetime), strict=False):
            found += weight * np.einsum("sa,saf->f", visits, level.expected)
    return found / len(levels.start)


def _flow(level: Process, chances: Floats, lifetime: int) -> Iterator[Floats]:
    """How likely each state and action is at each step [S, A], without end; see :func:`discounted`.

    Args:
        chances: [T, n_x, C, A] of the actions.
    """
    policy = chances[:lifetime].reshape(-1, level.n_states - 1, level.n_actions)
    dead = np.full((1, level.n_actions), 1 / level.n_actions)
    onward, now = level.matrix().T.tocsr(), level.start
    for step in cycle(policy):
        visits = now[:, None] * np.concatenate([step, dead])
        yield visits
        now = onward @ visits.ravel()


def remembered(
    probed: ProbedEnvironment, agent: Remembering, reader: Reader, n: int, seed_key: int
) -> Sampled:
    """n lives on each level of a policy with a memory.

    Given state and action what happens is put at its expectation, so that means vary less than
    those of lives that are counted out.

    Args:
        seed_key: of all draws but the policy's own.
    """
    env, n_levels = probed.env, len(probed.levels.start)
    rng = np.random.Generator(np.random.PCG64(seed_key))
    tally, lives = _Tally(probed, n), np.arange(n)
    looks = _Looks(env, probed.levels, reader)
    trace: list[tuple[int, ...]] = []
    for i in range(n_levels):
        level = event_process(env, probed.levels, i)
        for here, action, alive in islice(_lived(level, i, looks, agent, n, rng), env.lifetime):
            if alive[0]:
                x, cell = divmod(int(here[0]), env.n_cells)
                trace.append((i, x, cell, int(action[0])))
            at = lives[alive], tally.part[here[alive]]
            np.add.at(tally.counts, at, level.expected[here, action][alive])
            np.add.at(tally.steps, at, 1.0)
    joined = [np.array(column, np.int32) for column in zip(*trace, strict=True)]
    return Sampled(tally.expected(n_levels), Seen(*joined))


def discounted(
    env: Environment, levels: Levels, agent: Remembering, reader: Reader, n: int, seed_key: int
) -> Floats:
    """What n lives without a last step come to on some levels, by a policy with a memory.

    Goal-directedness is of such lives: who has not died lives on, and a step counts 1 - 1/lifetime
    of the one before. Nobody knows what a policy would do at an age that nobody comes to: so after
    each lifetime it begins anew, where it is. Steps that count less than LEAST are not lived; they
    are taken to be like the others.

    Args:
        seed_key: of all draws but the policy's own.

    Returns:
        [n, F] discounted stimuli and payoffs, each the mean over the levels.
    """
    rng = np.random.Generator(np.random.PCG64(seed_key))
    weights = _weights(env.lifetime, LEAST)
    looks, found = _Looks(env, levels, reader), np.zeros((n, env.paid.stop))
    for i in range(len(levels.start)):
        level = process(env, levels, i)
        lived = _lived(level, i, looks, agent, n, rng)
        for weight, (here, action, alive) in zip(weights, lived, strict=False):
            found[alive] += weight * level.expected[here, action][alive]
    return found / len(levels.start)


def _weights(lifetime: int, least: float) -> Floats:
    """What each step of a life without end counts; those below the least are left out."""
    discount = 1.0 - 1.0 / lifetime
    steps = 1 if lifetime == 1 else 1 + int(np.log(least) / np.log(discount))
    weights = discount ** np.arange(steps)
    return np.asarray(weights * (lifetime / weights.sum()))


class _Looks:
    """What a policy sees on each level in each state."""

    def __init__(self, env: Environment, levels: Levels, reader: Reader) -> None:
        self.env, self.reader = env, reader
        self._seen = reader.observer.table(env.name, levels)

    def __call__(self, level: int, state: NDArray[np.intp]) -> Any:
        x, cell = np.divmod(state, self.env.n_cells)
        if isinstance(self._seen, dict):
            return {name: table[level, x, cell] for name, table in self._seen.items()}
        return self._seen[level, x, cell]


def _lived(
    level: Process,
    number: int,
    looks: _Looks,
    agent: Remembering,
    n: int,
    rng: np.random.Generator,
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]]:
    """The steps of n lives on a level, until all are dead.

    Args:
        number: of the level.

    Yields:
        states, actions and who is alive, [n]; of the dead the first state and an action.
    """
    until = np.concatenate([[0.0], np.cumsum(level.p)])  # of all transitions, row after row
    rows = np.searchsorted(level.source, np.arange(level.n_states * level.n_actions + 1))
    over = level.fatal.copy()
    over[-1] = True
    state = rng.choice(level.n_states, n, p=level.start)
    for age in count():
        if not (alive := ~over[state]).any():
            return
        if age % looks.env.lifetime == 0:
            with asking(agent, np.arange(n)):
                agent.reset(n)
        here = np.where(alive, state, 0)  # the dead are asked too, and do nothing
        look = looks(number, here)
        with asking(agent, look):
            answer = agent.act(look)
        chances = check(looks.reader.chances(answer, n, looks.env))
        drawn = rng.random((n, 1)) * chances.sum(axis=1, keepdims=True)
        action = (chances.cumsum(axis=1) <= drawn).sum(axis=1).clip(max=level.n_actions - 1)
        row = here * level.n_actions + action
        low, high = rows[row], rows[row + 1]
        u = until[low] + rng.random(n) * (until[high] - until[low])
        way = np.searchsorted(until, u, side="right") - 1
        state = np.where(alive, level.target[way.clip(low, high - 1)], state)
        yield here, action, alive
