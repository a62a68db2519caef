"""An experiment from its file to its verdict: killed, resumed, drawn again."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from processes import call

import evosim
from evosim.cli import cli
from evosim.errors import EvosimError, RunError

Command = Callable[..., subprocess.CompletedProcess[str]]

RUN = [
    "run", "tiny.toml", "--arms", "--tuned", "--seed", "1", "--out", "out", "--workers", "1",
    "--checkpoint", "0", "--no-figures",
]  # fmt: skip

KILLED_AT = """
import os, signal, sys
import evosim.api.experiments
moment, seen = int(sys.argv.pop(1)), 0

def counted(function):
    def call(*args, **kwargs):
        global seen
        seen += os.path.exists("out/experiment.json")
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

for name in ("replace", "fsync", "unlink", "mkdir", "rmdir"):
    setattr(os, name, counted(getattr(os, name)))
from evosim.cli import main
try:
    main()
finally:
    print("moments", seen)
"""
"""Runs evosim, and kills it at its n-th call that changes the file system, once there is a run."""


def summary(path: Path) -> dict[str, Any]:
    """The verdict without what is recorded of the command."""
    found = json.loads((path / "verdict.json").read_text())
    del found["command"], found["checksum"]
    return found


def test_the_arms_are_ordinary_runs_with_the_same_seed(whole: Path) -> None:
    done = evosim.open_experiment(whole)
    assert list(done.arms) == ["effect", "control", "two", "three"]
    for run in done.arms.values():
        assert run.complete
        assert run.seed == 1
        assert run.manifest["replicates"] == 3
        assert run.manifest["figures"] is False
    with done.arms["effect"].data as effect, done.arms["control"].data as control:
        same = effect["genome"].isel(generation=slice(0, 4))
        assert same.equals(control["genome"].isel(generation=slice(0, 4)))
        assert list(control["probe"].values) == [0, 2, 3, 4, 5]


def test_the_verdict_has_every_finding_with_its_arms(whole: Path) -> None:
    done = evosim.open_experiment(whole)
    found = done.summary
    payoff, sweet, aligned = found["findings"]
    assert found["verdict"] in ("supported", "refuted", "undecided")
    assert [t["arm"] for t in payoff["terms"]] == ["effect", "control"]
    effect, control = (t["columns"][0] for t in payoff["terms"])
    assert payoff["value"] == pytest.approx(sum(effect) / 3 - sum(control) / 3)
    assert [t["weight"] for t in sweet["terms"]] == [0.5, 0.5, -1.0]
    assert [t["mind"] for t in aligned["terms"]] == ["evolved", "uniform"]
    assert aligned["terms"][1]["value"] == pytest.approx(0.0)
    with done.arms["effect"].data as data:
        at_end = data["expected_payoff"].sel(probe=5, environment="after", mind="evolved")
        each = at_end.sel(payoff="food").mean("sample").values
    assert effect == pytest.approx(list(each))


def test_beside_what_is_normalised_stand_the_amounts_themselves(whole: Path) -> None:
    done = evosim.open_experiment(whole)
    payoff, _, aligned = done.summary["findings"]
    assert payoff["amounts"] == []
    paid, regret = aligned["amounts"]
    assert (paid["measure"], paid["of"], regret["measure"]) == ("payoff", "food", "regret")
    with done.arms["effect"].data as data:
        at_flip = data["expected_payoff"].sel(probe=3, environment="after", payoff="food")
        gained = at_flip.sel(mind="evolved") - at_flip.sel(mind="uniform")
    assert paid["value"] == pytest.approx(float(gained.mean()))
    # The optimum is the same for both minds.
    assert regret["value"] == pytest.approx(-paid["value"])
    assert f"    expected food a lifetime: {paid['value']:.3g} [" in done.verdict


def test_an_experiment_has_its_numbers_as_table_dataset_and_file(
    whole: Path, tmp_path: Path
) -> None:
    done = evosim.open_experiment(whole)
    table = done.table
    assert list(table.columns) == [
        "point", "arm", "tuned", "replicate", "seed", "payoff_food", "gene_drive_sweet",
        "alignment_flip", "alignment_flip_uniform",
    ]  # fmt: skip
    assert len(table) == 4 * 3 + 2 * 3 * 2
    assert set(table["seed"]) == {1}
    for finding, name in zip(
        done.summary["findings"][:2], ["payoff_food", "gene_drive_sweet"], strict=True
    ):
        for term in finding["terms"]:
            assert list(table[name][table["point"] == term["arm"]]) == term["columns"][0]
    moved = table[table["tuned"] == 1.0]
    assert set(moved["point"]) == {"tuned-2-effect", "tuned-2-control"}
    data = done.data
    assert dict(data.sizes) == {"point": 4 + 2 * 3, "replicate": 3}
    assert int(data["lived"].sum()) == len(table)
    assert float(data["payoff_food"].sel(point="effect").mean()) == pytest.approx(
        done.summary["findings"][0]["terms"][0]["value"]
    )
    assert data["payoff_food"].attrs["units"] == "payoff per lifetime"
    path = done.export(tmp_path / "arms.csv")
    assert len(path.read_text().splitlines()) == len(table) + 1
    done.export(tmp_path / "arms.nc")
    told = CliRunner().invoke(cli, ["study", "export", str(whole), str(tmp_path / "told.csv")])
    assert told.exit_code == 0, told.output
    assert (tmp_path / "told.csv").read_bytes() == path.read_bytes()
    refused = CliRunner().invoke(cli, ["study", "export", str(whole / "arms" / "two"), "a.csv"])
    assert refused.exit_code == 2
    assert "two is a run, whose numbers are in" in refused.stderr


def test_arms_along_the_axis_make_a_curve(whole: Path) -> None:
    first, *_ = evosim.open_experiment(whole).summary["findings"]
    assert [(point["x"], point["arm"]) for point in first["curve"]] == [
        (1.0, "effect"), (2.0, "two"), (3.0, "three"),
    ]  # fmt: skip
    assert first["curve"][0]["value"] == pytest.approx(first["terms"][0]["value"])


def test_the_course_ends_where_the_finding_looks(whole: Path) -> None:
    found = evosim.open_experiment(whole).summary
    (course,) = found["courses"]
    assert (course["measure"], course["of"], course["world"]) == ("payoff", "food", None)
    assert course["where"]["effect"] == "after"
    assert course["where"]["control"] == "before"
    for term in found["findings"][0]["terms"]:
        arm = course["arms"][term["arm"]]
        assert arm["generations"] == [0, 2, 3, 4, 5]
        assert [row[-1] for row in arm["values"]] == pytest.approx(term["columns"][0], rel=1e-3)


def test_what_was_tuned_has_the_finding_at_every_value(whole: Path) -> None:
    found = evosim.open_experiment(whole).summary
    tuned = found["tuned"]
    assert [point["value"] for point in tuned["values"]] == [0.0, 0.1, 1.0]
    assert tuned["written"] == 0.1
    assert tuned["replicates"] == 2
    as_written = tuned["values"][1]
    each = [
        a - b
        for a, b in zip(*(t["columns"][0][:2] for t in found["findings"][0]["terms"]), strict=True)
    ]
    assert as_written["measured"] == pytest.approx(sum(each) / 2)
    assert tuned["values"][0]["measured"] < as_written["measured"] < tuned["values"][2]["measured"]


def test_the_figures_are_there_and_drawn_again(whole: Path, tmp_path: Path) -> None:
    done = evosim.open_experiment(whole)
    names = {"findings", "course", "tuned", "maps", "world"}
    assert {p.name for p in done.figures} == {f"{n}.{s}" for n in names for s in ("svg", "png")}
    again = done.plot("findings", folder=tmp_path, formats=["svg"])
    assert [p.read_bytes() for p in again] == [(whole / "figures" / "findings.svg").read_bytes()]
    assert {len(done.figure(name).axes) > 0 for name in names} == {True}
    shown = CliRunner().invoke(cli, ["plot", str(whole), "maps", "--out", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.split() == [str(tmp_path / f"maps.{s}") for s in ("svg", "png")]
    with pytest.raises(EvosimError, match="unknown figure of an experiment 'map'"):
        done.plot("map", folder=tmp_path)


def test_the_text_is_the_verdict_for_people(whole: Path) -> None:
    text = evosim.open_experiment(whole).verdict
    assert "It does." in text
    assert "payoff falls at the flip" in text
    assert "3 replicates of each arm" in text


def test_resume_of_a_complete_experiment_leaves_it_as_it_is(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*")}
    folders = [copy, *(p for p in copy.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        done = evosim.resume(copy, progress=False)
        assert isinstance(done, evosim.Experiment)
        assert done.summary == evosim.open_experiment(whole).summary
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)
    assert {p: p.stat().st_mtime_ns for p in copy.rglob("*")} == before


def test_resume_draws_the_figures_that_are_missing(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    (copy / "figures" / "maps.svg").unlink()
    kept = (copy / "figures" / "findings.svg").stat().st_mtime_ns
    evosim.resume(copy, progress=False)
    assert (copy / "figures" / "maps.svg").read_bytes() == (
        whole / "figures" / "maps.svg"
    ).read_bytes()
    assert (copy / "figures" / "findings.svg").stat().st_mtime_ns == kept


def test_no_figures_are_drawn_where_none_are_wanted(tiny: Path, tmp_path: Path) -> None:
    done = evosim.experiment(
        tiny, seed=2, replicates=1, out=tmp_path / "one", figures=False, workers=1, progress=False
    )
    assert done.figures == []
    evosim.resume(done.path, progress=False)
    assert done.figures == []


def test_one_replicate_has_numbers_and_no_intervals(tiny: Path, tmp_path: Path) -> None:
    done = evosim.experiment(
        tiny, seed=2, replicates=1, tuned=True, out=tmp_path / "one", workers=1, progress=False
    )
    assert done.summary["replicates"] == 1
    for finding in done.summary["findings"]:
        assert finding["interval"] is None
        assert finding["verdict"] in ("supported", "refuted")
    assert "payoff falls" in done.verdict
    assert len(done.figures) == 10


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory, whole: Path) -> int:
    """How many calls of an experiment change the file system."""
    folder = tmp_path_factory.mktemp("counted")
    shutil.copy(whole.parent / "tiny.toml", folder)
    done = call(folder, -1, *RUN, code=KILLED_AT)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.01, 0.5, 1.0])
def test_a_killed_experiment_resumes_to_the_same_verdict(
    command: Command, whole: Path, moments: int, tmp_path: Path, part: float
) -> None:
    killed = command(max(1, round(part * (moments - 2))), *RUN, code=KILLED_AT)
    assert killed.returncode == -9
    assert not (tmp_path / "out" / "verdict.json").exists()
    resumed = command("resume", "out", "--workers", 1)
    assert resumed.returncode == 0, resumed.stderr
    assert summary(tmp_path / "out") == summary(whole)


@pytest.mark.slow
def test_workers_make_no_difference(command: Command, whole: Path, tmp_path: Path) -> None:
    words = [w if w != "1" or RUN[n - 1] != "--workers" else "2" for n, w in enumerate(RUN)]
    done = command(*words)
    assert done.returncode == 0, done.stderr
    assert summary(tmp_path / "out") == summary(whole)


def test_what_is_not_complete_says_how_to_go_on(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(whole, copy)
    (copy / "verdict.json").unlink()
    with pytest.raises(
        RunError, match=r"the experiment is not complete; continue with: evosim\.resume"
    ):
        _ = evosim.open_experiment(copy).summary
    evosim.resume(copy, progress=False)
    assert summary(copy) == summary(whole)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 1}', "seed is missing; replicates is missing; tuned is missing"),
        ('{"format": 9, "seed": 1, "replicates": 1, "tuned": false}', "this evosim reads 1"),
    ],
)
def test_a_damaged_folder_is_told(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "experiment.json").write_text(content)
    with pytest.raises(RunError) as refused:
        evosim.open_experiment(tmp_path)
    assert message in str(refused.value)


def test_tuned_is_about_arms(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli, ["run", "tiny.toml", "--tuned"])
    assert shown.exit_code == 2
    assert "--tuned is about the arms of an experiment: add --arms" in shown.stderr
    assert os.listdir(tmp_path) == ["tiny.toml"]


def test_a_folder_that_is_taken_is_refused(tiny: Path, whole: Path) -> None:
    with pytest.raises(RunError, match="holds an experiment already"):
        evosim.experiment(tiny, seed=1, out=whole, progress=False)


def test_check_names_the_line_of_an_arm_that_cannot_be(
    tmp_path: Path, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = written.replace("timeline.1.train=before", "timeline.1.train=befor")
    (tmp_path / "wrong.toml").write_text(text)
    line = next(n for n, x in enumerate(text.splitlines(), 1) if 'befor"' in x)
    shown = CliRunner().invoke(cli, ["check", "wrong.toml"])
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f"wrong.toml:{line}: experiment.arms.control.set: ")


def test_an_experiment_whose_scenario_was_changed_is_not_settled(
    whole: Path, tmp_path: Path
) -> None:
    shutil.copytree(whole, tmp_path / "out")
    (tmp_path / "out" / "verdict.json").unlink()
    path = tmp_path / "out" / "scenario.toml"
    path.write_text(path.read_text().replace("lifetime = 20", "lifetime = 25"))
    with pytest.raises(EvosimError, match="was changed after the experiment began, or is damaged"):
        evosim.resume(tmp_path / "out")
    path.write_text(path.read_text().rpartition("# checksum")[0])  # as of an older evosim
    with pytest.raises(EvosimError, match="was changed after the experiment began: arm 'effect'"):
        evosim.resume(tmp_path / "out")


def test_a_damaged_verdict_is_made_again(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(whole, tmp_path / "out")
    path = tmp_path / "out" / "verdict.json"
    good = path.read_text()
    for bad in ("", "[]", good.replace("0", "1", 1)):
        path.write_text(bad)
        evosim.resume(tmp_path / "out", progress=False)
        assert path.read_text() == good
        assert "verdict.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["replay"], ["fork", "--at", 2]])
def test_what_is_done_with_a_run_names_the_arms_of_an_experiment(
    words: list[object], command: Command, whole: Path
) -> None:
    done = command(words[0], whole, *words[1:])
    assert done.returncode == 2
    assert f"is an experiment: name the run of one arm: {whole}/arms/effect" in done.stderr
