"""When a sense for the true objective pays: iff the proxy errs more often than cost over gain.

An encounter is with kin or a stranger, equally often; helping kin pays 1, a stranger -1. Touch is
wrong with chance beta. Who goes by touch gains (1 - 2 beta)/2 an encounter, who knows 1/2: so the
sense is worth beta an encounter, and n beta in n of them. It evolves iff n beta > cost, that is
beta > cost / n.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import evosim
from evosim import mind, scenario
from evosim.engine.probe import Prober

ENCOUNTERS = 40
TOUCH, KIN, SENSE = 0, 1, 2


def kin_sense(beta: float, cost: float = 8.0) -> scenario.Scenario:
    read = scenario.load("kin_sense").replace("agent.sense_cost.fooled", cost)
    for key in ("world.variables.fooled.start", "world.happens.next.set.fooled"):
        read = read.replace(key, [1 - beta, beta])
    return read


def by_hand(genes: tuple[float, float, float], beta: float) -> float:
    """Sum over what can be met, of what this mind does there, times what that pays."""
    paid = 0.0
    for looks, fooled in itertools.product((-1, 1), (False, True)):
        chance = 0.5 * (beta if fooled else 1 - beta)
        kin = -looks if fooled else looks
        believed = kin if genes[SENSE] > 0.5 else looks
        if genes[TOUCH] * looks + genes[KIN] * believed > 0:
            paid += chance * kin
    return ENCOUNTERS * paid


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.2, 0.35])
def test_what_is_expected_is_what_is_summed_by_hand(beta: float) -> None:
    read = kin_sense(beta)
    genes = [(1.0, 0.2, 0.0), (0.2, 1.0, 0.0), (1.0, 0.2, 1.0), (0.2, 1.0, 1.0), (0.4, -1.0, 1.0)]
    found = Prober(read, 1).measure(np.array(genes), 0)["expected_payoff"]
    village = list(read.environments).index("village")
    # In the order of the sample, which is that of the population.
    assert found[village, 0, :, 0] == pytest.approx([by_hand(g, beta) for g in genes], abs=1e-4)


@pytest.mark.parametrize(("beta", "cost"), [(0.1, 8.0), (0.3, 8.0), (0.3, 16.0), (0.05, 1.0)])
def test_the_sense_pays_iff_touch_is_wrong_more_often_than_cost_over_gain(
    beta: float, cost: float
) -> None:
    read = kin_sense(beta, cost)
    genes = np.array([(0.2, 1.0, 0.0), (0.2, 1.0, 1.0)])
    village = list(read.environments).index("village")
    paid = Prober(read, 1).measure(genes, 0)["expected_payoff"][village, 0, :, 0]
    without, with_it = paid - mind.cost(read, mind.express(read, genes))
    assert with_it - without == pytest.approx(ENCOUNTERS * beta - cost, abs=1e-4)
    assert (with_it > without) == (beta > cost / ENCOUNTERS)


@pytest.mark.slow
@pytest.mark.parametrize(("beta", "share"), [(0.1, 0.0), (0.3, 1.0)])
def test_the_sense_evolves_on_one_side_of_the_threshold_only(beta: float, share: float) -> None:
    run = evosim.run(kin_sense(beta), seed=7, figures=False)
    genomes = run.data["genome"].isel(replicate=0, generation=-1).values
    assert mind.phenotype(run.scenario, genomes)["sense.fooled"].mean() == pytest.approx(
        share, abs=0.15
    )
