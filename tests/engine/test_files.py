"""Files are replaced whole or not at all, whatever the disk says."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evosim.engine import files
from evosim.engine.files import Unfailing, WriteError, replacing, sweep, write_text


def test_a_file_is_replaced_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_old_file_stays_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_named_with_the_path_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(WriteError, match=r"cannot write .*a\.txt: No space left.*disk is full"):
        write_text(path, "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_a_killed_process_left_unfinished_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    (tmp_path / ".b.npz.123.tmp").touch()
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("room", [0, 100, 3_000, 50_000])
def test_hdf5_survives_a_full_disk_and_the_error_comes_out(tmp_path: Path, room: int) -> None:
    with open(tmp_path / "x.nc", "w+b", buffering=0) as file:
        real = file.write

        class Limited:
            fileno, seek, truncate = file.fileno, file.seek, file.truncate

            def write(self, data: memoryview) -> int:
                if file.tell() + len(data) > room:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(data)

        guarded = Unfailing(Limited())  # type: ignore[arg-type]
        with h5netcdf.File(guarded, "w") as out:
            out.dimensions = {"a": 100, "b": 200}
            variable = out.create_variable("v", ("a", "b"), dtype="f8", compression="gzip")
            variable[...] = np.random.default_rng(0).random((100, 200))
        with pytest.raises(OSError, match="No space left"):
            guarded.check()


@given(
    room=st.integers(0, 60),
    writes=st.lists(st.tuples(st.integers(0, 50), st.binary(min_size=1, max_size=20)), max_size=8),
)
def test_an_unfailing_file_reads_back_whatever_was_written(
    tmp_path_factory: pytest.TempPathFactory, room: int, writes: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "unfailing"
    expected = io.BytesIO()
    with open(path, "w+b", buffering=0) as file:
        real = file.write

        class Limited:
            fileno, seek, truncate = file.fileno, file.seek, file.truncate

            def write(self, data: memoryview) -> int:
                left = room - file.tell()
                if left <= 0:
                    raise OSError(errno.ENOSPC, "full")
                return real(data[:left])  # in pieces, as a real disk that fills up

        guarded = Unfailing(Limited())  # type: ignore[arg-type]
        for at, data in writes:
            for target in (expected, guarded):
                target.seek(at)
                assert target.write(data) == len(data)  # type: ignore[attr-defined]
        size = guarded.seek(0, io.SEEK_END)
        assert size == len(expected.getvalue())
        guarded.seek(0)
        back = bytearray(size)
        assert guarded.readinto(back) == size  # type: ignore[arg-type]
        assert bytes(back) == expected.getvalue()
