"""The summary of a study, read as a table of points: what text and figures have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.metrics import METRICS
from evosim.scenario.document import canonical

Summary = Mapping[str, Any]
Floats = NDArray[np.float64]

METHODS = {"holm": "Holm", "fdr_bh": "false discovery rate (Benjamini-Hochberg)"}
"""Corrections for many comparisons, as they are called."""


def cells(summary: Summary) -> NDArray[np.object_]:
    """The points of a study by level [of the first parameter, of the second, ...]; None where the
    design has no point.

    Args:
        summary: of a study whose parameters were not drawn.
    """
    axes = [
        {canonical(value): n for n, value in enumerate(parameter["values"])}
        for parameter in summary["parameters"].values()
    ]
    found = np.full(tuple(map(len, axes)), None, object)
    for point in summary["points"]:
        values = point["values"].values()
        found[tuple(axis[canonical(v)] for axis, v in zip(axes, values, strict=True))] = point
    return found


def field(points: NDArray[np.object_], measure: str, key: str = "value", end: int = 0) -> Floats:
    """A number of a measure at each point; NaN where there is none.

    Args:
        key: ``value``, ``interval`` (then ``end``: 0 the lower, 1 the upper), ``n``, ``p`` ...
    """

    def one(point: Any) -> float:
        found = None if point is None else point["measures"][measure].get(key)
        if isinstance(found, list):
            found = found[end]
        return float("nan") if found is None else float(found)

    flat = [one(point) for point in points.ravel()]
    return np.array(flat, np.float64).reshape(points.shape)


def replicates(point: Any, measure: str) -> Floats:
    """The replicates' numbers at a point [replicate], undefined ones left out."""
    numbers = (point["measures"][measure].get("numbers") or ()) if point is not None else ()
    return np.array([value for value in numbers if value is not None], np.float64)


def keeps_numbers(summary: Summary) -> bool:
    """Whether the summary holds the replicates' numbers, and not only what they come to."""
    return all(
        numbers.get("numbers") is not None
        for point in summary["points"]
        for numbers in point["measures"].values()
    )


def comes_apart(summary: Summary, measure: str) -> bool:
    """Whether a measure has a number a replicate; not where only several make one."""
    return not any(
        point["measures"][measure]["value"] is not None and not len(replicates(point, measure))
        for point in summary["points"]
    )


def together(summary: Summary) -> str:
    """Which measures are no means of a number a replicate; a sentence, or nothing."""
    labels = [
        measure["label"]
        for measure in summary["measures"].values()
        if METRICS[measure["measure"]].statistic is not None
    ]
    if not labels:
        return ""
    return f"No mean, but a number of all replicates together: {', '.join(labels)}."


def is_grid(summary: Summary) -> bool:
    """Whether points are combinations of levels."""
    return summary["design"] == "grid"


def shown(value: Any) -> str:
    """A value of a parameter, for people: of a table names and values, without brackets."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        parts = (
            f"{name} ({shown(part)})" if isinstance(part, Mapping) else f"{name} {shown(part)}"
            for name, part in value.items()
        )
        return ", ".join(parts) or "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(shown, value))}]"
    return "none" if value is None else str(value)


def value_labels(values: Sequence[Any]) -> list[str]:
    """The values of a parameter beside each other, for people: of tables only that in which they
    differ."""
    tables = [value for value in values if isinstance(value, Mapping)]
    if len(tables) < len(values) or len(tables) < 2:
        return [shown(value) for value in values]
    same = {
        name
        for name, part in tables[0].items()
        if all(name in one and canonical(one[name]) == canonical(part) for one in tables)
    }
    differing = [{name: part for name, part in one.items() if name not in same} for one in tables]
    # One that has nothing of its own is told by what all have.
    return [shown(less or whole) for less, whole in zip(differing, tables, strict=True)]


def point_labels(points: Sequence[Summary]) -> list[dict[str, str]]:
    """The values of each point beside those of the others, for people; by parameter."""
    names = list(points[0]["values"]) if points else []
    columns = [value_labels([point["values"][name] for point in points]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def with_unit(named: Summary) -> str:
    """The label of a parameter or a measure, with its unit where it has one."""
    plain = named["unit"] in ("", "1")
    return str(named["label"]) if plain else f"{named['label']} [{named['unit']}]"


def effect_name(of: list[str], parameters: Summary) -> str:
    """What to call an effect: the parameters it is of."""
    if not of:
        return "higher interactions"
    return " x ".join(parameters[name]["label"] for name in of)
