"""What becomes of a study's runs: summary.json, from which text and figures are made.

At each point every measure is estimated over the replicates there, with a BCa interval, and
judged where it has a threshold. Over all points: how many verdicts withstand a correction for
their number, and which parameters move the measure (docs/measures, a study's numbers).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evosim.engine.checksums import sealed
from evosim.engine.files import as_json, write_text
from evosim.execution.runner import finite
from evosim.metrics import hypotheses
from evosim.metrics.hypotheses import REFUTED, SUPPORTED, UNDECIDED, threshold_of
from evosim.stats import intervals, tests, variance
from evosim.stats.intervals import Bootstrap
from evosim.study import table
from evosim.study.folder import read_result

if TYPE_CHECKING:
    from evosim.study.folder import StudyFolder
    from evosim.study.schema import Measured, Parameter
    from evosim.study.table import Axis

Floats = NDArray[np.float64]

FORMAT = 1
MOST_NUMBERS = 50_000
"""Replicates' numbers that a summary holds, over all points and measures; beyond that, none."""
FEWEST_POINTS = 5
"""Points from which on a rank correlation means something."""


def write(folder: StudyFolder) -> dict[str, Any]:
    """Summarize a study and write summary.json.

    Raises:
        WriteError: the operating system refused.
    """
    found = summarize(folder)
    text = as_json(sealed(found), indent=1)
    write_text(folder.summary_path, text + "\n")
    return found


def read(folder: StudyFolder) -> dict[str, Any] | None:
    """The summary that was written; None where it is missing, of fewer runs than all, or damaged,
    which is said.

    Raises:
        RunError: it may not be read.
    """
    found = read_result(folder, "it is made again from the runs")
    if found is None:
        return None
    try:
        whole = found["runs"]["lived"] == found["runs"]["wanted"] == folder.size
        mine = found["identity"] == folder.identity and found["format"] == FORMAT
    except (KeyError, TypeError):
        return None
    return found if whole and mine else None


def summarize(folder: StudyFolder) -> dict[str, Any]:
    """The numbers of a study, of as many runs as are done: plain, as JSON holds them.

    Returns:
        study, title, question, finding, source, scenario, scenario_title, seed, design, replicates,
        confidence, identity, format; runs (wanted, lived, failed); parameters and measures by name;
        points: key, values, at (as numbers), lived, and measures by name: value, interval, n,
        undefined, numbers (a replicate each, or None for all of a large study) and, where there is
        a threshold, verdict, p, holm, fdr_bh and the verdicts verdict_holm, verdict_fdr_bh.
    """
    study = folder.study
    bootstrap = Bootstrap.of(
        folder.seed, confidence=study.confidence, resamples=folder.base.verdict.resamples
    )
    points: list[dict[str, Any]] = []
    failed = 0
    keeps = folder.size * len(study.measures) <= MOST_NUMBERS
    columns: dict[str, list[Floats]] = {name: [] for name in study.measures}
    for point in folder.points:
        there = []
        for replicate in range(folder.replicates):
            if (record := folder.read(point.key, replicate)) is not None:
                there.append(record)
            else:
                failed += folder.read_failure(point.key, replicate) is not None
        at = {n: table.number_at(p, point.values[n]) for n, p in study.parameters.items()}
        measures = {}
        for name, measured in study.measures.items():
            rows = [record.columns[name] for record in there if name in record.columns]
            mine = np.array(rows, np.float64).T if rows else np.zeros((1, 0))
            columns[name].append(mine)  # [column, replicate]
            measures[name] = _estimated(measured, mine, bootstrap, keeps)
        points.append({
            "key": point.key, "values": dict(point.values), "at": at, "lived": len(there),
            "measures": measures,
        })  # fmt: skip
    for name, measured in study.measures.items():
        if threshold_of(measured):
            numbers = [point["measures"][name] for point in points]
            _correct(numbers, measured, columns[name], 1 - study.confidence)
    grid = study.design == "grid"
    axes = {name: table.axis_of(study, name, folder.points) for name in study.parameters}
    return finite({
        "format": FORMAT,
        "identity": folder.identity,
        "study": study.id,
        "title": study.title,
        "question": study.question,
        "finding": study.finding,
        "source": study.source,
        "scenario": folder.base.id,
        "scenario_title": folder.base.title,
        "seed": str(folder.seed),
        "design": study.design,
        "replicates": folder.replicates,
        "confidence": study.confidence,
        "runs": {"wanted": folder.size, "lived": sum(point["lived"] for point in points),
                 "failed": failed},
        "parameters": {
            name: _of_axis(parameter, axes[name]) for name, parameter in study.parameters.items()
        },
        "measures": {
            name: {
                "label": measured.label,
                "unit": measured.unit,
                "measure": measured.measure,
                "threshold": threshold_of(measured) or None,
                "theory": [list(point) for point in measured.theory],
                "published": [list(point) for point in measured.published],
                "variance": _variance(folder, axes, name, columns[name]) if grid else None,
                "ranks": None if grid else _ranks(folder, name, columns[name], bootstrap),
            }
            for name, measured in study.measures.items()
        },
        "points": points,
    })  # fmt: skip


