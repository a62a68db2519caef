"""Analysis ``distances``: how far what individuals want is from the payoffs, as rewards.

EPIC and STARC distances between the drives of the sampled individuals and the intended payoff (and
the selected one, where it is another), at every probe in every environment, and on both sides of
each flip. Two minds to read them against: the true drive, at 0 where the payoff is not trivial, and
random drives. Alignment stands beside them: distance is about what is wanted, alignment about what
comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.engine.probe import probe_seeds, random_drives
from evosim.errors import EvosimError, did_you_mean
from evosim.metrics import flips, rewards
from evosim.metrics.analyses.registry import analysis
from evosim.metrics.rewards import KINDS
from evosim.scenario.timeline import stretches
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, mean_of_defined, number
from evosim.stats.report_tables import filled, table

if TYPE_CHECKING:
    import xarray as xr

    from evosim.metrics.analyses.registry import Request
    from evosim.scenario import Flip, Scenario

Floats = NDArray[np.float64]
Places = NDArray[np.integer]

MIDDLE = (0.05, 0.95)
"""The quantiles between which a band over individuals lies."""
NAMES = {"epic": "EPIC", "starc": "STARC", "alignment": "alignment"}


def analyse(data: xr.Dataset, scenario: Scenario, request: Request) -> dict[str, Any]:
    """Distances over the probes and across the flips.

    Raises:
        EvosimError: novelty is among the drives; the generation asked for was not probed.
    """
    if why := rewards.unsupported(scenario):
        raise EvosimError(why)
    probes = _chosen(data, request.generation)
    generations = [int(g) for g in data["probe"].values[probes]]
    verdict = scenario.verdict
    bootstrap = Bootstrap.of(
        request.seed, confidence=verdict.confidence, resamples=verdict.resamples
    )
    found = {name: _measured(data, scenario, name, probes) for name in scenario.environments}
    objective = scenario.objective
    return {
        "intended": objective.intended,
        "zero": verdict.zero,
        "selected": None if objective.selected == objective.intended else objective.selected,
        "discount": [float(g) for g in rewards.discounts(data, scenario)],
        "levels": rewards.n_levels(scenario),
        "replicates": int(data.sizes["replicate"]),
        "sample": int(data.sizes["sample"]),
        "confidence": verdict.confidence,
        "generations": generations,
        "span": [int(data["generation"].values[0]), int(data["generation"].values[-1])],
        "phases": _phases(scenario),
        "environments": {
            name: {
                "title": scenario.environments[name].title or name,
                **_trajectory(data, scenario, name, probes, found[name], bootstrap),
            }
            for name in scenario.environments
        },
        "flips": [
            _flip(flip, generations, found, bootstrap)
            for flip in scenario.flips
            if {flip.generation, flip.arrival} <= set(generations)
        ],
    }


def _chosen(data: xr.Dataset, generation: int | None) -> Places:
    """The places of the probes to look at: all, or that of one generation."""
    probed = [str(g) for g in data["probe"].values]
    if generation is None:
        return np.arange(len(probed))
    if str(generation) not in probed:
        raise EvosimError(
            f"generation {generation} was not probed: {did_you_mean(str(generation), probed)}"
        )
    return np.array([probed.index(str(generation))])


def _measured(
    data: xr.Dataset, scenario: Scenario, environment: str, probes: Places
) -> dict[str, Floats]:
    """Distances from the intended payoff, and alignment, [replicate, probe, sample] each."""
    aligned = data["alignment"].sel(environment=environment, mind="evolved").isel(probe=probes)
    to = scenario.objective.intended
    found = rewards.distances(data, scenario, environment, to=to, probes=probes)
    found["alignment"] = aligned.transpose("replicate", "probe", "sample").values
    return found


def _trajectory(
    data: xr.Dataset,
    scenario: Scenario,
    environment: str,
    probes: Places,
    found: Mapping[str, Floats],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What the summary holds of one environment."""
    controls = _controls(data, scenario, environment)
    who = data["probe_individual"].isel(probe=probes).transpose("replicate", "probe", "sample")
    alive = who.values >= 0
    summary: dict[str, Any] = {"alignment": _line(found["alignment"], bootstrap)}
    objective = scenario.objective
    other: dict[str, Floats] = {}
    if objective.selected != objective.intended:
        other = rewards.distances(data, scenario, environment, to=objective.selected, probes=probes)
    for kind in KINDS:
        summary[kind] = {
            **_line(found[kind], bootstrap),
            "undefined": int((np.isnan(found[kind]) & alive).sum()),
            "selected": _line(other[kind], bootstrap) if other else None,
            "with_alignment": _correlation(found[kind], found["alignment"]),
            **controls[kind],
        }
    return summary


