"""The folder of a study or an experiment: what it is, and its runs.

    study                  experiment
    study.json             experiment.json   seed, replicates, command, versions, machine, points
    study.toml                               the study as it was written
    scenario.toml          scenario.toml     the scenario before the settings of any condition
    runs/KEY/RRR.json                        condition KEY, replicate RRR: its measures
    runs/KEY/RRR.failed                      why it failed
    runs/KEY/RRR/          arms/KEY/         a run folder; of a study with keep = "runs"
    index.sqlite                             every run in one table (evosim/study/index.py)
    summary.json           verdict.json      once all is complete; and figures/

The folders and files of the runs are all the state there is. Whoever does a run writes its file,
under another name first; one that is torn, or of another study, is as good as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from evosim import scenario as scenarios
from evosim.engine._manifest import FORMAT, SEEDED, Entries, read_manifest
from evosim.engine.checksums import read_json, sealed
from evosim.engine.files import WriteError, as_json, explain, is_file, write_text
from evosim.engine.folders import appearing
from evosim.engine.provenance import command_line
from evosim.errors import RunError
from evosim.execution.progress import Progress
from evosim.execution.runner import finite
from evosim.process import place
from evosim.scenario.settings import as_mapping, as_texts
from evosim.study.design import Condition, key_of
from evosim.study.schema import Study

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.study.reading import Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run that is done, or failed.

    Attributes:
        point: key of its condition.
        replicate: its number.
        seed: of the run, as :func:`evosim.run` takes it.
        columns: by measure, the numbers of this replicate: one, or for a measure that is made
            of several (a ratio of means, a difference) those, in their order.
        seconds: that running and measuring took.
        error: why it failed; empty where it did not.
    """

    point: str
    replicate: int
    seed: int
    columns: Mapping[str, tuple[float, ...]]
    seconds: float
    error: str = ""


def columns_from(measures: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    """The columns of a record as they were written in JSON, where null is undefined."""
    return {
        name: tuple(math.nan if value is None else float(value) for value in values)
        for name, values in measures.items()
    }


class Folder(ABC):
    """Conditions and their replicates on disk.

    Attributes:
        path: the folder.
        manifest: what its manifest holds.

    Raises:
        RunError: there is none, or it is damaged.
    """

    WHAT: ClassVar[str]
    """What it is of, in a word: its manifest is WHAT.json."""
    SUMMARY: ClassVar[str]
    """The file that is written once all of it is complete."""
    SOURCE: ClassVar[str]
    """The file that says what is varied and measured."""
    ENTRIES: ClassVar[Entries]
    """What its manifest must have."""

    def __init__(self, path: Path) -> None:
        self.path = path = place(path)
        self.manifest = read_manifest(path, self.WHAT, self.ENTRIES)

    @classmethod
    def is_at(cls, path: Path) -> bool:
        """Whether a folder is one of these."""
        return is_file(path / f"{cls.WHAT}.json")

    @classmethod
    @contextlib.contextmanager
    def _making(
        cls, path: Path, texts: Mapping[str, str], manifest: Mapping[str, Any]
    ) -> Iterator[Path]:
        """A new folder with these files, filled in the block; it appears whole or not at all.

        Raises:
            RunError: there is something already, or the folder cannot be made.
        """
        known = as_json(sealed({"format": FORMAT, **manifest}), indent=1)
        with appearing(path) as making:
            for name, text in {**texts, f"{cls.WHAT}.json": f"{known}\n"}.items():
                write_text(making / name, text)
            yield making

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])

    @property
    def replicates(self) -> int:
        """Runs at each condition, at most."""
        return int(self.manifest["replicates"])

    @property
    @abstractmethod
    def identity(self) -> str:
        """A hash of what the runs must belong to."""

    @property
    def summary_path(self) -> Path:
        return self.path / self.SUMMARY

    @property
    def figures_path(self) -> Path:
        return self.path / "figures"

    @cached_property
    def base(self) -> Scenario:
        """The scenario before the settings of any condition.

        Raises:
            RunError: it cannot be read.
        """
        return scenarios.loads(self.text("scenario.toml"), name=str(self.path / "scenario.toml"))

    @cached_property
    @abstractmethod
    def points(self) -> tuple[Condition, ...]:
        """All conditions, in the order of the design."""

    @cached_property
    @abstractmethod
    def study(self) -> Study:
        """What is varied and measured, as a study; of a study as it was written."""

    @abstractmethod
    def read(self, key: str, replicate: int) -> Record | None:
        """What was measured of a run that is done; None where it is not."""

    @abstractmethod
    def damaged(self) -> list[Path]:
        """The files of runs that are there and not to be believed; those runs count as missing."""

    @cached_property
    def by_key(self) -> Mapping[str, Condition]:
        return {point.key: point for point in self.points}

    @property
    def size(self) -> int:
        """How many runs there are to be."""
        return sum(point.replicates for point in self.points)

    def runs(self) -> Iterator[tuple[str, int]]:
        """Condition and replicate of every run there is to be: the first replicate of all first,
        so that the whole is seen early."""
        for replicate in range(self.replicates):
            for point in self.points:
                if replicate < point.replicates:
                    yield point.key, replicate

    def seed_of(self, key: str, replicate: int) -> int:
        """The seed of a run, as :func:`evosim.run` takes it."""
        return self.by_key[key].seed(self.seed, replicate)

    def scenario_at(self, key: str) -> Scenario:
        """What is run at a condition.

        Raises:
            ScenarioError: a setting of it is wrong.
        """
        return self.by_key[key].scenario(self.base)

    def text(self, name: str) -> str:
        """The text of a file in it.

        Raises:
            RunError: it cannot be read.
        """
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise RunError(explain(error, path, "read")) from error
        except ValueError as error:
            raise RunError(f"cannot read {path}: {error}") from error


