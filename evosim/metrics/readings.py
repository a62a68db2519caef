"""The payoff itself, beside alignment; the own reward itself, beside capability.

Capability and alignment lie between a zero and an optimum, which a flip can move. So a flip has two
readings: what became of these shares, and what became of the amounts (docs/measures, two
readings of a flip).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evosim.metrics.flips import Over, Sides, of_mind, of_replicates, recorded, sides, unmoved
from evosim.metrics.query import (
    Floats,
    Query,
    at_probe,
    each_probe,
    environment_of,
)
from evosim.metrics.registry import DIED_OUT, PROBED, Columns, expectations_are_exact, metric
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate
from evosim.stats.scale import normalised

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

READINGS = {"capability": "reward", "alignment": "payoff"}
"""What lies between zero and optimum -> the amount that it is made of."""


class Amount(NamedTuple):
    """A payoff, or the own reward, itself on both sides of a flip; [replicate], or [sample] of one
    replicate."""

    paid: Sides
    nothing: Sides
    optimum: Sides

    @property
    def base(self) -> Sides:
        """What it is counted from: 0, or what doing nothing costs."""
        return Sides(*map(base_of, self.nothing))

    @property
    def earned(self) -> Sides:
        """What is paid over the base."""
        return Sides(*(paid - base for paid, base in zip(self.paid, self.base, strict=True)))

    @property
    def share(self) -> Sides:
        """What is earned as a share of what the optimum earns; NaN where that is nothing."""
        return Sides(*map(normalised, self.paid, self.base, self.optimum))

    @property
    def regret(self) -> Sides:
        """The optimum less what is paid."""
        return Sides(*(best - paid for paid, best in zip(self.paid, self.optimum, strict=True)))


def base_of(nothing: Floats) -> Floats:
    """What an amount is counted from: 0, or what doing nothing costs.

    >>> base_of(np.array([3.0, -50.0]))
    array([  0., -50.])
    """
    return np.minimum(nothing, 0.0)


def payoff_across(
    data: xr.Dataset, scenario: Scenario, query: Query, over: Over = of_replicates
) -> Amount:
    """The intended payoff before and after a flip, on the population of its generation.

    Args:
        query: says which flip, and whose mind.
        over: what to take together, or apart.
    """
    paid = data["expected_payoff"].sel(payoff=scenario.objective.intended)
    parts = (
        of_mind(data, query, paid), recorded(data, "nothing_payoff"), data["optimal_payoff"],
    )  # fmt: skip
    return Amount(*(sides(data, scenario, query, part, over) for part in parts))


def reward_across(
    data: xr.Dataset, scenario: Scenario, query: Query, over: Over = of_replicates
) -> Amount:
    """The evolved minds' own reward, as :func:`payoff_across`."""
    parts = (
        of_mind(data, query, data["expected_reward"]),
        recorded(data, "nothing_reward"),
        recorded(data, "optimal_reward"),
    )
    return Amount(*(sides(data, scenario, query, part, over) for part in parts))


def estimates(name: str, amount: Amount, floor: float, bootstrap: Bootstrap) -> dict[str, Estimate]:
    """An amount across a flip: before, after, lost, retained; the same of doing nothing, of the
    optimum, of the regret and of the share of the optimum.

    Args:
        name: payoff or reward, what the estimates' names begin with.
        amount: on both sides of the flip.
        floor: the share before has to lie above it for a retained share to be defined.
    """
    columns = {
        "": amount.paid,
        "_nothing": amount.nothing,
        "_optimum": amount.optimum,
        "_regret": amount.regret,
        "_share": amount.share,
    }
    found = {
        f"{name}{what}_{side}": intervals.mean(column, bootstrap)
        for what, sides in columns.items()
        for side, column in sides._asdict().items()
    }
    found[f"{name}_lost"] = intervals.mean(amount.paid.before - amount.paid.after, bootstrap)
    before, after = amount.earned
    found[f"{name}_retained"] = (
        intervals.estimate(intervals.ratio_of_means, bootstrap, after, before)
        if found[f"{name}_share_before"].value > floor
        else Estimate(value=math.nan, interval=None, n=0, n_undefined=len(before))
    )
    return found


