"""What a run's individuals want, as rewards, and how far that is from the payoffs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evosim import mind, world
from evosim.engine.probe import level_seeds, probe_seeds
from evosim.metrics import reward_distance
from evosim.metrics.query import Query, at_probe, environment_of, generation_of
from evosim.metrics.registry import PROBED, Columns, metric
from evosim.metrics.reward_distance import Canonical
from evosim.stats.intervals import mean_of_defined
from evosim.world import tensors
from evosim.world.identity_cache import by_identity

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Scenario

Floats = NDArray[np.float64]

KINDS = ("epic", "starc")
MOST_LEVELS = 4
"""Distances are means over so many of a replicate's probe levels, the first ones."""


def unsupported(scenario: Scenario) -> str:
    """Why distances cannot be told in a scenario; empty where they can."""
    for drive in scenario.built_in:
        return (
            f"reward distances are not defined with {drive} among the drives: it depends on the "
            "cells visited before, so that it is no reward of (s, a, s')"
        )
    return ""


def n_levels(scenario: Scenario) -> int:
    """How many probe levels distances are means over."""
    return min(MOST_LEVELS, scenario.measure.levels)


@by_identity
def canonical(
    scenario: Scenario, environment: str, seed: int, gamma: float
) -> dict[str, tuple[Canonical, ...]]:
    """Canonical features of an environment on the first probe levels, by kind of distance.

    Remembered for as long as the scenario object lives: many individuals and many questions share
    them.

    Args:
        scenario: the scenario.
        environment: its name.
        seed: of the replicate's probes.
        gamma: discount.
    """
    env = world.environment(scenario, environment)
    seeds = level_seeds(seed, n_levels(scenario))
    levels = world.draw_levels(scenario, environment, seeds)
    processes = [tensors.process(env, levels, level) for level in range(len(seeds))]
    return {
        "epic": tuple(reward_distance.epic(process, gamma) for process in processes),
        "starc": tuple(reward_distance.starc(process, gamma) for process in processes),
    }


def between(levels: tuple[Canonical, ...], first: ArrayLike, second: ArrayLike) -> Floats:
    """The distance of rewards [..., F], the mean over the levels that define it [...]."""
    return mean_of_defined(np.stack([c.distance(first, second) for c in levels], axis=-1))


def discounts(data: xr.Dataset, scenario: Scenario) -> Floats:
    """The discount of each replicate [replicate]: the patience of its agents.

    Where patience evolves, the mean over the individuals of all probes of the replicate: one
    discount for all generations, so that their distances can be compared. A life that is not
    discounted ends all the same: there it is at most 1 - 1/T, which looks T steps ahead.
    """
    locus = scenario.agent.patience
    longest = max(scenario.environment(name).lifetime for name in scenario.environments)
    # Everything else that is allowed is below 1.
    most = 1.0 - 1.0 / longest if locus.high == 1 else 1.0
    if locus.pinned:
        return np.full(data.sizes["replicate"], min(float(locus.low), most))
    genes, alive = _genes(data, np.arange(data.sizes["probe"]))
    patience = mind.phenotype(scenario, genes.reshape(-1, genes.shape[-1]))["patience"]
    defined = np.where(alive, patience.reshape(alive.shape), np.nan)
    return np.minimum(mean_of_defined(defined.reshape(len(defined), -1)), most)


def drives(data: xr.Dataset, scenario: Scenario, probes: NDArray[np.integer]) -> Floats:
    """What the sampled individuals of some probes want: weights [replicate, probe, sample, F].

    Unit drives over the stimuli, 0 for payoffs; NaN for individuals that there are not.

    Args:
        data: of the run.
        scenario: that it ran.
        probes: places along the dimension ``probe``.
    """
    genes, alive = _genes(data, probes)
    found = expressed(scenario, mind.phenotype(scenario, genes.reshape(-1, genes.shape[-1])))
    return np.where(alive[..., None], found.reshape(*alive.shape, -1), np.nan)


