"""Agents that learn: what one must be, what it is given, and its policy (docs/agents.md).

A run keeps no agent. Each generation it is made anew by its factory, gets back its parameters and
what else it knew, trains for as many lifetimes as a generation of evolved minds lives, and is asked
for them again. So a run is a function of its seed, can be stopped and resumed to the bit, and its
data hold the parameters of every generation, which make the policy again.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError, RunError
from evosim.mind.policies import Reader, weights
from evosim.registry import calling
from evosim.world import Environment, Levels, environment
from evosim.world.levels import MOVES
from evosim.world.observations import DIRECTIONS, Observer

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]

MOST = 200_000
"""Parameters of an agent: a run records all of them in every generation."""


class Agent(Protocol):
    """What a factory makes.

    It may also have ``get_state()``, which gives arrays by name, and ``set_state(arrays)``: what it
    must know in the next generation beside its parameters, as the moments of an optimizer.
    """

    parameters: Any
    """All that the policy depends on, numbers [P]; can be set."""

    def policy(self, observations: Any, /) -> Any:
        """Chances of the actions [B, A] by observations [B, ...]; a function of the parameters."""

    def train(self, lifetimes: int, /) -> object:
        """Learn for about so many lifetimes in environments of the task."""


@dataclass(frozen=True)
class Task:
    """What an agent learns in one generation of a scenario.

    Attributes:
        scenario: the scenario.
        generation: its number.
        seed: of the generation, from which the levels follow.
        lifetimes: as many as a generation of evolved minds lives.
    """

    scenario: Scenario
    generation: int
    seed: int

    @property
    def lifetimes(self) -> int:
        evolution = self.scenario.evolution
        return evolution.population * evolution.levels

    @cached_property
    def observer(self) -> Observer:
        """What it sees."""
        learner = self.scenario.agent.learner
        assert learner is not None
        obs = learner.obs if isinstance(learner.obs, str | Mapping) else list(learner.obs)
        return Observer(self.scenario, obs, learner.senses)

    @property
    def observation_shape(self) -> Any:
        """Of one observation; of several parts by name."""
        shapes = self.observer.shapes
        return next(iter(shapes.values())) if self.observer.single else shapes

    @property
    def n_states(self) -> int:
        """One more than the largest state, where that is what it sees."""
        return self.observer.n_states()

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions."""
        there = environment(self.scenario, next(iter(self.scenario.environments)))
        return (*DIRECTIONS, *(("stay",) if there.n_actions > len(MOVES) + 1 else ()), "use")

    @property
    def lifetime(self) -> int:
        """The most steps of a life in what trains."""
        world = self.scenario.environment
        return max(world(name).lifetime for name in self.environment)

    @property
    def environment(self) -> dict[str, float]:
        """What trains in the generation, by weight."""
        return self.scenario.mixture_at(self.generation)

    def make(self, **more: Any) -> Any:
        """One environment of Gymnasium of what trains; keywords as of :func:`evosim.gym.make`."""
        return self._made("make", more)

    def make_vec(self, num_envs: int, **more: Any) -> Any:
        """Several side by side; keywords as of :func:`evosim.gym.make_vec`."""
        return self._made("make_vec", {"num_envs": num_envs, **more})

    def _made(self, function: str, more: Mapping[str, Any]) -> Any:
        # Environments stand above minds (docs/architecture.md): a run itself needs none.
        phase = self.scenario.phase_at(self.generation)
        own = self.scenario.objective_at(self.generation)
        learner = self.scenario.agent.learner
        assert learner is not None
        given: dict[str, Any] = {
            "environment": self.environment,
            "obs": self.observer.parts if not self.observer.single else learner.obs,
            "senses": learner.senses,
            "reward": "selected" if own.selected == self.scenario.objective.selected
            else own.selected,
            "levels": self.scenario.evolution.levels,
            "seed": self.seed,
            "window": phase.window,
        }  # fmt: skip
        return getattr(import_module("evosim.gym"), function)(self.scenario, **{**given, **more})


def agent_of(scenario: Scenario, generation: int, seed: int) -> Agent:
    """The agent of a scenario as its factory makes it.

    Args:
        seed: of the generation.

    Raises:
        EvosimError: no such factory, or what it makes is no agent.
    """
    learner = scenario.agent.learner
    assert learner is not None
    make = _factory(learner.factory)
    with calling(f"agent {learner.factory!r}", make):
        # Of 31 bits, which every library takes.
        agent = make(Task(scenario, generation, seed), seed >> 33, **learner.options)
    for name in ("parameters", "policy", "train"):
        if not hasattr(agent, name):
            raise EvosimError(
                f"agent {learner.factory!r}: what it made has no {name} (needed: parameters, "
                f"policy and train, see docs/agents.md; got {agent!r})"
            )
    return agent


def _factory(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    try:
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module.partition(".")[0] or os.getcwd() in sys.path:
                raise
            sys.path.append(os.getcwd())  # a file beside which the command was given
            found = import_module(module)
    except Exception as error:
        raise EvosimError(
            f"agent {name!r}: the module {module} cannot be imported ({error}). It must be "
            "installed, or lie in the folder in which evosim is started"
        ) from error
    if not callable(make := getattr(found, function, None)):
        raise EvosimError(f"agent {name!r}: the module {module} has no function {function!r}")
    return make


def parameters_of(agent: Agent, name: str) -> FloatArray:
    """The parameters of an agent, [P].

    Raises:
        EvosimError: they are no numbers, or too many.
    """
    found = np.asarray(agent.parameters)
    if found.ndim != 1 or found.dtype.kind not in "biuf" or not 0 < len(found) <= MOST:
        raise EvosimError(
            f"agent {name!r}: parameters must be one row of numbers, at most {MOST:,} (got an "
            f"array of shape {found.shape} and type {found.dtype})"
        )
    if not np.isfinite(found).all():
        raise RunError(f"agent {name!r}: a parameter is not finite; learning has failed")
    return np.asarray(found, np.float64)


class Untrained:
    """The agent of a scenario that is asked what given parameters do; one at a time."""

    def __init__(self, scenario: Scenario) -> None:
        learner = scenario.agent.learner
        assert learner is not None
        self._name = learner.factory
        self._agent = agent_of(scenario, 0, 0)
        self._lock = threading.Lock()
        self._reader = Reader(Task(scenario, 0, 0).observer)
        self.n = len(parameters_of(self._agent, self._name))

    def weights(self, parameters: FloatArray, env: Environment, levels: Levels) -> FloatArray:
        """What it does with some parameters in all states, [L, n_x, C, A]."""
        with self._lock, calling(f"agent {self._name!r}", type(self._agent)):
            self._agent.parameters = parameters.copy()
            table = self._reader.read(self._agent.policy).table
            assert table is not None
            return weights(table(env, levels), env, "level")


def untrained(scenario: Scenario) -> Untrained:
    """That of a scenario, made once; it lives as long as the scenario."""
    kept = scenario.kept
    if "untrained" not in kept:
        kept["untrained"] = Untrained(scenario)
    return kept["untrained"]


class Policy:
    """What some parameters of a scenario's agent do, as minds have it."""

    def __init__(self, scenario: Scenario, parameters: FloatArray) -> None:
        self._agent = untrained(scenario)
        self._parameters = parameters

    def __call__(self, env: Environment, levels: Levels) -> FloatArray:
        return self._agent.weights(self._parameters, env, levels)
