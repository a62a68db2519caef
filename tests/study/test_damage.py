"""What a disk has changed is never believed: no bit of any file of an experiment or a study."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flips import flips, never_believed
from processes import call

import evosim
from evosim.errors import RunError
from evosim.study import index, summary, verdict
from evosim.study.experiment import ExperimentFolder
from evosim.study.folder import StudyFolder


@pytest.fixture
def experiment(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "experiment"))


@pytest.fixture
def study(sweep: Path) -> Path:
    return evosim.run_study(sweep, out=sweep.parent / "study", workers=1, figures=False).path


def test_no_bit_of_an_experiment_is_believed(experiment: Path) -> None:
    assert never_believed(
        experiment / "experiment.json", lambda: ExperimentFolder(experiment).manifest, 100
    )
    assert never_believed(
        experiment / "scenario.toml", lambda: ExperimentFolder(experiment).base, 100
    )
    folder = ExperimentFolder(experiment)
    assert never_believed(experiment / "verdict.json", lambda: verdict.read(folder), 30)


def test_damaged_data_of_an_arm_are_named(experiment: Path) -> None:
    path = experiment / "arms" / "tuned-0-effect" / "run.nc"
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)
    opened = evosim.open_experiment(experiment)
    for read in (
        lambda: evosim.resume(experiment),
        lambda: opened.table,
        lambda: opened.export(experiment / "a.csv"),
    ):
        with pytest.raises(RunError, match=r"tuned-0-effect/run\.nc cannot be read: its checksum"):
            read()


def test_no_bit_of_what_a_study_is_is_believed(study: Path) -> None:
    def read() -> Any:
        folder = StudyFolder(study)
        return folder.manifest, folder.study, folder.base

    for name in ("study.json", "study.toml", "scenario.toml"):
        assert never_believed(study / name, read, 50)


def test_no_bit_of_a_record_is_believed(study: Path) -> None:
    folder = StudyFolder(study)
    key, replicate = next(folder.runs())
    path = folder.record_path(key, replicate)
    assert never_believed(path, lambda: folder.read(key, replicate), 400) > 1000


def test_no_bit_of_the_summary_of_a_study_is_believed(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = StudyFolder(study)
    wanted, path = evosim.open_study(study).summary, folder.summary_path
    assert never_believed(path, lambda: summary.read(folder), 200) > 1000
    assert "summary.json is damaged" in capsys.readouterr().err
    path.write_bytes(next(flips(path.read_bytes(), 1)))
    assert evosim.open_study(study).summary == wanted


def test_no_bit_of_the_index_is_believed(study: Path) -> None:
    folder = StudyFolder(study)

    def read() -> Any:
        found = index._open(folder)
        if found is None:
            return None
        try:
            return found.digest(), found.counts, list(found.records()), list(found.left())
        finally:
            found.close()

    assert never_believed(study / index.NAME, read, 1500)


def test_a_damaged_record_counts_as_missing_and_is_told(study: Path) -> None:
    done = evosim.open_study(study)
    digest, folder = done.digest, StudyFolder(study)
    path = folder.record_path(*next(folder.runs()))
    good = path.read_bytes()
    table = json.loads(good)
    table["measures"]["sweet"][0] += 0.5
    path.write_text(json.dumps(table))
    status = done.status()
    assert status["damaged"] == [str(path)]
    assert (status["done"], status["left"]) == (7, 1)
    shown = call(study.parent, "study", "status", study)
    where = path.relative_to(study.parent)
    assert f"damaged, so it counts as not done: {where}" in shown.stdout
    assert "Continue with: evosim study resume" in shown.stdout
    exported = call(study.parent, "study", "export", study, "a.csv")
    assert f"{where} is damaged: its run is left out" in exported.stderr
    assert len((study.parent / "a.csv").read_text().splitlines()) == 1 + 7
    again = done.resume(workers=1, progress=False)
    assert again.digest == digest
    assert not again.status()["damaged"]
    measured = json.loads(path.read_bytes()), json.loads(good)
    assert measured[0]["measures"] == measured[1]["measures"]


def test_files_of_an_older_evosim_are_read(study: Path, experiment: Path) -> None:
    digest, wanted = evosim.open_study(study).digest, evosim.open_experiment(experiment).summary
    paths = [*study.rglob("*.json"), *experiment.rglob("*.json")]
    assert len(paths) > 10
    for path in paths:
        table = json.loads(path.read_text())
        assert table.pop("checksum", None), path
        path.write_text(json.dumps(table))
    path = experiment / "scenario.toml"
    path.write_text(path.read_text().rpartition("# checksum")[0])
    assert evosim.resume(study, workers=1, progress=False).digest == digest
    assert evosim.open_experiment(experiment).summary == wanted
    assert evosim.resume(experiment, progress=False).summary == wanted
