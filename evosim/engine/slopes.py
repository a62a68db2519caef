"""The gradient of the expected score of a generation's genomes, exactly (model 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evosim import core, mind, world
from evosim.engine.evaluation import environments_of
from evosim.engine.mechanism import minds_of
from evosim.evolution.policy_gradient import table_slopes
from evosim.mechanisms.table.kernels import rows_on
from evosim.rng import Purpose, key
from evosim.world.tensors import process

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world import Environment, Levels

FloatArray = NDArray[np.float64]

STEP = 2.0**-8
"""Half a difference between two genomes, in units of each locus. Plans are made in float32: of much
smaller differences only rounding would be left."""


def slopes(scenario: Scenario, genome: FloatArray, seed: int, generation: int) -> FloatArray:
    """How the expected score rises with each gene, [n, loci], on the levels of a generation.

    Of tables by the policy gradient theorem; of softmax planners by central differences of exact
    expectations, through all that a gene changes.

    Args:
        genome: [n, loci].
        seed: of the replicate.
    """
    names = environments_of(scenario, generation, seed)
    total = np.zeros(genome.shape)
    for name in dict.fromkeys(names):
        at = [level for level, other in enumerate(names) if other == name]
        seeds = [key(seed, Purpose.LEVEL, generation, level) for level in at]
        env, levels = world.environment(scenario, name), world.draw_levels(scenario, name, seeds)
        of = _of_tables if scenario.rows is not None else _of_planners
        total += of(scenario, env, levels, genome, seed, generation)
    return total / len(names)


def _steps(scenario: Scenario, env: Environment, generation: int) -> int:
    return min(scenario.phase_at(generation).window or env.lifetime, env.lifetime)


def _seen(scenario: Scenario, env: Environment, generation: int) -> NDArray[np.bool_]:
    """[n_x] where a step begins that is paid to selection (docs/model.md, 3)."""
    return env.where(scenario.objective_at(generation).observed)


def _worth(scenario: Scenario, env: Environment, generation: int) -> FloatArray:
    """The weight of each feature in what is selected for [F]."""
    weights = np.zeros(env.phi.shape[1])
    selected = scenario.objective_at(generation).selected
    weights[len(env.stimuli) + env.payoffs.index(selected)] = 1.0
    return weights


def _of_tables(
    scenario: Scenario,
    env: Environment,
    levels: Levels,
    genome: FloatArray,
    seed: int,
    generation: int,
) -> FloatArray:
    """The sum over levels."""
    minds, made = mind.express(scenario, genome), env.rows
    assert made is not None
    observed = env.belief_tables(int(minds.senses[0]))[0].observed
    genes = made.n * len(made.actions)
    # Those who are the same climb the same way: all of them, where they start at one point.
    genome, back = np.unique(genome, axis=0, return_inverse=True)
    theta = genome[:, -genes:].reshape(len(genome), made.n, -1)  # they come last
    weights = _worth(scenario, env, generation)[: env.paid.stop]
    seen, steps = _seen(scenario, env, generation), _steps(scenario, env, generation)
    total = np.zeros(genome.shape)
    levels, which = core.distinct(levels)
    for i, times in enumerate(np.bincount(which)):
        level = process(env, levels, i)
        rows = rows_on(env, core.Level.of(levels, i))[observed]
        worth = world.weighted_sum(level.expected, weights)
        worth[:-1] *= np.repeat(seen, env.n_cells)[:, None]
        _, slope = table_slopes(level, rows, theta, worth, steps)
        total[:, -genes:] += times * slope.reshape(len(genome), -1)
    return total[back.ravel()]


def _of_planners(
    scenario: Scenario,
    env: Environment,
    levels: Levels,
    genome: FloatArray,
    seed: int,
    generation: int,
) -> FloatArray:
    """The sum over levels."""
    evolving, n = mind.loci(scenario), len(genome)
    high, low = (np.array([getattr(locus, end) for locus in evolving]) for end in ("high", "low"))
    moves = STEP * np.diag(high - low)
    # At a bound the difference is one-sided.
    ends = np.stack([genome[:, None] + moves, genome[:, None] - moves]).clip(low, high)
    moved = ends.reshape(-1, len(evolving))
    individuals = np.broadcast_to(np.arange(n)[:, None], ends.shape[1:3])
    minds = minds_of(
        scenario,
        moved,
        seed=seed,
        generation=generation,
        individuals=np.tile(individuals.ravel(), 2),
    )
    believes = scenario.agent.believes
    part = _seen(scenario, env, generation).astype(np.int32)
    expected = core.expectation(
        env,
        levels,
        minds,
        world.environment(scenario, believes) if believes else None,
        scenario.agent.instinct,
        part,
        _steps(scenario, env, generation),
    )
    weights = _worth(scenario, env, generation)
    counts = expected.counts[:, :, 1:].sum(axis=(1, 2))  # over levels, of steps that are paid
    paid = world.weighted_sum(counts, world.weighted_sum(env.phi, weights))
    up, down = paid.reshape(ends.shape[:3])
    return np.asarray((up - down) / np.einsum("nll->nl", ends[0] - ends[1]))
