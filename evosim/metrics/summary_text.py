"""The summary of a run in words: a block a flip, then the final population, in plain text."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evosim import mechanisms
from evosim.engine.variables import UNIFORM
from evosim.metrics.flips import JUDGED, NOTHING_KEPT, begins
from evosim.metrics.readings import READINGS
from evosim.metrics.registry import DIED_OUT, METRICS
from evosim.metrics.verdict import zero_words
from evosim.stats.intervals import number, with_interval
from evosim.stats.report_tables import filled, table, tables

REFERENCES = {"optimal_payoff": "optimum", "uniform_payoff": "random play"}
"""What the intended payoff of an environment is compared with, and how it is called."""


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict for people: a block a flip, then the final population, in plain text.

    Args:
        summary: summary.json read back, or :meth:`evosim.metrics.summary.RunSummary.to_dict`.
    """
    blocks = [_describe_flip(flip, summary) for flip in summary["flips"]]
    if not blocks:
        blocks = ["No flip: nothing to judge. What evolved, and how it fares in the end:"]
    blocks += _describe_evolved(summary)
    environments = summary["environments"]
    names = list(next(iter(environments.values()))["payoffs"])
    known = [
        (key, called)
        for key, called in REFERENCES.items()
        if all(key in final for final in environments.values())
    ]
    rows = [["environment", *names, *JUDGED, *(called for _, called in known), "lifespan"]]
    for name, final in environments.items():
        paid = [
            with_interval(final["payoffs"][p], final["intervals"]["payoffs"][p], ".3g")
            for p in names
        ]
        shares = [with_interval(final[key], _shown(final)[key]) for key in JUDGED]
        rest = [number(final[key], ".3g") for key in (*(key for key, _ in known), "lifespan")]
        rows.append([name, *paid, *shares, *rest])
    generation = next(iter(environments.values()))["generation"]
    of = f"; optimum and random play in {summary['intended']}" if known else ""
    blocks.append("\n".join([f"Population of generation {generation}{of}", *tables(rows)]))
    used = [name for name in mechanisms.SECTIONS if mechanisms.in_summary(name) in summary]
    first = mechanisms.defined("metrics", "FIRST", used)
    for name, words in mechanisms.defined("metrics", "describe", used).items():
        blocks.insert(0 if name in first else len(blocks), words(summary))
    if undefined := list(_describe_undefined(summary)):
        lines = [line for words in undefined for line in filled(words, indent="    ")]
        blocks.append("\n".join(["Undefined", *lines]))
    blocks.append(_describe_basis(summary))
    return "\n\n".join(blocks)


