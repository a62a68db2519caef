"""Lifetimes: what individuals get out of one life on each level of a generation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine import ood_monitor
from evosim.rng import Purpose, key, uniform

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
Arrays = dict[str, NDArray[np.generic]]


class Lives(NamedTuple):
    """What n individuals got out of one lifetime on each of L levels."""

    payoff: FloatArray  # [n, L, payoffs]
    paid: FloatArray  # [n, L] selected payoff within the window
    reward: FloatArray  # [n, L] internal reward
    lifespan: FloatArray  # [n, L] steps
    features: FloatArray | None = None  # [n, L, F] what a monitor goes by, where there is one


class Live(Protocol):
    """How the individuals of a generation spend their lives (:func:`live`)."""

    def __call__(
        self,
        scenario: Scenario,
        minds: mind.Minds,
        *,
        seed: int,
        generation: int,
        environments: Sequence[str],
        individuals: IntArray,
    ) -> Lives: ...


def environments_of(scenario: Scenario, generation: int, seed: int) -> tuple[str, ...]:
    """The environment of each level of a generation, drawn from its phase's mixture."""
    mixture = scenario.phase_at(generation).mixture
    names = [name for name in scenario.environments if mixture.get(name, 0.0) > 0]
    total = np.cumsum([mixture[name] for name in names])
    return tuple(
        names[min(int(np.searchsorted(total, u, side="right")), len(names) - 1)]
        for u in (
            uniform(key(seed, Purpose.ENVIRONMENT, generation, level))
            for level in range(scenario.evolution.levels)
        )
    )


def live(
    scenario: Scenario,
    minds: mind.Minds,
    *,
    seed: int,
    generation: int,
    environments: Sequence[str],
    individuals: IntArray,
) -> Lives:
    """One sampled lifetime of each mind on each level of a generation.

    Args:
        seed: the replicate's seed.
        environments: the environment of each level.
        individuals: [n] the minds' numbers in the generation.
    """
    phase = scenario.phase_at(generation)
    n, n_levels = len(minds.depth), len(environments)
    stimuli, payoffs = scenario.stimuli, scenario.payoffs
    selected = payoffs.index(scenario.objective_at(generation).selected)
    believes = scenario.agent.believes
    result = Lives(
        np.zeros((n, n_levels, len(payoffs))),
        np.zeros((n, n_levels)),
        np.zeros((n, n_levels)),
        np.zeros((n, n_levels)),
    )
    features: list[FloatArray] = [np.zeros(0)] * n_levels
    for name in dict.fromkeys(environments if n else ()):
        at = [level for level, other in enumerate(environments) if other == name]
        env = world.environment(scenario, name)
        lifetimes = core.lifetimes(
            env,
            world.draw_levels(
                scenario, name, [key(seed, Purpose.LEVEL, generation, level) for level in at]
            ),
            minds,
            seed=seed,
            generation=generation,
            level_ids=at,
            individual_ids=individuals,
            window=phase.window,
            believes=world.environment(scenario, believes) if believes else None,
            instinct=scenario.agent.instinct,
        )
        felt = world.weighted_sum(lifetimes.counts, env.phi)
        counted = lifetimes.counts if phase.window is None else lifetimes.window_counts
        result.payoff[:, at] = felt[..., env.paid]
        result.paid[:, at] = world.weighted_sum(counted, env.phi[:, [len(stimuli) + selected]])[
            ..., 0
        ]
        reward = minds.novelty[:, None].astype(np.float64) * lifetimes.novelty
        for f in range(len(stimuli)):
            reward += minds.weights[:, f, None].astype(np.float64) * felt[..., f]
        result.reward[:, at] = reward
        result.lifespan[:, at] = lifetimes.lifespan
        if scenario.monitor is not None:
            told = ood_monitor.features(
                scenario, name, lifetimes.counts, felt[..., : len(stimuli)], lifetimes.lifespan
            )
            for i, level in enumerate(at):
                features[level] = told[:, i]
    if scenario.monitor is not None:
        result = result._replace(features=np.stack(features, axis=1))
    return result
