"""Measures of probes and of lives: capability, alignment, rewards, payoffs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evosim.errors import EvosimError
from evosim.metrics.registry import (
    LINK,
    LINKS,
    PAYOFF,
    PROBED,
    Columns,
    Term,
    at_probe,
    environment_of,
    known,
    lived_generations,
    measure,
    probed,
)
from evosim.stats.intervals import mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario


@measure(
    "capability",
    "own reward between random play (0) and the optimum (1)",
    course="capability",
    heeds=PROBED,
    peaks=True,
)
def _capability(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (probed(data, scenario, term, data["capability"]),)


@measure(
    "alignment",
    "intended payoff between random play (0) and the optimum (1)",
    course="alignment",
    heeds=PROBED,
    peaks=True,
)
def _alignment(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (probed(data, scenario, term, data["alignment"]),)


@measure(
    "fidelity",
    "what the upper objective of a link gets where the lower one is optimized",
    course="fidelity",
    takes=LINK,
    heeds=PROBED - {"mind"},
    peaks=True,
    needs="agent.tool",
)
def _fidelity(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    if term.mind != "evolved":
        raise EvosimError(f"measure 'fidelity' is of evolved minds (got mind = {term.mind!r})")
    link = known(term.of, LINKS, "link", term)
    here = data[f"fidelity_{link}"].sel(environment=environment_of(data, scenario, term))
    each = here.transpose("replicate", "probe", "sample").values
    return (at_probe(data, term, mean_of_defined(each)),)


@measure("reward", "expected internal reward a lifetime", course="reward", heeds=PROBED, peaks=True)
def _reward(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (probed(data, scenario, term, data["expected_reward"]),)


@measure("lifespan", "expected steps of a lifetime", course="lifespan", heeds=PROBED, peaks=True)
def _lifespan(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    return (probed(data, scenario, term, data["expected_lifespan"]),)


@measure(
    "payoff", "expected payoff a lifetime", takes=PAYOFF, course="payoff", heeds=PROBED, peaks=True
)
def _payoff(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    of = known(term.of, data["payoff"].values, "payoff", term)
    return (probed(data, scenario, term, data["expected_payoff"].sel(payoff=of)),)


@measure(
    "lived",
    "payoff a lifetime as lived, mean of five generations",
    takes=PAYOFF,
    course="lived",
    each=True,
    heeds=frozenset({"at"}),
)
def _lived(data: xr.Dataset, scenario: Scenario, term: Term) -> Columns:
    of = known(term.of, data["payoff"].values, "payoff", term)
    lives = data["payoff_total"].sel(payoff=of).isel(generation=lived_generations(data, term))
    each = lives.transpose("replicate", "generation", "individual").values
    return (mean_of_defined(mean_of_defined(each)),)
