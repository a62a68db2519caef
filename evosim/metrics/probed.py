"""Metrics of probes and of lifetimes: capability, alignment, rewards, payoffs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evosim.metrics.query import Query, probed, recent_generations, require_known
from evosim.metrics.registry import (
    DIED_OUT,
    PAYOFF,
    PROBED,
    Columns,
    expectations_are_exact,
    metric,
)
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


NORMALIZED = (-np.inf, 1.0)
"""Bounds of what is 0 for random play and 1 for the optimum: it can be far worse than random."""


NO_ALIGNMENT = (
    "no behaviour earns more of the intended payoff than the zero, by default random play; or it "
    "is that of a table with other drives, and tables have none"
)
NO_CAPABILITY = (
    "no behaviour brings the mind more reward than the zero, by default random play: all that it "
    "feels is beyond its reach, or its drives are 0, as those of tables are; or it has a drive for "
    "novelty"
)


def _normalized(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (probed(data, scenario, query, data[query.measure]),)


for _name, _nothing, _amounts in (
    ("capability", NO_CAPABILITY, ("reward",)),
    ("alignment", NO_ALIGNMENT, ("payoff", "regret")),
):
    metric(
        _name,
        undefined=_nothing,
        figure="alignment_all",
        variable=_name,
        bounds=NORMALIZED,
        normalized=True,
        exact=expectations_are_exact,
        trajectory=_name,
        uses=PROBED,
        has_peak=True,
        amounts=_amounts,
    )(_normalized)


@metric(
    "reward",
    figure="objective_proxy",
    undefined=DIED_OUT,
    variable="expected_reward",
    label="internal reward a lifetime",
    exact=expectations_are_exact,
    trajectory="reward",
    uses=PROBED,
    has_peak=True,
)
def _reward(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (probed(data, scenario, query, data["expected_reward"]),)


@metric(
    "lifespan",
    figure="mind",
    undefined=DIED_OUT,
    variable="expected_lifespan",
    exact=expectations_are_exact,
    trajectory="lifespan",
    uses=PROBED,
    has_peak=True,
)
def _lifespan(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (probed(data, scenario, query, data["expected_lifespan"]),)


@metric(
    "payoff",
    figure="objective_proxy",
    undefined=DIED_OUT,
    variable="expected_payoff",
    label="expected {of} a lifetime",
    exact=expectations_are_exact,
    argument=PAYOFF,
    trajectory="payoff",
    uses=PROBED,
    has_peak=True,
)
def _payoff(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    of = require_known(query.of, data["payoff"].values, "payoff", query)
    return (probed(data, scenario, query, data["expected_payoff"].sel(payoff=of)),)


@metric(
    "lived",
    figure="objective_proxy",
    undefined=DIED_OUT,
    variable="payoff_total",
    description="realised payoff a lifetime, mean of five generations; at the flip, of that alone",
    label="realised {of} a lifetime",
    exact=False,
    argument=PAYOFF,
    trajectory="lived",
    per_generation=True,
    uses=frozenset({"at"}),
)
def _realised(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    of = require_known(query.of, data["payoff"].values, "payoff", query)
    payoffs = data["payoff_total"].sel(payoff=of).isel(generation=recent_generations(data, query))
    each = payoffs.transpose("replicate", "generation", "individual").values
    return (mean_of_defined(mean_of_defined(each)),)
