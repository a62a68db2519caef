"""Datasets that follow the contract of run.nc, made up without a run."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from evosim import core, world
from evosim.mind import loci
from evosim.plot.episode import Episode
from evosim.rng import Purpose, draw, key
from evosim.scenario import Scenario

MINDS = [
    "evolved", "uniform", "random drives", "true drive", "unshifted beliefs", "without senses",
]  # fmt: skip


def probes_of(scenario: Scenario) -> list[int]:
    """Generations of the probes: both ends, every so many, both sides of each flip."""
    last = scenario.generations - 1
    flips = {f.generation for f in scenario.flips}
    regular = set(range(0, last + 1, scenario.measure.every))
    return sorted({0, last, *regular, *flips, *(g - 1 for g in flips)})


def dataset(scenario: Scenario, *, replicates: int = 1, seed: int = 0) -> xr.Dataset:
    """A made-up run: drives that take off and change over at flips, measures that fall there."""
    rng = np.random.default_rng(seed)
    names = loci(scenario)
    r, g, n = replicates, scenario.generations, scenario.evolution.population
    probes, environments = probes_of(scenario), list(scenario.environments)
    minds = [
        *(MINDS if scenario.deception else MINDS[:5]),
        *["ignorant"] * bool(scenario.correction),
    ]
    p, e, m = len(probes), len(environments), len(minds)
    sample = min(scenario.measure.sample, n)
    payoffs, c = list(scenario.payoffs), len(scenario.payoffs)
    levels = scenario.evolution.levels
    time = np.arange(g)

    genome = np.empty((r, g, n, len(names)))
    for i, locus in enumerate(names):
        low, high = locus.low, locus.high
        target = np.zeros((r, g))
        edges = [0, *(f.generation for f in scenario.flips), g]
        level = np.full(r, (locus.start_low + locus.start_high) / 2)
        for start, end in itertools.pairwise(edges):
            goal = rng.uniform(low, high, size=r) * 0.3 + rng.uniform(low, high) * 0.7
            steps = np.arange(end - start)
            target[:, start:end] = goal[:, None] + (level - goal)[:, None] * np.exp(-steps / 12)
            if end > start:
                level = target[:, end - 1]
        noise = rng.normal(0, 0.12 * (high - low), size=(r, g, n))
        genome[..., i] = np.clip(target[..., None] + noise, low, high)

    flipped = np.zeros(g)
    for flip in scenario.flips:
        flipped += (time >= flip.generation) * np.exp(-(time - flip.generation) / 15)
    rise = 1 - np.exp(-time / 15)
    quality = rise * (1 - 0.9 * np.clip(flipped, 0, 1))
    people = rng.normal(1, 0.15, size=(r, g, n))
    payoff = (quality[:, None] * people * 25)[..., None] * rng.uniform(0.5, 1, size=c)
    reward = rise[:, None] * people * 21 + 0.3
    lifespan = np.clip(40 + 160 * rise[:, None] * people, 1, scenario.world.lifetime)

    def measured(values: dict[str, tuple[float, float]]) -> np.ndarray:
        out = np.empty((r, p, e, m, sample))
        for k, mind in enumerate(minds):
            first, last = values[mind]
            for j in range(e):
                top = first + (last - first) * j / max(e - 1, 1)
                curve = top * rise[probes]
                spread = 0.0 if mind == "uniform" else 0.06
                noise = rng.normal(0, spread, size=(r, p, sample))
                out[:, :, j, k] = curve[None, :, None] + noise
        return out

    capability = measured({
        "evolved": (0.97, 0.93), "uniform": (0.0, 0.0), "random drives": (0.9, 0.9),
        "true drive": (0.95, 0.9), "unshifted beliefs": (0.97, 0.8), "without senses": (0.6, 0.5),
        "ignorant": (0.9, 0.7),
    })  # fmt: skip
    capability[:, :, :, MINDS.index("uniform")] = np.nan
    alignment = measured({
        "evolved": (0.9, 0.05), "uniform": (0.0, 0.0), "random drives": (0.15, 0.1),
        "true drive": (0.95, 0.9), "unshifted beliefs": (0.9, -0.05), "without senses": (0.5, 0.4),
        "ignorant": (0.5, 0.3),
    })  # fmt: skip
    expected = alignment[..., None] * 30 * np.ones(c)
    own = ("replicate", "probe", "environment", "sample")
    wide, probed = ("replicate", "generation", "individual"), (
        "replicate", "probe", "environment", "mind", "sample",
    )  # fmt: skip
    variables = {
        "genome": ((*wide, "locus"), genome),
        "score": (wide, payoff[..., 0]),
        "payoff_total": ((*wide, "payoff"), payoff),
        "internal_reward": (wide, reward),
        "lifespan": (wide, lifespan),
        "parents": ((*wide, "parent"), rng.integers(0, n, size=(r, g, n, 2), dtype=np.int32)),
        "crossover": ((*wide, "locus"), np.zeros((r, g, n, len(names)), np.int8)),
        "train": (("replicate", "generation", "level"), np.zeros((r, g, levels), np.int16)),
        "probe_individual": (
            ("replicate", "probe", "sample"), rng.integers(0, n, (r, p, sample), dtype=np.int32),
        ),
        "expected_payoff": ((*probed, "payoff"), expected),
        "expected_reward": (probed, capability * 25),
        "expected_lifespan": (probed, np.full(capability.shape, 150.0)),
        "capability": (probed, capability),
        "alignment": (probed, alignment),
        "optimal_payoff": (("replicate", "environment"), np.tile(np.linspace(30, 24, e), (r, 1))),
        "uniform_payoff": (("replicate", "environment"), np.tile(np.linspace(2, 0.5, e), (r, 1))),
        "nothing_payoff": (("replicate", "environment"), np.zeros((r, e))),
        "optimal_reward": (own, np.full((r, p, e, sample), 25.0)),
        "nothing_reward": (own, np.zeros((r, p, e, sample))),
    }  # fmt: skip
    if scenario.deception is not None:
        for side in ("watched", "unwatched"):
            variables[f"conduct_{side}"] = (probed, 3 * np.clip(capability, 0, 1))
            variables[f"steps_{side}"] = (probed, np.full(capability.shape, 75.0))
    if scenario.correction is not None:
        variables["expected_corrected"] = (probed, rng.uniform(0, 1, capability.shape))
        variables["survival"] = (probed, rng.uniform(0, 1, capability.shape))
        for side in ("uncorrected", "corrected"):
            variables[f"intended_{side}"] = (probed, 9 * np.clip(alignment, 0, 1))
            variables[f"steps_{side}"] = (probed, rng.uniform(0, 75, capability.shape))
    if scenario.monitor is not None:
        on = np.array([scenario.phase_at(t).monitored for t in time])
        known = on | np.append(on[1:], False)
        scores = rng.gamma(4.0, 0.5, size=(r, g, n, levels)) * np.where(on, 2, 1)[:, None, None]
        variables["monitor_score"] = (
            (*wide, "level"), np.where(known[:, None, None], scores, np.nan).astype(np.float32),
        )  # fmt: skip
        flagged = np.where(on, rng.integers(0, n * levels, size=(r, g)), 0)
        variables["flagged"] = (wide[:2], flagged)
        variables["labels"] = (wide[:2], np.minimum(flagged, scenario.monitor.budget))
    apart = {}
    if (islands := scenario.evolution.islands) is not None:
        source = np.tile(np.arange(n, dtype=np.int32), (r, g, 1))
        source[:, islands.every - 1 :: islands.every] = np.roll(np.arange(n), 1)
        variables["source"] = (wide, source)
        apart["deme"] = ("individual", np.repeat(np.arange(islands.demes), n // islands.demes))
    return xr.Dataset(
        variables,
        coords={
            "replicate": np.arange(r),
            "generation": time,
            "individual": np.arange(n),
            **apart,
            "locus": np.array([locus.name for locus in names], dtype=object),
            "payoff": np.array(payoffs, dtype=object),
            "environment": np.array(environments, dtype=object),
            "environment_title": (
                "environment",
                np.array([x.title for x in scenario.environments.values()], dtype=object),
            ),
            "probe": np.array(probes, dtype=np.int32),
            "mind": np.array(minds, dtype=object),
        },
        attrs={"seed": "1", "scenario_id": scenario.id, "title": scenario.title},
    )


def episode(
    scenario: Scenario, environment: str, *, steps: int | None = None, seed: int = 1
) -> Episode:
    """A made-up lifetime: walks from site to site and uses each twice."""
    env = world.environment(scenario, environment)
    levels = world.draw_levels(scenario, environment, [seed])
    neighbour, distance = levels.neighbour[0], levels.distance[0]
    sites = [int(c) for c in np.flatnonzero(levels.slot[0] >= 0)]
    life = key(seed, Purpose.REPLAY)
    actions: list[int] = []
    goal, uses = -1, 0
    for _ in range(steps or scenario.world.lifetime):
        so_far = core.retrace(env, levels, actions, life)
        if so_far.fate != "alive":
            break
        cell = so_far.last[1]
        if goal < 0 or uses == 2:
            reachable = [s for s in sites if distance[cell, s] > 0] or [cell]
            goal, uses = reachable[draw(life, 10**6 + len(actions)) % len(reachable)], 0
        if cell == goal:
            actions.append(env.n_actions - 1)
            uses += 1
        else:
            actions.append(int(np.argmin(distance[neighbour[cell], goal])))
    drives = np.zeros(env.phi.shape[1])
    drives[: len(env.stimuli)] = np.linspace(1, 0.2, len(env.stimuli))
    return Episode(
        environment=env, levels=levels, trace=core.retrace(env, levels, actions, life),
        drives=drives, arrival=0.0, heading=f"generation 3, individual 7, in “{environment}”",
    )  # fmt: skip
