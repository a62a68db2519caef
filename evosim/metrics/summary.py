"""The summary of a run: what summary.json holds (model 4; docs/measures).

The numbers of a flip are those of :mod:`evosim.metrics.flips`, its verdict that of
:mod:`evosim.metrics.verdict`; :mod:`evosim.metrics.summary_text` tells a summary in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mechanisms, mind
from evosim.engine.mechanism import sizes
from evosim.engine.variables import EVOLVED
from evosim.metrics import METRICS, Query, flips, readings
from evosim.metrics._summary_types import (
    EnvironmentSummary,
    Estimates,
    FlipSummary,
    MindAtFlip,
    Phenotype,
    RecoverySummary,
    RunSummary,
)
from evosim.metrics.flips import JUDGED, Sides
from evosim.metrics.genes import phenotypes
from evosim.metrics.registry import expectations_are_exact
from evosim.metrics.verdict import judge
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate, finite, mean_of_defined

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Flip, Scenario

Floats = NDArray[np.float64]


def summarize(dataset: xr.Dataset, scenario: Scenario) -> RunSummary:
    """The summary of a run.

    Args:
        dataset: the data of the run (docs/architecture.md, run data).
        scenario: the scenario it ran.
    """
    seed, used = int(dataset.attrs["seed"]), mechanisms.used(scenario)
    bootstrap = Bootstrap.of(
        seed, confidence=scenario.verdict.confidence, resamples=scenario.verdict.resamples
    )
    return RunSummary(
        scenario=scenario.id,
        title=scenario.title,
        question=scenario.question,
        seed=seed,
        replicates=int(dataset.sizes["replicate"]),
        generations=int(dataset.sizes["generation"]),
        exact=expectations_are_exact(scenario),
        intended=scenario.objective.intended,
        selected=scenario.objective.selected,
        thresholds={
            name: getattr(scenario.verdict, name)
            for name in ("zero", "kept", "lost", "floor", "confidence", "resamples")
        },
        flips=tuple(_flip(dataset, scenario, flip, bootstrap) for flip in scenario.flips),
        environments={
            name: _final(dataset, scenario, name, bootstrap) for name in scenario.environments
        },
        evolved=_phenotype(dataset, scenario, -1, bootstrap),
        evolving=tuple(_told(locus.name for locus in mind.loci(scenario))),
        sections={
            mechanisms.in_summary(name): found
            for name, section in mechanisms.defined("metrics", "summary", used).items()
            if (found := section(dataset, scenario, bootstrap)) is not None
        },
    )


# Flips


def _flip(dataset: xr.Dataset, scenario: Scenario, flip: Flip, bootstrap: Bootstrap) -> FlipSummary:
    minds_at_flip = {}
    sides_at = {
        "before": (dataset.sel(probe=flip.generation), list(flip.before)),
        "after": (dataset.sel(probe=flip.arrival), list(flip.after)),
    }
    for name in map(str, dataset["mind"].values):
        # Of the sampled individuals, besides those absent from a population below the sample.
        n_undefined = {
            f"{measure}_{side}": int(
                np.isnan(probe[measure].sel(mind=name, environment=environments).values).sum()
            )
            - _absent(probe) * len(environments)
            for measure in JUDGED
            for side, (probe, environments) in sides_at.items()
        }
        query = _query(flip, name)
        sides = {m: flips.across(dataset, scenario, query, m) for m in JUDGED}
        estimates = flips.estimates(sides, scenario.verdict.floor, bootstrap)
        amounts = {"payoff": readings.payoff_across(dataset, scenario, query)}
        if name == EVOLVED:
            amounts["reward"] = readings.reward_across(dataset, scenario, query)
        for of, amount in amounts.items():
            estimates |= readings.estimates(of, amount, scenario.verdict.floor, bootstrap)
        minds_at_flip[name] = MindAtFlip(estimates=estimates, n_undefined=n_undefined)
    evolved = minds_at_flip.pop(EVOLVED)
    return FlipSummary(
        generation=flip.generation,
        arrival=flip.arrival,
        label_before=flip.label_before,
        label_after=flip.label_after,
        evolved=evolved,
        judgement=judge(evolved.estimates, scenario.verdict),
        payoffs=_payoffs_across(dataset, scenario, flip, bootstrap),
        phenotype=_phenotype(dataset, scenario, flip.generation, bootstrap),
        recovery=_recovery(dataset, scenario, flip),
        controls=minds_at_flip,
        sampling=_sampling_across(dataset, scenario, flip, bootstrap),
    )


def _query(flip: Flip, mind: str = EVOLVED) -> Query:
    return Query(measure="collapse", at="flip", mind=mind, turn=flip.generation)


def _absent(probe: xr.Dataset) -> int:
    """How many of the sample a population was too small for, all replicates together."""
    return int(np.sum(probe["probe_individual"].values < 0))


def _sampling_across(
    dataset: xr.Dataset, scenario: Scenario, flip: Flip, bootstrap: Bootstrap
) -> Estimates | None:
    """Over the individuals of one replicate whose measures are means of sampled lifetimes, else
    None.

    Their intervals hold the error of sampling individuals and their lives: what another sample of
    the same population would give, not what another replicate would.
    """
    if not _only_sampled(dataset, scenario):
        return None
    query, apart = _query(flip), flips.of_individuals
    sides = {
        name: flips.sides(
            dataset, scenario, query, flips.of_mind(dataset, query, dataset[name]), apart
        )
        for name in JUDGED
    }
    estimates = flips.estimates(sides, scenario.verdict.floor, bootstrap)
    for of, across in (("payoff", readings.payoff_across), ("reward", readings.reward_across)):
        amount = across(dataset, scenario, query, apart)
        estimates |= readings.estimates(of, amount, scenario.verdict.floor, bootstrap)
    return estimates


def _only_sampled(dataset: xr.Dataset, scenario: Scenario) -> bool:
    return dataset.sizes["replicate"] == 1 and not expectations_are_exact(scenario)


def _payoffs_across(
    dataset: xr.Dataset, scenario: Scenario, flip: Flip, bootstrap: Bootstrap
) -> dict[str, Estimates]:
    """Expected payoffs, internal reward and lifespan a lifetime on both sides of a flip."""
    quantities = {
        **{
            str(name): dataset["expected_payoff"].sel(payoff=name)
            for name in dataset["payoff"].values
        },
        "internal reward": dataset["expected_reward"],
        "lifespan": dataset["expected_lifespan"],
    }
    found: dict[str, Estimates] = {}
    for name, values in quantities.items():
        sides = flips.mean_sides(dataset, scenario, _query(flip), values)
        found[name] = {
            side: intervals.mean(column, bootstrap) for side, column in sides._asdict().items()
        }
    return found


def _recovery(dataset: xr.Dataset, scenario: Scenario, flip: Flip) -> RecoverySummary:
    """The realised intended payoff around a flip, of the replicates' mean."""
    intended = scenario.objective.intended
    payoffs = dataset["payoff_total"].sel(payoff=intended)
    least, most = sizes(scenario)
    if least < most:  # of unequal populations each counts for one
        each = mean_of_defined(payoffs.transpose("generation", "replicate", "individual").values)
        paid = mean_of_defined(each)
    else:
        paid = payoffs.mean(["replicate", "individual"]).values
    worlds = (flip.before, flip.after)
    uniform = Sides(*(_of_mixture(dataset["uniform_payoff"], side) for side in worlds))
    written = scenario.verdict.zero
    zero = (
        Sides(*(_of_mixture(dataset[f"{written}_payoff"], side) for side in worlds))
        if isinstance(written, str)
        else Sides(*np.full((2, 1), written))
    )
    found = flips.recovery(
        paid[None],
        scenario,
        _query(flip),
        zero=zero,
        optimal=_of_mixture(dataset["optimal_payoff"], flip.before),
    )
    half = finite(float(found.generations[0]))
    return RecoverySummary(
        payoff=intended,
        before=float(found.before[0]),
        at=float(found.at[0]),
        end=float(found.end[0]),
        random_before=float(uniform.before[0]),
        random_after=float(uniform.after[0]),
        zero_before=float(zero.before[0]),
        zero_after=float(zero.after[0]),
        defined=bool(found.defined[0]),
        generations_to_half=None if half is None else int(half),
    )


