"""What an adversary proposed, how large regret was there, and how often it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.metrics.query import Query
from evosim.metrics.registry import METRICS, Columns, metric
from evosim.stats.intervals import Bootstrap, intervals_of, values_of, with_interval

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]
LAST = 0.25
"""Share of the generations in which something was proposed that counts as their end."""


def last_proposed(dataset: xr.Dataset) -> dict[str, Floats]:
    """Means and quartiles over levels and replicates of what was proposed last, by key: [3]."""
    values = (
        dataset["proposed"].transpose("generation", "proposed_key", "replicate", "level").values
    )
    when = np.flatnonzero(np.isfinite(values).reshape(len(values), -1).any(axis=1))
    late = values[when[-max(1, round(LAST * len(when))) :]]
    names = dataset["proposed_key"].values
    return {
        str(name): np.array([late[:, i].mean(), *np.quantile(late[:, i], (0.25, 0.75))])
        for i, name in enumerate(names)
    }


def summary(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any] | None:
    """What was proposed in the end, and how many regrets were measured."""
    asked = scenario.adversary
    if asked is None or not np.isfinite(dataset["proposed"].values).any():
        return None
    estimates = {
        name: METRICS[name].estimate(dataset, scenario, bootstrap)
        for name in ("regrets_measured", "proposed_regret")
    }
    return {
        "proposer": asked.proposer if asked.searches else "uniform",
        "proposed": {name: found.tolist() for name, found in last_proposed(dataset).items()},
        **values_of(estimates),
        "intervals": intervals_of(estimates),
    }


def describe(summary: Mapping[str, Any]) -> str:
    """The section of a summary in words."""
    found = summary["adversary"]
    shown = {key: with_interval(found[key], found["intervals"][key]) for key in found["intervals"]}
    lines = [
        f"  {name}: {mean:.3g} (half of the levels {low:.3g} to {high:.3g})"
        for name, (mean, low, high) in found["proposed"].items()
    ]
    return "\n".join(
        [
            f"Adversary ({found['proposer']}), the last quarter of what it proposed",
            *lines,
            f"  regrets measured: {shown['regrets_measured']} environments a replicate; "
            f"mean regret in training, in the end {shown['proposed_regret']}",
        ]
    )


# The metrics


@metric(
    "regrets_measured",
    figure="adversary",
    description="environments whose regret an adversary measured exactly, in the whole run",
    unit="environments",
    section="adversary",
)
def _regrets_measured(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (np.asarray(data["regrets_measured"].sum("generation").values, np.float64),)


@metric(
    "proposed_regret",
    figure="adversary",
    undefined="no regret was measured",
    description="exact regret where an adversary trained, in its last generation",
    unit="payoff per lifetime",
    section="adversary",
)
def _proposed_regret(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    found = data["proposed_regret"].transpose("replicate", "generation").values
    known = np.flatnonzero(np.isfinite(found).all(axis=0))
    return (found[:, known[-1]] if len(known) else np.full(len(found), np.nan),)
