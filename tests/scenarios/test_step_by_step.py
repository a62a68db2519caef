"""A world that changes gradually loses less than one that changes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import evosim

FILE = Path(__file__).with_name("step_by_step.toml")


@pytest.mark.slow
def test_drives_follow_a_pill_that_comes_step_by_step(tmp_path: Path) -> None:
    done = evosim.experiment(FILE, seed=1, out=tmp_path / "out", workers=1, figures=False)
    assert [finding["verdict"] for finding in done.summary["findings"]] == 2 * ["supported"]
    gradual, at_once = (done.arms[name].summary["flips"] for name in ("step_by_step", "at_once"))
    assert [(flip["generation"], flip["arrival"]) for flip in gradual] == [(40, 79)]
    assert [(flip["generation"], flip["arrival"]) for flip in at_once] == [(40, 40)]
    assert gradual[0]["collapse"] < at_once[0]["collapse"]
    path = evosim.export_courses(done, tmp_path / "courses.csv", measures=["alignment"])
    head, first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert head == "arm,replicate,generation,environment,variable,value"
    assert first.startswith("step_by_step,0,0,before,alignment,")