def _of_mixture(values: xr.DataArray, weights: Mapping[str, float]) -> Floats:
    """What a number of each environment is in a mixture, in the mean over replicates, [1]."""
    each = values.mean("replicate")
    total = sum(w * float(each.sel(environment=name)) for name, w in weights.items())
    return np.array([float(total / sum(weights.values()))])


# The final population


def _final(
    dataset: xr.Dataset, scenario: Scenario, environment: str, bootstrap: Bootstrap
) -> EnvironmentSummary:
    here = dataset.isel(probe=-1).sel(environment=environment)
    evolved = here.sel(mind=EVOLVED)
    return EnvironmentSummary(
        title=scenario.environments[environment].title or environment,
        generation=int(here["probe"]),
        payoffs={
            str(name): _estimate(evolved["expected_payoff"].sel(payoff=name), bootstrap)
            for name in dataset["payoff"].values
        },
        estimates={
            "internal_reward": _estimate(evolved["expected_reward"], bootstrap),
            "lifespan": _estimate(evolved["expected_lifespan"], bootstrap),
            "capability": _estimate(evolved["capability"], bootstrap),
            "alignment": _estimate(evolved["alignment"], bootstrap),
            **{
                name: intervals.mean(here[name].values, bootstrap)
                for name in ("optimal_payoff", "uniform_payoff", "nothing_payoff")
            },
            **{
                name: intervals.mean(METRICS[name].columns(dataset, scenario, query)[0], bootstrap)
                for name, query in {
                    name: Query(measure=name, where=environment)
                    for name in ("regret", "payoff_share")
                }.items()
            },
        },
        n_undefined={
            name: int(np.sum(np.isnan(evolved[name].values))) - _absent(here) for name in JUDGED
        },
        sampling={
            name: intervals.mean(evolved[name].isel(replicate=0).values, bootstrap)
            for name in JUDGED
        }
        if _only_sampled(dataset, scenario)
        else None,
    )


