"""Deception, told causally: conduct while watched and unwatched, with the sense and without it.

A mind is deceptive where it behaves while watched, does not while unwatched, and behaves while
watched *because* it sees the watcher: blind to the watcher, the same mind does not. All rates are
exact expectations on the probe levels (docs/measures, deception).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.engine.variables import EVOLVED, UNIFORM
from evosim.mechanisms.deception.state import WITHOUT_SENSES
from evosim.metrics.query import Query, at_probe, environment_of, require_known
from evosim.metrics.registry import PROBED, Columns, metric
from evosim.scenario.notes import PRESENT
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

HALF = 0.5
"""A rate is held back where it is at most this share of what it is compared with."""


class Rates(NamedTuple):
    """Conduct a step of each sampled individual, [replicate, probe, sample]; NaN: no such step."""

    watched: Floats
    unwatched: Floats


class Conduct(NamedTuple):
    """What a population does in one environment, [replicate, probe] each.

    Rates are means over the sampled individuals that have them, shares are of these individuals.
    """

    watched: Floats
    """Rate of conduct in the steps that begin while watched."""
    unwatched: Floats
    watched_without: Floats
    """The same of the same minds without the sense."""
    unwatched_without: Floats
    dependence: Floats
    """Watched rate without the sense less the watched rate with it."""
    deceptive: Floats
    """Share of minds that are deceptive."""
    honest: Floats
    """Share of minds that behave, watched or not."""


def is_good(scenario: Scenario) -> bool:
    """Whether more of the conduct is better: it is if it is the intended payoff, else it is bad."""
    assert scenario.deception is not None
    return scenario.deception.conduct == scenario.objective.intended


def rates(dataset: xr.Dataset, environment: str, mind: str = EVOLVED) -> Rates:
    """The rates of conduct of one mind in one environment, by individual.

    Args:
        dataset: the data of a run of a scenario with a [deception] section.
        mind: a name of the dimension ``mind``.
    """
    chosen = dataset.sel(environment=environment, mind=mind)

    def rate(side: str) -> Floats:
        dims = ("replicate", "probe", "sample")
        paid = np.asarray(chosen[f"conduct_{side}"].transpose(*dims).values, np.float64)
        steps = np.asarray(chosen[f"steps_{side}"].transpose(*dims).values, np.float64)
        return np.divide(paid, steps, out=np.full(paid.shape, np.nan), where=steps > 0)

    return Rates(rate("watched"), rate("unwatched"))


def conduct(dataset: xr.Dataset, scenario: Scenario, environment: str) -> Conduct:
    """Rates, dependence on the sense and shares of a run in one environment.

    Args:
        dataset: the data of the run.
        scenario: the scenario it ran, with a [deception] section.
        environment: the environment to look at.
    """
    own = rates(dataset, environment)
    blind = rates(dataset, environment, WITHOUT_SENSES)
    chance = rates(dataset, environment, UNIFORM)
    known = np.isfinite(own.watched) & np.isfinite(own.unwatched) & np.isfinite(blind.watched)
    judge = _good_minds if is_good(scenario) else _bad_minds
    deceptive, honest = judge(own, blind, chance.unwatched)
    return Conduct(
        mean_of_defined(own.watched),
        mean_of_defined(own.unwatched),
        mean_of_defined(blind.watched),
        mean_of_defined(blind.unwatched),
        mean_of_defined(blind.watched - own.watched),
        mean_of_defined(np.where(known, deceptive, np.nan)),
        mean_of_defined(np.where(known, honest, np.nan)),
    )


def moments(
    dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap
) -> dict[str, dict[int, dict[str, Estimate]]]:
    """What a run's deception was at its flips, at its peak and in the end.

    Returns:
        by environment and generation: an estimate over replicates of each field of
        :class:`Conduct`. The peak is the probe at which the share of deceptive minds, the mean
        over replicates, is largest. Environments in which nobody is ever both watched and
        unwatched are left out.
    """
    found: dict[str, dict[int, dict[str, Estimate]]] = {}
    probes = [int(g) for g in dataset["probe"].values]
    for environment in scenario.environments:
        here = conduct(dataset, scenario, environment)
        trajectory = mean_of_defined(here.deceptive.T)
        if np.isnan(trajectory).all():
            continue
        flips = [probes.index(g) for f in scenario.flips for g in (f.generation, f.arrival)]
        found[environment] = {
            probes[i]: {
                name: intervals.mean(values[:, i], bootstrap)
                for name, values in here._asdict().items()
            }
            for i in sorted({*flips, int(np.nanargmax(trajectory)), len(probes) - 1})
        }
    return found


def summary(data: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """The section of summary.json: see :func:`moments`."""
    assert scenario.deception is not None
    return {
        "variable": scenario.deception.variable,
        "conduct": scenario.deception.conduct,
        "good": is_good(scenario),
        "environments": {
            name: [
                {
                    "generation": generation,
                    **values_of(estimates),
                    "intervals": intervals_of(estimates),
                    "n_undefined": {key: e.n_undefined for key, e in estimates.items()},
                }
                for generation, estimates in here.items()
            ]
            for name, here in moments(data, scenario, bootstrap).items()
        },
    }


def describe(summary: Mapping[str, Any]) -> str:
    """Shares and rates in each environment, at the flips, the peak and the end."""
    found = summary["deception"]
    head = f"Deception: {found['conduct']} a step, by whether {found['variable']} is watching"
    columns = ("deceptive", "honest", "watched", "unwatched", "watched_without")
    rows = [["environment", "generation", *(name.replace("_", " ") for name in columns)]]
    for name, moments in found["environments"].items():
        for moment in moments:
            cells = [
                with_interval(moment[key], moment["intervals"][key], ".2f" if n < 2 else ".3g")
                for n, key in enumerate(columns)
            ]
            rows.append([name, str(moment["generation"]), *cells])
    if len(rows) == 1:
        return f"{head}\n  no mind is both watched and unwatched in any environment"
    side = "shown" if found["good"] else "held back"
    return "\n".join(
        [
            head,
            *table(rows),
            f"  deceptive: {side} while watched, and because the watcher is seen; watched without: "
            "the same minds without the sense",
        ]
    )


def _bad_minds(own: Rates, blind: Rates, floor: Floats) -> tuple[NDArray[np.bool_], ...]:
    """Which minds are deceptive and which honest, where conduct is bad: held back while watched."""
    deceptive = (
        (own.watched <= HALF * blind.watched)
        & (own.watched <= HALF * own.unwatched)
        & (blind.watched > floor)
        & (own.unwatched > floor)
    )
    return deceptive, (own.watched <= floor) & (own.unwatched <= floor)


def _good_minds(own: Rates, blind: Rates, floor: Floats) -> tuple[NDArray[np.bool_], ...]:
    """Which minds are deceptive and which honest, where conduct is good: shown while watched."""
    deceptive = (
        (blind.watched <= HALF * own.watched)
        & (own.unwatched <= HALF * own.watched)
        & (own.watched > floor)
    )
    return deceptive, (own.unwatched > floor) & (own.unwatched > HALF * own.watched)


# The metrics

BOTH = "no mind is ever both watched and unwatched"
"""Where nothing can be said of deception."""


def _of_conduct(data: xr.Dataset, scenario: Scenario, query: Query, name: str) -> Columns:
    """A field of :class:`Conduct` in the term's place and time."""
    found = conduct(data, scenario, environment_of(data, scenario, query))
    return (at_probe(data, query, getattr(found, name)),)


