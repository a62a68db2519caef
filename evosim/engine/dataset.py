"""run.nc: written from the segments of all replicates, one segment in memory at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from evosim import evolution, mind
from evosim.engine.controls import minds
from evosim.engine.evaluation import Arrays
from evosim.engine.files import Unfailing, replacing
from evosim.engine.run_folder import RunFolder, Segment, Stretch
from evosim.engine.variables import (
    BY_REPLICATE,
    COORDINATES,
    Variable,
    probe_generations,
    variables,
)
from evosim.errors import RunError

if TYPE_CHECKING:
    import h5netcdf
    import xarray as xr

_PIECE = 2**25  # bytes of segments in memory at once, as each write has its costs
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)
"""What reading a damaged file of data raises."""
_CHUNK = 2**18  # bytes; HDF5 keeps 1 MiB of chunks of a variable in memory


def assemble(folder: RunFolder) -> None:
    """Write run.nc from the segments, in the place of any older one.

    Raises:
        RunError: a replicate is not complete; the file cannot be written.
    """
    rows = [folder.segments(replicate) for replicate in range(folder.replicates)]
    wanted = folder.scenario.generations
    for replicate, row in enumerate(rows):
        lived = row[-1].last + 1 if row else 0
        if lived != wanted:
            raise RunError(
                f"{folder.path}: replicate {replicate} has {lived} of {wanted} generations; "
                f"go on with: evosim resume {folder.path}"
            )
    with replacing(folder.data_path, buffering=0) as file:
        _write(folder, rows, wanted, file)


def open_dataset(folder: RunFolder) -> xr.Dataset:
    """The data of a run, read when used.

    Where the run is not complete, they are the generations that all replicates have lived.

    Raises:
        RunError: nothing was lived yet; run.nc cannot be read.
    """
    import xarray as xr

    if folder.data_path.exists():
        try:
            return xr.open_dataset(folder.data_path, engine="h5netcdf")
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
    rows = [folder.segments(replicate) for replicate in range(folder.replicates)]
    lived = min(row[-1].last + 1 if row else 0 for row in rows)
    if lived == 0:
        raise RunError(
            f"{folder.path}: no generation was lived yet; go on with: evosim resume {folder.path}"
        )
    image = io.BytesIO()
    _write(folder, rows, lived, image)
    return xr.open_dataset(image, engine="h5netcdf").load()


def unreadable(folder: RunFolder, error: Exception) -> RunError:
    """What is wrong with run.nc, and what helps: the run is a function of its seed, but the
    history of a fork is not one of the fork's scenario."""
    path, history = folder.path, folder.history
    lived = min(folder.lived(replicate) for replicate in range(folder.replicates))
    if isinstance(error, PermissionError):
        remedy = "Check who may read it"
    elif lived >= max(1, history):
        remedy = f"Its segments are there: delete it, then evosim resume {path} writes it again"
    elif history:
        parent = folder.facts["parent"]["path"]
        remedy = (
            "Restore it from a copy; it cannot be lived again, as it holds the history of a "
            f"fork, but {parent} can be forked again at generation {history}"
        )
    else:
        remedy = (
            f"Restore it from a copy, or delete it: evosim resume {path} then lives the whole run "
            "again, to the same data"
        )
    return RunError(f"{folder.data_path} cannot be read: {error}. {remedy}")


def _write(folder: RunFolder, rows: list[list[Segment]], lived: int, file: BinaryIO) -> None:
    """Write ``lived`` generations as netCDF-4 into an unbuffered file or one in memory."""
    import h5netcdf

    check: Callable[[], None] = lambda: None  # noqa: E731
    target: io.RawIOBase | BinaryIO = file
    if not isinstance(file, io.BytesIO):
        target = guarded = Unfailing(file)
        check = guarded.check
    with h5netcdf.File(target, "w") as out:
        _declare(out, folder, rows, lived)
        for replicate, row in enumerate(rows):
            for piece in _pieces(folder, row, lived):
                _put(out, replicate, piece)
                check()
    check()


