"""The runs of a study or an experiment as a table, a row a run, and as a dataset."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim.engine.files import as_json
from evosim.metrics import hypotheses
from evosim.scenario.document import canonical
from evosim.study.design import levels_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from evosim.study.design import Condition
    from evosim.study.folder import Folder
    from evosim.study.schema import Measured, Parameter, Study

INT, FLOAT, BOOL, TEXT, SEED = "int64", "float64", "bool", "text", "uint64"


class Column(NamedTuple):
    """A column: its name, the type of what is in it, its unit, what it is, of which measure."""

    name: str
    type: str
    unit: str
    label: str
    of: str = ""


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


def total_of(measured: Measured, count: int) -> Any:
    """The statistic of all columns of a measure that makes one number of replicates.

    Args:
        count: how many columns it has, over all terms.
    """
    weights = [1.0] if measured.against is None else [1.0, -1.0]  # of its terms
    return hypotheses.total_of(measured.measure, weights, [count // len(weights)] * len(weights))


def number_of(measured: Measured, columns: Sequence[float]) -> float:
    """The number of one replicate; NaN where it is undefined, or only several make one."""
    if not np.all(np.isfinite(columns)):
        return math.nan
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


def axis_of(study: Study, name: str, points: Sequence[Condition]) -> Axis:
    """The values of a parameter at these points."""
    parameter = study.parameters[name]
    known = levels_of(study, name)
    if not known:
        return axis_at(parameter, [point.values[name] for point in points])
    found = axis_at(parameter, known)
    if found.numbers is None or len(set(found.numbers)) < len(known):
        return Axis(known, None, drawn=False)
    order = np.argsort(found.numbers, kind="stable")
    return Axis(tuple(known[i] for i in order), tuple(found.numbers[i] for i in order), drawn=False)


def axis_at(parameter: Parameter, values: Sequence[Any]) -> Axis:
    """Values of a parameter in the order in which they are given; None, as it is written, has no
    number."""
    places = [math.nan if value is None else number_at(parameter, value) for value in values]
    numbers = tuple(place for place in places if place is not None)
    return Axis(tuple(values), numbers if len(numbers) == len(places) else None, drawn=True)


def places(axes: Mapping[str, Axis], points: Sequence[Condition]) -> NDArray[np.intp]:
    """Where each point stands in the grid, its cells numbered with the last axis the fastest."""
    shape = tuple(len(axis.values) for axis in axes.values())
    index = [{canonical(value): n for n, value in enumerate(axis.values)} for axis in axes.values()]
    found = [
        [known[canonical(point.values[name])] for point in points]
        for name, known in zip(axes, index, strict=True)
    ]
    return np.asarray(np.ravel_multi_index(found, shape))


# The table


def columns_of(folder: Folder) -> list[Column]:
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
        found.append(Column(name, FLOAT, measured.unit, measured.label, name))
        for n in range(counts[name]) if counts[name] > 1 else ():
            label = f"{measured.label}: number {n + 1} of the {counts[name]} it is made of"
            found.append(Column(f"{name}.{n + 1}", FLOAT, measured.unit, label, name))
    return found


def counts_of(folder: Folder) -> Mapping[str, int]:
    """How many numbers a replicate each measure is made of, at most; 1 where nothing is known."""
    counts = dict.fromkeys(folder.study.measures, 1)
    for point in folder.points:
        seen = (folder.read(point.key, replicate) for replicate in range(folder.replicates))
        first = next((record for record in seen if record is not None), None)
        for name, values in first.columns.items() if first is not None else ():
            if name in counts:
                counts[name] = max(counts[name], len(values))
    return counts


def rows(folder: Folder, *, missing: bool = False) -> Iterator[list[Any]]:
    """A row for each run that is done, in the order of points and replicates.

    What is undefined is NaN; a value that is no number, text or truth is JSON text.

    Args:
        missing: also a row for those that are not done, every measure NaN, and in the end of
            each row whether it is done.
    """
    study = folder.study
    counts = counts_of(folder)
    types = {column.name: column.type for column in columns_of(folder)}
    for point in folder.points:
        place: list[Any] = [point.key]
        for name, parameter in study.parameters.items():
            place.append(_cell(point.values[name], types[name]))
            if _placed(parameter):
                place.append(number_at(parameter, point.values[name]))
        for replicate in range(folder.replicates):
            record = folder.read(point.key, replicate)
            if record is None and not missing:
                continue
            row = [*place, replicate, point.seed(folder.seed, replicate)]
            for name, measured in study.measures.items():
                values = (record.columns if record else {}).get(name, (math.nan,))
                row.append(number_of(measured, values))
                if counts[name] > 1:
                    row += [*values, *[math.nan] * (counts[name] - len(values))]
            yield [*row, record is not None] if missing else row


def frame(folder: Folder) -> pd.DataFrame:
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
        return INT if _fit(values) else TEXT
    return FLOAT if kinds & {int, float} and kinds <= {int, float, type(None)} else TEXT


def _fit(values: Sequence[int]) -> bool:
    """Whether whole numbers are none that no column of numbers can hold."""
    return all(abs(value) < 2**63 for value in values)


def _cell(value: Any, type: str) -> Any:
    if type == FLOAT:
        return math.nan if value is None else float(value)
    return as_text(value) if type == TEXT else value


def as_text(value: Any) -> str:
    """A value as text: of a text itself, of anything else JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# The dataset