def _are_points(points: Any) -> bool:
    """Whether study.json lists points, with keys that fit their values."""
    try:
        return bool(points) and all(
            point["key"] == key_of(point["values"]) and isinstance(point["settings"], list)
            for point in points
        )
    except (TypeError, KeyError):
        return False


class StudyFolder(Folder):
    """A study: each run has a file with its measures."""

    WHAT, SUMMARY, SOURCE = "study", "summary.json", "study.toml"
    ENTRIES: ClassVar[Entries] = {
        **SEEDED,
        "study": ("a text", lambda value: isinstance(value, str)),
        "identity": ("a text", lambda value: isinstance(value, str)),
        "points": ("a list of points whose keys fit their values", _are_points),
    }

    @classmethod
    def create(cls, path: Path, written: Written, manifest: Mapping[str, Any]) -> Self:
        """A new folder.

        Args:
            manifest: of :func:`evosim.engine.provenance.manifest`, with ``seed``, ``replicates``,
                ``keep``.

        Raises:
            RunError: there is something already, or the folder cannot be made.
        """
        toml = written.base.to_toml()
        listed = [
            {"key": p.key, "values": dict(p.values), "settings": as_texts(written.settings_at(p))}
            for p in written.points
        ]
        known = {
            "study": written.study.id,
            **manifest,
            "identity": hash_of(
                toml, written.text, manifest["seed"], json.dumps(listed, sort_keys=True)
            ),
            "points": listed,
        }
        texts = {"study.toml": written.text, "scenario.toml": toml}
        with cls._making(path, texts, known) as making:
            (making / "runs").mkdir()
        return cls(path)

    @cached_property
    def study(self) -> Study:
        """The study as it was written.

        Raises:
            RunError: it, its scenario or its points were changed after the study began.
        """
        import tomllib

        text = self.text("study.toml")
        toml, listed = (
            self.text("scenario.toml"),
            json.dumps(self.manifest["points"], sort_keys=True),
        )
        if hash_of(toml, text, self.seed, listed) != self.identity:
            raise RunError(
                f"{self.path}: study.toml, scenario.toml or the points in study.json were changed "
                "after the study began; restore them, or start another study with the changed file"
            )
        return Study.model_validate(tomllib.loads(text))

    @property
    def identity(self) -> str:
        return str(self.manifest["identity"])

    @property
    def keep(self) -> str:
        """What is kept of each run: "measures", or "runs": its whole folder as well."""
        return str(self.manifest.get("keep", "measures"))

    @cached_property
    def points(self) -> tuple[Condition, ...]:
        return tuple(
            Condition(
                key=point["key"], values=point["values"], replicates=self.replicates,
                settings=as_mapping(point["settings"]),
            )
            for point in self.manifest["points"]
        )  # fmt: skip

    def command(self, key: str, replicate: int) -> str:
        """The command line that does a run by itself."""
        words = ["evosim", "run", str(self.path / "scenario.toml")]
        for setting in as_texts(self.by_key[key].changes):
            words += ["--set", setting]
        return command_line([*words, "--seed", str(self.seed_of(key, replicate))])

    # The files of the runs

    def run_path(self, key: str, replicate: int) -> Path:
        """With keep = "runs": the run's own folder."""
        return self.path / "runs" / key / f"{replicate:03d}"

    def record_path(self, key: str, replicate: int) -> Path:
        """The measures of a run."""
        return self.run_path(key, replicate).with_suffix(".json")

    def failure_path(self, key: str, replicate: int) -> Path:
        """Why a run failed."""
        return self.run_path(key, replicate).with_suffix(".failed")

    def read(self, key: str, replicate: int) -> Record | None:
        """A run that is done; None where its file is missing, damaged or of another study."""
        return self._record(self.record_path(key, replicate), key, replicate)

    def read_failure(self, key: str, replicate: int) -> Record | None:
        """Why a run failed; None where nothing is known of it."""
        return self._record(self.failure_path(key, replicate), key, replicate)

    def found(self) -> Iterator[Record]:
        """Every run that there is a sound file of, done or failed, point by point."""
        for key, replicate, names in self._files():
            name = self.run_path(key, replicate).name
            record = self.read(key, replicate) if f"{name}.json" in names else None
            if record is None and f"{name}.failed" in names:
                record = self.read_failure(key, replicate)
            if record is not None:
                yield record

    def damaged(self) -> list[Path]:
        return [
            self.record_path(key, replicate)
            for key, replicate, names in self._files()
            if self.record_path(key, replicate).name in names and self.read(key, replicate) is None
        ]

    def _files(self) -> Iterator[tuple[str, int, set[str]]]:
        """Point and replicate of every run, and the names of the files that its point has."""
        for point in self.points:
            with contextlib.suppress(OSError):
                names = set(os.listdir(self.path / "runs" / point.key))
                yield from ((point.key, replicate, names) for replicate in range(self.replicates))

    def write(self, record: Record) -> None:
        """Write the file of a run that is done or failed, atomically.

        Raises:
            WriteError: the operating system refused.
        """
        key, replicate = record.point, record.replicate
        path = (self.failure_path if record.error else self.record_path)(key, replicate)
        table = {
            "identity": self.identity,
            "point": key,
            "values": dict(self.by_key[key].values),
            "replicate": replicate,
            "seed": str(record.seed),
            "measures": finite(dict(record.columns)),
            "seconds": record.seconds,
            "command": self.command(key, replicate),
        }
        if record.error:
            table["error"] = record.error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(explain(error, path)) from error
        write_text(path, as_json(sealed(table)) + "\n")
        if not record.error:
            with contextlib.suppress(OSError):
                self.failure_path(key, replicate).unlink(missing_ok=True)

    def _record(self, path: Path, key: str, replicate: int) -> Record | None:
        try:
            table = read_json(path)
            if table["identity"] != self.identity:
                return None
            if (table["point"], table["replicate"]) != (key, replicate):
                return None
            return Record(
                point=key, replicate=replicate, seed=int(table["seed"]),
                columns=columns_from(table["measures"]), seconds=float(table["seconds"]),
                error=str(table.get("error", "")),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def read_result(folder: Folder, remedy: str) -> dict[str, Any] | None:
    """What the summary or the verdict of a folder holds; None where there is none, or it is
    damaged, which is said.

    Args:
        remedy: what is done where it is damaged, in words.

    Raises:
        RunError: it may not be read.
    """
    path = folder.summary_path
    try:
        return read_json(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(explain(error, path, "read")) from error
    except ValueError as error:
        Progress().warn(f"{path} is damaged ({error}); {remedy}")
        return None


@lru_cache(maxsize=4)
def opened(path: str, identity: str) -> StudyFolder:
    """The study of a folder, read once by a process that runs many of its runs.

    Raises:
        RunError: it is not the study with that identity.
    """
    folder = StudyFolder(Path(path))
    if folder.identity != identity:
        raise RunError(f"{path} holds another study than the one that asks for its runs")
    return folder


def hash_of(*what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()
