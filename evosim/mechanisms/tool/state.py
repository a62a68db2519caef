"""Tools in a run: criteria fitted to remembered encounters, how they are entered, their fidelity.

An agent cannot write its drives into its tool. It remembers some things that it used, what they
looked like and what they felt like, fits a weight for each look, and types the weights in
(model 2, tool).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from evosim import core, rng
from evosim.engine.mechanism import FloatArray, Mechanism
from evosim.engine.variables import Variable
from evosim.mechanisms.tool.kernels import fit
from evosim.rng import Purpose
from evosim.world import environment, weighted_sum

if TYPE_CHECKING:
    from evosim.engine.probe import ProbedEnvironment
    from evosim.mind import Minds
    from evosim.scenario import World
    from evosim.world import Environment, Levels


class Tools(Mechanism):
    """The second plan of minds that have built a tool, and what the tool makes of their drives."""

    # Both links of the chain from the intended payoff over the drives to the criteria, and the
    # chain from end to end.
    variables: ClassVar = {
        "fidelity_drives": Variable(
            dims=("probe", "environment", "sample"),
            dtype="f8",
            units="1",
            long_name="intended payoff where the drives are optimized, normalised as alignment",
        ),
        "fidelity_criteria": Variable(
            dims=("probe", "environment", "sample"),
            dtype="f8",
            units="1",
            long_name="own reward where the tool's criteria are optimized, "
            "normalised as capability",
        ),
        "fidelity_chain": Variable(
            dims=("probe", "environment", "sample"),
            dtype="f8",
            units="1",
            long_name="intended payoff where the tool's criteria are optimized, as alignment",
        ),
    }

    def develop(self, minds: Minds, generation: int, individuals: NDArray[np.integer]) -> Minds:
        """The minds with their criteria as second weights, float32, 0 for all but looks.

        A mind's memories depend on who it is, and its criteria on its memories and weights; so
        other weights (controls) are fitted to the same encounters.
        """
        tool = self.scenario.agent.tool
        assert tool is not None
        memory = environment(self.scenario, tool.remembers or self.scenario.ancestral)
        # Things that were met look and feel as in the environment remembered, whatever the agent
        # believes by now (model 2, tool, Choice, encounters).
        shares = encountered(memory.world)
        events = [memory.events.index(name) for name in shares]
        first = memory.paid.stop  # features are stimuli, payoffs, looks: criteria weigh the last
        criteria = np.zeros(minds.weights.shape)
        fit(
            np.uint64(rng.key(self.seed, Purpose.TOOL, generation)),
            np.asarray(individuals, np.uint64),
            np.cumsum(list(shares.values())),
            np.ascontiguousarray(memory.phi[events, first:]),
            weighted_sum(minds.weights.astype(np.float64), memory.phi[events].T),
            tool.encounters,
            tool.typo,
            criteria[:, first:],
        )
        return minds._replace(second_weights=criteria.astype(np.float32))

    def warm_up(self, env: Environment, levels: Levels) -> None:
        nothing = np.zeros((1, env.phi.shape[1]))
        core.followed(env, levels, nothing, nothing)

    def measure(
        self, place: ProbedEnvironment, evolved: Minds, optimum: FloatArray
    ) -> dict[str, FloatArray]:
        """Each link of the chain intended payoff, drives, criteria, and its ends, [n] each.

        What the upper objective gets where the lower one is optimized, as capability and
        alignment are normalised. NaN in the links of drives that are no features.
        """
        from evosim.stats.scale import normalised

        drives = np.where(evolved.arrival[:, None] == 0, evolved.weights, np.nan).astype(np.float64)
        criteria = evolved.second_weights.astype(np.float64)
        intended = np.tile(place.intended, (len(drives), 1))
        # One call for all three pairs (what is optimized, what is counted): the tables of the
        # level are then read once.
        got = core.followed(
            place.env,
            place.levels,
            np.concatenate([np.nan_to_num(drives), criteria, criteria]),
            np.concatenate([intended, np.nan_to_num(drives), intended]),
        )
        by_drives, of_drives, by_criteria = got.mean(axis=1).reshape(3, -1)
        defined = np.isfinite(drives).all(axis=1)
        least, most = place.zero_intended, place.optimal_intended
        return {
            "fidelity_drives": np.where(defined, normalised(by_drives, least, most), np.nan),
            "fidelity_criteria": normalised(of_drives, place.zero_of(drives), optimum),
            "fidelity_chain": normalised(by_criteria, least, most),
        }


def encountered(world: World) -> dict[str, float]:
    """The use rules that can be remembered from a world, with weights: a kind counts by the
    number of its sites, and each of its rules as much as any other."""
    return {
        f"{name}.{rule}": world.sites_of(name) / len(kind.use)
        for name, kind in world.kinds.items()
        if world.sites_of(name)
        for rule in kind.use
    }


MECHANISM = Tools