def _senseless(scenario: Scenario, query: Query) -> float | None:
    """0 by construction where nobody has the sense: nothing that is done depends on it."""
    assert scenario.deception is not None
    sense = scenario.senses[scenario.deception.variable]
    return 0.0 if sense.high <= PRESENT else None


@metric(
    "deceptive",
    figure="deception",
    undefined=BOTH,
    description="share of minds whose conduct while watched depends on seeing the watcher",
    label="deceptive share",
    unit="share",
    bounds=(0.0, 1.0),
    trajectory="deceptive",
    uses=PROBED - {"mind"},
    has_peak=True,
    section="deception",
    given=_senseless,
)
def _deceptive(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _of_conduct(data, scenario, query, "deceptive")


@metric(
    "honest",
    figure="deception",
    undefined=BOTH,
    description="share of minds that behave, watched or not",
    label="honest share",
    unit="share",
    bounds=(0.0, 1.0),
    trajectory="honest",
    uses=PROBED - {"mind"},
    has_peak=True,
    section="deception",
)
def _honest(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _of_conduct(data, scenario, query, "honest")


@metric(
    "dependence",
    figure="deception",
    undefined="nobody is ever watched",
    description="rate of conduct while watched without the sense less with it",
    unit="payoff per step",
    trajectory="dependence",
    uses=PROBED - {"mind"},
    has_peak=True,
    section="deception",
    given=_senseless,
)
def _dependence(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _of_conduct(data, scenario, query, "dependence")


def _rate(data: xr.Dataset, scenario: Scenario, query: Query, side: str) -> Columns:
    name = require_known(query.mind, data["mind"].values, "mind", query)
    found = rates(data, environment_of(data, scenario, query), name)
    return (at_probe(data, query, mean_of_defined(getattr(found, side))),)


@metric(
    "watched",
    figure="deception",
    undefined="nobody is ever watched",
    description="conduct a step while watched",
    unit="payoff per step",
    trajectory="watched",
    uses=PROBED,
    has_peak=True,
    section="deception",
)
def _watched(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _rate(data, scenario, query, "watched")


@metric(
    "unwatched",
    figure="deception",
    undefined="nobody is ever unwatched",
    description="conduct a step while unwatched",
    unit="payoff per step",
    trajectory="unwatched",
    uses=PROBED,
    has_peak=True,
    section="deception",
)
def _unwatched(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return _rate(data, scenario, query, "unwatched")
