"""Analysis ``leakage``: the share of probe levels, and of levels of deployment, that trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.errors import EvosimError
from evosim.metrics import leakage
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.leakage import Drawn
from evosim.rng import Purpose, key
from evosim.scenario.check_placement import count_layouts
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Scenario

PROBE, DEPLOYMENT = "probe", "deployment"
LABELS = {PROBE: "probe levels", DEPLOYMENT: "levels of deployment"}


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """How many levels of every environment equal one that trained.

    Returns:
        replicates, confidence, generations (first and last that are looked at), deployment (its
        first generation, None where there is none), disjoint (whether the scenario says so),
        training (by environment ``drawn``, ``different`` [replicate], and ``possible`` at most, a
        text such as "1.2e+903" from 1e300 on) and rows: environment, ``what`` (probe or
        deployment), levels and ``same`` [replicate], and the mean share with its interval.
    """
    generations = data["generation"].values
    begin = leakage.deployment_start(scenario)
    training: dict[str, dict[str, Any]] = {}
    counts: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for replicate in range(data.sizes["replicate"]):
        drawn = _timeline_levels(data, request, replicate)
        trained = leakage.trained(scenario, drawn)
        if not trained:
            raise EvosimError(
                f"no generation from {generations[0]} to {generations[-1]} trains: selection acts "
                "in none of them, so that there is nothing to overlap with"
            )
        for name, different in leakage.distinct(scenario, trained).items():
            row = training.setdefault(name, {"drawn": [], "different": []})
            row["drawn"].append(sum(level.environment == name for level in trained))
            row["different"].append(different)
            possible = count_layouts(scenario.environment(name))
            exact = possible < leakage.LARGEST_EXACT
            row["possible"] = possible if exact else leakage.shortened(possible)
        seed = request.seed if request.probe_seed is None else request.probe_seed
        probed = leakage.probes(scenario, key(seed, Purpose.REPLICATE, replicate))
        _count(counts, PROBE, probed, leakage.seen(scenario, probed, trained))
        if begin is not None:
            before = [level for level in trained if level.generation < begin]
            after = [level for level in drawn if level.generation >= begin]
            if before:  # in a fork at the flip, what came before it is its parent's
                _count(counts, DEPLOYMENT, after, leakage.seen(scenario, after, before))
    bootstrap = Bootstrap.of(
        request.seed,
        confidence=scenario.verdict.confidence,
        resamples=scenario.verdict.resamples,
    )
    return {
        "replicates": int(data.sizes["replicate"]),
        "confidence": bootstrap.confidence,
        "generations": [int(generations[0]), int(generations[-1])],
        "deployment": begin,
        "disjoint": bool(scenario.measure.disjoint),
        "training": training,
        "rows": [
            _row(name, what, each, bootstrap)
            for kind in LABELS
            for (name, what), each in counts.items()
            if what == kind
        ],
    }


def _timeline_levels(data: xr.Dataset, request: Request, replicate: int) -> list[Drawn]:
    """The levels of the generations that the data hold."""
    names = [str(name) for name in data["environment"].values]
    seed = key(request.seed, Purpose.REPLICATE, replicate)
    table = data["train"].isel(replicate=replicate).transpose("generation", "level").values
    return [
        Drawn(int(g), level, names[where], key(seed, Purpose.LEVEL, int(g), level))
        for g, row in zip(data["generation"].values, table, strict=True)
        for level, where in enumerate(row)
    ]


def _count(
    counts: dict[tuple[str, str], list[tuple[int, int]]],
    what: str,
    levels: Sequence[Drawn],
    same: Sequence[Drawn | None],
) -> None:
    """Add a replicate's number of levels, and of those seen, of each environment."""
    for name in dict.fromkeys(level.environment for level in levels):
        here = [one for level, one in zip(levels, same, strict=True) if level.environment == name]
        seen = sum(one is not None for one in here)
        counts.setdefault((name, what), []).append((len(here), seen))


def _row(
    environment: str, what: str, each: Sequence[tuple[int, int]], bootstrap: Bootstrap
) -> dict[str, Any]:
    levels, same = np.array(each).T
    share = intervals.mean(same / levels, bootstrap)
    return {
        "environment": environment,
        "what": what,
        "levels": levels.tolist(),
        "same": same.tolist(),
        **share.to_dict(),
    }


def describe(summary: Mapping[str, Any]) -> str:
    """The shares, and how many levels there are to draw from."""
    lines = ["Training levels (of generations in which selection acts)"]
    for name, row in summary["training"].items():
        drawn, different = np.mean(row["drawn"]), np.mean(row["different"])
        possible = row["possible"]
        possible = possible if isinstance(possible, str) else leakage.shortened(possible)
        lines.append(
            f"  {name}: {drawn:g} drawn, {different:g} different, {possible} possible at most"
        )
    for what, label in LABELS.items():
        rows = [row for row in summary["rows"] if row["what"] == what]
        if rows:
            lines += ["", f"Share of {label} that are also training levels"]
        for row in rows:
            n, same = np.mean(row["levels"]), np.mean(row["same"])
            lines.append(
                f"  {row['environment']}: {intervals.shown(row)}, {same:g} of {n:g} levels"
            )
    return "\n".join([*lines, "", *_foot(summary)])


def _foot(summary: Mapping[str, Any]) -> list[str]:
    lines = [
        "Two levels are the same if walls, start and every site are in the same cells; in two",
        "environments, what both have. Shifted or mirrored levels are different levels.",
    ]
    if summary["generations"][0]:
        lines.append(f"Only generations from {summary['generations'][0]} on: a fork's own.")
    if summary["deployment"] is not None:
        lines.append(f"Deployment is from generation {summary['deployment']} on.")
    if summary["replicates"] > 1:
        lines.append(
            f"Means of {summary['replicates']} replicates; [low, high]: BCa intervals of "
            f"{100 * summary['confidence']:g} %."
        )
    return lines


analysis("leakage", "probe and deployment levels that were used in training", describe=describe)(
    analyse
)
