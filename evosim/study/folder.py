"""The folder of a study: what it is, and one small file for every run that is done.

    study.toml      as it was written
    scenario.toml   its scenario, resolved, before the settings of any point
    study.json      what it is: seed, points and their settings, command, versions, machine
    runs/KEY/RRR.json     a run: point KEY, replicate RRR, its measures
    runs/KEY/RRR.failed   why a run failed
    runs/KEY/RRR/         with keep = "runs": its whole run folder
    index.sqlite    every run in one table, made from the files (evosim/study/index.py)
    summary.json  figures/     once all of it is complete

The files of the runs are all the state there is. Whoever does a run writes its file, under
another name first; a file that is torn, or of another study, is as good as missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evosim.engine.files import WriteError, explain, write_text
from evosim.engine.folders import appearing
from evosim.engine.provenance import command_line
from evosim.errors import RunError
from evosim.execution.runner import finite
from evosim.scenario.settings import as_mapping, as_texts
from evosim.study.points import Point, key_of
from evosim.study.schema import Study

if TYPE_CHECKING:
    from evosim.scenario import Scenario
    from evosim.study.reading import Written

FORMAT = 1
FACTS = "study.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run that is done, or failed.

    Attributes:
        point: key of its point.
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


class StudyFolder:
    """A study on disk. ``StudyFolder(path)`` opens one, :meth:`create` makes one.

    Attributes:
        path: the folder.
        manifest: what study.json holds.

    Raises:
        RunError: no study is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = _read_manifest(path)

    @classmethod
    def create(cls, path: Path, written: Written, manifest: Mapping[str, Any]) -> StudyFolder:
        """A new study folder; it appears whole or not at all.

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
            "format": FORMAT,
            "study": written.study.id,
            **manifest,
            "identity": _identity(toml, written.text, manifest["seed"], listed),
            "points": listed,
        }
        with appearing(path) as making:
            (making / "runs").mkdir()
            write_text(making / "study.toml", written.text)
            write_text(making / "scenario.toml", toml)
            write_text(making / FACTS, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
        return cls(path)

    @staticmethod
    def is_at(path: Path) -> bool:
        """Whether a study is there."""
        return (path / FACTS).is_file()

    @cached_property
    def study(self) -> Study:
        """The study as it was written.

        Raises:
            RunError: it, its scenario or its points were changed after the study began.
        """
        import tomllib

        text = self._read("study.toml")
        toml, listed = self._read("scenario.toml"), self.manifest["points"]
        if _identity(toml, text, self.seed, listed) != self.manifest["identity"]:
            raise RunError(
                f"{self.path}: study.toml, scenario.toml or the points in {FACTS} were changed "
                "after the study began; restore them, or start another study with the changed file"
            )
        return Study.model_validate(tomllib.loads(text))

    @cached_property
    def base(self) -> Scenario:
        """The scenario before the settings of any point."""
        from evosim import scenario

        return scenario.loads(self._read("scenario.toml"), name=str(self.path / "scenario.toml"))

    @property
    def seed(self) -> int:
        return int(self.manifest["seed"])

    @property
    def replicates(self) -> int:
        """Runs at each point."""
        return int(self.manifest["replicates"])

    @property
    def keep(self) -> str:
        """What is kept of each run: "measures", or "runs": its whole folder as well."""
        return str(self.manifest.get("keep", "measures"))

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All points, in the order of the design."""
        return tuple(
            Point(key=p["key"], values=p["values"], settings=as_mapping(p["settings"]))
            for p in self.manifest["points"]
        )

    @cached_property
    def by_key(self) -> Mapping[str, Point]:
        return {point.key: point for point in self.points}

    @property
    def size(self) -> int:
        """How many runs there are to be."""
        return len(self.points) * self.replicates

    def scenario_at(self, key: str) -> Scenario:
        """What is run at a point.

        Raises:
            ScenarioError: a setting of the point is wrong.
        """
        from evosim import evolution, scenario

        return scenario.from_dict(
            self.base.to_dict(),
            name=str(self.path / "scenario.toml"),
            settings=self.by_key[key].settings,
            checks=[evolution.check],
        )

    def runs(self) -> Iterator[tuple[str, int]]:
        """Point and replicate of every run there is to be: the first replicate of all points
        first, so that the whole of the study is seen early."""
        for replicate in range(self.replicates):
            for point in self.points:
                yield point.key, replicate

    def seed_of(self, key: str, replicate: int) -> int:
        """The seed of a run, as :func:`evosim.run` takes it."""
        return self.by_key[key].seed(self.seed, replicate)

    def command(self, key: str, replicate: int) -> str:
        """The command line that does a run by itself."""
        point = self.by_key[key]
        words = ["evosim", "run", str(self.path / "scenario.toml")]
        for setting in as_texts(point.settings):
            words += ["--set", setting]
        return command_line([*words, "--seed", str(self.seed_of(key, replicate))])

    # The files of the runs

    def record_path(self, key: str, replicate: int) -> Path:
        return self.path / "runs" / key / f"{replicate:03d}.json"

    def failure_path(self, key: str, replicate: int) -> Path:
        return self.path / "runs" / key / f"{replicate:03d}.failed"

    def run_path(self, key: str, replicate: int) -> Path:
        """With keep = "runs": the run's own folder."""
        return self.path / "runs" / key / f"{replicate:03d}"

    def read(self, key: str, replicate: int) -> Record | None:
        """A run that is done; None where its file is missing, torn or of another study."""
        return self._record(self.record_path(key, replicate), key, replicate)

    def read_failure(self, key: str, replicate: int) -> Record | None:
        """Why a run failed; None where nothing is known of it."""
        return self._record(self.failure_path(key, replicate), key, replicate)

    def count_done(self) -> int:
        """How many files of runs that are done are there, sound or not."""
        return sum(1 for _ in (self.path / "runs").glob("*/[0-9]*.json"))

    def found(self) -> Iterator[Record]:
        """Every run that there is a sound file of, done or failed, point by point."""
        for point in self.points:
            try:
                names = set(os.listdir(self.path / "runs" / point.key))
            except OSError:
                continue
            for replicate in range(self.replicates):
                record = None
                if self.record_path(point.key, replicate).name in names:
                    record = self.read(point.key, replicate)
                if record is None and self.failure_path(point.key, replicate).name in names:
                    record = self.read_failure(point.key, replicate)
                if record is not None:
                    yield record

    def write(self, record: Record) -> None:
        """Write the file of a run that is done or failed, atomically.

        Raises:
            WriteError: the operating system refused.
        """
        where = self.failure_path if record.error else self.record_path
        path = where(record.point, record.replicate)
        table = {
            "identity": self.manifest["identity"],
            "point": record.point,
            "values": dict(self.by_key[record.point].values),
            "replicate": record.replicate,
            "seed": str(record.seed),
            "measures": finite(dict(record.columns)),
            "seconds": record.seconds,
            "command": self.command(record.point, record.replicate),
        }
        if record.error:
            table["error"] = record.error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(explain(error, path)) from error
        write_text(path, json.dumps(table, ensure_ascii=False, allow_nan=False) + "\n")
        if not record.error:
            with contextlib.suppress(OSError):
                self.failure_path(record.point, record.replicate).unlink(missing_ok=True)

    def _record(self, path: Path, key: str, replicate: int) -> Record | None:
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            if table["identity"] != self.manifest["identity"]:
                return None
            if (table["point"], table["replicate"]) != (key, replicate):
                return None
            columns = {
                name: tuple(float("nan") if v is None else float(v) for v in values)
                for name, values in table["measures"].items()
            }
            return Record(
                point=key,
                replicate=replicate,
                seed=int(table["seed"]),
                columns=columns,
                seconds=float(table["seconds"]),
                error=str(table.get("error", "")),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _read(self, name: str) -> str:
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise RunError(f"cannot read {path}: {error}") from error


@lru_cache(maxsize=4)
def opened(path: str, identity: str) -> StudyFolder:
    """The study of a folder, read once by a process that runs many of its runs.

    Raises:
        RunError: it is not the study with that identity.
    """
    folder = StudyFolder(Path(path))
    if folder.manifest["identity"] != identity:
        raise RunError(f"{path} holds another study than the one that asks for its runs")
    return folder


def _identity(scenario: str, text: str, seed: int, points: Sequence[Any]) -> str:
    """What the files of runs must belong to: a scenario, a study, a seed, its points."""
    listed = json.dumps(points, sort_keys=True)
    return hashlib.sha256(repr((scenario, text, seed, listed)).encode()).hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    source = path / FACTS
    if not path.is_dir():
        what = "is a file, not a study's folder" if path.exists() else "there is no such folder"
        raise RunError(f"{path}: {what}")
    try:
        manifest = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is not a study's folder: it holds no {FACTS}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{source} is damaged: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise RunError(
            f"{source}: this evosim reads studies of format {FORMAT}; use the version that made it"
        )
    wanted: Sequence[str] = ("study", "seed", "replicates", "identity", "points")
    if lacking := [name for name in wanted if name not in manifest]:
        raise RunError(f"{source} is damaged: {lacking[0]} is missing")
    if problem := _wrong_entries(manifest):
        raise RunError(f"{source} is damaged: {problem}")
    return manifest


def _wrong_entries(manifest: Mapping[str, Any]) -> str:
    """What is wrong with what study.json holds, in words; empty where nothing is."""
    for name in ("seed", "replicates"):
        try:
            int(manifest[name])
        except (TypeError, ValueError):
            return f"{name} is {json.dumps(manifest[name])[:60]}, not a whole number"
    points = manifest["points"]
    if not isinstance(points, list) or not points:
        return "points is not a list of points"
    for i, point in enumerate(points):
        sound = isinstance(point, dict)
        sound = sound and isinstance(point.get("key"), str)
        sound = sound and isinstance(point.get("values"), dict)
        sound = sound and isinstance(point.get("settings"), list)
        if not sound or point["key"] != key_of(point["values"]):
            return f"point {i} is not a point, or its key does not fit its values"
    return ""
