"""The summary of a study for people: a table for two parameters, else a list of points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evosim.metrics import why_undefined
from evosim.metrics.grid import (
    METHODS,
    cells,
    effect_name,
    point_labels,
    together,
    value_labels,
    with_unit,
)
from evosim.stats import intervals
from evosim.stats.report_tables import filled

Summary = Mapping[str, Any]

WIDTH = 100
MOST_LINES = 30
"""Points that are listed, at most."""
MOST_TABLES = 8
MOST_ROWS = 30
MARKS = {"supported": "+", "refuted": "-", "undecided": "?"}


def describe(summary: Summary) -> str:
    """A study in plain text, at most 100 columns wide.

    Args:
        summary: what :func:`evosim.study.summary.summarize` returned, or summary.json.
    """
    lines = [summary["title"], f"  {_size(summary)}"]
    for name, measure in summary["measures"].items():
        lines += ["", *_measure(summary, name, measure)]
    lines += ["", *_foot(summary)]
    return "\n".join(line.rstrip() for line in lines)


def _size(summary: Summary) -> str:
    runs, n = summary["runs"], len(summary["points"])
    text = f"{n} points, {_counted(summary['replicates'], 'replicate')} each"
    if runs["lived"] == runs["wanted"]:
        return f"{text}: all {runs['wanted']} runs are done"
    failed = f", {runs['failed']} of them failed" if runs["failed"] else ""
    rest = runs["wanted"] - runs["lived"]
    return f"{text}: {runs['lived']} of {runs['wanted']} runs are done, {rest} are missing{failed}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _measure(summary: Summary, name: str, measure: Summary) -> Iterator[str]:
    threshold = measure["threshold"]
    verdict_marks = ""
    if threshold is not None:
        ((side, number),) = threshold.items()
        verdict_marks = f" ({side} {number:g}: + supported, - refuted, ? undecided)"
    yield f"{with_unit(measure)}{verdict_marks}"
    yield from _points(summary, name)
    numbers = [point["measures"][name] for point in summary["points"] if point["lived"]]
    if any(each["undefined"] or each["value"] is None for each in numbers):
        yield from filled(f"  undefined: {why_undefined(measure['measure'])}", indent="    ")
    if threshold is not None:
        yield ""
        yield from _verdicts(summary, name)
    yield from _importance_text(summary, measure)


# The points


def _points(summary: Summary, name: str) -> Iterator[str]:
    parameters = list(summary["parameters"].values())
    if _in_tables(summary):
        table = cells(summary)
        flat = table.reshape(*table.shape[:2], -1)
        for n, other in enumerate(itertools.product(*map(range, table.shape[2:]))):
            yield from _table(parameters, flat[..., n], name, other)
        return
    points = summary["points"]
    listed = points[:MOST_LINES]
    called = [
        ", ".join(f"{name} = {value}" for name, value in each.items())
        for each in point_labels(points)[:MOST_LINES]
    ]
    width = min(max(map(len, called), default=0), WIDTH - 36)
    for label, point in zip(called, listed, strict=True):
        numbers = point["measures"][name]
        yield f"  {_cut(label, width):<{width}}  {_mark(numbers)} {_estimate(point, numbers)}"
    if len(points) > len(listed):
        yield f"  ... and {len(points) - len(listed)} more points"


def _in_tables(summary: Summary) -> bool:
    """Whether points are shown in tables of two parameters, and not one by one."""
    levels = [len(parameter["values"]) for parameter in summary["parameters"].values()]
    grid = summary["design"] == "grid" and len(levels) >= 2
    return grid and math.prod(levels[2:]) <= MOST_TABLES


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _estimate(point: Summary, numbers: Summary) -> str:
    if not point["lived"]:
        return "no run yet"
    left_out = f"  ({numbers['undefined']} undefined)" if numbers["undefined"] else ""
    return f"{intervals.shown(numbers)}{left_out}"


def _mark(numbers: Summary) -> str:
    return MARKS.get(numbers.get("verdict", ""), " ")


def _table(
    parameters: Sequence[Summary], points: Any, name: str, other: Sequence[int]
) -> Iterator[str]:
    """Two parameters: the one with fewer values along the columns."""
    first, second = parameters[:2]
    if points.shape[0] < points.shape[1]:
        first, second, points = second, first, points.T
    fixed = [
        f"{p['label']} = {value_labels(p['values'])[n]}"
        for p, n in zip(parameters[2:], other, strict=True)
    ]
    yield ""
    yield _cut(f"  rows: {with_unit(first)}; columns: {with_unit(second)}", WIDTH)
    if fixed:
        yield _cut(f"  {', '.join(fixed)}", WIDTH)
    if len(points) > MOST_ROWS:
        chosen = [round(i * (len(points) - 1) / (MOST_ROWS - 1)) for i in range(MOST_ROWS)]
        yield f"  {MOST_ROWS} of {len(points)} rows"
        points = points[chosen]
        first = {**first, "values": [first["values"][i] for i in chosen]}
    body = [[_cell(point, name) for point in row] for row in points]
    names = [_cut(label, 24) for label in value_labels(first["values"])]
    left = max(map(len, names))
    widest = max(16, (WIDTH - 2 - left) // len(second["values"]) - 2)
    heads = [_cut(label, widest) for label in value_labels(second["values"])]
    wide = max(len(text) for text in (*heads, *itertools.chain(*body))) + 2
    fit = max(1, (WIDTH - 2 - left) // wide)
    for begin in range(0, len(heads), fit):
        part = slice(begin, begin + fit)
        if begin:
            yield ""
        yield f"  {'':<{left}}" + "".join(f"{head:>{wide}}" for head in heads[part])
        for label, row in zip(names, body, strict=True):
            yield f"  {label:>{left}}" + "".join(f"{text:>{wide}}" for text in row[part])


def _cell(point: Summary | None, name: str) -> str:
    if point is None or not point["lived"]:
        return ". "
    numbers = point["measures"][name]
    # What sums of equal numbers leave in their last bits is 0 to a reader.
    value = "n/a" if numbers["value"] is None else f"{round(numbers['value'], 12) + 0.0:.3g}"
    return f"{value}{_mark(numbers)}"


# What they come to


def _verdicts(summary: Summary, name: str) -> Iterator[str]:
    numbers = [point["measures"][name] for point in summary["points"]]
    yield f"  by each interval alone: {_tally([each['verdict'] for each in numbers])}"
    compared = sum(each["p"] is not None for each in numbers)
    if not compared:
        yield "  no correction for many comparisons: it needs at least two replicates at a point"
        return
    yield f"  corrected for {_counted(compared, 'comparison')}:"
    for method, called in METHODS.items():
        yield f"    {called}: {_tally([each[f'verdict_{method}'] for each in numbers])}"


def _tally(verdicts: Sequence[str]) -> str:
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in MARKS)


def _importance_text(summary: Summary, measure: Summary) -> Iterator[str]:
    if measure["variance"] is not None:
        noise = measure["variance"]["noise"]
        yield "  shares of its variance (eta squared; in brackets without what chance alone gives):"
        for effect in measure["variance"]["effects"]:
            label = _cut(effect_name(effect["of"], summary["parameters"]), 60)
            p = "" if effect["p"] is None else f", p = {effect['p']:.2g}"
            p = ", p < 0.001" if p and effect["p"] < 0.001 else p
            adjusted = effect["adjusted"]
            bracket = "" if adjusted is None else f" ({_percent(adjusted)}{p})"
            yield f"    {_percent(effect['share']):>6}  {label}{bracket}"
        text = "unknown: not all points have two replicates" if noise is None else _percent(noise)
        yield (
            f"    {text:>6}  noise, between replicates"
            if noise is not None
            else f"    noise {text}"
        )
    for name, rank in (measure["ranks"] or {}).items():
        label = _cut(summary["parameters"][name]["label"], 60)
        yield f"  rank correlation with {label}: {intervals.shown(rank)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _foot(summary: Summary) -> Iterator[str]:
    if summary["replicates"] == 1:
        yield "  One replicate at a point has no interval; more replicates show what is chance."
    else:
        confidence = f"BCa intervals of {100 * summary['confidence']:g} %"
        by = "+ - ? by" if _in_tables(summary) else "[low, high]:"
        yield f"  Means over replicates; {by} {confidence}."
        if tests_text := together(summary):
            yield f"  {tests_text}"
    if any(m["ranks"] for m in summary["measures"].values()):
        yield "  Rank correlations are Spearman's, over points, with intervals over points."
    if any(not point["lived"] for point in summary["points"]):
        yield "  Points marked with . have no run yet."
