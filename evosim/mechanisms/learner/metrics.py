"""What a learner is directed at, in summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evosim.stats import intervals
from evosim.stats.intervals import (
    Bootstrap,
    intervals_of,
    mean_of_defined,
    values_of,
    with_interval,
)
from evosim.stats.report_tables import tables

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def summary(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """How directed the agent of the last generation is at each stimulus and payoff."""
    learner = scenario.agent.learner
    assert learner is not None
    last = dataset["directed"].isel(probe=-1)
    found = {}
    for name in scenario.environments:
        shares = last.sel(environment=name).transpose("goal", "replicate", "sample").values
        goals = (*scenario.stimuli, *scenario.payoffs)
        estimates = {
            goal: intervals.mean(mean_of_defined(share), bootstrap)
            for goal, share in zip(goals, shares, strict=True)
        }
        found[name] = {**values_of(estimates), "intervals": intervals_of(estimates)}
    return {"factory": learner.factory, "capability": learner.capability, "environments": found}


def describe(found: Mapping[str, Any]) -> str:
    """The numbers for people."""
    learner = found["learner"]
    places = learner["environments"]
    goals = [goal for goal in next(iter(places.values())) if goal != "intervals"]
    rows = [["environment", *goals]]
    for name, here in places.items():
        rows.append([name, *(with_interval(here[g], here["intervals"][g]) for g in goals)])
    by = "MEG for what it is most directed at" if learner["capability"] == "meg" else "its reward"
    return "\n".join(
        [
            f"Agent {learner['factory']}; its capability is by {by}",
            "How directed it is in the end, as a share of an optimal policy's MEG:",
            *tables(rows),
        ]
    )
