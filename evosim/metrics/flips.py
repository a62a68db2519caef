"""All numbers of a flip: what is lost at it, what is kept, and how soon it is back (model 4).

A flip at generation g is measured on the population of generation g, which was bred under the old
world only: *before* is how it fares in the old mixture of environments, *after* in the new one. Of
a ramp, and of several flips that count as one change, *after* is how the population of the
generation that arrives in the last mixture fares there. The summary of a run and the metrics of
findings take these numbers from here.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.metrics.probed import NO_ALIGNMENT, NO_CAPABILITY
from evosim.metrics.query import RECENT, Floats, Query, each_probe, probe_index, require_known
from evosim.metrics.registry import METRICS, Columns, course, expectations_are_exact, metric
from evosim.scenario import document
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate, mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

JUDGED = ("capability", "alignment")
"""What is followed across a flip, and judged."""


class Sides(NamedTuple):
    """A number on both sides of a flip, in the same population unless it is a ramp."""

    before: Floats  # [replicate], or [sample] of one replicate
    after: Floats


Over: TypeAlias = Callable[[Floats], Floats]


def mixtures(scenario: Scenario, query: Query) -> tuple[dict[str, float], dict[str, float]]:
    """What trains before a query's flip and when it has come about, weights by environment.

    They are equal in an arm in which nothing changes there.
    """
    query = query.in_scenario(scenario)
    before, after = (scenario.mixture_at(g) for g in (query.flip - 1, query.arrived))
    return before, after


def unmoved(value: float, *, felt: bool = False) -> Callable[[Scenario, Query], float | None]:
    """What a metric of a flip is by construction: ``value``, where both sides are one world.

    Args:
        value: 0 of what is lost, 1 of what is retained.
        felt: whether worlds that differ in payoffs alone count as one, as minds that feel the same
            do the same.
    """

    def given(scenario: Scenario, query: Query) -> float | None:
        query = query.in_scenario(scenario)
        if query.arrived != query.flip:
            return None  # the population is another one
        before, after = (_worlds(scenario, mix, felt) for mix in mixtures(scenario, query))
        return value if before == after else None

    return given


def _worlds(scenario: Scenario, mixture: Mapping[str, float], felt: bool) -> dict[str, float]:
    """The weights of the worlds of a mixture, each as the text of all that can matter in it."""
    found: dict[str, float] = {}
    for name, weight in mixture.items():
        world = scenario.environment(name)
        table = document.plain(world)
        for path, _ in world.effects() if felt else ():
            reduce(operator.getitem, path, table).pop("yields", None)
        # Kinds that stand nowhere; what kinds look like, of which only a tool takes notice.
        tool = scenario.agent.tool
        looked_at = tool is not None and not (tool.reliance.pinned and tool.reliance.low == 0)
        table["kinds"] = {
            key: {k: v for k, v in kind.items() if k != "looks" or looked_at}
            for key, kind in table.get("kinds", {}).items()
            if world.kinds[key].count or world.kinds[key].glyph in (world.map or "")
        }
        key = json.dumps(table, sort_keys=True)
        found[key] = found.get(key, 0.0) + weight
    return found


def mixed(values: Floats, weights: Mapping[str, float]) -> Floats:
    """The mean over the environments of a mixture, NaN where it is NaN in one of them.

    Args:
        values: [..., environment], in the order of the weights.
        weights: of the environments; they need not sum to 1.

    Returns:
        [...]

    >>> float(mixed(np.array([0.5, 1.0]), {"day": 3.0, "night": 1.0}))
    0.625
    """
    share = np.array(list(weights.values()))
    return np.asarray(values @ (share / share.sum()), np.float64)


def across(data: xr.Dataset, scenario: Scenario, query: Query, name: str) -> Sides:
    """A probe variable before and after a flip, [replicate] each, means over the sample.

    Args:
        query: says which flip, and whose mind.
        name: of a variable by environment, mind and sample.

    Raises:
        EvosimError: the flip's generation was not probed, or there is no such mind.
    """
    return mean_sides(data, scenario, query, data[name])


def mean_sides(data: xr.Dataset, scenario: Scenario, query: Query, values: xr.DataArray) -> Sides:
    """As :func:`across`, of values by probe, environment, mind and sample."""
    return sides(data, scenario, query, of_mind(data, query, values))


def of_mind(data: xr.Dataset, query: Query, values: xr.DataArray) -> xr.DataArray:
    """Values by mind: those of a query's mind."""
    return values.sel(mind=require_known(query.mind, data["mind"].values, "mind", query))


