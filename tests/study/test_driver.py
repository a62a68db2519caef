"""Studies in this process: what is run, how often, and what becomes of what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sweeps import columns, count_done, failing, files

import evosim
from evosim.api.folders import open_folder
from evosim.engine.files import WriteError
from evosim.engine.lock import hold
from evosim.errors import EvosimError, RunError, ScenarioError
from evosim.execution.progress import Lines, Progress
from evosim.execution.stop import Interrupted
from evosim.study import driver, evaluation
from evosim.study.folder import StudyFolder


class Lives:
    """Counts the lives that are begun, and ends the study after some of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seeds: list[int] = []
        self.end_after: int | None = None
        real = evaluation.simulate

        def counted(scenario: object, seed: int, **options: object) -> object:
            if self.end_after is not None and len(self.seeds) >= self.end_after:
                raise KeyboardInterrupt
            self.seeds.append(seed)
            return real(scenario, seed, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(evaluation, "simulate", counted)


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> Lives:
    return Lives(monkeypatch)


def run(sweep: Path, out: str = "out", **options: object) -> evosim.Study:
    return evosim.run_study(
        sweep, out=sweep.parent / out, workers=1, figures=False, progress=False, **options
    )  # type: ignore[arg-type]


def test_every_run_is_done_once_with_a_seed_of_its_own(sweep: Path, lives: Lives) -> None:
    done = run(sweep)
    assert done.complete
    assert (done.counts.runs, done.counts.done, done.counts.failed) == (8, 8, 0)
    assert len(set(lives.seeds)) == len(lives.seeds) == 8
    assert len(columns(done.path)) == 8


def test_a_run_of_a_study_is_the_run_that_its_command_line_lives(
    sweep: Path, tmp_path: Path
) -> None:
    done = run(sweep)
    record = next(iter(StudyFolder(done.path).found()))
    settings = done._folder.by_key[record.point].settings
    alone = evosim.run(
        done.path / "scenario.toml", seed=record.seed, settings=settings, out=tmp_path / "alone",
        figures=False,
    )  # fmt: skip
    table = json.loads(done._folder.record_path(record.point, record.replicate).read_text())
    assert table["command"].startswith("evosim run ")
    assert f"--seed {record.seed}" in table["command"]
    end = alone.data["alignment"].isel(probe=-1, replicate=0).sel(mind="evolved")
    assert len(columns(done.path)) == 8
    assert end.sizes["sample"] == 2


def test_what_was_run_is_not_run_again(sweep: Path, lives: Lives) -> None:
    whole = run(sweep, "whole")
    lives.seeds.clear()
    lives.end_after = 3
    with pytest.raises(Interrupted, match=r"evosim\.resume"):
        run(sweep)
    out = sweep.parent / "out"
    assert count_done(out) == 3
    before = files(out)
    lives.end_after = None
    done = evosim.open_study(out).resume(workers=1)
    assert len(lives.seeds) == len(set(lives.seeds)) == 8
    assert before.items() <= files(out).items()
    assert done.digest == whole.digest
    evosim.resume(out)
    assert len(lives.seeds) == 8


def test_a_torn_file_is_run_again_and_nothing_else(sweep: Path, lives: Lives) -> None:
    done = run(sweep)
    digest = done.digest
    torn = sorted(files(done.path))[2]
    torn.write_text(torn.read_text()[:50])
    lives.seeds.clear()
    done.resume(workers=1)
    assert len(lives.seeds) == 1
    assert done.digest == digest


def test_a_stop_is_told_with_what_is_kept(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run(sweep)._folder
    for path in files(folder.path):
        path.unlink()
    asked = iter([False, False, False, True])
    with pytest.raises(Interrupted, match=r"1 of 8 runs are done and kept") as stopped:
        driver.complete_runs(folder, stop=lambda: next(asked, True), progress=Progress(), workers=1)
    assert stopped.value.path == folder.path


def test_kept_runs_measure_what_runs_in_memory_do(sweep: Path) -> None:
    done, kept = run(sweep), run(sweep, "kept", keep="runs")
    assert columns(kept.path) == columns(done.path)
    assert kept.digest == done.digest
    point = kept.points[0].key
    path = kept._folder.run_path(point, 1)
    opened = evosim.open_run(path)
    assert opened.complete
    assert opened.seed == kept._folder.seed_of(point, 1)


def test_a_kept_run_goes_on_in_its_middle(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(sweep, "whole", keep="runs", settings=["timeline.1.generations=6"])
    folder = StudyFolder(whole.path)
    key = folder.points[0].key
    import shutil

    shutil.rmtree(folder.run_path(key, 0))
    folder.record_path(key, 0).unlink()
    asked = iter([False, False, True])
    identity = folder.manifest["identity"]
    assert (
        evaluation.complete_run(
            str(folder.path), identity, key, 0, tell=lambda *_: next(asked, True)
        )
        is None
    )
    left = evosim.open_run(folder.run_path(key, 0))._folder.generations_done(0)
    assert 0 < left < 7
    before = whole.digest
    record = evaluation.complete_run(str(folder.path), identity, key, 0)
    assert record is not None
    assert not record.error
    whole.resume(workers=1)
    assert whole.digest == before


def test_a_failing_point_is_reported_and_the_rest_goes_on(sweep: Path) -> None:
    done = run(failing(sweep))
    assert not done.complete
    assert done.counts.failed > 0
    assert done.counts.done + done.counts.failed == done.counts.runs == 16
    assert {done._folder.by_key[f.point].values["food"] for f in done.failures} == {-1.0}
    assert all("negative scores" in failure.error for failure in done.failures)
    status = done.status()
    command = status["failures"][0]["command"]
    assert "yields.food=-1.0" in command
    written = done._folder.failure_path(done.failures[0].point, done.failures[0].replicate)
    assert json.loads(written.read_text())["error"] == done.failures[0].error


def test_failures_are_tried_again_by_resume(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    with monkeypatch.context() as broken:
        broken.setattr(evaluation, "measured", defect)
        done = run(sweep)
    assert done.counts.failed == 8
    assert "Traceback" in done.failures[0].error
    assert "ZeroDivisionError: a defect" in done.failures[0].error
    done.resume(workers=1)
    assert done.complete
    assert done.failures == []
    assert not list(done.path.glob("runs/*/*.failed"))


def test_a_full_disk_stops_the_study_with_what_is_kept(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StudyFolder.write

    def full(self: StudyFolder, record: object) -> None:
        if count_done(self.path) == 3:
            raise WriteError("cannot write: the disk is full")
        real(self, record)  # type: ignore[arg-type]

    monkeypatch.setattr(StudyFolder, "write", full)
    with pytest.raises(RunError, match=r"(?s)disk is full.*3 of 8 runs .* evosim\.resume"):
        run(sweep)
    monkeypatch.undo()
    assert evosim.open_study(sweep.parent / "out").resume(workers=1).complete


def test_two_drivers_cannot_work_on_one_study(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evosim.Study, "_wait", 0.0)
    done = run(sweep)
    with hold(done.path, "study"):
        with pytest.raises(RunError, match="another process is at work on this study"):
            done.resume()
        assert done.status()["at_work"]
    assert not done.status()["at_work"]


def test_a_changed_study_file_is_refused(sweep: Path) -> None:
    done = run(sweep)
    path = done.path / "study.toml"
    path.write_text(path.read_text().replace("replicates = 2", "replicates = 3"))
    with pytest.raises(RunError, match="changed after the study began"):
        evosim.resume(done.path)


def test_a_point_edited_in_the_folder_is_refused(sweep: Path) -> None:
    study = evosim.run_study(sweep, out=sweep.parent / "out", workers=1, figures=False)
    path = study.path / "study.json"
    manifest = json.loads(path.read_text())
    manifest["points"][0]["settings"].append("evolution.levels=3")
    path.write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=r"study\.json is damaged: its checksum does not fit"):
        evosim.resume(study.path)
    del manifest["checksum"]  # as of an older evosim
    path.write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=r"points in study\.json were changed after the study began"):
        evosim.resume(study.path)


def test_a_scenario_named_as_a_study_is_told_apart() -> None:
    with pytest.raises(EvosimError, match="is a scenario: run it with evosim run contraception"):
        evosim.run_study("contraception")


def test_settings_for_all_points_come_before_those_of_a_point(sweep: Path) -> None:
    done = run(sweep, settings=["agent.patience=0.11", "agent.depth=1"])
    scenario = done._folder.scenario_at(done.points[0].key)
    assert scenario.agent.patience.low == done.points[0].values["patience"]
    assert (scenario.agent.depth.low, scenario.agent.depth.high) == (1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replicates": 0}, "replicates=0"),
        ({"seed": -1}, "seed=-1"),
        ({"settings": ["agent.patients=1"]}, "agent.patients"),
        ({"scheduler": "foo"}, 'scheduler="foo": not the address of a Dask scheduler'),
        ({"scheduler": "http://x:1"}, "unknown address scheme"),
        ({"scheduler": "tcp://x:1"}, 'workers=1 and scheduler="tcp://x:1"'),
    ],
)
def test_mistakes_are_refused_before_anything_is_made(
    sweep: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises((EvosimError, ScenarioError), match=message):
        run(sweep, **options)
    assert not (sweep.parent / "out").exists()


def test_a_study_is_not_begun_where_there_is_one(sweep: Path) -> None:
    run(sweep)
    with pytest.raises(RunError, match="holds a study already"):
        run(sweep)


@pytest.mark.parametrize(
    "damage",
    [
        {"seed": "one"},
        {"replicates": None},
        {"points": []},
        {"points": 5},
        {"points": [{"key": "0123456789abcdef", "settings": []}]},
        {"points": [{"key": "0123456789abcdef", "values": {"a": 1}, "settings": []}]},
    ],
)
def test_a_damaged_study_json_is_told_in_words(sweep: Path, damage: dict[str, object]) -> None:
    done = run(sweep)
    manifest = done.path / "study.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | damage))
    with pytest.raises(RunError, match=r"study\.json is damaged"):
        evosim.open_study(done.path)


def test_a_folder_of_a_study_is_told_from_its_file(sweep: Path) -> None:
    done = run(sweep)
    with pytest.raises(ScenarioError, match=f"continue it with: evosim study resume {done.path}"):
        run(done.path)


def test_folders_are_told_apart(sweep: Path) -> None:
    done = run(sweep)
    assert isinstance(open_folder(done.path), evosim.Study)
    with pytest.raises(RunError, match="not a study"):
        evosim.open_study(sweep.parent)


def test_progress_counts_runs_and_failures(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    done = run(failing(sweep))
    folder, failed = done._folder, done.counts.failed
    for path in files(folder.path):
        path.unlink()
    driver.complete_runs(
        folder, stop=lambda: False, progress=Lines(sys.stderr, seconds=0.0), workers=1
    )
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Tiny sweep: 8 points, 2 replicates"
    assert "1 of 16 runs" in said[1]
    assert "left" in said[1]
    assert f"16 of 16 runs, {failed} failed; 100 % done" in said[-1]
