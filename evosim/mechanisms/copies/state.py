"""Copies in a run: what lives leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from evosim import world
from evosim.engine.mechanism import FloatArray, Mechanism
from evosim.engine.variables import PROBED, Variable

if TYPE_CHECKING:
    from evosim.engine.probe import Expected, ProbedEnvironment


class Chains(Mechanism):
    """Lives of one genome as a chain; the core lives, expects and plans them (core/copies.py)."""

    variables: ClassVar = {
        "bequest": Variable(
            dims=PROBED,
            dtype="f8",
            units="1",
            long_name="chance that a life leaves a boon to its copy",
        ),
    }

    def measure_mind(self, place: ProbedEnvironment, mind: Expected) -> dict[str, FloatArray]:
        """How often lives of a chain leave a boon, [n]."""
        bequest = place.env.tables.bequest
        assert bequest is not None
        return {"bequest": world.weighted_sum(mind.counts, bequest.left)}


MECHANISM = Chains
