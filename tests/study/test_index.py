"""The index holds what the files hold, and can be made again from them at any time."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sweeps import columns, files

import evosim
from evosim.cli.study import _described as described
from evosim.engine.files import WriteError
from evosim.engine.lock import hold
from evosim.errors import RunError
from evosim.study import index
from evosim.study.folder import Record, StudyFolder


@pytest.fixture
def done(sweep: Path) -> evosim.Study:
    """A complete study of eight runs."""
    return evosim.run_study(sweep, out=sweep.parent / "out", workers=1, figures=False)


def test_it_holds_what_the_files_hold(done: evosim.Study) -> None:
    folder = StudyFolder(done.path)
    with index.reading(folder) as table:
        assert {(r.point, r.replicate): dict(r.columns) for r in table.records()} == columns(
            done.path
        )
        assert sorted(map(repr, table.records())) == sorted(map(repr, folder.found()))


def test_numbers_that_are_no_numbers_come_back(done: evosim.Study) -> None:
    folder = StudyFolder(done.path)
    record = next(folder.found())
    nan = Record(
        point=record.point, replicate=record.replicate, seed=record.seed,
        columns={"alignment": (float("nan"), 0.1 + 0.2)}, seconds=1.0,
    )  # fmt: skip
    with hold(folder.path, "study"), index.writing(folder) as table:
        table.add(nan)
    with index.reading(folder) as table:
        back = {(r.point, r.replicate): r for r in table.records()}[record.point, record.replicate]
    first, second = back.columns["alignment"]
    assert first != first
    assert second == 0.1 + 0.2


@pytest.mark.parametrize("damage", ["missing", "garbage", "torn", "other", "a folder"])
def test_a_damaged_index_is_made_again_with_a_note(done: evosim.Study, damage: str) -> None:
    digest = done.digest
    path = done.path / index.NAME
    match damage:
        case "missing":
            path.unlink()
        case "garbage":
            path.write_bytes(b"no database " * 1000)
        case "torn":
            path.write_bytes(path.read_bytes()[:5000])
        case "other":
            with sqlite3.connect(path) as database:
                database.execute("UPDATE about SET value = 'x' WHERE name = 'identity'")
            database.close()
        case "a folder":
            path.unlink()
            path.mkdir()
    said: list[str] = []
    status = done.status(said.append)
    assert len(said) == 1
    assert "making it again" in said[0]
    assert status["digest"] == digest
    assert status["done"] == 8
    if damage == "a folder":
        return  # nobody removes what may be a folder of the user's
    said.clear()
    done.status(said.append)
    assert said == []


def test_an_index_left_behind_by_a_killed_driver_catches_up(done: evosim.Study) -> None:
    path = done.path / index.NAME
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM runs WHERE replicate = 1")
        database.execute("DELETE FROM about WHERE name = 'whole'")
    database.close()
    with hold(done.path, "study"):
        assert done.counts.done == 4  # as the driver at work last wrote it
    assert done.counts.done == 8


def test_the_digest_depends_on_what_was_measured_and_on_nothing_else(
    done: evosim.Study, sweep: Path
) -> None:
    folder = StudyFolder(done.path)
    records = list(folder.found())
    digest = done.digest
    with hold(folder.path, "study"), index.writing(folder) as table:
        for record in reversed(records):
            table.add(
                Record(
                    point=record.point, replicate=record.replicate, seed=record.seed,
                    columns=record.columns, seconds=7.0,
                )
            )  # fmt: skip
            table.flush()
    assert done.digest == digest
    path = sorted(files(done.path))[0]
    path.unlink()
    done.reindex()
    assert done.digest != digest


def test_it_is_not_made_again_while_a_driver_is_at_work(done: evosim.Study) -> None:
    with hold(done.path, "study"), pytest.raises(RunError, match="another process is at work"):
        index.rebuild(StudyFolder(done.path))


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_is_said_of_a_driver_where_nothing_is_known_of_it(
    done: evosim.Study, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, digest, told = StudyFolder(done.path), done.digest, []
    if not whole:  # as it is while a driver is at work
        with contextlib.closing(sqlite3.connect(folder.path / index.NAME)) as database, database:
            database.execute("DELETE FROM about WHERE name = 'whole'")
            database.execute("DELETE FROM runs WHERE replicate = 0")
    before = (folder.path / index.NAME).read_bytes()
    monkeypatch.setattr("evosim.study.index.is_held", lambda path: None)
    monkeypatch.setattr("evosim.api.studies.is_held", lambda path: None)
    status = done.status(told.append)
    assert status["at_work"] is None
    assert status["digest"] == digest, "the files of the runs are the truth"
    assert (folder.path / index.NAME).read_bytes() == before, "a driver may be writing it"
    assert ["cannot be known" in text for text in told] == ([] if whole else [True])
    assert not any("killed" in text for text in told)


@pytest.mark.parametrize(
    ("at_work", "said", "remedy"),
    [(True, "running", ""), (False, "stopped", "\nContinue with: evosim study resume"),
     (None, "running or stopped, which cannot be known here",
      "\nIf nobody is at work on it, continue with: evosim study resume")],
)  # fmt: skip
def test_the_status_says_what_is_known_of_the_driver(
    done: evosim.Study, at_work: bool | None, said: str, remedy: str
) -> None:
    text = described({**done.status(), "left": 3, "at_work": at_work})
    assert text.splitlines()[0].endswith(f": {said}")
    assert remedy in text
    assert ("study resume" in text) == bool(remedy)


def test_an_index_that_may_not_be_read_is_made_from_the_files(
    done: evosim.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, connect = done.digest, sqlite3.connect

    def refused(name: object, **options: object) -> sqlite3.Connection:
        if name != ":memory:":
            raise sqlite3.OperationalError("unable to open database file")
        return connect(":memory:")

    monkeypatch.setattr(index.sqlite3, "connect", refused)
    assert done.digest == digest


def test_a_full_disk_is_told_of_the_index(
    done: evosim.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StudyFolder(done.path)

    def full() -> Iterator[None]:
        with hold(folder.path, "study"), index.writing(folder) as table:
            table._database.execute("PRAGMA max_page_count = 1")
            for n in range(2000):
                table.add(
                    Record(
                        point=f"{n:016x}", replicate=0, seed=1, columns={"alignment": (1.0,) * 50},
                        seconds=1.0,
                    )
                )  # fmt: skip
            yield

    with pytest.raises(WriteError, match=r"cannot write .*index\.sqlite: .*full"):
        list(full())
