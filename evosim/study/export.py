"""The numbers of a study for other tools: CSV, Parquet, and a dataset for xarray or any netCDF.

A file is the same to the byte for the same study and the same numbers: nothing of the machine,
the day or the way it was run is in it.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evosim.engine.files import replacing, write_bytes
from evosim.errors import EvosimError, did_you_mean
from evosim.study import table
from evosim.study.table import BOOL, FLOAT, INT, SEED, TEXT, Axis

if TYPE_CHECKING:
    import xarray as xr

    from evosim.study.folder import StudyFolder
    from evosim.study.schema import Measured

BATCH = 4096
"""Rows that are in memory at once."""
POINT, REPLICATE = "point", "replicate"


def export(folder: StudyFolder, path: Path) -> Path:
    """Write the numbers of all runs that are done, in the format of the suffix.

    Args:
        path: ``.csv`` or ``.parquet``, a row a run; or ``.nc``, with a dimension a parameter.

    Returns:
        The path.

    Raises:
        EvosimError: an unknown suffix, no pyarrow for Parquet, a place that cannot be written.
    """
    if path.suffix not in _WRITERS:
        raise EvosimError(
            f"{path}: unknown format {path.suffix!r}: {did_you_mean(path.suffix, _WRITERS)}"
        )
    if not path.parent.is_dir():
        raise EvosimError(f"cannot write {path}: there is no folder {path.parent}")
    _WRITERS[path.suffix](folder, path)
    return path


# A row a run


def _write_csv(folder: StudyFolder, path: Path) -> None:
    columns = table.columns_of(folder)
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        for row in table.rows(folder):
            writer.writerow([_plain(value) for value in row])
        text.flush()
        text.detach()


def _plain(value: Any) -> Any:
    """A cell of a CSV: nothing where it is undefined, true and false as in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return value


