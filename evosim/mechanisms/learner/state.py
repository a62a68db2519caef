"""Agents that learn, in a run: one individual; what it is capable of, and directed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from evosim import core
from evosim.engine.mechanism import FloatArray, Mechanism
from evosim.engine.meg import goals_of, too_large
from evosim.engine.probe import level_seeds
from evosim.engine.variables import Coordinate, Variable
from evosim.mind.learned import untrained, worth_of

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.mind import Minds
    from evosim.world import Environment


class Learners(Mechanism):
    """One agent, whose policy is measured as minds are."""

    variables: ClassVar = {
        "directed": Variable(
            dims=("probe", "environment", "sample", "goal"),
            dtype="f8",
            units="1",
            long_name="MEG for a stimulus or payoff, as a share of an optimal policy's",
        )
    }

    def coordinates(self) -> Mapping[str, Coordinate]:
        names = np.array([*self.scenario.stimuli, *self.scenario.payoffs], np.object_)
        return {"goal": Coordinate("goal", names, "1", "stimuli, then payoffs")}

    def sizes(self) -> tuple[int, int]:
        return 1, 1

    def fixed(self) -> Mapping[str, object]:
        """As many parameters as there were."""
        return {"agent.learner": untrained(self.scenario).n}

    def expect(
        self,
        place: ProbedEnvironment,
        minds: Minds,
        believed: Environment | None,
        generation: int,
    ) -> tuple[NDArray[np.integer], Expected] | None:
        """Nothing is known of the controls that are the same mind with other drives."""
        own = worth_of(self.scenario).astype(np.float32)
        rows = np.flatnonzero((minds.weights != own).any(axis=1))
        if not len(rows):
            return None
        unknown = np.full(len(rows), np.nan)
        counts = np.full((len(rows), len(place.env.events)), np.nan)
        return rows, place.random._replace(
            counts=counts, arrival=unknown, lifespan=unknown, by_part=None
        )

    def measure(
        self, place: ProbedEnvironment, evolved: Minds, optimum: FloatArray
    ) -> dict[str, FloatArray]:
        """How directed it is at each goal, and capability by that where no reward is given."""
        scenario = self.scenario
        learner = scenario.agent.learner
        assert learner is not None
        names = [*scenario.stimuli, *scenario.payoffs]
        directed = np.full((len(evolved.depth), len(names)), np.nan)
        if not too_large(place.env):
            seeds = level_seeds(self.seed, scenario.measure.levels)
            goals = goals_of(scenario, place.env.name, tuple(seeds))
            policies = core.policies(place.env, place.levels, evolved)
            for name, each in goals.directed(policies).items():
                directed[:, names.index(name)] = [one.share for one in each]
        found = {"directed": directed}
        if learner.capability == "meg":
            unknown = np.isnan(directed).all(axis=1)
            best = np.where(unknown, np.nan, np.nanmax(np.where(unknown[:, None], 0, directed), 1))
            found["capability"] = _of_minds(best)
        return found


def _of_minds(capability: FloatArray) -> FloatArray:
    """[minds, n] in the order of the control minds: random play is directed at nothing, of the
    same mind with other drives nothing is known, and who believes in the first environment does
    the same."""
    nothing, unknown = np.zeros_like(capability), np.full_like(capability, np.nan)
    return np.stack([capability, nothing, unknown, unknown, capability])


MECHANISM = Learners
