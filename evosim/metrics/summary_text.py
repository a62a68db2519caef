"""The summary of a run in words: a block a flip, then the final population, in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evosim import mechanisms
from evosim.metrics.flips import JUDGED, NOTHING_KEPT, begins
from evosim.metrics.registry import DIED_OUT, METRICS
from evosim.stats.intervals import number, with_interval
from evosim.stats.report_tables import filled, table


def describe(summary: Mapping[str, Any]) -> str:
    """The verdict for people: a block a flip, then the final population, in plain text.

    Args:
        summary: summary.json read back, or :meth:`evosim.metrics.summary.RunSummary.to_dict`.
    """
    blocks = [_describe_flip(flip, summary) for flip in summary["flips"]]
    if not blocks:
        blocks = ["No flip: nothing to judge."]
    environments = summary["environments"]
    names = list(next(iter(environments.values()))["payoffs"])
    rows = [["environment", *names, "capability", "alignment", "lifespan"]]
    for name, final in environments.items():
        paid = [
            with_interval(final["payoffs"][p], final["intervals"]["payoffs"][p], ".3g")
            for p in names
        ]
        rest = [with_interval(final[key], _shown(final)[key]) for key in JUDGED]
        rows.append([name, *paid, *rest, number(final["lifespan"], ".3g")])
    generation = next(iter(environments.values()))["generation"]
    blocks.append("\n".join([f"Population of generation {generation}", *table(rows)]))
    known = [name for name in mechanisms.SECTIONS if mechanisms.in_summary(name) in summary]
    first = mechanisms.defined("metrics", "FIRST", known)
    for name, words in mechanisms.defined("metrics", "describe", known).items():
        blocks.insert(0 if name in first else len(blocks), words(summary))
    if undefined := list(_describe_undefined(summary)):
        lines = [line for words in undefined for line in filled(words, indent="    ")]
        blocks.append("\n".join(["Undefined", *lines]))
    blocks.append(_describe_basis(summary))
    return "\n\n".join(blocks)


def _describe_flip(flip: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    ends = _shown(flip)
    rows, reasons = [["", "before", "after", "retained", ""]], []
    for measure in JUDGED:
        outcome = flip[measure]
        if outcome == "between":
            outcome = "neither kept nor lost"
        elif outcome == "nothing to lose":
            outcome = f"had nothing to lose (not above {summary['thresholds']['floor']:g})"
        reasons.append(f"{measure} {outcome}")
        keys = [f"{measure}_before", f"{measure}_after", f"{measure}_retained"]
        cells = [with_interval(flip[key], ends[key]) for key in keys]
        rows.append([measure, *cells, flip[measure]])
    collapse = with_interval(flip["collapse"], ends["collapse"])
    controls = [["control", "capability", "alignment"]]
    for name, control in flip["controls"].items():
        cells = [
            f"{number(control[f'{m}_before'])} -> {number(control[f'{m}_after'])}" for m in JUDGED
        ]
        controls.append([name, *cells])
    rests = " (rests on one replicate)" if flip["one_replicate"] else ""
    paid = [
        f"{name} {number(sides['before'], '.3g')} -> {number(sides['after'], '.3g')}"
        for name, sides in flip["payoffs"].items()
    ]
    lines = [
        f"{begins(flip)}: {flip['from']} -> {flip['to']}",
        f"  {flip['verdict'].upper()}: {', '.join(reasons)}{rests}",
        *table(rows),
        f"  collapse {collapse}",
        *table(controls),
        f"  a lifetime: {', '.join(paid)}",
        f"  {_describe_recovery(flip['recovery'])}",
    ]
    undefined = {key: n for key, n in flip["n_undefined"].items() if n}
    if undefined:
        counts = ", ".join(f"{n} of {key.replace('_', ' ')}" for key, n in undefined.items())
        lines.append(f"  undefined and left out, sampled individuals: {counts}")
    return "\n".join(lines)


def _describe_undefined(summary: Mapping[str, Any]) -> Iterator[str]:
    """Why numbers of the text are undefined, a line each metric."""
    environments, flips = summary["environments"], summary["flips"]
    if gone := [name for name, final in environments.items() if final["lifespan"] is None]:
        yield f"  all in {', '.join(gone)}: {DIED_OUT}"
    for measure in JUDGED:
        before, after, retained = (f"{measure}_{side}" for side in ("before", "after", "retained"))
        nothing = [name for name, final in environments.items() if final[measure] is None]
        names = [name for name in nothing if name not in gone]
        minds = [mind for flip in flips for mind in (flip, *flip["controls"].values())]
        if names or any(None in (mind[before], mind[after]) for mind in minds):
            where = f" in {', '.join(names)}" if names else ""
            yield f"  {measure}{where}: {METRICS[measure].undefined}"
        if any(None not in (f[before], f[after]) and f[retained] is None for f in flips):
            yield f"  {measure} retained: {NOTHING_KEPT}"


def _shown(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The intervals to print: over replicates, or else over the sample where there are such."""
    return numbers.get("sampling_intervals") or numbers["intervals"]


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
        f"realised {recovery['payoff']}: {number(recovery['before'], '.3g')}, at the flip "
        f"{number(recovery['at'], '.3g')}, at the end {number(recovery['end'], '.3g')} ({when})"
    )


def _describe_basis(summary: Mapping[str, Any]) -> str:
    t, replicates = summary["thresholds"], summary["replicates"]
    lines = [
        f"kept: at least {t['kept']:g} of the value before the flip; lost: at most "
        f"{t['lost']:g} of it;",
        f"judged if that value is above {t['floor']:g}",
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
