"""CMA-ES (Hansen & Ostermeier 2001, doi:10.1162/106365601750190398), by ``deap.cma.Strategy``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from deap.cma import Strategy

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

SMALLEST = 1e-10
"""Step size below which it does not fall, in units of each locus: 0 would divide by 0."""
FLATTEST = 1e-14
"""Least eigenvalue of the covariance, as a share of the largest: rounding makes some negative."""


class _Scored(list[float]):
    """A genome as DEAP's strategy sees it: sorted by its fitness, a plain number."""

    fitness: float


@optimizer("cma", "CMA-ES, a normal distribution that adapts")
class Cma(Optimizer):
    """Samples a normal distribution and adapts its mean, covariance and step size.

    Genes are in units of their locus. The mean starts in the middle of where each locus starts,
    the covariance as the identity. Samples beyond a bound are reflected, and the strategy is
    told the genomes *as they were evaluated*, after reflection: its mean is then always a possible
    genome, and where samples fold back from both bounds the steps it sees stay short, so
    that the step size cannot run away.
    """

    options: ClassVar[Mapping[str, Option]] = MappingProxyType(
        {
            "sigma": Option(
                0.3,
                lambda v: is_number(v) and 0 < v <= 1,
                "a number above 0 and up to 1, in units of each locus",
            ),
            "share": Option(
                0.5,
                lambda v: is_number(v) and 0 < v <= 1,
                "a share above 0 and up to 1 of the individuals",
            ),
        }
    )
    state = ("mean", "sigma", "covariance", "axes", "lengths", "path", "sigma_path", "updates")

    def start(self, scenario: Scenario, seed_key: int) -> Asked:
        mean = middle(scenario)
        n = len(mean)
        fresh: State = {
            "mean": mean,
            "sigma": np.array(self.option(scenario, "sigma")),
            "covariance": np.identity(n),
            "axes": np.identity(n),
            "lengths": np.ones(n),
            "path": np.zeros(n),
            "sigma_path": np.zeros(n),
            "updates": np.array(0),
        }
        return self.ask(scenario, fresh, seed_key)

    def tell(
        self, scenario: Scenario, state: State, genomes: FloatArray, scores: FloatArray
    ) -> State:
        strategy = self._strategy(scenario, state)
        scored = []
        for unit, score in zip(Bounds.of(loci(scenario)).scaled(genomes), scores, strict=True):
            scored.append(_Scored(unit.tolist()))
            scored[-1].fitness = float(score)
        with np.errstate(invalid="ignore"):  # the root of an eigenvalue below 0
            strategy.update(scored)
        return _arrays(strategy)

    def ask(self, scenario: Scenario, state: State, seed_key: int) -> Asked:
        # What Strategy.generate does, without the global generator that other threads draw from.
        strategy = self._strategy(scenario, state)
        # RandomState takes 32 bits as a number. Of the 64 of the key the lower ones do: two
        # generations of a run get the same draws with a chance of 2^-32, and records stand on it.
        own = np.random.RandomState(seed_key % 2**32)
        steps = own.standard_normal((strategy.lambda_, strategy.dim))
        unit = strategy.centroid + strategy.sigma * np.dot(steps, strategy.BD.T)
        return Asked(sampled(scenario, unit), dict(state))

    def _strategy(self, scenario: Scenario, state: State) -> Strategy:
        """DEAP's strategy in that state, axes and all: LAPACK is not asked for them again."""
        n = scenario.evolution.population
        strategy = Strategy(
            state["mean"],
            float(state["sigma"]),
            lambda_=n,
            mu=max(1, int(self.option(scenario, "share") * n)),
        )
        strategy.C = state["covariance"]
        strategy.B, strategy.diagD = state["axes"], state["lengths"]
        strategy.BD = strategy.B * strategy.diagD
        strategy.pc, strategy.ps = state["path"], state["sigma_path"]
        strategy.update_count = int(state["updates"])
        return strategy


def _arrays(strategy: Strategy) -> State:
    """A strategy as plain arrays. All are copied row by row: products of matrices may differ in
    their last bits by how those lie in memory, which a file would not tell."""
    lengths = strategy.diagD
    longest = np.nanmax(lengths)
    floor = FLATTEST**0.5 * longest
    parts = {
        "mean": strategy.centroid,
        "sigma": max(float(strategy.sigma), SMALLEST),
        "covariance": strategy.C,
        "axes": strategy.B,
        "lengths": np.where(lengths > floor, lengths, floor),
        "path": strategy.pc,
        "sigma_path": strategy.ps,
    }
    return {
        **{name: np.array(part, np.float64, order="C") for name, part in parts.items()},
        "updates": np.array(strategy.update_count),
    }
