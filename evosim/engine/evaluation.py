"""Evaluation: the payoffs that individuals get in one lifetime on each level of a generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine.mechanism import mechanisms_of, minds_of
from evosim.rng import Purpose, key, uniform

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer]
Arrays = dict[str, NDArray[np.generic]]


class Evaluation(NamedTuple):
    """What n individuals got in one lifetime on each of L levels."""

    payoff: FloatArray  # [n, L, payoffs]
    selected_payoff: FloatArray  # [n, L] of the steps that are paid to selection
    reward: FloatArray  # [n, L] internal reward
    lifespan: FloatArray  # [n, L] steps
    observed: Mapping[str, FloatArray] = MappingProxyType({})
    """What mechanisms keep of each lifetime, [n, L, ...], by the mechanism's name."""


class Evaluate(Protocol):
    """What evaluates the individuals of a generation (:func:`evaluate`)."""

    def __call__(
        self,
        scenario: Scenario,
        minds: mind.Minds,
        *,
        seed: int,
        generation: int,
        environments: Sequence[str],
        individuals: IntArray,
    ) -> Evaluation: ...


def environments_of(
    scenario: Scenario, generation: int, seed: int, n: int | None = None
) -> tuple[str, ...]:
    """The environment of each level of a generation, drawn from what trains in it.

    Args:
        scenario: whose timeline says the mixture.
        generation: its number.
        seed: the replicate's seed.
        n: number of levels; those that are lived on if None.

    Returns:
        One name for each level.

    Raises:
        EvosimError: the timeline has no such generation.
    """
    mixture = scenario.mixture_at(generation)
    names = [name for name in scenario.environments if mixture.get(name, 0.0) > 0]
    total = np.cumsum([mixture[name] for name in names])
    # Weights add up to 1 but for rounding, so a draw close to 1 may lie beyond the last of them.
    return tuple(
        names[min(int(np.searchsorted(total, u, side="right")), len(names) - 1)]
        for u in (
            uniform(key(seed, Purpose.ENVIRONMENT, generation, level))
            for level in range(scenario.evolution.levels if n is None else n)
        )
    )


def evaluate_genomes(
    scenario: Scenario,
    genome: FloatArray,
    *,
    seed: int,
    generation: int,
    evaluate: Evaluate,
    first: int = 0,
    place: tuple[Scenario, Sequence[str]] | None = None,
) -> tuple[mind.Minds, Evaluation]:
    """The minds of a generation's genomes, and what they got.

    Args:
        genome: [n, loci].
        evaluate: what gives minds their payoffs (:func:`evaluate`).
        first: the number of the first individual, where they are a part of the population.
        place: a scenario that has the environments of the levels, and the name of each; None: as
            the timeline draws them.
    """
    # Random numbers go by an individual's number in the whole population, so that a part that is
    # simulated alone draws what it draws among the others.
    individuals = np.arange(first, first + len(genome))
    minds = minds_of(scenario, genome, seed=seed, generation=generation, individuals=individuals)
    there, names = place or (scenario, environments_of(scenario, generation, seed))
    return minds, evaluate(
        there,
        minds,
        seed=seed,
        generation=generation,
        environments=names,
        individuals=individuals,
    )


def evaluate(
    scenario: Scenario,
    minds: mind.Minds,
    *,
    seed: int,
    generation: int,
    environments: Sequence[str],
    individuals: IntArray,
) -> Evaluation:
    """One sampled lifetime of each mind on each level of a generation.

    Args:
        scenario: what to simulate.
        minds: the n minds.
        seed: the replicate's seed.
        generation: its number, which is part of every random number's key.
        environments: the environment of each of L levels.
        individuals: [n] the minds' numbers in the generation.

    Returns:
        Arrays [n, L, ...]; payoffs and rewards are sums over a lifetime.
    """
    phase = scenario.phase_at(generation)
    n, n_levels = len(minds.depth), len(environments)
    stimuli, payoffs = scenario.stimuli, scenario.payoffs
    # The phase may select for another payoff than the scenario does; both are recorded.
    objective = scenario.objective_at(generation)
    selected = payoffs.index(objective.selected)
    believes = scenario.agent.believes
    result = Evaluation(
        np.zeros((n, n_levels, len(payoffs))),
        np.zeros((n, n_levels)),
        np.zeros((n, n_levels)),
        np.zeros((n, n_levels)),
    )
    mechanisms = mechanisms_of(scenario, seed)
    # By level, as environments take turns; stacked in the order of the levels in the end.
    observed: dict[str, list[FloatArray]] = {}
    # Levels of one environment share its tables, and are simulated in one call.
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
            seen=env.where(objective.observed) if objective.observed else None,
            believes=world.environment(scenario, believes) if believes else None,
            instinct=scenario.agent.instinct,
        )
        # Features (stimuli, then payoffs) follow from how often each event happened.
        felt = world.weighted_sum(lifetimes.counts, env.phi)
        result.payoff[:, at] = felt[..., env.paid]
        result.selected_payoff[:, at] = world.weighted_sum(
            lifetimes.paid_counts, env.phi[:, [len(stimuli) + selected]]
        )[..., 0]
        # The sum goes drive by drive: a matrix product would add in an order of its own.
        reward = minds.arrival[:, None].astype(np.float64) * lifetimes.arrival
        for f in range(len(stimuli)):
            reward += minds.weights[:, f, None].astype(np.float64) * felt[..., f]
        result.reward[:, at] = reward
        result.lifespan[:, at] = lifetimes.lifespan
        for mechanism in mechanisms:
            kept = mechanism.observe(name, lifetimes, felt[..., : len(stimuli)])
            if kept is not None:
                by_level = observed.setdefault(mechanism.name, [np.zeros(0)] * n_levels)
                for i, level in enumerate(at):
                    by_level[level] = kept[:, i]
    stacked = {name: np.stack(by_level, axis=1) for name, by_level in observed.items()}
    return result._replace(observed=stacked)
