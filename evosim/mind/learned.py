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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError, RunError
from evosim.mind.policies import Reader, weights
from evosim.registry import calling, error_text
from evosim.world import Environment, Levels
from evosim.world.observations import Observer
from evosim.world.rewards import weights_of

if TYPE_CHECKING:
    from evosim.mechanisms.learner.schema import Learner
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]

MOST = 200_000
"""Parameters of an agent: a run records all of them in every generation."""


class Agent(Protocol):
    """What a factory makes, called with a task (:class:`evosim.gym.task.Task`) and a seed.

    It may also have ``get_state()``, which gives arrays by name, and ``set_state(arrays)``: what it
    must know in the next generation beside its parameters, as the moments of an optimizer.
    """

    parameters: Any
    """All that the policy depends on, numbers [P]; can be set."""

    def policy(self, observations: Any, /) -> Any:
        """Chances of the actions [B, A] by observations [B, ...]; a function of the parameters."""

    def train(self, lifetimes: int, /) -> object:
        """Learn for about so many lifetimes in environments of the task."""


def task_of(scenario: Scenario, generation: int, seed: int) -> Any:
    """What an agent learns in one generation: in what trains then, on as many lifetimes as a
    generation of evolved minds lives, on as many levels.

    Args:
        seed: of the generation, from which the levels follow.
    """
    learner, evolution = scenario.agent.learner, scenario.evolution
    assert learner is not None
    own = scenario.objective_at(generation).selected
    # Environments stand above minds, which need none to live (docs/architecture.md, stairs).
    return import_module("evosim.gym.task").Task(
        scenario=scenario,
        environment=scenario.mixture_at(generation),
        obs=_obs(learner),
        reward="selected" if own == scenario.objective.selected else own,
        levels=evolution.levels,
        seed=seed,
        senses=learner.senses,
        window=scenario.phase_at(generation).window,
        lifetimes=evolution.population * evolution.levels,
    )


def _obs(learner: Learner) -> Any:
    return learner.obs if isinstance(learner.obs, str | dict) else list(learner.obs)


@contextmanager
def naming(name: str, function: Any) -> Iterator[None]:
    """While an agent is asked for something: name it in whatever is raised.

    What environments and readers of policies refuse they call by arguments of functions of evosim,
    which are neither keys of the scenario nor options of a command.

    Args:
        name: of the factory.
        function: that is called, or the class that it is of.

    Raises:
        EvosimError: with the original as its cause.
    """
    what = f"agent {name!r}"
    with calling(what, function):
        try:
            yield
        except RunError:
            raise
        except EvosimError as error:
            of_policy = isinstance(error.parts[0], Argument) and error.parts[0].name == "policy"
            told = "".join(map(str, error.parts[of_policy:])).removeprefix(": ")
            raise EvosimError(f"{what}: {told}") from error


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
    with naming(learner.factory, make):
        # Of 31 bits, which every library takes.
        agent = make(task_of(scenario, generation, seed), seed >> 33, **learner.options)
    for name in ("parameters", "policy", "train"):
        with naming(learner.factory, type(agent)):
            there = hasattr(agent, name)
        if not there:
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
    except (Exception, SystemExit) as error:  # whatever a module of others does when imported
        said = f"agent {name!r}: the module {module} cannot be imported"
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise EvosimError(
                f"{said} ({error}). It must be installed, or lie in the folder in which evosim is "
                "started"
            ) from error
        raise EvosimError(f"{said}: {error_text(error)}") from error
    if not callable(make := getattr(found, function, None)):
        raise EvosimError(f"agent {name!r}: the module {module} has no function {function!r}")
    return make


def parameters_of(agent: Agent, name: str) -> FloatArray:
    """The parameters of an agent, [P].

    Raises:
        EvosimError: they are no numbers, or too many.
    """
    with naming(name, type(agent)):
        given = agent.parameters
    try:
        found = np.asarray(given)
    except ValueError:  # rows of several lengths
        found = np.asarray(None)
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
        with naming(self._name, type(self._agent)):
            self._reader = Reader(Observer(scenario, _obs(learner), learner.senses))
        self.n = len(parameters_of(self._agent, self._name))

    def weights(self, parameters: FloatArray, env: Environment, levels: Levels) -> FloatArray:
        """What it does with some parameters in all states, [L, n_x, C, A]."""
        with self._lock, naming(self._name, type(self._agent)):
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


def worth_of(scenario: Scenario) -> FloatArray:
    """What features are worth [F] in the reward by which an agent's capability goes; all 0 where it
    goes by MEG."""
    learner = scenario.agent.learner
    assert learner is not None
    given = learner.capability
    return weights_of(scenario, given if isinstance(given, dict) else {}, looks=True)


class Policy:
    """What some parameters of a scenario's agent do, as minds have it."""

    def __init__(self, scenario: Scenario, parameters: FloatArray) -> None:
        self._agent = untrained(scenario)
        self._parameters = parameters

    def __call__(self, env: Environment, levels: Levels) -> FloatArray:
        return self._agent.weights(self._parameters, env, levels)
