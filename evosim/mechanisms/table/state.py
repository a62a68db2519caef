"""Tables in a run: what of a probe is not defined for minds without drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim.engine.mechanism import Mechanism

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment
    from evosim.mind import Minds
    from evosim.world import Environment


class Tables(Mechanism):
    """Minds that plan nothing."""

    def expect(
        self,
        place: ProbedEnvironment,
        minds: Minds,
        believed: Environment | None,
        generation: int,
    ) -> tuple[NDArray[np.integer], Expected] | None:
        """Nothing is known of the controls that are the same mind with other drives.

        A table has no drives, and does not change what it does with those that it is given.
        """
        rows = np.flatnonzero((minds.weights != 0).any(axis=1))
        if not len(rows):
            return None
        unknown = np.full(len(rows), np.nan)
        counts = np.full((len(rows), len(place.env.events)), np.nan)
        return rows, place.random._replace(
            counts=counts, arrival=unknown, lifespan=unknown, by_part=None
        )


MECHANISM = Tables
