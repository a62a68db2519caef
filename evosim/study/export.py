"""The numbers of a study or an experiment for other tools: CSV, Parquet, and netCDF.

A file is the same to the byte for the same runs: nothing of the machine, the day or the way they
were run is in it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.engine.files import is_folder, replacing, write_bytes
from evosim.errors import EvosimError, did_you_mean, install
from evosim.study import table

if TYPE_CHECKING:
    from evosim.study.folder import Folder

BATCH = 4096
"""Rows that are in memory at once."""


def export(folder: Folder, path: Path) -> Path:
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
    if not is_folder(path.parent):
        raise EvosimError(f"cannot write {path}: there is no folder {path.parent}")
    _WRITERS[path.suffix](folder, path)
    return path


def _write_csv(folder: Folder, path: Path) -> None:
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.name for column in table.columns_of(folder)])
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


def _write_parquet(folder: Folder, path: Path) -> None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise EvosimError(
            f"cannot write {path}: Parquet needs pyarrow; install it with: "
            f"{install('parquet')} (or export to .csv or .nc)"
        ) from None
    schema = arrow.schema(
        [
            arrow.field(
                column.name,
                arrow.string() if column.type == table.TEXT else arrow.type_for_alias(column.type),
                metadata={"units": column.unit or "1", "label": column.label},
            )
            for column in table.columns_of(folder)
        ],
        metadata=table.attributes(folder),
    )
    rows = table.rows(folder)
    with replacing(path) as file, parquet.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, BATCH)):
            arrays = [
                arrow.array(values, type=field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.record_batch(arrays, schema=schema))


def _write_netcdf(folder: Folder, path: Path) -> None:
    # Through memory, as HDF5 ends the process where a write to disk fails.
    write_bytes(path, bytes(table.dataset(folder).to_netcdf(engine="h5netcdf")))


_WRITERS: dict[str, Callable[[Folder, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".nc": _write_netcdf,
}
