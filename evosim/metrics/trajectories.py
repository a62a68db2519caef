"""The headline measure of an experiment over generations, for figures.

A trajectory is what a term measures if it is asked at every probe (or at every generation, where
that is cheap). A measure that exists only across a flip has none of its own: it is seen in the
trajectories of what it compares, in the world that trains and in the other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from evosim.engine.variables import EVOLVED
from evosim.errors import EvosimError
from evosim.metrics import METRICS, Floats, Metric, Query, environment_of
from evosim.metrics.flips import lived_share, mixed, mixtures
from evosim.metrics.hypotheses import Conditions, WeightedTerm
from evosim.process import ignoring

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

DIGITS = 4
"""Significant digits that are kept: enough for a line."""
MOST = 100
"""Generations in a trajectory, about: enough for a line."""
TRAINS, OTHER = "trains", "other"
"""The world that trains in a generation, and the other one of the flip."""


class Trajectory(NamedTuple):
    """A trajectory of one arm: when, and what, [replicate, time]."""

    generations: list[int]
    values: Floats


def trajectories(
    terms: Sequence[WeightedTerm], arms: Mapping[str, Conditions]
) -> list[dict[str, Any]]:
    """The trajectories that show a finding.

    Args:
        terms: the terms of the finding.
        arms: every arm of the experiment, those that the finding does not look at too.

    Returns:
        For each thing measured, in each world: measure, of, mind, where (environments, one of each
        arm), world (``trains``, ``other``, or None for a fixed environment), level and arms: by
        name ``generations`` and ``values`` [replicate][time], 4 significant digits, None where
        undefined; of alignment in the world that trains also ``lived``: ``generations`` and
        ``values`` [time], that share of the realised payoff, the median over replicates. An arm
        that lacks what is measured has no trajectory.
    """
    found = []
    for query, world in _asked(terms):
        by_arm: dict[str, Any] = {}
        where: dict[str, str] = {}
        for name, (data, scenario) in arms.items():
            try:
                trajectory = _trajectory(data, scenario, query, world)
                if world is None and not METRICS[query.measure].per_generation:
                    where[name] = environment_of(data, scenario, query)
            except EvosimError:
                continue  # an arm that the finding does not look at need not have what it measures
            if trajectory is not None:
                by_arm[name] = {
                    "generations": trajectory.generations,
                    "values": [_rounded(row) for row in trajectory.values],
                }
                if world == TRAINS and query.measure == "alignment" and query.mind == EVOLVED:
                    by_arm[name] |= _lived(data, scenario, query)
        if by_arm:
            found.append(
                {
                    "measure": query.measure,
                    "of": query.of,
                    "mind": query.mind,
                    "where": where,
                    "world": world,
                    "level": query.level,
                    "arms": by_arm,
                }
            )
    return found


def _rounded(values: Floats) -> list[float | None]:
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in values]


def _lived(data: xr.Dataset, scenario: Scenario, query: Query) -> dict[str, Any]:
    """What was realised between the probes of alignment: the same share of that payoff, the
    median over replicates, in every generation; nothing where it is unknown."""
    share = lived_share(data, scenario)
    if share is None or not np.isfinite(share).any():
        return {}
    chosen = _generations(data, query)
    known = [int(g) for g in data["generation"].values]
    with ignoring(RuntimeWarning):  # a generation without individuals
        medians = np.nanmedian(share[:, [known.index(g) for g in chosen]], axis=0)
    return {"lived": {"generations": chosen, "values": _rounded(medians)}}


def _asked(terms: Sequence[WeightedTerm]) -> list[tuple[Query, str | None]]:
    """What to follow: each thing measured once, whenever and in whichever arm it is looked at."""
    found: dict[tuple[Query, str | None], None] = {}
    for term in terms:
        metric = METRICS[term.query.measure]
        if metric.trajectory is None:
            continue
        query = replace(term.query, measure=metric.trajectory)
        if metric.at_flip:
            for world in (TRAINS, OTHER):
                found[replace(query, where=None, at="end"), world] = None
            continue
        # When it is looked at matters only where that says in which environment.
        if query.where is not None or METRICS[query.measure].per_generation or query.at == "peak":
            query = replace(query, at="end", span=None)
        found[query, None] = None
    return list(found)


def _trajectory(
    data: xr.Dataset, scenario: Scenario, query: Query, world: str | None
) -> Trajectory | None:
    metric = METRICS[query.measure]
    if not query.of and metric.argument:  # of what is about the intended payoff alone
        query = replace(query, of=scenario.objective.intended)
    if world is not None:
        return _between_worlds(data, scenario, query, world)
    if not metric.per_generation:
        query = replace(query, where=environment_of(data, scenario, query))
    generations = _generations(data, query) if metric.per_generation else _probes(data)
    columns = [
        metric.columns(data, scenario, replace(query, generation=generation))
        for generation in generations
    ]
    return Trajectory(generations, _lines(metric, columns))


def _lines(metric: Metric, columns: Sequence[tuple[Floats, ...]]) -> Floats:
    """Columns by time as [replicate, time]; of a statistic over replicates a single line."""
    if metric.statistic is None:
        return np.array([column for (column,) in columns]).T
    return np.array([[float(metric.number(*group)) for group in columns]])


def _between_worlds(
    data: xr.Dataset, scenario: Scenario, query: Query, world: str
) -> Trajectory | None:
    """A probe variable in the mixture that trains, or in the one on the flip's other side."""
    before, after = mixtures(scenario, query)
    if world == OTHER and before == after:
        return None  # in this arm there is no other world
    metric = METRICS[query.measure]
    lines = []
    generations = _probes(data)
    for g in generations:
        other = after if g < query.flip else before
        weights = scenario.mixture_at(g) if world == TRAINS else other
        columns = [
            metric.columns(data, scenario, replace(query, where=name, generation=g))[0]
            for name in weights
        ]
        lines.append(mixed(np.stack(columns, axis=-1), weights))
    return Trajectory(generations, np.array(lines).T)


def _probes(data: xr.Dataset) -> list[int]:
    return [int(g) for g in data["probe"].values]


def _generations(data: xr.Dataset, query: Query) -> list[int]:
    """All generations; of very many every few, with both sides of the flip and the last."""
    last = int(data["generation"].values[-1])
    step = -(-(last + 1) // MOST)
    sides = set() if query.turn is None else {query.turn - 1, query.turn}
    return sorted(g for g in {*range(0, last + 1, step), *sides, last} if 0 <= g <= last)
