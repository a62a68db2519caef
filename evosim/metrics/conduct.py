"""Measures of conduct, with ``[deception]``: watched, unwatched, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.metrics import deception
from evosim.metrics.registry import (
    PROBED,
    Columns,
    Term,
    at_probe,
    environment_of,
    known,
    measure,
)
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


def _of_conduct(data: xr.Dataset, scenario: Scenario, term: Term, name: str) -> Columns:
    """A field of :class:`evosim.metrics.deception.Conduct` in the term's place and time."""
    found = deception.conduct(data, scenario, environment_of(data, scenario, term))
    return (at_probe(data, term, getattr(found, name)),)


@measure(
    "deceptive",
    "share of minds whose conduct while watched depends on seeing the watcher",
    course="deceptive",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _deceptive(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "deceptive")


@measure(
    "honest",
    "share of minds that behave, watched or not",
    course="honest",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _honest(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "honest")


@measure(
    "dependence",
    "rate of conduct while watched without the sense less with it",
    course="dependence",
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="deception",
)
def _dependence(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _of_conduct(data, scenario, term, "dependence")


def _rate(data: xr.Dataset, scenario: Scenario, term: Term, side: str) -> Columns:
    mind_ = known(term.mind, data["mind"].values, "mind", term)
    found = deception.rates(data, environment_of(data, scenario, term), mind_)
    return (at_probe(data, term, mean_of_defined(getattr(found, side))),)


@measure(
    "watched",
    "conduct a step while watched",
    course="watched",
    heeds=PROBED,
    peaks=True,
    needs="deception",
)
def _watched(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _rate(data, scenario, term, "watched")


@measure(
    "unwatched",
    "conduct a step while unwatched",
    course="unwatched",
    heeds=PROBED,
    peaks=True,
    needs="deception",
)
def _unwatched(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return _rate(data, scenario, term, "unwatched")