def dataset(folder: Folder) -> xr.Dataset:
    """The numbers of all runs, with NaN for those that were not run.

    Dimensions are the parameters and ``replicate`` for a grid; otherwise ``point``, with the
    parameters along it, and ``replicate``. ``lived`` says which runs there are, ``seed`` by which
    seed each is run. A measure that is made of several numbers has them as NAME.1, NAME.2 ...
    """
    import xarray as xr

    study, points = folder.study, folder.points
    grid = study.design == "grid"
    axes = {
        name: axis_of(study, name, points)
        if grid
        else axis_at(study.parameters[name], [point.values[name] for point in points])
        for name in study.parameters
    }
    dims = (*axes, "replicate") if grid else ("point", "replicate")
    shape = tuple(len(axis.values) for axis in axes.values()) if grid else (len(points),)
    coordinates: dict[str, Any] = {}
    if not grid:
        keys = np.array([point.key for point in points], object)
        about = {"units": "1", "long_name": "key of the point"}
        coordinates["point"] = (("point",), keys, about)
    for name, axis in axes.items():
        along = name if grid else "point"
        coordinates[name] = ((along,), _values(axis), _about(study.parameters[name]))
        if grid and axis.numbers is not None and study.parameters[name].levels:
            titles = np.array(axis.values, object)
            about = {"units": "1", "long_name": "its title"}
            coordinates[f"{name}.title"] = ((along,), titles, about)
    replicates = np.arange(folder.replicates, dtype=np.int32)
    about = {"units": "1", "long_name": "replicate"}
    coordinates["replicate"] = (("replicate",), replicates, about)
    where = places(axes, points) if grid else np.arange(len(points))
    columns = [*columns_of(folder), Column("lived", "int8", "", "1 if the run is done, else 0")]
    data = {}
    for column, values in zip(columns, zip(*rows(folder, missing=True), strict=True), strict=True):
        if column.name in ("seed", "lived") or column.of:
            found = np.array(values, column.type).reshape(len(points), folder.replicates)
            placed = np.empty_like(found)
            placed[where] = found
            known = _of_measure(study.measures[column.of]) if column.of else {}
            about = {"units": column.unit or "1", "long_name": column.label, **known}
            data[column.name] = (dims, placed.reshape(*shape, folder.replicates), about)
    return xr.Dataset(data, coords=coordinates, attrs=attributes(folder))


def _values(axis: Axis) -> NDArray[Any]:
    if axis.numbers is None:
        return np.array([as_text(value) for value in axis.values], object)
    if all(isinstance(value, int) for value in axis.values) and _fit(axis.values):
        return np.array(axis.values, np.int64)
    return np.array(axis.numbers, np.float64)


def _about(parameter: Parameter) -> dict[str, str]:
    found = {"units": parameter.unit or "1", "long_name": parameter.label}
    if keys := ", ".join(parameter.places):
        found["key"] = keys
    return found


def _of_measure(measured: Measured) -> dict[str, Any]:
    """What the file says of a measure beside its label and its unit."""
    keys = measured.model_dump(mode="json", exclude_defaults=True, exclude={"label", "unit"})
    found: dict[str, Any] = {"measure": json.dumps(keys, ensure_ascii=False)}
    for side in ("above", "below"):
        if (threshold := getattr(measured, side)) is not None:
            found[side] = float(threshold)
    return found


def attributes(folder: Folder) -> dict[str, str]:
    """Where the numbers come from."""
    study, manifest = folder.study, folder.manifest
    return {
        "title": study.title,
        "study_id": study.id,
        "study": folder.text(folder.SOURCE),
        "scenario_id": folder.base.id,
        "scenario": folder.base.to_toml(),
        "seed": str(folder.seed),
        "provenance": as_json({"identity": folder.identity, "versions": manifest["versions"]}),
    }