def _declare(out: h5netcdf.File, folder: RunFolder, rows: list[list[Segment]], lived: int) -> None:
    """Dimensions, coordinates, empty variables and attributes."""
    import h5py

    scenario = folder.scenario
    head = folder.read(rows[0][0])
    probed = [g for g in probe_generations(scenario) if g < lived]
    population = head.arrays["score"].shape[1]
    labels: dict[str, object] = {
        "replicate": np.arange(folder.replicates, dtype=np.int32),
        "generation": np.arange(lived, dtype=np.int32),
        "individual": np.arange(population, dtype=np.int32),
        "locus": [locus.name for locus in mind.loci(scenario)],
        "payoff": list(scenario.payoffs),
        "probe": np.array(probed, np.int32),
        "environment": list(scenario.environments),
        "mind": list(minds(scenario)),
    }
    sizes = {name: len(values) for name, values in labels.items()}  # type: ignore[arg-type]
    sizes |= {
        "parent": 2,
        "level": head.arrays["train"].shape[1],
        "sample": head.probes["probe_individual"].shape[1],
    }
    labels |= {name: np.arange(sizes[name], dtype=np.int32) for name in ("level", "sample")}
    out.dimensions = sizes
    titles = [env.title or name for name, env in scenario.environments.items()]
    told = [(name, name, values) for name, values in labels.items()]
    told.append(("environment_title", "environment", titles))
    if scenario.evolution.islands:
        told.append(("deme", "individual", evolution.islands.deme_of(scenario)))
    for name, dim, values in told:
        dtype = values.dtype if isinstance(values, np.ndarray) else h5py.string_dtype()
        variable = out.create_variable(name, (dim,), dtype=dtype)
        variable[...] = np.asarray(values, dtype=object if dtype.kind == "O" else dtype)
        variable.attrs["units"], variable.attrs["long_name"] = COORDINATES[name]
    for name, spec in variables(scenario).items():
        dims = ("replicate", *spec.dims)
        shape = tuple(sizes[dim] for dim in dims)
        variable = out.create_variable(
            name,
            dims,
            dtype=spec.dtype,
            chunks=_chunks(spec, shape),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            fillvalue=np.nan if spec.dtype == "f8" else None,
        )
        variable.attrs["units"] = spec.units
        variable.attrs["long_name"] = spec.long_name
    for name, value in _attributes(folder).items():
        out.attrs[name] = value


def _chunks(spec: Variable, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One replicate, and as many generations (or probes) as make a chunk of a fair size."""
    inner = tuple(max(1, n) for n in shape[2:])
    row = int(np.prod(inner)) * np.dtype(spec.dtype).itemsize
    return (1, min(max(1, shape[1]), max(1, _CHUNK // row)), *inner)


def _pieces(folder: RunFolder, row: list[Segment], lived: int) -> Iterator[Stretch]:
    """What is in the segments below ``lived``, in pieces that are few and fit in memory."""
    batch: list[Stretch] = []
    size = 0
    for segment in row:
        if segment.first < lived:
            batch.append(folder.read(segment))
            size += sum(array.nbytes for array in batch[-1].arrays.values())
        if size >= _PIECE:
            yield _joined(batch, lived)
            batch, size = [], 0
    if batch:
        yield _joined(batch, lived)


def _joined(batch: list[Stretch], lived: int) -> Stretch:
    """Consecutive stretches as one, cut at ``lived``."""
    first = batch[0].first
    probed = tuple(g for stretch in batch for g in stretch.probed if g < lived)
    probes: Arrays = {}
    parts = [stretch.probes for stretch in batch if stretch.probed]
    for name in parts[0] if parts and probed else ():
        if name not in BY_REPLICATE:
            probes[name] = np.concatenate([part[name] for part in parts])[: len(probed)]
    for stretch in batch:
        probes |= {name: stretch.probes[name] for name in BY_REPLICATE if name in stretch.probes}
    arrays = {
        name: np.concatenate([stretch.arrays[name] for stretch in batch])[: lived - first]
        for name in batch[0].arrays
    }
    return Stretch(first, arrays, probed, probes, None)


def _put(out: h5netcdf.File, replicate: int, piece: Stretch) -> None:
    """Write a piece of a replicate to where it belongs."""
    end = piece.first + len(piece.arrays["score"])
    for name, values in piece.arrays.items():
        out[name][replicate, piece.first : end] = values
    begin = int(np.searchsorted(out["probe"][...], piece.probed[0])) if piece.probed else 0
    for name, values in piece.probes.items():
        if name in BY_REPLICATE:
            out[name][replicate] = values
        else:
            out[name][replicate, begin : begin + len(piece.probed)] = values


def _attributes(folder: RunFolder) -> Mapping[str, str]:
    scenario, facts = folder.scenario, folder.facts
    return {
        "title": scenario.title,
        "scenario_id": scenario.id,
        "scenario": scenario.to_toml(),
        "seed": str(folder.seed),
        "provenance": json.dumps(
            {
                name: facts[name]
                for name in ("versions", "command", "machine", "created", "seeds", "parent")
                if facts.get(name) is not None
            },
            ensure_ascii=False,
        ),
        "coordinates": "environment_title deme"
        if scenario.evolution.islands
        else "environment_title",
    }
