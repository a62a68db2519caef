"""The folder of one run: what it is a run of, and the segments that are its checkpoint.

    scenario.toml   the scenario, resolved
    run.json        seed, replicates, command, versions, machine, parent of a fork
    replicates/000/000000-000041.npz   lived generations, while the run goes on
    history/000000.toml                in a fork: what its past was lived by, from that generation
    run.nc  summary.json  figures/     once it is complete

A segment holds a range of generations and the population born from its last one, so that the
data are the checkpoint. Segments are written whole or not at all, and read without pickle. One
that is torn or altered is as good as missing, and so is what comes after it; but in the history
of a fork, which cannot be lived again in the fork's world, it is refused.
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
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evosim import evolution
from evosim.engine.evaluation import Arrays
from evosim.engine.files import WriteError, explain, replacing, sweep, write_text
from evosim.engine.lock import hold
from evosim.engine.loop import Population, Record, replicate_seed
from evosim.engine.variables import BY_REPLICATE, INHERITED, by_generation, by_probe, by_replicate
from evosim.errors import Argument, RunError

if TYPE_CHECKING:
    from evosim.scenario import Scenario

FORMAT = 1
_SEGMENT = re.compile(r"(\d{6,})-(\d{6,})\.npz")
_HEIR = "heir_"
_STATE = "optimizer_"


class Segment(NamedTuple):
    """Generations first .. last of one replicate, in a file."""

    first: int
    last: int
    path: Path


class Stretch(NamedTuple):
    """The contents of a segment."""

    first: int
    arrays: Arrays  # layout.by_generation, stacked over generations
    probed: tuple[int, ...]  # generations of the probes
    probes: Arrays  # layout.by_probe stacked over probes; by_replicate of the latest probe
    heirs: Population | None


class RunFolder:
    """A run's folder on disk. ``RunFolder(path)`` opens one, :meth:`create` makes one.

    Attributes:
        path: the folder.
        facts: what run.json holds.

    Raises:
        RunError: no run is there, or its scenario is not the one it began with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts = _read_facts(path)

    @classmethod
    @contextlib.contextmanager
    def create(
        cls, path: Path, scenario: Scenario, facts: Mapping[str, object]
    ) -> Iterator[RunFolder]:
        """A new run folder, filled in the block; it appears under its name when the block ends.

        Raises:
            RunError: there is something already, or the folder cannot be made.
        """
        with appearing(path) as making:
            toml = scenario.to_toml()
            write_text(making / "scenario.toml", toml)
            known = {"format": FORMAT, **facts, "scenario_sha256": _sha256(toml.encode())}
            write_text(making / "run.json", json.dumps(known, indent=2, ensure_ascii=False) + "\n")
            for replicate in range(int(known["replicates"])):  # type: ignore[call-overload]
                (making / "replicates" / f"{replicate:03d}").mkdir(parents=True)
            yield cls(making)

    @property
    def seed(self) -> int:
        return int(self.facts["seed"])

    @property
    def probe_seed(self) -> int:
        """The seed of probe levels and samples; a fork keeps its parent's."""
        return int(self.facts["probe_seed"])

    @property
    def replicates(self) -> int:
        return int(self.facts["replicates"])

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

        path = self.path / "scenario.toml"
        try:
            text = path.read_bytes()
        except OSError as error:
            raise RunError(explain(error, path, "read")) from error
        if _sha256(text) != self.facts["scenario_sha256"]:
            raise RunError(
                f"{path}: the scenario was changed after the run began; restore the file, or "
                "begin another run with the changed one, or a fork with changed settings"
            )
        return scenario.loads(text.decode(), name=str(path))

    @property
    def history(self) -> int:
        """How many generations a fork took over; 0 where the run is none."""
        parent = self.facts.get("parent")
        return int(parent["at"]) if parent else 0

    def scenario_at(self, generation: int) -> Scenario:
        """The scenario that a generation was lived by: in the history of a fork, an ancestor's.

        Raises:
            RunError: it was not kept.
        """
        from evosim import scenario

        if generation >= self.history:
            return self.scenario
        kept = [path for begin, path in self.pasts() if begin <= max(0, generation)]
        parent = self.facts["parent"]["path"]
        if not kept:
            raise RunError(
                f"{self.path}: generation {generation} is history that was lived by another "
                f"scenario, which was not kept; ask the run that it was forked from, {parent}"
            )
        try:
            text = kept[-1].read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise RunError(
                f"{kept[-1]}, which generation {generation} was lived by, cannot be read "
                f"({error}); ask the run that it was forked from, {parent}"
            ) from error
        return scenario.loads(text, name=str(kept[-1]))

    def pasts(self) -> list[tuple[int, Path]]:
        """The scenarios of a fork's history: from which generation on, and the file."""
        folder = self.path / "history"
        found = folder.glob("*.toml") if folder.is_dir() else ()
        return sorted((int(p.stem), p) for p in found if p.stem.isdecimal())

    def keep_past(self, begin: int, scenario: str) -> None:
        """Keep the scenario that the history was lived by from a generation on."""
        folder = self.path / "history"
        folder.mkdir(exist_ok=True)
        write_text(folder / f"{begin:06d}.toml", scenario)

    @contextlib.contextmanager
    def lock(
        self, wait: float = 0.0, announce: Callable[[str], None] = lambda text: None
    ) -> Iterator[int]:
        """Hold the run; the kernel lets go of it when the process ends, however it ends.

        Yields the descriptor: a worker that inherits it holds the run too.

        Args:
            wait: seconds for which another process may still hold it.
            announce: told in words where that takes a while.

        Raises:
            RunError: another process is at work on the run, or the folder is read-only.
        """
        with hold(self.path, "run", wait=wait, announce=announce) as descriptor:
            yield descriptor

    def note_resumed(self, versions: Mapping[str, str], when: str) -> None:
        """Record in run.json that the run was resumed."""
        resumed = [*self.facts.get("resumed", ()), {"when": when, "versions": dict(versions)}]
        self.facts["resumed"] = resumed
        text = json.dumps(self.facts, indent=2, ensure_ascii=False) + "\n"
        write_text(self.path / "run.json", text)

    def sweep(self) -> None:
        """Remove what a killed process left half written. Only for who holds the lock."""
        try:
            sweep(self.path)
            sweep(self.figures_path)
        except OSError as error:
            raise WriteError(explain(error, self.path, "tidy up")) from error

    # Segments

    def replicate_path(self, replicate: int) -> Path:
        return self.path / "replicates" / f"{replicate:03d}"

    def segments(self, replicate: int) -> list[Segment]:
        """The unbroken row of a replicate's sound segments, from generation 0 on."""
        found = {segment.first: segment for segment in sorted(self._files(replicate))}
        row: list[Segment] = []
        while (segment := found.get(row[-1].last + 1 if row else 0)) is not None:
            if not self._is_sound(segment, replicate):
                break
            row.append(segment)
        return row

    def lived(self, replicate: int) -> int:
        """How many generations of a replicate are kept, in sound segments."""
        row = self.segments(replicate)
        return row[-1].last + 1 if row else 0

    def check_history(self, replicate: int, row: Sequence[Segment] | None = None) -> None:
        """Refuse a fork whose history is not whole: its world cannot live the past again.

        Args:
            row: the replicate's sound segments; read if None.

        Raises:
            RunError: with the segment that is torn or missing.
        """
        if not self.history:
            return
        row = self.segments(replicate) if row is None else row
        lived = row[-1].last + 1 if row else 0
        if lived >= self.history:
            return
        torn = [s.path for s in sorted(self._files(replicate)) if s.first == lived]
        where = self.replicate_path(replicate)
        what = f"{torn[0]} is damaged" if torn else f"{where}/{lived:06d}-*.npz is missing"
        parent = self.facts["parent"]["path"]
        raise RunError(
            f"{what}: it held history of the fork (generations 0 to {self.history - 1}), which "
            "cannot be lived again in the fork's changed world. Nothing was removed. Restore the "
            f"file, or fork {parent} again at generation {self.history}"
        )

    def tidy(self, replicate: int) -> list[Segment]:
        """Remove what a kill left unfinished or broken; returns the sound segments.

        Only for who holds the lock.

        Raises:
            RunError: the history of a fork is not whole; then nothing is removed.
        """
        folder = self.replicate_path(replicate)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            row = self.segments(replicate)
            self.check_history(replicate, row)
            sweep(folder)
            for segment in self._files(replicate) - set(row):
                segment.path.unlink()
        except OSError as error:
            raise WriteError(explain(error, folder, "tidy up")) from error
        return row

    def read(self, segment: Segment) -> Stretch:
        """The contents of a segment.

        Raises:
            RunError: the file is torn or altered.
        """
        arrays = _read_npz(segment.path)
        if arrays is None:
            raise RunError(
                f"{segment.path} is damaged; evosim resume {self.path} lives its generations again"
            )
        probed = by_probe(self.scenario)
        heirs = None
        if _HEIR + "genome" in arrays:
            known = evolution.optimizer(self.scenario).state
            genome, parents, crossover = (arrays[_HEIR + name] for name in INHERITED)
            state = {name: arrays[_STATE + name] for name in known}
            heirs = Population(segment.last + 1, genome, parents, crossover, state)
        return Stretch(
            segment.first,
            {name: arrays[name] for name in by_generation(self.scenario)},
            tuple(int(g) for g in arrays["probe"]),
            {
                name: arrays[name]
                for name in (*probed, *by_replicate(self.scenario))
                if name in arrays
            },
            heirs,
        )

    def write(self, replicate: int, stretch: Stretch) -> Segment:
        """Write a segment.

        Raises:
            WriteError: the operating system refused.
        """
        first = stretch.first
        last = first + len(stretch.arrays["score"]) - 1
        path = self.replicate_path(replicate) / f"{first:06d}-{last:06d}.npz"
        arrays: dict[str, NDArray[Any]] = {
            "identity": np.array(self._identity(replicate)),
            "probe": np.array(stretch.probed, np.int32),
            **stretch.arrays,
            **stretch.probes,
        }
        if stretch.heirs is not None:
            arrays |= {_HEIR + name: getattr(stretch.heirs, name) for name in INHERITED}
            arrays |= {_STATE + name: value for name, value in stretch.heirs.state.items()}
        with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return Segment(first, last, path)

    def clear_segments(self) -> None:
        """Remove all segments and the folder they are in."""
        shutil.rmtree(self.path / "replicates", ignore_errors=True)

    def _files(self, replicate: int) -> set[Segment]:
        found = set()
        folder = self.replicate_path(replicate)
        for path in folder.iterdir() if folder.is_dir() else ():
            if match := _SEGMENT.fullmatch(path.name):
                found.add(Segment(int(match[1]), int(match[2]), path))
        return found

    def _is_sound(self, segment: Segment, replicate: int) -> bool:
        arrays = _read_npz(segment.path)
        if arrays is None or arrays.get("identity") != self._identity(replicate):
            return False
        n = segment.last - segment.first + 1
        lived = by_generation(self.scenario)
        expected = {"identity", "probe", *lived}
        if segment.last + 1 < self.scenario.generations:
            expected |= {_HEIR + name for name in INHERITED}
            expected |= {_STATE + name for name in evolution.optimizer(self.scenario).state}
        if arrays.get("probe", np.empty(0)).size:
            expected |= set(by_probe(self.scenario))
        # What a fork takes over has no measures of its whole replicate.
        return expected <= set(arrays) <= expected | set(by_replicate(self.scenario)) and all(
            len(arrays[name]) == n for name in lived
        )

    def _identity(self, replicate: int) -> str:
        """What a segment must be a part of: this scenario, these seeds, this replicate."""
        facts = (self.facts["scenario_sha256"], self.seed, self.probe_seed, replicate)
        return _sha256(repr(facts).encode())


