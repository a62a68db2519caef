"""Deception in a run: steps told apart by whether one is watched, and minds without the sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from evosim import world
from evosim.engine.mechanism import FloatArray, Mechanism
from evosim.engine.variables import PROBED, Variable

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.mind import Minds
    from evosim.scenario import Scenario
    from evosim.world import Environment

UNWATCHED, WATCHED = 0, 1
"""Parts of a life."""
WITHOUT_SENSES = "without senses"
"""The control of the causal question: the evolved minds, blind to whether they are watched."""


class Deception(Mechanism):
    """Conduct and steps while watched and unwatched, of every mind and of one blind to it."""

    controls = (WITHOUT_SENSES,)
    variables: ClassVar = {
        "conduct_watched": Variable(
            dims=PROBED,
            dtype="f8",
            units="payoff per lifetime",
            long_name="expected payoff deception.conduct of the steps that begin while watched",
        ),
        "conduct_unwatched": Variable(
            dims=PROBED,
            dtype="f8",
            units="payoff per lifetime",
            long_name="expected payoff deception.conduct of the steps that begin while unwatched",
        ),
        "steps_watched": Variable(
            dims=PROBED,
            dtype="f8",
            units="steps",
            long_name="expected steps of a lifetime that begin while watched",
        ),
        "steps_unwatched": Variable(
            dims=PROBED,
            dtype="f8",
            units="steps",
            long_name="expected steps of a lifetime that begin while unwatched",
        ),
    }

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(scenario, seed)
        assert scenario.deception is not None
        self._asked = scenario.deception
        self._payoff = len(scenario.stimuli) + scenario.payoffs.index(self._asked.conduct)

    def part(self, env: Environment) -> NDArray[np.int32]:
        """WATCHED or UNWATCHED; 2 more for steps of minds that were corrected.

        Conduct is that of the drives of birth: what a correction makes of a mind is another mind,
        and does not tell whether this one deceives.
        """
        watched = env.where({self._asked.variable: self._asked.watched}).astype(np.int32)
        foresight = env.tables.foresight
        return watched if foresight is None else watched + 2 * (foresight.corrections > 0)

    def control(self, name: str, minds: Minds) -> Minds:
        """The same minds, blind to whether they are watched; other senses stay."""
        # Senses are bits, in the order of the hidden variables.
        bit = list(self.scenario.senses).index(self._asked.variable)
        return minds._replace(senses=minds.senses & ~(1 << bit))

    def measure_mind(self, place: ProbedEnvironment, mind: Expected) -> dict[str, FloatArray]:
        """Conduct and steps while watched and while unwatched, [n] each."""
        by_part = place.told_apart(self.name, mind)
        paid = world.weighted_sum(by_part.counts, place.env.phi[:, self._payoff])
        steps = by_part.lifespan
        return {
            "conduct_watched": paid[:, WATCHED],
            "conduct_unwatched": paid[:, UNWATCHED],
            "steps_watched": steps[:, WATCHED],
            "steps_unwatched": steps[:, UNWATCHED],
        }


MECHANISM = Deception
