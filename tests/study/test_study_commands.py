"""``evosim study ...``, as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sweeps import count_done, failing, files

from evosim.cli import cli
from evosim.study import reading

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs ``evosim ...`` in this process, in the folder of the study file."""
    monkeypatch.chdir(sweep.parent)

    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="evosim")

    return call


RUN = ("study", "run", "sweep.toml", "--workers", 1, "--no-figures")


def test_run_status_and_resume_agree(invoke: Invoke) -> None:
    done = invoke(*RUN, "--out", "out", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["runs"], told["done"], told["failed"], told["left"]) == (8, 8, 0, 0)
    assert json.loads(invoke("study", "status", "out", "--json").stdout) == told
    words = invoke("study", "status", "out").stdout
    assert "8 of 8 runs done, 0 failed, 0 left" in words
    assert told["digest"] in words
    assert json.loads(invoke("study", "resume", "out", "--json").stdout)["digest"] == told["digest"]
    assert invoke("resume", "out", "--quiet").exit_code == 0
    assert "out/figures" in invoke("plot", "out", "--format", "svg").stdout


def test_failures_are_told_with_their_command_lines_and_exit_with_1(
    invoke: Invoke, sweep: Path
) -> None:
    failing(sweep)
    done = invoke(*RUN, "--out", "out", "--quiet")
    assert done.exit_code == 1
    told = json.loads(invoke("study", "status", "out", "--json").stdout)
    assert told["failed"] == done.stderr.count("failed at ") > 0
    assert done.stderr.count("  evosim run out/scenario.toml --set ") == told["failed"]
    assert "food = -1" in done.stderr
    alone = told["failures"][0]["command"]
    again = CliRunner().invoke(cli, __import__("shlex").split(alone)[1:], prog_name="evosim")
    assert again.exit_code == 2
    assert "negative scores" in again.stderr


def test_status_of_a_study_that_was_stopped_tells_how_to_go_on(invoke: Invoke) -> None:
    invoke(*RUN, "--out", "out", "--quiet")
    for path in sorted(files(Path("out")))[:3]:
        path.unlink()
    assert invoke("study", "reindex", "out").stdout == "out: 5 runs done, 0 failed, of 8\n"
    words = invoke("study", "status", "out").stdout
    assert "stopped" in words
    assert "Continue with: evosim study resume out" in words


def test_a_study_goes_to_a_folder_of_its_name_and_seed(invoke: Invoke) -> None:
    assert invoke(*RUN, "--quiet", "--seed", 7, "--replicates", 1).exit_code == 0
    assert count_done(Path("runs/study-tiny_sweep-7")) == 4
    assert invoke(*RUN, "--quiet", "--seed", 7, "--replicates", 1).exit_code == 0
    assert count_done(Path("runs/study-tiny_sweep-7-2")) == 4


def test_a_new_study_is_sound(invoke: Invoke) -> None:
    assert invoke("study", "new", "mine.toml").exit_code == 0
    assert invoke("study", "check", "mine.toml").stdout == "mine.toml: ok\n"
    again = invoke("study", "new", "mine.toml")
    assert again.exit_code == 2
    assert "exists" in again.stderr


def test_check_tells_every_mistake_and_exits_with_1(invoke: Invoke, sweep: Path) -> None:
    text = sweep.read_text()
    sweep.write_text(text.replace('"agent.patience"', '"agent.patients"').replace("steps = 2", ""))
    done = invoke("study", "check", "sweep.toml", *reading.catalogue())
    assert done.exit_code == 1
    assert "sweep.toml:" in done.stderr
    for name in reading.catalogue():
        assert f"{name}: ok" in done.stdout


def test_list_shows_the_shipped_studies(invoke: Invoke) -> None:
    told = invoke("study", "list").stdout
    for name in reading.catalogue():
        assert name in told


def test_schema_is_the_shipped_one(invoke: Invoke) -> None:
    shipped = (reading.FOLDER / "study.schema.json").read_text(encoding="utf-8")
    assert invoke("study", "schema").stdout == shipped


@pytest.mark.parametrize("words", [["analyse"], ["fork", "--at", 1], ["replay"]])
def test_what_wants_a_run_names_those_of_a_study(invoke: Invoke, words: list[object]) -> None:
    invoke(*RUN, "--out", "out", "--quiet", "--replicates", 1)
    told = invoke(words[0], "out", *words[1:])
    assert told.exit_code == 2
    assert "out is a study" in told.stderr
    assert "--keep runs" in told.stderr


def test_check_notes_what_is_odd_at_all_points(invoke: Invoke, sweep: Path) -> None:
    path = sweep.parent / "tiny.toml"
    before = invoke("study", "check", "sweep.toml")
    assert before.exit_code == 0, before.output
    assert "note:" not in before.stdout
    path.write_text(path.read_text().replace("depth         = [0, 3]", "depth         = 2"))
    shown = invoke("study", "check", "sweep.toml")
    assert shown.exit_code == 0, shown.output
    assert "agent.thinking_cost: note: all pay the same: agent.depth is pinned" in shown.stdout
