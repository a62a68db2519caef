"""The index of a study: every run in one sqlite table, made from the files of the runs.

    points(point, number, "values", settings)       key, place in the design, JSON, JSON
    runs(point, replicate, state, seed, seconds, error, measures)       state: done or failed
    about(name, value)      identity of the study; of one that a driver left whole, its checksum

It is written by the driver alone, in batches, and holds nothing that the files do not: one that
is missing, damaged or of another study is made again from them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from evosim.engine.files import WriteError, as_json, is_file
from evosim.engine.lock import hold, is_held
from evosim.errors import RunError
from evosim.execution.runner import finite
from evosim.scenario.settings import as_texts
from evosim.study.folder import Record, StudyFolder, columns_from

NAME = "index.sqlite"
BATCH = 500
"""Runs in a transaction at most."""
SECONDS_BETWEEN_BATCHES = 1.0
_PATIENCE = 30.0  # seconds that a reader waits for the driver's transaction
_FORMAT = 2

_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE points (
    point TEXT PRIMARY KEY, number INTEGER, "values" TEXT, settings TEXT
) WITHOUT ROWID;
CREATE TABLE runs (
    point TEXT, replicate INTEGER, state TEXT, seed TEXT, seconds REAL, error TEXT, measures TEXT,
    PRIMARY KEY (point, replicate)
) WITHOUT ROWID;
CREATE INDEX by_state ON runs (state);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far a study is.

    Attributes:
        runs: that there are to be.
        done: that are complete.
        failed: that ended with an error.
        seconds: that the done ones took, together.
    """

    runs: int
    done: int
    failed: int
    seconds: float

    @property
    def left(self) -> int:
        return self.runs - self.done - self.failed


