"""No text says that a number is undefined without saying why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import evosim
from evosim.metrics import METRICS, why_undefined
from evosim.metrics.probed import NO_ALIGNMENT
from evosim.testing import TINY

ALWAYS = {
    "corrected", "extinct", "flagged", "labels", "nothing_payoff", "optimal_payoff", "regained",
    "regrets_measured", "roc_area", "size", "smallest", "takeoff",
}  # fmt: skip
"""Metrics that always have a number."""
YIELDS = "environments.after.kinds.fruit.use.eat.yields.food"
EXPERIMENT = """
[experiment]
replicates = 2

[experiment.arms.effect]
title = "nothing feeds"

[[experiment.findings]]
says    = "they stay aligned"
measure = "alignment"
where   = "after"
above   = 0.5
"""
STUDY = f"""
id         = "fed"
title      = "How much fruit feeds"
scenario   = "poor.toml"
replicates = 2

[parameters.food]
label  = "food"
key    = "{YIELDS}"
values = [0.0, 0.5]

[measures.alignment]
label   = "alignment"
measure = "alignment"
where   = "after"
"""
QUIET: dict[str, Any] = {"figures": False, "workers": 1, "progress": False}


def test_every_metric_says_where_it_has_no_number() -> None:
    ours = [name for name in METRICS if METRICS[name].compute.__module__.startswith("evosim.")]
    assert len(ours) > 30
    assert {name for name in ours if not METRICS[name].undefined} == ALWAYS
    assert why_undefined("nobody knows it") == "its function gave no number"


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario in whose second environment nobody can earn what is intended."""
    path = tmp_path_factory.mktemp("poor") / "poor.toml"
    path.write_text(TINY.replace("yields.food = 0.1", "yields.food = 0.0") + EXPERIMENT)
    return path


@pytest.mark.slow
def test_texts_say_why_a_number_is_undefined(poor: Path) -> None:
    folder = poor.parent
    run = evosim.run(poor, seed=1, replicates=2, out=folder / "run", **QUIET)
    _, _, lines = run.verdict.partition("\nUndefined\n")
    reasons = " ".join(lines.split())
    assert f" alignment in after: {NO_ALIGNMENT} " in reasons
    assert "capability of true drive: no behaviour" in reasons  # which wants what nobody earns
    found = evosim.experiment(poor, seed=1, out=folder / "arms", **QUIET)
    assert f" undefined: {NO_ALIGNMENT} " in " ".join(found.verdict.split())
    fed = evosim.run(
        poor, seed=1, replicates=2, out=folder / "fed", settings={YIELDS: 0.5}, **QUIET
    )
    assert "Undefined" not in fed.verdict
    both = evosim.compare([fed.path, run.path]).text
    _, _, left_out = both.partition("\nNot compared\n")
    assert f"  alignment after the flip, run: undefined: {NO_ALIGNMENT[:40]}" in left_out
    (folder / "fed.toml").write_text(STUDY)
    study = evosim.run_study(folder / "fed.toml", out=folder / "study", **QUIET)
    assert f" undefined: {NO_ALIGNMENT} " in " ".join(study.text.split())
    assert max(len(line) for text in (lines, both) for line in text.splitlines()) <= 100
