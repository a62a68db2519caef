"""The index of a study: every run in one sqlite table, made from the files of the runs.

    points(point, number, "values", settings)       key, place in the design, JSON, JSON
    runs(point, replicate, state, seed, seconds, error, measures)       state: done or failed
    about(name, value)      identity of the study; whether a driver left it whole

It is written by the driver alone, in batches, and holds nothing that the files do not: one that
is missing, damaged or of another study is made again from them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from evosim.engine.files import WriteError
from evosim.engine.lock import HeldError, hold
from evosim.errors import RunError
from evosim.execution.runner import finite
from evosim.scenario.settings import as_texts
from evosim.study.folder import Record, StudyFolder

NAME = "index.sqlite"
BATCH = 500
"""Runs in a transaction at most."""
SECONDS_BETWEEN_BATCHES = 1.0
_PATIENCE = 30.0  # seconds that a reader waits for the driver's transaction
_FORMAT = 1

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

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
        rows = [_row(record) for record in self._batch]
        with _explained_errors(self._folder.path / NAME), self._database:
            self._database.executemany("REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._batch.clear()
        self._written = time.monotonic()

    def mark(self, *, whole: bool) -> None:
        """Note whether everything that the files hold is in here."""
        with _explained_errors(self._folder.path / NAME), self._database:
            self._database.execute("REPLACE INTO about VALUES ('whole', ?)", (str(int(whole)),))

    # Reading

    @property
    def whole(self) -> bool:
        """Whether the last driver left it so that it holds all that the files do."""
        return self._value("SELECT value FROM about WHERE name = 'whole'") == "1"

    @property
    def counts(self) -> Counts:
        done, seconds = self._database.execute(
            "SELECT count(*), total(seconds) FROM runs WHERE state = 'done'"
        ).fetchone()
        failed = self._value("SELECT count(*) FROM runs WHERE state = 'failed'")
        return Counts(
            runs=self._folder.size, done=done, failed=int(failed or 0), seconds=float(seconds)
        )

    def failures(self) -> list[Record]:
        """The runs that failed, by point and replicate."""
        return list(self.records("failed"))

    def records(self, state: str = "done") -> Iterator[Record]:
        """All runs of a state, by point and replicate."""
        rows = self._database.execute(
            "SELECT point, replicate, seed, seconds, error, measures FROM runs WHERE state = ? "
            "ORDER BY point, replicate",
            (state,),
        )
        for point, replicate, seed, seconds, error, measures in rows:
            yield Record(
                point=point, replicate=replicate, seed=int(seed), seconds=seconds, error=error,
                columns={
                    name: tuple(math.nan if v is None else float(v) for v in values)
                    for name, values in json.loads(measures).items()
                },
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

    def _value(self, query: str) -> str | int | None:
        row = self._database.execute(query).fetchone()
        return row[0] if row else None


@contextlib.contextmanager
def writing(folder: StudyFolder) -> Iterator[Index]:
    """The index for the driver, who holds the study: made from the files when it begins.

    Raises:
        WriteError: the operating system refused.
    """
    path = folder.path / NAME
    with _explained_errors(path):
        for stale in folder.path.glob(f"{NAME}*"):
            stale.unlink()
        database = sqlite3.connect(path, timeout=_PATIENCE)
    with Index(folder, database) as index:
        _fill(index)
        try:
            yield index
        finally:
            index.flush()
            index.mark(whole=True)


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
    memory where the folder is read-only or a driver holds it.

    Args:
        note: called with one line where that is done.
    """
    index = _open(folder)
    why = ""
    if index is None:
        why = "is missing or damaged"
    elif not index.whole and not is_held(folder):
        why = "was left behind by a driver that was killed"
        index.close()
    if why:
        note(f"{folder.path / NAME} {why}; making it again from the files of the runs")
        try:
            rebuild(folder)
            index = _open(folder)
        except RunError:
            index = None
    if index is None:
        index = Index(folder, sqlite3.connect(":memory:"))
        _fill(index)
    with index:
        yield index


def _fill(index: Index) -> None:
    """Make the tables, and fill them from the files of the runs."""
    folder = index._folder
    with _explained_errors(folder.path / NAME):
        index._database.executescript(_TABLES)
        with index._database:
            index._database.executemany(
                "INSERT INTO about VALUES (?, ?)",
                [("format", str(_FORMAT)), ("identity", folder.manifest["identity"])],
            )
            index._database.executemany(
                "INSERT INTO points VALUES (?, ?, ?, ?)",
                [
                    (p.key, i, _json(dict(p.values)), _json(as_texts(p.settings)))
                    for i, p in enumerate(folder.points)
                ],
            )
    for record in folder.found():
        index.add(record)
    index.flush()


def _open(folder: StudyFolder) -> Index | None:
    """The index that is there; None where it is damaged or of another study."""
    path = folder.path / NAME
    if not path.is_file():  # a folder in its place could not even be opened
        return None
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)
    index = Index(folder, database)
    try:
        about = dict(database.execute("SELECT name, value FROM about"))
        sound = about.get("format") == str(_FORMAT)
        sound = sound and about.get("identity") == folder.manifest["identity"]
        sound = sound and database.execute("PRAGMA quick_check").fetchone() == ("ok",)
        _ = index.counts
    except sqlite3.Error:
        sound = False
    if not sound:
        database.close()
        return None
    return index


def is_held(folder: StudyFolder) -> bool:
    """Whether a driver is at work on the study."""
    try:
        with hold(folder.path, "study"):
            return False
    except HeldError:
        return True
    except RunError:
        return False  # read-only: nobody can be at work


@contextlib.contextmanager
def _explained_errors(path: Path) -> Iterator[None]:
    """What sqlite and the operating system refuse, as words."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise WriteError(f"cannot write {path}: {error}") from error


def _row(record: Record) -> tuple[object, ...]:
    columns: Mapping[str, object] = finite(dict(record.columns))
    return (
        record.point, record.replicate, "failed" if record.error else "done", str(record.seed),
        record.seconds, record.error, _json(columns),
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