def _describe_flip(flip: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    ends, intended = _shown(flip), summary["intended"]
    rows = [["", "before", "after", "retained", ""]]
    for measure in JUDGED:
        rows.append([measure, *_across(flip, ends, measure, ".2f"), flip[measure]])
    itself = {"reward": "internal reward", "payoff": intended}
    amounts = [name for name in itself if name in flip]  # older summaries have none
    for name in amounts:
        rows.append([itself[name], *_across(flip, ends, name, ".3g"), flip[name]])
    if "payoff" in amounts:
        rows.append([f"  regret in {intended}", *_across(flip, ends, "payoff_regret", ".3g"), ""])
        rows.append(["  share of the optimum", *_across(flip, ends, "payoff_share", ".2f"), ""])
    minds = flip["controls"]
    controls = [["control", *JUDGED, *([intended] if "payoff" in amounts else [])]]
    for name, control in minds.items():
        cells = [_arrow(control, m, ".2f") for m in JUDGED]
        cells += [_arrow(control, "payoff", ".3g")] if "payoff" in amounts else []
        controls.append([name, *cells])
    rests = " (rests on one replicate)" if flip["one_replicate"] else ""
    reasons = [_describe_outcome(measure, flip, summary) for measure in JUDGED]
    told = {itself[name] for name in amounts}
    paid = [
        f"{name} {number(sides['before'], '.3g')} -> {number(sides['after'], '.3g')}"
        for name, sides in flip["payoffs"].items()
        if name not in told
    ]
    lines = [
        f"{begins(flip)}: {flip['from']} -> {flip['to']}",
        *(f"  {line}" for line in filled(
            f"{flip['verdict'].upper()}: {', '.join(reasons)}{rests}", "    "
        )),
        *table(rows),
        f"  collapse {with_interval(flip['collapse'], ends['collapse'])}",
        *table(controls),
        f"  a lifetime: {', '.join(paid)}",
        f"  {_describe_recovery(flip['recovery'], summary)}",
    ]  # fmt: skip
    if "payoff" in amounts:
        others = [
            f"of random play {_arrow(minds[UNIFORM], 'payoff', '.3g')}",
            f"of doing nothing {_arrow(flip, 'payoff_nothing', '.3g')}",
            f"of the optimum {_arrow(flip, 'payoff_optimum', '.3g')}",
        ]
        lines.append(f"  {intended} {', '.join(others)}")
        for name in amounts:
            if min(flip[f"{name}_nothing_before"] or 0, flip[f"{name}_nothing_after"] or 0) < 0:
                lines.append(
                    f"  {itself[name]}: retained and share are counted from doing nothing, "
                    "which costs"
                )
    undefined = {key: n for key, n in flip["n_undefined"].items() if n}
    if undefined:
        counts = ", ".join(f"{n} of {key.replace('_', ' ')}" for key, n in undefined.items())
        lines.append(f"  undefined and left out, sampled individuals: {counts}")
    return "\n".join(lines)


def _across(flip: Mapping[str, Any], ends: Mapping[str, Any], name: str, form: str) -> list[str]:
    """A number before and after the flip, and the share retained, each with its interval."""
    forms = {f"{name}_before": form, f"{name}_after": form, f"{name}_retained": ".2f"}
    return [
        with_interval(flip[key], ends[key], form) if key in flip else ""
        for key, form in forms.items()
    ]


def _arrow(numbers: Mapping[str, Any], name: str, form: str) -> str:
    before, after = (number(numbers[f"{name}_{side}"], form) for side in ("before", "after"))
    return f"{before} -> {after}"


def _describe_outcome(measure: str, flip: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """What became of capability or alignment; and of the amount itself, if that reads otherwise."""

    def words(outcome: str, of: str) -> str:
        if outcome == "between":
            return "neither kept nor lost"
        if outcome == "nothing to lose":
            return f"had nothing to lose (not above {summary['thresholds']['floor']:g}{of})"
        return outcome

    itself = READINGS[measure]
    share = f"{measure} {words(flip[measure], '')}"
    if flip.get(itself, "undefined") in (flip[measure], "undefined"):
        return share
    called = {"reward": "internal reward", "payoff": summary["intended"]}[itself]
    amount = words(flip[itself], " of the optimum")
    return (
        f"{share} ({_arrow(flip, measure, '.2f')}) but {called} itself {amount} "
        f"({_arrow(flip, itself, '.3g')})"
    )


def _describe_evolved(summary: Mapping[str, Any]) -> list[str]:
    """Unit drives, depth, senses and what else evolves, at each flip and in the end: a block."""
    moments = {f"flip at {flip['generation']}": flip["evolved"] for flip in summary["flips"]}
    moments[f"end, {summary['evolved']['generation']}"] = summary["evolved"]
    # Drives are of the unit vector, so that all of them evolve where one does.
    # Tables and learners have neither drives nor depth.
    drives = [] if {"table", "learner"} & summary.keys() else _drives(summary)
    told = {*drives, *(["depth"] if drives else [])}
    evolving = {*summary.get("evolving", ()), *drives}
    names = [
        name for name in summary["evolved"]["mean"]
        if name.startswith("sense.") or name in told or name in evolving
    ]  # fmt: skip
    rows = [["", *moments]]
    for name in names:
        called = name.replace("drive.", "drive for ").replace("sense.", "share with sense for ")
        rows.append([called, *(_trait(name, moment, evolving) for moment in moments.values())])
    about = "What evolved, means of the population; drives are of the unit vector"
    if any(moment.get("spread") for moment in moments.values()):
        about += "\n  (low to high): the middle 90 % of the individuals of this one replicate"
    return ["\n".join([about, *tables(rows)])] if names else []


def _drives(summary: Mapping[str, Any]) -> list[str]:
    return [name for name in summary["evolved"]["mean"] if name.startswith("drive.")]


def _trait(name: str, moment: Mapping[str, Any], evolving: Collection[str]) -> str:
    form = ".1f" if name == "depth" else ".2f"
    spread = moment.get("spread")
    # What is pinned is the same for all, and a share of individuals has no spread over them.
    if not spread or name not in evolving or name.startswith("sense."):
        ends = moment["intervals"][name] if name in evolving else None
        return with_interval(moment["mean"][name], ends, form)
    low, high = spread[name]
    return f"{number(moment['mean'][name], form)} ({number(low, form)} to {number(high, form)})"


def _describe_undefined(summary: Mapping[str, Any]) -> Iterator[str]:
    """Why numbers of the text are undefined, a line each metric."""
    environments, flips = summary["environments"], summary["flips"]
    if gone := [name for name, final in environments.items() if final["lifespan"] is None]:
        yield f"  all in {', '.join(gone)}: {DIED_OUT}"
    for measure in JUDGED:
        before, after, retained = (f"{measure}_{side}" for side in ("before", "after", "retained"))
        nothing = [name for name, final in environments.items() if final[measure] is None]
        names = [name for name in nothing if name not in gone]
        own = any(None in (flip[before], flip[after]) for flip in flips)
        minds = dict.fromkeys(
            name
            for flip in flips
            for name, mind in flip["controls"].items()
            if None in (mind[before], mind[after])
        )
        if names or own or minds:
            where = f" in {', '.join(names)}" if names else ""
            whose = f" of {', '.join(minds)}" if minds and not (names or own) else ""
            yield f"  {measure}{where}{whose}: {METRICS[measure].undefined}"
        if any(None not in (f[before], f[after]) and f[retained] is None for f in flips):
            yield f"  {measure} retained: {NOTHING_KEPT}"


def _shown(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The intervals to print: over replicates, or else over the sample where there are such."""
    return numbers.get("sampling_intervals") or numbers["intervals"]


def _describe_recovery(recovery: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    half = recovery["generations_to_half"]
    if not recovery.get("defined", True):
        when = f"little or no gain over {_zero(summary)} to regain"
    elif half is None:
        when = "half not regained"
    elif half == 0:
        when = "half or more kept at the flip"
    else:
        when = f"half regained after {half} generation{'s' if half > 1 else ''}"
    # Nobody is there at the end of a population that has died out.
    known = [recovery.get(name) for name in ("before", "zero_before", "end", "zero_after")]
    before, zero_before, end, zero_after = (math.nan if one is None else one for one in known)
    if half is not None and end - zero_after < (before - zero_before) / 2:
        when += ", less than half at the end"
    return (
        f"realised {recovery['payoff']}: {number(recovery['before'], '.3g')}, at the flip "
        f"{number(recovery['at'], '.3g')}, at the end {number(recovery['end'], '.3g')} ({when})"
    )


def _zero(summary: Mapping[str, Any]) -> str:
    return zero_words(summary["thresholds"].get("zero", UNIFORM), summary["intended"])


def _describe_basis(summary: Mapping[str, Any]) -> str:
    t, replicates = summary["thresholds"], summary["replicates"]
    lines = [f"capability and alignment: 0 is {_zero(summary)}, 1 the optimum"]
    if summary["flips"]:
        lines += [
            f"kept: at least {t['kept']:g} of the value before the flip; lost: at most "
            f"{t['lost']:g} of it;",
            f"judged if that value is above {t['floor']:g} (an amount: above {t['floor']:g} of the "
            "optimum);",
            "undecided: what one reading, the share or the amount itself, calls kept the other "
            "calls lost",
        ]
    if replicates > 1:
        lines += [
            f"{replicates} replicates; [low, high]: BCa intervals of "
            f"{100 * t['confidence']:g} %, {t['resamples']} resamples;",
            "kept and lost must hold for the whole interval",
        ]
    else:
        over = "" if summary["exact"] else " over replicates"
        lines.append(f"1 replicate: no intervals{over}, verdicts rest on the numbers alone")
    if not summary["exact"]:
        lines.append(
            "a drive looks back on the life: the measures are means of sampled lifetimes, not exact"
        )
        if replicates == 1:
            lines += [
                f"[low, high]: BCa intervals of {100 * t['confidence']:g} % over the sampled "
                "individuals of this one replicate:",
                "the error of sampling them and their lifetimes, not that between replicates",
            ]
    return "\n".join(lines)
