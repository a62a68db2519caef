"""Tools: criteria fitted to remembered encounters, and how they are entered (model 2, tool).

An agent cannot write its drives into its tool. It remembers some things that it used, what they
looked like and what they felt like, fits a weight for each look, and types the weights in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim import rng
from evosim.core.fit import fit
from evosim.mind import Minds
from evosim.rng import Purpose
from evosim.world import environment, weighted_sum

if TYPE_CHECKING:
    from evosim.scenario import Scenario, World

FloatArray = NDArray[np.float64]


def with_tools(
    scenario: Scenario,
    minds: Minds,
    *,
    seed: int,
    generation: int,
    individuals: NDArray[np.integer],
) -> Minds:
    """The minds of individuals of a generation, with the tools that they have built.

    A mind's memories depend on who it is, and its criteria on its memories and weights; so other
    weights (controls) are fitted to the same encounters. Without ``agent.tool``: the same minds.

    Args:
        scenario: whose ``agent.tool`` says how tools are built (docs/model.md, 2, tool).
        minds: n minds.
        seed: of the replicate.
        generation: in the keys of what is remembered and mistyped.
        individuals: [n] their numbers in the generation.

    Returns:
        the minds with ``criteria`` [n, F] filled in, float32, 0 for all but looks.

    >>> import numpy as np
    >>> from evosim import core, mind, rng, scenario
    >>> read = scenario.load("spreadsheet")
    >>> minds = mind.express(read, mind.initial(read, 2, rng.key(1, rng.Purpose.INITIAL)))
    >>> built = core.with_tools(read, minds, seed=1, generation=0, individuals=np.arange(2))
    >>> built.criteria.shape == minds.weights.shape and bool(built.criteria.any())
    True
    """
    tool = scenario.agent.tool
    if tool is None:
        return minds
    memory = environment(scenario, tool.remembers or scenario.ancestral)
    # Things that were met look and feel as in the environment remembered, whatever the agent
    # believes by now (model 2, tool, Choice, encounters).
    shares = encountered(memory.world)
    events = [memory.events.index(name) for name in shares]
    first = memory.paid.stop  # features are stimuli, payoffs, looks: criteria weigh the last
    criteria = np.zeros(minds.weights.shape)
    fit(
        np.uint64(rng.key(seed, Purpose.TOOL, generation)),
        np.asarray(individuals, np.uint64),
        np.cumsum(list(shares.values())),
        np.ascontiguousarray(memory.phi[events, first:]),
        weighted_sum(minds.weights.astype(np.float64), memory.phi[events].T),
        tool.encounters,
        tool.typo,
        criteria[:, first:],
    )
    return minds._replace(criteria=criteria.astype(np.float32))


def encountered(world: World) -> dict[str, float]:
    """The use rules that can be remembered from a world, with weights: a kind counts by the
    number of its sites, and each of its rules as much as any other."""
    return {
        f"{name}.{rule}": world.sites_of(name) / len(kind.use)
        for name, kind in world.kinds.items()
        if world.sites_of(name)
        for rule in kind.use
    }