def _write_parquet(folder: StudyFolder, path: Path) -> None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise EvosimError(
            f"cannot write {path}: Parquet needs pyarrow; install it with: "
            "pip install 'evosim[parquet]' (or export to .csv or .nc)"
        ) from None
    types = {
        TEXT: arrow.string(),
        INT: arrow.int64(),
        FLOAT: arrow.float64(),
        BOOL: arrow.bool_(),
        SEED: arrow.uint64(),
    }
    schema = arrow.schema(
        [
            arrow.field(c.name, types[c.type], metadata={"units": c.unit or "1", "label": c.label})
            for c in table.columns_of(folder)
        ],
        metadata=_attributes(folder),
    )
    with replacing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for batch in _batches(table.rows(folder)):
            arrays = [
                arrow.array(values, type=field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def _batches(rows: Iterator[list[Any]]) -> Iterator[list[list[Any]]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


# A dimension a parameter


def dataset(folder: StudyFolder) -> xr.Dataset:
    """The numbers of all runs, with NaN for those that were not run.

    Dimensions are the parameters and ``replicate`` for a grid; otherwise ``point``, with the
    parameters along it, and ``replicate``. ``lived`` says which runs there are, ``seed`` by which
    seed each is run. A measure that is made of several numbers has them as NAME.1, NAME.2 ...
    """
    import xarray as xr

    study = folder.study
    grid = study.design == "grid"
    axes = {name: table.axis_of(study, name, folder.points) for name in study.parameters}
    dims = (*axes, REPLICATE) if grid else (POINT, REPLICATE)
    coordinates = _along_axes(folder, axes) if grid else _along_points(folder, axes)
    coordinates[REPLICATE] = (
        (REPLICATE,),
        np.arange(folder.replicates, dtype=np.int32),
        {"units": "1", "long_name": "replicate"},
    )
    where = table.places(axes, folder.points) if grid else np.arange(len(folder.points))
    shape = tuple(len(axis.values) for axis in axes.values()) if grid else (len(folder.points),)
    data = {}
    for name, (values, about) in _arrays(folder).items():
        placed = np.empty_like(values)
        placed[where] = values
        data[name] = (dims, placed.reshape(*shape, folder.replicates), about)
    return xr.Dataset(data, coords=coordinates, attrs=_attributes(folder))


def _along_axes(folder: StudyFolder, axes: Mapping[str, Axis]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, axis in axes.items():
        found[name] = ((name,), _values(axis), _about(folder, name))
        if axis.numbers is not None and folder.study.parameters[name].levels:
            titles = np.array(axis.values, object)
            found[f"{name}.title"] = ((name,), titles, {"units": "1", "long_name": "its title"})
    return found


def _along_points(folder: StudyFolder, axes: Mapping[str, Axis]) -> dict[str, Any]:
    found: dict[str, Any] = {
        POINT: (
            (POINT,),
            np.array([point.key for point in folder.points], object),
            {"units": "1", "long_name": "key of the point"},
        )
    }
    for name in axes:
        parameter = folder.study.parameters[name]
        values = tuple(point.values[name] for point in folder.points)
        places = [table.number_at(parameter, value) for value in values]
        numbers = tuple(place for place in places if place is not None)
        each = Axis(values, numbers if len(numbers) == len(values) else None, drawn=True)
        found[name] = ((POINT,), _values(each), _about(folder, name))
    return found


def _values(axis: Axis) -> np.ndarray[Any, Any]:
    if axis.numbers is None:
        return np.array([table.as_text(value) for value in axis.values], object)
    if all(isinstance(value, int) for value in axis.values):
        return np.array(axis.values, np.int64)
    return np.array(axis.numbers, np.float64)


def _about(folder: StudyFolder, name: str) -> dict[str, str]:
    parameter = folder.study.parameters[name]
    places = [parameter.key or "", *parameter.keys, *parameter.set]
    found = {"units": parameter.unit or "1", "long_name": parameter.label}
    if keys := ", ".join(place for place in places if place):
        found["key"] = keys
    return found


def _arrays(folder: StudyFolder) -> dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]]:
    """What there is of each run [point, replicate], with its attributes."""
    study = folder.study
    shape = (len(folder.points), folder.replicates)
    counts = table.counts_of(folder)
    parts = {name: np.full((*shape, counts[name]), np.nan) for name in study.measures}
    whole = {name: np.full(shape, np.nan) for name in study.measures}
    lived = np.zeros(shape, np.int8)
    seeds = np.zeros(shape, np.uint64)
    for n, point, replicate, record in table.records(folder):
        seeds[n, replicate] = point.seed(folder.seed, replicate)
        if record is None:
            continue
        lived[n, replicate] = 1
        for name, values in record.columns.items():
            parts[name][n, replicate, : len(values)] = values
            whole[name][n, replicate] = table.number_of(study.measures[name], values)
    found: dict[str, tuple[np.ndarray[Any, Any], dict[str, Any]]] = {}
    for name, measured in study.measures.items():
        about = _of_measure(measured)
        found[name] = (whole[name], about)
        for k in range(counts[name]) if counts[name] > 1 else ():
            label = f"{measured.label}: number {k + 1} of the {counts[name]} it is made of"
            found[f"{name}.{k + 1}"] = (parts[name][..., k], {**about, "long_name": label})
    found["lived"] = (lived, {"units": "1", "long_name": "1 if the run is done, else 0"})
    text = "seed of the run, as evosim.run takes it"
    found["seed"] = (seeds, {"units": "1", "long_name": text})
    return found


def _of_measure(measured: Measured) -> dict[str, Any]:
    found: dict[str, Any] = {
        "units": measured.unit or "1",
        "long_name": measured.label,
        "measure": json.dumps(
            measured.model_dump(mode="json", exclude_defaults=True, exclude={"label", "unit"}),
            ensure_ascii=False,
        ),
    }
    for side in ("above", "below"):
        if (threshold := getattr(measured, side)) is not None:
            found[side] = float(threshold)
    return found


def _attributes(folder: StudyFolder) -> dict[str, str]:
    """Where the numbers come from."""
    study = folder.study
    provenance = {"identity": folder.manifest["identity"], "versions": folder.manifest["versions"]}
    return {
        "title": study.title,
        "study_id": study.id,
        "study": (folder.path / "study.toml").read_text(encoding="utf-8"),
        "scenario_id": folder.base.id,
        "scenario": folder.base.to_toml(),
        "seed": str(folder.seed),
        "provenance": json.dumps(provenance, ensure_ascii=False),
    }


def _write_netcdf(folder: StudyFolder, path: Path) -> None:
    """Through memory: HDF5 ends the process where a write to disk fails."""
    import h5netcdf
    import h5py

    data = dataset(folder)
    image = io.BytesIO()
    with h5netcdf.File(image, "w") as out:
        out.dimensions = dict(data.sizes)
        for name, variable in data.variables.items():
            text = variable.dtype.kind in "OUT"
            dtype = h5py.string_dtype() if text else variable.dtype
            filled = variable.dtype.kind == "f" and name not in data.coords
            put = out.create_variable(
                str(name), variable.dims, dtype=dtype, fillvalue=np.nan if filled else None
            )
            put[...] = variable.values.astype(object) if text else variable.values
            for key, value in variable.attrs.items():
                put.attrs[key] = value
        for key, value in data.attrs.items():
            out.attrs[key] = value
        if others := [str(name) for name in data.coords if name not in data.dims]:
            out.attrs["coordinates"] = " ".join(others)
    write_bytes(path, image.getvalue())


_WRITERS: dict[str, Callable[[StudyFolder, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".nc": _write_netcdf,
}
