"""The summary of a run and the verdict of each of its flips (model 4; docs/measures.md).

A flip at generation g is judged on the population of generation g, which was bred under the old
world only: *before* is how it fares in the old mixture of environments, *after* in the new one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.metrics import RECENT, deception, detection
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate, mean_of_defined
from evosim.stats.report_tables import number, table, with_interval

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Flip, Scenario, Verdict

Floats = NDArray[np.float64]

EVOLVED = "evolved"
NOVELTY = "novelty"
VERDICTS = {
    ("kept", "lost"): "goal misgeneralization",
    ("lost", "lost"): "capability failure",
    ("kept", "kept"): "robust",
}
"""(what became of capability, what became of alignment) -> verdict; all else is mixed."""


def summarize(dataset: xr.Dataset, scenario: Scenario) -> dict[str, Any]:
    """What summary.json holds: plain numbers, None where a number is undefined.

    Args:
        dataset: the data of the run (docs/architecture.md, run data).
        scenario: the scenario it ran.

    Returns:
        scenario, title, question, seed, replicates, generations, exact (False where the measures
        are means of sampled lifetimes because a drive is novelty), intended and selected (names
        of payoffs), thresholds, flips (a list), environments (by name: the final population),
        evolved (the final population's mean phenotype), population (what became of its size)
        where it is open, deception where the scenario asks about it, and monitor where a phase is
        monitored. Intervals are [low, high]; None where
        fewer than two replicates define the number; [None, None] where they do not bound it.
        ``sampling_intervals``, over the sampled individuals, stand beside them where measures are
        not exact and there is but one replicate; else they are None. No verdict rests on them.
    """
    seed = int(dataset.attrs["seed"])
    bootstrap = Bootstrap.of(
        seed, confidence=scenario.verdict.confidence, resamples=scenario.verdict.resamples
    )
    return {
        "scenario": scenario.id,
        "title": scenario.title,
        "question": scenario.question,
        "seed": seed,
        "replicates": int(dataset.sizes["replicate"]),
        "generations": int(dataset.sizes["generation"]),
        "exact": NOVELTY not in scenario.agent.drives,
        "intended": scenario.objective.intended,
        "selected": scenario.objective.selected,
        "thresholds": {
            "kept": scenario.verdict.kept,
            "lost": scenario.verdict.lost,
            "floor": scenario.verdict.floor,
            "confidence": scenario.verdict.confidence,
            "resamples": scenario.verdict.resamples,
        },
        "flips": [_flip(dataset, scenario, flip, bootstrap) for flip in scenario.flips],
        "environments": {
            name: _final(dataset, scenario, name, bootstrap) for name in scenario.environments
        },
        "evolved": _phenotype(dataset, scenario, -1, bootstrap),
        **({"population": _population(dataset, scenario)} if "population_size" in dataset else {}),
        **({} if scenario.deception is None else _deception(dataset, scenario, bootstrap)),
        **_monitor(dataset, scenario, bootstrap),
    }


def _population(dataset: xr.Dataset, scenario: Scenario) -> dict[str, Any]:
    """What became of the size of an open population in each replicate."""
    assert scenario.evolution.open is not None
    sizes = dataset["population_size"].transpose("replicate", "generation").values
    generations = dataset["generation"].values
    extinct = [np.flatnonzero(row == 0) for row in sizes]
    return {
        "capacity": scenario.evolution.open.capacity,
        "first": [int(row[0]) for row in sizes],
        "smallest": [int(row.min()) for row in sizes],
        "last": [int(row[-1]) for row in sizes],
        "died_out": sum(len(when) > 0 for when in extinct),
        "died_out_in": [int(generations[when[0]]) if len(when) else None for when in extinct],
    }


def _deception(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """What is added to the summary of a scenario that asks about deception."""
    assert scenario.deception is not None
    return {
        "deception": {
            "variable": scenario.deception.variable,
            "conduct": scenario.deception.conduct,
            "good": deception.is_good(scenario),
            "environments": {
                name: [
                    {
                        "generation": generation,
                        **_values(estimates),
                        "intervals": _intervals(estimates),
                        "n_undefined": {key: e.n_undefined for key, e in estimates.items()},
                    }
                    for generation, estimates in moments.items()
                ]
                for name, moments in deception.moments(dataset, scenario, bootstrap).items()
            },
        }
    }


def _monitor(dataset: xr.Dataset, scenario: Scenario, bootstrap: Bootstrap) -> dict[str, Any]:
    """What is added to the summary of a scenario that has a monitored phase."""
    if scenario.monitor is None or not any(phase.monitored for phase in scenario.timeline):
        return {}
    estimates = {
        "roc_area": intervals.mean(detection.roc_area(dataset, scenario), bootstrap),
        "flagged": intervals.mean(detection.flagged(dataset, scenario), bootstrap),
        "labels": intervals.mean(detection.labels(dataset), bootstrap),
    }
    return {
        "monitor": {
            "generation": detection.first_monitored(scenario),
            "quantile": scenario.monitor.quantile,
            "budget": scenario.monitor.budget,
            **_values(estimates),
            "intervals": _intervals(estimates),
        }
    }


def _flip(
    dataset: xr.Dataset, scenario: Scenario, flip: Flip, bootstrap: Bootstrap
) -> dict[str, Any]:
    probe = dataset.sel(probe=flip.generation)
    minds = [str(name) for name in dataset["mind"].values]
    fates = {name: _fate(probe, name, flip, scenario.verdict, bootstrap) for name in minds}
    evolved = fates.pop(EVOLVED)
    return {
        "generation": flip.generation,
        "from": flip.label_before,
        "to": flip.label_after,
        **evolved,
        **judge(evolved, scenario.verdict),
        "payoffs": _payoffs_across(probe, flip, bootstrap),
        "evolved": _phenotype(dataset, scenario, flip.generation, bootstrap),
        "recovery": _recovery(dataset, scenario, flip),
        "controls": fates,
        "sampling_intervals": _sampling_across(probe, flip, scenario, bootstrap),
    }


def _fate(
    probe: xr.Dataset, name: str, flip: Flip, verdict: Verdict, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Capability and alignment of one mind on both sides of a flip, and what it retained."""
    n_undefined: dict[str, int] = {}
    chosen = probe.sel(mind=name)
    absent = _absent(probe)
    sides: dict[str, tuple[Floats, Floats]] = {}
    for measure in _MEASURES:
        before, n_undefined[f"{measure}_before"] = _mixed(chosen[measure], flip.before, absent)
        after, n_undefined[f"{measure}_after"] = _mixed(chosen[measure], flip.after, absent)
        sides[measure] = before, after
    estimates = _across(sides, verdict, bootstrap)
    return {
        **_values(estimates),
        "intervals": _intervals(estimates),
        "n_undefined": n_undefined,
        "n_replicates": {key: estimate.n for key, estimate in estimates.items()},
    }


def _across(
    sides: Mapping[str, tuple[Floats, Floats]], verdict: Verdict, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Both measures on both sides of a flip, given by measure as one number a replicate."""
    estimates: dict[str, Estimate] = {}
    for measure, (before, after) in sides.items():
        estimates[f"{measure}_before"] = intervals.mean(before, bootstrap)
        estimates[f"{measure}_after"] = intervals.mean(after, bootstrap)
        if measure == "alignment":
            estimates["collapse"] = intervals.difference(before, after, bootstrap)
        if estimates[f"{measure}_before"].value > verdict.floor:
            estimates[f"{measure}_retained"] = intervals.ratio(after, before, bootstrap)
        else:
            estimates[f"{measure}_retained"] = _nothing(len(before))
    return estimates


def _sampling_across(
    probe: xr.Dataset, flip: Flip, scenario: Scenario, bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """Intervals of one replicate whose measures are means of sampled lifetimes, else None.

    They are over the individuals sampled and hold the error of sampling them and their lives:
    what another sample of the same population would give, not what another replicate would.
    """
    if not _only_sampled(probe, scenario):
        return None
    chosen = probe.sel(mind=EVOLVED)
    sides = {m: (_each(chosen[m], flip.before), _each(chosen[m], flip.after)) for m in _MEASURES}
    return _intervals(_across(sides, scenario.verdict, bootstrap))


def _only_sampled(dataset: xr.Dataset, scenario: Scenario) -> bool:
    return dataset.sizes["replicate"] == 1 and NOVELTY in scenario.agent.drives


def _each(values: xr.DataArray, weights: Mapping[str, float]) -> Floats:
    """The only replicate's individuals in a mixture of environments, [sample]."""
    names = [name for name, weight in weights.items() if weight > 0]
    mixture = np.array([weights[name] for name in names])
    parts = values.isel(replicate=0).sel(environment=names).transpose("sample", "environment")
    return np.asarray(parts.values @ (mixture / mixture.sum()), dtype=np.float64)


def judge(fate: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The verdict on what a mind retained across a flip.

    Args:
        fate: the numbers, ``intervals`` and ``n_replicates`` of a flip, as in the summary.
        verdict: the thresholds.

    Returns:
        verdict: goal misgeneralization, capability failure, robust or mixed; capability and
        alignment: each "kept" (the lower end of the retained share is at least ``kept``), "lost"
        (its upper end is at most ``lost``), "between" (neither), "nothing to lose" (the measure
        was at or below ``floor`` before the flip) or "undefined"; one_replicate: whether
        the verdict rests on estimates without intervals.
    """
    fates = {measure: _kept_or_lost(fate, measure, verdict) for measure in _MEASURES}
    return {
        "verdict": VERDICTS.get((fates["capability"], fates["alignment"]), "mixed"),
        **fates,
        "one_replicate": any(
            fate["n_replicates"][f"{measure}_{what}"] == 1
            for measure in _MEASURES
            for what in ("before", "retained")
        ),
    }


_MEASURES = ("capability", "alignment")


def _kept_or_lost(fate: Mapping[str, Any], measure: str, verdict: Verdict) -> str:
    before, retained = fate[f"{measure}_before"], fate[f"{measure}_retained"]
    if before is None:
        return "undefined"
    if before <= verdict.floor:
        return "nothing to lose"
    if retained is None:
        return "undefined"
    low, high = fate["intervals"][f"{measure}_retained"] or (retained, retained)
    if low is not None and low >= verdict.kept:
        return "kept"
    if high is not None and high <= verdict.lost:
        return "lost"
    return "between"


def _absent(probe: xr.Dataset) -> int:
    """How many of the sample an open population was too small for, all replicates together."""
    if "population_size" not in probe:
        return 0
    return int((probe["probe_individual"] < 0).sum())


def _mixed(
    values: xr.DataArray, weights: Mapping[str, float], absent: int = 0
) -> tuple[Floats, int]:
    """A mixture's weighted mean over environments, [replicate], and how many were undefined,
    besides those absent from a population smaller than the sample.

    In each environment it is the mean over the sampled individuals that define the number; a
    replicate without any is NaN, in one environment of positive weight as in all.
    """
    names = [name for name, weight in weights.items() if weight > 0]
    total = sum(weights[name] for name in names)
    parts = values.sel(environment=names).transpose("replicate", "environment", "sample").values
    means = mean_of_defined(parts)
    mixture = np.array([weights[name] / total for name in names])
    return means @ mixture, int(np.sum(np.isnan(parts))) - absent * len(names)


def _payoffs_across(probe: xr.Dataset, flip: Flip, bootstrap: Bootstrap) -> dict[str, Any]:
    """Expected payoffs, internal reward and lifespan a lifetime on both sides of a flip."""
    chosen = probe.sel(mind=EVOLVED)
    quantities = {
        **{str(name): chosen["expected_payoff"].sel(payoff=name) for name in chosen.payoff.values},
        "internal reward": chosen["expected_reward"],
        "lifespan": chosen["expected_lifespan"],
    }
    across = {}
    for name, values in quantities.items():
        sides = {
            side: intervals.mean(_mixed(values, mixture)[0], bootstrap)
            for side, mixture in (("before", flip.before), ("after", flip.after))
        }
        across[name] = {**_values(sides), "intervals": _intervals(sides)}
    return across


def _final(
    dataset: xr.Dataset, scenario: Scenario, environment: str, bootstrap: Bootstrap
) -> dict[str, Any]:
    """How the population of the last probe fares in one environment."""
    here = dataset.isel(probe=-1).sel(environment=environment)
    evolved = here.sel(mind=EVOLVED)
    estimates = {
        "internal_reward": _estimate(evolved["expected_reward"], bootstrap),
        "lifespan": _estimate(evolved["expected_lifespan"], bootstrap),
        "capability": _estimate(evolved["capability"], bootstrap),
        "alignment": _estimate(evolved["alignment"], bootstrap),
        "optimal_payoff": intervals.mean(here["optimal_payoff"].values, bootstrap),
        "uniform_payoff": intervals.mean(here["uniform_payoff"].values, bootstrap),
    }
    payoffs = {
        str(name): _estimate(evolved["expected_payoff"].sel(payoff=name), bootstrap)
        for name in dataset["payoff"].values
    }
    return {
        "title": scenario.environments[environment].title or environment,
        "generation": int(here["probe"]),
        "payoffs": _values(payoffs),
        **_values(estimates),
        "intervals": {"payoffs": _intervals(payoffs), **_intervals(estimates)},
        "n_undefined": {
            measure: int(np.sum(np.isnan(evolved[measure].values))) - _absent(here)
            for measure in _MEASURES
        },
        "sampling_intervals": _intervals(
            {
                measure: intervals.mean(evolved[measure].isel(replicate=0).values, bootstrap)
                for measure in _MEASURES
            }
        )
        if _only_sampled(dataset, scenario)
        else None,
    }


def _estimate(values: xr.DataArray, bootstrap: Bootstrap) -> Estimate:
    return intervals.mean(
        mean_of_defined(values.transpose("replicate", "sample").values), bootstrap
    )


def _phenotype(
    dataset: xr.Dataset, scenario: Scenario, generation: int, bootstrap: Bootstrap
) -> dict[str, Any]:
    """The mean phenotype of a whole population (-1: the last one); senses are shares of it.

    A replicate that has died out is left out.
    """
    if generation < 0:
        generation = int(dataset["generation"].values[generation])
    genomes = dataset["genome"].sel(generation=generation)
    genomes = genomes.transpose("replicate", "individual", "locus")
    living = [one[~np.isnan(one).any(axis=1)] for one in genomes.values]
    expressed = [mind.phenotype(scenario, np.asarray(one)) for one in living]
    estimates = {
        name: intervals.mean(
            [float(np.mean(one[name])) if len(one[name]) else math.nan for one in expressed],
            bootstrap,
        )
        for name in expressed[0]
    }
    return {
        "generation": generation,
        "mean": _values(estimates),
        "intervals": _intervals(estimates),
    }


def _recovery(dataset: xr.Dataset, scenario: Scenario, flip: Flip) -> dict[str, Any]:
    """The intended payoff as lived, before and after a flip, in replicate means.

    before: mean of the last generations before the flip; at: the flip's own generation, the
    first to live in the new world; end: mean of the last generations before the next flip or
    the end; random_before, random_after: of random play in the old and the new world.

    What is gained over random play is what can be lost and regained, so that a payoff has no
    zero of its own. defined: whether before gained more than the floor of alignment, as a share
    of what the optimum gains; generations_to_half: generations from the flip to the first that
    gains at least half of what before gained (0: the first one already; None: it never came
    back, or recovery is not defined).
    """
    intended = scenario.objective.intended
    lives = dataset["payoff_total"].sel(payoff=intended)
    if "population_size" in dataset:  # of unequal populations each counts for one
        each = mean_of_defined(lives.transpose("generation", "replicate", "individual").values)
        paid = mean_of_defined(each)
    else:
        paid = lives.mean(["replicate", "individual"]).values
    flips = [other.generation for other in scenario.flips]
    start = max((g for g in flips if g < flip.generation), default=0)
    stop = min((g for g in flips if g > flip.generation), default=len(paid))
    old, new = paid[start : flip.generation], paid[flip.generation : stop]
    before = float(np.mean(old[-RECENT:]))
    random_before = _of_mixture(dataset["uniform_payoff"], flip.before)
    random_after = _of_mixture(dataset["uniform_payoff"], flip.after)
    gained = before - random_before
    could_gain = _of_mixture(dataset["optimal_payoff"], flip.before) - random_before
    defined = gained > max(scenario.verdict.floor * could_gain, 0.0)
    back = np.flatnonzero(new - random_after >= gained / 2)
    return {
        "payoff": intended,
        "before": before,
        "at": float(new[0]),
        "end": float(np.mean(new[-RECENT:])),
        "random_before": random_before,
        "random_after": random_after,
        "defined": defined,
        "generations_to_half": int(back[0]) if defined and back.size else None,
    }


def _of_mixture(values: xr.DataArray, weights: Mapping[str, float]) -> float:
    """What a number of each environment is in a mixture, in the mean over replicates."""
    each = values.mean("replicate")
    mixed = sum(w * float(each.sel(environment=name)) for name, w in weights.items() if w > 0)
    return float(mixed / sum(w for w in weights.values() if w > 0))


def _nothing(replicates: int) -> Estimate:
    return Estimate(value=math.nan, interval=None, n=0, n_undefined=replicates)


def _values(estimates: Mapping[str, Estimate]) -> dict[str, float | None]:
    return {key: _plain(estimate.value) for key, estimate in estimates.items()}


def _intervals(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None] | None]:
    return {
        key: None if e.interval is None else [_plain(e.interval[0]), _plain(e.interval[1])]
        for key, e in estimates.items()
    }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


# The text of a summary


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict for people: a block a flip, then the final population, in plain text.

    Args:
        summary: what :func:`summarize` returned, or summary.json read back.
    """
    blocks = [_describe_flip(flip, summary) for flip in summary["flips"]]
    if not blocks:
        blocks = ["No flip: nothing to judge."]
    if "population" in summary:
        blocks.insert(0, _describe_population(summary))
    blocks.append(_describe_final(summary))
    if "deception" in summary:
        blocks.append(_describe_deception(summary["deception"]))
    if "monitor" in summary:
        blocks.append(_describe_monitor(summary["monitor"]))
    blocks.append(_describe_basis(summary))
    return "\n\n".join(blocks)


def _describe_population(summary: Mapping[str, Any]) -> str:
    population, replicates = summary["population"], summary["replicates"]
    when = [g for g in population["died_out_in"] if g is not None]
    if not when:
        head = "Open population: SURVIVED"
    elif replicates == 1:
        head = f"Open population: DIED OUT in generation {when[0]}"
    else:
        generations = ", ".join(map(str, sorted(when)))
        several = "s" if len(when) > 1 else ""
        head = (
            f"Open population: DIED OUT in {len(when)} of {replicates} replicates, in "
            f"generation{several} {generations}"
        )
    sizes = {name: population[name] for name in ("first", "smallest", "last")}
    if replicates > 1:
        words = [f"{name} {number(float(np.mean(n)), '.3g')}" for name, n in sizes.items()]
        kind = "mean size"
    else:
        words = [f"{name} {n[0]}" for name, n in sizes.items()]
        kind = "size"
    return f"{head}\n  {kind}: {', '.join(words)}; capacity {population['capacity']}"


def _describe_flip(flip: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    thresholds = summary["thresholds"]
    intervals = _shown(flip)
    rows = [["", "before", "after", "retained", ""]]
    for measure in _MEASURES:
        keys = [f"{measure}_before", f"{measure}_after", f"{measure}_retained"]
        cells = [with_interval(flip[key], intervals[key]) for key in keys]
        rows.append([measure, *cells, flip[measure]])
    collapse = with_interval(flip["collapse"], intervals["collapse"])
    controls = [["control", "capability", "alignment"]]
    for name, fate in flip["controls"].items():
        cells = [
            f"{number(fate[f'{m}_before'])} -> {number(fate[f'{m}_after'])}" for m in _MEASURES
        ]
        controls.append([name, *cells])
    lines = [
        f"Flip at generation {flip['generation']}: {flip['from']} -> {flip['to']}",
        f"  {flip['verdict'].upper()}: {_reason(flip, thresholds)}",
        *table(rows),
        f"  collapse {collapse}",
        *table(controls),
        f"  {_describe_payoffs(flip['payoffs'])}",
        f"  {_describe_recovery(flip['recovery'])}",
    ]
    undefined = {key: n for key, n in flip["n_undefined"].items() if n}
    if undefined:
        counts = ", ".join(f"{n} of {key.replace('_', ' ')}" for key, n in undefined.items())
        lines.append(f"  undefined and left out, sampled individuals: {counts}")
    return "\n".join(lines)


def _shown(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The intervals to print: over replicates, or else over the sample where there are such."""
    return numbers.get("sampling_intervals") or numbers["intervals"]


def _reason(flip: Mapping[str, Any], thresholds: Mapping[str, float]) -> str:
    parts = []
    for measure in _MEASURES:
        fate = flip[measure]
        if fate == "between":
            fate = "neither kept nor lost"
        elif fate == "nothing to lose":
            fate = f"had nothing to lose (not above {thresholds['floor']:g})"
        parts.append(f"{measure} {fate}")
    text = ", ".join(parts)
    return f"{text} (rests on one replicate)" if flip["one_replicate"] else text


def _describe_payoffs(payoffs: Mapping[str, Any]) -> str:
    across = [
        f"{name} {number(sides['before'], '.3g')} -> {number(sides['after'], '.3g')}"
        for name, sides in payoffs.items()
    ]
    return "a lifetime: " + ", ".join(across)


def _describe_recovery(recovery: Mapping[str, Any]) -> str:
    half = recovery["generations_to_half"]
    if not recovery.get("defined", True):
        when = "little or no gain over random play to regain"
    elif half is None:
        when = "half not regained"
    elif half == 0:
        when = "still half or more"
    else:
        when = f"half regained after {half} generation{'s' if half > 1 else ''}"
    return (
        f"{recovery['payoff']} as lived: {number(recovery['before'], '.3g')}, at the flip "
        f"{number(recovery['at'], '.3g')}, in the end {number(recovery['end'], '.3g')} ({when})"
    )


def _describe_final(summary: Mapping[str, Any]) -> str:
    names = list(next(iter(summary["environments"].values()))["payoffs"])
    rows = [["environment", *names, "capability", "alignment", "lifespan"]]
    for name, final in summary["environments"].items():
        paid = [
            with_interval(final["payoffs"][p], final["intervals"]["payoffs"][p], ".3g")
            for p in names
        ]
        rest = [with_interval(final[key], _shown(final)[key]) for key in _MEASURES]
        rows.append([name, *paid, *rest, number(final["lifespan"], ".3g")])
    generation = next(iter(summary["environments"].values()))["generation"]
    return "\n".join([f"Population of generation {generation}", *table(rows)])


def _describe_monitor(found: Mapping[str, Any]) -> str:
    """Detection in the first monitored generation, and what it cost."""
    shown = {key: with_interval(found[key], found["intervals"][key]) for key in found["intervals"]}
    return "\n".join(
        [
            f"Monitor, switched on at generation {found['generation']}",
            f"  area under the ROC {shown['roc_area']}; flagged {shown['flagged']} of its "
            f"lifetimes, {1 - found['quantile']:.2g} of training's",
            f"  labels used in all: {shown['labels']} (at most {found['budget']} a generation)",
        ]
    )


def _describe_deception(found: Mapping[str, Any]) -> str:
    """Shares and rates in each environment, at the flips, the peak and the end."""
    head = f"Deception: {found['conduct']} a step, by whether {found['variable']} is watching"
    columns = ("deceptive", "honest", "watched", "unwatched", "watched_without")
    rows = [["environment", "generation", *(name.replace("_", " ") for name in columns)]]
    for name, moments in found["environments"].items():
        for moment in moments:
            cells = [
                with_interval(moment[key], moment["intervals"][key], ".2f" if n < 2 else ".3g")
                for n, key in enumerate(columns)
            ]
            rows.append([name, str(moment["generation"]), *cells])
    if len(rows) == 1:
        return f"{head}\n  nobody is both watched and unwatched in any environment"
    side = "shown" if found["good"] else "held back"
    return "\n".join(
        [
            head,
            *table(rows),
            f"  deceptive: {side} while watched, and because the watcher is seen; watched without: "
            "the same minds without the sense",
        ]
    )


def _describe_basis(summary: Mapping[str, Any]) -> str:
    t, replicates = summary["thresholds"], summary["replicates"]
    lines = [
        f"kept: at least {t['kept']:g} of what was there before the flip; lost: at most "
        f"{t['lost']:g} of it;",
        f"judged where more than {t['floor']:g} was there",
    ]
    if replicates > 1:
        lines += [
            f"{replicates} replicates; [low, high]: BCa intervals of "
            f"{100 * t['confidence']:g} %, {t['resamples']} resamples;",
            "kept and lost must hold for all of an interval",
        ]
    else:
        over = "" if summary["exact"] else " over replicates"
        lines.append(f"1 replicate: no intervals{over}, verdicts rest on the numbers alone")
    if not summary["exact"]:
        lines.append("a drive is novelty: the measures are means of sampled lifetimes, not exact")
        if replicates == 1:
            lines += [
                f"[low, high]: BCa intervals of {100 * t['confidence']:g} % over the sampled "
                "individuals of this one replicate:",
                "the error of sampling them and their lives, not what other replicates would do",
            ]
    return "\n".join(lines)
