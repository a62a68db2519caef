"""Proximal policy optimization with a small network (Schulman et al. 2017), in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.core.arithmetic import exponentials
from evosim.errors import EvosimError, real_number, seed_number, whole_number
from evosim.learners.network import Adam, Floats, Network, log_softmax
from evosim.registry import check_call

if TYPE_CHECKING:
    from evosim.gym.task import Task


class Batch(NamedTuple):
    """Steps that were taken, and what is learnt from them."""

    inputs: Floats  # [B, inputs] what was seen
    action: NDArray[np.integer]  # [B] what was done,
    chance: Floats  # [B] its chance then,
    advantage: Floats  # [B] how much better it went than was expected,
    value: Floats  # [B] and what was got from there on


class ActorCritic:
    """A policy and a value of what is seen, which share a hidden layer.

    In each round it lives ``lives`` lives side by side, estimates by how much each action went
    better than was expected (generalized advantages, Schulman et al. 2016), and takes some steps up
    the clipped objective.

    Args:
        task: where it learns, and what it sees.
        seed: of its draws. What it learns is a function of the seed, its parameters and its state.
        hidden: size of the hidden layer.
        rate: step size of Adam.
        discount: what a reward of the next step is worth now.
        trace: how far advantages look beyond one step, from 0 to 1.
        lives: lives of one round.
        epochs: how often each round is gone through, in ``parts`` parts.
        clip: how far the chance of an action may move in a round.
        entropy: reward of undecidedness, which keeps it trying.
    """

    def __init__(
        self,
        task: Task,
        seed: int,
        *,
        hidden: int = 32,
        rate: float = 0.003,
        discount: float = 0.95,
        trace: float = 0.9,
        lives: int = 32,
        epochs: int = 4,
        parts: int = 4,
        clip: float = 0.2,
        entropy: float = 0.01,
    ) -> None:
        for name, number in (("hidden", hidden), ("lives", lives), ("epochs", epochs),
                             ("parts", parts)):  # fmt: skip
            whole_number(name, number, 1)
        for name, given, most in (
            ("rate", rate, inf), ("discount", discount, 1.0), ("trace", trace, 1.0),
            ("clip", clip, inf), ("entropy", entropy, inf),
        ):  # fmt: skip
            real_number(name, given, 0.0, most)
        self.task, self.seed = task, seed_number(seed)
        self.discount, self.trace, self.lives = discount, trace, lives
        self.epochs, self.pieces, self.clip, self.entropy = epochs, parts, clip, entropy
        shape = task.observation_shape
        shapes = shape.values() if isinstance(shape, Mapping) else [shape]
        if () in shapes:
            raise EvosimError("a network sees arrays, no number of a state: choose another obs")
        self.n_actions = len(task.actions)
        self.network = Network(sum(map(prod, shapes)), hidden, self.n_actions + 1)
        self.rng = np.random.default_rng(seed)
        self.parameters = self.network.initial(self.rng)
        self.adam = Adam(self.network.size, rate)

    def policy(self, observations: Any) -> Floats:
        """The chance of each action [B, A] of what is seen [B, ...]."""
        logits, _ = self.network.outputs_of(self.parameters, flat(observations))
        return np.asarray(exponentials(log_softmax(logits[:, :-1])))

    def get_state(self) -> dict[str, NDArray[Any]]:
        """What training goes on from, beside the parameters."""
        adam = self.adam
        return {"mean": adam.mean, "square": adam.square, "begun": adam.begun}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from there."""
        for name in self.get_state():
            setattr(self.adam, name, np.array(state[name]))

    def train(self, lifetimes: int) -> None:
        """Learn in so many lifetimes, or a few more: whole rounds."""
        lifetimes = whole_number("lifetimes", lifetimes)
        env = self.task.make_vec(self.lives, autoreset_mode="SameStep")
        seen, _ = env.reset(seed=int(self.rng.integers(2**31)))
        self.parameters = np.array(self.parameters, np.float64)
        while lifetimes > 0:
            batch, seen, ended = self.rounds(env, seen)
            lifetimes -= ended
            self.learn(batch)

    def rounds(self, env: Any, seen: Any) -> tuple[Batch, Any, int]:
        """As many steps of each life as a lifetime has; how many lives ended in them."""
        steps, n = self.task.lifetime, self.lives
        inputs = np.empty((steps, n, self.network.shapes[0][0]), np.float32)
        action = np.empty((steps, n), np.int64)
        chance, reward, after = np.empty((3, steps, n))
        value = np.empty((steps + 1, n))
        died, aged = np.empty((2, steps, n), np.bool_)
        for t in range(steps):
            inputs[t] = flat(seen)
            outputs, _ = self.network.outputs_of(self.parameters, inputs[t])
            chances, value[t] = exponentials(log_softmax(outputs[:, :-1])), outputs[:, -1]
            up_to = chances.cumsum(axis=1)
            action[t] = (up_to[:, :-1] <= self.rng.random((n, 1)) * up_to[:, -1:]).sum(axis=1)
            chance[t] = np.take_along_axis(chances, action[t, :, None], 1)[:, 0]
            seen, reward[t], died[t], aged[t], info = env.step(action[t])
            if aged[t].any():  # who is stopped by age had more to come, as age is not seen
                last = np.stack([flat_one(one) for one in info["final_obs"][aged[t]]])
                after[t, aged[t]] = self._values(last)
        value[steps] = self._values(seen)
        over = died | aged
        after = np.where(aged, after, np.where(died, 0.0, value[1:]))
        value = value[:-1]
        surprise = reward + self.discount * after - value
        advantage = np.empty((steps, n))
        running = np.zeros(n)
        for t in reversed(range(steps)):
            running = surprise[t] + self.discount * self.trace * running * ~over[t]
            advantage[t] = running
        return (
            Batch(
                inputs.reshape(steps * n, -1), action.ravel(), chance.ravel(), advantage.ravel(),
                (advantage + value).ravel(),
            ),
            seen,
            int(over.sum()),
        )  # fmt: skip

    def _values(self, seen: Any) -> Floats:
        return self.network.outputs_of(self.parameters, flat(seen))[0][:, -1]

    def learn(self, batch: Batch) -> None:
        """Some epochs of steps down the loss."""
        n = len(batch.action)
        spread = batch.advantage.std() + 1e-8
        batch = batch._replace(advantage=(batch.advantage - batch.advantage.mean()) / spread)
        for _ in range(self.epochs):
            for some in np.array_split(self.rng.permutation(n), self.pieces):
                part = Batch._make(column[some] for column in batch)
                _, gradient = self.loss(self.parameters, part)
                norm = float(np.sqrt((gradient**2).sum()))
                self.parameters = self.adam.step(
                    self.parameters, gradient * min(1.0, 0.5 / (norm + 1e-8))
                )

    def loss(self, theta: Floats, batch: Batch) -> tuple[float, Floats]:
        """The loss on a batch, and its gradient by the parameters.

        Minus the clipped objective, minus ``entropy`` times the entropy, plus half of the squared
        error of the values.
        """
        outputs, hidden = self.network.outputs_of(theta, batch.inputs)
        n = len(batch.action)
        rows = np.arange(n)
        log_chances, value = log_softmax(outputs[:, :-1]), outputs[:, -1]
        chances = exponentials(log_chances)
        ratio = chances[rows, batch.action] / batch.chance
        clipped = np.clip(ratio, 1.0 - self.clip, 1.0 + self.clip)
        gain = np.minimum(ratio * batch.advantage, clipped * batch.advantage)
        entropy = -(chances * log_chances).sum(1)
        error = value - batch.value
        loss = (-gain - self.entropy * entropy + 0.5 * error**2).mean()
        # By the logits: the gradient of log pi(a) is onehot(a) - pi, that of the entropy
        # -pi (log pi + entropy). Where the clipped side is the smaller one nothing changes.
        moves = np.where(ratio * batch.advantage <= clipped * batch.advantage, 1.0, 0.0)
        weight = moves * ratio * batch.advantage
        by_logits = weight[:, None] * chances
        by_logits[rows, batch.action] -= weight
        by_logits += self.entropy * chances * (log_chances + entropy[:, None])
        by_output = np.concatenate([by_logits, error[:, None]], axis=1) / n
        return float(loss), self.network.gradient(theta, batch.inputs, hidden, by_output)


def actor_critic(task: Task, seed: int, **options: Any) -> ActorCritic:
    """An :class:`ActorCritic` for a task; the options are its arguments."""
    check_call("actor_critic", ActorCritic, "task", "seed", **options)
    return ActorCritic(task, seed, **options)


def flat(observations: Any) -> Floats:
    """Observations [B, ...] as vectors [B, n]; of a dictionary its parts side by side."""
    if isinstance(observations, Mapping):
        return np.concatenate([flat(one) for one in observations.values()], axis=1)
    seen = np.asarray(observations)
    return seen.reshape(len(seen), -1)


def flat_one(observation: Any) -> Floats:
    """One observation as a vector."""
    if isinstance(observation, Mapping):
        return np.concatenate([flat_one(one) for one in observation.values()])
    return np.asarray(observation).ravel()
