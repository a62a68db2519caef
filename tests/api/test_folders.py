"""Runs, experiments and studies stand for their folders."""

from __future__ import annotations

from pathlib import Path

import evosim

SMALL = {
    "evolution.population": 8,
    "evolution.levels": 1,
    "measure.sample": 2,
    "measure.levels": 1,
    "timeline.0.generations": 2,
    "timeline.1.generations": 1,
    "verdict.resamples": 100,
}


def test_a_run_can_be_given_where_its_folder_is_asked_for(tmp_path: Path) -> None:
    run = evosim.run(
        "contraception", seed=1, settings=SMALL, out=tmp_path / "run", workers=1, figures=False
    )
    assert Path(run) == run.path
    assert evosim.resume(run).path == run.path
    child = evosim.fork(run, 2, out=tmp_path / "fork", figures=False)
    assert child.manifest["parent"]["path"] == str(run.path)
    assert "evosim.fork(" in child.manifest["command"]
