"""The runs of a study as a table: one row a run, read from its files one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.metrics import hypotheses
from evosim.study.points import levels_of

if TYPE_CHECKING:
    import pandas as pd

    from evosim.study.folder import Record, StudyFolder
    from evosim.study.points import Point
    from evosim.study.schema import Measured, Parameter, Study

INT, FLOAT, BOOL, TEXT, SEED = "int64", "float64", "bool", "text", "uint64"


class Column(NamedTuple):
    """A column: its name, the type of what is in it, its unit, what it is."""

    name: str
    type: str
    unit: str
    label: str


class Axis(NamedTuple):
    """The values of a parameter at the points of a study, in the order of its axis.

    Attributes:
        values: as they are written; of a parameter with levels the titles.
        numbers: where they stand on an axis of numbers; None where they are no numbers.
        drawn: whether they were drawn, so that hardly two points share one.
    """

    values: tuple[Any, ...]
    numbers: tuple[float, ...] | None
    drawn: bool


# What is measured


def weights_of(measured: Measured) -> tuple[float, ...]:
    """The weights of the terms of a measure: one, or two where something is subtracted."""
    return (1.0,) if measured.against is None else (1.0, -1.0)


def total_of(measured: Measured, count: int) -> Any:
    """The statistic of all columns of a measure that makes one number of replicates.

    Args:
        count: how many columns it has, over all terms.
    """
    weights = weights_of(measured)
    return hypotheses.total_of(measured.measure, weights, [count // len(weights)] * len(weights))


def number_of(measured: Measured, columns: Sequence[float]) -> float:
    """The number of one replicate; NaN where it is undefined, or only several make one."""
    if not np.all(np.isfinite(columns)):
        return float("nan")
    alone = [np.array([value]) for value in columns]
    return float(total_of(measured, len(columns))(*alone))


# Where runs stand


def number_at(parameter: Parameter, value: Any) -> float | None:
    """Where a value of a parameter stands on an axis of numbers; None where it has no place."""
    for level in parameter.levels:
        if level.title == value:
            return level.at
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if numeric else None


def axis_of(study: Study, name: str, points: Sequence[Point]) -> Axis:
    """The values of a parameter at these points."""
    parameter = study.parameters[name]
    known = levels_of(study, name)
    values = known or tuple(point.values[name] for point in points)
    places = [number_at(parameter, value) for value in values]
    numbers = [place for place in places if place is not None]
    numeric = len(numbers) == len(places) and (not known or len(set(numbers)) == len(numbers))
    if numeric and known:
        order = np.argsort(numbers, kind="stable")
        values = tuple(values[i] for i in order)
        numbers = [numbers[i] for i in order]
    return Axis(values, tuple(numbers) if numeric else None, drawn=not known)


def places(axes: Mapping[str, Axis], points: Sequence[Point]) -> NDArray[np.intp]:
    """Where each point stands in the grid, its cells numbered with the last axis the fastest."""
    shape = tuple(len(axis.values) for axis in axes.values())
    index = [{as_text(value): n for n, value in enumerate(axis.values)} for axis in axes.values()]
    found = [
        [known[as_text(point.values[name])] for point in points]
        for name, known in zip(axes, index, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(found, shape))


def records(folder: StudyFolder) -> Iterator[tuple[int, Point, int, Record | None]]:
    """All runs, by point and then by replicate: number and point, replicate, and what was
    measured; None where the run is not done."""
    for n, point in enumerate(folder.points):
        for replicate in range(folder.replicates):
            yield n, point, replicate, folder.read(point.key, replicate)


# The table


def columns_of(folder: StudyFolder) -> list[Column]:
    """The columns of the table: point, parameters, replicate, seed, measures.

    A measure that is made of several numbers a replicate has them as well, as NAME.1, NAME.2 ...
    A parameter whose levels have a place on an axis has it as NAME.at.
    """
    study = folder.study
    found = [Column("point", TEXT, "", "key of the point")]
    for name, parameter in study.parameters.items():
        values = [point.values[name] for point in folder.points]
        found.append(Column(name, _type(values), parameter.unit, parameter.label))
        if _placed(parameter):
            found.append(Column(f"{name}.at", FLOAT, parameter.unit, parameter.label))
    found += [
        Column("replicate", INT, "", "replicate at the point"),
        Column("seed", SEED, "", "seed of the run, as evosim.run takes it"),
    ]
    counts = counts_of(folder)
    for name, measured in study.measures.items():
        found.append(Column(name, FLOAT, measured.unit, measured.label))
        for n in range(counts[name]) if counts[name] > 1 else ():
            label = f"{measured.label}: number {n + 1} of the {counts[name]} it is made of"
            found.append(Column(f"{name}.{n + 1}", FLOAT, measured.unit, label))
    return found


def counts_of(folder: StudyFolder) -> Mapping[str, int]:
    """How many numbers a replicate each measure is made of, at most; 1 where nothing is known."""
    counts = dict.fromkeys(folder.study.measures, 1)
    for point in folder.points:
        seen = (folder.read(point.key, replicate) for replicate in range(folder.replicates))
        first = next((record for record in seen if record is not None), None)
        for name, values in first.columns.items() if first is not None else ():
            if name in counts:
                counts[name] = max(counts[name], len(values))
    return counts


def rows(folder: StudyFolder) -> Iterator[list[Any]]:
    """A row for each run that is done, in the order of points and replicates.

    What is undefined is NaN; a value that is no number, text or truth is JSON text.
    """
    study = folder.study
    counts = counts_of(folder)
    types = {column.name: column.type for column in columns_of(folder)}
    for _, point, replicate, record in records(folder):
        if record is None:
            continue
        row: list[Any] = [point.key]
        for name, parameter in study.parameters.items():
            row.append(_cell(point.values[name], types[name]))
            if _placed(parameter):
                row.append(number_at(parameter, point.values[name]))
        row += [replicate, record.seed]
        for name, measured in study.measures.items():
            values = record.columns.get(name, (float("nan"),))
            row.append(number_of(measured, values))
            if counts[name] > 1:
                row += [*values, *[float("nan")] * (counts[name] - len(values))]
        yield row


def frame(folder: StudyFolder) -> pd.DataFrame:
    """The table in memory, with ``units`` and ``labels`` by column in its ``attrs``."""
    import pandas as pd

    columns = columns_of(folder)
    names = [column.name for column in columns]
    found = pd.DataFrame(list(rows(folder)), columns=names)
    found = found.astype({c.name: c.type for c in columns if c.type != TEXT})
    found.attrs = {
        "units": {c.name: c.unit for c in columns if c.unit},
        "labels": {c.name: c.label for c in columns},
    }
    return found


def _placed(parameter: Parameter) -> bool:
    """Whether its levels all have a place on an axis."""
    return bool(parameter.levels) and all(level.at is not None for level in parameter.levels)


def _type(values: Sequence[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return BOOL
    if kinds == {int}:
        return INT
    return FLOAT if kinds and kinds <= {int, float} else TEXT


def _cell(value: Any, type: str) -> Any:
    if type == FLOAT:
        return float(value)
    return as_text(value) if type == TEXT else value


def as_text(value: Any) -> str:
    """A value as text: of a text itself, of anything else JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
