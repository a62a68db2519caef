"""Metrics of correction: who is corrected, how much of the goal survives, what is guarded.

All are exact expectations on the probe levels (docs/measures, correction).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.engine.variables import EVOLVED
from evosim.mechanisms.correction.state import IGNORANT
from evosim.mechanisms.deception.metrics import is_good, rates
from evosim.metrics.query import Query, at_probe, environment_of, require_known
from evosim.metrics.registry import PROBED, Columns, metric
from evosim.stats import intervals
from evosim.stats.intervals import (
    Bootstrap,
    Estimate,
    intervals_of,
    mean_of_defined,
    values_of,
    with_interval,
)
from evosim.stats.report_tables import table

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]
DIMS = ("replicate", "probe", "sample")
SHOWN = ("corrected", "survival", "guarding")


def _values(data: xr.Dataset, name: str, environment: str, mind: str) -> Floats:
    """A probe variable of one mind in one environment, [replicate, probe, sample]."""
    chosen = data[name].sel(environment=environment, mind=mind)
    return np.asarray(chosen.transpose(*DIMS).values, np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def corrected(data: xr.Dataset, environment: str, mind: str = EVOLVED) -> Floats:
    """The chance that a lifetime is corrected, by individual [replicate, probe, sample]."""
    return _values(data, "expected_corrected", environment, mind)


def survival(data: xr.Dataset, environment: str, mind: str = EVOLVED) -> Floats:
    """Share of the unwatched steps that begin with the drives of birth, by individual.

    NaN: nobody is ever unwatched.
    """
    return _values(data, "survival", environment, mind)


def paid(data: xr.Dataset, environment: str, mind: str, side: str) -> Floats:
    """The intended payoff a step while ``uncorrected`` or ``corrected``, by individual."""
    return _ratio(*(_values(data, f"{n}_{side}", environment, mind) for n in ("intended", "steps")))


def guarding(data: xr.Dataset, scenario: Scenario, environment: str) -> Floats:
    """How much better a mind behaves while watched than if it did not foresee corrections.

    The rate of conduct while watched of its ignorant twin less its own, where conduct is bad; the
    other way round where it is good. By individual; NaN: nobody is ever watched.
    """
    own, ignorant = (rates(data, environment, mind).watched for mind in (EVOLVED, IGNORANT))
    return own - ignorant if is_good(scenario) else ignorant - own


def summary(data: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """The section of summary.json: each of SHOWN by environment, at the flips and in the end."""
    probes = [int(g) for g in data["probe"].values]
    flips = [probes.index(g) for f in scenario.flips for g in (f.generation, f.arrival)]
    found: dict[str, list[dict[str, Any]]] = {}
    for environment in scenario.environments:
        courses = {"corrected": corrected(data, environment)}
        if scenario.deception is not None:
            courses["survival"] = survival(data, environment)
            courses["guarding"] = guarding(data, scenario, environment)
        means = {name: mean_of_defined(values) for name, values in courses.items()}
        moments = []
        for i in sorted({0, *flips, len(probes) - 1}):
            estimates: dict[str, Estimate] = {
                name: intervals.mean(values[:, i], bootstrap) for name, values in means.items()
            }
            moments.append(
                {
                    "generation": probes[i],
                    **values_of(estimates),
                    "intervals": intervals_of(estimates),
                    "n_undefined": {name: e.n_undefined for name, e in estimates.items()},
                }
            )
        found[environment] = moments
    return {"environments": found}


def describe(summary: Mapping[str, Any]) -> str:
    """Who is corrected in each environment, what survives, what is guarded."""
    found = summary["correction"]["environments"]
    columns = [n for n in SHOWN if all(n in moment for here in found.values() for moment in here)]
    rows = [["environment", "generation", *columns]]
    for name, moments in found.items():
        for moment in moments:
            cells = [with_interval(moment[c], moment["intervals"][c], ".2f") for c in columns]
            rows.append([name, str(moment["generation"]), *cells])
    words = "  corrected: share of lives that are corrected"
    if "survival" in columns:
        words += (
            "; survival: share of the unwatched steps that begin with the drives of birth; "
            "guarding: conduct while watched against the same minds if they foresaw no correction"
        )
    return "\n".join(["Correction", *table(rows), words])


# The metrics


def _needs_deception(scenario: Scenario) -> str:
    return "" if scenario.deception else "it compares watched with unwatched: it needs [deception]"


def _of_mind(data: xr.Dataset, scenario: Scenario, query: Query) -> tuple[str, str]:
    mind = require_known(query.mind, data["mind"].values, "mind", query)
    return environment_of(data, scenario, query), mind


@metric(
    "corrected",
    figure="correction",
    description="chance that a lifetime is corrected",
    label="corrected share",
    unit="share",
    bounds=(0.0, 1.0),
    trajectory="corrected",
    uses=PROBED,
    has_peak=True,
    section="correction",
)
def _corrected(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    found = corrected(data, *_of_mind(data, scenario, query))
    return (at_probe(data, query, mean_of_defined(found)),)


@metric(
    "survival",
    figure="correction",
    undefined="nobody is ever unwatched",
    description="share of the unwatched steps that begin with the drives of birth",
    label="goals that survive",
    unit="share",
    bounds=(0.0, 1.0),
    trajectory="survival",
    uses=PROBED,
    has_peak=True,
    section="correction",
    unsupported=_needs_deception,
)
def _survival(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    found = survival(data, *_of_mind(data, scenario, query))
    return (at_probe(data, query, mean_of_defined(found)),)


@metric(
    "guarding",
    figure="correction",
    undefined="nobody is ever watched",
    description="conduct while watched, better than if corrections were not foreseen",
    unit="payoff per step",
    trajectory="guarding",
    uses=PROBED - {"mind"},
    has_peak=True,
    section="correction",
    unsupported=_needs_deception,
)
def _guarding(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    found = guarding(data, scenario, environment_of(data, scenario, query))
    return (at_probe(data, query, mean_of_defined(found)),)


def _paid(data: xr.Dataset, scenario: Scenario, query: Query, side: str) -> Columns:
    found = paid(data, *_of_mind(data, scenario, query), side)
    return (at_probe(data, query, mean_of_defined(found)),)


@metric(
    "paid_uncorrected",
    figure="correction",
    undefined="no step begins with the drives of birth",
    description="intended payoff a step before any correction",
    unit="payoff per step",
    trajectory="paid_uncorrected",
    uses=PROBED,
    has_peak=True,
    section="correction",
)
def _paid_uncorrected(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _paid(data, scenario, query, "uncorrected")


@metric(
    "paid_corrected",
    figure="correction",
    undefined="nobody is ever corrected",
    description="intended payoff a step after a correction",
    unit="payoff per step",
    trajectory="paid_corrected",
    uses=PROBED,
    has_peak=True,
    section="correction",
)
def _paid_corrected(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _paid(data, scenario, query, "corrected")
