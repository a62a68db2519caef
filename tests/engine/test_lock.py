"""Who holds a folder: what is known of it to whoever looks, and where there are no locks."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

import evosim
from evosim.engine import lock
from evosim.engine.lock import hold, is_held
from evosim.errors import RunError
from evosim.testing import tiny


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system as some of clusters are."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(lock.fcntl, "flock", refused)


def forbid(monkeypatch: pytest.MonkeyPatch, flags: int) -> None:
    """Files are opened by somebody who may not open them for that."""
    opened = os.open

    def refusing(path: Any, wanted: int, *more: Any) -> int:
        if wanted & os.O_ACCMODE in (os.O_RDONLY if flags == os.O_RDONLY else -1, os.O_RDWR):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, wanted, *more)

    monkeypatch.setattr(lock.os, "open", refusing)


def test_a_folder_is_held_for_as_long_as_somebody_holds_it(tmp_path: Path) -> None:
    assert is_held(tmp_path) is False
    assert not list(tmp_path.iterdir()), "whoever looks makes nothing"
    with hold(tmp_path, "run"):
        assert is_held(tmp_path) is True
    assert is_held(tmp_path) is False


def test_whoever_may_only_read_sees_that_a_folder_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold(tmp_path, "run"):
        forbid(monkeypatch, os.O_RDWR)
        assert is_held(tmp_path) is True
    assert is_held(tmp_path) is False


def test_of_a_lock_that_may_not_be_read_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hold(tmp_path, "run"):
        forbid(monkeypatch, os.O_RDONLY)
        assert is_held(tmp_path) is None
    assert is_held(tmp_path) is None


def test_who_looks_does_not_hold(tmp_path: Path) -> None:
    with hold(tmp_path, "run"):
        pass
    descriptor = os.open(tmp_path / ".lock", os.O_RDONLY)
    try:
        lock.fcntl.flock(descriptor, lock.fcntl.LOCK_SH)
        assert is_held(tmp_path) is False  # two who look at once
    finally:
        os.close(descriptor)


@pytest.mark.usefixtures("no_locks")
def test_where_there_are_no_locks_a_run_is_run_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = evosim.run(tiny(), seed=1, out=tmp_path / "run", figures=False, workers=1)
    assert run.complete
    assert capsys.readouterr().err == (
        f"warning: {run.path}: this file system has no locks (Function not implemented). Nothing "
        "keeps another process from working on this run at the same time, which would damage it: "
        "start only one\n"
    )
    assert is_held(run.path) is None


def test_another_refusal_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(lock.fcntl, "flock", broken)
    with pytest.raises(RunError, match=r"cannot lock .*: Input/output"), hold(tmp_path, "run"):
        pass
