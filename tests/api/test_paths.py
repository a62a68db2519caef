"""Paths: a home folder is meant once, and what was opened stays where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import evosim
from evosim.cli import cli
from evosim.errors import EvosimError, RunError, from_here
from evosim.process import expanded, place
from evosim.testing import TINY, tiny

STUDY = """
id = "s"
title = "s"
question = "?"
scenario = "tiny.toml"
design = "grid"
replicates = 1
seed = 1
[parameters.patience]
label = "patience"
key = "agent.patience"
values = [0.8, 0.9]
[measures.alignment]
label = "alignment"
measure = "alignment"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, beside the working folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (folder / "tiny.toml").write_text(TINY)
    Path("tiny.toml").write_text(TINY)
    Path("s.toml").write_text(STUDY)
    return folder


def run(out: str | Path, seed: int = 1) -> evosim.Run:
    return evosim.run(tiny(), seed=seed, out=out, figures=False, workers=1)


def test_a_run_and_its_data_are_in_one_home_folder(home: Path) -> None:
    assert run("~/r", seed=2).path == home / "r"
    assert not Path("~").exists()
    here = run("./~/r", seed=1)
    assert here.path == Path.cwd() / "~" / "r"
    for opened, seed in ((evosim.open_run("~/r"), 2), (evosim.open_run("./~/r"), 1)):
        assert opened.seed == seed
        assert opened.data.attrs["seed"] == str(seed)
    assert evosim.resume("~/r", workers=1).path == home / "r"


def test_whatever_is_written_goes_into_the_home_folder(home: Path) -> None:
    done = run("~/r")
    calls: list[Callable[[], object]] = [
        lambda: done.plot("genes", folder="~/figures", formats=["svg"]),
        lambda: done.replay(out="~/a.gif"),
        lambda: evosim.fork("~/r", 4, out="~/fork", figures=False, workers=1),
        lambda: evosim.analyse("~/r", "distances", out="~/found").plot(folder="~/drawn"),
        lambda: evosim.export_tensors("~/r", "~/a.npz"),
        lambda: evosim.export_tensors("~/tiny.toml", "~/b.npz"),
        lambda: evosim.export_courses("~/r", "~/a.csv"),
        lambda: evosim.compare(["~/r", "~/fork"]).plot("~/a.svg"),
        lambda: evosim.check("~/tiny.toml"),
        lambda: evosim.load("~/tiny.toml"),
    ]
    before = set(os.listdir())
    for call in calls:
        call()
    assert set(os.listdir()) == before
    assert {"figures", "a.gif", "fork", "found", "drawn", "a.npz", "b.npz", "a.csv", "a.svg"} < set(
        os.listdir(home)
    )


def test_at_the_command_line_as_well(home: Path) -> None:
    words = ["run", "~/tiny.toml", "--seed", "1", "--out=~/r", "--no-figures", "--workers", "1"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert (home / "r" / "run.nc").is_file()
    done = CliRunner().invoke(cli, ["new", "~/mine.toml"])
    assert done.exit_code == 0, done.output
    assert (home / "mine.toml").is_file()
    done = CliRunner().invoke(cli, ["study", "check", "~/none.toml"])
    assert str(home / "none.toml") in done.output or "~/none.toml" in done.output
    done = CliRunner().invoke(cli, ["resume", ""])
    assert done.exit_code == 2
    assert "not a path" in done.output
    assert not Path("~").exists()


def test_what_was_opened_stays_where_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("r")
    study = evosim.run_study("s.toml", out="s", figures=False, workers=1)
    table, digest = study.table, study.digest
    opened = evosim.open_run("r"), evosim.open_study("s")
    monkeypatch.chdir("/")
    for one, many in ((done, study), opened):
        assert one.complete
        assert one.summary
        assert one.data["score"].shape
        assert one.resume(workers=1).complete
        assert many.counts.done == 2
        assert many.complete
        assert many.digest == digest
        assert many.table.equals(table)
        assert many.resume(workers=1).complete


def test_paths_are_told_as_they_are_named_from_here(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("r")
    assert repr(done).startswith("<Run 'r': tiny")
    with pytest.raises(RunError, match=r'^r holds a run already.* evosim\.resume\("r"\)'):
        run("r")
    with pytest.raises(RunError, match=r"^gone: there is no such run folder"):
        evosim.open_run("gone")
    monkeypatch.chdir("/")
    assert repr(done).startswith(f"<Run '{home.parent / 'work' / 'r'}': tiny")


def test_only_whole_paths_are_shortened(home: Path) -> None:
    here = os.getcwd()
    assert from_here(f"{here}/a and '{here}/b'") == "a and 'b'"
    for same in (here, f"{here}/", f"/x{here}/a", f"{here}er/a", "no path"):
        assert from_here(same) == same


@pytest.mark.parametrize("given", [3, b"runs", "", None, ["a"], True])
def test_what_is_no_path_is_refused(given: object) -> None:
    for call in (expanded, place, evosim.open_run, evosim.open_study, evosim.resume):
        with pytest.raises(EvosimError, match="not a path"):
            call(given)  # type: ignore[operator]


def test_of_nobody_there_is_no_home_folder() -> None:
    with pytest.raises(EvosimError, match=r"^~nobody-of-that-name/a: there is no such home folder"):
        evosim.open_run("~nobody-of-that-name/a")


def test_a_working_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    (tmp_path / "a").rmdir()
    with pytest.raises(EvosimError, match="the working folder cannot be used"):
        place("r")
    assert from_here("a") == "a"
