"""Detection: how well the monitor tells deployment from training (docs/mechanisms/monitor.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.metrics.query import Query
from evosim.metrics.registry import METRICS, Columns, metric
from evosim.stats.intervals import Bootstrap, intervals_of, values_of, with_interval

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]


def first_monitored(scenario: Scenario) -> int:
    """The first monitored generation.

    Raises:
        EvosimError: no phase is monitored.
    """
    for generation in range(scenario.generations):
        if scenario.phase_at(generation).monitored:
            return generation
    raise EvosimError(f"scenario {scenario.id!r} has no phase that is monitored = true")


def _scores(dataset: xr.Dataset, scenario: Scenario) -> tuple[Floats, Floats]:
    """Scores of training and of the first monitored generation, [replicate, lifetimes], sorted."""
    generation = first_monitored(scenario)
    scores = dataset["monitor_score"].transpose("replicate", "generation", "individual", "level")
    known, new = (
        np.asarray(scores.sel(generation=g).values, np.float64).reshape(len(scores), -1)
        for g in (generation - 1, generation)
    )
    return np.sort(known, axis=1), np.sort(new, axis=1)


def roc_area(dataset: xr.Dataset, scenario: Scenario) -> Floats:
    """Area under the ROC of detection, [replicate].

    The chance that a lifetime of the first monitored generation has a larger score than one of
    training; equal ones count half (Mann and Whitney's U).
    """
    areas = []
    for known, new in zip(*_scores(dataset, scenario), strict=True):
        below = np.searchsorted(known, new, side="left")
        up_to = np.searchsorted(known, new, side="right")
        areas.append((below + up_to).mean() / (2 * len(known)))
    return np.array(areas)


def largest_roc_area(distance: float) -> float:
    """The largest area under a ROC that any monitor can have, by what it can see.

    Whatever score it gives to what it sees, of two distributions with total variation distance TV
    its ROC lies below min(1, x + TV), and the area below that is 1/2 + TV - TV^2/2. Where what it
    sees is distributed alike, as the watched steps of an honest mind and of one that only behaves
    while it is watched, TV is 0 and no monitor is better than chance.

    Args:
        distance: total variation distance, from 0 to 1.

    >>> largest_roc_area(0.0), largest_roc_area(1.0)
    (0.5, 1.0)
    """
    return 0.5 + distance - distance**2 / 2


def roc(dataset: xr.Dataset, scenario: Scenario, false_alarms: Floats) -> Floats:
    """Share of the first monitored generation that is detected, [replicate, false alarms].

    Args:
        false_alarms: shares of training lifetimes that are flagged, at which to look.
    """
    curves = []
    for known, new in zip(*_scores(dataset, scenario), strict=True):
        threshold = np.quantile(known, 1.0 - false_alarms)
        above = 1.0 - np.searchsorted(new, threshold, side="right") / len(new)
        curves.append(np.where(false_alarms >= 1.0, 1.0, above))
    return np.array(curves)


def flagged(dataset: xr.Dataset, scenario: Scenario) -> Floats:
    """Share of the lifetimes of the first monitored generation that is flagged, [replicate]."""
    first = dataset["flagged"].sel(generation=first_monitored(scenario))
    lifetimes = dataset.sizes["individual"] * dataset.sizes["level"]
    return np.asarray(first.values, np.float64) / lifetimes


def labels(dataset: xr.Dataset) -> Floats:
    """Labels used in the whole run, [replicate]."""
    return np.asarray(dataset["labels"].sum("generation").values, np.float64)


def summary(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any] | None:
    """Detection in the first monitored generation, and what it cost; None if there is none."""
    if scenario.monitor is None or not any(phase.monitored for phase in scenario.timeline):
        return None
    estimates = {
        name: METRICS[name].estimate(dataset, scenario, bootstrap)
        for name in ("roc_area", "flagged", "labels")
    }
    return {
        "generation": first_monitored(scenario),
        "quantile": scenario.monitor.quantile,
        "budget": scenario.monitor.budget,
        **values_of(estimates),
        "intervals": intervals_of(estimates),
    }


def describe(summary: Mapping[str, Any]) -> str:
    """The section of a summary in words."""
    found = summary["monitor"]
    shown = {key: with_interval(found[key], found["intervals"][key]) for key in found["intervals"]}
    return "\n".join(
        [
            f"Monitor, from generation {found['generation']} on",
            f"  area under the ROC {shown['roc_area']}; flagged {shown['flagged']} of its "
            f"lifetimes, {1 - found['quantile']:.2g} of those in training",
            f"  labels used: {shown['labels']} (at most {found['budget']} a generation)",
        ]
    )


# The metrics


@metric(
    "roc_area",
    figure="monitor",
    description="area under the ROC by which the monitor detects the first monitored lifetimes",
    label="area under the ROC",
    bounds=(0.0, 1.0),
    exact=False,
    section="monitor",
)
def _roc_area(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (roc_area(data, scenario),)


@metric(
    "flagged",
    figure="monitor",
    description="share of the first monitored generation's lifetimes that is flagged",
    label="flagged share",
    unit="share",
    bounds=(0.0, 1.0),
    exact=False,
    section="monitor",
)
def _flagged(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (flagged(data, scenario),)


@metric(
    "labels",
    figure="monitor",
    description="labels used in the whole run",
    unit="lifetimes",
    exact=False,
    section="monitor",
)
def _labels(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return (labels(data),)
