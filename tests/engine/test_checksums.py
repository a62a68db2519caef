"""What a disk has changed is never believed: no bit of any file of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from flips import flips, never_believed

import evosim
from evosim.engine import checksums
from evosim.engine.checksums import DamagedError, check_file, read_json, read_toml, sealed
from evosim.engine.run_folder import RunFolder
from evosim.errors import RunError
from evosim.execution.runner import read_summary
from evosim.testing import TINY


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run, and a fork of it; to be copied."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.toml").write_text(TINY)
    run = evosim.run(
        folder / "tiny.toml", seed=1, replicates=2, out=folder / "run", figures=False,
        progress=False,
    )  # fmt: skip
    run.fork(4, seed=2, out=folder / "fork", figures=False, progress=False)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made" / "run"


def test_no_bit_of_the_manifest_is_believed(run: Path) -> None:
    noticed = never_believed(run / "run.json", lambda: RunFolder(run).manifest, 400)
    assert noticed > 1000


def test_no_bit_of_the_scenario_is_believed(run: Path) -> None:
    never_believed(run / "scenario.toml", lambda: RunFolder(run).scenario)
    past = run.parent / "fork" / "history" / "000000.toml"
    assert never_believed(past, lambda: RunFolder(past.parents[1]).scenario_at(0)) > 1000


def test_no_bit_of_the_summary_is_believed(run: Path) -> None:
    folder = RunFolder(run)
    assert never_believed(run / "summary.json", lambda: read_summary(folder)) > 1000


def test_no_bit_of_the_data_is_believed(run: Path) -> None:
    path = run / "run.nc"
    data = path.read_bytes()
    check_file(path)
    for turned in flips(data, 800):
        path.write_bytes(turned)
        with pytest.raises(DamagedError):
            check_file(path)
    for cut in (0, 1, 71, 72, 73, 1000):  # without its checksum it is as of an older evosim
        path.write_bytes(data[: len(data) - cut])
        if cut == 0:
            check_file(path)
        elif cut < 72:
            with pytest.raises(DamagedError):
                check_file(path)
        elif cut > 72:
            with pytest.raises(RunError, match=r"run\.nc cannot be read"):
                _ = evosim.open_run(run).data


def test_no_bit_of_a_chunk_is_believed(made: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    evosim.run(
        tmp_path / "tiny.toml", seed=1, out=tmp_path / "run", checkpoint=0, progress=False,
        on_generation=lambda replicate, generation, score: generation == 1,
    )  # fmt: skip
    folder = RunFolder(tmp_path / "run")
    path = folder.chunk_files(0)[0].path

    def read() -> object:
        row = folder.chunk_files(0)
        arrays = folder.read(row[0]).arrays if row else {}
        return {name: array.tobytes() for name, array in arrays.items()} or None

    assert never_believed(path, read, 800) > 800


def test_what_is_damaged_of_the_data_is_named_wherever_they_are_read(run: Path) -> None:
    import h5py

    path, other = run / "run.nc", run.parent / "fork"
    good = evosim.open_run(run).data.load()
    with h5py.File(path) as file:
        chunk = file["alignment"].id.get_chunk_info(0)
    spoilt = bytearray(path.read_bytes())
    spoilt[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(bytes(spoilt))
    said = r"run\.nc cannot be read: its checksum does not fit what it holds \(damaged: alignment\)"
    for read in (
        lambda: evosim.open_run(run).data,
        lambda: evosim.resume(run),
        lambda: evosim.compare([other, run]),
        lambda: evosim.open_run(run).plot("flip"),
        lambda: evosim.export_trees(run, run.parent / "a.trees"),
        lambda: evosim.fork(run, 3, out=run.parent / "again"),
        lambda: evosim.analyse(run, "heredity"),
    ):
        with pytest.raises(RunError, match=said) as refused:
            read()
        assert f'delete it: evosim.resume("{run}") then makes all of it again' in str(refused.value)
    path.unlink()
    assert evosim.open_run(run).resume(progress=False).data.equals(good)


def test_a_damaged_summary_is_made_again_from_the_data(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / "summary.json"
    good, found = path.read_bytes(), evosim.open_run(run).summary
    for again in (lambda: evosim.open_run(run).summary, lambda: evosim.resume(run).summary):
        path.write_bytes(good.replace(b"0.", b"1.", 1))
        assert again() == found
        assert path.read_bytes() == good
        assert "summary.json is damaged (its checksum does not fit what it holds); made again" in (
            capsys.readouterr().err
        )


def test_variables_have_a_checksum_for_readers_who_know_nothing_of_ours(run: Path) -> None:
    import h5py

    with h5py.File(run / "run.nc") as file:
        assert all(file[name].fletcher32 for name in ("genome", "parents", "alignment", "train"))


def test_files_of_an_older_evosim_are_read(run: Path) -> None:
    wanted = evosim.open_run(run).data.load(), evosim.open_run(run).summary
    for name in ("run.json", "summary.json"):
        table = json.loads((run / name).read_text())
        del table["checksum"]
        (run / name).write_text(json.dumps(table))
    path = run / "run.nc"
    path.write_bytes(path.read_bytes()[:-72])
    old = evosim.open_run(run)
    assert old.data.identical(wanted[0])
    assert old.summary == wanted[1]
    assert evosim.resume(run, progress=False).complete


def test_a_table_may_be_laid_out_otherwise(tmp_path: Path) -> None:
    table = {"b": [1, 2.5, None, True], "a": {"é": "\u2028"}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(dict(reversed(sealed(table).items())), indent=7))
    assert read_json(path) == table
    for wrong in ("[]", "3", "{", ""):
        path.write_text(wrong)
        with pytest.raises(ValueError):  # noqa: PT011
            read_json(path)


@pytest.mark.parametrize("text", ["", "a = 1\n", "a = 1", '# a comment\na = "# b"\n'])
def test_a_text_is_read_as_it_was_sealed(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    sealed_one = checksums.sealed_text(text)
    path.write_text(sealed_one)
    if text.endswith("\n") or not text:
        assert read_toml(path) == text
    path.write_text(text)
    assert read_toml(path) == text
    path.write_text(f"{sealed_one}b = 2\n")
    with pytest.raises(DamagedError):
        read_toml(path)


def test_a_large_file_is_summed_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a"
    data = np.arange(400_000, dtype=np.int64).tobytes()
    with open(path, "w+b", buffering=0) as file:
        file.write(data)
        checksums.seal_file(file)
    check_file(path)
    path.write_bytes(data[:-1] + b"x" + path.read_bytes()[len(data) :])
    with pytest.raises(DamagedError):
        check_file(path)