def stretch_of(records: Sequence[Record]) -> Stretch:
    """Consecutive lived generations as the contents of a segment."""
    probed = [record for record in records if record.probe is not None]
    probes: Arrays = {}
    if probed:
        measured = [record.probe for record in probed if record.probe is not None]
        for name, latest in measured[-1].items():
            of_replicate = name in BY_REPLICATE
            probes[name] = latest if of_replicate else np.stack([one[name] for one in measured])
    return Stretch(
        records[0].generation,
        {name: np.stack([record.arrays[name] for record in records]) for name in records[0].arrays},
        tuple(record.generation for record in probed),
        probes,
        records[-1].heirs,
    )


def seed_at(folder: RunFolder, replicate: int, generation: int) -> int:
    """The seed of a replicate's lives by which a generation was lived: in a fork, its parent's."""
    seeds = [s["seed"] for s in folder.facts["seeds"] if s["from"] <= generation]
    return replicate_seed(int(seeds[-1]), replicate)


def seeds_of(folder: RunFolder, replicate: int) -> tuple[int, int]:
    """The seeds of a replicate's lives and of its probes."""
    return (
        replicate_seed(folder.seed, replicate),
        replicate_seed(folder.probe_seed, replicate),
    )


def _read_npz(path: Path) -> dict[str, NDArray[Any]] | None:
    """Every array of an npz file, or None where a byte is missing or a checksum is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): np.lib.format.read_array(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None


def _read_facts(path: Path) -> dict[str, Any]:
    source = path / "run.json"
    if not path.is_dir():
        what = "is a file, not a run folder" if path.exists() else "there is no such run folder"
        raise RunError(f"{path}: {what}")
    try:
        facts = json.loads(source.read_text(encoding="utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("not the facts of a run")
    except FileNotFoundError:
        raise RunError(f"{path} is not a run folder: it holds no run.json") from None
    except OSError as error:
        raise RunError(explain(error, source, "read")) from error
    except ValueError as error:
        raise RunError(f"{source} is damaged: {error}") from error
    if "format" in facts and facts["format"] != FORMAT:
        raise RunError(
            f"{source}: the run has format {facts.get('format')!r}, this evosim reads {FORMAT}; "
            "use the version of evosim that made it"
        )
    if wrong := _wrong_facts(facts):
        raise RunError(
            f"{source} is damaged: {'; '.join(wrong)}. Restore the file, or begin the run again"
        )
    return facts


def _is_count(value: object, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**64


_SEED = "a number from 0 to 2^64 - 1"
_KNOWN: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "format": ("a number", _is_count),
    "seed": (_SEED, _is_count),
    "probe_seed": (_SEED, _is_count),
    "replicates": ("a number from 1", lambda value: _is_count(value, 1)),
    "scenario_sha256": ("a text", lambda value: isinstance(value, str)),
    "versions": (
        "a table of texts",
        lambda value: isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
    ),
    "seeds": (
        'a list of {"from": generation, "seed": seed} from 0 on',
        lambda value: (
            isinstance(value, list)
            and all(
                isinstance(s, dict) and _is_count(s.get("from")) and _is_count(s.get("seed"))
                for s in value
            )
            and [s["from"] for s in value][:1] == [0]
        ),
    ),
    "figures": ("true or false", lambda value: isinstance(value, bool)),
    "parent": (
        'null or {"path": text, "at": generation, ...}',
        lambda value: (
            value is None
            or (
                isinstance(value, dict)
                and isinstance(value.get("path"), str)
                and _is_count(value.get("at"), 1)
            )
        ),
    ),
    "resumed": ("a list", lambda value: isinstance(value, list)),
}
"""What the keys of run.json must be that evosim reads, in words and as a test."""
_OPTIONAL = {"parent", "resumed"}


def _wrong_facts(facts: Mapping[str, Any]) -> list[str]:
    """What is wrong with the keys of run.json, in words."""
    wrong = []
    for name, (what, is_right) in _KNOWN.items():
        if name not in facts:
            if name not in _OPTIONAL:
                wrong.append(f"{name} is lacking")
        elif not is_right(facts[name]):
            wrong.append(f"{name} is {json.dumps(facts[name])[:60]}, not {what}")
    return wrong


def _refuse_unnamed(path: Path) -> None:
    if path.name in ("", ".."):
        raise RunError(
            Argument("out", path),
            ": not a name for the run's folder; name one that does not exist yet, e.g. ",
            Argument("out", path / "my-run"),
        )


@contextlib.contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A new folder to be filled in the block; it appears under its name when the block ends well.

    Yields the name that it has until then.

    Raises:
        RunError: there is something already, or the folder cannot be made.
    """
    _refuse_unnamed(path)
    refuse_existing(path)
    making = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        making.mkdir(parents=True)
        yield making
        refuse_existing(path)
        os.replace(making, path)
    except OSError as error:
        raise RunError(
            f"{explain(error, path, 'make the folder')}; choose another place with ",
            Argument("out"),
        ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


_HOLDS = {"run.json": "a run", "experiment.json": "an experiment", "study.json": "a study"}
"""What a folder holds, by the file that says so."""


def refuse_existing(path: Path) -> None:
    """Refuse a place for a new folder where there is something already.

    Raises:
        RunError: with what is there and what helps.
    """
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise RunError(
            f"{path}: a file is in the way of the folder; choose another place with ",
            Argument("out"),
        ) from None
    except OSError as error:
        raise RunError(explain(error, path, "look into")) from error
    for name, what in _HOLDS.items():
        if name in names:
            raise RunError(
                f"{path} holds {what} already. To go on with it: evosim resume {path}\n"
                "To begin another: choose another place with ",
                Argument("out"),
                ", or delete the folder first",
            )
    if names:
        raise RunError(
            f"{path} exists and is not empty; choose another place with ", Argument("out")
        )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
