"""From a study's file to its numbers and figures, in Python and at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import evosim
from evosim.cli import cli

STUDY = """
id = "short"
title = "A short study"
scenario = "planners_emerge"
set = ["measure.sample=4", "measure.levels=2", "measure.every=40", "evolution.population=20"]
replicates = 2

[parameters.cost]
label = "cost of a step of foresight"
unit = "chicks"
key = "agent.thinking_cost"
values = [0.02, 2.0]

[measures.alignment]
label = "alignment"
measure = "alignment"
above = 0.1
"""


def command(*words: object) -> Result:
    return CliRunner().invoke(cli, ["study", *map(str, words)])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of four runs, with its summary and figures; to be read only."""
    folder = tmp_path_factory.mktemp("short")
    (folder / "short.toml").write_text(STUDY)
    done = evosim.run_study(folder / "short.toml", out=folder / "out", workers=1, progress=False)
    assert done.complete
    return done.path


def test_a_study_ends_with_its_summary_and_its_figures(finished: Path) -> None:
    study = evosim.open_study(finished)
    names = [path.name for path in study.files]
    assert names == [
        "summary.json", "curve.png", "curve.svg", "raincloud.png", "raincloud.svg"
    ]  # fmt: skip
    numbers = study.summary["points"][0]["measures"]["alignment"]["numbers"]
    assert numbers == list(study.data["alignment"].values[0])
    assert list(study.table["alignment"])[:2] == numbers


def test_what_is_lacking_in_the_end_is_made_by_resume(finished: Path) -> None:
    wanted = finished / "figures" / "curve.svg"
    kept = finished / "figures" / "raincloud.svg"
    content, stamp = wanted.read_bytes(), kept.stat().st_mtime_ns
    wanted.unlink()
    evosim.open_study(finished).resume(workers=1, progress=False)
    assert wanted.read_bytes() == content
    assert kept.stat().st_mtime_ns == stamp, "what was there was drawn again"


def test_commands_tell_draw_and_export(finished: Path, tmp_path: Path) -> None:
    told = command("summary", finished)
    assert told.output.startswith("A short study")
    assert json.loads(command("summary", finished, "--json").output)["study"] == "short"
    drawn = command("plot", finished, "curve", "--out", tmp_path, "--format", "svg")
    assert drawn.output.split() == [str(tmp_path / "curve.svg")]
    written = command("export", finished, tmp_path / "runs.csv")
    assert written.output.split() == [str(tmp_path / "runs.csv")]
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 5


def test_mistakes_are_told_in_a_line(finished: Path, tmp_path: Path) -> None:
    for words, text in (
        (("export", finished, tmp_path / "runs.xls"), "unknown format '.xls'"),
        (("plot", finished, "phase"), "a phase diagram takes two parameters"),
        (("plot", finished, "curve", "--format", "gif"), "unknown figure format 'gif'"),
        (("summary", tmp_path), "not a study folder"),
    ):
        done = command(*words)
        assert done.exit_code == 2
        assert text in done.output
        assert "Traceback" not in done.output
