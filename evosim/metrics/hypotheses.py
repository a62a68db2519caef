"""Claims: findings over the arms of an experiment, each borne out, contradicted or left open.

A finding is a weighted sum of terms, each a measure of one arm, against a threshold. Arms share
their replicates' seeds, so replicates are paired: they are resampled together (BCa).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evosim.errors import EvosimError
from evosim.metrics import METRICS, Query, no_flip, turns, why_undefined
from evosim.scenario import document
from evosim.stats import intervals, tests
from evosim.stats.intervals import Bootstrap, Estimate
from evosim.stats.report_tables import filled
from evosim.stats.variance import pseudo_values

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
    """What a number must lie beyond, as a finding or a study has it: one of the two is given."""

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
    """The data of one arm, and its scenario."""

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
    """Refuse a term that its arm could not answer, before the arm is run.

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
    scenarios: Mapping[str, Scenario],
) -> dict[str, Any]:
    """What becomes of a finding, from one number or a few a replicate of each term.

    Args:
        terms: the finding's terms.
        columns: for each term what it measured, [replicate] each.
        scenarios: of the arms, by name, from which it is known what had to come out as it did.

    Returns:
        says, measure, verdict (supported, refuted, undecided), value, interval, threshold
        (``above``, ``below`` or ``within`` and the number), equivalence (the interval of the two
        one-sided tests; None unless ``within``), secondary, constant (why no run could have
        changed it; empty where one could), p (one-sided, against the threshold; None where it is
        constant or of one replicate), replicates, undefined (replicates left out), and terms: for
        each arm, weight, value, interval, given (no run could have changed it), columns.

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
    narrow = None
    if finding.within is not None:
        # Both one-sided tests at the level of the intervals' two sides together.
        narrower = replace(bootstrap, confidence=max(2 * bootstrap.confidence - 1, 0.5))
        narrow = intervals.estimate(total, narrower, *flat)
        verdict = judge_equivalence(estimate, narrow, finding.within)
    else:
        verdict = judge(estimate, finding)
    known = [
        is_given(term, group, scenarios[term.arm])
        for term, group in zip(terms, columns, strict=True)
    ]
    constant = why_constant(known, columns)
    return {
        "says": finding.says,
        "measure": finding.measure,
        "verdict": verdict,
        **estimate.to_dict(),
        "threshold": threshold_of(finding),
        "equivalence": narrow.to_dict()["interval"] if narrow else None,
        "secondary": finding.secondary,
        "constant": constant,
        "p": None if constant else p_beyond(finding, total, flat, bootstrap),
        "replicates": estimate.n,
        "undefined": estimate.n_undefined,
        "terms": [
            {"weight": term.weight, "given": fixed, **measured(term, group, bootstrap)}
            for term, group, fixed in zip(terms, columns, known, strict=True)
        ],
    }


def is_given(term: WeightedTerm, columns: Sequence[Floats], scenario: Scenario) -> bool:
    """Whether a term is what it is by construction, to the bit: no run of its arm could give
    another number.

    Args:
        columns: what it measured, [replicate] each.
        scenario: of its arm.
    """
    metric = METRICS[term.query.measure]
    number = metric.given(scenario, term.query) if metric.given else None
    found = metric.by_replicate(*columns)
    found = found[np.isfinite(found)]
    return number is not None and len(found) > 0 and bool(np.all(found == number))


ENOUGH_VALUES = 3
"""Different numbers that replicates must have for two columns to be equal by construction only."""


def why_constant(given: Sequence[bool], columns: Sequence[Sequence[Floats]]) -> str:
    """Why a finding could not have come out otherwise, in words; empty where it could.

    Args:
        given: whether each term is what it is by construction.
        columns: of each term, [replicate] each.
    """
    if all(given):
        return "what it measures is the same whatever evolves"
    if len(columns) == 2:
        one, other = (np.stack(group) for group in columns)
        if np.array_equal(one, other, equal_nan=True) and (
            len(np.unique(one[np.isfinite(one)])) >= ENOUGH_VALUES
        ):
            return "both terms are the same numbers in every replicate"
    return ""


def p_beyond(
    finding: Finding,
    total: Callable[..., Any],
    columns: Sequence[Floats],
    bootstrap: Bootstrap,
) -> float | None:
    """One-sided p of a finding: how likely its number lies so far beyond the threshold by chance.

    Signs of replicates are swapped (:func:`evosim.stats.tests.sign_flips`), of the numbers that
    the jackknife gives each replicate, which of a mean are its own. Of an equivalence the larger p
    of its two one-sided tests (Schuirmann 1987).

    Returns:
        None where fewer than two replicates define it, or one more makes it undefined.
    """
    each = pseudo_values(total, columns)
    if len(each) < 2 or not np.isfinite(each).all():
        return None
    sides = []
    if finding.above is not None:
        sides = [each - finding.above]
    elif finding.below is not None:
        sides = [finding.below - each]
    elif finding.within is not None:
        sides = [each + finding.within, finding.within - each]
    found = [tests.sign_flips(side, key=bootstrap.key) for side in sides]
    return max(p for p in found if p is not None)


def amounts_of(
    finding: Finding,
    terms: Sequence[WeightedTerm],
    arms: Mapping[str, Conditions],
    bootstrap: Bootstrap,
) -> list[dict[str, Any]]:
    """What is paid and what it falls short of the optimum, summed as a finding's terms are, where
    its measure lies between a zero and an optimum, which themselves can move.

    Returns:
        for each amount that can be measured there: measure, of, value, interval.
    """
    found = []
    for name in METRICS[finding.measure].amounts:
        metric = METRICS[name]
        of = arms[terms[0].arm].scenario.objective.intended if metric.argument else ""
        asked = [t._replace(query=replace(t.query, measure=name, of=of)) for t in terms]
        try:
            for term in asked:
                check_term(term, arms[term.arm].scenario)
            columns = [columns_of(term, arms) for term in asked]
        except EvosimError:
            continue  # not at such a time, or not in all of these arms
        total = total_of(name, [t.weight for t in terms], [len(group) for group in columns])
        flat = [column for group in columns for column in group]
        estimate = intervals.estimate(total, bootstrap, *flat)
        found.append({"measure": name, "of": of, **estimate.to_dict()})
    return found


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


def standing(finding: Mapping[str, Any]) -> str:
    """Why a finding is shown and not counted, in a word: secondary, or constant; empty if it is
    counted."""
    if finding.get("constant"):
        return "constant"
    return "secondary" if finding.get("secondary") else ""


def verdict_of(findings: Sequence[Mapping[str, Any]]) -> str:
    """The verdict of a claim: supported if every finding that counts is, refuted if one is, else
    undecided. Those that are secondary or constant do not count."""
    verdicts = {finding["verdict"] for finding in findings if not standing(finding)}
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


def judge_equivalence(wide: Estimate, narrow: Estimate, within: float) -> str:
    """Supported where the interval of two one-sided tests lies within 0 give or take a number,
    refuted where the wider one lies outside (Schuirmann 1987, J. Pharmacokin. Biopharm. 15:657).

    Args:
        wide: with the interval of the verdicts, of 1 - alpha.
        narrow: the same with that of 1 - 2 alpha.
    """
    inside = [judge(narrow, _Side(above=-within)), judge(narrow, _Side(below=within))]
    outside = [judge(wide, _Side(above=within)), judge(wide, _Side(below=-within))]
    if inside == [SUPPORTED, SUPPORTED]:
        return SUPPORTED
    return REFUTED if SUPPORTED in outside else UNDECIDED


class _Side(NamedTuple):
    above: float | None = None
    below: float | None = None


def threshold_of(threshold: Threshold) -> dict[str, float]:
    """A threshold by its side, above, below or within; empty where there is none."""
    sides = {side: getattr(threshold, side, None) for side in ("above", "below", "within")}
    return {side: number for side, number in sides.items() if number is not None}


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict of an experiment for people: findings with arms, intervals and thresholds.

    Args:
        summary: what :func:`evosim.study.verdict.summarize` returned, or verdict.json.
    """
    lines = [f"{summary['verdict'].upper()}: {summary['claim'] or summary['title']}", ""]
    for finding in summary["findings"]:
        (side, threshold), *_ = finding["threshold"].items()
        counted = f"   ({why}, not counted)" if (why := standing(finding)) else ""
        lines.append(f"  {finding['verdict']}: {finding['says']}{counted}")
        terms = finding["terms"]
        keys = ("of", "where", "at", "span", "mind")
        differing = [key for key in keys if len({str(term.get(key)) for term in terms}) > 1]
        for term in terms if len(terms) > 1 else ():
            words = [str(term[key]) for key in differing if term.get(key)]
            if abs(term["weight"]) != 1:
                words.append(f"weight {term['weight']:g}")
            if term.get("given"):
                words.append("by construction")
            told = f"   {', '.join(words)}" if words else ""
            lines.append(f"    {term['arm']:<12} {intervals.shown(term)}{told}")
        is_difference = [term["weight"] for term in terms] == [1.0, -1.0]
        whole = "difference" if is_difference else finding["measure"]
        left_out = f"   ({finding['undefined']} replicates undefined)" * bool(finding["undefined"])
        lines.append(
            f"    {whole:<12} {intervals.shown(finding)}   ({side} {threshold:g} wanted){left_out}"
        )
        for amount in finding.get("amounts", ()):
            what = METRICS[amount["measure"]].called(amount["of"])
            lines.append(f"    {what}: {intervals.shown(amount)}")
        if finding.get("constant"):
            lines += filled(f"    constant: {finding['constant']}", indent="      ")
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
