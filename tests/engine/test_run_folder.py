"""The run folder: segments are whole or missing, and nothing in it is ever unpickled."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evosim import scenario as scenarios
from evosim.engine import loop
from evosim.engine.loop import generations
from evosim.engine.run_folder import Chunk, RunFolder, chunk_of
from evosim.engine.variables import BY_PROBE, BY_REPLICATE
from evosim.errors import RunError

FACTS = {
    "seed": 3, "probe_seed": 3, "replicates": 2, "versions": {}, "figures": False,
    "seeds": [{"from": 0, "seed": 3}],
}  # fmt: skip


class Prober:
    """Numbers that name the generation they were measured at."""

    def measure(self, genomes: Any, generation: int) -> dict[str, Any]:
        plain = [*BY_PROBE, *BY_REPLICATE]
        return {name: np.full((2, 3), generation) for name in plain}


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> RunFolder:
    path = tmp_path / "run"
    with RunFolder.create(path, scenarios.load(tiny), FACTS):
        pass
    return RunFolder(path)


def chunks(folder: RunFolder, replicate: int = 0) -> list[Chunk]:
    """The six generations of the tiny scenario in segments of two."""
    seed = loop.replicate_seed(folder.seed, replicate)
    read = folder.scenario
    records = list(
        generations(read, loop.initial_population(read, seed), seed=seed, prober=Prober())
    )
    return [chunk_of(records[i : i + 2]) for i in (0, 2, 4)]


@pytest.fixture
def written(folder: RunFolder) -> list[Path]:
    return [folder.write(0, chunk).path for chunk in chunks(folder)]


def test_a_chunk_reads_back_as_it_was_written(folder: RunFolder) -> None:
    (first, second, third) = chunks(folder)
    chunk_files = [folder.write(0, chunk) for chunk in (first, second, third)]
    assert [s.path.name for s in chunk_files] == [
        "000000-000001.npz", "000002-000003.npz", "000004-000005.npz",
    ]  # fmt: skip
    assert folder.chunk_files(0) == chunk_files
    assert folder.generations_done(0) == 6
    assert folder.generations_done(1) == 0
    back = folder.read(chunk_files[1])
    assert back.first == 2
    assert back.probed == second.probed == (2, 3)
    for name, values in {**second.arrays, **second.probes}.items():
        np.testing.assert_array_equal({**back.arrays, **back.probes}[name], values)
    assert back.next_population is not None
    np.testing.assert_array_equal(back.next_population.genome, third.arrays["genome"][0])
    assert folder.read(chunk_files[2]).next_population is None


def test_a_torn_segment_is_ignored_with_everything_after_it(
    folder: RunFolder, written: list[Path]
) -> None:
    data = written[1].read_bytes()
    for length in [0, 1, 100, len(data) // 2, len(data) - 1]:
        written[1].write_bytes(data[:length])
        assert folder.generations_done(0) == 2
    assert len(folder.tidy(0)) == 1
    assert os.listdir(folder.replicate_path(0)) == ["000000-000001.npz"]


def test_an_altered_byte_is_noticed_or_harmless(folder: RunFolder, written: list[Path]) -> None:
    data = bytearray(written[0].read_bytes())
    sound = folder.read(folder.chunk_files(0)[0])
    rng = np.random.default_rng(0)
    noticed = 0
    for at in rng.integers(0, len(data), 200):
        data[at] ^= 0xFF
        written[0].write_bytes(data)
        row = folder.chunk_files(0)
        if row:
            for name, values in folder.read(row[0]).arrays.items():
                np.testing.assert_array_equal(values, sound.arrays[name])
        noticed += not row
        data[at] ^= 0xFF
    assert noticed > 150


def test_a_missing_segment_ends_the_row(folder: RunFolder, written: list[Path]) -> None:
    written[1].unlink()
    assert folder.generations_done(0) == 2
    written[0].unlink()
    assert folder.generations_done(0) == 0


def test_a_segment_of_another_replicate_or_run_is_no_part_of_this_one(
    folder: RunFolder, written: list[Path]
) -> None:
    os.replace(written[0], folder.replicate_path(1) / written[0].name)
    assert folder.generations_done(1) == 0


def test_a_segment_is_never_unpickled(folder: RunFolder, written: list[Path]) -> None:
    trap = folder.path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (trap,))

    objects = np.empty(1, object)
    objects[0] = Trap()
    with zipfile.ZipFile(written[0], "a") as archive, archive.open("evil.npy", "w") as member:
        np.lib.format.write_array(member, objects, allow_pickle=True)
    assert folder.generations_done(0) == 0
    written[0].write_bytes(pickle.dumps(Trap()))
    assert folder.generations_done(0) == 0
    assert not trap.exists()


def test_unfinished_files_of_a_killed_process_are_removed(
    folder: RunFolder, written: list[Path]
) -> None:
    stray = written[0].with_name(".000006-000009.npz.77.tmp")
    stray.write_bytes(b"half")
    assert len(folder.tidy(0)) == 3
    assert not stray.exists()


def test_a_scenario_changed_after_the_run_began_is_refused(folder: RunFolder) -> None:
    path = folder.path / "scenario.toml"
    path.write_text(path.read_text().replace("population = 20", "population = 21"))
    with pytest.raises(RunError, match="scenario was changed after the run began"):
        _ = RunFolder(folder.path).scenario


def test_two_processes_cannot_be_at_work_on_one_run(folder: RunFolder) -> None:
    with folder.lock(), pytest.raises(RunError, match="another process"), folder.lock():
        pass
    with folder.lock():
        pass


def test_a_folder_that_holds_something_is_never_taken(tiny: Path, tmp_path: Path) -> None:
    read = scenarios.load(tiny)
    path = tmp_path / "taken"
    path.mkdir()
    (path / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"is not empty; choose another place with out=\.\.\."):
        RunFolder.create(path, read, FACTS).__enter__()
    assert os.listdir(path) == ["thesis.tex"]
    (path / "run.json").touch()
    with pytest.raises(RunError, match=r"evosim\.resume"):
        RunFolder.create(path, read, FACTS).__enter__()
    with pytest.raises(RunError, match="a file is in the way"):
        RunFolder.create(path / "thesis.tex", read, FACTS).__enter__()
    assert (path / "thesis.tex").read_text() == "precious"


def test_an_empty_folder_may_be_used(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with RunFolder.create(tmp_path / "empty", scenarios.load(tiny), FACTS):
        pass
    assert RunFolder(tmp_path / "empty").seed == 3


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_computed(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    with (
        pytest.raises(RunError, match=r"cannot make the folder .*read-only.*out="),
        RunFolder.create(tmp_path / "new", scenarios.load(tiny), FACTS),
    ):
        pass


def test_a_folder_appears_complete_or_not_at_all(tiny: Path, tmp_path: Path) -> None:
    def fill() -> None:
        with RunFolder.create(tmp_path / "runs" / "one", scenarios.load(tiny), FACTS) as making:
            assert not (tmp_path / "runs" / "one").exists()
            assert making.scenario.id == "tiny"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill()
    assert os.listdir(tmp_path / "runs") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no run.json"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"seed": 1}', "is damaged"),
        (json.dumps({**FACTS, "scenario_sha256": "", "format": 99}), "format 99"),
    ],
)
def test_a_folder_that_is_no_run_is_told_apart(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=message):
        RunFolder(tmp_path)
    with pytest.raises(RunError, match="no such run folder"):
        RunFolder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("seed", None, "seed is missing"),
        ("seeds", None, "seeds is missing"),
        ("versions", None, "versions is missing"),
        ("format", None, "format is missing"),
        ("seed", "1", 'seed is "1", not a number'),
        ("seed", True, "seed is true, not a number"),
        ("probe_seed", -1, "probe_seed is -1"),
        ("replicates", 0, "replicates is 0, not a number from 1"),
        ("scenario_sha256", 3, "scenario_sha256 is 3, not a text"),
        ("versions", ["numpy"], "versions is .*not a table"),
        ("seeds", [{"from": 0}], "seeds is .*not a list of"),
        ("seeds", [], "seeds is .*not a list of"),
        ("parent", "there", "parent is .*not null or"),
        ("parent", {"path": "there"}, "parent is .*not null or"),
        ("resumed", 3, "resumed is 3, not a list"),
        ("figures", "yes", 'figures is "yes", not true, false or a list of names'),
    ],
)
def test_a_damaged_run_json_is_told_with_the_key(
    folder: RunFolder, key: str, value: Any, message: str
) -> None:
    path = folder.path / "run.json"
    manifest = json.loads(path.read_text())
    manifest[key] = value
    if value is None:
        del manifest[key]
    path.write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=rf"run\.json is damaged: {message}"):
        RunFolder(folder.path)


@pytest.mark.parametrize("name", [".", "./", "", "..", "new/..", "/"])
def test_a_folder_without_a_name_of_its_own_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match=r"out=.*name one that does not exist yet"):
        RunFolder.create(Path(name), scenarios.load(tiny), FACTS).__enter__()
    assert os.listdir(tmp_path) == ["tiny.toml"]


def test_a_run_that_is_let_go_of_soon_is_waited_for_with_a_word(folder: RunFolder) -> None:
    import threading

    told: list[str] = []
    holding = folder.lock()
    holding.__enter__()
    threading.Timer(1.5, holding.__exit__, (None, None, None)).start()
    with folder.lock(wait=30, announce=told.append):
        pass
    assert len(told) == 1
    assert "waiting up to 30 s" in told[0]