def _line(values: Floats, bootstrap: Bootstrap) -> dict[str, list[float]]:
    """The mean at each probe; of one replicate with quantiles over individuals, of several with
    intervals over replicates."""
    means = mean_of_defined(values)  # [replicate, probe]
    if len(values) > 1:
        estimates = [intervals.mean(column, bootstrap) for column in means.T]
        middle, low, high = zip(*((e.value, e.low, e.high) for e in estimates), strict=True)
        return {"mean": list(middle), "low": list(low), "high": list(high)}
    ends = [
        np.quantile(known, MIDDLE) if len(known := one[~np.isnan(one)]) else (np.nan, np.nan)
        for one in values[0]
    ]
    low, high = np.array(ends).T.tolist()
    return {"mean": means[0].tolist(), "low": low, "high": high}


def _controls(data: xr.Dataset, scenario: Scenario, environment: str) -> dict[str, Any]:
    """Distances of control minds from the intended payoff, and of the selected payoff from it."""
    intended = rewards.payoff(scenario, scenario.objective.intended)
    selected = rewards.payoff(scenario, scenario.objective.selected)
    names = ("true_drive", "random_drives", "selected_payoff")
    every: dict[str, dict[str, list[float]]] = {kind: {n: [] for n in names} for kind in KINDS}
    seeds, gammas = probe_seeds(data), rewards.discounts(data, scenario)
    for seed, gamma in zip(seeds, gammas, strict=True):
        if np.isnan(gamma):
            continue
        strangers = np.zeros((data.sizes["sample"], len(intended)))
        drawn = random_drives(scenario, seed, len(strangers))
        strangers[:, : drawn.shape[1]] = drawn
        forms = rewards.canonical(scenario, environment, seed, float(gamma))
        for kind in KINDS:
            for name, what in zip(names, (intended, strangers, selected), strict=True):
                each = rewards.between(forms[kind], what, intended)
                every[kind][name].append(float(mean_of_defined(np.ravel(each))))
    return {
        kind: {name: float(mean_of_defined(np.array(v))) for name, v in numbers.items()}
        for kind, numbers in every.items()
    }


def _correlation(distance: Floats, alignment: Floats) -> float:
    """Spearman's rank correlation over the individuals of all probes, the mean over replicates;
    NaN where either does not vary."""
    from scipy import stats

    each = []
    for a, b in zip(distance, alignment, strict=True):
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() > 2 and np.ptp(a[known]) > 0 and np.ptp(b[known]) > 0:
            each.append(float(stats.spearmanr(a[known], b[known]).statistic))
    return float(np.mean(each)) if each else float("nan")


def _phases(scenario: Scenario) -> list[dict[str, Any]]:
    """Each phase's first generation and the environments that train in it."""
    return [
        {"generation": stretch.begin, "environments": list(stretch.mixture)}
        for stretch in stretches(scenario)
    ]


