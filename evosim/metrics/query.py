"""Where and when a metric looks: the query of a finding's term, and what answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.errors import Argument, EvosimError, did_you_mean
from evosim.scenario import timeline
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]


RECENT = 5
"""Generations over which a realised payoff is averaged."""


WHEN = {
    "start": "at the start",
    "before": "before the flip",
    "flip": "at the flip",
    "end": "at the end",
    "peak": "at its peak",
    "trough": "at its trough",
    "mean": "on average",
    "sum": "in sum",
    "area": "as an area",
    "deficit": "as a deficit",
}
"""How the times of a query are called."""
OVER = ("trough", "mean", "sum", "area", "deficit")
"""Those that look at several generations: of the query's span, or from its flip on."""


def when(at: str, span: tuple[int, int] | None = None) -> str:
    """When a query looks, in words.

    >>> when("mean", (40, 80))
    'on average, generations 40 to 80'
    """
    return WHEN[at] + (f", generations {span[0]} to {span[1]}" if span else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What one term of a finding looks at; the names are those of a finding's keys.

    Attributes:
        measure: name of the metric.
        of: payoff or locus; empty where the metric takes none.
        where: environment; None for the main one of the phase in question.
        at: start, before, flip, end, peak, or one of :data:`OVER`.
        mind: evolved, or a control mind.
        turn: the generation of the flip, the first of its phase; None where there is none.
        last: where several flips count as one change, the generation of the last of them.
        until: the generation in which the next phase begins; None: it is the last phase.
        span: the first and the last generation that :data:`OVER` and peak look at; None: from the
            flip until the next phase, of a peak all.
        level: that is to be reached; None where the metric takes none.
        generation: looks at this generation in place of ``at``, for trajectories.
        arrival: see :attr:`arrived`; :meth:`in_scenario` fills it in.
    """

    measure: str
    of: str = ""
    where: str | None = None
    at: str = "end"
    mind: str = "evolved"
    turn: int | None = None
    last: int | None = None
    until: int | None = None
    span: tuple[int, int] | None = None
    level: float | None = None
    generation: int | None = None
    arrival: int | None = None

    @property
    def flip(self) -> int:
        """The generation of the flip.

        Raises:
            EvosimError: the timeline has one phase only.
        """
        if self.turn is None:
            raise no_flip(self.measure)
        return self.turn

    @property
    def arrived(self) -> int:
        """The first generation that lives in the new world alone: that of the flip, unless it is
        a ramp, or the first of several.

        Raises:
            EvosimError: the timeline has one phase only.
        """
        if self.arrival is not None:
            return self.arrival
        return self.flip if self.last is None else self.last

    def in_scenario(self, scenario: Scenario) -> Query:
        """The same, with the generation in which the change has come about there."""
        if self.turn is None:
            return self
        return replace(self, arrival=timeline.arrival(scenario, self.last or self.turn))


def no_flip(measure: str) -> EvosimError:
    """The answer to a metric of a flip where there is none."""
    return EvosimError(f"measure {measure!r} looks at a flip, and the timeline has one phase only")


def no_peak(query: Query) -> EvosimError:
    allowed = "start, before, flip or end"
    return EvosimError(f"measure {query.measure!r} has no {query.at}: at = {allowed}")


def turns(scenario: Scenario) -> tuple[int, ...]:
    """The first generation of every phase but the first."""
    begins = np.cumsum([phase.generations for phase in scenario.timeline])
    return tuple(int(g) for g in begins[:-1])


def main_environment(scenario: Scenario, generation: int) -> str:
    """The environment of the largest weight in a generation, the first among equals."""
    mixture = scenario.mixture_at(generation)
    return max(mixture, key=lambda name: mixture[name])


def require_known(name: str, allowed: Any, what: str, query: Query) -> str:
    names = [str(n) for n in allowed]
    if name not in names:
        raise EvosimError(
            f"measure {query.measure!r}: unknown {what} {name!r}: {did_you_mean(name, names)}"
        )
    return name


def generation_of(data: xr.Dataset, query: Query, at: str | None = None) -> int:
    """The generation that a query looks at, of several the last; of a flip both sides are its own
    generation, of a ramp the first and the last."""
    if query.generation is not None:
        return query.generation
    at = at or query.at
    if at == "before":
        return query.flip
    if at == "flip":
        return query.arrived
    if at in OVER or (at == "peak" and query.span is not None):
        return span_of(data, query)[1]
    return int(data["generation"].values[0 if at == "start" else -1])


def environment_of(data: xr.Dataset, scenario: Scenario, query: Query) -> str:
    """The environment that a query looks at.

    Raises:
        EvosimError: no such environment, or no such flip.
    """
    query = query.in_scenario(scenario)
    if query.where is not None:
        return require_known(query.where, data["environment"].values, "environment", query)
    if query.at == "before":
        return main_environment(scenario, query.flip - 1)
    generation = 0 if query.at == "start" else generation_of(data, query)
    return main_environment(scenario, generation)


def span_of(data: xr.Dataset, query: Query) -> tuple[int, int]:
    """The first and the last generation that a query looks at."""
    if query.span is not None:
        return query.span
    end = int(data["generation"].values[-1])
    return query.arrived, end if query.until is None else min(query.until - 1, end)


def largest(values: Floats) -> Floats:
    """The largest over the first axis of what is not NaN; NaN where nothing is."""
    highest = np.where(np.isnan(values), -np.inf, values).max(axis=0)
    return np.where(np.isinf(highest), np.nan, highest)


def probe_index(data: xr.Dataset, query: Query, generation: int) -> int:
    """Where a generation stands along the dimension ``probe``.

    Raises:
        EvosimError: the generation was not probed.
    """
    found = np.flatnonzero(data["probe"].values == generation)
    if not len(found):
        raise EvosimError(
            f"measure {query.measure!r}: generation {generation} was not probed; add it with ",
            Argument("settings", {"measure.also": [generation]}),
        )
    return int(found[0])


def at_probe(data: xr.Dataset, query: Query, values: Floats) -> Floats:
    """Of values by replicate and probe [R, P], those at the query's time, [R].

    Raises:
        EvosimError: the generation was not probed.
    """
    if query.at == "peak" and query.generation is None:
        return largest(values.T)
    index = probe_index(data, query, generation_of(data, query))
    return np.asarray(values[:, index], np.float64)


def each_probe(data: xr.Dataset, scenario: Scenario, query: Query, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the query's place, [R, P]."""
    here = values.sel(
        environment=environment_of(data, scenario, query),
        mind=require_known(query.mind, data["mind"].values, "mind", query),
    )
    return mean_of_defined(here.transpose("replicate", "probe", "sample").values)


def probed(data: xr.Dataset, scenario: Scenario, query: Query, values: xr.DataArray) -> Floats:
    """Sampled individuals' mean of a probe variable in the query's place and time, [R]."""
    return at_probe(data, query, each_probe(data, scenario, query, values))


def recent_generations(data: xr.Dataset, query: Query) -> slice:
    """The generations whose lives stand for the query's time."""
    last = data.sizes["generation"]
    if query.generation is not None:
        return slice(query.generation, query.generation + 1)
    if query.at == "peak":
        raise no_peak(query)
    if query.at == "before":
        return slice(max(0, query.flip - RECENT), query.flip)
    if query.at == "flip":
        return slice(query.arrived, query.arrived + 1)
    return slice(0, 1) if query.at == "start" else slice(max(0, last - RECENT), last)
