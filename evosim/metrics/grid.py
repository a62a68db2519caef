"""The summary of a study, read as a table of points: what text and figures have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evosim.metrics import METRICS

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
        {_key(value): n for n, value in enumerate(parameter["values"])}
        for parameter in summary["parameters"].values()
    ]
    found = np.full(tuple(map(len, axes)), None, object)
    for point in summary["points"]:
        values = point["values"].values()
        found[tuple(axis[_key(v)] for axis, v in zip(axes, values, strict=True))] = point
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
    """A value of a parameter, for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def with_unit(named: Summary) -> str:
    """The label of a parameter or a measure, with its unit where it has one."""
    plain = named["unit"] in ("", "1")
    return str(named["label"]) if plain else f"{named['label']} [{named['unit']}]"


def effect_name(of: list[str], parameters: Summary) -> str:
    """What to call an effect: the parameters it is of."""
    if not of:
        return "higher interactions"
    return " x ".join(parameters[name]["label"] for name in of)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