def expressed(scenario: Scenario, phenotype: Mapping[str, NDArray[Any]]) -> Floats:
    """The rewards of phenotypes, but for built-in drives: weights [n, F], 0 for payoffs."""
    unit = [phenotype[f"drive.{name}"] for name in scenario.stimuli]
    nothing = [np.zeros(len(phenotype["depth"]))] * len(scenario.payoffs)
    return np.stack([*unit, *nothing], axis=1)


def payoff(scenario: Scenario, name: str) -> Floats:
    """The reward that is a payoff: weights [F]."""
    weights = np.zeros(len(scenario.stimuli) + len(scenario.payoffs))
    weights[len(scenario.stimuli) + scenario.payoffs.index(name)] = 1.0
    return weights


def distances(
    data: xr.Dataset,
    scenario: Scenario,
    environment: str,
    *,
    to: str,
    probes: NDArray[np.integer] | None = None,
) -> dict[str, Floats]:
    """Distances between the drives of the sampled individuals and a payoff, in an environment.

    Args:
        data: of the run.
        scenario: that it ran, without built-in drives.
        environment: by whose rules and levels.
        to: the payoff.
        probes: places along the dimension ``probe``; all if None.

    Returns:
        by kind of distance [replicate, probe, sample]; NaN: undefined, or nobody there.
    """
    which = np.arange(data.sizes["probe"]) if probes is None else probes
    wanted, target = drives(data, scenario, which), payoff(scenario, to)
    found = {kind: np.full(wanted.shape[:-1], np.nan) for kind in KINDS}
    for r, (seed, gamma) in enumerate(
        zip(probe_seeds(data), discounts(data, scenario), strict=True)
    ):
        if np.isnan(gamma):
            continue  # nobody was ever there
        forms = canonical(scenario, environment, seed, float(gamma))
        for kind in KINDS:
            found[kind][r] = between(forms[kind], wanted[r], target)
    return found


def _genes(data: xr.Dataset, probes: NDArray[np.integer]) -> tuple[Floats, NDArray[np.bool_]]:
    """Genes of the sampled individuals [replicate, probe, sample, locus], and which there are;
    those of nobody are 0."""
    generations = data["probe"].values[probes]
    order = ("replicate", "generation", "individual", "locus")
    genome = data["genome"].sel(generation=generations).transpose(*order).values
    who = data["probe_individual"].isel(probe=probes).transpose("replicate", "probe", "sample")
    individual = np.asarray(who.values, np.int64)
    alive = individual >= 0
    chosen = np.take_along_axis(genome, np.where(alive, individual, 0)[..., None], axis=2)
    return np.where(alive[..., None], chosen, 0.0), alive


# The metrics


def _distance(data: xr.Dataset, scenario: Scenario, query: Query) -> Columns:
    """Of the sampled individuals' drives from the intended payoff, the mean [replicate]."""
    probed = data["probe"].values
    always = query.at == "peak" and query.generation is None
    probes = np.flatnonzero(always | (probed == (-1 if always else generation_of(data, query))))
    values = np.full((data.sizes["replicate"], len(probed)), np.nan)
    if len(probes):
        where, to = environment_of(data, scenario, query), scenario.objective.intended
        each = distances(data, scenario, where, to=to, probes=probes)
        values[:, probes] = mean_of_defined(each[query.measure])
    return (at_probe(data, query, values),)


for _kind in KINDS:
    metric(
        _kind,
        figure="distances",
        description=f"{_kind.upper()} distance between the drives and the intended payoff",
        label=f"{_kind.upper()} distance of drives and payoff",
        unit=f"{_kind.upper()} distance",
        undefined="by the drives or by the payoff all behaviour is worth the same",
        bounds=(0.0, 1.0),
        trajectory=_kind,
        uses=PROBED - {"mind"},
        has_peak=True,
        unsupported=unsupported,
    )(_distance)