def of_replicates(values: Floats) -> Floats:
    """Numbers [replicate, environment, sample] as means over the sample."""
    return mean_of_defined(values)


def of_individuals(values: Floats) -> Floats:
    """Numbers [1, environment, sample] of one replicate as [sample, environment]."""
    return values[0].T


def sides(
    data: xr.Dataset,
    scenario: Scenario,
    query: Query,
    values: xr.DataArray,
    over: Over = of_replicates,
) -> Sides:
    """A number by environment on both sides of a flip, as the worlds there are mixed.

    Args:
        query: says which flip.
        values: by replicate and environment; by probe and sample too, if it depends on them.
        over: whether individuals are taken together or apart.
    """
    query = query.in_scenario(scenario)
    dims = ("replicate", "environment", *(dim for dim in values.dims if dim == "sample"))

    def side(generation: int, weights: Mapping[str, float]) -> Floats:
        then = values
        if "probe" in values.dims:
            then = values.isel(probe=probe_index(data, query, generation))
        numbers = then.sel(environment=list(weights)).transpose(*dims).values
        return mixed(over(numbers.reshape(*numbers.shape[:2], -1)), weights)

    before, after = mixtures(scenario, query)
    return Sides(side(query.flip, before), side(query.arrived, after))


def zero_payoff(data: xr.Dataset, scenario: Scenario, query: Query) -> Sides:
    """The intended payoff at which alignment is 0, in the old and the new world, [replicate]."""
    zero = scenario.verdict.zero
    if isinstance(zero, str):
        return sides(data, scenario, query, recorded(data, f"{zero}_payoff"))
    return Sides(*np.full((2, data.sizes["replicate"]), zero))


class NotRecordedError(EvosimError):
    """A variable that data lack, as an older version of evosim made them."""


def recorded(data: xr.Dataset, name: str) -> xr.DataArray:
    """A variable that the runs of older versions lack.

    Raises:
        NotRecordedError: this one does.
    """
    if name not in data:
        raise NotRecordedError(
            f"the data hold no {name}: an older version made this run. Run it again to have it"
        )
    return data[name]