def _of_axis(parameter: Parameter, axis: Axis) -> dict[str, Any]:
    """A parameter and its values; of one whose values were drawn they stand at the points."""
    return {
        "label": parameter.label,
        "unit": parameter.unit,
        "scale": parameter.scale,
        "values": None if axis.drawn else list(axis.values),
        "numbers": None if axis.numbers is None or axis.drawn else list(axis.numbers),
        "numeric": axis.numbers is not None,
        "drawn": axis.drawn,
    }


def _estimated(
    measured: Measured, columns: Floats, bootstrap: Bootstrap, keeps: bool
) -> dict[str, Any]:
    """A measure at a point."""
    total = table.total_of(measured, len(columns))
    estimate = intervals.estimate(total, bootstrap, *columns)
    found = {**estimate.to_dict(), "n": estimate.n, "undefined": estimate.n_undefined}
    found["numbers"] = (
        [table.number_of(measured, column) for column in columns.T] if keeps else None
    )
    if threshold_of(measured):
        found["verdict"] = hypotheses.judge(estimate, measured)
    return found


def _correct(
    numbers: Sequence[dict[str, Any]],
    measured: Measured,
    columns: Sequence[Floats],
    level: float,
) -> None:
    """p against the threshold at each point, and verdicts that are corrected for their number.

    The family are all points of a measure that have a p. p is two-sided; where it is below
    ``level``, the side that the value lies on is the verdict.
    """
    ((side, threshold),) = threshold_of(measured).items()
    raw = [
        variance.p_against(table.total_of(measured, len(mine)), list(mine), threshold)
        for mine in columns
    ]
    for found, p in zip(numbers, raw, strict=True):
        found["p"] = p
    for method in tests.CORRECTIONS:
        for found, p in zip(numbers, tests.corrected(raw, method), strict=True):
            value, verdict = found["value"], UNDECIDED
            if value is not None and p is not None and p < level and value != threshold:
                verdict = SUPPORTED if (value > threshold) == (side == "above") else REFUTED
            found |= {method: p, f"verdict_{method}": verdict}


# Which parameters move a measure


def _variance(
    folder: StudyFolder, axes: Mapping[str, Axis], name: str, columns: Sequence[Floats]
) -> dict[str, Any] | None:
    """Shares of the variance over a grid; None where a point has no number or nothing varies."""
    measured = folder.study.measures[name]
    values = np.full((len(folder.points), folder.replicates), np.nan)
    for row, mine in zip(values, columns, strict=True):
        numbers = variance.pseudo_values(table.total_of(measured, len(mine)), list(mine))
        if not len(numbers) or not np.all(np.isfinite(numbers)):
            numbers = np.array([_all_of(measured, mine)])
        row[: len(numbers)] = numbers
    shape = tuple(len(axis.values) for axis in axes.values())
    placed = np.empty_like(values)
    placed[table.places(axes, folder.points)] = values
    found = variance.decompose(placed.reshape(*shape, -1))
    if found is None:
        return None
    names = list(axes)
    effects = [
        {**asdict(effect), "of": [names[axis] for axis in effect.of]} for effect in found.effects
    ]
    return {"effects": effects, "noise": found.noise, "total": found.variance}


def _all_of(measured: Measured, columns: Floats) -> float:
    defined = columns[:, np.all(np.isfinite(columns), axis=0)]
    if not defined.shape[1]:
        return math.nan
    return float(table.total_of(measured, len(columns))(*defined))


def _ranks(
    folder: StudyFolder, name: str, columns: Sequence[Floats], bootstrap: Bootstrap
) -> dict[str, Any] | None:
    """Rank correlation of a measure with every numeric parameter, over points."""
    study = folder.study
    measured = study.measures[name]
    y = np.array([_all_of(measured, mine) for mine in columns])
    if np.isfinite(y).sum() < FEWEST_POINTS:
        return None
    found = {}
    for parameter in study.parameters:
        places = [
            table.number_at(study.parameters[parameter], point.values[parameter])
            for point in folder.points
        ]
        if any(place is None for place in places):
            continue
        estimate = variance.rank_correlation(np.array(places, np.float64), y, bootstrap)
        found[parameter] = {**estimate.to_dict(), "points": estimate.n}
    return found
