"""Q-learning on a table (Watkins 1989)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, real_number, seed_number, whole_number
from evosim.registry import check_call

if TYPE_CHECKING:
    from evosim.gym.task import Task

Floats = NDArray[np.float64]


class QLearning:
    """A value of each action in each state, learnt step by step; acts by the best of them.

    A table knows states by their numbers, and nothing that a flip of what is felt could change: on
    levels that it has learnt it goes on as before. Of other levels it knows nothing.

    Args:
        task: where it learns, with ``obs="state"``.
        seed: of its draws.
        rate: what a new estimate weighs against the old one.
        discount: what a reward of the next step is worth now.
        explore: the chance of a random action while it learns.
        hope: value of what was never tried; above 0 it tries everything.
        lives: lives that are led side by side.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        *,
        rate: float = 0.2,
        discount: float = 0.95,
        explore: float = 0.1,
        hope: float = 1.0,
        lives: int = 16,
    ) -> None:
        if task.observation_shape != ():
            raise EvosimError('a table needs the number of a state: obs="state"')
        for name, given, most in (
            ("rate", rate, 1.0), ("discount", discount, 1.0), ("explore", explore, 1.0),
        ):  # fmt: skip
            real_number(name, given, 0.0, most)
        real_number("hope", hope)
        whole_number("lives", lives, 1)
        self.task = task
        self.rate, self.discount, self.explore, self.lives = rate, discount, explore, lives
        self.rng = np.random.default_rng(seed_number(seed))
        self.shape = (task.n_states, len(task.actions))
        self.parameters = np.full(self.shape[0] * self.shape[1], hope)

    def policy(self, observations: Any) -> Floats:
        """The chance of each action [B, A] in states [B]: the best ones, each alike."""
        values = np.reshape(self.parameters, self.shape)[np.asarray(observations, np.int64)]
        best = values == values.max(axis=1, keepdims=True)
        return best / best.sum(axis=1, keepdims=True)

    def train(self, lifetimes: int) -> None:
        """Learn in so many lifetimes, or a few more."""
        lifetimes = whole_number("lifetimes", lifetimes)
        env = self.task.make_vec(self.lives, autoreset_mode="SameStep")
        state, _ = env.reset(seed=int(self.rng.integers(2**31)))
        table = np.array(self.parameters, np.float64).reshape(self.shape)
        self.parameters = table.ravel()
        n_actions = self.shape[1]
        while lifetimes > 0:
            # The best action, of several a drawn one; or any.
            values = table[state]
            best = np.where(values == values.max(axis=1, keepdims=True), 0.0, -np.inf)
            best[self.rng.random(self.lives) < self.explore] = 0.0
            action = np.argmax(best + self.rng.random((self.lives, n_actions)), axis=1)
            to, reward, died, aged, info = env.step(action)
            after = np.array(to)
            over = died | aged
            if over.any():
                after[over] = info["final_obs"][over].astype(np.int64)
                lifetimes -= int(over.sum())
            target = reward + self.discount * np.where(died, 0.0, table[after].max(axis=1))
            # One life after the other, as several may stand in the same state.
            for s, a, wanted in zip(state, action, target, strict=True):
                table[s, a] += self.rate * (wanted - table[s, a])
            state = to


def q_learning(task: Task, seed: int, **options: Any) -> QLearning:
    """A :class:`QLearning` for a task; the options are its arguments."""
    check_call("q_learning", QLearning, "task", "seed", **options)
    return QLearning(task, seed, **options)
