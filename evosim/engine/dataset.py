"""run.nc: written from the chunks of all replicates, one chunk in memory at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evosim import mind
from evosim.engine.checksums import DamagedError, check_file, seal_file
from evosim.engine.evaluation import Arrays
from evosim.engine.files import Unfailing, as_json, exists, replacing
from evosim.engine.folders import check_there
from evosim.engine.mechanism import mechanisms_of
from evosim.engine.run_arrays import RunArrays, opened, unreadable_variables
from evosim.engine.run_folder import Chunk, ChunkFile, RunFolder
from evosim.engine.variables import (
    BY_REPLICATE,
    COORDINATES,
    Coordinate,
    minds,
    probe_generations,
    variables,
)
from evosim.errors import Command, Part, RunError

if TYPE_CHECKING:
    import h5netcdf
    import xarray as xr

    from evosim.scenario import Scenario

_PIECE = 2**25  # bytes of chunks in memory at once, as each write has its costs
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)
"""What reading a damaged file of data raises."""
_CHUNK = 2**18  # bytes; HDF5 keeps 1 MiB of chunks of a variable in memory


def assemble(folder: RunFolder) -> None:
    """Write run.nc from the chunks, in the place of any older one.

    Raises:
        RunError: a replicate is not complete; the file cannot be written.
    """
    rows = [folder.chunk_files(replicate) for replicate in range(folder.replicates)]
    wanted = folder.scenario.generations
    for replicate, row in enumerate(rows):
        done = row[-1].last + 1 if row else 0
        if done != wanted:
            raise RunError(
                f"{folder.path}: replicate {replicate} has {done} of {wanted} generations; "
                "continue with: ",
                Command("resume", folder.path),
            )
    # Without a buffer, as Unfailing needs to know of each write whether it succeeded.
    with replacing(folder.data_path, buffering=0) as file:
        _write(folder, rows, wanted, file)
        seal_file(file)


def check_data(folder: RunFolder) -> None:
    """Refuse a run.nc that is not as it was written.

    Raises:
        RunError: with what of it is damaged, and what helps.
    """
    try:
        check_file(folder.data_path)
    except DamagedError as error:
        lost = unreadable_variables(folder.data_path)
        what = f" (damaged: {', '.join(lost)})" if lost else ""
        raise unreadable(folder, ValueError(f"{error}{what}")) from error
    except OSError as error:
        raise unreadable(folder, error) from error


def open_dataset(folder: RunFolder) -> xr.Dataset:
    """The data of a run, read when used.

    Where the run is not complete, they are the generations that all replicates have done.

    Raises:
        RunError: nothing is done yet; run.nc cannot be read; the folder is no longer there.
    """
    import xarray as xr

    if exists(folder.data_path):
        check_data(folder)
        try:
            return xr.open_dataset(folder.data_path, engine="h5netcdf")
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
    check_there(folder.path)
    rows = [folder.chunk_files(replicate) for replicate in range(folder.replicates)]
    done = min(row[-1].last + 1 if row else 0 for row in rows)
    if done == 0:
        raise RunError(
            f"{folder.path}: no generation is done yet; continue with: ",
            Command("resume", folder.path),
        )
    # Through netCDF, though it is read back at once: so the data of an unfinished run are made
    # by the same code, and have the same form.
    image = io.BytesIO()
    _write(folder, rows, done, image)
    return xr.open_dataset(image, engine="h5netcdf").load()


@contextmanager
def open_arrays(
    folder: RunFolder, whole: Callable[[], xr.Dataset] | None = None
) -> Iterator[RunArrays]:
    """The data of a run that has its run.nc, without xarray, while the block lasts.

    Args:
        folder: of the run.
        whole: opens them with xarray, for what :class:`RunArrays` has not;
            ``xarray.open_dataset`` if None.

    Raises:
        RunError: run.nc cannot be read.
    """
    check_data(folder)
    with ExitStack() as held:
        try:
            arrays = held.enter_context(opened(folder.data_path, whole))
        except UNREADABLE as error:
            raise unreadable(folder, error) from error
        yield arrays


def unreadable(folder: RunFolder, error: Exception) -> RunError:
    """What is wrong with run.nc, and what helps: the run is a function of its seed, but the
    history of a fork is not one of the fork's scenario."""
    path, history = folder.path, folder.history
    done = min(folder.generations_done(replicate) for replicate in range(folder.replicates))
    try:
        if folder.parent is not None:  # which has the history
            done, history = done - history, 0
    except RunError:
        done = 0
    if isinstance(error, PermissionError):
        remedy: tuple[Part, ...] = ("Check who may read it",)
    elif done >= max(1, history):
        remedy = (
            "Its chunks are there: delete it, then ",
            Command("resume", path),
            " writes it again",
        )
    elif history:
        parent = folder.manifest["parent"]["path"]
        remedy = (
            "Restore it from a copy; it cannot be made again, as it holds the history of a "
            f"fork, but {parent} can be forked again at generation {history}",
        )
    else:
        remedy = (
            "Restore it from a copy, or delete it: ",
            Command("resume", path),
            " then makes all of it again, to the same data",
        )
    return RunError(f"{folder.data_path} cannot be read: {error}. ", *remedy)


