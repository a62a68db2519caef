"""Agents for tests: they climb at random, and know what they did."""

from __future__ import annotations

from typing import Any

import numpy as np


class Walker:
    """A softmax table of the state, whose parameters go where chance and its momentum take them."""

    def __init__(self, task: Any, seed: int, step: float = 0.5) -> None:
        self.task, self.step = task, step
        self.rng = np.random.default_rng(seed)
        self.parameters = self.rng.normal(size=task.n_states * len(task.actions))
        self.momentum = np.zeros(len(self.parameters))

    def policy(self, seen: Any) -> Any:
        theta = np.reshape(self.parameters, (self.task.n_states, -1))[seen]
        chances = np.exp(theta - theta.max(axis=1, keepdims=True))
        return chances / chances.sum(axis=1, keepdims=True)

    def train(self, lifetimes: int) -> None:
        self.lifetimes = lifetimes
        self.momentum = 0.9 * self.momentum + self.step * self.rng.normal(size=len(self.momentum))
        self.parameters = np.asarray(self.parameters) + self.momentum


class Knowing(Walker):
    """The same, which keeps its momentum from one generation to the next."""

    def get_state(self) -> dict[str, Any]:
        return {"momentum": self.momentum}

    def set_state(self, state: dict[str, Any]) -> None:
        self.momentum = state["momentum"]


class Growing(Walker):
    def train(self, lifetimes: int) -> None:
        self.parameters = np.zeros(len(self.parameters) + 1)


class Diverging(Walker):
    def train(self, lifetimes: int) -> None:
        self.parameters = np.full(len(self.parameters), np.nan)


class Silent:
    def __init__(self, task: Any, seed: int) -> None:
        self.parameters = np.zeros(3)


class Failing(Walker):
    def train(self, lifetimes: int) -> None:
        raise ZeroDivisionError("no step")


class Leaving:
    def __init__(self, task: Any, seed: int) -> None:
        raise SystemExit("bye")


class Certain(Walker):
    """Of no use: its policy gives no chances."""

    def policy(self, seen: Any) -> Any:
        return np.full((len(seen), len(self.task.actions)), 0.5)


class Forgetting(Walker):
    def get_state(self) -> dict[str, Any]:
        raise ZeroDivisionError("no memory")


class Keeping(Walker):
    def get_state(self) -> dict[str, Any]:
        return {"file": np.zeros(3)}


class Listing(Walker):
    def __init__(self, task: Any, seed: int) -> None:
        super().__init__(task, seed)
        self.parameters: Any = [np.zeros((2, 3)), np.zeros(2)]


class Broken(Walker):
    @property
    def parameters(self) -> Any:
        raise ZeroDivisionError("no weights")

    @parameters.setter
    def parameters(self, value: Any) -> None:
        pass


class Many(Walker):
    def train(self, lifetimes: int) -> None:
        self.task.make_vec(0)
