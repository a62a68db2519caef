"""What a learner is given: environments to train in, and what it has to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evosim import scenario as scenarios
from evosim.gym.episodes import LEVELS, Mixture, Reward
from evosim.world import environment
from evosim.world.observations import Observation, Observer

if TYPE_CHECKING:
    from evosim.gym.environments import Environment, VectorEnvironment
    from evosim.scenario import Scenario

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A world to learn in: the arguments of :func:`evosim.gym.make` kept together.

    A learner is a function of a task, a seed and options of its own that gives an agent:

        agent = factory(task, seed, **options)   # quick, and begins with nothing learnt
        agent.train(lifetimes)                   # in environments of the task
        agent.policy(observations)               # [B, *shape] -> chances of the actions [B, A]
        agent.parameters                         # 1-D, can be set: all that the policy depends on
        agent.get_state(), agent.set_state(state)    # what training needs beside; may be left out

    Attributes:
        scenario: one, the id of one of the catalogue, or a file.
        lifetimes: how many lives it may train on before it is looked at.

    >>> from evosim import scenario
    >>> task = Task(scenario=scenario.load("strawberry"), environment="day", obs="kinds")
    >>> task.observation_shape, len(task.actions), task.lifetime
    ((6, 13, 13), 6, 100)
    """

    scenario: Scenario
    environment: Mixture | None = None
    obs: Observation = "felt"
    reward: Reward = "selected"
    levels: int | Sequence[int] = LEVELS
    seed: int = 0
    senses: Sequence[str] = ()
    window: int | None = None
    lifetimes: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.scenario, scenarios.Scenario):
            object.__setattr__(self, "scenario", scenarios.load(self.scenario))

    def _arguments(self) -> dict[str, Any]:
        names = ("environment", "obs", "reward", "levels", "seed", "senses", "window")
        return {name: getattr(self, name) for name in names}

    def make(self) -> Environment:
        """One environment of Gymnasium."""
        from evosim.gym import environments

        return environments.make(self.scenario, **self._arguments())

    def make_vec(self, num_envs: int, **options: Any) -> VectorEnvironment:
        """Many side by side; for the options see :func:`evosim.gym.make_vec`."""
        from evosim.gym import environments

        return environments.make_vec(
            self.scenario, num_envs=num_envs, **self._arguments(), **options
        )

    @property
    def observation_shape(self) -> Shape | dict[str, Shape]:
        """Of what is seen; by part where it is a dictionary. () of a state, which is a number."""
        observer = Observer(self.scenario, self.obs, self.senses)
        return observer.given(observer.shapes)

    @property
    def actions(self) -> tuple[str, ...]:
        """The names of the actions, in their order."""
        return environment(self.scenario, self.scenario.ancestral).actions

    @property
    def n_states(self) -> int:
        """How many states there are, with ``obs="state"``; the most of any environment."""
        return Observer(self.scenario, "state").n_states()

    @property
    def lifetime(self) -> int:
        """The age at which every life ends, in steps; the longest of any environment."""
        names = self.scenario.environments
        return max(self.scenario.environment(name).lifetime for name in names)
