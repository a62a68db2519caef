"""Claims: findings over the arms of an experiment, each borne out, contradicted or left open.

A finding is a weighted sum of terms, each a measure of one arm, against a threshold. Arms share
their replicates' seeds, so replicates are paired: they are resampled together (BCa).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query, no_flip, turns, why_undefined
from evosim.scenario import document
from evosim.stats import intervals
from evosim.stats.intervals import Bootstrap, Estimate
from evosim.stats.report_tables import filled

if TYPE_CHECKING:
    import xarray as xr

    from evosim.scenario import Experiment, Finding, Scenario

Floats = NDArray[np.float64]


class Measured(Protocol):
    """What says where and when to look, as a finding does."""

    @property
    def measure(self) -> str: ...
    @property
    def of(self) -> str | None: ...
    @property
    def where(self) -> str | None: ...
    @property
    def at(self) -> str: ...
    @property
    def mind(self) -> str: ...
    @property
    def flip(self) -> int | Literal["all"]: ...
    @property
    def span(self) -> tuple[int, int] | None: ...
    @property
    def level(self) -> float | None: ...


class Threshold(Protocol):
    """What a number must lie beyond, as a finding has it: one of the two is given."""

    @property
    def above(self) -> float | None: ...
    @property
    def below(self) -> float | None: ...


SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"


class WeightedTerm(NamedTuple):
    """One term of a finding: a measure of one arm, and its weight in the sum."""

    weight: float
    arm: str
    query: Query


class Conditions(NamedTuple):
    """The data of one arm, and the scenario it lived by."""

    data: xr.Dataset
    scenario: Scenario


def terms_of(
    finding: Finding, experiment: Experiment, flips: Sequence[int]
) -> tuple[WeightedTerm, ...]:
    """The terms of a finding.

    Args:
        flips: the generations of the flips, the first of each phase but the first.

    Raises:
        EvosimError: no such measure, or no such flip.
    """
    first = next(iter(experiment.arms))
    query = query_of(finding, flips)
    if finding.contrast is not None:
        return tuple(WeightedTerm(weight, arm, query) for arm, weight in finding.contrast.items())
    arm = finding.arm or first
    own = WeightedTerm(1.0, arm, query)
    if finding.against is None:
        return (own,)
    differs = finding.against
    changes = differs.model_dump(exclude={"arm"}, exclude_none=True)
    other = query_of(finding.model_copy(update=changes), flips)
    return own, WeightedTerm(-1.0, differs.arm or arm, other)


def query_of(finding: Measured, flips: Sequence[int]) -> Query:
    """What a finding, or anything written like one, looks at.

    Raises:
        EvosimError: no such measure, an ``of`` it does not take, or no such flip.
    """
    metric = METRICS[finding.measure]
    metric.check(finding.of or "", finding.measure)
    if not flips and metric.looks_at_a_flip(finding.at, finding.span):
        raise no_flip(finding.measure)
    every = finding.flip == "all"
    chosen = 0 if finding.flip == "all" else finding.flip
    if chosen and chosen >= len(flips):
        raise EvosimError(f"flip = {chosen}: the timeline has {len(flips)} (from 0)")
    following = () if every else flips[chosen + 1 :]
    return Query(
        measure=finding.measure,
        of=finding.of or "",
        where=finding.where,
        at=finding.at,
        mind=finding.mind,
        turn=flips[chosen] if flips else None,
        last=flips[-1] if flips and every else None,
        until=following[0] if following else None,
        span=finding.span,
        level=finding.level,
    )


def check_term(term: WeightedTerm, scenario: Scenario) -> None:
    """Refuse a term that its arm could not answer, before the arm is lived.

    Args:
        scenario: of the term's arm.

    Raises:
        EvosimError: what the arm's scenario lacks, or another time of the flip.
    """
    query = term.query
    metric = METRICS[query.measure]
    try:
        metric.check_in(scenario, query)
        # An arm without phases has no flip of its own, which is told by the first arm's.
        own = turns(scenario)
        if (
            metric.looks_at_a_flip(query.at, query.span)
            and not {query.flip, query.last or query.flip} <= set(own)
            and (own or (query.last or query.flip) >= scenario.generations)
        ):
            begin = ", ".join(map(str, own)) or "none"
            raise EvosimError(
                f"measure {query.measure!r} looks at the first arm's flip in generation "
                f"{query.flip}, and here no phase begins there (but in {begin}; "
                f"{scenario.generations} generations in all): a setting moves `generations`, "
                "which has to be the same in all arms up to the flip"
            )
    except EvosimError as error:
        raise EvosimError(f"arm {term.arm!r}: {error}") from error


def columns_of(term: WeightedTerm, arms: Mapping[str, Conditions]) -> tuple[Floats, ...]:
    """What a term measures in its arm, [replicate] each.

    Raises:
        EvosimError: the arm's run lacks what the measure reads.
    """
    data, scenario = arms[term.arm]
    try:
        return METRICS[term.query.measure].columns(data, scenario, term.query)
    except EvosimError as error:
        raise EvosimError(f"arm {term.arm!r}: {error}") from error


def evaluate(
    finding: Finding,
    terms: Sequence[WeightedTerm],
    columns: Sequence[Sequence[Floats]],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """What becomes of a finding, from one number or a few a replicate of each term.

    Args:
        terms: the finding's terms.
        columns: for each term what it measured, [replicate] each.

    Returns:
        says, measure, verdict (supported, refuted, undecided), value, interval, threshold
        (``above`` or ``below`` and the number), replicates, undefined (replicates left out), and
        terms: for each arm, weight, value, interval, columns.

    Raises:
        EvosimError: the arms have different numbers of replicates.
    """
    lengths = {len(column) for group in columns for column in group}
    if len(lengths) != 1:
        raise EvosimError(
            f"finding {finding.says!r}: its arms have {sorted(lengths)} replicates; replicates "
            "are paired, so arms need equally many"
        )
    total = total_of(
        finding.measure, [term.weight for term in terms], [len(group) for group in columns]
    )
    flat = [column for group in columns for column in group]
    estimate = intervals.estimate(total, bootstrap, *flat)
    return {
        "says": finding.says,
        "measure": finding.measure,
        "verdict": judge(estimate, finding),
        **estimate.to_dict(),
        "threshold": threshold_of(finding),
        "replicates": estimate.n,
        "undefined": estimate.n_undefined,
        "terms": [
            {"weight": term.weight, **measured(term, group, bootstrap)}
            for term, group in zip(terms, columns, strict=True)
        ],
    }


def total_of(measure: str, weights: Sequence[float], counts: Sequence[int]) -> Callable[..., Any]:
    """The weighted sum of terms as a statistic of all their columns, one term after the other.

    Args:
        measure: of all terms.
        weights: of each term.
        counts: how many columns each term has.
    """
    metric = METRICS[measure]
    ends = np.cumsum(counts)

    def total(*flat: Floats, axis: int = -1) -> Any:
        groups = np.split(np.arange(len(flat)), ends[:-1])
        return sum(
            weight * metric.number(*(flat[i] for i in group), axis=axis)
            for weight, group in zip(weights, groups, strict=True)
        )

    return total


def measured(term: WeightedTerm, columns: Sequence[Floats], bootstrap: Bootstrap) -> dict[str, Any]:
    """What a term measures: arm, of, where, at (when), span where it has one, mind, level, value,
    interval, columns."""
    estimate = intervals.estimate(METRICS[term.query.measure].number, bootstrap, *columns)
    return {
        "arm": term.arm,
        "of": term.query.of,
        "where": term.query.where,
        "at": term.query.at,
        **({"span": list(term.query.span)} if term.query.span else {}),
        "mind": term.query.mind,
        "level": term.query.level,
        **estimate.to_dict(),
        "columns": [[intervals.finite(v) for v in column] for column in columns],
    }


def verdict_of(findings: Sequence[Mapping[str, Any]]) -> str:
    """The verdict of a claim: supported if every finding is, refuted if one is, else undecided."""
    verdicts = {finding["verdict"] for finding in findings}
    if REFUTED in verdicts:
        return REFUTED
    return UNDECIDED if UNDECIDED in verdicts or not verdicts else SUPPORTED


def judge(estimate: Estimate, threshold: Threshold) -> str:
    """Supported, refuted or undecided: where the interval lies; of one replicate, where the number
    lies, unless others were left out: who is left by chance decides nothing."""
    low, high = estimate.low, estimate.high
    if not math.isfinite(low) or not math.isfinite(high):
        return UNDECIDED
    if estimate.interval is None and estimate.n_undefined:
        return UNDECIDED
    if threshold.above is not None:
        beyond, short = low > threshold.above, high <= threshold.above
    else:
        assert threshold.below is not None
        beyond, short = high < threshold.below, low >= threshold.below
    return SUPPORTED if beyond else REFUTED if short else UNDECIDED


def threshold_of(threshold: Threshold) -> dict[str, float]:
    """A threshold by its side, above or below; empty where there is none."""
    sides = {"above": threshold.above, "below": threshold.below}
    return {side: number for side, number in sides.items() if number is not None}


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict of an experiment for people: findings with arms, intervals and thresholds.

    Args:
        summary: what :func:`evosim.study.verdict.summarize` returned, or verdict.json.
    """
    lines = [f"{summary['verdict'].upper()}: {summary['claim'] or summary['title']}", ""]
    for finding in summary["findings"]:
        (side, threshold), *_ = finding["threshold"].items()
        lines.append(f"  {finding['verdict']}: {finding['says']}")
        terms = finding["terms"]
        keys = ("of", "where", "at", "span", "mind")
        differing = [key for key in keys if len({str(term.get(key)) for term in terms}) > 1]
        for term in terms if len(terms) > 1 else ():
            words = [str(term[key]) for key in differing if term.get(key)]
            if abs(term["weight"]) != 1:
                words.append(f"weight {term['weight']:g}")
            told = f"   {', '.join(words)}" if words else ""
            lines.append(f"    {term['arm']:<12} {intervals.shown(term)}{told}")
        is_difference = [term["weight"] for term in terms] == [1.0, -1.0]
        whole = "difference" if is_difference else finding["measure"]
        left_out = f"   ({finding['undefined']} replicates undefined)" * bool(finding["undefined"])
        lines.append(
            f"    {whole:<12} {intervals.shown(finding)}   ({side} {threshold:g} wanted){left_out}"
        )
        if finding["undefined"] or finding["value"] is None:
            lines += filled(f"    undefined: {why_undefined(finding['measure'])}", indent="      ")
    if tuned := summary.get("tuned"):
        names = [document.inline(found["value"]) for found in tuned["values"]]
        width = max(map(len, names))
        each = f"{n} replicates" if (n := tuned["replicates"]) > 1 else "one replicate"
        lines += ["", f"  the first finding by {tuned['label']}, {each} at each value"]
        lines += [
            f"    {name:<{width}}   {intervals.shown({**found, 'value': found['measured']})}   "
            f"{found['verdict']}"
            for name, found in zip(names, tuned["values"], strict=True)
        ]
    lines += ["", f"  {_foot(summary)}"]
    return "\n".join(lines)


def _foot(summary: Mapping[str, Any]) -> str:
    if summary["replicates"] == 1:
        return "One replicate of each arm has no interval; more replicates show what is chance."
    return (
        f"{summary['replicates']} replicates of each arm, paired; [low, high]: BCa intervals of "
        f"{100 * summary['confidence']:g} %"
    )
