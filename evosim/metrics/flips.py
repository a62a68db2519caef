"""Metrics of a flip: what is lost at it, and how soon it is back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.errors import EvosimError
from evosim.metrics.registry import (
    RECENT,
    Columns,
    Floats,
    Query,
    each_probe,
    expectations_are_exact,
    metric,
    probed,
)
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def across(data: xr.Dataset, scenario: Scenario, query: Query, name: str) -> tuple[Floats, Floats]:
    """A probe variable before and after the flip, on the flip's population, [R] each.

    The worlds are the mixtures that train on either side; one that stays the same is no flip.
    """
    sides = []
    for generation in (query.flip - 1, query.flip):
        mixture = scenario.phase_at(generation).mixture
        sides.append(
            sum(
                weight
                * probed(data, scenario, replace(query, at="flip", where=environment), data[name])
                for environment, weight in mixture.items()
            )
        )
    return np.asarray(sides[0]), np.asarray(sides[1])


@metric(
    "collapse",
    description="alignment before less alignment after the flip",
    exact=expectations_are_exact,
    trajectory="alignment",
    at_flip=True,
    uses=frozenset({"mind"}),
)
def _collapse(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = across(data, scenario, query, "alignment")
    return (before - after,)


@metric(
    "capability_lost",
    description="capability before less capability after the flip",
    exact=expectations_are_exact,
    trajectory="capability",
    at_flip=True,
    uses=frozenset({"mind"}),
)
def _capability_lost(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    before, after = across(data, scenario, query, "capability")
    return (before - after,)


def _ratio_of_means(above: Floats, below: Floats, axis: int = -1) -> Any:
    top, bottom = np.mean(above, axis=axis), np.mean(below, axis=axis)
    positive = bottom > 0
    return np.where(positive, top / np.where(positive, bottom, 1.0), np.nan)


@metric(
    "alignment_retained",
    description="alignment after over before the flip",
    exact=expectations_are_exact,
    statistic=_ratio_of_means,
    trajectory="alignment",
    at_flip=True,
    uses=frozenset({"mind"}),
)
def _alignment_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return across(data, scenario, query, "alignment")[::-1]


@metric(
    "capability_retained",
    description="capability after over before the flip",
    exact=expectations_are_exact,
    statistic=_ratio_of_means,
    trajectory="capability",
    at_flip=True,
    uses=frozenset({"mind"}),
)
def _capability_retained(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    return across(data, scenario, query, "capability")[::-1]


@metric(
    "recovery",
    description="generations from the flip until half of the lost payoff is regained",
    label="generations to recovery",
    unit="generations",
    exact=False,
    trajectory="lived",
    needs_flip=True,
)
def _recovery(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Payoffs are counted from random play. Who never gets there counts all generations until the
    next flip or the end; for who had gained nothing before the flip it is undefined."""
    intended = scenario.objective.intended
    lives = data["payoff_total"].sel(payoff=intended)
    paid = mean_of_defined(lives.transpose("replicate", "generation", "individual").values)
    old, new = (
        sum(
            weight * data["uniform_payoff"].sel(environment=name).values
            for name, weight in scenario.phase_at(g).mixture.items()
        )
        for g in (query.flip - 1, query.flip)
    )
    gained = paid[:, max(0, query.flip - RECENT) : query.flip].mean(axis=1) - old
    later = [flip.generation for flip in scenario.flips if flip.generation > query.flip]
    after = paid[:, query.flip : min(later, default=scenario.generations)]
    back = after - np.asarray(new)[:, None] >= gained[:, None] / 2
    n = after.shape[1]
    generations = np.where(back.any(axis=1), back.argmax(axis=1), n).astype(float)
    return (np.where(gained > 0, generations, np.nan),)


@metric(
    "regained",
    description="generations from the flip until alignment reaches a level",
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
    since = data["probe"].values - query.flip
    back = (alignment >= query.level) & (since >= 0)
    left = int(data["generation"].values[-1]) + 1 - query.flip
    return (np.where(back.any(axis=1), since[back.argmax(axis=1)], left).astype(float),)
