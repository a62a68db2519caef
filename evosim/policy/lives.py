"""Lives by policies that are no table: of age and state, exactly; with a memory, sampled.

Both go along the explicit process of a level (:mod:`evosim.world.tensors`), whose steps tell how
often each event is expected to happen in them, given state and action.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core import Expectation
from evosim.engine.probe import Expected, ProbedEnvironment
from evosim.metrics.goal_inference import Seen
from evosim.mind.policies import Reader, Remembering, asking, check
from evosim.world import Environment, Levels
from evosim.world.tensors import Process, process

Floats = NDArray[np.float64]


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
    policy = chances.reshape(len(chances), -1, env.n_actions)
    policy = np.concatenate(
        [policy, np.full((len(policy), 1, env.n_actions), 1 / env.n_actions)], 1
    )
    for i in range(n_levels):
        level = event_process(env, probed.levels, i)
        onward, alive = level.matrix().T.tocsr(), ~level.fatal
        alive[-1] = False
        now = level.start
        for step in policy[: env.lifetime]:
            visits = now[:, None] * step
            happened = (visits[..., None] * level.expected).sum(axis=1)  # [S, E]
            np.add.at(tally.counts[0], tally.part, happened)
            np.add.at(tally.steps[0], tally.part, now * alive)
            now = onward @ visits.ravel()
    return tally.expected(n_levels)


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
    seen = reader.observer.table(env.name, probed.levels)
    trace: list[tuple[int, ...]] = []
    for i in range(n_levels):
        level = event_process(env, probed.levels, i)
        until = np.concatenate([[0.0], np.cumsum(level.p)])  # of all transitions, row after row
        rows = np.searchsorted(level.source, np.arange(level.n_states * level.n_actions + 1))
        over = level.fatal.copy()
        over[-1] = True
        state = rng.choice(level.n_states, n, p=level.start)
        with asking(agent, lives):
            agent.reset(n)
        for _ in range(env.lifetime):
            alive = ~over[state]
            if not alive.any():
                break
            here = np.where(alive, state, 0)  # the dead are asked too, and do nothing
            x, cell = np.divmod(here, env.n_cells)
            look = {name: table[i, x, cell] for name, table in seen.items()} if isinstance(
                seen, dict
            ) else seen[i, x, cell]  # fmt: skip
            with asking(agent, look):
                answer = agent.act(look)
            chances = check(reader.chances(answer, n, env))
            drawn = rng.random((n, 1)) * chances.sum(axis=1, keepdims=True)
            action = (chances.cumsum(axis=1) <= drawn).sum(axis=1).clip(max=env.n_actions - 1)
            if alive[0]:
                trace.append((i, int(x[0]), int(cell[0]), int(action[0])))
            at = lives[alive], tally.part[here[alive]]
            np.add.at(tally.counts, at, level.expected[here, action][alive])
            np.add.at(tally.steps, at, 1.0)
            row = here * level.n_actions + action
            low, high = rows[row], rows[row + 1]
            u = until[low] + rng.random(n) * (until[high] - until[low])
            way = np.searchsorted(until, u, side="right") - 1
            state = np.where(alive, level.target[way.clip(low, high - 1)], state)
    joined = [np.array(column, np.int32) for column in zip(*trace, strict=True)]
    return Sampled(tally.expected(n_levels), Seen(*joined))
