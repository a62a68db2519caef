"""The verdict of a claim over the worlds of a family: effects, shares of worlds, what predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim import world as worlds_
from evosim.errors import EvosimError, did_you_mean
from evosim.metrics import METRICS, hypotheses
from evosim.scenario.words import WORDS
from evosim.stats import hierarchy
from evosim.stats.intervals import Bootstrap, Floats, finite, shown
from evosim.study.design import claimed, claimed_arms, experiment_of, family_of, world_key

if TYPE_CHECKING:
    from evosim.metrics.hypotheses import Conditions, WeightedTerm
    from evosim.scenario import Family, Finding, Scenario
    from evosim.study.experiment import ExperimentFolder


def summarize(folder: ExperimentFolder) -> dict[str, Any]:
    """What verdict.json of an experiment over worlds holds.

    Returns:
        as :func:`evosim.study.verdict.summarize`, but for courses, tuned, secondary findings and
        their arms; each finding has instead of terms ``worlds``: effects (of each replicate, by
        world), share (of worlds beyond the threshold), between and within (variances), predictor.
        ``worlds`` is their number, ``drawn`` has by key what was drawn for each, ``pull`` the pull
        of each.
    """
    scenario, manifest = folder.base, folder.manifest
    written, family = experiment_of(scenario), family_of(scenario)
    arms, bootstrap = claimed_arms(scenario), folder.bootstrap
    counted = _counted(scenario)
    n = manifest["worlds"]
    effects: list[list[Floats]] = [[] for _ in counted]
    pulls: list[float] = []
    for number in range(n):
        # A world may flip when others do not.
        here = _counted(scenario, family.settings(manifest["seed"], number))
        with folder.opened({arm: world_key(number, arm) for arm in arms}) as data:
            for found, (_, terms) in zip(effects, here, strict=True):
                found.append(effect(terms, data))
            pulls.append(pull(next(iter(data.values())).scenario, scenario))
    findings = [
        _finding(finding, terms, np.array(found), pulls, bootstrap)
        for (finding, terms), found in zip(counted, effects, strict=True)
    ]
    return {
        "verdict": hypotheses.verdict_of(findings),
        "scenario": scenario.id,
        **{key: getattr(scenario, key) for key in WORDS},
        "seed": manifest["seed"],
        "replicates": manifest["replicates"],
        "confidence": bootstrap.confidence,
        "arms": {name: {"title": written.arms[name].title} for name in arms},
        "findings": findings,
        "worlds": n,
        "drawn": drawn(family, manifest["seed"], n),
        "pull": [finite(value) for value in pulls],
        **{key: manifest[key] for key in ("command", "versions", "machine")},
    }


def _counted(
    scenario: Scenario, drawn: Mapping[str, Any] | None = None
) -> list[tuple[Finding, tuple[WeightedTerm, ...]]]:
    """The findings on which the verdict rests, with their terms in a world."""
    return [one for one in claimed(scenario, drawn) if not one[0].secondary]


def drawn(family: Family, seed: int, worlds: int) -> dict[str, list[Any]]:
    """What is drawn for each world, by key; several keys that get one value are one."""
    found = [family.settings(seed, number) for number in range(worlds)]
    return {", ".join(draw.keys): [one[draw.keys[0]] for one in found] for draw in family.draw}


def effect(terms: Sequence[WeightedTerm], data: Mapping[str, Conditions]) -> Floats:
    """What a finding measures in one world, [replicate].

    A measure of several replicates (such as the share of variance between them) has one number in a
    world, which each replicate gets.
    """
    found = np.zeros(1)
    for term in terms:
        metric, columns = METRICS[term.query.measure], hypotheses.columns_of(term, data)
        numbers = metric.by_replicate(*columns)
        if np.isnan(numbers).all():
            numbers = np.full_like(numbers, metric.number(*columns))
        found = found + term.weight * numbers
    return found


def _finding(
    finding: Finding,
    terms: Sequence[WeightedTerm],
    effects: Floats,
    pulls: Sequence[float],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What becomes of a finding over worlds.

    Args:
        effects: [world, replicate].
    """
    estimate = hierarchy.mean(effects, bootstrap)
    by_world = hierarchy.means(effects)
    side, threshold = finding.threshold
    if side == "within":
        verdict = hypotheses.judge_equivalence(estimate, estimate, threshold)
    else:
        verdict = hypotheses.judge(estimate, finding)
    holds = np.array([one for one in beyond(by_world, side, threshold) if one is not None], bool)
    parts = hierarchy.components(effects)
    fit = hierarchy.predict(pulls, by_world)
    return {
        "says": finding.says,
        "measure": finding.measure,
        "verdict": verdict,
        **estimate.to_dict(),
        "threshold": hypotheses.threshold_of(finding),
        "secondary": False,
        "constant": "",
        "undefined": estimate.n_undefined,
        "arms": [term.arm for term in terms],
        "worlds": {
            "effects": [[finite(value) for value in row] for row in effects],
            "share": hierarchy.share(holds, bootstrap).to_dict(),
            "holds": int(holds.sum()),
            "of": len(holds),
            "between": finite(parts.between),
            "within": finite(parts.within),
            "predictor": {name: finite(value) for name, value in fit._asdict().items()},
        },
    }