# The metrics


@metric(
    "optimal_payoff",
    variable="optimal_payoff",
    label="optimum",
    trajectory="optimal_payoff",
    uses=PROBED - {"mind"},
)
def _optimum(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (_here(data, scenario, query, "optimal_payoff"),)


@metric(
    "nothing_payoff",
    variable="nothing_payoff",
    label="intended payoff of doing nothing",
    trajectory="nothing_payoff",
    uses=PROBED - {"mind"},
)
def _nothing(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (_here(data, scenario, query, "nothing_payoff"),)


NOTHING_EARNED = (
    "nothing was earned before the flip over 0, or over what doing nothing costs, or in a verdict "
    "not above its floor"
)
NO_OPTIMUM = "the optimum is paid nothing over 0, or over what doing nothing costs"


@metric(
    "regret",
    undefined=DIED_OUT,
    description="largest expected intended payoff less the expected one",
    unit="payoff per lifetime",
    exact=expectations_are_exact,
    trajectory="regret",
    uses=PROBED,
    has_peak=True,
)
def _regret(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    paid, _, optimum = _amount(data, scenario, query)
    return (at_probe(data, query, optimum - paid),)


@metric(
    "payoff_share",
    undefined=f"{NO_OPTIMUM}, or {DIED_OUT}",
    description="intended payoff as a share of the optimum, counted from 0 or from what doing "
    "nothing costs",
    label="share of the optimal payoff",
    bounds=(-np.inf, 1.0),
    exact=expectations_are_exact,
    trajectory="payoff_share",
    uses=PROBED,
    has_peak=True,
)
def _share(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (at_probe(data, query, normalised(*_amount(data, scenario, query))),)


@metric(
    "payoff_lost",
    figure="objective_proxy",
    undefined=DIED_OUT,
    description="intended payoff before less intended payoff after the flip",
    unit="payoff per lifetime",
    exact=expectations_are_exact,
    trajectory="payoff",
    at_flip=True,
    uses=frozenset({"mind"}),
    given=unmoved(0.0),
)
def _payoff_lost(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = payoff_across(data, scenario, query).paid
    return (before - after,)


@metric(
    "payoff_retained",
    figure="objective_proxy",
    undefined=NOTHING_EARNED,
    description="intended payoff after over before the flip",
    exact=expectations_are_exact,
    statistic=intervals.ratio_of_means,
    trajectory="payoff",
    at_flip=True,
    uses=frozenset({"mind"}),
    given=unmoved(1.0),
)
def _payoff_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return payoff_across(data, scenario, query).earned[::-1]


@metric(
    "reward_retained",
    figure="objective_proxy",
    undefined=NOTHING_EARNED,
    description="own reward after over before the flip",
    exact=expectations_are_exact,
    statistic=intervals.ratio_of_means,
    trajectory="reward",
    at_flip=True,
    given=unmoved(1.0, felt=True),
)
def _reward_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return reward_across(data, scenario, query).earned[::-1]


@metric(
    "regret_gained",
    undefined=DIED_OUT,
    description="regret after less regret before the flip",
    unit="payoff per lifetime",
    exact=expectations_are_exact,
    trajectory="regret",
    at_flip=True,
    uses=frozenset({"mind"}),
    given=unmoved(0.0),
)
def _regret_gained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = payoff_across(data, scenario, query).regret
    return (after - before,)


def _here(data: xr.Dataset, scenario: Scenario, query: Query, name: str) -> Floats:
    """A payoff that does not depend on the population, in the query's environment [replicate]."""
    where = environment_of(data, scenario, query)
    return np.asarray(recorded(data, name).sel(environment=where).values, np.float64)


def _amount(data: xr.Dataset, scenario: Scenario, query: Query) -> tuple[Floats, Floats, Floats]:
    """The intended payoff [replicate, probe], what it is counted from, and its optimum."""
    paid = data["expected_payoff"].sel(payoff=scenario.objective.intended)
    nothing, optimum = (
        _here(data, scenario, query, name)[:, None] for name in ("nothing_payoff", "optimal_payoff")
    )
    return each_probe(data, scenario, query, paid), base_of(nothing), optimum