class Index:
    """The index of a study, open. Get one from :func:`writing` or :func:`reading`."""

    def __init__(self, folder: StudyFolder, database: sqlite3.Connection) -> None:
        self._folder = folder
        self._database = database
        self._batch: list[Record] = []
        self._written = time.monotonic()
        self.close = database.close

    # Writing

    def add(self, record: Record) -> None:
        """Take up a run; it is written with the next batch.

        Raises:
            WriteError: the operating system refused.
        """
        self._batch.append(record)
        late = time.monotonic() - self._written >= SECONDS_BETWEEN_BATCHES
        if late or len(self._batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what was taken up.

        Raises:
            WriteError: the operating system refused.
        """
        rows = [
            (
                r.point, r.replicate, "failed" if r.error else "done", str(r.seed), r.seconds,
                r.error, _json(finite(dict(r.columns))),
            )
            for r in self._batch
        ]  # fmt: skip
        with _explained_errors(self._folder), self._database:
            self._database.executemany("REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._batch.clear()
        self._written = time.monotonic()

    def fill(self) -> None:
        """Make the tables, and fill them from the files of the runs."""
        folder = self._folder
        points = [
            (p.key, i, _json(dict(p.values)), _json(as_texts(p.settings)))
            for i, p in enumerate(folder.points)
        ]
        about = [("format", str(_FORMAT)), ("identity", folder.identity)]
        with _explained_errors(folder):
            self._database.executescript(_TABLES)
            with self._database:
                self._database.executemany("INSERT INTO about VALUES (?, ?)", about)
                self._database.executemany("INSERT INTO points VALUES (?, ?, ?, ?)", points)
        for record in folder.found():
            self.add(record)
        self.flush()

    def mark_whole(self) -> None:
        """Note that everything that the files hold is in here."""
        with _explained_errors(self._folder), self._database:
            self._database.execute("REPLACE INTO about VALUES ('whole', ?)", (self._checksum(),))

    # Reading

    def is_sound(self) -> bool:
        """Whether it is undamaged, and of this study."""
        try:
            about = self._about()
            sound = about.get("format") == str(_FORMAT)
            sound = sound and about.get("identity") == self._folder.identity
            sound = sound and self._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            sound = sound and self._schema() == self._wanted_schema()
            sound = sound and about.get("whole") in (None, self._checksum())
            _ = self.counts
        except (sqlite3.Error, ValueError, OverflowError):
            return False
        return sound

    def _schema(self) -> list[Any]:
        query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
        return list(self._database.execute(query))

    def _wanted_schema(self) -> list[Any]:
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            database.executescript(_TABLES)
            return Index(self._folder, database)._schema()

    def _checksum(self) -> str:
        """A hash of all that it holds."""
        found = hashlib.sha256(self._folder.identity.encode())
        for table, key in (("points", "point"), ("runs", "point, replicate")):
            for row in self._database.execute(f"SELECT * FROM {table} ORDER BY {key}"):
                found.update(repr(row).encode(errors="surrogatepass"))
        return found.hexdigest()

    @property
    def whole(self) -> bool:
        """Whether the last driver left it so that it holds all that the files do."""
        return "whole" in self._about()

    def _about(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT name, value FROM about"))

    @property
    def counts(self) -> Counts:
        query = "SELECT count(*), total(seconds) FROM runs WHERE state = ?"
        done, seconds = self._database.execute(query, ("done",)).fetchone()
        failed, _ = self._database.execute(query, ("failed",)).fetchone()
        return Counts(runs=self._folder.size, done=done, failed=failed, seconds=float(seconds))

    def records(self, state: str = "done") -> Iterator[Record]:
        """All runs of a state, done or failed, by point and replicate."""
        rows = self._database.execute(
            "SELECT point, replicate, seed, seconds, error, measures FROM runs WHERE state = ? "
            "ORDER BY point, replicate",
            (state,),
        )
        for point, replicate, seed, seconds, error, measures in rows:
            yield Record(
                point=point, replicate=replicate, seed=int(seed), seconds=seconds, error=error,
                columns=columns_from(json.loads(measures)),
            )  # fmt: skip

    def left(self) -> Iterator[tuple[str, int]]:
        """Point and replicate of what is not done yet, or failed, in the order of
        :meth:`StudyFolder.runs`; a replicate at a time, so that little is held in memory."""
        for replicate in range(self._folder.replicates):
            rows = self._database.execute(
                "SELECT point FROM runs WHERE replicate = ? AND state = 'done'", (replicate,)
            )
            done = {point for (point,) in rows}
            for point in self._folder.points:
                if point.key not in done:
                    yield point.key, replicate

    def digest(self) -> str:
        """A hash of all that was measured; it depends on nothing else: neither on the order in
        which runs are done, nor on where, nor on how long it took."""
        found = hashlib.sha256()
        rows = self._database.execute(
            "SELECT point, replicate, measures FROM runs WHERE state = 'done' "
            "ORDER BY point, replicate"
        )
        for row in rows:
            found.update(repr(row).encode())
        return found.hexdigest()


@contextlib.contextmanager
def writing(folder: StudyFolder) -> Iterator[Index]:
    """The index for the driver, who holds the study: made from the files when it begins.

    Raises:
        WriteError: the operating system refused.
    """
    with _explained_errors(folder):
        for stale in folder.path.glob(f"{NAME}*"):
            stale.unlink()
        database = sqlite3.connect(folder.path / NAME, timeout=_PATIENCE)
    with contextlib.closing(Index(folder, database)) as index:
        index.fill()
        try:
            yield index
        finally:
            index.flush()
            index.mark_whole()


@contextlib.contextmanager
def in_memory(folder: StudyFolder) -> Iterator[Index]:
    """An index that is made from the files of the runs, and not kept."""
    with contextlib.closing(Index(folder, sqlite3.connect(":memory:"))) as index:
        index.fill()
        yield index


def rebuild(folder: StudyFolder, *, wait: float = 0.0) -> Counts:
    """Make the index again from the files.

    Raises:
        HeldError: a driver is at work on the study.
        WriteError: the operating system refused.
    """
    with hold(folder.path, "study", wait=wait), writing(folder) as index:
        return index.counts


@contextlib.contextmanager
def reading(
    folder: StudyFolder, note: Callable[[str], None] = lambda text: None
) -> Iterator[Index]:
    """The index for reading, also while a driver is at work.

    One that is missing, damaged, or was left behind by a driver that was killed is made again; in
    memory where the folder is read-only, a driver holds it, or nobody can tell whether one does.

    Args:
        note: called with one line where that is done.
    """
    index = _open(folder)
    why = ""
    if index is None or not index.whole:
        held = is_held(folder.path)
        if held is None:
            note(
                f"{folder.path}: whether a driver is at work on the study cannot be known here, as "
                "its lock cannot be read or the file system has none; reading the files of the runs"
            )
        elif index is None:
            why = "is missing, damaged or of an older evosim"
        elif not held:
            why = "was left behind by a driver that was killed"
        if index is not None and not held:
            index.close()
            index = None
    if why:
        note(f"{folder.path / NAME} {why}; making it again from the files of the runs")
        try:
            rebuild(folder)
            index = _open(folder)
        except RunError:
            index = None
    if index is None:
        with in_memory(folder) as index:
            yield index
        return
    with contextlib.closing(index):
        yield index


def _open(folder: StudyFolder) -> Index | None:
    """The index that is there; None where it is damaged or of another study."""
    path = folder.path / NAME
    if not is_file(path):  # a folder in its place could not even be opened
        return None
    where = f"{path.absolute().as_uri()}?mode=ro"
    try:
        database = sqlite3.connect(where, uri=True, timeout=_PATIENCE)
    except sqlite3.Error:  # one that may not be read
        return None
    index = Index(folder, database)
    if index.is_sound():
        return index
    index.close()
    return None


@contextlib.contextmanager
def _explained_errors(folder: StudyFolder) -> Iterator[None]:
    """What sqlite and the operating system refuse, as words."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise WriteError(f"cannot write {folder.path / NAME}: {error}") from error


def _json(value: object) -> str:
    return as_json(value)