def beyond(values: Floats, side: str, threshold: float) -> list[bool | None]:
    """Whether each effect is on the wanted side of a threshold; None: undefined."""
    wanted = {"above": values > threshold, "below": values < threshold}
    wanted["within"] = np.abs(values) <= threshold
    known = np.isfinite(values)
    return [bool(w) if k else None for w, k in zip(wanted[side], known, strict=True)]


def kinds(summary: Mapping[str, Any]) -> list[tuple[bool | None, ...]]:
    """What kind of outcome each world has: which findings hold in it.

    Args:
        summary: what :func:`summarize` returned, or its record.
    """
    columns = []
    for finding in summary["findings"]:
        ((side, threshold),) = finding["threshold"].items()
        effects = np.array(finding["worlds"]["effects"], np.float64)
        columns.append(beyond(hierarchy.means(effects), side, threshold))
    return list(zip(*columns, strict=True))


def unseen(summary: Mapping[str, Any]) -> str:
    """The chance that the next world is of a kind of outcome that was not seen, in words."""
    found = kinds(summary)
    chance = hierarchy.unseen(found, Bootstrap(confidence=summary["confidence"]))
    once = sum(found.count(kind) == 1 for kind in found)
    return (
        f"{chance:.2f}, as {once} of {len(found)} worlds are the only ones of their kind, of "
        f"{len(set(found))}"
    )


def stimuli_of(made: Scenario, scenario: Scenario) -> tuple[Floats, Floats] | None:
    """The stimuli of a world's lure and of its goal; None where no pull is named.

    Args:
        made: the world's own scenario.
        scenario: with the family.

    Raises:
        EvosimError: no such event.
    """
    asked = family_of(scenario).pull
    if asked is None:
        return None
    rows = []
    for name, where in ((asked.lure, asked.where), (asked.goal, asked.before or asked.where)):
        env = worlds_.environment(made, where)
        if name not in env.events:
            raise EvosimError(
                f"family.pull: environment {where!r} has no event {name!r}; "
                f"{did_you_mean(name, env.events)}"
            )
        rows.append(env.phi[env.events.index(name), : len(made.stimuli)])
    return rows[0], rows[1]


def pull(made: Scenario, scenario: Scenario) -> float:
    """The pull of a world's lure, phi_L . phi_G / |phi_G|^2 over stimuli; NaN where none is named.

    Args:
        made, scenario: see :func:`stimuli_of`.
    """
    if (stimuli := stimuli_of(made, scenario)) is None:
        return float("nan")
    lure, goal = stimuli
    length = float(goal @ goal)
    return float(lure @ goal) / length if length else float("nan")


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict over worlds, for people."""
    n, replicates = summary["worlds"], summary["replicates"]
    lines = [
        f"{summary['verdict'].upper()} over {n} worlds x {replicates} replicates: "
        f"{summary['claim'] or summary['title']}",
        "",
    ]
    for finding in summary["findings"]:
        (side, threshold), *_ = finding["threshold"].items()
        here = finding["worlds"]
        lines += [
            f"  {finding['verdict']}: {finding['says']}",
            f"    effect       {shown(finding)}   ({side} {threshold:g} wanted)",
            f"    worlds       {here['holds']} of {here['of']} beyond it, {shown(here['share'])}",
        ]
        if here["between"] is not None and here["between"] + here["within"] > 0:
            part = here["between"] / (here["between"] + here["within"])
            lines.append(f"    variance     {100 * part:.0f} % between worlds")
        if (fit := here["predictor"])["spearman"] is not None:
            line = (
                ""
                if fit["explained"] is None
                else f"; a line explains {100 * fit['explained']:.0f} % of worlds that it was not "
                "fitted to"
            )
            lines.append(f"    pull         rank correlation {fit['spearman']:.2f}{line}")
    lines.append(f"  chance of a kind of outcome not seen in the next world: {unseen(summary)}")
    return "\n".join(lines)