def _flip(
    flip: Flip,
    generations: Sequence[int],
    found: Mapping[str, Mapping[str, Floats]],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Distances and alignment of the flip's population in the worlds before and after it; of a
    ramp after it those of the population that arrives there."""
    sides: dict[str, Any] = {}
    at = ((flip.generation, flip.before), (flip.arrival, flip.after))
    for name in (*KINDS, "alignment"):
        before, after = (
            flips.mixed(
                np.stack(
                    [
                        mean_of_defined(found[e][name][:, generations.index(generation)])
                        for e in weights
                    ],
                    axis=-1,
                ),
                weights,
            )
            for generation, weights in at
        )
        sides[name] = {
            "before": intervals.mean(before, bootstrap).to_dict(),
            "after": intervals.mean(after, bootstrap).to_dict(),
            "change": intervals.difference(after, before, bootstrap).to_dict(),
        }
    return {
        "generation": flip.generation,
        "arrival": flip.arrival,
        "from": flip.label_before,
        "to": flip.label_after,
        **sides,
    }


# In words


def describe(summary: Mapping[str, Any]) -> str:
    """Distances for people: a block a flip, then the environments.

    Args:
        summary: what :func:`analyse` returned, None for NaN.
    """
    gammas = sorted({g for g in summary["discount"] if g is not None})
    gamma = (
        " to ".join(f"{g:.3g}" for g in dict.fromkeys((gammas[0], gammas[-1]))) if gammas else ""
    )
    lines = [
        f"Distance of the drives from the intended payoff, {summary['intended']}",
        "  0: asks for the same; 0.71: unrelated; 1: asks for the opposite",
    ]
    for flip in summary["flips"]:
        rows = [["", "before", "after", "change"]]
        for name, words in NAMES.items():
            sides = flip[name]
            rows.append(
                [words, *(intervals.shown(sides[k], ".2f") for k in ("before", "after", "change"))]
            )
        head = f"{flips.begins(flip)}: {flip['from']} -> {flip['to']}"
        lines += ["", head, *table(rows)]
    lines += ["", *_environments(summary), ""]
    replicates, levels = summary["replicates"], summary["levels"]
    over = (
        f"Means over {summary['sample']} sampled individuals and {levels} probe "
        f"level{'s' if levels > 1 else ''}, discount {gamma}"
    )
    if replicates > 1:
        percent = f"{100 * summary['confidence']:g} %"
        over += f"; {replicates} replicates, [low, high]: BCa intervals of {percent}"
    else:
        over += "; one replicate has no interval"
    lines += filled(f"{over}.")
    lines += filled(
        "With alignment: rank correlation over the individuals of all probes; below 0 if "
        "individuals with nearer drives are better aligned."
    )
    return "\n".join(lines)


def _environments(summary: Mapping[str, Any]) -> list[str]:
    first, last = summary["generations"][0], summary["generations"][-1]
    heads = [f"generation {g}" for g in dict.fromkeys((first, last))]
    rows = [["environment", "", *heads, "random drives", "true drive", "with alignment"]]
    notes = []
    for name, place in summary["environments"].items():
        for kind in KINDS:
            found = place[kind]
            ends = [found["mean"][0], found["mean"][-1]][: len(heads)]
            numbers = [*ends, found["random_drives"], found["true_drive"], found["with_alignment"]]
            rows.append([name, NAMES[kind], *map(number, numbers)])
            if found["true_drive"] is None:
                notes.append(
                    f"  {name}, {NAMES[kind]}: undefined, because the reward {summary['intended']} "
                    "is trivial there: all policies have the same value"
                )
            elif found["undefined"]:
                notes.append(
                    f"  {name}, {NAMES[kind]}: undefined for {found['undefined']} individuals, "
                    "whose reward is trivial there"
                )
            if found["selected"] is not None:
                ends = [found["selected"]["mean"][0], found["selected"]["mean"][-1]]
                shown = " -> ".join(map(number, ends[: len(heads)]))
                notes.append(
                    f"  {name}, {NAMES[kind]}: from the selected payoff {summary['selected']} "
                    f"{shown}; the two payoffs are {number(found['selected_payoff'])} apart"
                )
    return [*table(rows), *notes]


analysis("distances", "how far the drives are from the payoffs, as rewards", describe=describe)(
    analyse
)
