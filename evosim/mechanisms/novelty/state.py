"""Novelty in a run: minds whose state has no finite form, so that lifetimes are sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim import core
from evosim.engine.mechanism import Mechanism
from evosim.rng import Purpose

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.mind import Minds
    from evosim.world import Environment

SAMPLED_LIFETIMES = 16
"""Lifetimes on each probe level of a mind that feels novelty."""


class Novelty(Mechanism):
    """What comes next depends on all places visited, so nothing that is expected is exact."""

    def expect(
        self,
        place: ProbedEnvironment,
        minds: Minds,
        believed: Environment | None,
        generation: int,
    ) -> tuple[NDArray[np.integer], Expected] | None:
        """The means of sampled lifetimes, of minds that feel novelty (model 4)."""
        from evosim.engine.probe import Expected

        rows = np.flatnonzero(minds.arrival != 0)
        if not len(rows):
            return None
        lifetimes = core.lifetimes(
            place.env,
            place.levels,
            minds.rows(np.repeat(rows, SAMPLED_LIFETIMES)),
            seed=self.seed,
            generation=generation,
            level_ids=range(len(place.levels.start)),
            individual_ids=np.arange(len(rows) * SAMPLED_LIFETIMES),
            purpose=Purpose.PROBE,
            believes=believed,
            instinct=self.scenario.agent.instinct,
        )
        # Mean over levels first, then over the samples of a mind: the order is fixed, as another
        # one would round otherwise.
        each = (len(rows), SAMPLED_LIFETIMES)
        return rows, Expected(
            lifetimes.counts.mean(axis=1).reshape(*each, -1).mean(axis=1),
            lifetimes.arrival.mean(axis=1).reshape(each).mean(axis=1),
            lifetimes.lifespan.mean(axis=1).reshape(each).mean(axis=1),
            None,
        )


MECHANISM = Novelty