def _write(folder: RunFolder, rows: list[list[ChunkFile]], done: int, file: BinaryIO) -> None:
    """Write ``done`` generations as netCDF-4 into an unbuffered file or one in memory."""
    import h5netcdf

    check: Callable[[], None] = lambda: None  # noqa: E731
    target: io.RawIOBase | BinaryIO = file
    if not isinstance(file, io.BytesIO):
        target = guarded = Unfailing(file)
        check = guarded.check
    with h5netcdf.File(target, "w") as out:
        _declare(out, folder, rows, done)
        for replicate, row in enumerate(rows):
            for piece in _pieces(folder, row, done):
                _put(out, replicate, piece)
                check()
    check()


def _declare(out: h5netcdf.File, folder: RunFolder, rows: list[list[ChunkFile]], done: int) -> None:
    """Dimensions, coordinates, empty variables and attributes."""
    import h5py

    scenario = folder.scenario
    head = folder.read(rows[0][0])
    labels = coordinates(scenario, folder.replicates, done, head)
    sizes = {name: len(label.values) for name, label in labels.items() if name == label.dim}
    sizes["parent"] = 2
    out.dimensions = sizes
    for name, label in labels.items():
        dtype = h5py.string_dtype() if label.values.dtype.kind == "O" else label.values.dtype
        variable = out.create_variable(name, (label.dim,), dtype=dtype)
        variable[...] = label.values
        variable.attrs["units"], variable.attrs["long_name"] = label.units, label.long_name
    for name, spec in variables(scenario).items():
        dims = ("replicate", *spec.dims)
        shape = tuple(sizes[dim] for dim in dims)
        # One replicate, and as many generations (or probes) as make a chunk of a fair size. HDF5
        # takes no chunk of length 0, which an empty dimension would be.
        inner = tuple(max(1, n) for n in shape[2:])
        row = int(np.prod(inner)) * np.dtype(spec.dtype).itemsize
        chunk = (1, min(max(1, shape[1]), max(1, _CHUNK // row)), *inner)
        variable = out.create_variable(
            name,
            dims,
            dtype=spec.dtype,
            chunks=chunk,
            # Level 1: genomes are mostly noise, which no level compresses; shuffling bytes helps.
            compression="gzip",
            compression_opts=1,
            shuffle=True,
            # For readers who know nothing of evosim's own checksum.
            fletcher32=True,
            fillvalue=np.nan if spec.dtype == "f8" else None,
        )
        variable.attrs["units"] = spec.units
        variable.attrs["long_name"] = spec.long_name
    for name, value in attributes(scenario, folder.manifest).items():
        out.attrs[name] = value
    # By the conventions of netCDF: coordinates that are no dimensions.
    further = [name for name, label in labels.items() if name != label.dim]
    out.attrs["coordinates"] = " ".join(further)


def coordinates(
    scenario: Scenario, replicates: int, done: int, head: Chunk
) -> dict[str, Coordinate]:
    """The coordinates of a run's data, by name.

    Args:
        scenario: of the run.
        replicates: how many there are.
        done: how many generations.
        head: the first chunk of a replicate.
    """
    sizes = {
        "individual": head.arrays["score"].shape[1],
        "level": head.arrays["train"].shape[1],
        "replicate": replicates,
        "generation": done,
    }
    texts = {
        "locus": [locus.name for locus in mind.loci(scenario)],
        "payoff": scenario.payoffs,
        "environment": scenario.environments,
    }
    found: dict[str, NDArray[Any]] = {}
    if head.probes:  # without probes there is nothing that has these dimensions
        sizes["sample"] = head.probes["probe_individual"].shape[1]
        texts["mind"] = minds(scenario)
        probed = [g for g in probe_generations(scenario) if g < done]
        found["probe"] = np.array(probed, np.int32)
    found |= {name: np.arange(n, dtype=np.int32) for name, n in sizes.items()}
    found |= {name: np.array(list(names), object) for name, names in texts.items()}
    titles = [env.title or name for name, env in scenario.environments.items()]
    found["environment_title"] = np.array(titles, object)
    labels = {
        name: Coordinate(name.removesuffix("_title"), values, *COORDINATES[name])
        for name, values in found.items()
    }
    for mechanism in mechanisms_of(scenario):
        labels |= mechanism.coordinates()
    return labels


def _pieces(folder: RunFolder, row: list[ChunkFile], done: int) -> Iterator[Chunk]:
    """What is in the chunk files below ``done``, in pieces that are few and fit in memory."""
    batch: list[Chunk] = []
    size = 0
    for file in row:
        if file.first < done:
            batch.append(folder.read(file))
            size += sum(array.nbytes for array in batch[-1].arrays.values())
        if size >= _PIECE:
            yield _joined(batch, done)
            batch, size = [], 0
    if batch:
        yield _joined(batch, done)


def _joined(batch: list[Chunk], done: int) -> Chunk:
    """Consecutive chunks as one, cut at ``done``."""
    # A fork that was cut, or an unfinished run, has probes beyond what all replicates have.
    first = batch[0].first
    probed = tuple(g for chunk in batch for g in chunk.probed if g < done)
    probes: Arrays = {}
    parts = [chunk.probes for chunk in batch if chunk.probed]
    for name in parts[0] if parts and probed else ():
        if name not in BY_REPLICATE:
            probes[name] = np.concatenate([part[name] for part in parts])[: len(probed)]
    # Of the optimum and the uniform policy any probe of the replicate gives the same.
    for chunk in batch:
        probes |= {name: chunk.probes[name] for name in BY_REPLICATE if name in chunk.probes}
    arrays = {
        name: np.concatenate([chunk.arrays[name] for chunk in batch])[: done - first]
        for name in batch[0].arrays
    }
    return Chunk(first, arrays, probed, probes, None)


def _put(out: h5netcdf.File, replicate: int, piece: Chunk) -> None:
    """Write a piece of a replicate to where it belongs."""
    end = piece.first + len(piece.arrays["score"])
    for name, values in piece.arrays.items():
        out[name][replicate, piece.first : end] = values
    # The probes of a piece are consecutive among those of the run, so the first one's place is
    # enough.
    begin = int(np.searchsorted(out["probe"][...], piece.probed[0])) if piece.probed else 0
    for name, values in piece.probes.items():
        if name in BY_REPLICATE:
            out[name][replicate] = values
        else:
            out[name][replicate, begin : begin + len(piece.probed)] = values


def attributes(scenario: Scenario, manifest: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a run's data: what it is a run of, and where it comes from."""
    return {
        "title": scenario.title,
        "scenario_id": scenario.id,
        "scenario": scenario.to_toml(),
        # A text, as netCDF attributes have no unsigned numbers of 64 bits that all readers know.
        "seed": str(manifest["seed"]),
        "provenance": as_json(
            {
                name: manifest[name]
                for name in ("versions", "command", "machine", "created", "seeds", "parent")
                if manifest.get(name) is not None
            }
        ),
    }
