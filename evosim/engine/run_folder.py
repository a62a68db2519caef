"""The folder of one run: what it is a run of, and the chunks that are its checkpoint.

    scenario.toml   the scenario, resolved
    run.json        seed, replicates, command, versions, machine, parent of a fork
    replicates/000/000000-000041.npz   chunks of generations, while the run goes on
    history/000000.toml                in a fork: what its past was run for, from that generation
    run.nc  summary.json  figures/     once it is complete

A chunk holds a range of generations and the next population, so that the data are the checkpoint.
Chunks are written whole or not at all, and read without pickle. One that is torn or altered is as
good as missing, and so is what comes after it. A chunk can also be held in memory until run.nc is
written, so that data need not be written twice. The history of a fork is read from its parent
until run.nc of the fork holds it (:mod:`evosim.engine.fork`): it is a chunk like the others to
whoever reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import evolution
from evosim.engine._manifest import FORMAT, read_manifest
from evosim.engine.checksums import read_toml, sealed, sealed_text
from evosim.engine.evaluation import Arrays
from evosim.engine.files import (
    WriteError,
    as_json,
    exists,
    explain,
    is_folder,
    replacing,
    sweep,
    write_text,
)
from evosim.engine.folders import appearing
from evosim.engine.lock import hold
from evosim.engine.loop import GenerationRecord, Population, replicate_seed
from evosim.engine.mechanism import Record
from evosim.engine.variables import BY_REPLICATE, INHERITED, by_generation, by_probe
from evosim.errors import Command, RunError
from evosim.mind import loci

if TYPE_CHECKING:
    from evosim.engine.fork import History
    from evosim.scenario import Scenario

_PIECE = 2**25  # bytes of genomes in a piece of the history of a fork
_SEGMENT = re.compile(r"(\d{6,})-(\d{6,})\.npz")
_NEXT = "heir_"  # as format 1 has it
_STATE = "optimizer_"


class ChunkFile(NamedTuple):
    """Generations first .. last of one replicate, in a file, in memory or in the parent of a fork;
    the path is where they are, or would be."""

    first: int
    last: int
    path: Path
    replicate: int


class Chunk(NamedTuple):
    """The contents of a chunk file."""

    first: int
    arrays: Arrays  # layout.by_generation, stacked over generations
    probed: tuple[int, ...]  # generations of the probes
    probes: Arrays  # layout.by_probe stacked over probes; by_replicate of the latest probe
    next_population: Population | None


class RunFolder:
    """A run's folder on disk. ``RunFolder(path)`` opens one, :meth:`create` makes one.

    Attributes:
        path: the folder.
        manifest: what run.json holds.
        held: chunks in memory that are not written, by where they would be.

    Raises:
        RunError: no run is there, or its scenario is not the one it began with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = read_manifest(path)
        self.held: dict[Path, Chunk] = {}

    def __reduce__(self) -> tuple[Callable[[str, str], RunFolder], tuple[str, str]]:
        # A worker process opens it itself, once for all replicates that it simulates.
        return _opened, (str(self.path), json.dumps(self.manifest))

    @classmethod
    @contextlib.contextmanager
    def create(
        cls, path: Path, scenario: Scenario, manifest: Mapping[str, object]
    ) -> Iterator[RunFolder]:
        """A new run folder, filled in the block; it appears under its name when the block ends.

        Raises:
            RunError: there is something already, or the folder cannot be made.
        """
        # The resolved scenario, so that no change of the catalogue or of a default reaches it.
        with appearing(path) as making:
            toml = scenario.to_toml()
            write_text(making / "scenario.toml", toml)
            known = {"format": FORMAT, **manifest, "scenario_sha256": _sha256(toml.encode())}
            write_text(making / "run.json", as_json(sealed(known), indent=2) + "\n")
            for replicate in range(int(known["replicates"])):  # type: ignore[call-overload]
                (making / "replicates" / f"{replicate:03d}").mkdir(parents=True)
            yield cls(making)

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])

    @property
    def probe_seed(self) -> int:
        """The seed of probe levels and samples; a fork keeps its parent's."""
        return int(self.manifest["probe_seed"])

    @property
    def replicates(self) -> int:
        return int(self.manifest["replicates"])

    @property
    def data_path(self) -> Path:
        return self.path / "run.nc"

    @property
    def summary_path(self) -> Path:
        return self.path / "summary.json"

    @property
    def figures_path(self) -> Path:
        return self.path / "figures"

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario of the run.

        Raises:
            RunError: scenario.toml was changed after the run began.
        """
        from evosim import scenario

        # A changed scenario would contradict what was simulated so far, and go unnoticed.
        path = self.path / "scenario.toml"
        try:
            text = path.read_bytes()
        except OSError as error:
            raise RunError(explain(error, path, "read")) from error
        if _sha256(text) != self.manifest["scenario_sha256"]:
            raise RunError(
                f"{path}: the scenario was changed after the run began; restore the file, or "
                "begin another run with the changed one, or a fork with changed settings"
            )
        return scenario.loads(text.decode(), name=str(path))

    @property
    def history(self) -> int:
        """How many generations a fork took over; 0 where the run is none."""
        parent = self.manifest.get("parent")
        return int(parent["at"]) if parent else 0

    @cached_property
    def parent(self) -> History | None:
        """The history of a fork, read from its parent; None where the run is no fork.

        So it is as well in a fork of an older evosim, which holds its history in its own chunks.

        Raises:
            RunError: the parent is gone, or another run now.
        """
        if "history" not in self.manifest:
            return None
        from evosim.engine.fork import History

        return History(self)

    @property
    def identity(self) -> str:
        """What the data follow from: scenario, seeds, replicates, and the same of the parent."""
        before = self.manifest.get("history", {}).get("identity")
        known = [self.manifest[name] for name in ("scenario_sha256", "seeds", "replicates")]
        return _sha256(json.dumps([*known, self.probe_seed, before], sort_keys=True).encode())

    def scenario_at(self, generation: int) -> Scenario:
        """The scenario that a generation was run for: in the history of a fork, an ancestor's.

        Raises:
            RunError: it was not kept.
        """
        from evosim import scenario

        if generation >= self.history:
            return self.scenario
        kept = [path for begin, path in self.past_scenarios() if begin <= max(0, generation)]
        parent = self.manifest["parent"]["path"]
        if not kept:
            raise RunError(
                f"{self.path}: generation {generation} is history of another "
                f"scenario, which was not kept; ask the run that it was forked from, {parent}"
            )
        try:
            text = read_toml(kept[-1])
        except (OSError, ValueError) as error:
            raise RunError(
                f"{kept[-1]}, which generation {generation} was run for, cannot be read "
                f"({error}); ask the run that it was forked from, {parent}"
            ) from error
        return scenario.loads(text, name=str(kept[-1]))

    def past_scenarios(self) -> list[tuple[int, Path]]:
        """The scenarios of a fork's history: from which generation on, and the file."""
        folder = self.path / "history"
        found = folder.glob("*.toml") if is_folder(folder) else ()
        return sorted((int(p.stem), p) for p in found if p.stem.isdecimal())

    def keep_past_scenario(self, begin: int, scenario: str) -> None:
        """Keep the scenario that the history was run for from a generation on."""
        folder = self.path / "history"
        folder.mkdir(exist_ok=True)
        write_text(folder / f"{begin:06d}.toml", sealed_text(scenario))

    def lock(
        self,
        wait: float = 0.0,
        announce: Callable[[str], None] = lambda text: None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> AbstractContextManager[int]:
        """Hold the run (:func:`evosim.engine.lock.hold`)."""
        return hold(self.path, "run", wait=wait, announce=announce, warn=warn)

    def note_resumed(self, versions: Mapping[str, str], when: str) -> None:
        """Record in run.json that the run was resumed."""
        resumed = [*self.manifest.get("resumed", ()), {"when": when, "versions": dict(versions)}]
        self.manifest["resumed"] = resumed
        write_text(self.path / "run.json", as_json(sealed(self.manifest), indent=2) + "\n")

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for who holds the lock."""
        try:
            sweep(self.path)
            sweep(self.figures_path)
        except OSError as error:
            raise WriteError(explain(error, self.path, "tidy up")) from error

    # Chunks

    def replicate_path(self, replicate: int) -> Path:
        return self.path / "replicates" / f"{replicate:03d}"

    def chunk_files(self, replicate: int) -> list[ChunkFile]:
        """The unbroken row of a replicate's sound chunk files, from generation 0 on."""
        # Of two files that begin alike the longer one sorts last, and wins.
        found = {file.first: file for file in sorted(self._files(replicate))}
        # What comes after a gap was simulated from a population that is lost, and is made again.
        row = self._history_files(replicate)
        while (file := found.get(row[-1].last + 1 if row else 0)) is not None:
            if not self._is_sound(file, replicate):
                break
            row.append(file)
        return row

    def generations_done(self, replicate: int) -> int:
        """How many generations of a replicate are kept, in sound chunk files."""
        row = self.chunk_files(replicate)
        return row[-1].last + 1 if row else 0

    def check_history(self, replicate: int, row: Sequence[ChunkFile] | None = None) -> None:
        """Refuse a fork whose history is not whole: its world cannot give the past again.

        Args:
            row: the replicate's sound chunk files; read if None.

        Raises:
            RunError: the parent is gone or another run; or in a fork of an older evosim, with the
                chunk file that is torn or missing.
        """
        if not self.history or self.parent is not None:
            return
        row = self.chunk_files(replicate) if row is None else row
        done = row[-1].last + 1 if row else 0
        if done >= self.history:
            return
        torn = [s.path for s in sorted(self._files(replicate)) if s.first == done]
        where = self.replicate_path(replicate)
        what = f"{torn[0]} is damaged" if torn else f"{where}/{done:06d}-*.npz is missing"
        parent = self.manifest["parent"]["path"]
        raise RunError(
            f"{what}: it held history of the fork (generations 0 to {self.history - 1}), which "
            "cannot be simulated again in the fork's changed world. Nothing was removed. Restore "
            f"the file, or fork {parent} again at generation {self.history}"
        )

    def tidy(self, replicate: int) -> list[ChunkFile]:
        """Remove what a kill left unfinished or broken; returns the sound chunk files.

        Only for who holds the lock.

        Raises:
            RunError: the history of a fork is not whole; then nothing is removed.
        """
        folder = self.replicate_path(replicate)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Before anything is removed: a damaged history may still be restored by its owner.
            row = self.chunk_files(replicate)
            self.check_history(replicate, row)
            sweep(folder)
            for file in self._files(replicate) - set(row):
                file.path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(explain(error, folder, "tidy up")) from error
        return row

    def read(self, file: ChunkFile) -> Chunk:
        """The contents of a chunk file.

        Raises:
            RunError: the file is torn or altered.
        """
        if file.path in self.held:
            return self.held[file.path]
        if file.first < self.history and self.parent is not None:
            return self.parent.chunk(file)
        arrays = _read_npz(file.path)
        if arrays is None:
            raise RunError(
                f"{file.path} is damaged; ",
                Command("resume", self.path),
                " makes its generations again",
            )
        probed = by_probe(self.scenario)
        next_population = None
        if _NEXT + "genome" in arrays:
            known = evolution.optimizer_of(self.scenario).state
            genome, parents, crossover = (arrays[_NEXT + name] for name in INHERITED)
            state = {name: arrays[_STATE + name] for name in known}
            next_population = Population(file.last + 1, genome, parents, crossover, state)
        return Chunk(
            file.first,
            {name: arrays[name] for name in by_generation(self.scenario)},
            tuple(int(g) for g in arrays["probe"]),
            {name: arrays[name] for name in (*probed, *BY_REPLICATE) if name in arrays},
            next_population,
        )

    def population_after(self, file: ChunkFile) -> Population | None:
        """The population to go on from after the last chunk of a replicate, or of the history of a
        fork; None at the end of the timeline."""
        if file.first < self.history and self.parent is not None:
            return self.parent.population(file.replicate)
        return self.read(file).next_population

    def recorded(self, replicate: int, generation: int) -> Record:
        """What is recorded of a generation, but for its probe.

        Raises:
            RunError: no sound chunk holds it.
        """
        if generation < self.history and self.parent is not None:
            return self.parent.recorded(replicate, generation)
        for file in self.chunk_files(replicate):
            if file.first <= generation <= file.last:
                arrays = self.read(file).arrays
                return {name: values[generation - file.first] for name, values in arrays.items()}
        raise RunError(f"{self.path}: generation {generation} of replicate {replicate} is missing")

    def hold(self, replicate: int, chunk: Chunk) -> None:
        """Keep a chunk in memory: :meth:`write_held` writes it, run.nc makes that unnecessary."""
        self.held[self._chunk_path(replicate, chunk)] = chunk

    def release(self, replicate: int) -> dict[Path, Chunk]:
        """Hold the chunks of a replicate no more, for somebody else to hold them."""
        folder = self.replicate_path(replicate)
        return {path: self.held.pop(path) for path in list(self.held) if path.parent == folder}

    def write_held(self) -> None:
        """Write the chunks that are held, unless run.nc holds them.

        Raises:
            WriteError: the operating system refused; then none is held any more.
        """
        held, self.held = self.held, {}
        if not exists(self.data_path):
            for path, chunk in held.items():
                self.write(int(path.parent.name), chunk)

    def write(self, replicate: int, chunk: Chunk) -> ChunkFile:
        """Write a chunk.

        Raises:
            WriteError: the operating system refused.
        """
        path = self._chunk_path(replicate, chunk)
        arrays: dict[str, NDArray[Any]] = {
            "identity": np.array(self._identity(replicate)),
            "probe": np.array(chunk.probed, np.int32),
            **chunk.arrays,
            **chunk.probes,
        }
        if chunk.next_population is not None:
            arrays |= {_NEXT + name: getattr(chunk.next_population, name) for name in INHERITED}
            arrays |= {_STATE + name: value for name, value in chunk.next_population.state.items()}
        # As numpy.savez writes it, but through a file of our own, which is synced and renamed.
        with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return _chunk_file(path)

    def clear_chunks(self) -> None:
        """Remove all chunks and the folder they are in: run.nc holds what they held."""
        self.held.clear()
        shutil.rmtree(self.path / "replicates", ignore_errors=True)

    def _files(self, replicate: int) -> set[ChunkFile]:
        found = set()
        folder = self.replicate_path(replicate)
        try:
            names = os.listdir(folder) if is_folder(folder) else []
        except OSError as error:
            raise RunError(explain(error, folder, "look into")) from error
        for name in names:
            if _SEGMENT.fullmatch(name):
                found.add(_chunk_file(folder / name))
        return found | {_chunk_file(path) for path in self.held if path.parent == folder}

    def _history_files(self, replicate: int) -> list[ChunkFile]:
        """The history of a fork, in pieces that fit in memory, as if it were in files."""
        if "history" not in self.manifest:
            return []
        scenario, at = self.scenario, self.history
        step = max(1, _PIECE // max(1, 8 * scenario.evolution.population * len(loci(scenario))))
        bounds = [*range(0, at, step), at]
        folder = self.replicate_path(replicate)
        return [
            _chunk_file(folder / f"{first:06d}-{end - 1:06d}.npz")
            for first, end in pairwise(bounds)
        ]

    def _chunk_path(self, replicate: int, chunk: Chunk) -> Path:
        # Names sort like the generations they hold, and say so in a listing.
        last = chunk.first + len(chunk.arrays["score"]) - 1
        return self.replicate_path(replicate) / f"{chunk.first:06d}-{last:06d}.npz"

    def _is_sound(self, file: ChunkFile, replicate: int) -> bool:
        if file.path in self.held:
            return True
        # All of it is read: a zip file has a checksum for each array, which only reading tests.
        arrays = _read_npz(file.path)
        if arrays is None or arrays.get("identity") != self._identity(replicate):
            return False
        n = file.last - file.first + 1
        known = by_generation(self.scenario)
        expected = {"identity", "probe", *known}
        # The last chunk of a run has no next population; all others must, to be gone on from.
        if file.last + 1 < self.scenario.generations:
            expected |= {_NEXT + name for name in INHERITED}
            expected |= {_STATE + name for name in evolution.optimizer_of(self.scenario).state}
        if arrays.get("probe", np.empty(0)).size:
            expected |= set(by_probe(self.scenario))
        # What a fork takes over has no measures of its whole replicate.
        return expected <= set(arrays) <= expected | set(BY_REPLICATE) and all(
            len(arrays[name]) == n for name in known
        )

    def _identity(self, replicate: int) -> str:
        """What a chunk must be a part of: this scenario, these seeds, this replicate."""
        # Kept in each file, so that one that was copied from another run is not taken for its own.
        parts = (self.manifest["scenario_sha256"], self.seed, self.probe_seed, replicate)
        return _sha256(repr(parts).encode())


def chunk_of(records: Sequence[GenerationRecord]) -> Chunk:
    """Consecutive generations as a chunk."""
    probed = [record for record in records if record.probe is not None]
    probes: Arrays = {}
    if probed:
        found = [record.probe for record in probed if record.probe is not None]
        for name, latest in found[-1].items():
            # The same at every probe, so one of them is enough.
            of_replicate = name in BY_REPLICATE
            probes[name] = latest if of_replicate else np.stack([one[name] for one in found])
    return Chunk(
        records[0].generation,
        {name: np.stack([record.arrays[name] for record in records]) for name in records[0].arrays},
        tuple(record.generation for record in probed),
        probes,
        records[-1].next_population,
    )


def seed_at(folder: RunFolder, replicate: int, generation: int) -> int:
    """The replicate's seed that a generation was simulated with: in a fork, its parent's."""
    # A fork adds a seed from its first generation on; those before belong to its ancestors.
    seeds = [s["seed"] for s in folder.manifest["seeds"] if s["from"] <= generation]
    return replicate_seed(int(seeds[-1]), replicate)


def seeds_of(folder: RunFolder, replicate: int) -> tuple[int, int]:
    """The seeds of a replicate and of its probes."""
    return (
        replicate_seed(folder.seed, replicate),
        replicate_seed(folder.probe_seed, replicate),
    )


def _chunk_file(path: Path) -> ChunkFile:
    first, last = map(int, path.stem.split("-"))
    return ChunkFile(first, last, path, int(path.parent.name))


def _read_npz(path: Path) -> dict[str, NDArray[Any]] | None:
    """Every array of an npz file, or None where a byte is missing or a checksum is wrong."""
    try:
        # Never unpickled: a file from elsewhere can hold numbers, but no program.
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None


@lru_cache(maxsize=4)
def _opened(path: str, manifest: str) -> RunFolder:
    return RunFolder(Path(path))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
