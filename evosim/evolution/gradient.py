"""A gradient estimated by an evolution strategy, after Salimans et al. 2017 (arXiv:1703.03864)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evosim.evolution.optimizer import (
    Asked,
    Bounds,
    FloatArray,
    Optimizer,
    Option,
    State,
    middle,
    optimizer,
    sampled,
)
from evosim.mind import loci
from evosim.scenario.values import is_number

if TYPE_CHECKING:
    from evosim.scenario import Scenario


@optimizer("gradient", "follows an estimate of the gradient of the expected score")
class Gradient(Optimizer):
    """Climbs the gradient of the score, smoothed by Gaussian perturbations of one mean genome.

    Genes z are in units of their locus. Perturbations are mirrored, rows 2i and 2i + 1 on either
    side of the mean; of an odd number the last is the mean itself. Scores are shaped to
    centred ranks r from -1 to 1, ties sharing theirs:

        g    = 1/N sum_i r_i (z_i - mean)
        v    <- momentum v + g
        mean <- mean + rate v          kept within the bounds

    With rate 1 and no momentum the mean moves as under tournaments of two. Samples beyond a bound
    are reflected, and z are the genomes *as they were evaluated*, after reflection; as ranks sum
    to 0, reflection alone moves nothing.
    """

    options: ClassVar[Mapping[str, Option]] = MappingProxyType(
        {
            "sigma": Option(
                0.1,
                lambda v: is_number(v) and 0 < v <= 1,
                "a number above 0 and up to 1, in units of each locus",
            ),
            "rate": Option(
                1.0, lambda v: is_number(v) and 0 < v <= 1e6, "a number above 0 and up to 1,000,000"
            ),
            "momentum": Option(
                0.0, lambda v: is_number(v) and 0 <= v < 1, "a number from 0 and below 1"
            ),
        }
    )
    state = ("mean", "velocity")

    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        mean = middle(scenario)
        return self.ask(scenario, {"mean": mean, "velocity": np.zeros(len(mean))}, seed_key)

    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        mean = state["mean"]
        steps = Bounds.of(loci(scenario)).scaled(genomes) - mean
        gradient = (centred_ranks(scores)[:, None] * steps).mean(axis=0)
        velocity = self.option(scenario, "momentum") * state["velocity"] + gradient
        moved = mean + self.option(scenario, "rate") * velocity
        return {"mean": np.clip(moved, 0.0, 1.0), "velocity": velocity}

    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        mean, n = state["mean"], scenario.evolution.population
        rng = np.random.Generator(np.random.PCG64(seed_key))
        half = self.option(scenario, "sigma") * rng.standard_normal((n // 2, len(mean)))
        steps = np.zeros((n, len(mean)))
        steps[0 : 2 * len(half) : 2], steps[1 : 2 * len(half) : 2] = half, -half
        return Asked(sampled(scenario, mean + steps), dict(state))


def centred_ranks(scores: FloatArray) -> FloatArray:
    """Ranks from -1, the lowest, to 1, the highest [N]; equal scores have the mean of theirs."""
    n = len(scores)
    ranked = np.sort(scores)
    lower = np.searchsorted(ranked, scores, side="left")
    up_to = np.searchsorted(ranked, scores, side="right")
    return np.asarray((lower + up_to - n) / max(n - 1, 1), np.float64)