def estimates(
    sides: Mapping[str, Sides], floor: float, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """What the metrics of a flip come to: before, after, lost and retained, by name.

    Args:
        sides: of capability and alignment.
        floor: before has to lie above it for a retained share to be defined.
    """
    found: dict[str, Estimate] = {}
    for name, (before, after) in sides.items():
        found[f"{name}_before"] = intervals.mean(before, bootstrap)
        found[f"{name}_after"] = intervals.mean(after, bootstrap)
        if name == "alignment":
            found["collapse"] = intervals.mean(before - after, bootstrap)
        retained = f"{name}_retained"
        found[retained] = (
            intervals.estimate(METRICS[retained].number, bootstrap, after, before)
            if found[f"{name}_before"].value > floor
            else Estimate(value=math.nan, interval=None, n=0, n_undefined=len(before))
        )
    return found


def lived_share(data: xr.Dataset, scenario: Scenario) -> Floats | None:
    """What a generation is paid of what is intended, in all its lifetimes, as a share: 0 for the
    zero of the verdict, 1 for the optimum of the probed levels, in the worlds that train.

    Returns:
        [replicate, generation], NaN where the optimum is no more than the zero; None where the data
        lack what it takes.
    """
    zero, intended = scenario.verdict.zero, scenario.objective.intended
    ends = ["optimal_payoff", *([f"{zero}_payoff"] if isinstance(zero, str) else [])]
    if "payoff_total" not in data or intended not in data["payoff"].values:
        return None
    if any(name not in data for name in ends):
        return None
    paid = data["payoff_total"].sel(payoff=intended)
    means = mean_of_defined(paid.transpose("replicate", "generation", "individual").values)
    names = [str(name) for name in data["environment"].values]
    mixed_in = np.array(
        [
            [scenario.mixture_at(int(generation)).get(name, 0.0) for name in names]
            for generation in data["generation"].values
        ]
    )
    optimum, *other = (
        np.asarray(data[name].transpose("replicate", "environment").values, np.float64) @ mixed_in.T
        for name in ends
    )
    least = other[0] if other else np.full(optimum.shape, zero, np.float64)
    gain = np.where(optimum > least, optimum - least, np.nan)
    return np.asarray((means - least) / gain, np.float64)


class Recovery(NamedTuple):
    """A realised payoff around a flip, [replicate] each (docs/measures, recovery)."""

    before: Floats
    """Mean of the last generations of the old world."""
    at: Floats
    """Of the flip's own generation, the first that lives in the new world alone."""
    end: Floats
    """Mean of the last generations before the next flip or the end."""
    defined: NDArray[np.bool_]
    """Whether before gained more than the floor of what the optimum gains over the zero."""
    generations: Floats
    """From ``at`` to the first generation that gains half of what before gained; infinite where
    none does, NaN where recovery is not defined."""
    followed: int
    """How many generations were looked at."""


def recovery(
    paid: Floats,
    scenario: Scenario,
    query: Query,
    *,
    zero: Sides,
    optimal: Floats,
) -> Recovery:
    """How a payoff comes back after a flip. Payoffs have no zero of their own, so that what can be
    lost and regained is what is gained over the zero of the verdict, by default random play.

    Args:
        paid: realised mean payoff a lifetime, [replicate, generation].
        scenario: has the timeline, and the floor of the verdict.
        query: says which flip.
        zero: what has alignment 0 in the old and the new world, [replicate].
        optimal: what the optimum is paid in the old world, [replicate].
    """
    query = query.in_scenario(scenario)
    start, _ = bounds(scenario, query.flip)
    _, stop = bounds(scenario, query.arrived)
    old, new = paid[:, start : query.flip], paid[:, query.arrived : stop]
    before = old[:, -RECENT:].mean(axis=1)
    gained = before - zero.before
    could_gain = optimal - zero.before
    defined = gained > np.maximum(scenario.verdict.floor * could_gain, 0.0)
    back = new - np.asarray(zero.after)[:, None] >= gained[:, None] / 2
    first = np.where(back.any(axis=1), back.argmax(axis=1), np.inf)
    return Recovery(
        before=before,
        at=new[:, 0],
        end=new[:, -RECENT:].mean(axis=1),
        defined=defined,
        generations=np.where(defined, first, np.nan),
        followed=new.shape[1],
    )


def begins(flip: Mapping[str, Any]) -> str:
    """When a flip is, in words.

    Args:
        flip: of a summary, with its ``generation`` and ``arrival``.
    """
    first, last = flip["generation"], flip.get("arrival", flip["generation"])
    if first == last:
        return f"Flip at generation {first}"
    return f"Ramp from generation {first} to {last}"


def bounds(scenario: Scenario, generation: int) -> tuple[int, int]:
    """The generation in which the flip before a flip had come about, or 0, and that of the next
    flip, or how many there are."""
    return (
        max((f.arrival for f in scenario.flips if f.generation < generation), default=0),
        min(
            (f.generation for f in scenario.flips if f.generation > generation),
            default=scenario.generations,
        ),
    )


# The metrics

NOTHING_KEPT = "the value before the flip is not above 0, or in a verdict not above its floor"


@metric(
    "collapse",
    figure="flip",
    undefined=f"{NO_ALIGNMENT}, before or after the flip",
    description="alignment before less alignment after the flip",
    exact=expectations_are_exact,
    trajectory="alignment",
    at_flip=True,
    uses=frozenset({"mind"}),
    amounts=("payoff_lost", "regret_gained"),
    given=unmoved(0.0),
)
def _collapse(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = across(data, scenario, query, "alignment")
    return (before - after,)


@metric(
    "capability_lost",
    figure="flip",
    undefined=f"{NO_CAPABILITY}, before or after the flip",
    description="capability before less capability after the flip",
    exact=expectations_are_exact,
    trajectory="capability",
    at_flip=True,
    uses=frozenset({"mind"}),
    given=unmoved(0.0, felt=True),
)
def _capability_lost(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = across(data, scenario, query, "capability")
    return (before - after,)


@metric(
    "alignment_retained",
    figure="flip",
    undefined=f"{NOTHING_KEPT}, or {NO_ALIGNMENT}",
    description="alignment after over before the flip",
    exact=expectations_are_exact,
    statistic=intervals.ratio_of_means,
    trajectory="alignment",
    at_flip=True,
    uses=frozenset({"mind"}),
    amounts=("payoff_retained",),
    given=unmoved(1.0),
)
def _alignment_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return across(data, scenario, query, "alignment")[::-1]


@metric(
    "capability_retained",
    figure="flip",
    undefined=f"{NOTHING_KEPT}, or {NO_CAPABILITY}",
    description="capability after over before the flip",
    exact=expectations_are_exact,
    statistic=intervals.ratio_of_means,
    trajectory="capability",
    at_flip=True,
    uses=frozenset({"mind"}),
    amounts=("reward_retained",),
    given=unmoved(1.0, felt=True),
)
def _capability_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return across(data, scenario, query, "capability")[::-1]


@metric(
    "recovery",
    figure="objective_proxy",
    undefined="little or nothing was gained over the zero, by default random play, before the flip",
    description="generations from the flip until half of the earlier gain over the zero is back; "
    "all until the next flip or the end if it never is",
    label="generations to recovery",
    unit="generations",
    exact=False,
    trajectory="lived",
    needs_flip=True,
)
def _recovery(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Who never gets there counts all generations until the next flip or the end; undefined where
    there was next to nothing to lose, as in the summary of the flip."""
    payoffs = data["payoff_total"].sel(payoff=scenario.objective.intended)
    paid = mean_of_defined(payoffs.transpose("replicate", "generation", "individual").values)
    found = recovery(
        paid,
        scenario,
        query,
        zero=zero_payoff(data, scenario, query),
        optimal=sides(data, scenario, query, data["optimal_payoff"]).before,
    )
    return (np.minimum(found.generations, found.followed),)


@metric(
    "regained",
    figure="flip",
    description="generations from the flip until alignment reaches `level` at a probe; all that "
    "remain if it never does",
    label="generations until alignment is {level:g} again",
    unit="generations",
    exact=expectations_are_exact,
    trajectory="alignment",
    needs_flip=True,
    uses=frozenset({"where", "mind", "level"}),
)
def _regained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Exact, at the resolution of probes; who never gets there counts all that were left."""
    if query.level is None:
        raise EvosimError("measure 'regained' needs level = number, the alignment to be reached")
    alignment = each_probe(data, scenario, query, data["alignment"])
    since = data["probe"].values - query.arrived
    back = (alignment >= query.level) & (since >= 0)
    left = int(data["generation"].values[-1]) + 1 - query.arrived
    return (np.where(back.any(axis=1), since[back.argmax(axis=1)], left).astype(float),)


@metric(
    "to_trough",
    figure="flip",
    description="generations from the flip until alignment is lowest at a probe, before the next "
    "phase or the end",
    label="generations until alignment is lowest",
    unit="generations",
    exact=expectations_are_exact,
    trajectory="alignment",
    needs_flip=True,
    uses=frozenset({"where", "mind"}),
    undefined=NO_ALIGNMENT,
)
def _to_trough(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Of the lowest probe before the next phase, the first of them; NaN where none is defined."""
    query = replace(query, measure="alignment", at="trough")
    courses, probes = course(METRICS["alignment"], data, scenario, query)
    known = ~np.isnan(courses)
    first = np.where(known, courses, np.inf).argmin(axis=1)
    return (np.where(known.any(axis=1), probes[first] - query.arrived, np.nan),)
