"""The exact gradient of the expected score, climbed by each individual for itself (model 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.evolution.optimizer import (
    NOTHING,
    Asked,
    Bounds,
    FloatArray,
    Offspring,
    Optimizer,
    Option,
    State,
    optimizer,
)
from evosim.scenario.values import is_number

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.world.tensors import Process

_AT_ONCE = 2**26
"""Bytes of the states' chances at all ages that are held at once."""


@optimizer("policy_gradient", "each individual climbs the exact gradient of its expected score")
class PolicyGradient(Optimizer):
    """Plain gradient ascent from as many starts as there are individuals.

        gene <- gene + rate dJ/d gene          kept within the bounds

    J is the expected score on the levels of the generation, its window and its payoff, exactly;
    so the sampled lifetimes, which are recorded, decide nothing. Generation 0 is that of
    ``genetic``. Nobody is selected: the parent of each individual is that individual.
    """

    options: ClassVar[Mapping[str, Option]] = MappingProxyType(
        {
            "rate": Option(
                1.0, lambda v: is_number(v) and 0 < v <= 1e6, "a number above 0 and up to 1,000,000"
            )
        }
    )
    least = (1, 1)
    slopes = True

    def refuses(self, scenario: Scenario) -> Iterator[str]:
        """Where the score has no gradient, or what decides is no expectation."""
        for name, locus in scenario.loci.items():
            if not locus.pinned and (name == "depth" or name.startswith("sense.")):
                yield f"the score does not rise smoothly with {name}: pin it to a number"
        temperature = scenario.loci["temperature"]
        if temperature.low <= 0:
            yield (
                "what a mind does at temperature 0 does not change smoothly with its genes (got "
                f"agent.temperature from {temperature.low:g} on, needed: above 0)"
            )
        for drive in scenario.built_in:
            yield f"minds that feel {drive} have no exact expectations: leave it out"
        if scenario.copies is not None:
            yield "what a life gets depends on how its copy's ended: leave [copies] out"
        if any(phase.monitored for phase in scenario.timeline):
            yield "in monitored phases labels decide, and not what a mind can expect"

    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        genomes = mind.initial(scenario, scenario.evolution.population, seed_key)
        none = np.zeros(genomes.shape, np.int8)
        return Asked(Offspring(genomes, np.full((len(genomes), 2), -1, np.int32), none), NOTHING)

    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        bounds = Bounds.of(mind.loci(scenario))
        moved = genomes + self.option(scenario, "rate") * state["slope"]
        return {"genomes": np.clip(moved, bounds.low, bounds.high)}

    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        genomes = state["genomes"]
        itself = np.repeat(np.arange(len(genomes), dtype=np.int32)[:, None], 2, axis=1)
        return Asked(Offspring(genomes, itself, np.zeros(genomes.shape, np.int8)), NOTHING)


def table_slopes(
    level: Process, rows: NDArray[np.integer], theta: FloatArray, worth: FloatArray, steps: int
) -> tuple[FloatArray, FloatArray]:
    """The expected reward of softmax tables in a life on a level, and its gradient, exactly.

    The policy gradient theorem (Sutton et al. 2000), for T steps and all tables at once:

        dJ/d theta = sum over t, s of d_t(s) sum over a of pi(a|s) grad log pi(a|s) A_t(s, a)

    with d_t(s) the chance to be alive at s after t steps, and A_t = Q_t - V_t of what is left.

    Args:
        level: the process.
        rows: [n_x, C] the row that is read in each state.
        theta: [n, rows, A] of each table.
        worth: [S, A] expected reward of a step.
        steps: T.

    Returns:
        J [n], dJ/d theta [n, rows, A].
    """
    kept = np.flatnonzero(level.reachable()[:-1])  # the last state is death
    n_states, n_actions, n_rows = len(kept), level.n_actions, theta.shape[1]
    pairs = (kept[:, None] * n_actions + np.arange(n_actions)).ravel()
    forward = level.matrix()[pairs][:, kept]
    backward = forward.T.tocsr()
    row, begin, reward = rows.ravel()[kept], level.start[kept], worth[kept, :, None]
    total, slope = np.zeros(len(theta)), np.zeros(theta.shape)
    at_once = max(1, _AT_ONCE // (8 * steps * n_states))
    for first in range(0, len(theta), at_once):
        some = slice(first, first + at_once)
        chance = np.exp(theta[some] - theta[some].max(axis=2, keepdims=True))
        chance /= chance.sum(axis=2, keepdims=True)
        policy = np.moveaxis(chance[:, row], 0, -1)  # [S, A, n]
        n = policy.shape[-1]
        alive = np.empty((steps, n_states, n))
        now = np.repeat(begin[:, None], n, axis=1)
        for t in range(steps):
            alive[t] = now
            now = backward @ (now[:, None] * policy).reshape(-1, n)
        value, summed = np.zeros((n_states, n)), np.zeros((n_states, n_actions, n))
        for t in range(steps - 1, -1, -1):
            action_value = reward + (forward @ value).reshape(n_states, n_actions, n)
            value = (policy * action_value).sum(axis=1)
            summed += alive[t, :, None] * (action_value - value[:, None])
        total[some] = (begin[:, None] * value).sum(axis=0)
        # pi grad log pi A is pi A for the action itself, as the advantages average 0 under pi.
        by_state = (policy * summed).swapaxes(1, 2)
        into = np.zeros((n_rows, n, n_actions))
        np.add.at(into, row, by_state)
        slope[some] = into.swapaxes(0, 1)
    return total, slope
