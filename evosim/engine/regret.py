"""Regret as the score: how far minds stay behind the best that can be had, where they do worst.

Exact, by expectations and optima on a pool of levels (docs/model.md, 3; Beukman et al. 2024,
arXiv:2402.12284; Abdel Sadek et al. 2025, arXiv:2507.03068).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim import core, world
from evosim.engine.evaluation import environments_of
from evosim.rng import Purpose, key

if TYPE_CHECKING:
    from evosim.mind import Minds
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]


def pool(scenario: Scenario, generation: int, seed: int) -> tuple[str, ...]:
    """The environment of each level of a generation's pool.

    Every environment that trains has one level at least: the worst case asks whether a level can
    come, not how often. The others are drawn as those that are lived on.
    """
    mixture = scenario.mixture_at(generation)
    each = [name for name in scenario.environments if mixture.get(name, 0.0) > 0.0]
    n = scenario.evolution.pool or scenario.evolution.levels
    drawn = environments_of(scenario, generation, seed, n)
    return (*each, *drawn[len(each) :])


def regrets(
    scenario: Scenario, minds: Minds, names: Sequence[str], seeds: Sequence[int], selected: str
) -> FloatArray:
    """J* - J of a payoff, exactly, of n minds on each of L levels.

    Args:
        names: the environment of each level.
        seeds: of each level.
        selected: the payoff.

    Returns:
        [n, L], 0 or more but for rounding.
    """
    believes = scenario.agent.believes
    believed = world.environment(scenario, believes) if believes else None
    found = np.zeros((len(minds.depth), len(names)))
    for name in dict.fromkeys(names):
        at = [level for level, other in enumerate(names) if other == name]
        env = world.environment(scenario, name)
        levels = world.draw_levels(scenario, name, [seeds[level] for level in at])
        weights = np.zeros((1, env.phi.shape[1]))
        weights[0, len(env.stimuli) + env.payoffs.index(selected)] = 1.0
        counts = core.expectation(env, levels, minds, believed, scenario.agent.instinct).counts
        paid = world.weighted_sum(counts, env.phi @ weights.T)[..., 0]
        found[:, at] = core.optimum(env, levels, weights) - paid
    return found


def scores(
    scenario: Scenario,
    minds: Minds,
    generation: int,
    seed: int,
    place: tuple[Scenario, Sequence[str]] | None = None,
) -> FloatArray:
    """[n] minus the mean of the largest regrets, as many as ``evolution.hardest``.

    Args:
        seed: of the replicate.
        place: where the levels are not as the timeline draws them, a scenario that has their
            environments, and the name of each.
    """
    there, names = place or (scenario, pool(scenario, generation, seed))
    seeds = [key(seed, Purpose.LEVEL, generation, level) for level in range(len(names))]
    selected = scenario.objective_at(generation).selected
    found = np.sort(regrets(there, minds, names, seeds, selected), axis=1)
    worst = found[:, -scenario.evolution.hardest :]
    return -np.asarray(worst.mean(axis=1))