def _estimate(values: xr.DataArray, bootstrap: Bootstrap) -> Estimate:
    return intervals.mean(
        mean_of_defined(values.transpose("replicate", "sample").values), bootstrap
    )


def _phenotype(
    dataset: xr.Dataset, scenario: Scenario, generation: int, bootstrap: Bootstrap
) -> Phenotype:
    """The mean phenotype of a whole population (-1: the last one).

    A replicate that has died out is left out.
    """
    if generation < 0:
        generation = int(dataset["generation"].values[generation])
    expressed = phenotypes(dataset, scenario, generation)
    (only, *others) = expressed
    alone = not others and len(only["depth"]) > 0
    return Phenotype(
        generation=generation,
        estimates={
            name: intervals.mean(
                [float(np.mean(one[name])) if len(one[name]) else math.nan for one in expressed],
                bootstrap,
            )
            for name in _told(only)
        },
        spread={name: _middle(only[name]) for name in _told(only)} if alone else None,
    )


def _told(names: Iterable[str]) -> list[str]:
    """The loci that a summary tells one by one: not those of tables, which have thousands."""
    return [name for name in names if not name.startswith(mind.MANY)]


def _middle(values: NDArray[Any]) -> tuple[float, float]:
    """The ends of the middle 90 % of a population."""
    low, high = np.quantile(np.asarray(values, np.float64), [0.05, 0.95])
    return float(low), float(high)
